"""What Shopify posts to us: whose it is, whether it is genuine, what it is about.

Headers are not signed, only the body is. So nothing is done on a header's word: an order is always read again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.domain.errors import Malformed
from connector.installing import App
from connector.platform import Delivery, Kind, Shop
from platforms.messages import members
from platforms.shopify.auth import shop_domain
from platforms.shopify.gids import order_gid

_LONGEST_WORD = 100

# Where a topic's body names the order: the path to its id, tried in turn.
_WHOLE_ORDER = (("admin_graphql_api_id",), ("id",))
_ITS_ORDER = (("order_id",),)
_ORDER_TOPICS: dict[str, tuple[tuple[str, ...], ...]] = {
    "orders/create": _WHOLE_ORDER,
    "orders/updated": _WHOLE_ORDER,
    "orders/paid": _WHOLE_ORDER,
    "orders/cancelled": _WHOLE_ORDER,
    "orders/fulfilled": _WHOLE_ORDER,
    "orders/partially_fulfilled": _WHOLE_ORDER,
    "orders/delete": _WHOLE_ORDER,
    "orders/edited": (("order_edit", "order_id"),),
    "refunds/create": _ITS_ORDER,
    "fulfillments/create": _ITS_ORDER,
    "fulfillments/update": _ITS_ORDER,
}
_READ = tuple(sorted({path[0] for paths in _ORDER_TOPICS.values() for path in paths}))
_PERSONAL = "A request about personal data: a person answers it within 30 days."
_REASONS = {
    "": "The request names no topic.",
    "customers/data_request": _PERSONAL,
    "customers/redact": _PERSONAL,
    "shop/redact": _PERSONAL,
    "fulfillment_orders": "It names a fulfillment order but not its order; the order's own messages and the poll are followed.",
    "inventory_levels": "Stock is kept here; Shopify's count is not read back.",
    "inventory_items": "Items are kept here; Shopify's are not read back.",
    "products": "Items are kept here; Shopify's products are not read back.",
    "locations": "Locations are read when the shop is linked.",
}
_UNKNOWN = "Nothing here depends on this topic."


def shop_named_by(headers: Mapping[str, str]) -> str:
    """The store's domain from X-Shopify-Shop-Domain, "" where it is missing or no domain of a store."""
    return shop_domain(headers.get("x-shopify-shop-domain", ""))


def is_ping(headers: Mapping[str, str], body: bytes) -> bool:
    """Shopify greets nobody: every request is signed."""
    return False


def genuine(shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether X-Shopify-Hmac-Sha256 is base64(HMAC-SHA256(app secret, body)).

    After a rotation of the secret Shopify goes on signing with the old one for up to an hour (shopify.dev, "Rotate or
    revoke client credentials"), so `previous_app_secret` is accepted too. A doubled header arrives joined by a comma and
    fails. Both sides are compared as bytes: compare_digest raises on text that is not ASCII.
    """
    given = headers.get("x-shopify-hmac-sha256", "").encode("utf-8", "replace")
    secrets = (shop.credentials.get("app_secret", ""), shop.credentials.get("previous_app_secret", ""))
    matches = [hmac.compare_digest(signature(secret, body), given) for secret in secrets if secret]
    return any(matches)


def genuine_for(app: App, shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
    """As `genuine`; a shop without a secret of its own was linked by our app, whose secrets sign its webhooks."""
    if shop.credentials.get("app_secret"):
        return genuine(shop, headers, body)
    return any(genuine(replace(shop, credentials={"app_secret": secret}), headers, body) for secret in app.secrets)


def signature(secret: str, body: bytes) -> bytes:
    """The value of X-Shopify-Hmac-Sha256 for this body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def parse(headers: Mapping[str, str], body: bytes) -> Delivery:
    """What a verified request says; Malformed where its body cannot be read or names no order though its topic must."""
    topic = _word(headers.get("x-shopify-topic", "")).lower()
    said = members(body, _READ, "Look at the stored body; the next poll finds its order.")
    key = _dedup_key(topic, headers.get("x-shopify-webhook-id", ""), body)
    if topic in _ORDER_TOPICS:
        return Delivery(topic, Kind.ORDER, key, order_id=_order_named_by(said, topic))
    if topic == "app/uninstalled":
        return Delivery(topic, Kind.UNINSTALLED, key)
    reason = _REASONS.get(topic) or _REASONS.get(topic.partition("/")[0]) or _UNKNOWN
    return Delivery(topic, Kind.IGNORED, key, reason=reason)


def _order_named_by(said: Mapping[str, Any], topic: str) -> str:
    for path in _ORDER_TOPICS[topic]:
        value: Any = said
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if gid := order_gid(value):
            return gid
    raise Malformed(f"A message of the topic {topic} names no order.", "Look at the stored body; the next poll finds the order.")


def _dedup_key(topic: str, webhook_id: str, body: bytes) -> str:
    """Equal for a repeated delivery. The body counts too: an id reused for another body must not hide that body."""
    signed = b"\0".join((topic.encode(), webhook_id.encode("utf-8", "replace"), body))
    return f"{_word(webhook_id)}:{hashlib.sha256(signed).hexdigest()}"


def _word(text: str) -> str:
    """A header's value as it can be stored and shown: short, printable ASCII."""
    return "".join(letter for letter in text[:_LONGEST_WORD] if letter.isascii() and letter.isprintable()).strip()
