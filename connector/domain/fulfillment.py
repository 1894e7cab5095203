"""The states of a fulfillment order and the ONE table of allowed moves."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from connector.domain.errors import Rejected
from connector.domain.money import to_text
from connector.domain.orders import Handover


class State(enum.StrEnum):
    """Where one part of an order stands."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    PACKED = "packed"
    READY = "ready"
    SHIPPED = "shipped"
    PICKED_UP = "picked_up"
    CANCELLED = "cancelled"


class Step(enum.StrEnum):
    """What staff can do with a part."""

    START = "start"
    PACK = "pack"
    READY = "ready"
    SHIP = "ship"
    PICK_UP = "pick-up"
    UNPACK = "unpack"


GONE = frozenset({State.SHIPPED, State.PICKED_UP})
ENDED = GONE | {State.CANCELLED}
_RANK = (State.NEW, State.IN_PROGRESS, State.PACKED, State.READY, State.SHIPPED, State.PICKED_UP)


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table: from any of `before` to `after`; only for `handover` where given; `paid`: only in full."""

    before: frozenset[State]
    after: State
    handover: Handover | None = None
    paid: bool = False


MOVES: dict[Step, Move] = {
    Step.START: Move(frozenset({State.NEW}), State.IN_PROGRESS),
    Step.PACK: Move(frozenset({State.NEW, State.IN_PROGRESS}), State.PACKED),
    Step.READY: Move(frozenset({State.PACKED}), State.READY, Handover.PICKUP),
    Step.SHIP: Move(frozenset({State.PACKED}), State.SHIPPED, Handover.DELIVERY, paid=True),
    Step.PICK_UP: Move(frozenset({State.PACKED, State.READY}), State.PICKED_UP, Handover.PICKUP, paid=True),
    Step.UNPACK: Move(frozenset({State.PACKED, State.READY}), State.IN_PROGRESS),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a move depends on: the part's state and the order behind it. `owed_minor` is what is still to be paid."""

    state: State
    handover: Handover
    owed_minor: int
    currency: str
    on_hold: bool = False
    pay_first: bool = False  # the shop's stricter gate: no preparation before payment


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step is not possible now: a code for the page to translate, with its facts, and English words."""

    code: str
    message: str
    remedy: str


def refusal(step: Step, standing: Standing) -> Refusal | None:
    """None where the step is allowed, else what is missing, most fundamental first."""
    move = MOVES[step]
    if move.handover is not None and standing.handover is not move.handover:
        return Refusal("wrong_handover", f"This is a {standing.handover} order: it cannot be {_done(move.after)}.", "")
    if standing.state not in move.before:
        first = " or ".join(sorted(_done(state) for state in move.before))
        return Refusal("wrong_state", f"The part is {_done(standing.state)}.", f"It must be {first} for this step.")
    if step is Step.UNPACK:
        return None
    if standing.on_hold:
        return Refusal("on_hold", "The platform holds this order.", "Release the hold in the shop's own admin.")
    if (move.paid or standing.pay_first) and standing.owed_minor > 0:
        owed = to_text(standing.owed_minor, standing.currency)
        return Refusal("unpaid", f"{owed} is still owed.", "Take the payment, then record it with “record payment”.")
    return None


def after(step: Step, standing: Standing) -> State:
    """The state the step leads to; Rejected says what is missing where it is not allowed."""
    reason = refusal(step, standing)
    if reason is not None:
        raise Rejected(reason.message, reason.remedy)
    return MOVES[step].after


def allowed(standing: Standing) -> tuple[Step, ...]:
    """The steps possible now, in the order of the day."""
    return tuple(step for step in Step if refusal(step, standing) is None)


def order_state(parts: Iterable[State], *, backordered: bool, cancelled: bool) -> str:
    """The state of a whole order: that of its part furthest behind; complete when all its parts have left."""
    if cancelled:
        return "cancelled"
    alive = [state for state in parts if state is not State.CANCELLED]
    if backordered or not alive:
        started = any(state is not State.NEW for state in alive)
        return "in_progress" if started else "new"
    least = min(alive, key=_RANK.index)
    if least in GONE:
        return "completed"
    if least is State.NEW and any(state is not State.NEW for state in alive):
        return "in_progress"
    return least.value


def _done(state: State) -> str:
    return state.value.replace("_", " ")
