"""What an order is made of: the records of a new one, its lines and meta data, and the sums over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sandbox.catalogue import CURRENCY, LOCATION_BY_CODE
from sandbox.woocommerce import products
from sandbox.woocommerce.shop import Order, Refusal, Shop, crash, now

FLAT_RATE = {"method_id": "flat_rate", "instance_id": "1", "method_title": "Livraison à domicile", "total": "4.90"}
PLAIN_FIELDS = ("customer_note", "payment_method", "payment_method_title", "transaction_id", "customer_id")


def total(order: Order) -> Decimal:
    """What the customer pays; it does not fall with a refund."""
    charged = [*order["line_items"], *order["shipping_lines"]]
    return sum((Decimal(line["total"]) for line in charged), Decimal("0.00"))


def refunded(order: Order) -> Decimal:
    """What was refunded in all."""
    return sum((Decimal(made["amount"]) for made in order["refunds"]), Decimal("0.00"))


def trackings(order: Order) -> list[Order]:
    """The entries of a tracking extension."""
    found: object = next((meta["value"] for meta in order["meta_data"] if meta["key"] == "_wc_shipment_tracking_items"), [])
    return found if isinstance(found, list) else []


def blank(number: int, via: str) -> Order:
    """An order with nothing in it."""
    names = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country", "phone")
    address = dict.fromkeys(names, "")
    return {
        "id": number,
        "status": "auto-draft",
        "currency": CURRENCY,
        "created_via": via,
        "billing": {**address, "email": ""},
        "shipping": dict(address),
        **dict.fromkeys(PLAIN_FIELDS, ""),
        "customer_id": 0,
        "date_created_gmt": now(),
        "date_modified_gmt": now(),
        "date_paid_gmt": None,
        "date_completed_gmt": None,
        "stock_reduced": False,
        "line_items": [],
        "shipping_lines": [],
        "meta_data": [],
        "refunds": [],
        "notes": [],
    }


def new_line(shop: Shop, wanted: Mapping[str, Any]) -> Order:
    """A line; an unknown product is taken as a line without one. Quantity 0 makes the shop's code fail."""
    quantity = wanted.get("quantity", 1)
    if not quantity:
        raise crash("DivisionByZeroError: Division by zero in class-wc-abstract-order.php")
    product = products.find(shop, int(wanted.get("variation_id") or wanted.get("product_id") or 0))
    price = Decimal(product["price"] or "0") if product else Decimal(0)
    variation = bool(product and product["type"] == "variation")
    return {
        "id": shop.next_id("line", 1),
        "name": str(wanted.get("name") or (product["name"] if product else "")),
        "product_id": (product["parent_id"] if variation else product["id"]) if product else 0,
        "variation_id": product["id"] if product and variation else 0,
        "quantity": quantity,
        "total": str(wanted.get("total") or f"{price * Decimal(str(quantity)):.2f}"),
        "reduced": 0,
        "restocked": 0,
    }


def new_shipping(shop: Shop, wanted: Mapping[str, Any]) -> Order:
    """A shipping line: how the goods reach the customer."""
    meta: Sequence[Mapping[str, Any]] = wanted.get("meta_data", ())
    return {
        "id": shop.next_id("line", 1),
        "method_title": str(wanted.get("method_title", "")),
        "method_id": str(wanted.get("method_id", "")),
        "instance_id": str(wanted.get("instance_id", "0")),
        "total": str(wanted.get("total") or "0.00"),
        "meta_data": [{"id": shop.next_id("meta", 1), "key": entry["key"], "value": entry["value"]} for entry in meta],
    }


def pickup_rate(code: str) -> dict[str, Any]:
    """The shipping line of the block checkout's pickup: it keeps the place's display name, and no id."""
    location = LOCATION_BY_CODE.get(code)
    name = location.name if location else code
    meta = {"pickup_location": name, "pickup_address": f"{name}, Marseille", "pickup_details": ""}
    return {
        "method_id": "pickup_location",
        "instance_id": "0",
        "method_title": f"Retrait ({name})",
        "meta_data": [{"key": key, "value": value} for key, value in meta.items()],
    }


def order_line(order: Order, number: int) -> Order:
    """The order's line with this id, or the error of a foreign one."""
    line: Order | None = next((line for line in order["line_items"] if line["id"] == number), None)
    if line is None:
        raise Refusal(400, "woocommerce_rest_invalid_item_id", "Order item ID provided is not associated with order.")
    return line


def set_meta(shop: Shop, meta_data: list[Order], key: str, value: object) -> None:
    """A known key is updated; null removes it."""
    known = next((meta for meta in meta_data if meta["key"] == key), None)
    if value is None:
        meta_data[:] = [meta for meta in meta_data if meta["key"] != key]
    elif known is not None:
        known["value"] = value
    else:
        meta_data.append({"id": shop.next_id("meta", 1), "key": key, "value": value})
