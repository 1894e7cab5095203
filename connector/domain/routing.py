"""How a shop chooses the places of an order: a pipeline of small functions, named and put in order by the merchant.

Two things are never a choice: a pickup is served where the customer collects, and a location closed to online orders serves
nobody else. The rest is the setting `routing`, a list of the names below. Those of `SORTERS` say which location comes first,
the first named weighing most. Those of `TAKERS` are tried in turn until one serves everything there is; `fewest_parts` is
always tried last, so that nothing waits that could be given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from connector.domain.distance import km
from connector.domain.errors import Rejected
from connector.domain.needs import DEFAULT_ROUTING, Need, Place, Step, Stock, Taking, Wish
from connector.domain.packing import fewest_places, whole_lines

_FAR_KM = 100_000
Take = Callable[[Sequence[Need], Sequence[Place], Stock, Wish, list[Step]], Taking]


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """The names as a setting; Rejected where one is unknown or named twice, or none is given."""
    known = [*SORTERS, *TAKERS]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise Rejected(f"No way of routing is called {', '.join(wrong)}.", f"Choose from: {', '.join(known)}.")
    if not names or len(set(names)) < len(names):
        raise Rejected("A way of routing is named twice, or none is.", "Name each once, in the order they are to be tried.")
    return tuple(names)


def chosen(setting: object) -> tuple[str, ...]:
    """A shop's setting, or the default where it makes no sense: a wrong setting never stops an order."""
    try:
        return checked([str(name) for name in setting]) if isinstance(setting, list | tuple) else DEFAULT_ROUTING
    except Rejected:
        return DEFAULT_ROUTING


# --- which places, and which of them first ---------------------------------------------------------------------------


def allowed(places: Sequence[Place], wish: Wish, reason: list[Step]) -> list[Place]:
    """The places that may serve this order, first choice first."""
    if wish.pickup:
        return _collected_at(places, wish, reason)
    reason += [{"code": "disabled", "location": place.name} for place in places if not place.enabled]
    opened = [place for place in places if place.enabled]
    sorters = [SORTERS[name] for name in wish.routing if name in SORTERS]
    ordered = sorted(opened, key=lambda place: (*(sorter(place, wish) for sorter in sorters), place.priority, place.id))
    reason += _why_this_order(ordered, wish)
    return ordered


def _collected_at(places: Sequence[Place], wish: Wish, reason: list[Step]) -> list[Place]:
    chosen = [place for place in places if place.id == wish.pickup_location_id]
    if chosen:
        reason.append({"code": "pickup_chosen", "location": chosen[0].name})
    else:
        reason.append({"code": "pickup_unknown", "name": wish.pickup_name})
    return chosen


def _by_priority(place: Place, wish: Wish) -> int:
    return place.priority


def _by_distance(place: Place, wish: Wish) -> int:
    return _FAR_KM if place.point is None or wish.destination is None else km(place.point, wish.destination)


def _by_load(place: Place, wish: Wish) -> int:
    return wish.load.get(place.id, 0)


SORTERS: Mapping[str, Callable[[Place, Wish], int]] = {
    "priority": _by_priority,
    "nearest": _by_distance,
    "least_loaded": _by_load,
}


def _leading(wish: Wish) -> str:
    """The sorter that weighs most."""
    return next((name for name in wish.routing if name in SORTERS), "priority")


def _why_this_order(ordered: Sequence[Place], wish: Wish) -> list[Step]:
    leading = _leading(wish)
    if len(ordered) < 2 or leading == "priority":
        return []
    if leading == "least_loaded":
        return [{"code": "least_loaded_first", "locations": _listed((p.name, str(_by_load(p, wish))) for p in ordered)}]
    if wish.destination is None:
        return [{"code": "distance_unknown", "location": ordered[0].name}]
    far = ((p.name, f"{d} km" if (d := _by_distance(p, wish)) < _FAR_KM else "?") for p in ordered)
    return [{"code": "nearest_first", "locations": _listed(far)}]


def _listed(facts: object) -> str:
    return ", ".join(f"{name} ({fact})" for name, fact in facts)  # type: ignore[attr-defined]


# --- who gives what --------------------------------------------------------------------------------------------------


def divided(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish, reason: list[Step]) -> Taking:
    """Divide the needs, which are within what the places have together, by the first taker that serves them all."""
    if not needs:
        return {}
    names = ("fewest_parts",) if wish.pickup else (*(name for name in wish.routing if name in TAKERS), "fewest_parts")
    taking = next(taking for name in names if (taking := TAKERS[name](needs, places, stock, wish, reason)))
    if len(taking) > 1:
        called = {place.id: place.name for place in places}
        reason += [{"code": "part", "location": called[place], "units": sum(lines.values())} for place, lines in taking.items()]
    return taking


