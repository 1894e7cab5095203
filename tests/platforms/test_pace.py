"""Limits kept before the platform has to: in one process, and by many workers over Redis."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from connector.platform import Throttled
from jobs.pace import SharedBuckets
from platforms.pace import Limit, LocalBuckets, Pace, level


@pytest.mark.parametrize(
    ("limit", "seconds", "cost", "found"),
    [
        (Limit(5, 10, 1), 2, 4, (7, 0)),
        (Limit(0, 10, 2), 1, 4, (2, 1)),
        (Limit(0, 10, reset_seconds=3), 1, 4, (0, 2)),
        (Limit(0, 10, reset_seconds=3), 3, 4, (10, 0)),
        (Limit(0, 10, 1), 10, 50, (10, 0)),  # what costs more than the bucket holds goes when it is full
    ],
)
def test_points_come_back(limit: Limit, seconds: float, cost: float, found: tuple[float, float]) -> None:
    assert level(limit, seconds, cost) == found


@given(st.floats(0, 100), st.floats(1, 100), st.floats(0.1, 50), st.floats(0, 100), st.floats(0.1, 100))
def test_there_are_never_more_points_than_the_bucket_holds(
    left: float, most: float, rate: float, seconds: float, cost: float
) -> None:
    there, wait = level(Limit(min(left, most), most, rate), seconds, cost)
    assert 0 <= there <= most
    assert wait >= 0


def test_a_pace_waits_and_leaves_a_share_to_others() -> None:
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(LocalBuckets(lambda: now[0]), sleep, reserve=0.1)
    pace.take("shop")
    assert slept == []
    pace.note("shop", Limit(11, 100, 10))
    pace.take("shop", 1)
    pace.take("shop", 10)
    assert sum(slept) == pytest.approx(1.0)


def test_a_pace_does_not_hold_a_worker_for_long() -> None:
    pace = Pace(LocalBuckets(), lambda seconds: None)
    pace.note("shop", Limit(0, 100, reset_seconds=30))
    with pytest.raises(Throttled) as refused:
        pace.take("shop")
    assert refused.value.retry_after_seconds == pytest.approx(30, abs=1)


def test_workers_share_a_window(redis_url: str) -> None:
    connections = [redis.Redis.from_url(redis_url) for _ in range(4)]
    buckets = [SharedBuckets(connection) for connection in connections]
    buckets[0].note("shop", Limit(20, 20, reset_seconds=60))
    taken: list[float] = []

    def work(own: SharedBuckets) -> None:
        taken.extend(own.take("shop", 1) for _ in range(10))

    threads = [threading.Thread(target=work, args=(own,)) for own in buckets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seconds > 0 for seconds in taken) == [False] * 20 + [True] * 20
    for connection in connections:
        connection.close()


def test_a_late_answer_gives_no_points_back_within_a_window(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as connection:
        buckets = SharedBuckets(connection)
        buckets.note("shop", Limit(3, 20, reset_seconds=60))
        assert [buckets.take("shop", 1) for _ in range(3)] == [0, 0, 0]
        buckets.note("shop", Limit(2, 20, reset_seconds=60))
        assert buckets.take("shop", 1) > 0


def test_points_return_in_redis_too(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as connection:
        buckets = SharedBuckets(connection)
        buckets.note("shop", Limit(0, 100, 50))
        seconds = buckets.take("shop", 5)
        assert 0 < seconds <= 0.1
        time.sleep(seconds)
        assert buckets.take("shop", 5) == 0


def test_without_redis_each_process_keeps_its_own() -> None:
    connection = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    buckets = SharedBuckets(connection)
    buckets.note("shop", Limit(0, 10, reset_seconds=60))
    assert buckets.take("shop", 1) > 0
    assert buckets.take("other", 1) == 0
    connection.close()


def test_a_wait_is_never_below_the_missing_points() -> None:
    waits = [level(Limit(0, 100, 10), 0, cost)[1] for cost in range(1, 100, 7)]
    assert all(earlier < later for earlier, later in pairwise(waits))
