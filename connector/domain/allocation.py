"""An order over locations: filter -> assigned -> single -> fewest parts -> divided lines -> backorder, and why.

All functions are pure. Stock is a mutable picture of what is available, so that the orders of a batch see one another.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Step = dict[str, Any]
Stock = Mapping[tuple[int, int], int]  # (item id, location id) -> available units
Taking = dict[int, dict[int, int]]  # location id -> line id -> units

# An exact search over sets of locations is cut off here; beyond it the greedy answer stands (issue of scale, not of rule).
_MOST_SETS = 5_000
_MOST_LINES_PACKED_EXACTLY = 8


@dataclass(frozen=True, slots=True)
class Need:
    """So many units of an item for one order line."""

    line_id: int
    item_id: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Place:
    """A location that may give stock; the lowest `priority` comes first."""

    id: int
    name: str
    priority: int = 100
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What binds the choice: the place the customer collects at, or the places the platform assigned, by line."""

    pickup: bool = False
    pickup_location_id: int | None = None
    pickup_name: str = ""
    assigned: Mapping[int, int] = field(default_factory=dict)
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who gives what, what nobody can give, and the explanation of both."""

    taking: Taking
    backordered: dict[int, int]
    reason: list[Step]


def allocate(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish) -> Allocation:
    """Divide the needs over the places. Allocated + backordered = needed, for every line; no place gives twice."""
    needs = [need for need in needs if need.quantity > 0]
    reason: list[Step] = []
    allowed = _allowed(places, wish, reason)
    possible, missing = _possible(needs, allowed, stock)
    taking = _divide(possible, allowed, stock, wish, reason)
    skus = {need.line_id: need.sku for need in needs}
    reason += [{"code": "backordered", "quantity": units, "sku": skus[line]} for line, units in missing.items()]
    return Allocation(taking, missing, reason)


def _allowed(places: Sequence[Place], wish: Wish, reason: list[Step]) -> list[Place]:
    """The places that may serve this order, first choice first."""
    if wish.pickup:
        chosen = [place for place in places if place.id == wish.pickup_location_id]
        if chosen:
            reason.append({"code": "pickup_chosen", "location": chosen[0].name})
        else:
            reason.append({"code": "pickup_unknown", "name": wish.pickup_name})
        return chosen
    reason += [{"code": "disabled", "location": place.name} for place in places if not place.enabled]
    return sorted((place for place in places if place.enabled), key=lambda place: (place.priority, place.id))


def _possible(needs: Sequence[Need], places: Sequence[Place], stock: Stock) -> tuple[list[Need], dict[int, int]]:
    """Cut each need down to what all places together still have; the rest is backordered. Whole lines go first."""
    left = defaultdict(int)
    for need in needs:
        if need.item_id not in left:
            left[need.item_id] = sum(max(0, stock.get((need.item_id, place.id), 0)) for place in places)
    given: dict[int, int] = {}
    whole_first = sorted(needs, key=lambda need: need.quantity > left[need.item_id])
    for need in whole_first:
        given[need.line_id] = min(need.quantity, left[need.item_id])
        left[need.item_id] -= given[need.line_id]
    possible = [Need(need.line_id, need.item_id, need.sku, given[need.line_id]) for need in needs if given[need.line_id] > 0]
    missing = {need.line_id: need.quantity - given[need.line_id] for need in needs if given[need.line_id] < need.quantity}
    return possible, missing


def _divide(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish, reason: list[Step]) -> Taking:
    if not needs:
        return {}
    names = {place.id: place.name for place in places}
    if taking := _as_assigned(needs, names, stock, wish):
        reason.append({"code": "platform_assigned", "platform": wish.platform, "location": _listed(taking, names)})
        return taking
    if not wish.pickup:
        reason += _shortages(needs, places, stock)
    if taking := _whole_lines(needs, places, stock):
        if len(taking) == 1:
            if not wish.pickup:
                reason.append({"code": "single_location", "location": _listed(taking, names)})
        else:
            reason.append({"code": "fewest_parts", "parts": len(taking)})
    else:
        taking = _divided_lines(needs, places, stock)
        reason += _divisions(needs, taking)
    if len(taking) > 1:
        reason += [{"code": "part", "location": names[place], "units": sum(lines.values())} for place, lines in taking.items()]
    return taking


def _as_assigned(needs: Sequence[Need], names: Mapping[int, str], stock: Stock, wish: Wish) -> Taking:
    """The platform's own assignment, where it names an open place with stock for every line; else nothing."""
    if wish.pickup or not all(wish.assigned.get(need.line_id) in names for need in needs):
        return {}
    wanted: dict[tuple[int, int], int] = defaultdict(int)
    taking: Taking = defaultdict(dict)
    for need in needs:
        place = wish.assigned[need.line_id]
        wanted[need.item_id, place] += need.quantity
        taking[place][need.line_id] = need.quantity
    return dict(taking) if all(units <= stock.get(key, 0) for key, units in wanted.items()) else {}


