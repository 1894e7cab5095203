"""Shopify's three requests about personal data ("Privacy law compliance"): is one genuine, and what does it ask?

Headers are not signed. So the topic counts only where the signed body has that topic's own shape, and the store is the one
that the body names.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from connector.domain.errors import Malformed
from connector.installing import EXPORT, REDACT, REDACT_SHOP, App, Forged, Person, PrivacyRequest
from platforms.messages import whole
from platforms.shopify.auth import shop_domain
from platforms.shopify.gids import order_gid

# Which names a body must and must not have to be of a topic.
_SHAPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    EXPORT: (frozenset({"shop_domain", "customer", "orders_requested"}), frozenset({"orders_to_redact"})),
    REDACT: (frozenset({"shop_domain", "customer", "orders_to_redact"}), frozenset({"orders_requested"})),
    REDACT_SHOP: (frozenset({"shop_domain", "shop_id"}), frozenset({"customer", "orders_requested", "orders_to_redact", "id"})),
}
_ORDERS = {EXPORT: "orders_requested", REDACT: "orders_to_redact", REDACT_SHOP: ""}


def read(app: App, headers: Mapping[str, str], body: bytes) -> PrivacyRequest:
    """What the request asks; Forged where it is not signed by one of our secrets, Malformed where it makes no sense."""
    given = headers.get("x-shopify-hmac-sha256", "").encode("utf-8", "replace")
    if not any(hmac.compare_digest(_signature(secret, body), given) for secret in app.secrets):
        raise Forged("The signature does not fit.", "Requests about personal data come from Shopify only.")
    topic = headers.get("x-shopify-topic", "").strip().lower()
    said = whole(body, "Look into the app's webhook settings.")
    needed, absent = _SHAPES.get(topic, (frozenset({topic}), frozenset()))
    store = shop_domain(str(said.get("shop_domain", "")))
    if not needed <= said.keys() or absent & said.keys() or not store:
        raise Malformed("The body is not one of this topic.", "Look into the app's webhook settings.")
    return PrivacyRequest(topic, store, f"{topic}:{hashlib.sha256(body).hexdigest()}", _person(said), _order_ids(topic, said))


def _signature(secret: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def _person(said: Mapping[str, Any]) -> Person:
    customer = said.get("customer")
    customer = customer if isinstance(customer, dict) else {}
    return Person(*(str(customer.get(name) or "") for name in ("id", "email", "phone")))


def _order_ids(topic: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    """The orders' ids as orders carry them here."""
    listed = said.get(_ORDERS[topic])
    return tuple(gid for entry in listed if (gid := order_gid(entry))) if isinstance(listed, list) else ()
