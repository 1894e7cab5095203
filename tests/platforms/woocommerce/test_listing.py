"""Whole orders page by page: short and last pages, a second with more than a page, refunds, drafts, poison; a sleeping shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from connector.platform import OrderPage
from platforms.woocommerce import listing
from tests.platforms.woocommerce.world import Receiver, World

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=10)


def _place(world: World, count: int, *, apart_seconds: int) -> list[str]:
    """Orders placed in January, this long after each other."""
    with time_machine.travel(SINCE, tick=False) as clock:
        placed = []
        for _ in range(count):
            clock.shift(apart_seconds)
            placed.append(world.place())
    return placed


def _pages(world: World, since: datetime = SINCE, until: datetime = UNTIL) -> list[OrderPage]:
    pages, cursor = [], ""
    while not pages or cursor:
        pages.append(world.platform.list_orders(world.shop, since, until, cursor))
        cursor = pages[-1].next
        assert len(pages) < 20
    return pages


def _ids(pages: list[OrderPage]) -> list[str]:
    return [order.external_id for page in pages for order in page.orders]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (3, 1), (4, 4), (9, 4)])
@pytest.mark.parametrize("apart_seconds", [1, 0])
def test_every_order_comes_once(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int, pages: int, apart_seconds: int
) -> None:
    monkeypatch.setattr(listing, "_PER_PAGE", 4)
    placed = _place(world, count, apart_seconds=apart_seconds)
    found = _pages(world)
    assert _ids(found) == placed
    assert len(found) <= pages
    assert world.platform.count_orders(world.shop, SINCE, UNTIL) == (count or 0)


def test_an_order_that_is_deleted_meanwhile_hides_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_PER_PAGE", 4)
    placed = _place(world, 8, apart_seconds=1)
    first = world.platform.list_orders(world.shop, SINCE, UNTIL, "")
    world.store.delete("woocommerce.order", placed[0])
    later = world.platform.list_orders(world.shop, SINCE, UNTIL, first.next)
    assert set(_ids([first, later])) >= set(placed[:7])


def test_the_window_is_utc_and_its_end_is_outside(world: World) -> None:
    placed = _place(world, 3, apart_seconds=3600)
    hour = timedelta(hours=1)
    assert _ids(_pages(world, SINCE + hour, SINCE + 3 * hour)) == placed[:2]


def test_refunds_come_with_their_order_and_a_draft_is_left_out(world: World) -> None:
    refunded, draft = _place(world, 2, apart_seconds=1)
    world.front.refund(refunded, {"MUG-PHARE": 1}, restock=True)
    document = world.store.get("woocommerce.order", draft)
    assert document is not None
    world.store.put("woocommerce.order", draft, {**document, "status": "checkout-draft"})
    (page,) = _pages(world)
    (order,) = page.orders
    assert order == world.platform.fetch_order(world.shop, refunded)
    assert order.lines[0].refunded == 1
    assert [order_id for order_id, _ in page.left_out] == [draft]


def test_a_poisoned_order_is_named_and_stops_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad, after = _place(world, 3, apart_seconds=1)
    honest = listing.read_list

    def poisoned(*args: Any) -> list[dict[str, Any]]:
        return [{**row, "total": {}, "line_items": None} if str(row["id"]) == bad else row for row in honest(*args)]

    monkeypatch.setattr(listing, "read_list", poisoned)
    (page,) = _pages(world)
    assert _ids([page]) == [good, after]
    ((order_id, reason),) = page.unreadable
    assert (order_id, bool(reason)) == (bad, True)


def test_the_poll_of_a_sleeping_shop_wakes_it(world: World, receiver: Receiver) -> None:
    """Its background work runs only when somebody calls: our poll does, and the webhooks that waited come."""
    world.platform.subscribe(world.shop, receiver.url)
    world.settings(idle=True)
    order_id = world.place()
    came = [one for one in receiver.got if one.topic == "order.updated"]
    assert came == []
    found = world.platform.changed_orders(world.shop, datetime.now(UTC) - timedelta(minutes=5), "")
    assert [one for one, _ in found.order_ids] == [order_id]
    receiver.wait_for(lambda one: one.topic == "order.updated")
