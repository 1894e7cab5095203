"""Asking Shopify to cancel, against the sandbox over real HTTP: its job, what stands against it, lost answers, no permission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.domain.errors import Rejected
from connector.domain.orders import Lifecycle, Order, Payment
from connector.platform import Act, AuthLost, NotYet, Outcome, Refused, Retryable, Told
from platforms.shopify import cancelling, documents
from platforms.shopify.reading import TO_CANCEL
from sandbox.catalogue import STOCK
from sandbox.shopify import granting
from tests.platforms.shopify.conftest import Linked, announcement
from tests.serving import wait_until

CANCELLED = Outcome(
    Told.APPLIED, "Shopify cancelled the order and put its stock back. Money that was paid is given back in Shopify's admin."
)
ALREADY = Outcome(Told.ALREADY, "Shopify shows the order as cancelled already.")
FAR_AWAY = 3600.0


def _cancel(linked: Linked, order: Order) -> Outcome:
    return linked.platform.announce(linked.shop, announcement(Act.CANCELLED, order, {}))


def _found(linked: Linked, order: Order) -> dict[str, Any]:
    found = linked.remote.order(order.external_id)
    assert found is not None
    return found


def _fulfill(linked: Linked, order: Order) -> None:
    part = _found(linked, order)["parts"][0]
    linked.remote.fulfill(order.external_id, [(part["id"], part["lines"][0]["id"], part["lines"][0]["remaining"])], {})


def _before_call(linked: Linked, monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> None:
    """Do it on the platform just before the call to its API that has this number, from 1."""
    calls = iter(range(1, 1000))

    def meanwhile(platform: str) -> str:
        if next(calls) == number:
            act()
        return ""

    monkeypatch.setattr(linked.knobs, "call_fault", meanwhile)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "_PAUSES_SECONDS", (0.01, 0.01))


@pytest.fixture
def slow(linked: Linked) -> Linked:
    """A shop whose jobs do not end by themselves."""
    linked.remote.jobs.seconds = FAR_AWAY
    return linked


@pytest.mark.parametrize(("paid", "payment"), [(True, Payment.PAID), (False, Payment.UNPAID)])
@pytest.mark.parametrize("handover", ["delivery", "pickup"])
def test_it_is_cancelled_its_stock_is_back_and_no_money_moves(
    linked: Linked, monkeypatch: pytest.MonkeyPatch, handover: str, paid: bool, payment: Payment
) -> None:
    monkeypatch.setattr(cancelling, "_PAUSES_SECONDS", (0.5, 0.5, 5.0))
    order = linked.place(("ESP-41", 2), handover=handover, pickup="vieux-port", paid=paid)
    place = _found(linked, order)["parts"][0]["location"]
    assert linked.remote.stock()["ESP-41"][place] == STOCK["ESP-41", place] - 2
    assert _cancel(linked, order) == CANCELLED
    assert linked.shown(order).status == "Cancelled"
    assert linked.remote.stock()["ESP-41"][place] == STOCK["ESP-41", place]
    assert _found(linked, order)["refunded_minor"] == 0
    again = linked.read(order.external_id)
    assert (again.lifecycle, again.payment, again.returns) == (Lifecycle.CANCELLED, payment, ())
    assert _cancel(linked, order) == ALREADY


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be written at all."""

    def written(*_: object, **__: object) -> None:
        raise AssertionError("Shopify was told")

    monkeypatch.setattr(cancelling, "tell", written)


@pytest.mark.usefixtures("unwritten")
def test_what_was_cancelled_there_is_not_told(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2))
    linked.remote.cancel(order.external_id)
    assert _cancel(linked, order) == ALREADY


@pytest.mark.parametrize("setting", [True, False])
def test_the_merchant_says_whether_the_customer_is_written_to(linked: Linked, setting: bool) -> None:
    linked.remote.jobs.seconds = 0.0
    linked.shop = replace(linked.shop, settings={"notify_customer": setting})
    order = linked.place(("ESP-41", 1))
    _cancel(linked, order)
    linked.remote.jobs.finish()
    assert linked.shown(order).notes == (("The customer was told that it is cancelled",) if setting else ())


