"""What BigCommerce sends: is it genuine, and which order does it point at?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.orders import Order
from connector.domain.settings import value
from connector.installing import App
from connector.platform import Delivery, Kind, Shop
from platforms.messages import members

SECRET_HEADER = "X-Connector-Secret"  # noqa: S105  the header's name, not its value
_SIGNATURE_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")

# ---------------------------------------------------------------------------------------------------------------------
# Genuine?


def genuine(shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether BigCommerce sent this for this shop; False for anything missing, and never an error.

    Our own header, given to BigCommerce when the hook was made, is always required. BigCommerce documents a Standard
    Webhooks signature since January 2025, but not whether hooks of store-level accounts carry it: so it must be right
    where it is present, and must be present where the shop's setting `require_signature` is on. A signature that is
    only half there is wrong. Its age is not looked at: retries run for 48 hours, and a replay only re-reads an order.
    """
    if not _same(headers.get(SECRET_HEADER.lower(), ""), shop.credentials.get("webhook_secret", "")):
        return False
    if not any(headers.get(name) for name in _SIGNATURE_HEADERS):
        return not value(shop.settings, "require_signature")
    return _signed(shop.credentials.get("client_secret", ""), headers, body)


def genuine_for(app: App, shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
    """As `genuine`; a shop without a client secret of its own was linked by our app, whose secrets sign its webhooks."""
    if shop.credentials.get("client_secret"):
        return genuine(shop, headers, body)
    own = dict(shop.credentials)
    secrets = app.secrets or ("",)
    return any(genuine(replace(shop, credentials={**own, "client_secret": word}), headers, body) for word in secrets)


def _same(given: str, kept: str) -> bool:
    return bool(kept) and hmac.compare_digest(_raw(given), _raw(kept))


def _signed(client_secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """HMAC-SHA256 over `id.timestamp.body`, keyed with the plain bytes of the client secret; any of the list may match."""
    message_id, timestamp, signatures = (headers.get(name, "") for name in _SIGNATURE_HEADERS)
    if not (client_secret and message_id and timestamp and signatures):
        return False
    wanted = signature(client_secret, message_id, timestamp, body)
    return any(_same(given, wanted) for given in signatures.split(" "))


def signature(client_secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """One entry of the `webhook-signature` list, as the Standard Webhooks specification builds it."""
    signed = b".".join((_raw(message_id), _raw(timestamp), body))
    return "v1," + base64.b64encode(hmac.digest(_raw(client_secret), signed, "sha256")).decode()


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------------------
# What does it say?


def _order_id(key: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda pointed: pointed.get(key)


# The order's id hides under another name in each family of events. The first row that fits counts.
_POINTERS: tuple[tuple[re.Pattern[str], Callable[[Mapping[str, Any]], object]], ...] = (
    (re.compile(r"store/order/transaction/\w+"), _order_id("order_id")),
    (re.compile(r"store/order/metafield/\w+"), _order_id("resource_id")),
    (re.compile(r"store/channel/\d+/order(/\w+)+"), _order_id("order_id")),
    (re.compile(r"store/shipment/\w+"), _order_id("orderId")),
    (re.compile(r"store/order(/\w+)+"), _order_id("id")),
)
_IGNORED: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"store/(product|sku|channel/.+)/inventory/.+"),
        "A change of stock: nothing to do with an order.",
    ),
    (re.compile(r"store/inventory/location/.+"), "A change of a location: locations are read when the shop is linked."),
    (re.compile(r"store/(product|sku)/.+"), "A change of a product: nothing to do with an order."),
    (re.compile(r"store/hook/.+"), "A notice on a webhook's delivery: registrations are looked after regularly."),
    (re.compile(r"store/information/.+"), "A change of the shop's profile: nothing to do with an order."),
)


def parse(headers: Mapping[str, str], body: bytes) -> Delivery:
    """What a delivery says; Malformed where it names no scope, or an order's scope without an order."""
    message = members(body, ("scope", "data"), "Look at the stored body; the next poll finds its order.")
    scope = message.get("scope")
    if not isinstance(scope, str) or not scope:
        raise Malformed("The delivery names no scope.")
    topic, key = _plain(scope), _dedup_key(headers, body)
    if scope == "store/app/uninstalled":
        return Delivery(topic, Kind.UNINSTALLED, key)
    pointed = message.get("data")
    for pattern, order_id in _POINTERS:
        if pattern.fullmatch(scope):
            return Delivery(topic, Kind.ORDER, key, _number(order_id(pointed if isinstance(pointed, dict) else {})))
    return Delivery(topic, Kind.IGNORED, key, reason=_why_ignored(scope))


def normalize(shop: Shop, body: bytes) -> Order | None:
    """Always None: a BigCommerce delivery is only a pointer, the order must be read."""
    return None


def _number(value: object) -> str:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise Malformed("The delivery names no order.")
    return text


def _plain(scope: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "?", scope)[:120]


def _why_ignored(scope: str) -> str:
    return next((why for pattern, why in _IGNORED if pattern.fullmatch(scope)), "This scope does not concern orders.")


def _dedup_key(headers: Mapping[str, str], body: bytes) -> str:
    """`webhook-id` where there is one (its specification keeps it over retries), else all that was said.

    BigCommerce's own `hash` covers only the pointer and is repeated by later edits of the same order, so on its own it
    would swallow them for ever. The whole body (scope, pointer, hash, `created_at`) is equal only if the same scope named
    the same order in the same second: then one re-read serves both, unless it fell between the two edits, and the poll by
    modification date finds that order.
    """
    message_id = headers.get("webhook-id", "")
    return hashlib.sha256(_raw(f"id {message_id}") if message_id else body).hexdigest()
