"""What others handed over: counted against what has left here, and taken out of the right parts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from connector.domain.announcing import Due, bundle_units, due, targets
from connector.domain.differences import HeldPart
from connector.domain.fulfillment import State
from connector.domain.handing import Count, depart, gave, handed_over

QUAY, DEPOT = 1, 2


def part(number: int, state: State, lines: Mapping[int, int], place: int = QUAY) -> HeldPart:
    return HeldPart(number, place, state, dict(lines))


def test_what_we_handed_over_or_know_of_is_not_news() -> None:
    left = [part(1, State.SHIPPED, {10: 2}), part(2, State.NEW, {10: 3})]
    assert handed_over({10: Count(5, 2)}, left, whole=False) == {}
    assert handed_over({10: Count(5, 4)}, left, whole=False) == {10: 2}
    assert handed_over({10: Count(5, 4, elsewhere=1)}, left, whole=False) == {10: 1}
    assert handed_over({10: Count(5, 4, elsewhere=1, taken_back=1)}, left, whole=False) == {}
    assert handed_over({10: Count(5, 0)}, left, whole=True) == {10: 3}
    assert handed_over({10: Count(5, 1)}, left, whole=False) == {}
    assert handed_over({11: Count(4, 1)}, [], whole=False) == {11: 1}


def test_a_whole_part_leaves_itself_and_a_share_is_a_part_of_its_own() -> None:
    numbers = itertools.count(-1, -1)
    parts = [part(1, State.NEW, {10: 2}), part(2, State.NEW, {10: 3, 11: 1})]
    found = depart(parts, {10: 4}, State.SHIPPED, {}, numbers)
    assert found.parts == [
        part(1, State.SHIPPED, {10: 2}), part(2, State.NEW, {10: 1, 11: 1}), part(-1, State.SHIPPED, {10: 2})
    ]  # fmt: skip
    assert found.leaving == [found.parts[0], found.parts[2]]
    assert found.without == {}


def test_a_line_that_leaves_wholly_leaves_nothing_of_it_behind() -> None:
    found = depart([part(1, State.PACKED, {10: 2, 11: 1})], {10: 2}, State.PICKED_UP, {}, itertools.count(-1, -1))
    assert found.parts == [part(1, State.PACKED, {11: 1}), part(-1, State.PICKED_UP, {10: 2})]


def test_units_that_no_part_holds_are_named() -> None:
    found = depart([part(1, State.NEW, {10: 1}), part(2, State.SHIPPED, {10: 9})], {10: 3, 12: 2}, State.SHIPPED, {}, iter([]))
    assert found.without == {10: 2, 12: 2}
    assert found.parts[1] == part(2, State.SHIPPED, {10: 9})


@pytest.mark.parametrize(
    ("assigned", "leaves"),
    [({}, 3), ({10: QUAY}, 2), ({10: 9}, 3), ({11: QUAY}, 3)],
)
def test_the_assigned_place_gives_first_then_the_part_furthest_on_its_way(assigned: dict[int, int], leaves: int) -> None:
    parts = [
        part(4, State.READY, {11: 1}, DEPOT), part(1, State.NEW, {10: 1}), part(2, State.IN_PROGRESS, {10: 1}),
        part(3, State.PACKED, {10: 1}, DEPOT), part(5, State.PACKED, {10: 1}, DEPOT),
    ]  # fmt: skip
    found = depart(parts, {10: 1}, State.SHIPPED, assigned, iter([]))
    assert [one.id for one in found.leaving] == [leaves]


def test_who_gave_a_line_is_the_last_place_it_left_from() -> None:
    parts = [
        part(1, State.SHIPPED, {10: 1}), part(2, State.PICKED_UP, {10: 1}, DEPOT), part(3, State.NEW, {10: 1}, 9),
        part(4, State.SHIPPED, {10: 0}, 8),
    ]  # fmt: skip
    assert gave(parts, 10) == DEPOT
    assert gave([*parts, part(5, State.SHIPPED, {10: 1}, 7)], 10) == 7
    assert gave(parts, 11) is None


# --- what is due to be told ------------------------------------------------------------------------------------------


def test_a_whole_order_is_told_once_its_last_part_has_come_as_far() -> None:
    packed, new = part(1, State.PACKED, {10: 1}), part(2, State.NEW, {10: 1})
    assert due([packed, new], set(), each=False, backordered=False) == []
    assert due([packed, new], set(), each=True, backordered=False) == [Due("packed", 1, last=False)]
    both = [part(2, State.PACKED, {10: 1}), packed]
    assert due(both, set(), each=False, backordered=False) == [Due("packed", 1, last=False), Due("packed", 2, last=True)]
    assert due(both, {("packed", 2)}, each=False, backordered=False) == [Due("packed", 1, last=True)]
    assert due(both, set(), each=False, backordered=True) == []
    assert due(both, set(), each=True, backordered=True) == [Due("packed", 1, last=False), Due("packed", 2, last=False)]
    assert due([], set(), each=True, backordered=False) == []
    assert due([part(1, State.CANCELLED, {10: 1})], set(), each=False, backordered=False) == []


def test_each_act_is_told_of_the_parts_that_are_in_it() -> None:
    ready, gone = part(1, State.READY, {10: 1}), part(2, State.PICKED_UP, {10: 1})
    assert due([ready, gone], set(), each=False, backordered=False) == [
        Due("packed", 1, last=False), Due("packed", 2, last=True), Due("ready", 1, last=True)
    ]  # fmt: skip
    told = {("packed", 1), ("packed", 2), ("ready", 1)}
    assert due([gone], told, each=False, backordered=False) == [Due("picked_up", 2, last=True)]
    shipped = part(3, State.SHIPPED, {10: 1})
    assert due([shipped], {("packed", 3)}, each=False, backordered=False) == [Due("shipped", 3, last=True)]


def test_targets_are_all_told_before_and_this_part() -> None:
    parts = [
        part(1, State.SHIPPED, {10: 2, 11: 1}), part(2, State.SHIPPED, {10: 3}), part(3, State.CANCELLED, {10: 9}),
        part(4, State.NEW, {10: 5}),
    ]  # fmt: skip
    told = {("shipped", 1), ("shipped", 3), ("packed", 4)}
    assert targets(parts[1], parts, told) == {10: 5}
    assert targets(parts[1], parts, set()) == {10: 3}
    assert targets(parts[0], parts, told) == {10: 2, 11: 1}


def test_as_many_bundles_as_all_components_make() -> None:
    first, second = part(1, State.SHIPPED, {10: 4, 11: 1}), part(2, State.SHIPPED, {11: 1})
    components = {10: 2, 11: 1}
    assert bundle_units(components, first, [first, second], set()) == (0, 1)
    assert bundle_units(components, second, [first, second], {("shipped", 1), ("shipped", 2)}) == (1, 2)
    cancelled = part(1, State.CANCELLED, {10: 4, 11: 1})
    assert bundle_units(components, second, [cancelled, second], {("shipped", 1)}) == (0, 0)
    assert bundle_units(components, second, [first, second], {("packed", 1)}) == (0, 0)
    three = part(3, State.SHIPPED, {10: 3, 11: 9})
    assert bundle_units({10: 2, 11: 1, 12: 1}, three, [three], set()) == (0, 0)
    assert [type(count) for count in bundle_units(components, three, [three], set())] == [int, int]
    assert bundle_units(components, three, [three], set()) == (0, 1)
