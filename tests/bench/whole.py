"""B2, B5: from the first webhook sent to the last stock movement, ours and the design everyone uses, in turns.

Each peer is compared with ours at the same number of worker processes, on the same server, the same PostgreSQL and Redis.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

import psycopg
import redis
from psycopg import sql
from sqlalchemy import text

from tests.bench import environment, orders, programs, sending
from tests.bench.measuring import Figure, Sample, figure, in_turns, order_count, ratios, spread
from tests.bench.receiving import PROCESSES, THREADS, web
from tests.bench.stage import UNITS, Stage, World

_PEER_TEMPLATE = "bench_peer"
FILLING = 10_000_000  # the first id of an order that was copied to fill a base
_MOST_SECONDS = 900.0
_LOOK_SECONDS = 0.02
_REPEATED = 50  # every fiftieth delivery comes twice

# Of the orders the fast forms get, these get one in so many: a rate stays the same, the hours do not.
_SHARES = {"rq as installed": 100, "rq forked": 25, "rq simple": 4, "rq simple x 2": 4, "celery": 2, "dramatiq": 2}
_WORKERS = {"rq as installed": 1, "rq forked": 1, "rq simple": 1, "rq simple x 2": 2, "celery": 2, "dramatiq": 2}
_BEST = ("rq simple", "rq simple x 2", "celery", "dramatiq")


def measure(stage: Stage) -> list[Figure]:
    """B2 against the best peer, and against each of them."""
    count = order_count()
    _make_peer_template(stage)
    forms: dict[str, Sample] = {f"ours x {workers}": partial(ours, stage, count, workers) for workers in (1, 2)}
    forms |= {name: partial(_peer, stage, name, max(20, count // share)) for name, share in _SHARES.items()}
    found = in_turns(forms)
    against = {name: ratios(found[f"ours x {_WORKERS[name]}"], found[name]) for name in _SHARES}
    best = min(_BEST, key=lambda name: sorted(against[name])[len(against[name]) // 2])
    rates = "; ".join(f"{name} {spread(rates)}" for name, rates in found.items())
    return [
        figure("B2", 8, against[best], f"against {best}, the best peer form. Orders: {rates}"),
        figure("B2_forked", 50, against["rq forked"], "against RQ's forked worker with modules imported beforehand"),
        figure("B2_installed", 300, against["rq as installed"], "against `rq worker` as installed"),
        *(figure(f"B2_{name.replace(' ', '_')}", 8, against[name], f"against {name}") for name in _BEST),
    ]


def measure_hot(stage: Stage) -> list[Figure]:
    """B5: every order holds the same item."""
    count = order_count()
    found = in_turns({"spread": partial(ours, stage, count, 2), "hot": partial(ours, stage, count, 2, hot=True)})
    note = f"orders: one hot item in each {spread(found['hot'])}, spread over {orders.ITEMS} items {spread(found['spread'])}"
    return [figure("B5", 0.7, ratios(found["hot"], found["spread"]), note)]


def ours(
    stage: Stage,
    count: int,
    workers: int,
    *,
    hot: bool = False,
    first: int = 1,
    world: AbstractContextManager[World] | None = None,
) -> float:
    """Orders per second through web, workers and clock, as `connector up` runs them; on a fresh world where none is given."""
    warm = _warm(count)
    warming, sent = _requests(warm, hot=hot, first=first), _requests(count, hot=hot, first=first + warm)
    with world or stage.world() as at, web(at) as port, working(at, workers):
        with psycopg.connect(at.url, autocommit=True) as connection:
            before = _taken_in(connection)
            sending.send(port, warming).expect()
            _wait(lambda: _taken_in(connection) - before, warm)
            began = time.monotonic()
            sending.send(port, sent).expect()
            _wait(lambda: _taken_in(connection) - before, warm + count)
            seconds = time.monotonic() - began
        if not before:
            _check_ours(at, range(first, first + count + warm), hot=hot)
        return count / seconds


def _warm(count: int) -> int:
    """So many orders go ahead, unmeasured: no form pays for its first imports and connections."""
    return min(64, max(2, count // 10))


def _taken_in(connection: psycopg.Connection) -> int:
    """How many orders have their movements: both come with the same commit. Those that only fill a base have larger ids."""
    return int(connection.execute("SELECT count(*) FROM orders WHERE id < %s", (FILLING,)).fetchone()[0])


def _check_ours(world: World, numbers: range, *, hot: bool) -> None:
    units = sum(line["quantity"] for number in numbers for line in orders.document(number, hot=hot)["line_items"])
    with world.engine.connect() as conn:
        committed = conn.execute(text("SELECT sum(committed_delta), count(DISTINCT order_id) FROM movements")).one()
        levels = conn.execute(text("SELECT sum(committed) FROM levels")).scalar_one()
    assert (committed[0], levels) == (units, units), "the ledger does not hold what was ordered"


@contextmanager
def working(world: World, workers: int) -> Iterator[list[programs.psutil.Process]]:
    """Our workers and the clock, ready."""
    commands = [programs.python("-m", "jobs.worker")] * workers + [programs.python("-m", "jobs.clock")]
    log = world.stage.directory / "jobs.log"
    with programs.running(commands, world.environment(), log) as started:
        _wait_for_rq(world.stage, workers)
        yield started


def _wait_for_rq(stage: Stage, workers: int) -> None:
    with redis.Redis.from_url(stage.services.redis_url) as client:
        _wait(lambda: client.scard("rq:workers"), workers)


def _wait(found: Callable[[], int], wanted: int) -> None:
    end = time.monotonic() + _MOST_SECONDS
    while (now := found()) < wanted:
        assert time.monotonic() < end, f"only {now} of {wanted} after {_MOST_SECONDS:.0f} s"
        time.sleep(_LOOK_SECONDS)


def _requests(count: int, *, hot: bool = False, first: int = 1, path: str = "/webhooks/woocommerce/{key}") -> list[bytes]:
    """Every order once, and every fiftieth once more."""
    once = sending.requests(orders.deliveries(count, hot=hot, first=first), path=path)
    return [request for place, one in enumerate(once, 1) for request in ([one, one] if place % _REPEATED == 0 else [one])]


# --- the peers -------------------------------------------------------------------------------------------------------


def _make_peer_template(stage: Stage) -> None:
    """A database with the peers' tables and the same stock."""
    stage.drop(_PEER_TEMPLATE)
    with psycopg.connect(stage.services.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_PEER_TEMPLATE)))
    url = stage.url(_PEER_TEMPLATE)
    made = "import store; store.Base.metadata.create_all(store.engine)"
    log = stage.directory / "peers.log"
    with programs.running([[str(environment.made() / "python"), "-c", made]], _settings(stage, url), log) as (maker,):
        maker.wait(60)
    with psycopg.connect(url, autocommit=True) as connection:
        rows = [(orders.sku(number), 3 * UNITS) for number in range(1, orders.ITEMS + 1)]
        connection.cursor().executemany("INSERT INTO stock (sku, units) VALUES (%s, %s)", rows)


