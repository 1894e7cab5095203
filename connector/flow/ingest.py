"""From waiting inbox rows to orders, commitments and fulfillment orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from connector.db.sealed import Seal
from connector.flow.wake import Wake
from connector.platform import Platform, Shop


@dataclass(frozen=True, slots=True)
class Drained:
    """What one pass did: rows finished, whether more are due now, and whom to wake."""

    finished: int
    more: bool
    wakes: tuple[Wake, ...] = ()


def drain(engine: Engine, seal: Seal, platform: Platform, shop: Shop, now: datetime, *, limit: int = 100) -> Drained:
    """Take in up to `limit` due rows of one shop. A poisoned row never takes its batch down with it."""
    raise NotImplementedError
