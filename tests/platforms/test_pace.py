"""Limits kept before the platform has to: in one process, and by many workers over Redis."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry

from connector.platform import Throttled
from jobs.pace import SharedBuckets
from platforms.pace import LONGEST_WAIT_SECONDS, LOOK_SECONDS, SPREAD, Buckets, Level, Limit, LocalBuckets, Pace, Turn


@pytest.fixture
def shared(redis_url: str) -> Iterator[SharedBuckets]:
    with redis.Redis.from_url(redis_url) as connection:
        yield SharedBuckets(connection)


@pytest.mark.parametrize(
    ("level", "now", "cost", "seconds", "booked", "left"),
    [
        (Level(5, 10, 1, 0, 0), 2, 4, 0, True, 3),
        (Level(0, 10, 2, 0, 0), 1, 4, 1, False, 2),
        (Level(0, 10, 0, 3, 0), 1, 4, 2, False, 0),
        (Level(0, 10, 0, 3, 0), 3, 4, 0, True, 6),  # the window began anew
        (Level(8, 10, 0, 3, 0), 1, 1, 0, True, 7),  # the first half of a window as fast as it may be
        (Level(4, 10, 0, 5, 0, next_at=0), 1, 1, 0, True, 3),  # the second spread over the time that is left
        (Level(3, 10, 0, 5, 0, next_at=2), 1, 1, 1, True, 2),
        (Level(3, 10, 0, 50, 0, next_at=20), 1, 1, 19, False, 3),  # too long
        (Level(0, 10, 1, 0, 0), 10, 50, 0, True, 0),  # what costs more than the bucket holds goes when it is full
    ],
)
def test_points_come_back_and_are_booked(
    level: Level, now: float, cost: float, seconds: float, booked: bool, left: float
) -> None:
    turn, after = level.now(now, 0.0).turn(cost, now, 0.0)
    assert (turn, after.left) == (Turn(seconds, booked), left)


@given(st.floats(0, 100), st.floats(1, 100), st.floats(0.1, 50), st.floats(0, 100), st.floats(0.1, 100))
def test_there_are_never_more_points_than_the_bucket_holds(
    left: float, most: float, rate: float, seconds: float, cost: float
) -> None:
    level = Level(min(left, most), most, rate, 0.0, 0.0).now(seconds, 0.0)
    turn, after = level.turn(cost, seconds, 0.0)
    assert level.left <= most
    assert turn.seconds >= 0
    assert after.left <= level.left


def test_what_waits_for_points_looks_soon_again_while_answers_may_bring_some_back() -> None:
    level = Level(0, 100, 1, 0, 0)
    assert level.turn(50, 0, 0.0)[0] == Turn(50, booked=False)
    assert level.turn(50, 0, 70.0)[0] == Turn(LOOK_SECONDS, booked=False)


def test_the_next_of_a_window_waits_for_its_share_of_the_time_that_is_left() -> None:
    assert Level(4, 10, 0, 5, 0).turn(1, 1, 0.0)[1].next_at == pytest.approx(1 + SPREAD)


@pytest.mark.parametrize(
    ("said", "underway", "refund", "left"),
    [
        (90, 40, 0, 60),  # our own count lies between
        (50, 0, 0, 50),  # the platform knows of less
        (90, 20, 0, 70),  # even with all that is under way there is more
        (95, 30, 35, 95),  # our own count with what came back
    ],
)
def test_our_own_count_is_believed_where_it_may_be_true(said: float, underway: float, refund: float, left: float) -> None:
    assert Level(60, 100, 1, 0, 7).heard(Limit(said, 100, 1), 7, underway, refund).left == left


@dataclass
class _Time:
    """A clock that only sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _call(pace: Pace, cost: float = 1.0, *, said: Limit | None = None) -> None:
    with pace.turn("shop", cost) as heard:
        if said is not None:
            heard(said)


def test_a_pace_waits_and_leaves_a_share_to_others() -> None:
    at = _Time()
    pace = Pace(LocalBuckets(lambda: at.now), at.sleep, reserve=0.1)
    _call(pace, said=Limit(11, 100, 10))
    assert at.slept == []
    _call(pace, 1)
    _call(pace, 10)
    assert sum(at.slept) == pytest.approx(1.0)


def test_a_pace_does_not_hold_a_worker_for_long() -> None:
    pace = Pace(LocalBuckets(), lambda seconds: None)
    _call(pace, said=Limit(0, 100, reset_seconds=30))
    with pytest.raises(Throttled) as refused:
        _call(pace)
    assert refused.value.retry_after_seconds == pytest.approx(30, abs=1)


def test_a_window_is_used_up_evenly_and_whole() -> None:
    """As BigCommerce counts: so many calls in a window that begins with its first call."""
    at, calls, ends, most = _Time(), [], [0.0], 150
    pace = Pace(LocalBuckets(lambda: at.now), at.sleep, reserve=0.02)
    while at.now < 120:
        with pace.turn("shop") as heard:
            if at.now >= ends[0]:
                ends[0] = at.now + 30
                calls.append(0)
            calls[-1] += 1
            heard(Limit(most - calls[-1], most, reset_seconds=ends[0] - at.now))
    assert max(at.slept) < 1.0, "nobody waits for a whole window"
    assert min(calls[:-1]) >= 0.97 * most
    assert max(calls) < most


