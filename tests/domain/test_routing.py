"""Every way of routing against a brute-force optimum, and its explanation against the decision."""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from connector.domain.allocation import Allocation, Need, Place, Wish, allocate
from connector.domain.distance import area, km, point
from connector.domain.errors import Rejected
from connector.domain.explanation import SENTENCES, in_words
from connector.domain.needs import DEFAULT_ROUTING
from connector.domain.routing import SORTERS, TAKERS, checked, chosen

PARIS, LYON, LILLE, NICE = (48.9, 2.4), (45.8, 4.8), (50.6, 3.1), (43.7, 7.3)
PLACES = [
    Place(1, "Quay", 3, point=PARIS), Place(2, "Depot", 1, point=LYON), Place(3, "Annex", 2, enabled=False, point=LILLE),
    Place(4, "Hill", 2, point=NICE), Place(5, "Barn", 2),
]  # fmt: skip
OPEN = {place.id for place in PLACES if place.enabled}
STRATEGIES: dict[str, tuple[str, ...]] = {
    "default": DEFAULT_ROUTING,
    "nearest": ("nearest", "single_location", "keep_lines_whole", "fewest_parts"),
    "balance": ("least_loaded", "keep_lines_whole", "fewest_parts"),
    "fewest": ("fewest_parts",),
    "single": ("single_location",),
    "whole": ("keep_lines_whole",),
    "assigned": ("assigned",),
    "priority": ("priority", "fewest_parts"),
    "nearest, then load": ("nearest", "least_loaded", "priority", "fewest_parts"),
}
# By all ways together in every run; by each way in the long one. `make mutants` asks for fewer, thousands of times.
CASES = int(os.environ.get("ROUTING_CASES", "10000"))
Case = tuple[list[Need], dict[tuple[int, int], int], Wish]


def case(rnd: random.Random, routing: Sequence[str]) -> Case:
    """A small random order, stock and wish."""
    needs = [Need(line, item := rnd.randint(1, 3), f"S{item}", rnd.randint(1, 4)) for line in range(rnd.randint(1, 4))]
    stock = {(item, place.id): rnd.randint(-1, 5) for item in (1, 2, 3) for place in PLACES if rnd.random() < 0.6}
    assigned = {need.line_id: rnd.randint(1, 5) for need in needs} if rnd.random() < 0.4 else {}
    load = {place.id: rnd.randint(0, 4) for place in PLACES}
    goal = rnd.choice([PARIS, LYON, NICE, None])
    return needs, stock, Wish(routing=routing, assigned=assigned, platform="Shop", load=load, destination=goal)


def taken(found: Allocation) -> dict[int, int]:
    units: Counter[int] = Counter()
    for lines in found.taking.values():
        units.update(lines)
    return dict(units)


def fewest(needs: Sequence[Need], stock: dict[tuple[int, int], int], *, whole: bool) -> int | None:
    """The smallest number of places that serve these needs, by trying everything."""
    for size in range(1, len(OPEN) + 1):
        for places in itertools.combinations(sorted(OPEN), size):
            if _fits_whole(needs, stock, places) if whole else _fits(needs, stock, places):
                return size
    return None


def _fits(needs: Sequence[Need], stock: dict[tuple[int, int], int], places: Sequence[int]) -> bool:
    totals: Counter[int] = Counter()
    for need in needs:
        totals[need.item_id] += need.quantity
    return all(sum(max(0, stock.get((item, place), 0)) for place in places) >= units for item, units in totals.items())


def _fits_whole(needs: Sequence[Need], stock: dict[tuple[int, int], int], places: Sequence[int]) -> bool:
    for choice in itertools.product(places, repeat=len(needs)):
        used: Counter[tuple[int, int]] = Counter()
        for need, place in zip(needs, choice, strict=True):
            used[need.item_id, place] += need.quantity
        if all(units <= stock.get(key, 0) for key, units in used.items()):
            return True
    return False


def sound(given: Case, found: Allocation) -> None:
    """Everything is allocated or waits, nothing twice, nothing from a closed location, no more waits than must."""
    needs, stock, _ = given
    units = taken(found)
    used: Counter[tuple[int, int]] = Counter()
    items = {need.line_id: need.item_id for need in needs}
    for place, lines in found.taking.items():
        assert place in OPEN
        for line, count in lines.items():
            assert count > 0
            used[items[line], place] += count
    assert all(count <= stock.get(key, 0) for key, count in used.items())
    for item in set(items.values()):
        has = sum(max(0, stock.get((item, place), 0)) for place in OPEN)
        lines = [need for need in needs if need.item_id == item]
        assert sum(found.backordered.get(need.line_id, 0) for need in lines) == max(0, sum(n.quantity for n in lines) - has)
    assert all(units.get(need.line_id, 0) + found.backordered.get(need.line_id, 0) == need.quantity for need in needs)


