"""Order of arrival: five deliveries in each of their 120 orders, of each platform, each also with one twice: one final state.

The states go through the platforms' own normalizers. Shopify and BigCommerce deliver thin bodies, so there each delivery
reads the state of its own moment: the worst a slow replica could answer.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import select

from connector.db import tables
from connector.domain.orders import Order
from connector.platform import Shop
from platforms.bigcommerce.normalize import Remote, order_of
from platforms.shopify.normalize import to_order
from platforms.woocommerce.normalize import order_from
from tests.flow.conftest import Make
from tests.flow.toy import World
from tests.platforms.bigcommerce import test_normalize as bigcommerce
from tests.platforms.shopify import remote_orders as shopify
from tests.platforms.woocommerce import test_normalize as woocommerce

SHOP = Shop(1, "key", "woocommerce", "W", "https://w.example", "https://w.example", {})
ARRIVALS = list(itertools.permutations(range(5)))


@dataclass(frozen=True)
class Moment:
    """The order after one of the five: how many of A and B are wanted and handed over."""

    paid: bool
    a: int
    b: int
    gone: int = 0
    cancelled: bool = False


MOMENTS = (
    Moment(paid=False, a=3, b=0),
    Moment(paid=True, a=3, b=0),
    Moment(paid=True, a=2, b=1),
    Moment(paid=True, a=2, b=1, gone=1),
    Moment(paid=True, a=2, b=1, gone=1, cancelled=True),
)


def skus(number: int) -> tuple[str, str]:
    return f"A{number}", f"B{number}"


def of_shopify(number: int, at: int) -> Order:
    moment = MOMENTS[at]
    units = {"L1": moment.a, "L2": moment.b}
    lines = [
        shopify.line(place, id=name, sku=sku, quantity=3, currentQuantity=0 if moment.cancelled else units[name])
        for place, (name, sku) in enumerate(zip(units, skus(number), strict=True), 1)
        if units[name]
    ]
    left = {"L1": moment.gone} if moment.gone else {}
    waiting = [(name, count - left.get(name, 0)) for name, count in units.items() if count and not moment.cancelled]
    return to_order(
        shopify.document(
            id=f"gid://shopify/Order/{number}",
            updatedAt=f"2026-11-23T08:00:{at:02}Z",
            cancelledAt="2026-11-23T09:00:00Z" if moment.cancelled else None,
            displayFinancialStatus="PAID" if moment.paid else "PENDING",
            displayFulfillmentStatus="PARTIALLY_FULFILLED" if moment.gone else "UNFULFILLED",
            lineItems=lines,
            fulfillmentOrders=[shopify.part(*waiting)] if waiting else [],
            fulfilled=left,
        )
    )


def of_bigcommerce(number: int, at: int) -> Order:
    moment = MOMENTS[at]
    a, b = skus(number)
    lines = [{**bigcommerce.LINE, "id": 1, "sku": a, "quantity": moment.a, "quantity_shipped": moment.gone}]
    lines += [{**bigcommerce.LINE, "id": 2, "sku": b, "quantity": moment.b}] if moment.b else []
    status = 5 if moment.cancelled else 3 if moment.gone else 11 if moment.paid else 7
    modified = format_datetime(datetime(2026, 11, 23, 8, 0, at, tzinfo=UTC))
    row = {**bigcommerce.ORDER, "id": number, "status_id": status, "date_modified": modified}
    row["payment_status"] = "captured" if moment.paid else "pending"
    order = order_of(Remote(row, tuple(lines)), {})
    assert order is not None
    return order


def of_woocommerce(number: int, at: int) -> Order:
    """WooCommerce has no word for a part that left: that delivery only carries the note of it."""
    moment = MOMENTS[at]
    names = zip(skus(number), (moment.a, moment.b), strict=True)
    lines = [
        {**woocommerce.LINE, "id": place, "sku": sku, "quantity": units} for place, (sku, units) in enumerate(names, 1) if units
    ]
    order = {**woocommerce.ORDER, "id": number, "number": str(number), "line_items": lines}
    status = "cancelled" if moment.cancelled else "processing" if moment.paid else "on-hold"
    stamp = f"2026-11-23T08:00:{at:02}"
    return order_from(SHOP, {**order, "status": status, "date_modified_gmt": stamp, "customer_note": "parcel" * moment.gone})


PLATFORMS: dict[str, Callable[[int, int], Order]] = {
    "shopify": of_shopify,
    "bigcommerce": of_bigcommerce,
    "woocommerce": of_woocommerce,
}


def final_states(at: World) -> dict[str, Any]:
    """What there is of each order, without ids and names that differ from order to order."""
    with at.engine.connect() as conn:
        stock: dict[str, list[Any]] = defaultdict(list)
        levels = select(tables.items.c.sku, tables.levels.c.on_hand, tables.levels.c.committed, tables.locations.c.code)
        for row in conn.execute(levels.select_from(tables.levels.join(tables.items).join(tables.locations))):
            stock[row.sku[1:]].append((row.sku[0], row.code, row.on_hand, row.committed))
        lines: dict[int, list[Any]] = defaultdict(list)
        for row in conn.execute(select(tables.order_lines)):
            lines[row.order_id].append((row.sku[:1], row.quantity, row.fulfilled, row.backordered, row.elsewhere, row.taken_back))
        asked: dict[int, list[Any]] = defaultdict(list)
        for row in conn.execute(select(tables.order_tasks).where(tables.order_tasks.c.state == "open")):
            asked[row.order_id].append((row.code, [(line["sku"][0], line["units"]) for line in row.facts["lines"]]))
        parts: dict[int, list[Any]] = defaultdict(list)
        for row in conn.execute(select(tables.fulfillment_orders).where(tables.fulfillment_orders.c.state != "cancelled")):
            parts[row.order_id].append(row.state)
        found = {}
        for row in conn.execute(select(tables.orders)):
            number = row.external_id.rpartition("/")[2]
            head = (row.state, row.open, row.payment, row.lifecycle, row.total_minor, sorted(row.attention), row.units)
            of_order = (sorted(stock[number]), sorted(entry for entry in lines[row.id] if entry[1]), asked[row.id], parts[row.id])
            found[number] = (head, of_order)
    return found


def arrive(at: World, states: Callable[[int, int], Order], twice: int | None) -> None:
    """All orders side by side: the first delivery of each, then the second, and so on; `twice` names one that is repeated."""
    for turn in range(5):
        for number, arrival in enumerate(ARRIVALS):
            at.send(states(number, arrival[turn]), key=f"{number}:{turn}")
        at.drain()
    for number, arrival in enumerate(ARRIVALS if twice is not None else ()):
        again = (number + (twice or 0)) % 5
        at.send(states(number, arrival[again]), key=f"{number}:{again}")
        at.send(states(number, arrival[again]), key=f"{number}:again")
    at.drain()


@pytest.mark.parametrize("twice", [None, 0], ids=["once", "one-twice"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_order_of_arrival_ends_in_one_state(make: Make, platform: str, twice: int | None) -> None:
    at = make({(sku, "quay"): 10 for number in range(len(ARRIVALS)) for sku in skus(number)})
    arrive(at, PLATFORMS[platform], twice)
    found = final_states(at)
    assert len(found) == 120
    distinct = {repr(state) for state in found.values()}
    assert len(distinct) == 1, "\n".join(sorted(distinct))
    (head, (stock, _, asked, _)) = found["0"]
    gone = 0 if platform == "woocommerce" else 1
    assert head[:4] == ("cancelled", bool(gone), "paid", "cancelled")
    assert stock == [("A", "quay", 10 - gone, 0), ("B", "quay", 10, 0)]
    assert asked == [("cancelled_after_handover", [("A", 1)])] * gone
