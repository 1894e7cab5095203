"""What other systems are told of by themselves, and how such a message is signed.

Signing follows the Standard Webhooks specification 1.0 (standard-webhooks/standard-webhooks, spec/standard-webhooks.md): what
is signed is `id.timestamp.body`, the key the base64 part of a `whsec_` secret, the signature `v1,` and base64 of HMAC-SHA256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

ORDER_RECEIVED = "order.received"
ORDER_STATE_CHANGED = "order.state_changed"
PART_STATE_CHANGED = "fulfillment_order.state_changed"
STOCK_CHANGED = "stock.changed"
TEST = "endpoint.test"  # sent on request only, to one endpoint, whatever it has chosen

# What an endpoint may choose, and the scope whose reader sees the same over the API.
TYPES: Mapping[str, str] = {
    ORDER_RECEIVED: "orders:read",
    ORDER_STATE_CHANGED: "orders:read",
    PART_STATE_CHANGED: "orders:read",
    STOCK_CHANGED: "stock:read",
}

_PREFIX = "whsec_"
SHORTEST_KEY_BYTES, LONGEST_KEY_BYTES = 24, 64  # as the specification has it


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answered. `said` is the beginning of its body, for whoever looks for the cause."""

    status: int
    said: str = ""
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret; one that was replaced signs beside the new one until `until`."""

    text: str
    until: datetime | None = None


def secret_text(key: bytes) -> str:
    """The secret of a random key, as the receiver is given it."""
    return _PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret; ValueError where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the secret is not base64") from None
    if not secret.startswith(_PREFIX) or not SHORTEST_KEY_BYTES <= len(key) <= LONGEST_KEY_BYTES:
        raise ValueError("a secret is whsec_ and 24 to 64 bytes in base64")
    return key


def in_use(secrets: Sequence[Secret], now: datetime) -> list[Secret]:
    """The secrets that still sign, the newest first."""
    return [secret for secret in secrets if secret.until is None or secret.until > now]


def headers(message_id: str, body: bytes, secrets: Sequence[Secret], now: datetime) -> dict[str, str]:
    """The three headers of a message; while two secrets are in use, a signature of each, with a space between."""
    at = str(int(now.timestamp()))
    signed = b".".join((message_id.encode(), at.encode(), body))
    signatures = [
        base64.b64encode(hmac.new(key_of(secret.text), signed, hashlib.sha256).digest()).decode()
        for secret in in_use(secrets, now)
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