def best(given: Case, found: Allocation) -> None:
    """Never more parts than the chosen way needs, and the place that comes first by it."""
    needs, stock, wish = given
    served = [Need(n.line_id, n.item_id, n.sku, units) for n in needs if (units := taken(found).get(n.line_id))]
    if not served:
        assert found.taking == {}
        return
    if "assigned" in wish.routing and wish.assigned and _assigned_fits(served, stock, wish):
        assert all(found.taking[wish.assigned[need.line_id]][need.line_id] == need.quantity for need in served)
        return
    whole, divided = fewest(served, stock, whole=True), fewest(served, stock, whole=False)
    assert divided is not None
    prefers_whole = "keep_lines_whole" in wish.routing
    assert len(found.taking) == (whole if prefers_whole and whole else divided)
    shares = Counter(line for lines in found.taking.values() for line in lines)
    if whole == len(found.taking):
        assert max(shares.values()) == 1
    if len(found.taking) == 1:
        able = [place for place in PLACES if place.enabled and _fits(served, stock, [place.id])]
        assert next(iter(found.taking)) == min(able, key=lambda place: rank(place, wish)).id


def rank(place: Place, wish: Wish) -> tuple[int, ...]:
    far = km(place.point, wish.destination) if place.point and wish.destination else 100_000
    keys = {"priority": place.priority, "nearest": far, "least_loaded": wish.load.get(place.id, 0)}
    return (*(keys[name] for name in wish.routing if name in keys), place.priority, place.id)


def _assigned_fits(served: Sequence[Need], stock: dict[tuple[int, int], int], wish: Wish) -> bool:
    used: Counter[tuple[int, int]] = Counter()
    for need in served:
        used[need.item_id, wish.assigned[need.line_id]] += need.quantity
    return all(key[1] in OPEN and units <= stock.get(key, 0) for key, units in used.items())


def explained(given: Case, found: Allocation) -> None:
    """The steps say what was done, and name every place that was refused."""
    needs, stock, _ = given
    codes = Counter(step["code"] for step in found.reason)
    assert codes.keys() <= SENTENCES.keys()
    assert in_words(found.reason)
    assert codes["backordered"] == len(found.backordered)
    assert codes["disabled"] == len(PLACES) - len(OPEN)
    assert codes["part"] == (len(found.taking) if len(found.taking) > 1 else 0)
    shares = Counter(line for lines in found.taking.values() for line in lines)
    assert codes["line_divided"] == sum(count > 1 for count in shares.values())
    single = codes["single_location"] + codes["single_nearest"] + codes["single_least_loaded"]
    assert single + codes["platform_assigned"] + codes["fewest_parts"] + codes["fewest_divided"] == bool(found.taking)
    assert len(found.taking) == 1 or not single
    names = {place.id: place.name for place in PLACES}
    for step in found.reason:
        if step["code"] == "part":
            place = next(key for key, name in names.items() if name == step["location"])
            assert step["units"] == sum(found.taking[place].values())
        if step["code"] == "short":
            assert step["available"] < step["quantity"]
        if step["code"].startswith("single"):
            assert [step["location"]] == [names[place] for place in found.taking]
        if step["code"] in ("fewest_parts", "fewest_divided"):
            assert step["parts"] == len(found.taking)
        if step["code"] == "platform_assigned":
            assert step["location"] == ", ".join(names[place] for place in found.taking)
    served = [Need(n.line_id, n.item_id, n.sku, units) for n in needs if (units := taken(found).get(n.line_id))]
    lacking = {place.name for place in PLACES if place.enabled and served and not _fits(served, stock, [place.id])}
    if found.taking and not codes["platform_assigned"]:
        assert {step["location"] for step in found.reason if step["code"] == "short"} == lacking


