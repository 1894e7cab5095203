"""Odd times: clocks turned, leap days, the year's end, offsets, and machines that disagree about the hour."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from connector.db.tables import fulfillment_orders, inbox, orders, outbox
from connector.domain.fulfillment import Step
from connector.domain.orders import Freshness, digest, freshness
from connector.flow import fulfill, reconcile
from connector.platform import ChangedPage
from platforms.bigcommerce import normalize as bigcommerce
from platforms.shopify import pieces as shopify
from tests.flow.conftest import Make
from tests.flow.toy import order

_PARIS_SUMMER, _PARIS_WINTER = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
# Instants around everything a calendar does to people, each earlier than the next.
_MOMENTS = [
    datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),  # the clock goes forward in Marseille
    datetime(2026, 3, 29, 1, 0, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, tzinfo=_PARIS_SUMMER),  # half past two, for the first time
    datetime(2026, 10, 25, 2, 30, tzinfo=_PARIS_WINTER),  # and for the second
    datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 0, 0, tzinfo=UTC),
    datetime(2028, 2, 28, 23, 59, 59, tzinfo=UTC),
    datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2028, 3, 1, 0, 0, tzinfo=timezone(timedelta(hours=-11))),
]
_STAMPS = ["2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00", "2026-10-25T01:30:00+01:00", "2026-10-24T13:30:00-11:00"]


@pytest.mark.parametrize(("earlier", "later"), list(itertools.combinations(_MOMENTS, 2)))
def test_the_later_state_wins_over_every_turn_of_the_calendar(earlier: datetime, later: datetime) -> None:
    held = (earlier, "a")
    assert freshness(held, later, "b", fetched=False) is Freshness.NEWER
    assert freshness((later, "b"), earlier, "a", fetched=True) is Freshness.STALE


@pytest.mark.parametrize("stamp", _STAMPS)
def test_an_offset_in_a_stamp_changes_nothing(stamp: str) -> None:
    assert shopify.moment(stamp) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert shopify.moment(stamp).tzinfo is UTC


@pytest.mark.parametrize(
    "stamp", ["Sun, 25 Oct 2026 00:30:00 +0000", "Sun, 25 Oct 2026 02:30:00 +0200", "Sun, 25 Oct 2026 01:30:00 +0100"]
)
def test_an_offset_in_an_rfc_2822_stamp_changes_nothing(stamp: str) -> None:
    assert bigcommerce.moment(stamp) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_the_same_state_read_with_another_offset_is_the_same() -> None:
    summer = order(placed_at=shopify.moment(_STAMPS[1]), version=shopify.moment(_STAMPS[1]))
    winter = order(placed_at=shopify.moment(_STAMPS[2]), version=shopify.moment(_STAMPS[2]))
    assert digest(summer) == digest(winter)


@pytest.mark.parametrize("at", _MOMENTS)
def test_a_day_of_trade_at_any_turn_of_the_calendar(make: Make, at: datetime) -> None:
    world = make({("PEN", "quay"): 9})
    world.now = at
    world.take(order(version=at, placed_at=at))
    [part] = world.rows(fulfillment_orders)
    fulfill.move(world.engine, part["id"], Step.PACK, world.now, actor="tests")
    world.now += timedelta(hours=1)
    fulfill.move(world.engine, part["id"], Step.SHIP, world.now, actor="tests")
    world.deliver()
    assert [row["state"] for row in world.rows(outbox)] == ["delivered", "delivered"]
    assert world.rows(orders)[0]["version"] == at.astimezone(UTC)


@pytest.mark.parametrize("skew_minutes", [-10, 10])
def test_a_platform_whose_clock_is_ten_minutes_off_loses_nothing(make: Make, skew_minutes: int) -> None:
    """The poll's cursor is the platform's own time, so what it says is measured against itself."""
    world = make({("PEN", "quay"): 9})
    platform_now = world.now + timedelta(minutes=skew_minutes)
    for number in range(3):
        found = order(str(number), [("PEN", 1)], version=platform_now + timedelta(seconds=number))
        world.toy.held[found.external_id] = found
        world.toy.pages = [ChangedPage(((found.external_id, found.version),))]
        reconcile.poll(world.engine, world.toy.platform(), world.shop, world.now)
        world.drain()
        world.now += timedelta(minutes=10)
    assert world.toy.asked_since[-1] <= platform_now + timedelta(seconds=1)
    assert world.stock("PEN") == {"quay": (9, 3)}


@pytest.mark.parametrize("skew_minutes", [-10, 10])
def test_machines_that_disagree_about_the_time_lose_no_row(make: Make, skew_minutes: int) -> None:
    """One machine received the delivery; another, whose clock differs, takes it in."""
    world = make({("PEN", "quay"): 9})
    world.send(order())
    world.now += timedelta(minutes=skew_minutes)
    world.drain()
    world.now += timedelta(minutes=max(0, -2 * skew_minutes))
    world.drain()
    with world.engine.connect() as conn:
        assert conn.execute(select(inbox.c.state)).scalars().all() == ["done"]


def test_a_version_in_the_far_future_does_not_lock_an_order_for_ever(make: Make) -> None:
    """A shop's clock that ran ahead: the state read from the shop later, with an honest time, must still be seen."""
    world = make({("PEN", "quay"): 9})
    ahead = replace(order(lines=[("PEN", 1)]), version=world.now + timedelta(minutes=10))
    world.take(ahead)
    world.take(replace(order(lines=[("PEN", 3)]), version=world.now + timedelta(minutes=11)))
    assert world.stock("PEN") == {"quay": (9, 3)}
