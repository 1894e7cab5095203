"""Taking a verified delivery in: one durable row, nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from connector.db.sealed import Seal
from connector.flow.wake import Wake
from connector.platform import Delivery, Shop


def receive(engine: Engine, seal: Seal, shop: Shop, delivery: Delivery, body: bytes, now: datetime) -> Wake | None:
    """Store the delivery and commit; what to wake, or None for a repeat and for what leads to no work."""
    raise NotImplementedError
