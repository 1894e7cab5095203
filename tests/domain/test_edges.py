"""Edges of the domain that the comparisons with brute force and the properties pass by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.allocation import Place, Wish
from connector.domain.announcing import targets
from connector.domain.backfill import Progress, progress
from connector.domain.differences import HeldPart, WantedLine, difference
from connector.domain.drift import QUANTITY, differences
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Standing, State, Step, refusal
from connector.domain.orders import Handover, LineItem, possible
from connector.domain.routing import checked
from connector.domain.settings import known, parsed
from connector.domain.stock import below_zero
from tests.domain.test_orders import MOST, order
from tests.domain.test_past import HELD, ORDER

PLACES = [Place(1, "Quay", 1), Place(2, "Depot", 2)]
T = datetime(2026, 11, 23, tzinfo=UTC)


def line(number: int, units: int, item: int | None = 1, **more: object) -> WantedLine:
    return replace(WantedLine(number, item, f"S{item}", f"Line {number}", units), **more)  # type: ignore[arg-type]


def test_lines_without_stock_are_named_and_given_by_nobody() -> None:
    lines = [line(1, 1, None), line(2, 1, None, stocked=False), line(3, 0, None)]
    found = difference(lines, [], PLACES, {(1, 1): 5}, Wish())
    assert found.parts == ()
    assert found.reason == [{"code": "unmapped", "title": "Line 1"}, {"code": "no_stock_needed", "title": "Line 2"}]


def test_a_line_that_lost_its_item_gives_back_all_it_held() -> None:
    held = [HeldPart(7, 1, State.NEW, {1: 3, 2: 1})]
    found = difference([line(1, 3, None), line(2, 1)], held, PLACES, {}, Wish())
    assert [(part.id, dict(part.lines)) for part in found.parts] == [(7, {2: 1})]


def test_units_that_left_and_came_back_are_no_conflict() -> None:
    held = [HeldPart(7, 1, State.SHIPPED, {1: 3, 2: 2})]
    found = difference([line(1, 1, came_back=1), line(2, 0, came_back=2)], held, PLACES, {}, Wish())
    assert found.conflicts == {1: 1}
    assert difference([line(1, 1), line(2, 2)], held, PLACES, {}, Wish()).conflicts == {1: 2}


def test_what_a_reduced_line_gives_back_is_exactly_what_another_may_take() -> None:
    held = [HeldPart(7, 1, State.PACKED, {1: 3}), HeldPart(8, 2, State.CANCELLED, {1: 9})]
    found = difference([line(1, 1), line(2, 5)], held, PLACES, {}, Wish())
    assert [(part.id, part.location_id, dict(part.lines)) for part in found.parts] == [(7, 1, {1: 1}), (None, 1, {2: 2})]
    assert found.backordered == {2: 3}
    gone = difference([line(2, 5)], [HeldPart(7, 1, State.NEW, {1: 3})], PLACES, {}, Wish())
    assert gone.backordered == {2: 5}


def test_refusals_of_one_items_lines_add_up() -> None:
    lines = [line(1, 1, refused=frozenset({1})), line(2, 1, refused=frozenset({2})), line(3, 1, 2), line(4, 1, None)]
    found = difference(lines, [], PLACES, {(1, 1): 5, (1, 2): 5, (2, 1): 5}, Wish())
    assert found.backordered == {1: 1, 2: 1}
    assert [(part.location_id, dict(part.lines)) for part in found.parts] == [(1, {3: 1})]


def test_targets_where_an_earlier_part_did_not_hold_the_line() -> None:
    parts = [HeldPart(1, 1, State.SHIPPED, {11: 1}), HeldPart(2, 1, State.SHIPPED, {10: 3})]
    assert targets(parts[1], parts, {("shipped", 1)}) == {10: 3}


def test_ways_of_routing_are_refused_with_the_remedy() -> None:
    with pytest.raises(Rejected) as refused:
        checked([])
    assert str(refused.value) == (
        "A way of routing is named twice, or none is. Name each once, in the order they are to be tried."
    )  # fmt: skip
    with pytest.raises(Rejected) as refused:
        checked(["a", "priority", "b"])
    assert str(refused.value).startswith(
        "No way of routing is called a, b. Choose from: priority, nearest, least_loaded, assigned,"
    )


def test_a_setting_of_another_platform_is_refused_with_those_there_are() -> None:
    with pytest.raises(Rejected) as refused:
        parsed("bigcommerce", "notify_customer", "no")
    assert refused.value.remedy == f"There are {', '.join(setting.name for setting in known('bigcommerce'))}."


def test_why_a_step_is_not_possible() -> None:
    shipped = Standing(State.SHIPPED, Handover.DELIVERY, 0, "EUR")
    no = refusal(Step.PACK, shipped)
    assert no is not None
    assert (no.code, no.message, no.remedy) == (
        "wrong_state", "The part is shipped.", "It must be in progress or new for this step."
    )  # fmt: skip
    no = refusal(Step.PACK, replace(shipped, state=State.NEW, on_hold=True))
    assert no is not None
    assert (no.code, no.message, no.remedy) == (
        "on_hold", "The platform holds this order.", "Release the hold in the shop's own admin."
    )  # fmt: skip
    no = refusal(Step.READY, replace(shipped, state=State.PACKED))
    assert no is not None
    assert (no.code, no.message, no.remedy) == ("wrong_handover", "This is a delivery order: it cannot be ready.", "")


def test_a_line_only_one_side_has_is_a_difference_of_units_unless_it_has_none() -> None:
    more = replace(ORDER, lines=(*ORDER.lines, LineItem("c", "Cap", 0)))
    assert differences(HELD, more) is None
    assert differences(replace(HELD, units={**HELD.units, "d": 0}), ORDER) is None
    found = differences(HELD, replace(more, lines=(*ORDER.lines, LineItem("c", "Cap", 2))))
    assert found is not None
    assert (found.kind, found.ours, found.theirs) == (QUANTITY, {"line c": 0}, {"line c": 2})


def test_a_rate_over_less_than_a_second() -> None:
    assert progress(10, 20, [(T, 4), (T + timedelta(seconds=0.5), 6)], running=True) == Progress(12.0, 0.5, 10 / 12.0)


def test_the_largest_and_the_smallest_a_line_may_ask_for_beside_one_that_is_wrong() -> None:
    half = MOST // 2
    found = possible(order(LineItem("a", "A", half, fulfilled=0), LineItem("b", "B", -1)))
    assert ([one.quantity for one in found.lines], found.attention) == ([half, 0], ("negative_quantity",))
    odd = MOST // 3
    zero = possible(order(LineItem("a", "A", odd + 1), LineItem("b", "B", 0), LineItem("c", "C", odd)))
    assert ([one.quantity for one in zero.lines], zero.attention) == ([0, 0, odd], ("impossible_quantity",))


def test_a_change_of_nothing_takes_nothing_where_less_than_nothing_lies() -> None:
    assert below_zero({(1, 1): -5}, {(1, 1): 0}) == []
