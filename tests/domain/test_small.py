"""Money, freshness, owed amounts, moves and waits."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import Malformed
from connector.domain.fulfillment import GONE, MOVES, Standing, State, Step, allowed, order_state, refusal
from connector.domain.money import exponent, to_minor, to_text
from connector.domain.orders import Freshness, Handover, Payment, freshness, owed_minor
from connector.domain.retry import INBOX_WAITS_SECONDS, OUTBOX_WAITS_SECONDS, Trouble, next_try
from connector.domain.text import fold, storable


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.90", "EUR", 1990), ("19.9000", "EUR", 1990), ("1990", "JPY", 1990), ("1.5", "KWD", 1500), (12.5, "USD", 1250),
        ("-0.00", "EUR", 0), (None, "EUR", 0), ("", "EUR", 0), ("0.005", "EUR", 0), ("0.015", "EUR", 2), ("7", "eur", 700),
    ],
)  # fmt: skip
def test_amounts_become_minor_units(amount: str | float | None, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize("amount", ["1,00", "abc", "NaN", "Infinity", "1e400", "9" * 30, "--1"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(Malformed, match="is not a number"):
        to_minor(amount, "EUR")


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_text_and_minor_units_agree(minor: int, currency: str) -> None:
    text = to_text(minor, currency)
    assert to_minor(text.removesuffix(f" {currency}"), currency) == minor
    assert len(text.split(".")[1]) - 4 == exponent(currency) if exponent(currency) else "." not in text


T = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored", "version", "fingerprint", "fetched", "verdict"),
    [
        (None, T, "a", False, Freshness.NEW),
        ((T, "a"), T, "a", True, Freshness.SAME),
        ((T, "a"), T + timedelta(1), "b", False, Freshness.NEWER),
        ((T, "a"), T - timedelta(1), "b", True, Freshness.STALE),
        ((T, "a"), T, "b", True, Freshness.NEWER),
        ((T, "a"), T, "b", False, Freshness.UNCLEAR),
    ],
)
def test_freshness(
    stored: tuple[datetime, str] | None, version: datetime, fingerprint: str, fetched: bool, verdict: Freshness
) -> None:
    assert freshness(stored, version, fingerprint, fetched=fetched) is verdict


def test_owed() -> None:
    assert owed_minor(Payment.UNPAID, 1000, 400) == 600
    assert owed_minor(Payment.PARTLY_PAID, 300, 400) == 0
    assert owed_minor(Payment.PAID, 1000, 0) == 0
    assert owed_minor(Payment.PARTLY_REFUNDED, 1000, 0) == 0
    assert owed_minor(Payment.AUTHORIZED, 1000, 0) == 1000
    assert owed_minor(Payment.AUTHORIZED, 1000, 0, accept_authorized=True) == 0


def standing(state: State, handover: Handover = Handover.DELIVERY, **more: object) -> Standing:
    return Standing(state, handover, **{"owed_minor": 0, "currency": "EUR", **more})  # type: ignore[arg-type]


def test_the_table_of_moves_for_a_delivery_and_a_pickup() -> None:
    expected = {
        (State.NEW, "delivery"): {"start", "pack"}, (State.NEW, "pickup"): {"start", "pack"},
        (State.IN_PROGRESS, "delivery"): {"pack"}, (State.IN_PROGRESS, "pickup"): {"pack"},
        (State.PACKED, "delivery"): {"ship", "unpack"}, (State.PACKED, "pickup"): {"ready", "pick-up", "unpack"},
        (State.READY, "pickup"): {"pick-up", "unpack"}, (State.READY, "delivery"): {"unpack"},
    }  # fmt: skip
    for state, handover in itertools.product(State, (Handover.DELIVERY, Handover.PICKUP)):
        assert {str(s) for s in allowed(standing(state, handover))} == expected.get((state, str(handover)), set())


def test_nothing_moves_once_it_has_left() -> None:
    assert all(not (move.before & (GONE | {State.CANCELLED})) for move in MOVES.values())


@pytest.mark.parametrize(
    ("step", "more", "code"),
    [
        (Step.SHIP, {"owed_minor": 1}, "unpaid"),
        (Step.SHIP, {"on_hold": True, "owed_minor": 1}, "on_hold"),
        (Step.UNPACK, {"on_hold": True, "owed_minor": 1, "pay_first": True}, None),
        (Step.PICK_UP, {}, "wrong_handover"),
        (Step.START, {}, "wrong_state"),
    ],
)
def test_refusals_name_what_is_missing(step: Step, more: dict[str, object], code: str | None) -> None:
    reason = refusal(step, standing(State.PACKED, **more))
    assert (reason.code if reason else None) == code


@pytest.mark.parametrize(
    ("parts", "backordered", "cancelled", "state"),
    [
        (["new"], False, False, "new"), (["new", "packed"], False, False, "in_progress"),
        (["packed", "packed"], False, False, "packed"), (["packed", "shipped"], False, False, "packed"),
        (["shipped", "cancelled"], False, False, "completed"), (["shipped"], True, False, "in_progress"),
        ([], True, False, "new"), (["new"], True, False, "new"), (["shipped"], False, True, "cancelled"),
        (["ready"], False, False, "ready"), (["picked_up"], False, False, "completed"), (["cancelled"], False, False, "new"),
    ],
)  # fmt: skip
def test_the_state_of_an_order(parts: list[str], backordered: bool, cancelled: bool, state: str) -> None:
    assert order_state([State(part) for part in parts], backordered=backordered, cancelled=cancelled) == state


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_waits_grow_within_their_jitter(tries: int, rnd: float) -> None:
    seconds = next_try(tries, OUTBOX_WAITS_SECONDS, rnd).seconds
    assert seconds is not None
    assert 0.8 * OUTBOX_WAITS_SECONDS[tries - 1] <= seconds <= 1.2 * OUTBOX_WAITS_SECONDS[tries - 1]


def test_waits_end_are_floored_and_honour_what_was_asked() -> None:
    assert next_try(10, OUTBOX_WAITS_SECONDS, 0.5).seconds is None
    assert next_try(99, OUTBOX_WAITS_SECONDS, 0.5, endless=True).seconds == 24 * 3600
    assert next_try(4, INBOX_WAITS_SECONDS, 0.5).seconds is None
    assert next_try(1, OUTBOX_WAITS_SECONDS, 0.5, trouble=Trouble.SLOW).seconds == 60
    assert next_try(1, OUTBOX_WAITS_SECONDS, 0.5, trouble=Trouble.SLOW, asked_seconds=7).seconds == 7
    assert next_try(1, OUTBOX_WAITS_SECONDS, 0.5, asked_seconds=10**9).seconds == 3600
    assert next_try(1, OUTBOX_WAITS_SECONDS, 0.5, asked_seconds=-5).seconds == 5
    assert sum(OUTBOX_WAITS_SECONDS) * 1.2 < 56 * 3600


def test_folding_and_storable_text() -> None:
    assert fold("Élise VINÇENT Œuvre ß") == fold("elise vincent œuvre SS")
    assert storable("a\x00b\ud800c\U0001f600") == "abc\U0001f600"
