"""The bell: many wakes ring once, nobody waits for Redis, and nothing found in Redis is ever run but a task."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue
from rq.serializers import JSONSerializer

from connector.flow.wake import Wake
from jobs import queue, worker
from jobs.environment import connect_redis
from tests.serving import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def connection(redis_url: str) -> redis.Redis:
    """A client of the empty Redis."""
    return connect_redis(redis_url)


def _jobs(connection: redis.Redis, task: str) -> int:
    return int(queue.queue(connection, task).count)


def test_wakes_are_coalesced_until_the_flag_is_lowered(connection: redis.Redis) -> None:
    wake = Wake("ingest", 7)
    assert [queue.ring(connection, [wake, wake]) for _ in range(3)] == [1, 0, 0]
    queue.lower(connection, wake)
    assert queue.ring(connection, [wake, Wake("ingest", 8), Wake("deliver", 7)]) == 3
    assert (_jobs(connection, "ingest"), _jobs(connection, "deliver")) == (3, 1)


def test_a_thousand_wakes_from_many_threads_ring_once(connection: redis.Redis) -> None:
    waker = queue.Waker(connection)

    def call() -> None:
        for _ in range(100):
            waker.wake(Wake("ingest", 7))

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: _jobs(connection, "ingest") > 0)
    waker.close()
    assert _jobs(connection, "ingest") == 1


def test_a_flushed_redis_rings_again(connection: redis.Redis) -> None:
    queue.ring(connection, [Wake("ingest", 7)])
    connection.flushdb()
    assert queue.ring(connection, [Wake("ingest", 7)]) == 1


def test_flags_and_jobs_end_by_themselves(connection: redis.Redis) -> None:
    queue.ring(connection, [Wake("ingest", 7)])
    keys = [key for key in connection.scan_iter() if b"wake" in key or b"rq:job:" in key]
    assert len(keys) == 2
    assert all(0 < connection.ttl(key) <= queue.FLAG_SECONDS for key in keys)


def _grown_old(connection: redis.Redis, wake: Wake) -> None:
    connection.expire(queue._flag(wake), queue.FLAG_SECONDS - queue.LOST_SECONDS)


def test_a_job_lost_with_its_worker_silences_nobody(connection: redis.Redis) -> None:
    wake = Wake("ingest", 7)
    queue.ring(connection, [wake])
    connection.lpop(queue.queue(connection, "ingest").key)  # a worker takes it, and is killed before it lowers the flag
    assert queue.ring_again(connection, [wake]) == 0  # it may only just have been taken
    _grown_old(connection, wake)
    assert queue.ring_again(connection, [wake]) == 1
    assert _jobs(connection, "ingest") == 1


def test_a_job_that_waits_behind_others_is_not_lost(connection: redis.Redis) -> None:
    wakes = [Wake("ingest", number) for number in range(3)]
    queue.ring(connection, wakes)
    for wake in wakes:
        _grown_old(connection, wake)
    assert queue.ring_again(connection, wakes) == 0
    assert _jobs(connection, "ingest") == 3


def test_a_flag_kept_up_by_a_drain_that_lives_is_let_alone(connection: redis.Redis) -> None:
    queue.keep_up(connection, Wake("ingest", 7))
    assert queue.ring_again(connection, [Wake("ingest", 7), Wake("deliver", 7)]) == 0


def test_without_redis_a_wake_neither_waits_nor_fails_and_is_kept(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_REST_SECONDS", 0.05)
    connection = connect_redis(redis_url)
    away = threading.Event()
    away.set()
    real = queue.ring

    def ring(client: redis.Redis, wakes: set[Wake]) -> int:
        if away.is_set():
            raise redis.ConnectionError("away")
        return real(client, wakes)

    monkeypatch.setattr(queue, "ring", ring)
    waker = queue.Waker(connection)
    began = time.monotonic()
    for number in range(1000):
        waker.wake(Wake("ingest", number % 3))
    assert time.monotonic() - began < 1
    away.clear()
    wait_until(lambda: _jobs(connection, "ingest") == 3)
    waker.close()


def test_a_failed_enqueue_lowers_the_flag_again(connection: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise redis.ConnectionError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(Queue, "enqueue_call", fail)
        with pytest.raises(redis.ConnectionError):
            queue.ring(connection, [Wake("ingest", 7)])
    assert queue.ring(connection, [Wake("ingest", 7)]) == 1


# ---------------------------------------------------------------------------------------------------------------------


def _burst(redis_url: str, table: dict[str, Callable[[int], None]]) -> worker.Worker:
    client = redis.Redis.from_url(redis_url)
    made = worker.Worker(client, queue.TASKS, queue.bound(table), threading.Event())
    logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
    made.work(burst=True, logging_level="CRITICAL")
    return made


def test_the_worker_runs_tasks_most_urgent_first(connection: redis.Redis, redis_url: str) -> None:
    done: list[tuple[str, int]] = []
    queue.ring(connection, [Wake("poll", 1), Wake("deliver", 2), Wake("ingest", 3)])
    _burst(redis_url, {name: lambda shop, name=name: done.append((name, shop)) for name in queue.TASKS})  # type: ignore[misc]
    assert done == [("ingest", 3), ("deliver", 2), ("poll", 1)]


def test_a_flood_of_the_urgent_keeps_none_of_the_others_waiting(connection: redis.Redis, redis_url: str) -> None:
    """Deliveries and tellings come as fast as they are done, for many shops; the poll and the publication get their turns."""
    done: list[str] = []
    flooding = {"ingest", "deliver", "publish"}

    def work(name: str, shop: int) -> None:
        done.append(name)
        if name in flooding and len(done) < 60:
            queue.lower(connection, Wake(name, shop))
            queue.ring(connection, [Wake(name, shop)])

    queue.ring(connection, [Wake("poll", 1), Wake("backfill", 1), *(Wake(name, 1) for name in flooding)])
    _burst(redis_url, {name: lambda shop, name=name: work(name, shop) for name in queue.TASKS})  # type: ignore[misc]
    for name in ("poll", "backfill"):
        assert done.index(name) < 20
    for name in flooding:
        turns = [place for place, one in enumerate(done) if one == name]
        assert max(later - earlier for earlier, later in itertools.pairwise([0, *turns])) < 20, name


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("os.remove", ["{victim}"], {}),
        ("pathlib.Path.touch", ["{victim}"], {}),
        ("unknown", [7], {}),
        ("ingest", ["7"], {}),
        ("ingest", [7, 8], {}),
        ("ingest", [True], {}),
        ("ingest", [7], {"kwargs": {"limit": 1}}),
    ],
)
def test_what_is_no_task_is_refused(
    connection: redis.Redis, redis_url: str, tmp_path: Path, name: str, arguments: list[object], options: dict[str, Any]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("here")
    given = [str(victim) if entry == "{victim}" else entry for entry in arguments]
    Queue("ingest", connection=connection, serializer=JSONSerializer).enqueue_call(func=name, args=given, **options)
    ran: list[int] = []
    made = _burst(redis_url, {"ingest": ran.append})
    assert (ran, victim.read_text(), made.failed_job_count or made.connection.hget(made.key, "failed_job_count")) == (
        [],
        "here",
        b"1",
    )


def test_callbacks_named_in_redis_are_never_called(connection: redis.Redis, redis_url: str) -> None:
    Queue("ingest", connection=connection, serializer=JSONSerializer).enqueue_call(
        func="ingest", args=[7], on_success=Callback("tests.jobs.test_queue.explode"), result_ttl=0
    )
    ran: list[int] = []
    _burst(redis_url, {"ingest": ran.append})
    assert ran == [7]
    assert EXPLODED == []


EXPLODED: list[str] = []


def explode(*_: object) -> None:
    """What must never run."""
    EXPLODED.append("bang")


def test_a_pickle_in_redis_is_not_opened(connection: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    queue.ring(connection, [Wake("ingest", 7)])
    (key,) = (key for key in connection.scan_iter() if key.startswith(b"rq:job:"))
    connection.hset(key, "data", pickle.dumps(Bomb(str(tmp_path / "opened"))))
    ran: list[int] = []
    _burst(redis_url, {"ingest": ran.append})
    assert ran == []
    assert not (tmp_path / "opened").exists()


class Bomb:
    """Makes a directory when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.path,)