def _as_assigned(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish, reason: list[Step]) -> Taking:
    """The platform's own assignment, where it names an open place with stock for every line; else nothing."""
    if not all(need.line_id in wish.assigned for need in needs):
        return {}
    called = {place.id: place.name for place in places}
    if any(wish.assigned[need.line_id] not in called for need in needs):
        reason.append({"code": "assigned_closed", "platform": wish.platform})
        return {}
    wanted: dict[tuple[int, int], int] = defaultdict(int)
    taking: Taking = defaultdict(dict)
    for need in needs:
        place = wish.assigned[need.line_id]
        wanted[need.item_id, place] += need.quantity
        taking[place][need.line_id] = need.quantity
    named = ", ".join(called[place] for place in taking)
    enough = all(units <= stock.get(key, 0) for key, units in wanted.items())
    reason.append({"code": "platform_assigned" if enough else "assigned_short", "platform": wish.platform, "location": named})
    return dict(taking) if enough else {}


def _single(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish, reason: list[Step]) -> Taking:
    """The first place that has everything."""
    for place in places:
        if not _short(needs, place, stock):
            _explain_one(place, needs, places, stock, wish, reason)
            return {place.id: {need.line_id: need.quantity for need in needs}}
    return {}


def _whole(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish, reason: list[Step]) -> Taking:
    """The fewest places that need not divide a line."""
    if taking := _single(needs, places, stock, wish, reason):
        return taking
    if taking := whole_lines(needs, places, stock):
        reason += _shortages(needs, places, stock, wish)
        reason.append({"code": "fewest_parts", "parts": len(taking)})
    return taking


def _fewest(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish, reason: list[Step]) -> Taking:
    """The fewest places, dividing lines where that is needed."""
    if taking := _single(needs, places, stock, wish, reason):
        return taking
    taking = fewest_places(needs, places, stock)
    reason += _shortages(needs, places, stock, wish)
    divisions = _divisions(needs, taking)
    code = "fewest_divided" if divisions else "fewest_parts"
    reason += [*divisions, {"code": code, "parts": len(taking)}]
    return taking


TAKERS: Mapping[str, Take] = {
    "assigned": _as_assigned,
    "single_location": _single,
    "keep_lines_whole": _whole,
    "fewest_parts": _fewest,
}

_FIRST_BY = {"priority": "single_location", "nearest": "single_nearest", "least_loaded": "single_least_loaded"}


def _explain_one(
    place: Place, needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish, reason: list[Step]
) -> None:
    """Why this one place: who was refused before it, and what put it first. A pickup has said it already."""
    if not wish.pickup:
        reason += _shortages(needs, places, stock, wish)
        reason.append({"code": _FIRST_BY[_leading(wish)], "location": place.name})


def _short(needs: Sequence[Need], place: Place, stock: Stock) -> Need | None:
    """The first need that a place cannot serve beside the ones before it; None where it can serve all."""
    left: dict[int, int] = {}
    for need in needs:
        left[need.item_id] = left.get(need.item_id, stock.get((need.item_id, place.id), 0)) - need.quantity
        if left[need.item_id] < 0:
            return need
    return None


def _shortages(needs: Sequence[Need], places: Sequence[Place], stock: Stock, wish: Wish) -> list[Step]:
    """For each place that cannot serve alone: the first item it lacks, and how many of it the order needs. Of a place that
    refused the item that is said already."""
    found = ((place, short) for place in places if (short := _short(needs, place, stock)))
    lacking = ((place, short) for place, short in found if place.id not in wish.refused.get(short.item_id, ()))
    return [
        {
            "code": "short",
            "location": place.name,
            "available": max(0, stock.get((short.item_id, place.id), 0)),
            "quantity": sum(need.quantity for need in needs if need.item_id == short.item_id),
            "sku": short.sku,
        }
        for place, short in lacking
    ]


def _divisions(needs: Sequence[Need], taking: Taking) -> list[Step]:
    shares: dict[int, int] = defaultdict(int)
    for lines in taking.values():
        for line in lines:
            shares[line] += 1
    return [{"code": "line_divided", "quantity": need.quantity, "sku": need.sku} for need in needs if shares[need.line_id] > 1]
