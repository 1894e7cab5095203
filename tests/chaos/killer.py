"""Who kills: kill -9 of one part after the other, in an order the seed decides."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable

import psutil
import redis
import requests
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.chaos.whole import Whole

_REST_SECONDS = (0.2, 1.0)
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 2
_SECONDS_A_KILL = 10  # at most; then the killer gives up
_NOT_THERE = (OSError, ValueError, psutil.Error, SQLAlchemyError, redis.RedisError, IndexError, KeyError)
# Client backends only: the death of the startup process or of the postmaster shuts the server down, which is not the test.
_BACKENDS = text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")


class Killer(threading.Thread):
    """Kills `kills` times, each target as often as the others, then ends. `killed` tells what, in sequence.

    The web server is killed only while it answers: else it would be away for the whole run, and acknowledge nothing that
    could be lost.
    """

    def __init__(self, whole: Whole, kills: int, seed: int, *, crashes: int = 0) -> None:
        """`crashes`: how often, evenly over the run, all of PostgreSQL is killed as well."""
        super().__init__(name="killer", daemon=True)
        self._whole, self._kills, self._random, self._crashes = whole, kills, random.Random(seed), crashes
        self.killed: list[str] = []
        self.crashed = 0

    def run(self) -> None:
        names: deque[str] = deque()
        end = time.monotonic() + _SECONDS_A_KILL * self._kills
        while len(self.killed) < self._kills and time.monotonic() < end:
            names = names or deque(self._random.sample(sorted(TARGETS), len(TARGETS)))
            try:
                TARGETS[names[0]](self._whole, self._random)
                self.killed.append(names.popleft())
                self._crash_where_due()
                time.sleep(self._random.uniform(*_REST_SECONDS))
            except _NOT_THERE:
                names.rotate(-1)  # another first, this one when it is back
                time.sleep(_LOOK_SECONDS)

    def _crash_where_due(self) -> None:
        if self.crashed < len(self.killed) * (self._crashes + 1) // (self._kills + 1):
            os.kill(self._whole.pids()["postgres"], signal.SIGKILL)
            self.crashed += 1


def _program(prefix: str) -> Callable[[Whole, random.Random], None]:
    def kill(whole: Whole, rnd: random.Random) -> None:
        pids = whole.pids()
        os.kill(pids[rnd.choice([name for name in sorted(pids) if name.startswith(prefix)])], signal.SIGKILL)

    return kill


def _web(whole: Whole, rnd: random.Random) -> None:
    _answering(whole)
    os.kill(whole.pids()["web"], signal.SIGKILL)


def _web_worker(whole: Whole, rnd: random.Random) -> None:
    _answering(whole)
    children = psutil.Process(whole.pids()["web"]).children(recursive=True)
    rnd.choice(sorted(children, key=lambda child: int(child.pid))).kill()


def _answering(whole: Whole) -> None:
    """OSError where the web server does not answer."""
    requests.get(f"{whole.web}/healthz", timeout=_ANSWER_SECONDS)


def _backend(whole: Whole, rnd: random.Random) -> None:
    with whole.engine.connect() as conn:
        pids = sorted(conn.execute(_BACKENDS).scalars())
    os.kill(rnd.choice(pids), signal.SIGKILL)


def _flush(whole: Whole, rnd: random.Random) -> None:
    with whole.redis() as client:
        client.flushall()


TARGETS: dict[str, Callable[[Whole, random.Random], None]] = {
    "web": _web,
    "web worker": _web_worker,
    "worker": _program("worker"),
    "clock": _program("clock"),
    "valkey": _program("valkey"),
    "flushall": _flush,
    "backend": _backend,
}
