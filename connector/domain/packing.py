"""The exact part of routing: which set of places serves all needs, the smallest sets first. Pure."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from connector.domain.needs import Need, Place, Stock, Taking, in_order

# An exact search over sets of locations is cut off here; beyond it the greedy answer stands (a matter of scale, not of rule).
_MOST_SETS = 5_000
_MOST_LINES_PACKED_EXACTLY = 8


def whole_lines(needs: Sequence[Need], places: Sequence[Place], stock: Stock) -> Taking:
    """The fewest places that serve every line whole, the first in line among equals; nothing where a line must be divided."""
    return next(filter(None, (_whole_in(chosen, needs, stock) for chosen in _sets_by_size(_useful(needs, places, stock)))), {})


def fewest_places(needs: Sequence[Need], places: Sequence[Place], stock: Stock) -> Taking:
    """The fewest places that together have everything; lines stay whole where one of the smallest sets can have them so.

    The needs must be within what all places together have.
    """
    totals = _totals(needs)
    enough = (chosen for chosen in _sets_by_size(_useful(needs, places, stock)) if _has_all(chosen, totals, stock))
    first = next(enough)
    smallest = itertools.chain([first], itertools.takewhile(lambda chosen: len(chosen) == len(first), enough))
    whole = next(filter(None, (_whole_in(chosen, needs, stock) for chosen in smallest)), None)
    return whole or _divided_in(first, needs, stock)


def _totals(needs: Sequence[Need]) -> dict[int, int]:
    totals: dict[int, int] = defaultdict(int)
    for need in needs:
        totals[need.item_id] += need.quantity
    return totals


def _useful(needs: Sequence[Need], places: Sequence[Place], stock: Stock) -> list[Place]:
    items = {need.item_id for need in needs}
    return [place for place in places if any(stock.get((item, place.id), 0) > 0 for item in items)]


def _sets_by_size(places: Sequence[Place]) -> Iterable[tuple[Place, ...]]:
    sets = (chosen for size in range(1, len(places) + 1) for chosen in itertools.combinations(places, size))
    return itertools.chain(itertools.islice(sets, _MOST_SETS), [tuple(places)])


def _has_all(chosen: Sequence[Place], totals: Mapping[int, int], stock: Stock) -> bool:
    return all(sum(max(0, stock.get((item, place.id), 0)) for place in chosen) >= units for item, units in totals.items())


def _whole_in(chosen: Sequence[Place], needs: Sequence[Need], stock: Stock) -> Taking:
    """Every line whole at one of these places; nothing where they do not fit."""
    taking: Taking = {}
    for item in dict.fromkeys(need.item_id for need in needs):
        lines = [need for need in needs if need.item_id == item]
        packed = _pack(lines, {place.id: stock.get((item, place.id), 0) for place in chosen})
        if packed is None:
            return {}
        for need in lines:
            taking.setdefault(packed[need.line_id], {})[need.line_id] = need.quantity
    return in_order(taking, chosen)


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


def _divided_in(chosen: Sequence[Place], needs: Sequence[Need], stock: Stock) -> Taking:
    """Take from these places; a line stays whole where what is left of one of them can give it whole."""
    room = {(need.item_id, place.id): max(0, stock.get((need.item_id, place.id), 0)) for need in needs for place in chosen}
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
    return in_order(taking, chosen)