@pytest.mark.parametrize("kind", ["local", "shared"])
def test_calls_at_the_same_time_do_not_spend_the_same_points(kind: str, shared: SharedBuckets) -> None:
    buckets: Buckets = LocalBuckets() if kind == "local" else shared
    first = buckets.take("shop", 100)
    others = [buckets.take("shop", 100) for _ in range(3)]
    buckets.note("shop", first.ticket, Limit(350, 1000, 0.01, used=10))  # the platform has not seen the others yet
    last = buckets.take("shop", 50)
    assert last.booked
    assert not buckets.take("shop", 5).booked
    buckets.note("shop", last.ticket, Limit(340, 1000, 0.01, used=20))  # what it did not use is there again
    assert buckets.take("shop", 25).booked
    assert not buckets.take("shop", 25).booked
    buckets.note("shop", others[0].ticket, Limit(1000, 1000, 0.01, used=60))  # it was overtaken: what it says is old
    assert buckets.take("shop", 40).booked
    assert not buckets.take("shop", 25).booked


@pytest.mark.parametrize("kind", ["local", "shared"])
def test_a_shop_is_free_while_nobody_waits(kind: str, shared: SharedBuckets) -> None:
    buckets: Buckets = LocalBuckets() if kind == "local" else shared
    pace = Pace(buckets, lambda seconds: None)
    assert pace.is_free("shop")
    turn = buckets.take("shop", 10)
    buckets.note("shop", turn.ticket, Limit(20, 100, 0.01))
    assert pace.is_free("shop")
    assert buckets.take("shop", 15).seconds == 0
    assert pace.is_free("shop")
    assert not pace.is_free("shop", 15)
    assert buckets.take("shop", 5).booked
    assert not pace.is_free("shop")


def test_workers_share_a_window(redis_url: str) -> None:
    connections = [redis.Redis.from_url(redis_url) for _ in range(4)]
    buckets = [SharedBuckets(connection) for connection in connections]
    buckets[0].note("shop", 0, Limit(20, 20, reset_seconds=LONGEST_WAIT_SECONDS / 2))
    taken: list[Turn] = []

    def work(own: SharedBuckets) -> None:
        taken.extend(own.take("shop", 1) for _ in range(10))

    threads = [threading.Thread(target=work, args=(own,)) for own in buckets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turn.booked for turn in taken) == [False] * 20 + [True] * 20
    assert len({turn.ticket for turn in taken if turn.booked}) == 20
    for connection in connections:
        connection.close()


def test_a_late_answer_gives_no_points_back_within_a_window(shared: SharedBuckets) -> None:
    shared.note("shop", 0, Limit(3, 4, reset_seconds=2))
    assert [shared.take("shop", 1).booked for _ in range(3)] == [True, True, True]
    shared.note("shop", 1, Limit(2, 4, reset_seconds=2))
    assert not shared.take("shop", 1).booked


def test_points_return_in_redis_too(shared: SharedBuckets) -> None:
    shared.note("shop", 0, Limit(0, 100, 50))
    turn = shared.take("shop", 5)
    assert not turn.booked
    assert 0 < turn.seconds <= 0.1
    time.sleep(turn.seconds)
    assert shared.take("shop", 5).booked


def test_a_window_begins_anew_in_redis_too(shared: SharedBuckets) -> None:
    shared.note("shop", 0, Limit(0, 3, reset_seconds=0.05))
    assert not shared.take("shop", 1).booked
    time.sleep(0.06)
    assert [shared.take("shop", 1).booked for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("seed", range(8))
def test_the_rules_in_redis_are_the_rules_here(shared: SharedBuckets, seed: int) -> None:
    rnd, here, tickets = random.Random(seed), LocalBuckets(), []
    for _ in range(150):
        if rnd.random() < 0.6:
            cost = rnd.randrange(1, 60)
            ours, theirs = here.take("shop", cost), shared.take("shop", cost)
            assert (ours.booked, ours.ticket) == (theirs.booked, theirs.ticket)
            assert theirs.seconds == pytest.approx(ours.seconds, abs=0.25)
            tickets += [ours.ticket] if ours.booked else []
        elif tickets:
            ticket = tickets.pop(rnd.randrange(len(tickets)))
            rate = rnd.choice([0, 0, 40]) if seed % 2 else 40 * (seed % 4 // 2)
            reset, used = 0 if rate else rnd.choice([40, 70]), rnd.choice([None, 3])
            limit = Limit(rnd.randrange(0, 400), 400, rate, reset, used)
            for buckets in (here, shared):
                buckets.note("shop", ticket, limit)
    assert shared.wait_seconds("shop", 30) == pytest.approx(here.wait_seconds("shop", 30), abs=0.25)


def test_without_redis_each_process_keeps_its_own() -> None:
    connection = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
    buckets = SharedBuckets(connection)
    buckets.note("shop", 900, Limit(0, 10, reset_seconds=60))
    assert buckets.take("shop", 1).seconds > 0
    assert buckets.wait_seconds("shop", 1) > 0
    assert buckets.take("other", 1).ticket == 1
    buckets.note("shop", 900, Limit(0, 10, reset_seconds=0.001))
    time.sleep(0.002)
    assert buckets.take("shop", 1).ticket == 901
    connection.close()
