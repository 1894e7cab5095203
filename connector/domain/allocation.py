"""An order over locations: what there is -> who gives it -> what waits, and why.

All functions are pure. Stock is a picture of what is available, so that the orders of a batch see one another. How the places
are chosen is `connector.domain.routing`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from connector.domain import routing
from connector.domain.needs import Allocation, Need, Place, Step, Stock, Taking, Wish, in_order

__all__ = ["Allocation", "Need", "Place", "Step", "Stock", "Taking", "Wish", "allocate"]


def allocate(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish) -> Allocation:
    """Divide the needs over the places. Allocated + backordered = needed, for every line; no place gives twice.

    No place gives more than it has, unless the shop oversells: then nothing waits as long as there is a place to take it from.
    Where the payment is waited for, no place gives anything yet.
    """
    needs = [need for need in needs if need.quantity > 0]
    if wish.unpaid:
        return Allocation({}, {need.line_id: need.quantity for need in needs}, [{"code": "waits_for_payment"}] if needs else [])
    reason = _refusals(needs, places, wish)
    if wish.refused:
        stock = {key: units for key, units in stock.items() if key[1] not in wish.refused.get(key[0], ())}
    allowed = routing.allowed(places, wish, reason)
    possible, missing = _possible(needs, allowed, stock)
    taking = routing.divided(possible, allowed, stock, wish, reason)
    if wish.oversell and missing:
        taking, missing = _below_zero(needs, taking, missing, allowed, wish, reason)
    wanted = {need.line_id: need for need in needs}
    reason += [_waits(wish, allowed, units, wanted[line]) for line, units in missing.items()]
    return Allocation(taking, missing, reason)


def _refusals(needs: Sequence[Need], places: Sequence[Place], wish: Wish) -> list[Step]:
    """Who is not asked again; a pickup asks only the place where the customer collects."""
    unasked = {place for need in needs for place in wish.refused.get(need.item_id, ())}
    asked = {wish.pickup_location_id} if wish.pickup else unasked
    return [{"code": "refused", "location": place.name} for place in places if place.id in unasked & asked]


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


def _below_zero(
    needs: Sequence[Need],
    taking: Taking,
    missing: Mapping[int, int],
    places: Sequence[Place],
    wish: Wish,
    reason: list[Step],
) -> tuple[Taking, dict[int, int]]:
    """Promise what is missing at a place that serves the order already, else at the first choice; what still waits, because
    nobody may be asked for it."""
    oversold: Taking = {place: dict(lines) for place, lines in taking.items()}
    waiting = dict(missing)
    for need in needs:
        asked = [place for place in places if place.id not in wish.refused.get(need.item_id, ())]
        if need.line_id not in missing or not asked:
            continue
        place = _giver(need.line_id, oversold, asked, wish)
        units = waiting.pop(need.line_id)
        lines = oversold.setdefault(place.id, {})
        lines[need.line_id] = lines.get(need.line_id, 0) + units
        reason.append({"code": "oversold", "quantity": units, "sku": need.sku, "location": place.name})
    return in_order(oversold, places), waiting


def _giver(line: int, taking: Taking, places: Sequence[Place], wish: Wish) -> Place:
    """Who promises more of a line: whoever gives it already, whom the platform assigned, whoever serves the order, the first."""
    giving = [place for place in places if line in taking.get(place.id, {})]
    assigned = [place for place in places if place.id == wish.assigned.get(line) and not taking]
    serving = [place for place in places if place.id in taking]
    return next(iter([*giving, *assigned, *serving, places[0]]))


def _waits(wish: Wish, allowed: Sequence[Place], units: int, need: Need) -> Step:
    waiting: Step = {"quantity": units, "sku": need.sku}
    if not allowed:
        return {"code": "waits_for_location", **waiting}
    if need.item_id in wish.in_turn:
        return {"code": "waits_its_turn", **waiting}
    if wish.pickup:
        return {"code": "backordered_here", **waiting, "location": allowed[0].name}
    return {"code": "backordered", **waiting}
