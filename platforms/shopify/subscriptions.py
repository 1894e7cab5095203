"""Our webhook subscriptions of a store: made, and made again after Shopify removed them for failing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.platform import Flaw, Shop, Subscriptions
from platforms.http import Http
from platforms.shopify import documents
from platforms.shopify.client import VERSION, pages, tell

# Each only says "read this order", so they overlap on purpose: one lost message is made good by the next.
TOPICS = (
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "ORDERS_PAID",
    "ORDERS_CANCELLED",
    "ORDERS_FULFILLED",
    "ORDERS_PARTIALLY_FULFILLED",
    "ORDERS_EDITED",
    "ORDERS_DELETE",
    "REFUNDS_CREATE",
    "FULFILLMENTS_CREATE",
    "FULFILLMENTS_UPDATE",
    "APP_UNINSTALLED",
)

# Shopify shows each app only its own subscriptions; the name tells ours from others made with the same app's token.
NAME = "order-connector"


def subscribe(http: Http, shop: Shop, address: str) -> Subscriptions:
    """Every topic once at `address` in our version; ours at other addresses are removed, after the new ones stand.
    Repeatable. Shopify takes a topic only once per address, so one of another version goes before the new one comes."""
    standing = list(pages(http, shop, documents.SUBSCRIPTIONS))
    there = {node["topic"]: node for node in standing if node["uri"] == address}
    for topic in TOPICS:
        if topic in there and not _is_current(there[topic]):
            tell(http, shop, documents.UNSUBSCRIBE, id=there.pop(topic)["id"])
        if topic not in there:
            tell(http, shop, documents.SUBSCRIBE, topic=topic, subscription={"uri": address, "format": "JSON", "name": NAME})
    for node in standing:
        if node["name"] == NAME and node["uri"] != address:
            tell(http, shop, documents.UNSUBSCRIBE, id=node["id"])
    return Subscriptions(TOPICS)


def flaws(http: Http, shop: Shop, address: str) -> tuple[Flaw, ...]:
    """Topics without a subscription at `address` in our version: Shopify deletes one whose deliveries failed for hours."""
    standing = list(pages(http, shop, documents.SUBSCRIPTIONS))
    return tuple(flaw for topic in TOPICS if (flaw := _flaw(topic, address, standing)) is not None)


def _flaw(topic: str, address: str, standing: Sequence[Mapping[str, Any]]) -> Flaw | None:
    of_topic = [node for node in standing if node["topic"] == topic]
    here = next((node for node in of_topic if node["uri"] == address), None)
    if here is None:
        elsewhere = next((node["uri"] for node in of_topic if node["name"] == NAME), "")
        return Flaw(topic, "elsewhere" if elsewhere else "missing", elsewhere)
    return None if _is_current(here) else Flaw(topic, "version", here["apiVersion"]["handle"])


def _is_current(node: Mapping[str, Any]) -> bool:
    return bool(node["apiVersion"]["handle"] == VERSION)
