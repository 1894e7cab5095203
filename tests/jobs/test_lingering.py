"""A busy shop's drain keeps its flag up while it is alive, and looks once more after it came down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from connector.flow.ingest import Drained
from connector.flow.wake import Wake
from connector.platform import Shop
from jobs import queue, tasks
from jobs.environment import Environment
from jobs.tasks import Task, Workplace


@pytest.fixture
def turn(environment: Environment, toy_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[int]], list[bool]]:
    """Runs a turn whose passes finish so many rows; whether the flag was up at each look."""
    waker = queue.Waker(environment.redis)
    wake = Wake("ingest", toy_shop.id)

    def run(finished: list[int]) -> list[bool]:
        up: list[bool] = []
        left = iter(finished)

        def once(*_: Any) -> Drained:
            up.append(bool(environment.redis.exists(queue._flag(wake))))
            return Drained(next(left), more=False)

        monkeypatch.setitem(tasks.TASKS, "ingest", Task(once, lambda drained: drained.finished > 0, lingers=True))  # type: ignore[arg-type]
        queue.ring(environment.redis, [wake])
        environment.redis.lpop(queue.queue(environment.redis, "ingest").key)  # a worker takes the job
        tasks.turn(Workplace(environment, waker, threading.Event()), "ingest", toy_shop.id)
        waker.close()
        assert next(left, None) is None, "not every look was made"
        return up

    return run


def test_a_quiet_shop_is_looked_at_with_the_flag_down(turn: Callable[[list[int]], list[bool]]) -> None:
    assert turn([1, 0]) == [False, False]


def test_a_busy_shop_rings_no_more_until_the_last_look(turn: Callable[[list[int]], list[bool]]) -> None:
    assert turn([100, 50, 0, 0]) == [False, True, True, False]


def test_what_comes_before_the_flag_is_down_is_seen(turn: Callable[[list[int]], list[bool]]) -> None:
    assert turn([100, 0, 3, 0]) == [False, True, False, False]


def test_the_clock_that_rings_in_the_middle_of_a_turn_brings_no_second_job(
    environment: Environment, toy_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop with work for many turns: however often the clock rings meanwhile, one job waits after each turn."""
    wake = Wake("backfill", toy_shop.id)
    jobs = queue.queue(environment.redis, "backfill")

    def once(*_: Any) -> Drained:
        queue.ring(environment.redis, [wake])
        return Drained(1, more=True)

    monkeypatch.setattr(tasks, "_BACKGROUND_TURN_SECONDS", 0)
    monkeypatch.setitem(tasks.TASKS, "backfill", Task(once, lambda drained: drained.more, in_background=True))  # type: ignore[arg-type]
    queue.ring(environment.redis, [wake])
    for _ in range(5):
        environment.redis.lpop(jobs.key)
        waker = queue.Waker(environment.redis)
        tasks.turn(Workplace(environment, waker, threading.Event()), "backfill", toy_shop.id)
        waker.close()
        assert jobs.count == 1


def test_the_flag_of_a_killed_worker_ends_soon(environment: Environment, toy_shop: Shop) -> None:
    wake = Wake("ingest", toy_shop.id)
    queue.keep_up(environment.redis, wake)
    assert 0 < int(environment.redis.ttl(queue._flag(wake))) <= queue.LINGER_SECONDS  # type: ignore[arg-type]
    assert queue.ring(environment.redis, [wake]) == 0
