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

BREAKER_FAILURES = 10
BREAKER_AFTER_SECONDS = 5 * _MINUTE
BREAKER_PROBE_SECONDS = 2 * _MINUTE


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
) -> Retry:
    """The wait after the `tries`-th failure (counted from 1). `rnd` is in [0, 1).

    A wait the platform asked for is honoured within 1 s to 1 h. Past the last step it is over, unless `endless`.
    """
    if tries > len(waits) and not endless:
        return Retry(None)
    step = waits[min(tries, len(waits)) - 1]
    seconds = step * (1 - JITTER + 2 * JITTER * rnd)
    if asked_seconds is not None:
        return Retry(max(seconds, min(max(asked_seconds, SHORTEST_ASKED_SECONDS), LONGEST_ASKED_SECONDS)))
    return Retry(max(seconds, SLOW_DOWN_SECONDS) if trouble is Trouble.SLOW else seconds)
