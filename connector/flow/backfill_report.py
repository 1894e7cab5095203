"""What a backfill has to say of itself: the one truth behind the terminal's bar, the page and the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from connector.db import backfills
from connector.db.backfills import Backfill
from connector.domain.backfill import Progress, balance, progress

ENDED = ("finished", "cancelled", "stopped")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many orders were not taken in: `kind` is "skipped" or "failed"."""

    kind: str
    reason: str
    orders: int


@dataclass(frozen=True, slots=True)
class Report:
    """A backfill with its progress and its reasons. `balance` sets the platform's own count beside ours."""

    backfill: Backfill
    shop: str
    progress: Progress
    reasons: tuple[Reason, ...]
    balance: str

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.backfill.state in ENDED


def report(conn: Connection, backfill_id: int) -> Report:
    """The report; NotFound where there is no such backfill."""
    backfills.by_id(conn, backfill_id)
    (found, shop) = backfills.with_shop(conn, backfill_id)
    return _reported(conn, found, shop)


def reports(conn: Connection, *, limit: int, shop_id: int | None = None) -> list[Report]:
    """The newest backfills."""
    return [_reported(conn, found, shop) for found, shop in backfills.newest(conn, limit=limit, shop_id=shop_id)]


def _reported(conn: Connection, found: Backfill, shop: str) -> Report:
    recent = backfills.recent_pages(conn, found.id)
    how_far = progress(found.read, found.expected, recent, running=found.state == "running")
    reasons = tuple(Reason(*row) for row in backfills.reasons(conn, found.id))
    done = balance(found.read, found.expected) if found.state == "finished" else ""
    return Report(found, shop, how_far, reasons, done)


def seconds(found: Backfill, now: datetime) -> float:
    """How long it has been since it began, until now or its end."""
    return ((found.finished_at or now) - found.created_at).total_seconds()
