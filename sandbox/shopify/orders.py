"""An order of the sandbox shop and what can be read off it. The document is plain JSON; nothing here reads or writes the store.

Quantities: a line's `quantity` was ordered, `current` is less what was removed or refunded; a part (fulfillment order)
line's `total` was to be fulfilled, `remaining` still is.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from connector.domain.money import to_text
from sandbox.catalogue import CURRENCY, ITEM_BY_SKU, LOCATION_BY_CODE
from sandbox.shopfront import Shown

Order = dict[str, Any]
Part = dict[str, Any]
Line = dict[str, Any]

ALIVE = frozenset({"OPEN", "IN_PROGRESS", "ON_HOLD"})
PICKUP = "PICK_UP"

FULFILLMENT_WORDS = {
    "UNFULFILLED": "Unfulfilled",
    "IN_PROGRESS": "In progress",
    "ON_HOLD": "On hold",
    "PARTIALLY_FULFILLED": "Partially fulfilled",
    "FULFILLED": "Fulfilled",
}
PAYMENT_WORDS = {
    "PENDING": "Payment pending",
    "PARTIALLY_PAID": "Partially paid",
    "PAID": "Paid",
    "PARTIALLY_REFUNDED": "Partially refunded",
    "REFUNDED": "Refunded",
    "VOIDED": "Voided",
}


def gid(kind: str, number: object) -> str:
    """A global id as Shopify's."""
    return f"gid://shopify/{kind}/{number}"


def location_gid(code: str) -> str:
    """The global id of a location of the catalogue."""
    return gid("Location", 1000 + LOCATION_BY_CODE[code].number)


def stamp(moment: datetime | None = None) -> str:
    """A time as Shopify writes it: UTC, whole seconds."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text(minor: int) -> str:
    """An amount as Shopify writes it: "59.00"."""
    return to_text(minor, CURRENCY).partition(" ")[0]


def line_of(order: Order, line_id: int) -> Line:
    """The order's line with this number."""
    return next(line for line in order["lines"] if line["id"] == line_id)


def lines_of(order: Order, sku: str) -> list[Line]:
    """The order's lines of this SKU."""
    return [line for line in order["lines"] if line["sku"] == sku]


def tracked(sku: str) -> bool:
    """Whether the shop keeps stock of it."""
    return sku in ITEM_BY_SKU


def parts_seen(order: Order, now_epoch: float) -> list[Part]:
    """The fulfillment orders as far as routing has made them: it runs a moment after the order was placed."""
    return list(order["parts"]) if now_epoch >= order["routed_at"] else []


def remaining(part: Part) -> int:
    """Units of a fulfillment order still to be fulfilled."""
    return sum(line["remaining"] for line in part["lines"])


def standing(order: Order) -> list[dict[str, Any]]:
    """The fulfillments that were not cancelled."""
    return [shipment for shipment in order["shipments"] if shipment["status"] != "CANCELLED"]


def fulfilled_units(order: Order) -> Counter[int]:
    """Units by line number that have left."""
    units: Counter[int] = Counter()
    for shipment in standing(order):
        for line in shipment["lines"]:
            units[line["line"]] += line["quantity"]
    return units


def not_cancellable(order: Order) -> str:
    """Why the order cannot be cancelled; "" where it can."""
    if order["cancelled_at"]:
        return f"{order['name']} is cancelled already."
    left = any(shipment["goods"] for shipment in standing(order))
    return f"{order['name']} has been fulfilled." if left else ""


def lines_to_cancel(order: Order, *, restock: bool) -> list[dict[str, Any]]:
    """The lines of the refund a cancelling makes, whether money is given back or not: what was still to be fulfilled."""
    kind = "cancel" if restock else "no_restock"
    return [
        {"line_item_id": line["line"], "quantity": line["remaining"], "restock_type": kind, "location": part["location"]}
        for part in order["parts"]
        for line in part["lines"]
        if line["remaining"]
    ]


def total_minor(order: Order) -> int:
    """What the order costs now, after removals and refunds."""
    return sum(int(line["current"]) * int(line["price_minor"]) for line in order["lines"])


def outstanding_minor(order: Order) -> int:
    """What is still to be paid; below zero the shop owes the customer."""
    return total_minor(order) - (int(order["paid_minor"]) - int(order["refunded_minor"]))


def financial_status(order: Order) -> str:
    """OrderDisplayFinancialStatus."""
    paid, refunded = order["paid_minor"], order["refunded_minor"]
    if order["cancelled_at"] and not paid:
        return "VOIDED"
    if refunded and refunded >= paid:
        return "REFUNDED"
    if outstanding_minor(order) > 0:
        return "PARTIALLY_PAID" if paid else "PENDING"
    return "PARTIALLY_REFUNDED" if refunded else "PAID"


def fulfillment_status(order: Order) -> str:
    """OrderDisplayFulfillmentStatus."""
    waiting = [part for part in order["parts"] if part["status"] in ALIVE and remaining(part)]
    if standing(order):
        return "PARTIALLY_FULFILLED" if waiting else "FULFILLED"
    states = {part["status"] for part in waiting}
    return states.pop() if states in ({"ON_HOLD"}, {"IN_PROGRESS"}) else "UNFULFILLED"


def shown(order: Order) -> Shown:
    """The order as Shopify's admin shows it."""
    pickup = next((part["location"] for part in order["parts"] if part["method"] == PICKUP), "")
    return Shown(
        id=str(order["id"]),
        number=order["name"],
        placed_at=order["created_at"],
        customer=(order["customer"] or {}).get("name", "") or "No customer",
        total=to_text(total_minor(order), CURRENCY),
        payment=PAYMENT_WORDS[financial_status(order)],
        status="Cancelled" if order["cancelled_at"] else FULFILLMENT_WORDS[fulfillment_status(order)],
        tracking=tuple(shipment["tracking"]["number"] for shipment in order["shipments"] if shipment["tracking"].get("number")),
        handover=order["handover"],
        pickup=pickup,
        notes=tuple(order["notes"]),
        lines=tuple((line["sku"] or line["title"], line["current"]) for line in order["lines"]),
    )
