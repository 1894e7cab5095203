"""What a merchant does with goods on their way: move them to another location, take a fulfillment back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.errors import NotFound, Rejected
from sandbox.catalogue import LOCATION_BY_CODE
from sandbox.shopify import orders
from sandbox.shopify.orders import Order, Part
from sandbox.shopify.placing import new_part
from sandbox.shopify.shop import Shop


def move(shop: Shop, order_id: str, part_id: int, code: str, units: Mapping[int, int] | None = None) -> Part:
    """Move units (by the fulfillment order's own lines; all where not given) to another location: a fulfillment order there.

    Rejected where progress was reported, as Shopify does.
    """
    with shop.changing(order_id) as order:
        part = next((part for part in order["parts"] if part["id"] == part_id), None)
        if part is None or code not in LOCATION_BY_CODE:
            raise NotFound("There is no such fulfillment order or location.", "GET the order to see them.")
        if part["status"] != "OPEN":
            raise Rejected("A fulfillment order with reported progress cannot be moved.", "Open it again first.")
        wanted = units or {line["id"]: line["remaining"] for line in part["lines"]}
        moved = _take(part, wanted)
        there = new_part(shop.store, code, part["method"], list(moved.items()))
        order["parts"].append(there)
        for line, count in moved.items():
            sku = orders.line_of(order, line)["sku"]
            shop.inventory.commit(sku, part["location"], -count)
            shop.inventory.commit(sku, code, count)
        part["status"] = "OPEN" if orders.remaining(part) else "CLOSED"
        return there


def move_open(shop: Shop, order_id: str, code: str) -> None:
    """Move everything that is still open of an order."""
    order = shop.order(order_id)
    for part in (order or {"parts": []})["parts"]:
        if part["status"] in ("OPEN", "IN_PROGRESS") and part["location"] != code and orders.remaining(part):
            reopen(shop, order_id, part["id"])
            move(shop, order_id, part["id"], code)


def reopen(shop: Shop, order_id: str, part_id: int) -> None:
    """Take reported progress back."""
    shop.mark(order_id, part_id, status="OPEN")


def unship(shop: Shop, order_id: str, shipment_id: int | None = None) -> None:
    """Cancel one fulfillment, or all: its goods are in a new fulfillment order at the same location."""
    with shop.changing(order_id) as order:
        chosen = [one for one in order["shipments"] if one["status"] != "CANCELLED" and shipment_id in (None, one["id"])]
        if not chosen:
            raise Rejected("There is no fulfillment to cancel.", "")
        for shipment in chosen:
            _take_back(shop, order, shipment)


def _take_back(shop: Shop, order: Order, shipment: dict[str, Any]) -> None:
    shipment["status"] = "CANCELLED"
    units = [(line["line"], line["quantity"]) for line in shipment["lines"]]
    code = shipment["location"]
    order["parts"].append(new_part(shop.store, code, shipment["method"], units))
    for line, count in units:
        shop.inventory.leave(orders.line_of(order, line)["sku"], code, -count)


def _take(part: Part, wanted: Mapping[int, int]) -> dict[int, int]:
    """Take units out of a fulfillment order; order line -> units."""
    taken = {}
    for line in part["lines"]:
        count = wanted.get(line["id"], 0)
        if not 0 <= count <= line["remaining"]:
            raise Rejected("Invalid fulfillment order line item quantity requested.", "")
        if count:
            line["remaining"] -= count
            line["total"] -= count
            taken[line["line"]] = count
    return taken
