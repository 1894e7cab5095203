"""Telling the platforms: claim by lease, announce, record the attempt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from connector.flow.ingest import Drained
from connector.platform import Platform, Shop


def drain(
    engine: Engine,
    platform: Platform,
    shop: Shop,
    now: Callable[[], datetime],
    rnd: Callable[[], float],
    *,
    limit: int = 20,
) -> Drained:
    """Announce up to `limit` due outbox rows of one shop, those of one order in sequence. No lock is held over HTTP."""
    raise NotImplementedError
