"""Orders as values: what cannot be true, what their total is made of, their fingerprint; what came and went of parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.domain.differences import HeldPart, commitments, gone
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Standing, State, Step, after
from connector.domain.orders import (
    Amounts,
    Handover,
    Lifecycle,
    LineItem,
    Order,
    Payment,
    digest,
    possible,
    total_difference_minor,
)
from connector.domain.text import grams

T = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOST = 2**31 - 1


def order(*lines: LineItem, **more: object) -> Order:
    plain = Order("1", "#1", T, T, "EUR", 1000, 0, Payment.PAID, Lifecycle.OPEN, Handover.DELIVERY, lines)
    return replace(plain, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "counts",
    [
        {"quantity": 0},
        {"quantity": MOST},
        {"fulfilled": MOST},
        {"refunded": MOST},
        {"quantity": 3, "fulfilled": 2, "refunded": 1},
    ],
)
def test_what_can_be_true_stays_as_it_is(counts: dict[str, int]) -> None:
    given = order(LineItem("a", "Pen", counts.pop("quantity", 0), **counts))  # type: ignore[arg-type]
    assert possible(given) is given
    assert possible(order()) == order()


@pytest.mark.parametrize(
    ("count", "codes"),
    [(-1, ("x", "negative_quantity")), (MOST + 1, ("x", "impossible_quantity"))],
)
@pytest.mark.parametrize("name", ["quantity", "fulfilled", "refunded"])
def test_what_cannot_be_true_wants_nothing_and_is_said(name: str, count: int, codes: tuple[str, ...]) -> None:
    line = replace(LineItem("a", "Pen", 5, fulfilled=4, refunded=3), **{name: count})
    found = possible(order(line, attention=("x",)))
    assert found.lines == (replace(line, **{name: 0}),)
    assert found.attention == codes


def test_all_lines_together_have_room_for_what_the_database_holds() -> None:
    half = MOST // 2
    assert possible(order(LineItem("a", "A", half), LineItem("b", "B", half))).attention == ()
    both = possible(order(LineItem("a", "A", half + 1), LineItem("b", "B", -1), LineItem("c", "C", 7)))
    assert [line.quantity for line in both.lines] == [0, 0, 7]
    assert both.attention == ("negative_quantity", "impossible_quantity")


def test_a_total_is_what_its_parts_make_but_for_a_cent_a_line() -> None:
    lines = (LineItem("a", "A", 1), LineItem("b", "B", 1))
    amounts = Amounts(700, discount_minor=50, shipping_minor=200, tax_minor=100, fees_minor=30, refunded_minor=10)
    assert amounts.expected_minor == 970
    assert total_difference_minor(order(*lines)) == 0
    assert total_difference_minor(order(*lines, amounts=amounts)) == 30
    for off, said in ((2, 0), (-2, 0), (3, 3), (-3, -3)):
        assert total_difference_minor(order(*lines, amounts=amounts, total_minor=970 + off)) == said


def test_equal_orders_have_one_fingerprint_and_odd_text_has_one_too() -> None:
    pen = LineItem("a", "Pen", 1)
    assert digest(order(pen)) == digest(order(replace(pen))) != digest(order(replace(pen, quantity=2)))
    assert digest(order(pen, note="\ud800")) != digest(order(pen, note="\ud801"))
    assert len(digest(order())) == 64


def test_grams_are_the_triples_of_a_text() -> None:
    assert grams("ab") == grams("") == []
    assert len(grams("abc")) == 1
    assert set(grams("bcd")) <= set(grams("abcde"))
    assert not set(grams("xyz")) & set(grams("abcde"))
    assert grams("abcabc") == sorted(set(grams("abca")) | set(grams("cab")))
    assert all(0 <= gram < 2**31 for gram in grams("the quick brown fox"))
    assert grams("abc") == [0x352441C2]


# --- parts -----------------------------------------------------------------------------------------------------------

PARTS = [
    HeldPart(1, 1, State.NEW, {10: 2, 11: 1}), HeldPart(2, 1, State.PACKED, {12: 4}), HeldPart(3, 2, State.SHIPPED, {10: 3}),
    HeldPart(4, 2, State.CANCELLED, {10: 9}), HeldPart(5, 2, State.PICKED_UP, {10: 1, 11: 2}),
]  # fmt: skip


def test_what_parts_hold_and_what_has_left() -> None:
    assert commitments(PARTS, {10: 100, 11: 101, 12: 100}) == {(100, 1): 6, (101, 1): 1}
    assert gone(PARTS) == {10: 4, 11: 2}


def test_a_step_leads_to_its_state_or_says_what_is_missing() -> None:
    packed = Standing(State.PACKED, Handover.DELIVERY, 1990, "EUR")
    assert after(Step.SHIP, replace(packed, owed_minor=0)) is State.SHIPPED
    with pytest.raises(Rejected) as refused:
        after(Step.SHIP, packed)
    assert refused.value.message == "19.90 EUR is still owed."
    assert refused.value.remedy == "Take the payment, then record it with “record payment”."
