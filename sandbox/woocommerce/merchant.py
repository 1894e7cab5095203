"""What the control API lets a merchant do in this shop's admin beyond what every shop has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.domain.errors import NotFound, Rejected
from sandbox.shopfront import PICKUP
from sandbox.wanted import address_from, handover_from
from sandbox.woocommerce import orders
from sandbox.woocommerce.records import FLAT_RATE, new_shipping, pickup_rate
from sandbox.woocommerce.shop import Order, Shop, alone

# (the shop, order id, how to read the request's JSON body)
Act = Callable[[Any, str, Callable[[], dict[str, Any]]], None]

_FIELDS = {"address_1": "street", "city": "city", "postcode": "postcode", "country": "country", "phone": "phone"}

# Why the shop's admin has no such act.
CANNOT: Mapping[str, str] = {
    "move": "WooCommerce keeps one quantity of a product, and no locations.",
    "split": "WooCommerce does not divide an order; an extension makes a second one. Edit this one, and place the other.",
    "merge": "WooCommerce does not merge orders; an extension cancels one. Cancel it, and edit the other.",
}


@alone
def readdress(shop: Shop, order: Order, wanted: Mapping[str, str]) -> None:
    """The parcel is to go elsewhere."""
    order["shipping"] |= {ours: wanted[theirs] for ours, theirs in _FIELDS.items() if theirs in wanted}
    orders.save(shop, order)


@alone
def hand_over_by(shop: Shop, order: Order, way: str, place: str) -> None:
    """Deliver what was to be collected, or the other way round: the shipping line is replaced."""
    rate = pickup_rate(place) if way == PICKUP else FLAT_RATE
    order["shipping_lines"] = [new_shipping(shop, rate)]
    orders.save(shop, order)


def _status(*before: str, to: str) -> Act:
    """The merchant chooses another status; the shop lets them choose any, so only senseless ones are refused here."""

    def act(front: Any, order_id: str, read: Callable[[], dict[str, Any]]) -> None:
        order = _found(front, order_id)
        if order["status"] not in before:
            raise Rejected(f"An order that is {order['status']} is not made {to} like this.", "GET the order to see it.")
        orders.update(front.shop, order["id"], {"status": to})

    return act


def _found(front: Any, order_id: str) -> Order:
    order = orders.find(front.shop, int(order_id)) if order_id.isdigit() else None
    if order is None:
        raise NotFound(f"There is no order {order_id[:20]!r}.")
    return order


ACTS: Mapping[str, Act] = {
    "address": lambda front, order_id, read: readdress(front.shop, _found(front, order_id), address_from(read())),
    "handover": lambda front, order_id, read: hand_over_by(front.shop, _found(front, order_id), *handover_from(read())),
    "fulfill": _status("processing", "on-hold", to="completed"),
    "unship": _status("completed", to="processing"),
    "reopen": _status("cancelled", "failed", to="processing"),
    "hold": _status("processing", to="on-hold"),
    "release": _status("on-hold", to="processing"),
}
