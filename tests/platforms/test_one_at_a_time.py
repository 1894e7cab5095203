"""A WooCommerce shop is asked one thing at a time, by all threads and programs together."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from connector.platform import Platform, Shop, Throttled
from jobs.pace import SharedBuckets
from platforms import woocommerce
from platforms.http import Http
from platforms.pace import BUSY_SECONDS, LONGEST_HOLD_SECONDS, Buckets, LocalBuckets, Pace
from tests.platforms.woocommerce.world import World, linked, opened

_ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys
import redis
from jobs.pace import SharedBuckets
from platforms import woocommerce
from platforms.http import Http
from platforms.pace import Pace
from tests.platforms.woocommerce.world import linked

base, queue, order_id, times = sys.argv[1:]
platform = woocommerce.build(Http(private_allowed=True, pace=Pace(SharedBuckets(redis.Redis.from_url(queue)))))
shop = linked(platform, base)
for _ in range(int(times)):
    assert platform.fetch_order(shop, order_id)
"""


@dataclass
class Counted:
    """How many requests the shop serves at the same time, and how many it served."""

    now: int = 0
    most: int = 0
    served: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def one(self) -> Iterator[None]:
        with self.lock:
            self.now, self.served = self.now + 1, self.served + 1
            self.most = max(self.most, self.now)
        try:
            time.sleep(0.02)
            yield
        finally:
            with self.lock:
                self.now -= 1


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[World, Counted]]:
    """A shop that counts."""
    with opened(tmp_path) as world:
        counted, whole = Counted(), world.app.wsgi_app

        def counting(environ: object, start: object) -> object:
            with counted.one():
                return whole(environ, start)  # type: ignore[arg-type]

        world.app.wsgi_app = counting  # type: ignore[method-assign,assignment]
        yield world, counted


def _reader(world: World, buckets: Buckets) -> tuple[Platform, Shop]:
    platform = woocommerce.build(Http(private_allowed=True, pace=Pace(buckets)))
    return platform, linked(platform, world.base)


def test_threads_take_turns(counted: tuple[World, Counted]) -> None:
    world, requests = counted
    order_id = world.place()
    platform, shop = _reader(world, LocalBuckets())
    threads = [threading.Thread(target=platform.fetch_order, args=(shop, order_id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (requests.most, requests.served) == (1, 8)


def test_programs_take_turns(counted: tuple[World, Counted], redis_url: str) -> None:
    world, requests = counted
    order_id = world.place()
    command = [sys.executable, "-c", _PROGRAM, world.base, redis_url, order_id, "15"]
    programs = [subprocess.Popen(command, cwd=_ROOT, env=os.environ) for _ in range(2)]
    assert [program.wait() for program in programs] == [0, 0]
    assert (requests.most, requests.served) == (1, 30)


@pytest.mark.parametrize("kind", ["local", "shared"])
def test_a_turn_whose_worker_died_is_free_again_in_time(kind: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platforms.pace.LONGEST_HOLD_SECONDS", 0.2)
    with redis.Redis.from_url(redis_url) as connection:
        buckets: Buckets = LocalBuckets() if kind == "local" else SharedBuckets(connection)
        assert buckets.take("shop", 1, at_once=1).booked
        assert buckets.take("other", 1, at_once=1).booked
        assert buckets.take("shop", 1, at_once=1) == (busy := buckets.take("shop", 1, at_once=1))
        assert (busy.booked, busy.seconds) == (False, BUSY_SECONDS)
        time.sleep(0.3)
        assert buckets.take("shop", 1, at_once=1).booked


def test_nobody_waits_for_a_turn_for_long(redis_url: str) -> None:
    slept: list[float] = []
    with redis.Redis.from_url(redis_url) as connection:
        pace = Pace(SharedBuckets(connection), slept.append)
        with pace.turn("shop", at_once=1), pytest.raises(Throttled), pace.turn("shop", at_once=1):
            raise AssertionError("it was not its turn")
        with pace.turn("shop", at_once=1):
            pass
    assert LONGEST_HOLD_SECONDS < sum(slept) <= LONGEST_HOLD_SECONDS + 1, "longer than a killed worker's turn lasts"