def _peer(stage: Stage, name: str, count: int) -> float:
    """Orders per second of a peer."""
    warm = _warm(count)
    warming, sent = (_requests(size, first=first, path="/webhooks/{key}") for size, first in ((warm, 1), (count, 1 + warm)))
    with ExitStack() as stack:
        world = stack.enter_context(stage.world(_PEER_TEMPLATE))
        port = programs.free_port()
        settings = _settings(stage, world.url) | {"PORT": str(port), "PEER": "rq" if name.startswith("rq") else name}
        log = stage.directory / f"{name.replace(' ', '-')}.log"
        log.write_text("")
        python = str(environment.made() / "python")
        stack.enter_context(programs.running([[python, str(environment.SOURCES / "web.py")]], settings, log))
        stack.enter_context(programs.running(_WORKER_COMMANDS[name](), settings, log))
        programs.wait_for_web(port, "/", log)
        if name.startswith("rq"):
            _wait_for_rq(stage, _WORKERS[name])
        else:
            programs.wait_for_log(log, "ready", 1 if name == "celery" else 2)
        with psycopg.connect(world.url, autocommit=True) as connection:
            sending.send(port, warming).expect()
            _wait(partial(_done, connection), warm)
            began = time.monotonic()
            sending.send(port, sent).expect()
            _wait(partial(_done, connection), warm + count)
            seconds = time.monotonic() - began
            _check_peer(connection, warm + count)
        return count / seconds


def _done(connection: psycopg.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM events WHERE state = 'done'").fetchone()[0])


def _check_peer(connection: psycopg.Connection, count: int) -> None:
    units = sum(line["quantity"] for number in range(1, count + 1) for line in orders.document(number)["line_items"])
    moved, left = connection.execute("SELECT (SELECT sum(units) FROM movements), (SELECT sum(units) FROM stock)").fetchone()
    assert (-moved, orders.ITEMS * 3 * UNITS - left) == (units, units), "the peer's ledger does not hold what was ordered"


def _settings(stage: Stage, url: str) -> dict[str, str]:
    return {
        "PATH": f"{environment.made()}:/usr/bin:/bin",
        "PYTHONPATH": str(environment.SOURCES),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(stage.directory),
        "PEER_DATABASE_URL": url.replace("postgresql://", "postgresql+psycopg://"),
        "PEER_REDIS_URL": stage.services.redis_url,
        "PEER_SECRET": orders.SECRET,
        "WEB_PROCESSES": PROCESSES,
        "WEB_THREADS": THREADS,
        "C_FORCE_ROOT": "1",
    }


def _program(name: str, *arguments: str) -> list[str]:
    return [str(environment.made() / name), *arguments]


def _preloaded(kind: str, times: int = 1) -> list[list[str]]:
    return [_program("python", str(environment.SOURCES / "rq_preloaded.py"), kind)] * times


_WORKER_COMMANDS: dict[str, Callable[[], Sequence[Sequence[str]]]] = {
    "rq as installed": lambda: [
        ["/bin/sh", "-c", f'exec {environment.made() / "rq"} worker --quiet --url "$PEER_REDIS_URL" orders'],
    ],
    "rq forked": lambda: _preloaded("fork"),
    "rq simple": lambda: _preloaded("simple"),
    "rq simple x 2": lambda: _preloaded("simple", 2),
    "celery": lambda: [_program("celery", "-A", "celery_tasks", "worker", "--concurrency", "2", "--loglevel", "INFO")],
    "dramatiq": lambda: [_program("dramatiq", "dramatiq_tasks", "--processes", "2", "--threads", "4")],
}
