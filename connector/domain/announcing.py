"""What is due to be told to the platform: part by part, or only once every part has come as far."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from connector.domain.differences import HeldPart
from connector.domain.fulfillment import State

# Which states of a part mean that an act has happened to it, and which still wait for others of the order.
_REACHED: dict[str, frozenset[State]] = {
    "packed": frozenset({State.PACKED, State.READY, State.SHIPPED, State.PICKED_UP}),
    "ready": frozenset({State.READY, State.PICKED_UP}),
    "shipped": frozenset({State.SHIPPED}),
    "picked_up": frozenset({State.PICKED_UP}),
}
_TOLD_IN: dict[str, frozenset[State]] = {**_REACHED, "ready": frozenset({State.READY})}
HANDED_OVER = ("shipped", "picked_up")


@dataclass(frozen=True, slots=True)
class Due:
    """`act` of the part is to be told now; with `last` the whole order has reached it."""

    act: str
    part_id: int
    last: bool


def due(parts: Sequence[HeldPart], told: Collection[tuple[str, int]], *, each: bool, backordered: bool) -> list[Due]:
    """What has not been told (`told` is (act, part id)) and may be: at once with `each`, else when no part lags behind.

    A backordered line is a part that does not exist yet, so with one the order has never reached anything as a whole.
    """
    alive = sorted((part for part in parts if part.state is not State.CANCELLED), key=lambda part: part.id)
    found: list[Due] = []
    for act, reached in _REACHED.items():
        whole = bool(alive) and not backordered and all(part.state in reached for part in alive)
        fresh = [part for part in alive if part.state in _TOLD_IN[act] and (act, part.id) not in told]
        if whole or each:
            found += [Due(act, part.id, last=whole and part is fresh[-1]) for part in fresh]
    return found


def targets(part: HeldPart, parts: Sequence[HeldPart], told: Collection[tuple[str, int]]) -> dict[int, int]:
    """Line id -> units the platform must count as handed over once this part has been told: all told before, and it."""
    before = {part_id for act, part_id in told if act in HANDED_OVER}
    counted = [other for other in parts if other.state is not State.CANCELLED]  # what was taken back counts no more
    return {
        line: units + sum(other.lines.get(line, 0) for other in counted if other.id in before and other.id != part.id)
        for line, units in part.lines.items()
    }


def bundle_units(
    components: Mapping[int, int], part: HeldPart, parts: Sequence[HeldPart], told: Collection[tuple[str, int]]
) -> tuple[int, int]:
    """Whole bundles handed over (before this part, with it). `components` is component line id -> how many one bundle takes."""
    before = {part_id for act, part_id in told if act in HANDED_OVER} - {part.id}
    counted = [other for other in parts if other.id in before and other.state is not State.CANCELLED]

    def whole(handed: Sequence[HeldPart]) -> int:
        return min(sum(one.lines.get(line, 0) for one in handed) // each for line, each in components.items())

    return whole(counted), whole([*counted, part])
