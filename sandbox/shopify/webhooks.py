"""The shop's webhooks: subscriptions, REST-shaped bodies, Shopify's headers and its rule of eight retries in four hours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any

from sandbox.catalogue import CREDENTIALS, CURRENCY, ITEM_BY_SKU
from sandbox.sending import Outgoing, Sender
from sandbox.shopify import orders
from sandbox.shopify.orders import Order
from sandbox.store import Store

VERSION = "2026-10"
RETRY_SECONDS = (56.0, 113.0, 226.0, 452.0, 904.0, 1807.0, 3614.0, 7228.0)  # doubling, four hours in all

_SUBSCRIPTION = "shopify.subscription"
_FAILED = "shopify.failed"


class Webhooks:
    """The subscriptions of the shop and the way out to them."""

    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        sender.register("shopify", self._outgoing, RETRY_SECONDS, self._finished)

    def standing(self) -> list[dict[str, Any]]:
        """All subscriptions, oldest first."""
        return self._store.all(_SUBSCRIPTION)

    def add(self, topic: str, uri: str, name: str) -> dict[str, Any] | None:
        """A new subscription; None where the topic already goes to this address."""
        with self._store.together():
            if any(found["topic"] == topic and found["uri"] == uri for found in self.standing()):
                return None
            number = self._store.next_id(_SUBSCRIPTION, 2_000_000_001)
            subscription = {"number": number, "topic": topic, "uri": uri, "name": name or None}
            self._store.put(_SUBSCRIPTION, str(number), subscription)
        return subscription

    def remove(self, number: str) -> bool:
        """Whether there was one to remove."""
        there = self._store.get(_SUBSCRIPTION, number) is not None
        self._store.delete(_SUBSCRIPTION, number)
        return there

    def emit(self, topic: str, body: dict[str, Any]) -> None:
        """Queue a message to every subscription of the topic ("orders/create"), with the body as it is now."""
        enum = topic.upper().replace("/", "_")
        event = str(uuid.uuid4())
        for subscription in self.standing():
            if subscription["topic"] == enum:
                entry = {
                    "subscription": str(subscription["number"]),
                    "topic": topic,
                    "webhook_id": str(uuid.uuid4()),
                    "event_id": event,
                    "triggered_at": orders.stamp(),
                    "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
                }
                self._sender.queue("shopify", entry)

    def _outgoing(self, entry: dict[str, Any]) -> Outgoing | None:
        subscription = self._store.get(_SUBSCRIPTION, entry["subscription"])
        if subscription is None:
            return None
        body = entry["body"].encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": entry["topic"],
            "X-Shopify-Hmac-Sha256": signature(CREDENTIALS["shopify"]["app_secret"], body),
            "X-Shopify-Shop-Domain": CREDENTIALS["shopify"]["domain"],
            "X-Shopify-API-Version": VERSION,
            "X-Shopify-Webhook-Id": entry["webhook_id"],
            "X-Shopify-Event-Id": entry["event_id"],
            "X-Shopify-Triggered-At": entry["triggered_at"],
            **({"X-Shopify-Name": subscription["name"]} if subscription["name"] else {}),
        }
        return Outgoing(subscription["uri"], headers, body)

    def _finished(self, entry: dict[str, Any], status: int) -> None:
        """Count the failures of a message; one that failed to its last retry takes its subscription with it."""
        key = entry["webhook_id"]
        with self._store.together():
            if 200 <= status < 300:
                self._store.delete(_FAILED, key)
                return
            failures = int((self._store.get(_FAILED, key) or {"failures": 0})["failures"]) + 1
            if failures <= len(RETRY_SECONDS):
                self._store.put(_FAILED, key, {"failures": failures})
                return
            self._store.delete(_FAILED, key)
            self.remove(entry["subscription"])


def signature(secret: str, body: bytes) -> str:
    """X-Shopify-Hmac-Sha256."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def order_body(order: Order) -> dict[str, Any]:
    """The order as webhooks carry it: REST-shaped, without fulfillment orders, delivery method or assigned location."""
    status = orders.fulfillment_status(order)
    return {
        "id": order["id"],
        "admin_graphql_api_id": orders.gid("Order", order["id"]),
        "name": order["name"],
        "order_number": int(order["name"].removeprefix("#")),
        "created_at": order["created_at"],
        "processed_at": order["created_at"],
        "updated_at": order["updated_at"],
        "cancelled_at": order["cancelled_at"],
        "currency": CURRENCY,
        "current_total_price": orders.text(orders.total_minor(order)),
        "total_outstanding": orders.text(orders.outstanding_minor(order)),
        "financial_status": orders.financial_status(order).lower(),
        "fulfillment_status": {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}.get(status),
        "note": order["note"] or None,
        "email": (order["customer"] or {}).get("email") or None,
        "customer": _customer_body(order),
        "shipping_address": _address_body(order),
        "source_name": "web",
        "test": False,
        "line_items": [_line_body(line) for line in order["lines"]],
    }


def refund_body(order: Order, number: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A refund as refunds/create carries it."""
    return {
        "id": number,
        "admin_graphql_api_id": orders.gid("Refund", number),
        "order_id": order["id"],
        "created_at": orders.stamp(),
        "refund_line_items": lines,
    }


def fulfillment_body(order: Order, shipment: dict[str, Any]) -> dict[str, Any]:
    """A fulfillment as fulfillments/create carries it."""
    return {
        "id": shipment["id"],
        "admin_graphql_api_id": orders.gid("Fulfillment", shipment["id"]),
        "order_id": order["id"],
        "status": shipment["status"].lower(),
        "created_at": shipment["created_at"],
        "tracking_number": shipment["tracking"].get("number"),
        "tracking_company": shipment["tracking"].get("company"),
        "line_items": [{"id": line["line"], "quantity": line["quantity"]} for line in shipment["lines"]],
    }


def level_body(sku: str, code: str, available: int) -> dict[str, Any]:
    """A stock level as inventory_levels/update carries it."""
    return {
        "inventory_item_id": 9000 + ITEM_BY_SKU[sku].number,
        "location_id": int(orders.location_gid(code).rpartition("/")[2]),
        "available": available,
        "updated_at": orders.stamp(),
    }


def _line_body(line: orders.Line) -> dict[str, Any]:
    return {
        "id": line["id"],
        "admin_graphql_api_id": orders.gid("LineItem", line["id"]),
        "title": line["title"],
        "sku": line["sku"] or None,
        "quantity": line["quantity"],
        "current_quantity": line["current"],
        "price": orders.text(line["price_minor"]),
        "requires_shipping": line["ships"],
        "gift_card": line["gift_card"],
        "variant_id": line["variant"],
    }


def _customer_body(order: Order) -> dict[str, Any] | None:
    customer = order["customer"]
    return None if customer is None else {"id": customer["id"], "email": customer["email"], "first_name": customer["name"]}


def _address_body(order: Order) -> dict[str, Any] | None:
    postal = order["address"]
    if postal is None:
        return None
    renamed = {"street": "address1", "postcode": "zip", "country": "country_code"}
    return {renamed.get(name, name): value or None for name, value in postal.items()}
