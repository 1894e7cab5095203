"""An order's life: made, edited, moved from status to status with what that does to stock, refunded, trashed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.woocommerce import products
from sandbox.woocommerce.records import (
    PLAIN_FIELDS,
    blank,
    new_line,
    new_shipping,
    order_line,
    refunded,
    set_meta,
    total,
    trackings,
)
from sandbox.woocommerce.shop import Order, Refusal, Shop, alone, invalid, now

_KIND = "woocommerce.order"
CORE_STATUSES = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "checkout-draft": "Draft",
}
# What entering a status does to stock in 10.5: anything else, also a status of the shop's own, leaves it alone.
_TAKE = frozenset({"processing", "on-hold", "completed"})
_GIVE_BACK = frozenset({"cancelled", "pending"})
_PAYABLE = frozenset({"pending", "on-hold", "failed", "cancelled"})


def find(shop: Shop, number: int) -> Order | None:
    """The order with this id, also from the trash."""
    return shop.store.get(_KIND, str(number))


def required(shop: Shop, number: int) -> Order:
    """The order, or the error of an unknown id."""
    order = find(shop, number)
    if order is None:
        raise Refusal(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return order


def every(shop: Shop) -> list[Order]:
    """All orders, oldest first, with drafts and trash."""
    return shop.store.all(_KIND)


def heads(shop: Shop) -> list[Order]:
    """What orders are searched and sorted by, oldest first."""
    return shop.store.heads(_KIND, _head)


def _head(order: Order) -> Order:
    return {name: order[name] for name in ("id", "status", "date_created_gmt", "date_modified_gmt")}


def statuses(shop: Shop) -> dict[str, str]:
    """All registered statuses, slug -> name."""
    return CORE_STATUSES | dict(shop.setting("statuses"))


@alone
def create(shop: Shop, wanted: Mapping[str, Any], *, via: str = "rest-api") -> Order:
    """POST of an order. Two equal ones make two orders; availability is not asked (as in the shop)."""
    status = _known_status(shop, wanted.get("status", "pending"))
    order = blank(shop.next_id(), via)
    order["line_items"] = [new_line(shop, line) for line in wanted.get("line_items", ())]
    order["shipping_lines"] = [new_shipping(shop, line) for line in wanted.get("shipping_lines", ())]
    _write_fields(shop, order, wanted)
    _enter(shop, order, "processing" if wanted.get("set_paid") else status)
    if wanted.get("set_paid"):
        order["date_paid_gmt"] = order["date_paid_gmt"] or now()
    _put(shop, order)
    # The block checkout saves the order before it announces it as made: updated leaves first.
    events = ("updated", "created") if via == "store-api" else ("created", "updated")
    for event in events if status not in ("checkout-draft", "auto-draft") else ("updated",):
        shop.raise_event("order", event, order["id"])
    return order


@alone
def update(shop: Shop, number: int, changes: Mapping[str, Any]) -> Order:
    """PUT of an order: only what is sent changes, and the modification time always moves."""
    order = required(shop, number)
    status = changes.get("status", order["status"])
    if status != order["status"]:
        _known_status(shop, status)
    was_trash = order["status"] == "trash"
    _write_fields(shop, order, changes)
    for line in changes.get("line_items", ()):
        _edit_line(shop, order, line)
    if changes.get("set_paid") and order["status"] in _PAYABLE:
        status, order["date_paid_gmt"] = "processing", now()
    if status != order["status"]:
        _enter(shop, order, status)
    save(shop, order, silent=was_trash)
    return order


@alone
def place_draft(shop: Shop, number: int) -> Order:
    """The customer ends the checkout that was a draft until now."""
    order = required(shop, number)
    _enter(shop, order, "processing")
    save(shop, order)
    shop.raise_event("order", "created", order["id"])
    return order


@alone
def trash(shop: Shop, number: int) -> Order:
    """Into the trash; stock stays taken, as in the shop."""
    order = required(shop, number)
    order["status_before_trash"], order["status"] = order["status"], "trash"
    save(shop, order, silent=True)
    shop.raise_event("order", "deleted", number)
    return order


@alone
def restore(shop: Shop, number: int) -> Order:
    """Out of the trash, as in the admin."""
    order = required(shop, number)
    order["status"] = order["status_before_trash"]
    save(shop, order, silent=True)
    shop.raise_event("order", "restored", number)
    return order


@alone
def delete(shop: Shop, number: int) -> Order:
    """For good: no order webhook is sent; only the action hook fires."""
    order = required(shop, number)
    shop.store.delete(_KIND, str(number))
    shop.raise_event("action", "woocommerce_delete_order", number)
    return order


@alone
def refund(shop: Shop, number: int, wanted: Mapping[str, Any]) -> Order:
    """POST of a refund of an amount, and of lines {id, quantity, refund_total}; `api_restock` puts them back."""
    order = required(shop, number)
    if wanted.get("api_refund", True):
        raise Refusal(500, "woocommerce_rest_cannot_create_order_refund", "The payment gateway does not support refunds.")
    lines = [(order_line(order, int(line["id"])), line) for line in wanted.get("line_items", ())]
    amount = Decimal(str(wanted.get("amount") or sum(Decimal(str(entry.get("refund_total", 0))) for _, entry in lines)))
    if amount < 0 or amount > total(order) - refunded(order):
        raise Refusal(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.")
    made = _add_refund(shop, order, amount, str(wanted.get("reason", "")))
    for line, entry in lines:
        made["line_items"].append(_refund_line(shop, line, entry))
        if wanted.get("api_restock", True) and line["reduced"]:
            products.take(shop, line, -min(int(entry.get("quantity", 0)), line["reduced"]))
            line["restocked"] += int(entry.get("quantity", 0))
    if refunded(order) >= total(order):
        order["status"] = "refunded"
    save(shop, order)
    return made


@alone
def add_note(shop: Shop, number: int, text: str, *, to_customer: bool, author: str = "WooCommerce") -> Order:
    """A note moves nothing and fires nothing; one to the customer is mailed to them."""
    order = required(shop, number)
    note = {"id": shop.next_id(), "author": author, "date_created_gmt": now(), "note": text, "customer_note": to_customer}
    order["notes"].append(note)
    _put(shop, order)
    return note


@alone
def add_tracking(shop: Shop, number: int, entry: Order) -> Order:
    """An entry of a tracking extension; it is kept in the order's meta data, as there."""
    order = required(shop, number)
    set_meta(shop, order["meta_data"], "_wc_shipment_tracking_items", [*trackings(order), entry])
    save(shop, order)
    return entry


