"""What a backfill takes in, and what its figures mean. Pure."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.domain.errors import Rejected
from connector.domain.orders import Freshness, Lifecycle

_ENDED = frozenset({Lifecycle.COMPLETED, Lifecycle.CANCELLED})


class StockPolicy(enum.StrEnum):
    """What an order does to stock when it is seen for the first time."""

    LIVE = "live"  # everything: it was placed just now, and one that is complete already has left the shelf
    APPLY = "apply"  # open orders are planned and take stock; completed and cancelled ones are a record of the past
    SKIP = "skip"  # a record of the past, whatever its state: its goods are counted or packed elsewhere


def is_history(lifecycle: Lifecycle, policy: StockPolicy) -> bool:
    """Whether an order that was never seen before is kept as a record only: nothing planned, committed or handed over.

    What the shelf holds was counted after such an order had left it, so taking its units again would be wrong. It stays
    a record for good, also when the platform changes it later.
    """
    return policy is StockPolicy.SKIP or (policy is StockPolicy.APPLY and lifecycle in _ENDED)


class Outcome(enum.StrEnum):
    """How one order of a page ended; each is a column of the report."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    SKIPPED = "skipped"
    FAILED = "failed"


OUTCOMES: dict[Freshness, Outcome] = {
    Freshness.NEW: Outcome.NEW,
    Freshness.NEWER: Outcome.CHANGED,
    Freshness.SAME: Outcome.SAME,
    Freshness.STALE: Outcome.SAME,  # a delivery was faster: what is held is newer than the page
    Freshness.UNCLEAR: Outcome.SAME,
}


def fingerprint(cursor: str, ids: Iterable[str]) -> str:
    """What a page held, whatever its cursor; pages without rows differ by their cursor only."""
    rows = "\n".join(ids)
    return hashlib.sha256((rows or f"empty at {cursor}").encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill has come: `share` of 1 and `left_seconds` are None where the platform keeps no count."""

    per_second: float
    share: float | None
    left_seconds: float | None


def progress(read: int, expected: int | None, recent: Sequence[tuple[datetime, int]], *, running: bool) -> Progress:
    """The rate over the newest pages ((time, rows), oldest first), and what follows from it."""
    span = (recent[-1][0] - recent[0][0]).total_seconds() if len(recent) > 1 else 0.0
    rate = sum(rows for _, rows in recent[1:]) / span if running and span > 0 else 0.0
    if not expected:
        return Progress(rate, None, None)
    left = max(0, expected - read)
    return Progress(rate, min(1.0, read / expected), left / rate if rate > 0 else None)


def balance(read: int, expected: int | None) -> str:
    """The platform's own count beside ours, in words."""
    if expected is None:
        return "The platform keeps no count."
    if read == expected:
        return "Our count and the platform's agree."
    more, less = max(read, expected), min(read, expected)
    which = "fewer" if read < expected else "more"
    return f"We read {more - less} {which} than the platform counted when it began: orders were added or removed meanwhile."


def window(since: datetime, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The window of a backfill. What is placed after it began arrives by webhook and poll.

    Rejected where it is empty or lies in the future.
    """
    end = min(until, now) if until is not None else now
    if since >= end:
        raise Rejected("There is nothing between these two times.", "Give a --since before --until, and before now.")
    if now - since > timedelta(days=366 * 30):
        raise Rejected("That is over 30 years ago.", "Give the day the shop opened, such as 2019-01-01.")
    return since, end