def test_a_job_that_runs_too_long_is_abandoned_and_later_wakes_are_not_blocked(
    connection: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "JOB_SECONDS", 1)
    queue.ring(connection, [Wake("ingest", 7)])
    caught: list[str] = []

    def endless(shop: int) -> None:
        queue.lower(connection, Wake("ingest", shop))
        try:
            time.sleep(30)
        except Exception as error:  # noqa: BLE001 - as a story would that sets a row aside for any error
            caught.append(repr(error))

    _burst(redis_url, {"ingest": endless})
    assert caught == [], "a story must not take the alarm for the fault of its row"
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert queue.ring(connection, [Wake("ingest", 7)]) == 1


def test_no_pickle_anywhere() -> None:
    root = Path(queue.__file__).parents[1]
    files = [
        path for room in ("connector", "platforms", "webhooks", "desk", "jobs", "config") for path in (root / room).rglob("*.py")
    ]
    assert len(files) > 30
    assert [str(path) for path in files if "pickle" in path.read_text()] == []


_DEAF = """
import time
from jobs import worker
worker._DEAF_SECONDS = 0.2
with worker.Deadline(1, worker.Abandoned):
    while True:
        try:
            time.sleep(30)
        except BaseException:
            pass
"""


def test_a_worker_that_does_not_even_hear_the_alarm_ends_and_says_where_it_stood() -> None:
    ended = subprocess.run([sys.executable, "-c", _DEAF], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert 'File "<string>"' in ended.stderr
