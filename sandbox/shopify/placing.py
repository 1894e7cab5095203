"""A new order as a customer's checkout makes it: lines, people, and the fulfillment orders routing gives it."""

from __future__ import annotations

import time
from typing import Any

from connector.domain.errors import Rejected
from sandbox.catalogue import ITEM_BY_SKU, LOCATION_BY_CODE
from sandbox.shopfront import PICKUP as COLLECTED
from sandbox.shopfront import Wanted
from sandbox.shopify import orders
from sandbox.shopify.orders import Line, Order, Part
from sandbox.shopify.routing import PRIORITY, Available, route
from sandbox.store import Store

FIRST_ORDER = 6_100_000_000_001  # ids of today's Shopify have 13 digits
_FIRST_LINE = 15_200_000_000_001
_FIRST_PART = 7_300_000_000_001
_FIRST_CUSTOMER = 8_400_000_000_001

_ODD = "Zoë 🐚 O’Neil <b>“& Sons”</b> \u202eאבג\u202c"

# sku, title, price in cents, has a variant, is shipped, is a gift card
_EXTRA_LINES: dict[str, tuple[str, str, int, bool, bool, bool]] = {
    "custom_line": ("", "Emballage cadeau à la main", 500, False, True, False),
    "unknown_sku": ("NULLE-PART-1", "Bouteille à la mer", 1000, True, True, False),
    "gift_card": ("", "Carte cadeau 50 €", 5000, True, False, True),
    "digital": ("EBOOK-NOEUDS", "Le livre des nœuds (PDF)", 1200, True, False, False),
    "tip": ("", "Pourboire", 200, False, False, False),
}


def new_order(store: Store, wanted: Wanted, available: Available, routing_seconds: float) -> Order:
    """The order document; Rejected for a quantity below 1 or an unknown collecting place."""
    if any(units < 1 for _, units in wanted.lines):
        raise Rejected("A line asks for less than one unit.", "Give quantities from 1.")
    if wanted.handover == COLLECTED and wanted.pickup not in LOCATION_BY_CODE:
        raise Rejected(f"There is no location {wanted.pickup[:40]!r}.", f"Give one of {', '.join(LOCATION_BY_CODE)}.")
    lines = [new_line(store, sku, units) for sku, units in wanted.lines]
    lines += [_extra_line(store, name) for name in wanted.extra if name in _EXTRA_LINES]
    now = orders.stamp()
    order: Order = {
        "id": store.next_id("shopify.order", FIRST_ORDER),
        "name": f"#{store.next_id('shopify.order_name', 1001)}",
        "created_at": now,
        "updated_at": now,
        "cancelled_at": None,
        "routed_at": time.time() + routing_seconds,
        "paid_minor": 0,
        "refunded_minor": 0,
        "customer": _customer(store, wanted),
        "address": _address(wanted),
        "note": _ODD if "odd_characters" in wanted.extra else wanted.note,
        "handover": wanted.handover,
        "lines": lines,
        "parts": [],
        "shipments": [],
        "notes": [],
    }
    for line in lines:
        line["pickup"] = wanted.pickup if wanted.handover == COLLECTED else ""
    order["parts"] = parts_for(store, lines, available)
    return order


def new_line(store: Store, sku: str, units: int) -> Line:
    """A line of the catalogue; an unknown SKU is a product whose stock the shop does not keep."""
    item = ITEM_BY_SKU.get(sku)
    title, price = (item.title, item.price_minor) if item else (f"Article {sku}", 1000)
    return _line(store, sku, title, units, price, variant=True, ships=True, gift_card=False)


def parts_for(store: Store, lines: list[Line], available: Available) -> list[Part]:
    """Fulfillment orders for all units of these lines: what is collected, what is shipped, what has no body."""
    collected = [line for line in lines if line["ships"] and line["pickup"]]
    shipped = [(line["id"], line["sku"], line["current"]) for line in lines if line["ships"] and not line["pickup"]]
    bodiless = [line for line in lines if not line["ships"] and not line.get("tip")]
    parts = []
    if collected:
        parts.append(
            new_part(store, collected[0]["pickup"], orders.PICKUP, [(line["id"], line["current"]) for line in collected])
        )
    if shipped:
        parts += [new_part(store, code, "SHIPPING", units) for code, units in route(shipped, available).items()]
    if bodiless:
        parts.append(new_part(store, PRIORITY[0], "NONE", [(line["id"], line["current"]) for line in bodiless]))
    return parts


def new_part(store: Store, code: str, method: str, units: list[tuple[int, int]]) -> Part:
    """An open fulfillment order of units by line number."""
    return {
        "id": store.next_id("shopify.part", _FIRST_PART),
        "location": code,
        "method": method,
        "status": "OPEN",
        "prepared": False,
        "lines": [
            {"id": store.next_id("shopify.part_line", _FIRST_LINE), "line": line, "total": count, "remaining": count}
            for line, count in units
        ],
    }


def _extra_line(store: Store, name: str) -> Line:
    sku, title, price, variant, ships, gift_card = _EXTRA_LINES[name]
    line = _line(store, sku, title, 1, price, variant=variant, ships=ships, gift_card=gift_card)
    return {**line, "tip": True} if name == "tip" else line


def _line(store: Store, sku: str, title: str, units: int, price: int, *, variant: bool, ships: bool, gift_card: bool) -> Line:
    number = store.next_id("shopify.line", _FIRST_LINE)
    item = ITEM_BY_SKU.get(sku)
    return {
        "id": number,
        "sku": sku,
        "title": title,
        "barcode": item.barcode if item else "",
        "quantity": units,
        "current": units,
        "price_minor": price,
        "variant": (5000 + item.number if item else 5900 + number % 100) if variant else None,
        "ships": ships,
        "gift_card": gift_card,
        "pickup": "",
    }


def _customer(store: Store, wanted: Wanted) -> dict[str, Any] | None:
    if "no_customer" in wanted.extra:
        return None
    name = _ODD if "odd_characters" in wanted.extra else wanted.customer.get("name", "")
    number = store.next_id("shopify.customer", _FIRST_CUSTOMER)
    return {"id": number, "name": name, "email": wanted.customer.get("email", ""), "phone": wanted.customer.get("phone", "")}


def _address(wanted: Wanted) -> dict[str, str] | None:
    """Orders to be collected have no shipping address."""
    if "no_address" in wanted.extra or wanted.handover == COLLECTED:
        return None
    names = ("name", "street", "city", "postcode", "country", "phone")
    return {name: wanted.customer.get(name, "") for name in names}
