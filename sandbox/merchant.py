"""What a merchant does to goods on their way, where the platform can: move, hold, release, take a handover back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.domain.errors import Malformed
from sandbox.catalogue import LOCATION_BY_CODE
from sandbox.shopfront import Shopfront
from sandbox.shopify import moving
from sandbox.shopify.shop import Shop

# (shop, order id, how to read the request's JSON body)
Act = Callable[[Any, str, Callable[[], dict[str, Any]]], None]


def knows(shop: Shopfront) -> bool:
    """Whether this platform has fulfillment orders at all."""
    return isinstance(shop, Shop)


def _move(shop: Shop, order_id: str, read: Callable[[], dict[str, Any]]) -> None:
    location = read().get("location")
    if location not in LOCATION_BY_CODE:
        raise Malformed("There is no such location.", f"Give one of {', '.join(LOCATION_BY_CODE)}.")
    moving.move_open(shop, order_id, str(location))


ACTS: dict[str, Act] = {
    "move": _move,
    "hold": lambda shop, order_id, read: shop.hold(order_id),
    "release": lambda shop, order_id, read: shop.release(order_id),
    "unship": lambda shop, order_id, read: moving.unship(shop, order_id),
}
