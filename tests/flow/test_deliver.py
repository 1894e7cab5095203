"""Telling several orders of one shop at the same time: how many, in which sequence, and what a failure among them does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from connector.db.tables import attempts, fulfillment_orders, outbox, shops
from connector.domain.fulfillment import Step
from connector.flow import deliver, fulfill
from connector.flow.ingest import Drained
from connector.platform import Announcement, Outcome, Platform, Retryable, Shop, Throttled, Told
from tests.flow.conftest import Make
from tests.flow.toy import World, order

_ORDERS = 6
_PATIENCE_SECONDS = 20.0


class _Killed(BaseException):
    """The worker is gone in the middle of a call."""


@dataclass
class _Store:
    """A store that notes who was talking to it at the same time, and answers the first when so many talk to it (`meets`)."""

    meets: int = 1
    seconds: float = 0.0
    fails: Callable[[Announcement], BaseException | None] = lambda announcement: None
    told: list[tuple[str, str]] = field(default_factory=list)
    together: list[int] = field(default_factory=list)
    _inside: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _met: threading.Event = field(default_factory=threading.Event)

    def announce(self, shop: Shop, announcement: Announcement) -> Outcome:
        with self._lock:
            assert announcement.order_id not in self._inside, "two tellings of one order at the same time"
            self._inside.append(announcement.order_id)
            self.together.append(len(self._inside))
            if len(self._inside) >= self.meets:
                self._met.set()
        self._met.wait(_PATIENCE_SECONDS)
        time.sleep(self.seconds)
        with self._lock:
            self._inside.remove(announcement.order_id)
        error = self.fails(announcement)
        if error is not None:
            raise error
        self.told.append((announcement.order_id, announcement.act.value))
        return Outcome(Told.APPLIED, "told")


def _shipped(make: Make, count: int = _ORDERS) -> World:
    """A world that owes its shop two tellings of each of so many orders: packed, then shipped."""
    at = make({("PEN", "quay"): 99})
    at.take(*[order(str(number)) for number in range(count)])
    for part in [row["id"] for row in at.rows(fulfillment_orders)]:
        for step in (Step.PACK, Step.SHIP):
            fulfill.move(at.engine, part, step, at.now, actor="ann")
    return at


def _until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not found() and time.monotonic() < end:
        time.sleep(0.01)


def _roomy(at: World, store: _Store) -> Platform:
    return replace(at.toy.platform(), announce=store.announce, room=lambda shop, underway: True)


def _drain(at: World, platform: Platform, *, at_once: int = 4, **bounds: float) -> Drained:
    return deliver.drain(at.engine, platform, at.shop, lambda: at.now, lambda: 0.5, at_once=at_once, limit=99, **bounds)


def test_several_orders_at_once_and_each_in_sequence(make: Make) -> None:
    at, store = _shipped(make), _Store(meets=4)
    assert _drain(at, _roomy(at, store)) == Drained(2 * _ORDERS, more=False)
    assert max(store.together) == 4
    for number in range(_ORDERS):
        assert [act for of, act in store.told if of == str(number)] == ["packed", "shipped"]
    assert [row["outcome"] for row in at.rows(attempts)] == ["applied"] * 2 * _ORDERS


def test_a_platform_that_has_no_room_is_told_one_at_a_time(make: Make) -> None:
    at, store = _shipped(make, 2), _Store(seconds=0.2)
    _drain(at, replace(at.toy.platform(), announce=store.announce), at_once=8)
    assert len(store.told) == 4
    assert set(store.together) == {1}


def test_a_shop_that_is_not_well_is_told_one_at_a_time(make: Make) -> None:
    at, store = _shipped(make), _Store(seconds=0.2)
    with at.engine.begin() as conn:
        conn.execute(shops.update().values(failures=3, failing_since=at.now))
    store.fails = lambda announcement: Retryable("down")
    _drain(at, _roomy(at, store))
    assert set(store.together) == {1}
    assert at.rows(shops)[0]["failures"] == 3 + _ORDERS


def test_what_had_begun_before_a_shop_asked_for_a_rest_does_not_end_it(make: Make) -> None:
    at, store = _shipped(make), _Store(meets=4)

    def first_only(announcement: Announcement) -> BaseException | None:
        if announcement.order_id == "0":
            return Throttled("slow down", retry_after_seconds=30)
        _until(lambda: at.rows(shops)[0]["paused_until"] is not None)  # the others are under way then, and go well
        return None

    store.fails = first_only
    drained = _drain(at, _roomy(at, store))
    assert drained == Drained(3, more=False)
    assert at.rows(shops)[0]["paused_until"] >= at.now + timedelta(seconds=30)
    assert sum(row["state"] == "waiting" for row in at.rows(outbox)) == 2 * _ORDERS - 3


def test_a_worker_killed_among_several_tellings_loses_none_and_tells_none_twice(make: Make) -> None:
    at, store = _shipped(make), _Store()
    store.fails = lambda announcement: _Killed() if announcement.order_id == "2" else None
    with pytest.raises(_Killed):
        _drain(at, _roomy(at, store))
    _until(lambda: not store._inside)  # what was under way then has ended, and nobody has noted it
    known = list(store.told)
    store.fails = lambda announcement: None

    def announce(shop: Shop, announcement: Announcement) -> Outcome:
        if (announcement.order_id, announcement.act.value) in known:
            return Outcome(Told.ALREADY, "told")
        return store.announce(shop, announcement)

    platform = replace(_roomy(at, store), announce=announce)
    _drain(at, platform)
    at.now += timedelta(minutes=2)
    _drain(at, platform)
    assert {row["state"] for row in at.rows(outbox)} == {"delivered"}
    assert len(store.told) == len(set(store.told)) == 2 * _ORDERS


def test_none_is_begun_after_its_time(make: Make) -> None:
    at, store = _shipped(make), _Store()
    began = time.monotonic()
    store.fails = lambda announcement: _until(lambda: time.monotonic() > began + 1)
    drained = _drain(at, _roomy(at, store), seconds=1)
    assert 1 <= len(store.told) == drained.finished <= 4
    assert drained.more
