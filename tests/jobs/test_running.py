"""Worker and clock as real processes: killed, stopped, and with Redis and PostgreSQL taken away from them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from config import child, valkey
from connector.db import tables
from connector.flow import receive
from connector.flow.wake import Wake
from connector.platform import Shop
from jobs import clock, queue
from jobs.environment import Environment, connect_redis
from tests.serving import wait_until
from tests.webhooks.conftest import link
from tests.webhooks.toy import TOY

_ROOT = Path(__file__).parents[2]

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(environment: Environment, tmp_path: Path) -> Iterator[Start]:
    """Start a process; all are killed at the end."""
    key = environment.settings.seal_keys.get_secret_value()
    database_url = environment.engine.url.render_as_string(hide_password=False)
    with ExitStack() as stack:

        def run(what: str, redis_url: str = environment.redis_url) -> subprocess.Popen[bytes]:
            log = stack.enter_context(open(tmp_path / f"{what}.log", "ab"))
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.jobs.running", what, database_url, redis_url, key],
                cwd=_ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "SLOW_STARTED": str(tmp_path / "slow started")},
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield run


@pytest.fixture
def shop(environment: Environment) -> Shop:
    """A linked shop that sells an item we have."""
    return link(environment, TOY, domain="first", secret="s")


def _deliver(environment: Environment, shop: Shop, number: int) -> Wake:
    body = json.dumps({"id": number}).encode()
    delivery = TOY.parse({}, body)
    wake = receive.receive(environment.engine, environment.seal, shop, delivery, body, datetime.now(UTC))
    assert wake is not None
    return wake


def _orders(environment: Environment) -> int:
    with environment.engine.connect() as conn:
        return int(conn.execute(select(func.count()).select_from(tables.orders)).scalar_one())


def _arrive(environment: Environment, count: int) -> Callable[[], bool]:
    def arrived() -> bool:
        try:
            return _orders(environment) >= count
        except SQLAlchemyError:
            return False

    return arrived


def test_a_wake_leads_to_an_order_and_sigterm_ends_the_worker(environment: Environment, shop: Shop, start: Start) -> None:
    process = start("worker")
    queue.ring(environment.redis, [_deliver(environment, shop, 1)])
    wait_until(_arrive(environment, 1))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=8) == 0


def test_a_worker_in_a_long_job_ends_in_time_and_the_order_is_taken_in_later(
    environment: Environment, start: Start, tmp_path: Path
) -> None:
    slow = link(environment, TOY, domain="slow", secret="s")
    process = start("worker")
    queue.ring(environment.redis, [_deliver(environment, slow, 1)])
    wait_until((tmp_path / "slow started").exists)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=9) == 0
    assert time.monotonic() - began < 9
    with environment.engine.connect() as conn:
        row = conn.execute(select(tables.inbox.c.state, tables.inbox.c.tries)).one()
    assert tuple(row) == ("waiting", 0), "an abandoned job is not the fault of its row"


def test_a_killed_worker_blocks_no_later_wake(environment: Environment, start: Start, tmp_path: Path) -> None:
    slow = link(environment, TOY, domain="slow", secret="s")
    first = start("worker")
    queue.ring(environment.redis, [_deliver(environment, slow, 1)])
    wait_until((tmp_path / "slow started").exists)
    first.kill()
    first.wait()
    assert queue.ring(environment.redis, [Wake("ingest", slow.id)]) == 1


def test_a_shop_that_hangs_keeps_one_worker_only(environment: Environment, shop: Shop, start: Start, tmp_path: Path) -> None:
    slow = link(environment, TOY, domain="slow", secret="s")
    start("worker")
    queue.ring(environment.redis, [_deliver(environment, slow, 1)])
    wait_until((tmp_path / "slow started").exists)
    start("worker")
    start("clock")  # rings for the next delivery of the slow shop again and again
    _deliver(environment, slow, 2)
    wait_until(lambda: queue.queue(environment.redis, "ingest").started_job_registry.count >= 1)
    time.sleep(2)
    _deliver(environment, shop, 3)
    wait_until(_arrive(environment, 1), seconds=20)


def test_the_clock_finds_what_a_flushed_redis_forgot(environment: Environment, shop: Shop, start: Start) -> None:
    queue.ring(environment.redis, [_deliver(environment, shop, 1)])
    environment.redis.flushdb()
    _deliver(environment, shop, 2)  # and one that nobody rang for
    start("worker")
    start("clock")
    wait_until(_arrive(environment, 2))


def test_worker_and_clock_outlive_postgres_connections(environment: Environment, shop: Shop, start: Start) -> None:
    start("worker")
    clock_process = start("clock")
    _deliver(environment, shop, 1)
    wait_until(_arrive(environment, 1))
    url = environment.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'connector tests process'"
        )
    _deliver(environment, shop, 2)
    wait_until(_arrive(environment, 2))
    assert clock_process.poll() is None


@contextmanager
def _valkey(directory: Path, sockets: Path) -> Iterator[Any]:
    program = valkey.program(directory, sockets)
    with open(directory.parent / "valkey.log", "ab") as log:
        process = child.start(program, log)
        try:
            wait_until(lambda: valkey.ready(sockets))
            yield process
        finally:
            child.stop(process, program)


def test_worker_and_clock_outlive_redis(environment: Environment, shop: Shop, start: Start, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        sockets = Path(short)
        with _valkey(tmp_path / "valkey", sockets) as server:
            worker_process, clock_process = start("worker", valkey.url(sockets)), start("clock", valkey.url(sockets))
            _deliver(environment, shop, 1)
            wait_until(_arrive(environment, 1))
            server.kill()
        _deliver(environment, shop, 2)
        time.sleep(1.5)
        assert (worker_process.poll(), clock_process.poll()) == (None, None)
        with _valkey(tmp_path / "valkey", sockets):
            wait_until(_arrive(environment, 2))
            worker_process.send_signal(signal.SIGTERM)
            assert worker_process.wait(timeout=8) == 0


# ---------------------------------------------------------------------------------------------------------------------


def test_one_clock_leads_and_another_takes_over(environment: Environment) -> None:
    first, second = clock.Leadership(environment.engine), clock.Leadership(environment.engine)
    assert [first.held(), second.held(), first.held()] == [True, False, True]
    first.give_up()
    wait_until(second.held)
    assert first.held() is False
    second.give_up()


def test_a_tick_rings_for_every_shop_with_something_due(environment: Environment, shop: Shop) -> None:
    other = link(environment, TOY, domain="other", secret="s")
    for number, sender in ((1, shop), (2, other)):
        _deliver(environment, sender, number)
    leadership = clock.Leadership(environment.engine)
    assert clock.tick(environment, leadership) >= 2
    assert queue.queue(environment.redis, "ingest").count == 2
    follower = clock.Leadership(environment.engine)
    assert clock.tick(environment, follower) == 0
    leadership.give_up()


def test_a_clock_goes_on_after_any_fault(environment: Environment) -> None:
    stopping, ticks = Event(), []
    faults: list[Exception] = [redis.ConnectionError("away"), SQLAlchemyError("away"), ZeroDivisionError("a fault of ours")]

    def tick(*_: object) -> int:
        ticks.append(1)
        if faults:
            raise faults.pop(0)
        stopping.set()
        return 0

    fast = environment.settings.model_copy(update={"clock_seconds": 0.0})
    clock.run(replace(environment, settings=fast), stopping, tick)
    assert len(ticks) == 4
    assert connect_redis(environment.redis_url).ping()