def save(shop: Shop, order: Order, *, silent: bool = False) -> None:
    """Store, with the modification time moved, whether anything changed or not."""
    order["date_modified_gmt"] = now()
    _put(shop, order)
    if not silent:
        shop.raise_event("order", "updated", order["id"])


def _enter(shop: Shop, order: Order, status: str) -> None:
    order["status"] = status
    if status in _TAKE:
        products.reduce(shop, order)
    if status in _GIVE_BACK:
        products.restore(shop, order)
    # Entering a status that means "paid" stamps the payment; cash on delivery counts as paid when completed.
    if status == "completed" or (status == "processing" and order["payment_method"] != "cod"):
        order["date_paid_gmt"] = order["date_paid_gmt"] or now()
    if status == "completed":
        order["date_completed_gmt"] = now()
    if status == "refunded" and refunded(order) < total(order):
        _add_refund(shop, order, total(order) - refunded(order), "Order fully refunded.")


def _add_refund(shop: Shop, order: Order, amount: Decimal, reason: str) -> Order:
    made = {"id": shop.next_id(), "date_created_gmt": now(), "amount": f"{amount:.2f}", "reason": reason, "line_items": []}
    order["refunds"].append(made)
    return made


def _refund_line(shop: Shop, line: Order, entry: Mapping[str, Any]) -> Order:
    return {
        "id": shop.next_id("line", 1),
        "of": line["id"],
        "quantity": -int(entry.get("quantity", 0)),
        "total": f"{-Decimal(str(entry.get('refund_total', 0))):.2f}",
    }


def _known_status(shop: Shop, status: object) -> str:
    known = [*statuses(shop), "auto-draft"]
    if status not in known:
        raise invalid("status", f"status is not one of {', '.join(known)}.")
    return str(status)


def _write_fields(shop: Shop, order: Order, changes: Mapping[str, Any]) -> None:
    for name in PLAIN_FIELDS:
        order[name] = changes.get(name, order[name])
    for part in ("billing", "shipping"):
        order[part] |= changes.get(part) or {}
    if "email" in (changes.get("billing") or {}) and "@" not in changes["billing"]["email"]:
        raise invalid("billing", "Invalid email address.")
    for meta in changes.get("meta_data", ()):
        set_meta(shop, order["meta_data"], str(meta["key"]), meta.get("value"))


def _edit_line(shop: Shop, order: Order, wanted: Mapping[str, Any]) -> None:
    """A line with an id changes, with quantity 0 goes, without an id comes; what is taken from stock follows."""
    if "id" not in wanted:
        line = new_line(shop, wanted)
        order["line_items"].append(line)
        if order["stock_reduced"]:
            products.take(shop, line, line["quantity"])
        return
    line = order_line(order, int(wanted["id"]))
    quantity = int(wanted.get("quantity", line["quantity"]))
    if order["stock_reduced"]:
        products.take(shop, line, quantity - line["quantity"])
    line["total"] = f"{Decimal(line['total']) / line['quantity'] * quantity:.2f}"
    line["quantity"] = quantity
    order["line_items"] = [kept for kept in order["line_items"] if kept["quantity"]]


def _put(shop: Shop, order: Order) -> None:
    shop.store.put(_KIND, str(order["id"]), order)