def compare(name: str, cases: int, seed: int) -> None:
    rnd = random.Random(seed)
    for _ in range(cases):
        given = case(rnd, STRATEGIES[name])
        found = allocate(given[0], PLACES, given[1], given[2])
        sound(given, found)
        best(given, found)
        explained(given, found)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_way_of_routing_is_as_good_as_trying_everything(name: str) -> None:
    compare(name, -(-CASES // len(STRATEGIES)), seed=1)


@pytest.mark.long
@pytest.mark.parametrize("name", STRATEGIES)
def test_ten_thousand_orders_are_routed_as_well_as_by_trying_everything(name: str) -> None:
    compare(name, CASES, seed=2)


def test_below_zero_nothing_waits_and_no_part_is_added() -> None:
    rnd = random.Random(3)
    for _ in range(CASES // 5):
        needs, stock, wish = case(rnd, DEFAULT_ROUTING)
        usual = allocate(needs, PLACES, stock, wish)
        found = allocate(needs, PLACES, stock, Wish(oversell=True, assigned=wish.assigned, platform="Shop"))
        assert found.backordered == {}
        assert taken(found) == {need.line_id: need.quantity for need in needs}
        assert len(found.taking) <= max(1, len(usual.taking)) or (not usual.taking and wish.assigned)
        oversold = [step for step in found.reason if step["code"] == "oversold"]
        assert sum(step["quantity"] for step in oversold) == sum(usual.backordered.values())


def test_below_zero_takes_from_who_gives_the_line_then_who_was_assigned_then_who_serves_then_the_first() -> None:
    def give(stock: dict[tuple[int, int], int], needs: list[Need], assigned: dict[int, int]) -> dict[int, dict[int, int]]:
        return allocate(needs, PLACES, stock, Wish(oversell=True, assigned=assigned)).taking

    a, b = Need(0, 1, "A", 3), Need(1, 2, "B", 1)
    assert give({(1, 1): 1}, [a], {}) == {1: {0: 3}}
    assert give({}, [a], {0: 4}) == {4: {0: 3}}
    assert give({}, [a], {0: 3}) == {2: {0: 3}}
    assert give({(1, 1): 3}, [a, b], {1: 4}) == {1: {0: 3, 1: 1}}
    assert give({}, [a, b], {}) == {2: {0: 3, 1: 1}}


def test_without_any_open_location_units_wait_even_below_zero() -> None:
    closed = [Place(1, "Quay", enabled=False)]
    found = allocate([Need(0, 1, "A", 1)], closed, {(1, 1): 9}, Wish(oversell=True))
    assert (found.taking, found.backordered) == ({}, {0: 1})
    assert in_words(found.reason) == "Quay is closed to online orders. 1 of A waits until a location can be chosen."


def test_a_pickup_says_where_it_waits() -> None:
    wish = Wish(pickup=True, pickup_location_id=1, oversell=False)
    found = allocate([Need(0, 1, "A", 2)], PLACES, {(1, 1): 1, (1, 2): 9}, wish)
    assert in_words(found.reason) == ("The customer collects at Quay. 1 of A is not in stock at Quay and waits as a backorder.")
    unknown = allocate([Need(0, 1, "A", 2)], PLACES, {(1, 1): 1}, Wish(pickup=True, pickup_name="Moon"))
    assert in_words(unknown.reason) == (
        "The customer wants to collect at “Moon”, which is linked to none of our locations. "
        "2 of A waits until a location can be chosen."
    )


@pytest.mark.parametrize(
    ("routing", "wish", "says"),
    [
        (("nearest",), {"destination": LYON},
         "The nearest location comes first: Depot (0 km), Hill (306 km), Quay (389 km), Barn (?)."),
        (("nearest",), {}, "It is not known well enough where the parcel goes to find the nearest location; Depot comes first."),
        (("least_loaded",), {"load": {2: 5, 4: 1}},
         "The location with the fewest parts still to pack comes first: Barn (0), Quay (0), Hill (1), Depot (5)."),
        (("assigned",), {"assigned": {0: 4}, "platform": "Shop"}, "Shop assigned Hill, which has not everything."),
        (("assigned",), {"assigned": {0: 3}, "platform": "Shop"}, "Shop assigned a location that is closed to online orders."),
    ],
)  # fmt: skip
def test_what_was_considered_is_said(routing: tuple[str, ...], wish: dict[str, object], says: str) -> None:
    found = allocate([Need(0, 1, "A", 1)], PLACES, {(1, 1): 1}, Wish(routing=routing, **wish))  # type: ignore[arg-type]
    assert says in in_words(found.reason)
    assert found.taking == {1: {0: 1}}


def test_names_are_checked_and_a_setting_that_makes_no_sense_is_the_default() -> None:
    assert checked(["nearest", "fewest_parts"]) == ("nearest", "fewest_parts")
    assert chosen(["nearest"]) == ("nearest",)
    assert chosen(("fewest_parts",)) == ("fewest_parts",)
    for wrong in ([], ["nearest", "nearest"], ["by_smell"]):
        with pytest.raises(Rejected, match=r"named twice|is called by_smell"):
            checked(wrong)
        assert chosen(wrong) == DEFAULT_ROUTING
    assert chosen("nearest") == chosen(None) == DEFAULT_ROUTING
    assert set(DEFAULT_ROUTING) <= {*SORTERS, *TAKERS}


@pytest.mark.parametrize(
    ("country", "postcode", "named"),
    [("FR", "13002", "FR-13"), ("fr ", " 75 011", "FR-75"), ("FR", "97400", "FR"), ("FR", "", "FR"), ("JP", "100-0001", "JP"),
     ("US", "94103-1234", "US-9"), ("NL", "1012 AB", "NL-1"), ("XX", "1", ""), ("", "", ""), ("DE", "٣1", "DE-1")],
)  # fmt: skip
def test_areas(country: str, postcode: str, named: str) -> None:
    assert area(country, postcode) == named
    assert (point(named) is None) == (named == "")


def test_distances() -> None:
    assert km(PARIS, PARIS) == 0
    assert km(PARIS, LYON) == km(LYON, PARIS) == 389
    assert km((0.0, 0.0), (0.0, 180.0)) == 20015
    assert km((90.0, 0.0), (-90.0, 0.0)) == 20015
    assert km((0.0, 179.5), (0.0, -179.5)) == 111
