"""Orders of the past, and what differs between the platform's state and ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.backfill import OUTCOMES, Outcome, Progress, StockPolicy, balance, fingerprint, is_history, progress, window
from connector.domain.drift import MISSING, QUANTITY, STALE, STATUS, Difference, Held, differences
from connector.domain.errors import Rejected
from connector.domain.orders import Freshness, Handover, Lifecycle, LineItem, Order, Payment

T = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDER = Order(
    external_id="1", number="#1", placed_at=T, version=T, currency="EUR", total_minor=1000, outstanding_minor=0,
    payment=Payment.PAID, lifecycle=Lifecycle.OPEN, handover=Handover.DELIVERY, platform_status="Processing",
    lines=(LineItem("a", "Pen", 2), LineItem("b", "Ink", 1)),
)  # fmt: skip
WORDS = {
    "lifecycle": "open", "payment": "paid", "handover": "delivery", "platform_status": "Processing", "currency": "EUR",
    "total_minor": 1000, "outstanding_minor": 0,
}  # fmt: skip
HELD = Held(T, WORDS, {"a": 2, "b": 1})


def test_what_agrees_is_no_difference_and_a_newer_state_of_ours_neither() -> None:
    assert differences(HELD, ORDER) is None
    assert differences(replace(HELD, version=T + timedelta(seconds=1), units={}), ORDER) is None


def test_the_most_telling_difference_is_named_with_only_what_differs() -> None:
    assert differences(None, ORDER) == Difference(MISSING, {}, {"number": "#1", "status": "Processing"})
    paid = replace(HELD, words={**WORDS, "payment": "unpaid"})
    assert differences(paid, ORDER) == Difference(STATUS, {"payment": "unpaid"}, {"payment": "paid"})
    fewer = replace(paid, units={"a": 1, "c": 4})
    ours, theirs = {"line a": 1, "line b": 0, "line c": 4}, {"line a": 2, "line b": 1, "line c": 0}
    assert differences(fewer, ORDER) == Difference(QUANTITY, {"payment": "unpaid", **ours}, {"payment": "paid", **theirs})
    older = replace(fewer, version=T - timedelta(seconds=1))
    versions = {"version": "2026-11-23T11:59:59+00:00"}, {"version": "2026-11-23T12:00:00+00:00"}
    assert differences(older, ORDER) == Difference(
        STALE, {**versions[0], "payment": "unpaid", **ours}, {**versions[1], "payment": "paid", **theirs}
    )
    assert differences(replace(HELD, units={"a": 2}), replace(ORDER, lines=ORDER.lines[:1])) is None


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_compared(word: str) -> None:
    found = differences(replace(HELD, words={**WORDS, word: "other"}), ORDER)
    assert found is not None
    assert (found.kind, list(found.ours)) == (STATUS, [word])


# --- backfill --------------------------------------------------------------------------------------------------------


def test_what_is_only_a_record_of_the_past() -> None:
    ended = {Lifecycle.COMPLETED, Lifecycle.CANCELLED}
    for lifecycle in Lifecycle:
        assert not is_history(lifecycle, StockPolicy.LIVE)
        assert is_history(lifecycle, StockPolicy.SKIP)
        assert is_history(lifecycle, StockPolicy.APPLY) == (lifecycle in ended)


def test_every_judgement_has_its_column() -> None:
    same = dict.fromkeys((Freshness.SAME, Freshness.STALE, Freshness.UNCLEAR), Outcome.SAME)
    assert {Freshness.NEW: Outcome.NEW, Freshness.NEWER: Outcome.CHANGED, **same} == OUTCOMES


def test_a_page_is_known_by_its_rows_and_an_empty_one_by_its_cursor() -> None:
    assert fingerprint("a", ["1", "2"]) == fingerprint("b", ["1", "2"]) != fingerprint("a", ["2", "1"])
    assert fingerprint("a", ["12"]) != fingerprint("a", ["1", "2"])
    assert fingerprint("a", []) != fingerprint("b", [])
    assert len(fingerprint("\udc80", [])) == 64


def test_the_rate_is_that_of_the_newest_pages() -> None:
    recent = [(T, 7), (T + timedelta(seconds=5), 20), (T + timedelta(seconds=10), 30)]
    assert progress(50, 100, recent, running=True) == Progress(5.0, 0.5, 10.0)
    assert progress(50, 100, recent, running=False) == Progress(0.0, 0.5, None)
    assert progress(50, None, recent, running=True) == Progress(5.0, None, None)
    assert progress(50, 0, recent, running=True) == Progress(5.0, None, None)
    assert progress(120, 100, recent, running=True) == Progress(5.0, 1.0, 0.0)
    assert progress(50, 100, recent[:2], running=True) == Progress(4.0, 0.5, 12.5)
    slow = [(T, 1), (T + timedelta(seconds=10), 5)]
    assert progress(99, 100, slow, running=True) == Progress(0.5, 0.99, 2.0)
    assert progress(7, 100, recent[:1], running=True) == Progress(0.0, 0.07, None)
    assert progress(7, 1, [], running=True) == Progress(0.0, 1.0, None)
    assert progress(7, 100, [(T, 7), (T, 9)], running=True) == Progress(0.0, 0.07, None)


def test_our_count_beside_theirs_in_words() -> None:
    assert balance(5, None) == "The platform keeps no count."
    assert balance(5, 5) == "Our count and the platform's agree."
    rest = "than the platform counted when it began: orders were added or removed meanwhile."
    assert balance(3, 5) == f"We read 2 fewer {rest}"
    assert balance(6, 5) == f"We read 1 more {rest}"


def test_a_window_ends_now_and_is_not_empty() -> None:
    day = timedelta(days=1)
    assert window(T - day, None, T) == (T - day, T)
    assert window(T - day, T + day, T) == (T - day, T)
    assert window(T - 2 * day, T - day, T) == (T - 2 * day, T - day)
    assert window(T - 366 * 30 * day, None, T)[0] == T - 366 * 30 * day
    for since, until in ((T, None), (T + day, None), (T - day, T - day), (T - day, T - 2 * day)):
        with pytest.raises(Rejected) as refused:
            window(since, until, T)
        assert str(refused.value) == (
            "There is nothing between these two times. Give a --since before --until, and before now."
        )  # fmt: skip
    with pytest.raises(Rejected) as refused:
        window(T - 366 * 30 * day - timedelta(seconds=1), None, T)
    assert str(refused.value) == "That is over 30 years ago. Give the day the shop opened, such as 2019-01-01."
