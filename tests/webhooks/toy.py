"""A fourth platform in one file: what it takes to add one, and what the doors are tested with.

Its signature is HMAC-SHA256 in hex, with the secret named `secret`; its bodies carry the whole order.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from connector.domain.errors import Malformed
from connector.domain.orders import Handover, Lifecycle, LineItem, Order, Payment
from connector.platform import (
    Account,
    Announcement,
    ChangedPage,
    Delivery,
    Kind,
    OrderPage,
    Outcome,
    Platform,
    RemoteLocation,
    Shop,
    Subscriptions,
    Told,
)

SECRET = "toy-secret-of-this-shop"


def signature(body: bytes, secret: str = SECRET) -> str:
    """What the toy's shop sends as X-Toy-Signature."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _genuine(shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
    secret = shop.credentials.get("secret", "")
    given = headers.get("x-toy-signature", "").encode("utf-8", "replace")
    return bool(secret) and hmac.compare_digest(signature(body, secret).encode(), given)


def _parse(headers: Mapping[str, str], body: bytes) -> Delivery:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON.") from None
    if headers.get("x-toy-topic") == "gone":
        return Delivery("gone", Kind.UNINSTALLED, "gone")
    if headers.get("x-toy-topic") == "stumble":
        raise ZeroDivisionError("a fault in a parser")
    if not isinstance(said, dict) or "id" not in said:
        raise Malformed("The body names no order.")
    key = headers.get("x-toy-delivery", "") + ":" + hashlib.sha256(body).hexdigest()
    return Delivery(headers.get("x-toy-topic", "order"), Kind.ORDER, key, str(said["id"]))


def order(external_id: str = "1", sku: str = "TEE", quantity: int = 1) -> Order:
    """A paid order of one line."""
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return Order(
        external_id=external_id,
        number=f"#{external_id}",
        placed_at=at,
        version=at,
        currency="EUR",
        total_minor=1990 * quantity,
        outstanding_minor=0,
        payment=Payment.PAID,
        lifecycle=Lifecycle.OPEN,
        handover=Handover.DELIVERY,
        lines=(LineItem("1", "T-shirt", quantity, sku=sku, unit_price_minor=1990, total_minor=1990 * quantity),),
    )


def _normalize(shop: Shop, body: bytes) -> Order | None:
    said = json.loads(body)
    return order(str(said["id"]), str(said.get("sku", "TEE")), int(said.get("quantity", 1)))


def _open_shop(options: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    return options["domain"], "https://toy.example", {"secret": options["secret"]}


TOY = Platform(
    name="toy",
    title="Toy",
    credentials={"domain": "the toy shop's name", "secret": "what it signs with"},
    shared_address=False,
    open_shop=_open_shop,
    shop_named_by=lambda headers: headers.get("x-toy-shop", ""),
    is_ping=lambda headers, body: body == b"ping",
    genuine=_genuine,
    parse=_parse,
    normalize=_normalize,
    check=lambda shop: Account(shop.external_id, f"Toy {shop.external_id}", "EUR"),
    subscribe=lambda shop, url: Subscriptions(("order",)),
    fetch_order=lambda shop, order_id: order(order_id),
    changed_orders=lambda shop, since, cursor: ChangedPage(()),
    list_orders=lambda shop, since, until, cursor: OrderPage((order(),)),
    count_orders=lambda shop, since, until: 1,
    flaws=lambda shop, url: (),
    locations=lambda shop: (RemoteLocation("here", "Here"),),
    announce=lambda shop, announcement: _told(announcement),
)
SHARED_TOY = replace(TOY, name="sharedtoy", shared_address=True)


def _told(announcement: Announcement) -> Outcome:
    return Outcome(Told.APPLIED, f"told {announcement.act}")
