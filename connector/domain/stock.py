"""Stock facts: movements are append-only, a level is their sum, and every effect has a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Movement:
    """One fact. On hand is what lies on the shelf; committed is what of it is promised to orders."""

    item_id: int
    location_id: int
    on_hand: int
    committed: int
    reason: str
    effect_key: str
    order_id: int | None = None
    document: str = ""
    actor: str = "connector"


def commitment_changes(
    order_id: int,
    revision: int,
    wanted: Mapping[tuple[int, int], int],
    existing: Mapping[tuple[int, int], int],
) -> list[Movement]:
    """The movements that turn the existing commitments of an order into the wanted ones; none where they agree."""
    changes = []
    for item, location in sorted(wanted.keys() | existing.keys()):
        delta = wanted.get((item, location), 0) - existing.get((item, location), 0)
        if delta:
            reason = "commit" if delta > 0 else "release"
            key = f"{reason}:{order_id}:{revision}:{item}:{location}"
            changes.append(Movement(item, location, 0, delta, reason, key, order_id))
    return changes


def counted(found: Mapping[tuple[int, int], int], on_hand: Mapping[tuple[int, int], int], key: str, actor: str) -> list[Movement]:
    """The movements that bring on hand to what was counted; none where it is so already."""
    return [
        Movement(item, place, units - on_hand.get((item, place), 0), 0, "count", f"count:{key}:{item}:{place}", None, key, actor)
        for (item, place), units in found.items()
        if units != on_hand.get((item, place), 0)
    ]


def below_zero(stock: Mapping[tuple[int, int], int], changes: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    """Where a change would take away more than there is."""
    return [pair for pair, units in changes.items() if units < 0 and stock.get(pair, 0) + units < 0]


def departure(order_id: int, part_id: int, location_id: int, units: Mapping[int, int], reason: str, actor: str) -> list[Movement]:
    """The movements of a part that leaves: `units` is item id -> how many; they leave the shelf and the promise."""
    return [
        Movement(item, location_id, -count, -count, reason, f"gone:{part_id}:{item}", order_id, actor=actor)
        for item, count in sorted(units.items())
    ]


def returning(
    order_id: int, line_id: int, item_id: int, location_id: int, units: int, source: str, total: int, actor: str = "platform"
) -> Movement:
    """Goods that had left and are back on the shelf; `total` is what `source` says of this line in all, with these units."""
    key = f"returned:{line_id}:{source}:{total}"
    return Movement(item_id, location_id, units, 0, "returned", key, order_id, source, actor)


def taken_back(order_id: int, part_id: int, location_id: int, units: Mapping[int, int], actor: str) -> list[Movement]:
    """The movements of a part whose handover is taken back: the goods are on the shelf, and promised again."""
    return [
        Movement(item, location_id, count, count, "unshipped", f"back:{part_id}:{item}", order_id, actor=actor)
        for item, count in sorted(units.items())
    ]
