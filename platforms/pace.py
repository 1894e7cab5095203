"""How fast a shop may be called: a bucket of points for each shop, filled as its platform says in every answer.

A platform's client takes its turn before it calls, and says what the answer tells of the limit. Turns are booked, so that
calls made at the same time do not spend the same points. Where there are not enough points the call waits, so that in
steady state the platform never has to refuse one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from connector.platform import Throttled

LONGEST_WAIT_SECONDS = 8.0
LONGEST_CALL_SECONDS = 60.0  # a call that was never heard of again counts as under way for so long
RESERVE = 0.02  # the share of a limit that is left to the other apps of a shop
LONGEST_HOLD_SECONDS = 11.0  # more than the longest call: the same of those of which only so many may be under way at once
BUSY_SECONDS = 0.05  # until it is looked again whether a call under way has ended
_SHORTEST_WAIT_SECONDS = 0.01
LOOK_SECONDS = 0.1  # answers on their way bring points back
_USED_UP = "The shop's limit of calls is used up."
SPREAD = 0.9  # of the rest of a window; what is late has still time in it


@dataclass(frozen=True, slots=True)
class Limit:
    """What an answer says: `left` points of `most`; `per_second` come back, or all of them in `reset_seconds`.

    `used` is what the call cost in the end, where that may be less than was taken for it.
    """

    left: float
    most: float
    per_second: float = 0.0
    reset_seconds: float = 0.0
    used: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """When a call may be made: in so many seconds. Where it is not `booked`, ask again then. `ticket` names the call."""

    seconds: float
    booked: bool = True
    ticket: int = 0


class Buckets(Protocol):
    """The state behind: shared by all workers, or of this process alone."""

    def take(self, shop: str, cost: float, at_once: int = 0) -> Turn:
        """Book the points of a call; where `at_once` is given, only while fewer are under way."""
        ...

    def note(self, shop: str, ticket: int, limit: Limit | None) -> None:
        """The call is over; what its answer said of the shop's limit."""
        ...

    def wait_seconds(self, shop: str, cost: float) -> float:
        """How long a call of so many points would have to wait, were it asked for now."""
        ...


@dataclass(frozen=True, slots=True)
class Level:
    """A bucket at a moment (`at`), by one clock. `left` is without what is booked.

    A window has a `reset_at`, when all points are back (0.0: not known yet), and `next_at`, before which nothing more is let
    out of its second half: that half is spread over the time that is left. So other apps of the shop always find some points
    too, and nobody waits for a whole window. `jobs.pace` has the same rules in Redis.
    """

    left: float
    most: float
    per_second: float
    reset_at: float
    at: float
    next_at: float = 0.0

    def now(self, now: float, underway: float) -> Level:
        """With the points that have come back since. Calls under way may count in the new window as well as in the old."""
        if self.per_second:
            return replace(self, left=min(self.most, self.left + (now - self.at) * self.per_second), at=now)
        if self.reset_at and now >= self.reset_at:
            return replace(self, left=self.most - underway, reset_at=0.0, next_at=0.0, at=now)
        return self

    def turn(self, cost: float, now: float, underway: float) -> tuple[Turn, Level]:
        """When a call of so many points may be made, and the level with it booked."""
        cost = min(cost, self.most)  # what costs more than the bucket holds goes when it is full
        if self.per_second and self.left < cost:
            wait = (cost - self.left) / self.per_second
            return Turn(min(wait, LOOK_SECONDS) if underway else wait, booked=False), self
        slot = max(now, self.next_at)
        if self.left < cost or (self.reset_at and slot >= self.reset_at):
            return Turn(max(_SHORTEST_WAIT_SECONDS, self.reset_at - now), booked=False), self
        if not self.reset_at or self.left > self.most / 2:
            return Turn(0.0), replace(self, left=self.left - cost)
        if slot - now > LONGEST_WAIT_SECONDS:
            return Turn(slot - now, booked=False), self
        next_at = slot + SPREAD * cost * (self.reset_at - slot) / self.left
        return Turn(slot - now), replace(self, left=self.left - cost, next_at=next_at)

    def heard(self, limit: Limit, now: float, underway: float, refund: float) -> Level:
        """After an answer. Of the calls that are under way it knows some and others not, so our own count is believed where
        it lies between: all of them counted, or none. `refund` is what the call was booked for and did not use.

        Within a window nothing comes back, so the lower count is believed, and the earliest reset anybody named.
        """
        if limit.per_second:
            own = self.left + refund if self.per_second else limit.left - underway
            left = min(limit.left, max(own, limit.left - underway))
            return Level(left, limit.most, limit.per_second, 0.0, now)
        reset_at = now + limit.reset_seconds
        if not self.reset_at and self.most == limit.most and self.left < limit.left and not self.per_second:
            return replace(self, reset_at=reset_at, at=now)  # the first answer of a new window
        if self.reset_at > now:
            return replace(self, left=min(self.left, limit.left), most=limit.most, reset_at=min(self.reset_at, reset_at), at=now)
        return Level(limit.left, limit.most, 0.0, reset_at, now)


