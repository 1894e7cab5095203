"""What the control API lets a merchant do in the control panel beyond what every shop has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.domain.errors import Rejected
from sandbox.bigcommerce import shipping
from sandbox.bigcommerce.drafting import DELIVERY_RATE, PICKUP_RATE
from sandbox.bigcommerce.shop import Shop
from sandbox.shopfront import PICKUP
from sandbox.wanted import address_from, handover_from

# (the shop, order id, how to read the request's JSON body)
Act = Callable[[Any, str, Callable[[], dict[str, Any]]], None]

_FIELDS = {"street_1": "street", "city": "city", "zip": "postcode", "country_iso2": "country", "phone": "phone"}
_SHIPPED, _CANCELLED, _DECLINED, _COMPLETED, _TO_PREPARE, _TO_VERIFY = 2, 5, 6, 10, 11, 12

# Why the control panel has no such act.
CANNOT: Mapping[str, str] = {
    "move": "An order of BigCommerce names no location it is shipped from; routing is the merchant's own affair.",
    "split": "BigCommerce does not divide an order. Edit this one, and place the other.",
    "merge": "BigCommerce does not merge orders. Cancel one, and edit the other.",
}


def readdress(shop: Shop, order_id: str, wanted: Mapping[str, str]) -> None:
    """The parcel is to go elsewhere."""
    with shop.changing(order_id) as order:
        if not order["addresses"]:
            raise Rejected("This order is sent nowhere.", "Only an order with a shipping address has one to change.")
        order["addresses"][0] |= {ours: wanted[theirs] for ours, theirs in _FIELDS.items() if theirs in wanted}


def hand_over_by(shop: Shop, order_id: str, way: str, place: str) -> None:
    """Another shipping method: the rate "Pickup in Store", which names no place, or delivery again."""
    with shop.changing(order_id) as order:
        if not order["addresses"]:
            raise Rejected("A pickup consignment is not turned into a parcel.", "Place an order whose pickup is a shipping rate.")
        for address in order["addresses"]:
            address["shipping_method"] = PICKUP_RATE if way == PICKUP else DELIVERY_RATE


def fulfill(shop: Shop, order_id: str) -> None:
    """Ship everything that is left, as the control panel does: one shipment an address."""
    for address in (shop.order(order_id) or {"addresses": []})["addresses"]:
        lines = [line for line in (shop.order(order_id) or {})["lines"] if line["order_address_id"] == address["id"]]
        left = [(line["id"], line["quantity"] - line["quantity_shipped"]) for line in lines if line["type"] == "physical"]
        items = [{"order_product_id": line, "quantity": units} for line, units in left if units]
        if items:
            shipping.ship(shop, order_id, {"order_address_id": address["id"], "items": items})
    with shop.changing(order_id) as order:
        order["status_id"] = _SHIPPED if order["addresses"] else _COMPLETED


def unship(shop: Shop, order_id: str) -> None:
    """Delete the shipments. The status stays where they moved it, so the merchant sets it back by hand."""
    found = shop.shipments(order_id)
    if not found:
        raise Rejected("There is no shipment to delete.")
    for shipment in found:
        shipping.unship(shop, int(order_id), shipment["id"])
    with shop.changing(order_id) as order:
        order["status_id"] = _TO_PREPARE


def _status(*before: int, to: int) -> Act:
    def act(front: Any, order_id: str, read: Callable[[], dict[str, Any]]) -> None:
        with front.shop.changing(order_id) as order:
            if order["status_id"] not in before:
                raise Rejected(f"Order {order_id} does not stand so that this could be done.", "GET the order to see it.")
            order["status_id"] = to

    return act


ACTS: Mapping[str, Act] = {
    "address": lambda front, order_id, read: readdress(front.shop, order_id, address_from(read())),
    "handover": lambda front, order_id, read: hand_over_by(front.shop, order_id, *handover_from(read())),
    "fulfill": lambda front, order_id, read: fulfill(front.shop, order_id),
    "unship": lambda front, order_id, read: unship(front.shop, order_id),
    "reopen": _status(_CANCELLED, _DECLINED, to=_TO_PREPARE),
    "hold": _status(_TO_PREPARE, 9, to=_TO_VERIFY),
    "release": _status(_TO_VERIFY, to=_TO_PREPARE),
}
