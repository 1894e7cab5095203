"""Wanted against existing: after any change the parts hold exactly what is wanted, as far as stock and the door allow."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.allocation import Place, Wish
from connector.domain.announcing import due, targets
from connector.domain.differences import Difference, HeldPart, WantedLine, commitments, difference
from connector.domain.fulfillment import GONE, State
from connector.domain.stock import commitment_changes, departure

PLACES = [Place(1, "Quay", 1), Place(2, "Depot", 2)]

lines = st.lists(st.tuples(st.sampled_from([1, 2, None]), st.integers(0, 4)), min_size=1, max_size=4).map(
    lambda rows: [WantedLine(index, item, f"S{item}", "t", units) for index, (item, units) in enumerate(rows)]
)
held = st.lists(
    st.tuples(
        st.sampled_from([1, 2]), st.sampled_from(list(State)), st.dictionaries(st.integers(0, 3), st.integers(1, 3), min_size=1)
    ),
    max_size=4,
).map(lambda rows: [HeldPart(10 + index, *row) for index, row in enumerate(rows)])
stocks = st.dictionaries(st.tuples(st.sampled_from([1, 2]), st.sampled_from([1, 2])), st.integers(0, 6))


def applied(parts: list[HeldPart], found: Difference) -> list[HeldPart]:
    after = {part.id: part for part in parts}
    for number, change in enumerate(found.parts):
        if change.id is None:
            after[1000 + number] = HeldPart(1000 + number, change.location_id, State.NEW, dict(change.lines))
        elif change.lines:
            after[change.id] = HeldPart(change.id, change.location_id, after[change.id].state, dict(change.lines))
        else:
            after[change.id] = HeldPart(change.id, change.location_id, State.CANCELLED, after[change.id].lines)
    return list(after.values())


@settings(max_examples=3000, deadline=None)
@given(lines, held, stocks)
def test_after_the_difference_nothing_differs(
    wanted: list[WantedLine], parts: list[HeldPart], stock: dict[tuple[int, int], int]
) -> None:
    found = difference(wanted, parts, PLACES, stock, Wish())
    after = applied(parts, found)
    gone_parts = [part for part in parts if part.state in GONE]
    assert all(part in after for part in gone_parts), "what has left is never touched"
    has: dict[int, int] = defaultdict(int)
    for part in after:
        if part.state is not State.CANCELLED:
            for line, units in part.lines.items():
                has[line] += units
    for line in wanted:
        if line.item_id is None:
            continue
        if line.id in found.conflicts:
            assert has[line.id] > line.quantity
        else:
            assert has[line.id] + found.backordered.get(line.id, 0) == line.quantity
    left = {key: units - added(parts, after, wanted, key) for key, units in stock.items()}
    assert difference(wanted, after, PLACES, left, Wish()).parts == ()


def added(before: list[HeldPart], after: list[HeldPart], wanted: list[WantedLine], key: tuple[int, int]) -> int:
    items = {line.id: line.item_id or 0 for line in wanted} | {n: 0 for n in range(4) if n >= len(wanted)}
    return commitments(after, items).get(key, 0) - commitments(before, items).get(key, 0)


def test_new_units_join_an_untouched_part_of_the_place_and_no_other() -> None:
    line = [WantedLine(0, 1, "S", "t", 3)]
    untouched = [HeldPart(10, 1, State.NEW, {0: 2})]
    assert difference(line, untouched, PLACES, {(1, 1): 5}, Wish()).parts[0].id == 10
    packed = [HeldPart(10, 1, State.PACKED, {0: 2})]
    [new] = difference(line, packed, PLACES, {(1, 1): 5}, Wish()).parts
    assert (new.id, new.lines) == (None, {0: 1})


def test_the_newest_part_gives_back_first() -> None:
    line = [WantedLine(0, 1, "S", "t", 2)]
    parts = [HeldPart(10, 1, State.PACKED, {0: 2}), HeldPart(11, 2, State.NEW, {0: 2})]
    [change] = difference(line, parts, PLACES, {}, Wish()).parts
    assert (change.id, change.lines) == (11, {})


def test_what_has_left_and_is_not_wanted_is_a_conflict_until_it_came_back() -> None:
    left = [HeldPart(10, 1, State.SHIPPED, {0: 3, 7: 1})]  # line 7 was taken out of the order altogether

    def conflicts(wanted: int, came_back: int) -> dict[int, int]:
        line = [WantedLine(0, 1, "S", "t", wanted, came_back=came_back)]
        return dict(difference(line, left, PLACES, {}, Wish()).conflicts)

    assert conflicts(3, 0) == {7: 1}
    assert conflicts(2, 0) == {0: 1, 7: 1}
    assert conflicts(0, 2) == {0: 1, 7: 1}
    assert conflicts(1, 2) == {7: 1}


def test_what_the_platform_assigned_anew_leaves_parts_nobody_has_started_on() -> None:
    wanted, stock = [WantedLine(line, 1, "S", "t", 2) for line in (0, 1)], {(1, 2): 9}
    wish = Wish(assigned={0: 2, 1: 2})

    def places(state: State, following: set[int]) -> dict[int, set[int]]:
        before = [HeldPart(10, 1, state, {0: 2, 1: 2})]
        after = applied(before, difference(wanted, before, PLACES, stock, wish, following=following))
        return {part.location_id: set(part.lines) for part in after if part.state is not State.CANCELLED}

    assert places(State.NEW, {0}) == {1: {1}, 2: {0}}
    assert places(State.NEW, {0, 1}) == {2: {0, 1}}
    assert places(State.NEW, set()) == {1: {0, 1}}
    assert places(State.IN_PROGRESS, {0}) == {1: {0, 1}}


def test_units_of_a_line_the_part_holds_already_are_added_to_it() -> None:
    wanted = [WantedLine(0, 1, "S", "t", 4), WantedLine(1, 2, "T", "t", 1), WantedLine(2, 2, "T", "t", 0)]
    [change] = difference(wanted, [HeldPart(10, 1, State.NEW, {0: 1, 2: 1})], PLACES, {(1, 1): 3}, Wish()).parts
    assert (change.id, change.lines) == (10, {0: 4, 1: 1})


def test_commitment_changes_are_the_difference_each_with_its_own_key() -> None:
    changes = commitment_changes(7, 3, {(1, 1): 2, (2, 1): 5}, {(1, 1): 4, (3, 2): 1, (2, 1): 5})
    assert [(c.item_id, c.location_id, c.on_hand, c.committed, c.reason) for c in changes] == [
        (1, 1, 0, -2, "release"),
        (3, 2, 0, -1, "release"),
    ]
    assert len({change.effect_key for change in changes}) == 2
    assert commitment_changes(7, 3, {(1, 1): 2}, {}) != commitment_changes(7, 4, {(1, 1): 2}, {})


def test_a_departure_leaves_the_shelf_and_the_promise() -> None:
    [fact] = departure(7, 10, 1, {5: 3}, "shipped", "ann")
    assert (fact.on_hand, fact.committed, fact.effect_key, fact.order_id) == (-3, -3, "gone:10:5", 7)


def part(number: int, state: State, units: int = 1) -> HeldPart:
    return HeldPart(number, 1, state, {0: units})


def test_whole_orders_are_told_when_no_part_lags_behind() -> None:
    parts = [part(1, State.SHIPPED), part(2, State.PACKED)]
    assert [(d.act, d.part_id, d.last) for d in due(parts, set(), each=False, backordered=False)] == [
        ("packed", 1, False),
        ("packed", 2, True),
    ]
    told = {("packed", 1), ("packed", 2)}
    assert due(parts, told, each=False, backordered=False) == []
    parts = [part(1, State.SHIPPED), part(2, State.SHIPPED), part(3, State.CANCELLED)]
    assert [(d.part_id, d.last) for d in due(parts, told, each=False, backordered=False)] == [(1, False), (2, True)]
    assert due(parts, told, each=False, backordered=True) == []


def test_each_part_is_told_at_once_where_the_shop_wants_it() -> None:
    parts = [part(1, State.SHIPPED), part(2, State.NEW)]
    assert [(d.act, d.last) for d in due(parts, set(), each=True, backordered=True)] == [("packed", False), ("shipped", False)]


def test_ready_is_not_told_after_the_goods_were_picked_up() -> None:
    assert [d.act for d in due([part(1, State.PICKED_UP)], {("packed", 1)}, each=False, backordered=False)] == ["picked_up"]


def test_targets_count_what_was_told_before() -> None:
    parts = [part(1, State.SHIPPED, 2), part(2, State.SHIPPED, 3), part(3, State.PACKED, 1)]
    assert targets(parts[1], parts, {("shipped", 1), ("packed", 3)}) == {0: 5}
    assert targets(parts[0], parts, set()) == {0: 2}