@dataclass(slots=True)
class _Kept:
    """What is known of one shop: the last level, and the points and end of each call under way."""

    level: Level | None = None
    underway: dict[int, tuple[float, float]] = field(default_factory=dict)
    tickets: int = 0
    last_heard: int = 0

    def points_underway(self, now: float) -> float:
        return sum(cost for cost, _ in self._still(now).values())

    def calls_underway(self, now: float) -> int:
        return len(self._still(now))

    def _still(self, now: float) -> dict[int, tuple[float, float]]:
        self.underway = {ticket: call for ticket, call in self.underway.items() if call[1] > now}
        return self.underway


def held_seconds(at_once: int) -> float:
    """How long a call counts as under way that is never heard of again, because its worker was killed."""
    return LONGEST_HOLD_SECONDS if at_once else LONGEST_CALL_SECONDS


class LocalBuckets:
    """Buckets of one process; a shop of which nothing was heard yet is not limited."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._shops: dict[str, _Kept] = {}

    def take(self, shop: str, cost: float, at_once: int = 0) -> Turn:
        """See Buckets."""
        with self._lock:
            now, kept = self._clock(), self._shops.setdefault(shop, _Kept())
            turn = Turn(0.0)
            if at_once and kept.calls_underway(now) >= at_once:
                return Turn(BUSY_SECONDS, booked=False)
            if kept.level is not None:
                underway = kept.points_underway(now)
                turn, kept.level = kept.level.now(now, underway).turn(cost, now, underway)
            if not turn.booked:
                return turn
            kept.tickets = max(kept.tickets, kept.last_heard) + 1  # while Redis is away after tickets of its own
            kept.underway[kept.tickets] = cost, now + held_seconds(at_once)
            return replace(turn, ticket=kept.tickets)

    def note(self, shop: str, ticket: int, limit: Limit | None) -> None:
        """See Buckets. An answer to a call that was booked before the one heard last is old."""
        with self._lock:
            now, kept = self._clock(), self._shops.setdefault(shop, _Kept())
            cost, _ = kept.underway.pop(ticket, (0.0, 0.0))
            if limit is None:
                return
            refund = 0.0 if limit.used is None else max(0.0, cost - limit.used)
            level = (kept.level or Level(limit.left, limit.most, 0.0, 0.0, now)).now(now, kept.points_underway(now))
            if limit.per_second and ticket < kept.last_heard:
                kept.level = replace(level, left=min(level.most, level.left + refund))
                return
            kept.last_heard = ticket
            kept.level = level.heard(limit, now, kept.points_underway(now), refund)

    def wait_seconds(self, shop: str, cost: float) -> float:
        """See Buckets."""
        with self._lock:
            now, kept = self._clock(), self._shops.get(shop)
            if kept is None or kept.level is None:
                return 0.0
            underway = kept.points_underway(now)
            return kept.level.now(now, underway).turn(cost, now, underway)[0].seconds


class Pace:
    """Waits before a call as long as the shop's bucket asks. `reserve` is the share of a limit left to other apps."""

    def __init__(
        self, buckets: Buckets | None = None, sleep: Callable[[float], None] = time.sleep, reserve: float = RESERVE
    ) -> None:
        self._buckets = buckets or LocalBuckets()
        self._sleep = sleep
        self._reserve = reserve

    @contextmanager
    def turn(self, shop: str, cost: float = 1.0, *, at_once: int = 0) -> Iterator[Callable[[Limit], None]]:
        """Begin when a call of so many points may be made; Throttled where that would take more than some seconds.

        What is given is to be told the limit that the answer states. With `at_once` no more than so many calls of the shop
        are under way at a time, whoever makes them.
        """
        ticket = self._wait(shop, cost, at_once)
        heard: list[Limit] = []
        try:
            yield heard.append
        finally:
            self._buckets.note(shop, ticket, self._without_reserve(heard[-1]) if heard else None)

    def is_free(self, shop: str, cost: float = 1.0) -> bool:
        """Whether a call of so many points could be made at once."""
        return self._buckets.wait_seconds(shop, cost) <= 0

    def _wait(self, shop: str, cost: float, at_once: int) -> int:
        # Whoever waits for a worker that was killed is to get its turn, and not to take the shop for one that is too slow.
        longest = LONGEST_HOLD_SECONDS + 1 if at_once else LONGEST_WAIT_SECONDS
        turn, waited = self._buckets.take(shop, cost, at_once), 0.0
        while not turn.booked:
            if waited + turn.seconds > longest:
                raise Throttled(_USED_UP, "It is tried again by itself.", retry_after_seconds=turn.seconds)
            self._sleep(turn.seconds)
            turn, waited = self._buckets.take(shop, cost, at_once), waited + turn.seconds
        if turn.seconds > 0:
            self._sleep(turn.seconds)
        return turn.ticket

    def _without_reserve(self, limit: Limit) -> Limit:
        """A part of the limit is left to the other apps of the shop, which share it."""
        kept = limit.most * self._reserve // 1
        return replace(limit, left=max(0.0, limit.left - kept), most=limit.most - kept)
