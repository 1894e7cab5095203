"""What staff do: a move in the state table, its movements and announcements, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from connector.domain.fulfillment import Step
from connector.flow.wake import Wake
from connector.platform import Tracking


@dataclass(frozen=True, slots=True)
class Moved:
    """The part's new state, the order's new state, and what to wake."""

    state: str
    order_state: str
    wakes: tuple[Wake, ...] = ()


def move(
    engine: Engine,
    fulfillment_order_id: int,
    step: Step,
    now: datetime,
    *,
    actor: str,
    tracking: Tracking | None = None,
) -> Moved:
    """Move one part. NotFound where it does not exist, Rejected with what is missing where the step is not allowed."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Recorded:
    """A payment as it stands after recording: what was recorded now and what is still owed, in minor units."""

    amount_minor: int
    owed_minor: int
    currency: str


def record_payment(
    engine: Engine,
    order_id: int,
    now: datetime,
    *,
    actor: str,
    amount_minor: int | None = None,
    method: str = "",
    reference: str = "",
    key: str = "",
) -> Recorded:
    """Note that money was taken elsewhere; charges nobody. Without an amount all that is owed. `key` makes it once only."""
    raise NotImplementedError
