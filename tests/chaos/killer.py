"""Who kills: kill -9 of one part after the other, in an order the seed decides."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.chaos.whole import Whole

_REST_SECONDS = (0.2, 1.0)
# Client backends only: the death of the startup process or of the postmaster shuts the server down, which is not the test.
_BACKENDS = text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")


class Killer(threading.Thread):
    """Kills `kills` times, each target as often as the others, then ends. `killed` tells what, in sequence."""

    def __init__(self, whole: Whole, kills: int, seed: int) -> None:
        super().__init__(name="killer", daemon=True)
        self._whole, self._kills, self._random = whole, kills, random.Random(seed)
        self.killed: list[str] = []

    def run(self) -> None:
        names: list[str] = []
        end = time.monotonic() + 10 * self._kills
        while len(self.killed) < self._kills and time.monotonic() < end:
            names = names or self._random.sample(sorted(TARGETS), len(TARGETS))
            with suppress(OSError, ValueError, psutil.Error, SQLAlchemyError, redis.RedisError, IndexError, KeyError):
                TARGETS[names[-1]](self._whole, self._random)
                self.killed.append(names.pop())
            time.sleep(self._random.uniform(*_REST_SECONDS))


def _program(prefix: str) -> Callable[[Whole, random.Random], None]:
    def kill(whole: Whole, rnd: random.Random) -> None:
        pids = whole.pids()
        os.kill(pids[rnd.choice([name for name in sorted(pids) if name.startswith(prefix)])], signal.SIGKILL)

    return kill


def _web_worker(whole: Whole, rnd: random.Random) -> None:
    children = psutil.Process(whole.pids()["web"]).children(recursive=True)
    rnd.choice(sorted(children, key=lambda child: int(child.pid))).kill()


def _backend(whole: Whole, rnd: random.Random) -> None:
    with whole.engine.connect() as conn:
        pids = sorted(conn.execute(_BACKENDS).scalars())
    os.kill(rnd.choice(pids), signal.SIGKILL)


def _flush(whole: Whole, rnd: random.Random) -> None:
    with whole.redis() as client:
        client.flushall()


TARGETS: dict[str, Callable[[Whole, random.Random], None]] = {
    "web": _program("web"),
    "web worker": _web_worker,
    "worker": _program("worker"),
    "clock": _program("clock"),
    "valkey": _program("valkey"),
    "flushall": _flush,
    "backend": _backend,
}
