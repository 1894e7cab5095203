"""Wanted against existing: the one code path by which an order's parts follow the order, whatever happened to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.domain.allocation import Need, Place, Step, Stock, Wish, allocate
from connector.domain.fulfillment import ENDED, GONE, State


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line as the order now wants it. `item_id` is None where no stock is kept for it or its SKU is not known here.

    `came_back` units left and are here again: they are no conflict any more. `refused` are locations that could not give it.
    """

    id: int
    item_id: int | None
    sku: str
    title: str
    quantity: int
    stocked: bool = True
    came_back: int = 0
    refused: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A fulfillment order that exists: `lines` is line id -> units."""

    id: int
    location_id: int
    state: State
    lines: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """What a part is to become: `id` None is a new one; `lines` are all its lines afterwards; empty lines cancel it."""

    id: int | None
    location_id: int
    lines: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """What to write. `conflicts` are units by line id that have left and are not wanted: a person must decide."""

    parts: tuple[ChangedPart, ...]
    backordered: Mapping[int, int]
    reason: list[Step]
    conflicts: Mapping[int, int] = field(default_factory=dict)


def difference(
    lines: Sequence[WantedLine],
    held: Sequence[HeldPart],
    places: Sequence[Place],
    stock: Stock,
    wish: Wish,
    *,
    following: Collection[int] = (),
) -> Difference:
    """The changes that make the parts hold exactly what the lines want, touching nothing that has left the building.

    Units of the lines `following` on which nobody has started go to the place the platform assigned, where it can give them.
    """
    alive = {part.id: dict(part.lines) for part in held if part.state is not State.CANCELLED}
    wanted = {line.id: line.quantity if line.item_id is not None else 0 for line in lines}
    conflicts = _conflicts(lines, _release(held, alive, wanted))
    _let_go(held, alive, wish, following)
    free = _with_released(lines, held, alive, stock)
    allocation = allocate(_needs(lines, alive), places, free, replace(wish, refused=_refused(lines)))
    changed = _changed(held, alive) + _added(held, alive, allocation.taking)
    reason = allocation.reason + _without_stock(lines)
    return Difference(tuple(_merged(changed)), allocation.backordered, reason, conflicts)


def _release(held: Sequence[HeldPart], alive: dict[int, dict[int, int]], wanted: Mapping[int, int]) -> dict[int, int]:
    """Take surplus units out of the parts that have not left, the newest first; what is surplus all the same."""
    surplus: dict[int, int] = defaultdict(int)
    for lines in alive.values():
        for line, units in lines.items():
            surplus[line] += units
    for line in surplus:
        surplus[line] -= wanted.get(line, 0)
    for part in sorted((part for part in held if part.state not in ENDED), key=lambda part: -part.id):
        for line, units in list(alive[part.id].items()):
            given_back = min(units, max(0, surplus[line]))
            surplus[line] -= given_back
            alive[part.id][line] -= given_back
    return {line: units for line, units in surplus.items() if units > 0}


def _conflicts(lines: Sequence[WantedLine], surplus: Mapping[int, int]) -> dict[int, int]:
    back = {line.id: line.came_back for line in lines}
    return {line: units - back.get(line, 0) for line, units in surplus.items() if units > back.get(line, 0)}


def _let_go(held: Sequence[HeldPart], alive: dict[int, dict[int, int]], wish: Wish, following: Collection[int]) -> None:
    """Units that belong to another place now (assigned, or where the customer collects) leave parts nobody has started on."""
    for part in held:
        if part.state is State.NEW:
            for line in alive[part.id]:
                if bound_for(line, wish, following) not in (None, part.location_id):
                    alive[part.id][line] = 0


def bound_for(line: int, wish: Wish, following: Collection[int]) -> int | None:
    """The one place a line must come from now; None where any will do."""
    if wish.pickup:
        return wish.pickup_location_id
    return wish.assigned.get(line) if line in following else None


def _refused(lines: Sequence[WantedLine]) -> dict[int, frozenset[int]]:
    """Item id -> locations that could not give it to a line of this order: nor will they to another."""
    refused: dict[int, frozenset[int]] = {}
    for line in lines:
        if line.item_id is not None and line.refused:
            refused[line.item_id] = refused.get(line.item_id, frozenset()) | line.refused
    return refused


def _with_released(
    lines: Sequence[WantedLine], held: Sequence[HeldPart], alive: Mapping[int, Mapping[int, int]], stock: Stock
) -> Stock:
    """The stock this order may choose from: what its own reduced lines give back is free for its new ones."""
    items = {line.id: line.item_id for line in lines if line.item_id is not None}
    free = dict(stock)
    for part in held:
        for line, units in part.lines.items() if part.id in alive else ():
            if line in items:
                key = items[line], part.location_id
                free[key] = free.get(key, 0) + units - alive[part.id].get(line, 0)
    return free


def _needs(lines: Sequence[WantedLine], alive: Mapping[int, Mapping[int, int]]) -> list[Need]:
    has: dict[int, int] = defaultdict(int)
    for part in alive.values():
        for line, units in part.items():
            has[line] += units
    return [
        Need(line.id, line.item_id, line.sku, line.quantity - has[line.id])
        for line in lines
        if line.item_id is not None and line.quantity > has[line.id]
    ]


def _changed(held: Sequence[HeldPart], alive: Mapping[int, Mapping[int, int]]) -> list[ChangedPart]:
    return [
        ChangedPart(part.id, part.location_id, {line: units for line, units in alive[part.id].items() if units > 0})
        for part in held
        if part.id in alive and dict(part.lines) != alive[part.id]
    ]


def _added(
    held: Sequence[HeldPart], alive: Mapping[int, dict[int, int]], taking: Mapping[int, Mapping[int, int]]
) -> list[ChangedPart]:
    """New units join a part of the same location on which nobody has started; otherwise they are a part of their own."""
    untouched = {part.location_id: part.id for part in held if part.state is State.NEW}
    added = []
    for location, lines in taking.items():
        part_id = untouched.get(location)
        together = dict(alive[part_id]) if part_id is not None else {}
        for line, units in lines.items():
            together[line] = together.get(line, 0) + units
        added.append(ChangedPart(part_id, location, {line: units for line, units in together.items() if units > 0}))
    return added


def _merged(parts: Sequence[ChangedPart]) -> list[ChangedPart]:
    """A part both reduced and added to appears once, as it is after both."""
    last = {(part.id, part.location_id): part for part in parts}
    return list(last.values())


def _without_stock(lines: Sequence[WantedLine]) -> list[Step]:
    return [
        {"code": "unmapped" if line.stocked else "no_stock_needed", "title": line.title}
        for line in lines
        if line.item_id is None and line.quantity > 0
    ]


def commitments(parts: Sequence[HeldPart], items: Mapping[int, int]) -> dict[tuple[int, int], int]:
    """(item, location) -> units that the parts which have not left hold; `items` is line id -> item id."""
    held: dict[tuple[int, int], int] = defaultdict(int)
    for part in parts:
        if part.state not in ENDED:
            for line, units in part.lines.items():
                held[items[line], part.location_id] += units
    return dict(held)


def gone(parts: Sequence[HeldPart]) -> dict[int, int]:
    """Line id -> units that have left."""
    left: dict[int, int] = defaultdict(int)
    for part in parts:
        if part.state in GONE:
            for line, units in part.lines.items():
                left[line] += units
    return dict(left)
