"""Allocation against brute force, and its explanation against the decision."""

from __future__ import annotations

import itertools
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.allocation import Allocation, Need, Place, Wish, allocate
from connector.domain.explanation import SENTENCES, in_words

PLACES = [Place(1, "Quay", 1), Place(2, "Depot", 2), Place(3, "Annex", 3, enabled=False), Place(4, "Hill", 4)]
OPEN = [place.id for place in PLACES if place.enabled]

needs = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=4).map(
    lambda rows: [Need(line, item, f"S{item}", units) for line, (item, units) in enumerate(rows)]
)
stocks = st.dictionaries(st.tuples(st.integers(1, 3), st.integers(1, 4)), st.integers(-1, 5), max_size=12)


def given_units(found: Allocation) -> dict[int, int]:
    units: dict[int, int] = defaultdict(int)
    for lines in found.taking.values():
        for line, count in lines.items():
            assert count > 0
            units[line] += count
    return units


@settings(max_examples=2000, deadline=None)
@given(needs, stocks)
def test_everything_is_allocated_or_backordered_and_nothing_twice(wanted: list[Need], stock: dict[tuple[int, int], int]) -> None:
    found = allocate(wanted, PLACES, stock, Wish())
    units = given_units(found)
    for need in wanted:
        assert units[need.line_id] + found.backordered.get(need.line_id, 0) == need.quantity
    taken: dict[tuple[int, int], int] = defaultdict(int)
    items = {need.line_id: need.item_id for need in wanted}
    for place, lines in found.taking.items():
        assert place in OPEN
        for line, count in lines.items():
            taken[items[line], place] += count
    assert all(count <= stock.get(key, 0) for key, count in taken.items())
    for item in {need.item_id for need in wanted}:
        total = sum(need.quantity for need in wanted if need.item_id == item)
        has = sum(max(0, stock.get((item, place), 0)) for place in OPEN)
        missing = sum(found.backordered.get(need.line_id, 0) for need in wanted if need.item_id == item)
        assert missing == max(0, total - has)


@settings(max_examples=2000, deadline=None)
@given(needs, stocks)
def test_never_more_parts_than_needed_and_lines_stay_whole_where_they_can(
    wanted: list[Need], stock: dict[tuple[int, int], int]
) -> None:
    found = allocate(wanted, PLACES, stock, Wish())
    if found.backordered:
        return
    whole = _fewest_whole(wanted, stock)
    divided = any(sum(line in lines for lines in found.taking.values()) > 1 for line in given_units(found))
    if whole is not None:
        assert not divided
        assert len(found.taking) == whole
    else:
        assert divided
        assert len(found.taking) <= _fewest_divided(wanted, stock)


def _fewest_whole(wanted: list[Need], stock: dict[tuple[int, int], int]) -> int | None:
    best = None
    for choice in itertools.product(OPEN, repeat=len(wanted)):
        used: dict[tuple[int, int], int] = defaultdict(int)
        for need, place in zip(wanted, choice, strict=True):
            used[need.item_id, place] += need.quantity
        if all(count <= stock.get(key, 0) for key, count in used.items()):
            best = min(len(set(choice)), best or 99)
    return best


def _fewest_divided(wanted: list[Need], stock: dict[tuple[int, int], int]) -> int:
    totals: dict[int, int] = defaultdict(int)
    for need in wanted:
        totals[need.item_id] += need.quantity
    for size in range(1, len(OPEN) + 1):
        for chosen in itertools.combinations(OPEN, size):
            if all(sum(max(0, stock.get((item, p), 0)) for p in chosen) >= units for item, units in totals.items()):
                return size
    raise AssertionError("nothing is backordered, so some set must do")


@settings(max_examples=1000, deadline=None)
@given(needs, stocks)
def test_the_explanation_matches_the_decision(wanted: list[Need], stock: dict[tuple[int, int], int]) -> None:
    found = allocate(wanted, PLACES, stock, Wish())
    codes = [step["code"] for step in found.reason]
    assert set(codes) <= SENTENCES.keys()
    assert in_words(found.reason)
    assert ("single_location" in codes) == (len(found.taking) == 1 and "line_divided" not in codes)
    assert codes.count("part") == (len(found.taking) if len(found.taking) > 1 else 0)
    assert codes.count("backordered") == len(found.backordered)