def _whole_lines(needs: Sequence[Need], places: Sequence[Place], stock: Stock) -> Taking:
    """The fewest places that serve every line whole, by priority among equals; nothing where a line must be divided."""
    by_item: dict[int, list[Need]] = defaultdict(list)
    for need in needs:
        by_item[need.item_id].append(need)
    useful = [place for place in places if any(stock.get((item, place.id), 0) > 0 for item in by_item)]
    for chosen in _sets_by_size(useful):
        taking: Taking = {}
        for item, lines in by_item.items():
            packed = _pack(lines, {place.id: stock.get((item, place.id), 0) for place in chosen})
            if packed is None:
                break
            for line, place_id in packed.items():
                taking.setdefault(place_id, {})[line] = next(need.quantity for need in lines if need.line_id == line)
        else:
            return _in_order(taking, places)
    return {}


def _sets_by_size(places: Sequence[Place]) -> Iterable[tuple[Place, ...]]:
    sets = (chosen for size in range(1, len(places) + 1) for chosen in itertools.combinations(places, size))
    return itertools.chain(itertools.islice(sets, _MOST_SETS), [tuple(places)])


def _pack(lines: Sequence[Need], room: dict[int, int]) -> dict[int, int] | None:
    """Put each line whole into one place with room; None where they do not fit. Exact for few lines, first fit for many."""
    largest_first = sorted(lines, key=lambda need: -need.quantity)
    return _pack_from(largest_first, dict(room), exact=len(lines) <= _MOST_LINES_PACKED_EXACTLY)


def _pack_from(lines: Sequence[Need], room: dict[int, int], *, exact: bool) -> dict[int, int] | None:
    if not lines:
        return {}
    first, rest = lines[0], lines[1:]
    for place in room:
        if room[place] < first.quantity:
            continue
        room[place] -= first.quantity
        packed = _pack_from(rest, room, exact=exact)
        if packed is not None:
            return {first.line_id: place, **packed}
        room[place] += first.quantity
        if not exact:
            return None
    return None


def _divided_lines(needs: Sequence[Need], places: Sequence[Place], stock: Stock) -> Taking:
    """The fewest places that together have everything; a line stays whole where one of them can give it whole."""
    totals: dict[int, int] = defaultdict(int)
    for need in needs:
        totals[need.item_id] += need.quantity
    chosen = next(
        chosen
        for chosen in _sets_by_size(places)
        if all(sum(max(0, stock.get((item, p.id), 0)) for p in chosen) >= units for item, units in totals.items())
    )
    room = {(item, place.id): max(0, stock.get((item, place.id), 0)) for item in totals for place in chosen}
    taking: Taking = {}
    for need in sorted(needs, key=lambda need: -need.quantity):
        whole = [place for place in chosen if room[need.item_id, place.id] >= need.quantity]
        left = need.quantity
        for place in whole[:1] or chosen:
            units = min(left, room[need.item_id, place.id])
            if units > 0:
                taking.setdefault(place.id, {})[need.line_id] = units
                room[need.item_id, place.id] -= units
                left -= units
    return _in_order(taking, places)


def _in_order(taking: Taking, places: Sequence[Place]) -> Taking:
    return {place.id: taking[place.id] for place in places if place.id in taking}


def _listed(taking: Taking, names: Mapping[int, str]) -> str:
    return ", ".join(names[place] for place in taking)


def _shortages(needs: Sequence[Need], places: Sequence[Place], stock: Stock) -> list[Step]:
    """For each place that cannot serve alone: the first thing it lacks."""
    steps: list[Step] = []
    for place in places:
        short = next((need for need in needs if stock.get((need.item_id, place.id), 0) < need.quantity), None)
        if short is not None:
            steps.append(
                {
                    "code": "short",
                    "location": place.name,
                    "available": max(0, stock.get((short.item_id, place.id), 0)),
                    "quantity": short.quantity,
                    "sku": short.sku,
                }
            )
    return steps


def _divisions(needs: Sequence[Need], taking: Taking) -> list[Step]:
    shares: dict[int, int] = defaultdict(int)
    for lines in taking.values():
        for line in lines:
            shares[line] += 1
    return [{"code": "line_divided", "quantity": need.quantity, "sku": need.sku} for need in needs if shares[need.line_id] > 1]
