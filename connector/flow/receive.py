"""Taking a verified delivery in: one durable row, nothing else."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Engine

from connector.db import inbox
from connector.db.sealed import Seal
from connector.domain.text import storable
from connector.flow.wake import Wake
from connector.platform import Delivery, Kind, Shop

_LONGEST_KEY = 200


def receive(engine: Engine, seal: Seal, shop: Shop, delivery: Delivery, body: bytes, now: datetime) -> Wake | None:
    """Store the delivery and commit; what to wake, or None for a repeat and for what leads to no work."""
    ignored = delivery.kind is Kind.IGNORED
    with engine.begin() as conn:
        new = inbox.add(
            conn,
            shop_id=shop.id,
            dedup_key=_bounded(delivery.dedup_key),
            topic=_bounded(delivery.topic),
            kind=delivery.kind.value,
            external_id=_bounded(delivery.order_id),
            sealed_body=seal.seal(body),
            state="ignored" if ignored else "waiting",
            reason=storable(delivery.reason),
            now=now,
        )
    return Wake("ingest", shop.id) if new and not ignored else None


def _bounded(text: str) -> str:
    """A key of any length as one the index can hold; equal texts stay equal, different ones different."""
    text = storable(text)
    if len(text) <= _LONGEST_KEY:
        return text
    return text[:_LONGEST_KEY] + "#" + hashlib.sha256(text.encode()).hexdigest()
