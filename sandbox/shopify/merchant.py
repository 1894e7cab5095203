"""What the control API lets a merchant do beyond what every shop has: with fulfillment orders, address and way of delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.domain.errors import Malformed, Rejected
from sandbox.catalogue import LOCATION_BY_CODE
from sandbox.shopfront import PICKUP
from sandbox.shopify import moving, orders
from sandbox.shopify.shop import Shop
from sandbox.wanted import address_from, handover_from

# (shop, order id, how to read the request's JSON body)
Act = Callable[[Any, str, Callable[[], dict[str, Any]]], None]

# Why the admin has no such act.
CANNOT: Mapping[str, str] = {"reopen": "Shopify never takes the cancelling of an order back."}


def _move(shop: Shop, order_id: str, read: Callable[[], dict[str, Any]]) -> None:
    location = read().get("location")
    if location not in LOCATION_BY_CODE:
        raise Malformed("There is no such location.", f"Give one of {', '.join(LOCATION_BY_CODE)}.")
    moving.move_open(shop, order_id, str(location))


def _readdress(shop: Shop, order_id: str, wanted: Mapping[str, str]) -> None:
    with shop.changing(order_id) as order:
        if order["address"] is None:
            raise Rejected("This order is sent nowhere.", "Only an order with a shipping address has one to change.")
        order["address"] |= {name: text for name, text in wanted.items() if name in order["address"]}


def _hand_over_by(shop: Shop, order_id: str, way: str, place: str) -> None:
    moving.hand_over_by(shop, order_id, orders.PICKUP if way == PICKUP else "SHIPPING", place)


ACTS: Mapping[str, Act] = {
    "address": lambda shop, order_id, read: _readdress(shop, order_id, address_from(read())),
    "handover": lambda shop, order_id, read: _hand_over_by(shop, order_id, *handover_from(read())),
    "move": _move,
    "split": lambda shop, order_id, read: moving.split_all(shop, order_id),
    "merge": lambda shop, order_id, read: moving.merge(shop, order_id),
    "hold": lambda shop, order_id, read: shop.hold(order_id),
    "release": lambda shop, order_id, read: shop.release(order_id),
    "fulfill": lambda shop, order_id, read: moving.fulfill_open(shop, order_id),
    "unship": lambda shop, order_id, read: moving.unship(shop, order_id),
}
