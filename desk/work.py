"""What staff see of an order's parts: the rows of a list, and the steps offered for a part. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connector.db.order_views import OrderDetail, OrderFilter, OrderRow, Part
from connector.domain.fulfillment import ENDED, MOVES, Refusal, Standing, State, Step, refusal
from connector.domain.orders import Handover, Lifecycle

_BLOCKED = ("unpaid", "on_hold")  # what a person can mend; other refusals only mean that it is not this step's turn
_QUIET = (Step.START, Step.UNPACK)
# The part of the day each step belongs to: the last one that is possible is what comes next.
PATHS: dict[Handover, tuple[State, ...]] = {
    Handover.DELIVERY: (State.NEW, State.IN_PROGRESS, State.PACKED, State.SHIPPED),
    Handover.PICKUP: (State.NEW, State.IN_PROGRESS, State.PACKED, State.READY, State.PICKED_UP),
    Handover.NONE: (State.NEW, State.IN_PROGRESS, State.PACKED),
}


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One line of the list of work: a part, or an order that no location has yet. `place` is its (number, count)."""

    location: str
    state: str
    articles: tuple[tuple[str, str, int], ...]
    place: tuple[int, int]
    assignee: str = ""

    @property
    def units(self) -> int:
        """How many pieces to take."""
        return sum(quantity for _, _, quantity in self.articles)


@dataclass(frozen=True, slots=True)
class Offer:
    """A step a person can take now, or could but for `refusal`. `next` marks the one that comes next by rule."""

    step: Step
    next: bool
    refusal: Refusal | None


def work_rows(row: OrderRow, wanted: OrderFilter) -> tuple[WorkRow, ...]:
    """The parts of an order as rows of work: those of the chosen location, or all."""
    if not row.parts:
        return (WorkRow("", row.state, row.articles, (1, 1)),)
    return tuple(
        WorkRow(part.location, part.state, _articles(part), (at, len(row.parts)), part.assignee)
        for at, part in enumerate(row.parts, start=1)
        if _shown(part, wanted)
    )


def standing(detail: OrderDetail, part: Part) -> Standing:
    """What the part's moves depend on."""
    row = detail.row
    return Standing(
        state=State(part.state),
        handover=Handover(row.handover),
        owed_minor=row.owed_minor,
        currency=row.currency,
        on_hold=row.lifecycle == Lifecycle.ON_HOLD or "held_by_tag" in row.attention,
        pay_first=detail.pay_first,
    )


def offers(now: Standing) -> tuple[Offer, ...]:
    """The steps to offer, the one that comes next first; a step blocked by what a person can mend is among them."""
    reasons = {step: refusal(step, now) for step in Step}
    shown = [step for step, reason in reasons.items() if reason is None or reason.code in _BLOCKED]
    ahead = _comes_next(now, shown)
    ordered = sorted(shown, key=lambda step: (step is not ahead, step in _QUIET))
    return tuple(Offer(step, step is ahead, reasons[step]) for step in ordered)


def done_already(step: Step, state: str) -> bool:
    """Whether the part stands where the step leads: a second click, or a colleague was quicker."""
    return MOVES[step].after == state


def _articles(part: Part) -> tuple[tuple[str, str, int], ...]:
    return tuple((line.title, line.sku, line.quantity) for line in part.lines)


def _shown(part: Part, wanted: OrderFilter) -> bool:
    if wanted.location_id is None:
        return True
    return part.location_id == wanted.location_id and (wanted.history or State(part.state) not in ENDED)


def _comes_next(now: Standing, shown: list[Step]) -> Step | None:
    if now.state is State.PACKED and Step.READY in shown:
        return Step.READY
    loud = [step for step in shown if step not in _QUIET]
    return loud[-1] if loud else None
