"""Our webhook subscriptions of a store: made, and made again after Shopify removed them for failing."""

from __future__ import annotations

from connector.platform import Shop, Subscriptions
from platforms.http import Http
from platforms.shopify import documents
from platforms.shopify.client import pages, tell

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
    """Every topic once at `address`; ours at other addresses are removed, after the new ones stand. Repeatable."""
    standing = list(pages(http, shop, documents.SUBSCRIPTIONS))
    there = {node["topic"] for node in standing if node["uri"] == address}
    for topic in TOPICS:
        if topic not in there:
            tell(http, shop, documents.SUBSCRIBE, topic=topic, subscription={"uri": address, "format": "JSON", "name": NAME})
    for node in standing:
        if node["name"] == NAME and node["uri"] != address:
            tell(http, shop, documents.UNSUBSCRIBE, id=node["id"])
    return Subscriptions(TOPICS)