def test_the_first_by_priority_wins_among_equals() -> None:
    stock = {(1, 2): 5, (1, 4): 5}
    assert allocate([Need(0, 1, "S", 2)], PLACES, stock, Wish()).taking == {2: {0: 2}}


def test_a_third_location_is_not_taken_needlessly() -> None:
    stock = {(1, 1): 1, (2, 2): 1, (1, 4): 1, (2, 4): 1}
    found = allocate([Need(0, 1, "A", 1), Need(1, 2, "B", 1)], PLACES, stock, Wish())
    assert found.taking == {4: {0: 1, 1: 1}}


def test_the_platforms_assignment_is_followed_only_with_stock_for_every_line() -> None:
    wish = Wish(assigned={0: 4, 1: 2}, platform="Maree")
    wanted = [Need(0, 1, "A", 1), Need(1, 1, "A", 1)]
    stock = {(1, 1): 9, (1, 2): 1, (1, 4): 1}
    assert allocate(wanted, PLACES, stock, wish).taking == {4: {0: 1}, 2: {1: 1}}
    assert allocate(wanted, PLACES, {(1, 1): 9, (1, 2): 1}, wish).taking == {1: {0: 1, 1: 1}}
    closed = Wish(assigned={0: 3, 1: 3})
    assert allocate(wanted, PLACES, {**stock, (1, 3): 9}, closed).taking == {1: {0: 1, 1: 1}}


def test_a_pickup_takes_from_the_chosen_place_alone_even_a_closed_one() -> None:
    wish = Wish(pickup=True, pickup_location_id=3)
    found = allocate([Need(0, 1, "A", 3)], PLACES, {(1, 1): 9, (1, 3): 2}, wish)
    assert (found.taking, found.backordered) == ({3: {0: 2}}, {0: 1})


def test_whole_lines_get_scarce_stock_before_divided_ones() -> None:
    found = allocate([Need(0, 1, "A", 5), Need(1, 1, "A", 2)], PLACES, {(1, 1): 2}, Wish())
    assert (found.taking, found.backordered) == ({1: {1: 2}}, {0: 5})


def test_very_many_locations_still_end() -> None:
    many = [Place(number, f"P{number}", number) for number in range(60)]
    wanted = [Need(line, line, f"S{line}", 1) for line in range(30)]
    stock = {(line, 59 - line): 1 for line in range(30)}
    assert len(allocate(wanted, many, stock, Wish()).taking) == 30


def test_before_the_payment_nothing_is_set_aside_and_that_is_the_only_reason() -> None:
    wanted, stock = [Need(0, 1, "A", 2), Need(1, 2, "B", 0)], {(1, 1): 9}
    assert allocate(wanted, PLACES, stock, Wish(unpaid=True)) == Allocation({}, {0: 2}, [{"code": "waits_for_payment"}])
    assert allocate(wanted[1:], PLACES, stock, Wish(unpaid=True)) == Allocation({}, {}, [])


def test_what_is_kept_for_earlier_orders_is_waited_for_in_turn() -> None:
    found = allocate([Need(0, 1, "A", 2)], PLACES[:2], {}, Wish(in_turn=frozenset({1})))
    assert (found.taking, found.backordered) == ({}, {0: 2})
    assert in_words(found.reason) == "2 of A waits its turn: what came free is offered to earlier orders first."


def test_what_is_sold_below_zero_is_promised_by_who_gives_the_line_already() -> None:
    wanted, stock = [Need(0, 1, "A", 1), Need(1, 2, "B", 3)], {(1, 1): 1, (2, 4): 2}
    found = allocate(wanted, PLACES, stock, Wish(oversell=True))
    assert (found.taking, found.backordered) == ({1: {0: 1}, 4: {1: 3}}, {})
    assert "1 of B is promised from Hill although it is not there; this shop sells below zero." in in_words(found.reason)


def test_one_unit_is_said_otherwise_than_several() -> None:
    said = in_words([{"code": "part", "location": "Quay", "units": 1}, {"code": "part", "location": "Hill", "units": 2}])
    assert said == "Quay gives 1 unit. Hill gives 2 units."
    assert in_words([{"code": "refused", "location": "Quay", "units": 1}]) == "Quay could not give it."