def test_a_held_order_is_cancelled(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    linked.remote.hold(order.external_id)
    assert _settled(linked, order).told in (Told.APPLIED, Told.ALREADY)
    assert linked.shown(order).status == "Cancelled"


def _settled(linked: Linked, order: Order) -> Outcome:
    """Told until it is decided, as the outbox does."""
    try:
        return _cancel(linked, order)
    except NotYet:
        linked.remote.jobs.finish()
        return _cancel(linked, order)


# --- the job ---------------------------------------------------------------------------------------------------------


def test_a_job_that_is_late_is_waited_for_by_a_later_attempt(slow: Linked) -> None:
    order = slow.place(("ESP-41", 2))
    with pytest.raises(NotYet) as caught:
        _cancel(slow, order)
    assert (caught.value.effect_unknown, caught.value.retry_after_seconds) == (True, 15.0)
    assert slow.shown(order).status == "Unfulfilled", "the answer of the call is not believed"
    slow.remote.jobs.finish()
    assert _cancel(slow, order) == ALREADY
    assert slow.remote.store.count("shopify.job") == 1


def test_a_job_that_ends_without_cancelling_needs_a_person(slow: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(job: object) -> None:
        raise Rejected("A location was deactivated.", "")

    slow.remote.jobs.act = fails
    slow.remote.jobs.seconds = 0.0
    order = slow.place(("ESP-41", 2))
    monkeypatch.setattr(cancelling, "_PAUSES_SECONDS", (0.05,) * 100)  # time enough for a job of no length
    with pytest.raises(Refused, match="job has ended, and the order is not cancelled") as caught:
        _cancel(slow, order)
    assert "Shopify's admin" in caught.value.remedy
    assert slow.shown(order).status == "Unfulfilled"


def test_what_is_fulfilled_while_the_job_waits_is_not_called_cancelled(slow: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = slow.place(("ESP-41", 2))

    def sent_meanwhile() -> None:
        _fulfill(slow, order)
        slow.remote.jobs.finish()

    _before_call(slow, monkeypatch, 3, sent_meanwhile)  # read, told, asked for its job
    outcome = _cancel(slow, order)
    assert outcome.told is Told.WITHHELD
    assert "Cancel the fulfillment there first" in outcome.detail
    assert slow.shown(order).status == "Fulfilled"


def test_a_job_survives_a_restart_of_the_sandbox(slow: Linked) -> None:
    order = slow.place(("ESP-41", 2))
    with pytest.raises(NotYet):
        _cancel(slow, order)
    type(slow.remote)(slow.remote.store, slow.sender, job_seconds=0.0)
    wait_until(lambda: slow.shown(order).status == "Cancelled")
    assert _cancel(slow, order) == ALREADY


# --- what stands against it ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unwritten")
def test_what_has_left_in_part_is_withheld(linked: Linked) -> None:
    order = linked.place(("CARTE-COTES", 2), ("MALLE-OSIER", 1))
    _fulfill(linked, order)
    assert linked.shown(order).status == "Partially fulfilled"
    outcome = _cancel(linked, order)
    assert (outcome.told, "fulfilled in Shopify" in outcome.detail) == (Told.WITHHELD, True)
    assert linked.shown(order).status == "Partially fulfilled"


@pytest.mark.usefixtures("unwritten")
def test_a_delivered_gift_card_is_for_a_person_to_judge(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1), extra=("gift_card",))
    assert _cancel(linked, order).told is Told.WITHHELD
    assert linked.shown(order).status != "Cancelled"


@pytest.mark.usefixtures("unwritten")
def test_a_refunded_order_is_withheld(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    linked.remote.refund(order.external_id, {"ESP-41": 1}, restock=False)
    outcome = _cancel(linked, order)
    assert (outcome.told, "refunded" in outcome.detail) == (Told.WITHHELD, True)


@pytest.mark.usefixtures("unwritten")
def test_an_order_that_is_gone_is_refused(linked: Linked) -> None:
    order = replace(linked.place(("ESP-41", 1)), external_id="gid://shopify/Order/1")
    with pytest.raises(Refused, match="does not exist"):
        _cancel(linked, order)


@pytest.mark.parametrize(("what", "told"), [("cancel", Told.ALREADY), ("fulfill", Told.WITHHELD)])
def test_somebody_was_quicker_in_the_admin(linked: Linked, monkeypatch: pytest.MonkeyPatch, what: str, told: Told) -> None:
    order = linked.place(("ESP-41", 2))
    acts = {"cancel": lambda: linked.remote.cancel(order.external_id), "fulfill": lambda: _fulfill(linked, order)}
    _before_call(linked, monkeypatch, 2, acts[what])
    assert _cancel(linked, order).told is told
    assert linked.remote.store.count("shopify.job") == 0


def test_a_refusal_for_a_reason_of_shopifys_own_says_it(slow: Linked) -> None:
    order = slow.place(("ESP-41", 2))
    slow.remote.jobs.begin({"order": _found(slow, order)["id"], "restock": True, "refund": False, "notify": False})
    with pytest.raises(Refused, match="Shopify says: Order is being cancelled") as caught:
        _cancel(slow, order)
    assert "replay" in caught.value.remedy


def test_a_failure_inside_shopify_is_tried_again(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    said = cancelling.UserErrors("Shopify says: oops", "", frozenset({"INTERNAL_ERROR"}))

    def fails(*_: object, **__: object) -> None:
        raise said

    monkeypatch.setattr(cancelling, "tell", fails)
    with pytest.raises(Retryable) as caught:
        _cancel(linked, linked.place(("ESP-41", 2)))
    assert caught.value.effect_unknown


# --- lost answers ----------------------------------------------------------------------------------------------------


def test_an_answer_that_was_lost_is_healed_by_reading(slow: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = slow.place(("ESP-41", 2))
    faults = iter(["", "applied_then_error"])
    monkeypatch.setattr(slow.knobs, "call_fault", lambda platform: next(faults, ""))
    with pytest.raises(Retryable) as caught:
        _cancel(slow, order)
    assert caught.value.effect_unknown
    slow.remote.jobs.finish()
    assert _cancel(slow, order) == ALREADY
    assert slow.remote.store.count("shopify.job") == 1
    assert _stock(slow) == STOCK


def _stock(linked: Linked) -> dict[tuple[str, str], int]:
    return {(sku, code): units for sku, places in linked.remote.stock().items() for code, units in places.items()}


def test_an_error_without_effect_is_told_again(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = linked.place(("ESP-41", 2))
    faults = iter(["", "server_error"])
    monkeypatch.setattr(linked.knobs, "call_fault", lambda platform: next(faults, ""))
    with pytest.raises(Retryable):
        _cancel(linked, order)
    assert _settled(linked, order).told in (Told.APPLIED, Told.ALREADY)
    assert linked.shown(order).status == "Cancelled"


def test_a_lost_look_at_the_job_tells_nothing_twice(slow: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = slow.place(("ESP-41", 2))
    faults = iter(["", "", "server_error"])
    monkeypatch.setattr(slow.knobs, "call_fault", lambda platform: next(faults, ""))
    with pytest.raises(Retryable):
        _cancel(slow, order)
    slow.remote.jobs.finish()
    assert _cancel(slow, order) == ALREADY
    assert slow.remote.store.count("shopify.job") == 1


# --- permission ------------------------------------------------------------------------------------------------------


def test_a_store_that_granted_less_goes_on_and_is_told_what_to_do(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = linked.place(("ESP-41", 2))
    monkeypatch.setattr(granting, "SCOPES", ("read_orders", *(scope for scope in granting.SCOPES if scope != TO_CANCEL)))
    assert linked.platform.check(linked.shop).name == "Marée Haute"
    outcome = _cancel(linked, order)
    assert outcome.told is Told.WITHHELD
    assert TO_CANCEL in outcome.detail
    assert "cancel the order in Shopify's admin" in outcome.detail
    assert linked.shown(order).status == "Unfulfilled"


def test_access_that_is_lost_for_another_reason_pauses_the_shop_as_ever(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = linked.place(("ESP-41", 2))

    def denied(*_: object, **__: object) -> None:
        raise AuthLost("Shopify denies access: no", "")

    monkeypatch.setattr(cancelling, "tell", denied)
    with pytest.raises(AuthLost):
        _cancel(linked, order)


def test_the_document_asks_for_no_refund() -> None:
    assert "originalPaymentMethodsRefund: false" in documents.CANCEL.text
    assert "storeCreditRefund" not in documents.CANCEL.text
