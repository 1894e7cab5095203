"""The poll behind the webhooks: what was modified on the platform is read again, whether a delivery came or not."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from connector.flow.ingest import Drained
from connector.platform import Platform, Shop


def poll(engine: Engine, platform: Platform, shop: Shop, now: datetime) -> Drained:
    """Put an inbox row for every order modified since the newest stored modification, less an overlap."""
    raise NotImplementedError
