"""When to try again is a value, computed here and nowhere else."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

_MINUTE, _HOUR = 60.0, 3600.0

# About 45 hours in all; each wait varies by +-20 % so that many failures do not come back as one wave.
OUTBOX_WAITS_SECONDS: tuple[float, ...] = (
    5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR,
)  # fmt: skip
INBOX_WAITS_SECONDS: tuple[float, ...] = (2, 10, 60)
READ_WAITS_SECONDS: tuple[float, ...] = (2, 5, 15, 60, 5 * _MINUTE, 15 * _MINUTE, _HOUR)
JITTER = 0.2
SLOW_DOWN_SECONDS = 60.0
LONGEST_ASKED_SECONDS = _HOUR
SHORTEST_ASKED_SECONDS = 1.0

LONGEST_IN_ALL_SECONDS = 48 * _HOUR  # of all waits of one row together, however the chance falls


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for what, and when it is enough: each figure is a setting of the same name.

    outbox_waits_seconds: after each failed announcement; past the last it is dead. inbox_waits_seconds: the same for an
    order we cannot take in; read_waits_seconds: for an order the shop does not give us, the last one for ever.
    slow_down_seconds: the least wait after a time-out or a request to slow down that does not say how long.
    breaker_failures in a row over at least breaker_after_seconds: no calls but one probe each breaker_probe_seconds.
    auth_lost_rest_seconds: how often lost credentials are tried. inbox_lease_seconds, outbox_lease_seconds: when a row
    whose worker was killed is free again. To read an order twice does no harm, so the first is short (while a worker lives,
    its turn keeps others away, however long it takes); the second must be longer than one telling may take.
    """

    outbox_waits_seconds: tuple[float, ...] = OUTBOX_WAITS_SECONDS
    inbox_waits_seconds: tuple[float, ...] = INBOX_WAITS_SECONDS
    read_waits_seconds: tuple[float, ...] = READ_WAITS_SECONDS
    slow_down_seconds: float = SLOW_DOWN_SECONDS
    breaker_failures: int = 10
    breaker_after_seconds: float = 5 * _MINUTE
    breaker_probe_seconds: float = 2 * _MINUTE
    auth_lost_rest_seconds: float = 10 * _MINUTE
    inbox_lease_seconds: float = 7
    outbox_lease_seconds: float = 50


USUAL = Patience()


class Trouble(enum.StrEnum):
    """What kind of failure a wait is for."""

    FAILED = "failed"
    SLOW = "slow"  # a time-out or a request to slow down: never sooner than SLOW_DOWN_SECONDS, unless told when


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `seconds`, or never where it is None."""

    seconds: float | None


def next_try(
    tries: int,
    waits: Sequence[float],
    rnd: float,
    *,
    trouble: Trouble = Trouble.FAILED,
    asked_seconds: float | None = None,
    endless: bool = False,
    slow_down_seconds: float = SLOW_DOWN_SECONDS,
) -> Retry:
    """The wait after the `tries`-th failure (counted from 1). `rnd` is in [0, 1).

    A wait the platform asked for is honoured within 1 s to 1 h. Past the last step it is over, unless `endless`.
    """
    if tries > len(waits) and not endless:
        return Retry(None)
    shortest, longest = band(tries, waits)
    seconds = shortest + (longest - shortest) * rnd
    if asked_seconds is not None:
        return Retry(max(seconds, min(max(asked_seconds, SHORTEST_ASKED_SECONDS), LONGEST_ASKED_SECONDS)))
    return Retry(max(seconds, slow_down_seconds) if trouble is Trouble.SLOW else seconds)


def band(tries: int, waits: Sequence[float]) -> tuple[float, float]:
    """Between which waits the chance chooses after the `tries`-th failure. The last bands are narrowed from above where
    all waits together could pass LONGEST_IN_ALL_SECONDS."""
    place = min(tries, len(waits)) - 1
    step, before = waits[place], sum(waits[:place])
    if tries > len(waits):
        return step * (1 - JITTER), step * (1 + JITTER)
    longest = min(step * (1 + JITTER), LONGEST_IN_ALL_SECONDS - before * (1 + JITTER))
    return step * (1 - JITTER), max(step * (1 - JITTER), longest)
