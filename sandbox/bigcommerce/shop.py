"""The state of the small BigCommerce store, and the rules every change of an order obeys."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from connector.domain.errors import NotFound
from sandbox.bigcommerce.hooks import Hooks
from sandbox.bigcommerce.stock import Stock
from sandbox.catalogue import CREDENTIALS
from sandbox.store import Store

PLATFORM = "bigcommerce"
STORE_HASH = CREDENTIALS[PLATFORM]["store_hash"]

# id -> (the platform's own name, the label this merchant gave it)
STATUSES: dict[int, tuple[str, str]] = {
    0: ("Incomplete", "Incomplete"),
    1: ("Pending", "Pending"),
    2: ("Shipped", "Expédiée"),
    3: ("Partially Shipped", "Expédiée en partie"),
    4: ("Refunded", "Refunded"),
    5: ("Cancelled", "Annulée"),
    6: ("Declined", "Declined"),
    7: ("Awaiting Payment", "Awaiting Payment"),
    8: ("Awaiting Pickup", "À retirer"),
    9: ("Awaiting Shipment", "Prête au départ"),
    10: ("Completed", "Completed"),
    11: ("Awaiting Fulfillment", "À préparer"),
    12: ("Manual Verification Required", "Manual Verification Required"),
    13: ("Disputed", "Disputed"),
    14: ("Partially Refunded", "Partially Refunded"),
}
LEAVES_STOCK = frozenset({2, 10})

SETTINGS: dict[str, Any] = {
    "token": CREDENTIALS[PLATFORM]["token"],
    "update_stock_behavior": "order_placed",
    "channels": {},  # id -> settings that differ from the store's
    "edit_order_stock_adjustment": True,
    "refund_order_stock_adjustment": True,
    # Vendors say that a shipment moves the status, the reference says nothing: both shops exist here.
    "shipment_moves_status": True,
    "backorders": True,
    "stock_delay_seconds": 0.5,
    "quota": 450,
    "quota_window_ms": 30_000,
}


_HEAD = ("id", "date_created", "date_modified", "status_id", "customer_id", "payment_method", "is_deleted")


def _head(order: dict[str, Any]) -> dict[str, Any]:
    return {**{name: order[name] for name in _HEAD}, "billing": {"email": order["billing"]["email"]}}


class Shop:
    """Orders, shipments, pickups and settings in the durable store. Change an order only inside `changing`."""

    def __init__(self, store: Store, hooks: Hooks, stock: Stock) -> None:
        self.store = store
        self.hooks = hooks
        self.stock = stock
        stock.seed()

    def settings(self) -> dict[str, Any]:
        """What the merchant (or a test) has set, over the store's defaults."""
        return {**SETTINGS, **(self.store.get("bigcommerce.settings", "shop") or {})}

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.store.put("bigcommerce.settings", "shop", {**self.settings(), **changes})

    def order(self, order_id: object) -> dict[str, Any] | None:
        """One order, or None."""
        return self.store.get("bigcommerce.order", str(order_id))

    def orders(self) -> list[dict[str, Any]]:
        """All orders, oldest first."""
        return self.store.all("bigcommerce.order")

    def order_heads(self) -> list[dict[str, Any]]:
        """What orders are searched and sorted by, oldest first."""
        return self.store.heads("bigcommerce.order", _head)

    def shipments(self, order_id: object) -> list[dict[str, Any]]:
        """The shipments of an order."""
        return [row for row in self.store.all("bigcommerce.shipment") if str(row["order_id"]) == str(order_id)]

    def pickups(self) -> list[dict[str, Any]]:
        """All pickup records."""
        return self.store.all("bigcommerce.pickup")

    @contextlib.contextmanager
    def changing(self, order_id: object) -> Iterator[dict[str, Any]]:
        """Change one order: its modification time, stock and webhooks follow by themselves. All or nothing."""
        with self.store.together():
            order = self.order(order_id)
            if order is None:
                raise NotFound(f"There is no order {order_id}.")
            before = order["status_id"]
            yield order
            self.keep(order, before)

    def keep(self, order: dict[str, Any], before: int) -> None:
        """Store a changed order and send what the platform sends: always `updated`, and `statusUpdated` where it moved."""
        order["date_modified"] = int(time.time())
        if order["status_id"] != before:
            self._move_stock(order)
        self.store.put("bigcommerce.order", str(order["id"]), order)
        self.hooks.emit("store/order/updated", {"type": "order", "id": order["id"]})
        if order["status_id"] != before:
            moved = {"previous_status_id": before, "new_status_id": order["status_id"]}
            self.hooks.emit("store/order/statusUpdated", {"type": "order", "id": order["id"], "status": moved})

    def _of_channel(self, order: dict[str, Any]) -> dict[str, Any]:
        """The settings of the order's channel that are its own."""
        own = self.settings()["channels"].get(str(order.get("channel_id", 1)), {})
        return {name: value for name, value in own.items() if value is not None}

    def _move_stock(self, order: dict[str, Any]) -> None:
        """`order_placed`: stock leaves once placed and paid; `order_completed_or_shipped`: with status Shipped or Completed."""
        settings = self.settings() | self._of_channel(order)
        placed = settings["update_stock_behavior"] == "order_placed"
        leaves = order["status_id"] in LEAVES_STOCK or (placed and order["status_id"] in (8, 9, 11))
        if leaves and not order["stock_taken"]:
            self.stock.take(order, backorders=settings["backorders"])
        if order["status_id"] in (4, 5) and settings["refund_order_stock_adjustment"]:
            self.stock.give_back(order)
