"""What a WooCommerce shop sends: recognising its ping, proving its signature, and reading what the request says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from connector.domain.errors import Malformed
from connector.platform import Delivery, Kind, Shop
from platforms.messages import members

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored", "action.woocommerce_delete_order")

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_NOT_YET_AN_ORDER = {
    "checkout-draft": "The customer is still at the checkout: it is an order only when it is placed.",
    "auto-draft": "The order is still being typed in: it is an order only when it is saved.",
    "trash": "The order lies in the trash; the notice of its deletion is what counts.",
}
_ERROR_OBJECTS = {
    403: "The shop could not read the order: the owner of this webhook lost the right to. "
    "Make a new Read/Write key as an administrator or shop manager and link the shop again.",
    404: "The order was gone before the shop sent it.",
}
_LONGEST_TOPIC, _LONGEST_ID = 80, 40
_READ = ("id", "status", "arg", "code", "data")
REMEDY = "Look whether a plugin of the shop changes its webhooks."


def is_ping(headers: Mapping[str, str], body: bytes) -> bool:
    """The unsigned greeting a shop sends when a webhook is made: a form with only its number, no WooCommerce headers.

    It must be answered with exactly 200: after any other 2xx the shop pings again with every delivery (10.5.0).
    """
    form = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    return form and not any(name.startswith("x-wc-") for name in headers) and _PING.fullmatch(body) is not None


def genuine(shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the raw body was signed with this shop's webhook secret: base64 of HMAC-SHA256."""
    secret = shop.credentials.get("webhook_secret", "")
    given = headers.get("x-wc-webhook-signature", "").encode("utf-8", "replace")
    expected = base64.b64encode(hmac.digest(secret.encode("utf-8", "replace"), body, hashlib.sha256))
    return hmac.compare_digest(given, expected) and bool(secret)


def parse(headers: Mapping[str, str], body: bytes) -> Delivery:
    """What the verified request says.

    The delivery id names (webhook, second), not a delivery: several orders can share it (10.5.0), so a delivery is known
    by its topic, its order and its body. Only the bodies of deletions need it, being equal after trash, restore, trash.
    """
    topic = headers.get("x-wc-webhook-topic", "")[:_LONGEST_TOPIC]
    document = members(body, _READ, REMEDY)
    kind, order_id, reason = _meaning(topic, document)
    key = f"{topic}:{order_id[:_LONGEST_ID]}:{hashlib.sha256(body).hexdigest()}"
    if topic == "order.deleted":
        key += ":" + headers.get("x-wc-webhook-delivery-id", "")[:_LONGEST_ID]
    return Delivery(topic, kind, key, order_id, reason)


def _meaning(topic: str, document: Mapping[str, Any]) -> tuple[Kind, str, str]:
    """(kind, order id, reason for ignoring it)."""
    if topic == "action.woocommerce_delete_order":
        return Kind.ORDER, _number(document.get("arg")), ""
    if not topic.startswith("order."):
        return Kind.IGNORED, "", _other_topic(topic)
    if "code" in document and "id" not in document:
        return Kind.IGNORED, "", _error_object(document)
    if topic not in TOPICS:
        return Kind.IGNORED, "", _other_topic(topic)
    order_id = _number(document.get("id"))
    reason = _NOT_YET_AN_ORDER.get(str(document.get("status", "")), "") if topic != "order.deleted" else ""
    return (Kind.IGNORED if reason else Kind.ORDER), order_id, reason


def _number(value: object) -> str:
    """The id as text; WooCommerce's ids are positive integers, some plugins send them as text."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= _LONGEST_ID):
        raise Malformed("The body names no order.", REMEDY)
    return text


def _other_topic(topic: str) -> str:
    if topic.startswith("product."):
        return "A change of a product; stock here does not follow the shop's."
    return f"The topic {topic!r} is none we use." if topic else "The request names no topic."


def _error_object(document: Mapping[str, Any]) -> str:
    data = document.get("data")
    status = data.get("status") if isinstance(data, dict) else None
    known = _ERROR_OBJECTS.get(status) if isinstance(status, int) else None
    return known or f"The shop sent the error {str(document['code'])[:80]} in place of an order. Look into the shop's log."
