"""A location that could not give an item to an order is not asked for it again, and the rest is decided as if it had none."""

from __future__ import annotations

import random
from dataclasses import replace

from connector.domain.allocation import Need, Place, Wish, allocate
from connector.domain.differences import WantedLine, difference
from connector.domain.explanation import in_words
from connector.domain.routing import chosen
from tests.domain.test_routing import CASES, PLACES, STRATEGIES, Case, case

NAMES = {place.id: place.name for place in PLACES}


def refusing(rnd: random.Random) -> tuple[Case, Wish]:
    needs, stock, wish = case(rnd, rnd.choice(list(STRATEGIES.values())))
    refused = {item: frozenset(place.id for place in PLACES if rnd.random() < 0.6) for item in (1, 2, 3) if rnd.random() < 0.5}
    return (needs, stock, wish), replace(wish, refused=refused)


def test_what_was_refused_counts_as_nothing_there() -> None:
    rnd = random.Random(5)
    for _ in range(CASES // 5):
        (needs, stock, wish), bound = refusing(rnd)
        found = allocate(needs, PLACES, stock, bound)
        without = {key: 0 if key[1] in bound.refused.get(key[0], ()) else units for key, units in stock.items()}
        same = allocate(needs, PLACES, without, wish)
        assert (found.taking, found.backordered) == (same.taking, same.backordered)
        said = [step["location"] for step in found.reason if step["code"] == "refused"]
        unasked = {place for need in needs for place in bound.refused.get(need.item_id, ())}
        assert said == [name for place, name in NAMES.items() if place in unasked]
        assert in_words(found.reason)
        items = {need.sku: need.item_id for need in needs}
        for step in (step for step in found.reason if step["code"] == "short"):
            place = next(key for key, name in NAMES.items() if name == step["location"])
            assert place not in bound.refused.get(items[step["sku"]], ())


def test_below_zero_is_never_promised_where_it_was_refused() -> None:
    rnd = random.Random(6)
    waited = 0
    for _ in range(CASES // 5):
        (needs, stock, _), bound = refusing(rnd)
        found = allocate(needs, PLACES, stock, replace(bound, oversell=True))
        items = {need.line_id: need.item_id for need in needs}
        for place, lines in found.taking.items():
            assert all(place not in bound.refused.get(items[line], ()) for line in lines)
        given = {line: sum(lines.get(line, 0) for lines in found.taking.values()) for line in items}
        for need in needs:
            assert given[need.line_id] + found.backordered.get(need.line_id, 0) == need.quantity
        for line in found.backordered:
            waited += 1
            assert {place.id for place in PLACES if place.enabled} <= bound.refused[items[line]]
    assert waited


def test_a_pickup_waits_where_it_was_refused_and_says_so() -> None:
    wish = Wish(pickup=True, pickup_location_id=1, refused={1: frozenset({1, 2})})
    found = allocate([Need(0, 1, "A", 2)], PLACES, {(1, 1): 5, (1, 2): 5}, wish)
    assert (found.taking, found.backordered) == ({}, {0: 2})
    assert in_words(found.reason) == (
        "Quay could not give it. The customer collects at Quay. 2 of A is not in stock at Quay and waits as a backorder."
    )


def test_no_more_parts_than_needed_where_only_one_item_was_refused() -> None:
    """The other item goes along to the place that can give both."""
    lines = [
        WantedLine(1, 1, "A", "A", 1, refused=frozenset({1})), WantedLine(2, 2, "B", "B", 1), WantedLine(3, 1, "A", "A", 1)
    ]  # fmt: skip
    places = [Place(1, "Quay", 1), Place(2, "Depot", 2)]
    stock = {(item, place): 9 for item in (1, 2) for place in (1, 2)}
    found = difference(lines, [], places, stock, Wish())
    assert [(part.location_id, dict(part.lines)) for part in found.parts] == [(2, {1: 1, 2: 1, 3: 1})]
    assert in_words(found.reason) == "Quay could not give it. Depot has everything and comes first by priority."


def test_a_setting_is_read_as_it_was_chosen() -> None:
    assert all(chosen(list(names)) == names for names in STRATEGIES.values())
