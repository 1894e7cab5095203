"""B1: what receiving a delivery costs beside what it must cost, and how long a shop waits for its 200."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url, text

from tests.bench import orders, programs, sending, smallest
from tests.bench.measuring import Figure, figure, in_turns, median, number, order_count, ratios, spread
from tests.bench.sending import Answers
from tests.bench.stage import Stage, World

PROCESSES, THREADS = "2", "16"
_STEADY_PER_SECOND = 200


def measure(stage: Stage) -> list[Figure]:
    """Deliveries per second of ours over those of the smallest, and our waits at a steady 200 deliveries per second."""
    requests = sending.requests(orders.deliveries(order_count()))
    steady = requests[: _STEADY_PER_SECOND * number("BENCH_STEADY_SECONDS", 10)]
    waits: list[Answers] = []

    def ours() -> float:
        with stage.world() as world, web(world) as port:
            rate = sending.send(port, requests).expect().rate
            assert _count(world, "inbox") == len(requests)
        with stage.world() as world, web(world) as port:
            waits.append(sending.send(port, steady, per_second=_STEADY_PER_SECOND).expect())
        return rate

    def least() -> float:
        with stage.world() as world, _smallest(world) as port:
            rate = sending.send(port, requests).expect().rate
            assert _count(world, "received") == len(requests)
            return rate

    found = in_turns({"ours": ours, "smallest": least})
    p50, p99 = (median([answers.percentile(share) for answers in waits]) for share in (0.5, 0.99))
    worst = [answers.percentile(0.99) for answers in waits]
    note = f"ours {spread(found['ours'])}, the smallest app {spread(found['smallest'])}; 32 connections"
    steadily = f"ms at the 99th percentile, at {_STEADY_PER_SECOND} deliveries/s; p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    return [
        figure("B1", 0.8, ratios(found["ours"], found["smallest"]), note),
        figure("B1_p99_ms", 100, worst, steadily, most=True),
    ]


@contextmanager
def web(world: World) -> Iterator[int]:
    """Our web server; yields its port."""
    port = programs.free_port()
    environment = {**world.environment(), "PORT": str(port), "WEB_PROCESSES": PROCESSES, "WEB_THREADS": THREADS}
    log = world.stage.directory / "web.log"
    with programs.running([programs.python("-m", "config.web")], environment, log) as (server,):
        programs.wait_for_web(port, "/healthz", log)
        programs.wait_for_all(port, server, int(PROCESSES))
        yield port


@contextmanager
def _smallest(world: World) -> Iterator[int]:
    port = programs.free_port()
    plain = make_url(world.url).render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(smallest.TABLE.encode())
    environment = {**world.environment(), "PORT": str(port), "WEB_PROCESSES": PROCESSES, "WEB_THREADS": THREADS}
    log = world.stage.directory / "smallest.log"
    with programs.running([programs.python("-m", "tests.bench.smallest")], environment, log) as (server,):
        programs.wait_for_web(port, "/", log)
        programs.wait_for_all(port, server, int(PROCESSES))
        yield port


def _count(world: World, table: str) -> int:
    with world.engine.connect() as conn:
        return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 -- names of ours
