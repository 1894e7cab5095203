"""How fast a shop may be called: a bucket of points for each shop, filled as its platform says in every answer.

A platform's client takes the points a call will cost before it calls, and notes what the answer says of the limit after
it. Where there are not enough points the call waits, so that in steady state the platform never has to refuse one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from connector.platform import Throttled

_LONGEST_WAIT_SECONDS = 8.0
_MOST_WAITS = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """What an answer says: `left` points of `most`; `per_second` come back, or all of them in `reset_seconds`."""

    left: float
    most: float
    per_second: float = 0.0
    reset_seconds: float = 0.0


class Buckets(Protocol):
    """The state behind: shared by all workers, or of this process alone."""

    def take(self, shop: str, cost: float) -> float:
        """Take the points; 0.0 where they were there, else the seconds until they may be."""
        ...

    def note(self, shop: str, limit: Limit) -> None:
        """What the platform said last of this shop."""
        ...


class LocalBuckets:
    """Buckets of one process; a shop of which nothing was heard yet is not limited."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limits: dict[str, tuple[Limit, float]] = {}

    def take(self, shop: str, cost: float) -> float:
        """See Buckets."""
        with self._lock:
            if shop not in self._limits:
                return 0.0
            limit, at = self._limits[shop]
            now = self._clock()
            left, wait = level(limit, now - at, cost)
            if wait <= 0:
                reset = max(0.0, limit.reset_seconds - (now - at))
                self._limits[shop] = (Limit(left - cost, limit.most, limit.per_second, reset), now)
            return wait

    def note(self, shop: str, limit: Limit) -> None:
        """See Buckets."""
        with self._lock:
            self._limits[shop] = (limit, self._clock())


def level(limit: Limit, seconds: float, cost: float) -> tuple[float, float]:
    """Points there after so many seconds, and how long `cost` points still take to be there."""
    if limit.reset_seconds and seconds >= limit.reset_seconds:
        return limit.most, 0.0
    left = min(limit.most, limit.left + seconds * limit.per_second)
    missing = min(cost, limit.most) - left
    if missing <= 0:
        return left, 0.0
    if limit.per_second:
        return left, missing / limit.per_second
    return left, max(0.0, limit.reset_seconds - seconds)


class Pace:
    """Waits before a call as long as the shop's bucket asks. `reserve` is the share of a limit left to other apps."""

    def __init__(self, buckets: Buckets | None = None, sleep: Callable[[float], None] = time.sleep, reserve: float = 0.1) -> None:
        self._buckets = buckets or LocalBuckets()
        self._sleep = sleep
        self._reserve = reserve

    def take(self, shop: str, cost: float = 1.0) -> None:
        """Return when the call may be made; Throttled where that would take more than some seconds."""
        waited = 0.0
        for _ in range(_MOST_WAITS):
            seconds = self._buckets.take(shop, cost)
            if seconds <= 0:
                return
            if waited + seconds > _LONGEST_WAIT_SECONDS:
                break
            self._sleep(seconds)
            waited += seconds
        raise Throttled("The shop's limit of calls is used up.", "It is tried again by itself.", retry_after_seconds=seconds)

    def note(self, shop: str, limit: Limit) -> None:
        """Learn from an answer. A part of the limit is left to the other apps of the shop, which share it."""
        kept = limit.most * self._reserve // 1
        self._buckets.note(shop, Limit(max(0.0, limit.left - kept), limit.most - kept, limit.per_second, limit.reset_seconds))
