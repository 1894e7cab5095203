"""What a merchant does with goods on their way: move them to another location, divide and unite them, take a fulfillment back."""

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
        _recommit(shop, order, moved, part["location"], code)
        part["status"] = "OPEN" if orders.remaining(part) else "CLOSED"
        return there


def move_open(shop: Shop, order_id: str, code: str) -> None:
    """Move everything that is still open of an order."""
    order = shop.order(order_id)
    for part in (order or {"parts": []})["parts"]:
        if part["status"] in ("OPEN", "IN_PROGRESS") and part["location"] != code and orders.remaining(part):
            reopen(shop, order_id, part["id"])
            move(shop, order_id, part["id"], code)


def split(shop: Shop, order_id: str, part_id: int, units: Mapping[int, int]) -> Part:
    """Put units (by the fulfillment order's own lines) into a fulfillment order of their own, at the same location."""
    with shop.changing(order_id) as order:
        part = next((part for part in order["parts"] if part["id"] == part_id), None)
        if part is None:
            raise NotFound("There is no such fulfillment order.", "GET the order to see them.")
        if part["status"] not in ("OPEN", "IN_PROGRESS") or not 0 < sum(units.values()) < orders.remaining(part):
            raise Rejected("The fulfillment order cannot be split like this.", "Give some of its units, and not all.")
        apart = new_part(shop.store, part["location"], part["method"], list(_take(part, units).items()))
        order["parts"].append({**apart, "status": part["status"]})
        return apart


def split_all(shop: Shop, order_id: str) -> None:
    """Put one unit of every open fulfillment order that has several into one of its own."""
    for part in (shop.order(order_id) or {"parts": []})["parts"]:
        if part["status"] == "OPEN" and orders.remaining(part) > 1:
            split(shop, order_id, part["id"], {next(line["id"] for line in part["lines"] if line["remaining"]): 1})


def merge(shop: Shop, order_id: str) -> None:
    """Unite open fulfillment orders of one location and delivery method: the others end, and the first holds everything."""
    with shop.changing(order_id) as order:
        first: dict[tuple[str, str], Part] = {}
        for part in (part for part in order["parts"] if part["status"] == "OPEN" and orders.remaining(part)):
            into = first.setdefault((part["location"], part["method"]), part)
            if into is part:
                continue
            taken = _take(part, {line["id"]: line["remaining"] for line in part["lines"]})
            into["lines"] += new_part(shop.store, into["location"], into["method"], list(taken.items()))["lines"]
            part["status"] = "CLOSED"


def fulfill_open(shop: Shop, order_id: str) -> None:
    """Fulfill everything that is open, one fulfillment for each location and delivery method."""
    order = shop.order(order_id)
    groups: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for part in (part for part in (order or {"parts": []})["parts"] if part["status"] in ("OPEN", "IN_PROGRESS")):
        units = [(part["id"], line["id"], line["remaining"]) for line in part["lines"] if line["remaining"]]
        groups.setdefault((part["location"], part["method"]), []).extend(units)
    if not any(groups.values()):
        raise Rejected("There is nothing left to fulfill.", "GET the order to see what was.")
    for units in filter(None, groups.values()):
        shop.fulfill(order_id, units, {})


def hand_over_by(shop: Shop, order_id: str, method: str, code: str) -> None:
    """What is open goes to the customer another way: its fulfillment orders end, and new ones of that method take its units."""
    with shop.changing(order_id) as order:
        going = [part for part in order["parts"] if part["status"] == "OPEN" and part["method"] in ("SHIPPING", orders.PICKUP)]
        for part in going:
            place = code or part["location"]
            taken = _take(part, {line["id"]: line["remaining"] for line in part["lines"]})
            if taken:
                order["parts"].append(new_part(shop.store, place, method, list(taken.items())))
                _recommit(shop, order, taken, part["location"], place)
            part["status"] = "CLOSED"
        for line in order["lines"]:
            line["pickup"] = code
        order["handover"] = "pickup" if method == orders.PICKUP else "delivery"


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


def _recommit(shop: Shop, order: Order, units: Mapping[int, int], here: str, there: str) -> None:
    """The shop's own stock follows units (by order line) from one location to another."""
    for line, count in units.items():
        sku = orders.line_of(order, line)["sku"]
        shop.inventory.commit(sku, here, -count)
        shop.inventory.commit(sku, there, count)


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
