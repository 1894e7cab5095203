"""Faults while Shopify is told: lost answers, half-done writes, races and throttling never fulfill anything twice."""

from __future__ import annotations

import pytest

from connector.platform import Act, Announcement, Outcome, Retryable, Throttled, Told
from tests.platforms.shopify.conftest import Linked, announcement

SPLIT = (("CARTE-COTES", 2), ("MALLE-OSIER", 1))  # one lies only in the Vieux-Port shop, the other only in the depot


def _tell(linked: Linked, told: Announcement) -> Outcome:
    return linked.platform.announce(linked.shop, told)


def test_applied_then_error_is_healed_without_fulfilling_twice(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = linked.place(("ESP-41", 2))
    faults = iter(["", "applied_then_error"])  # the read goes well; the write is done, but its answer is lost
    monkeypatch.setattr(linked.knobs, "call_fault", lambda platform: next(faults, ""))
    with pytest.raises(Retryable) as caught:
        _tell(linked, announcement(Act.SHIPPED, order))
    assert caught.value.effect_unknown
    assert _tell(linked, announcement(Act.SHIPPED, order)).told is Told.ALREADY
    assert linked.shipments(order) == [[2]]


def test_a_lost_ready_does_not_tell_the_customer_twice(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = linked.place(("ESP-41", 2), handover="pickup", pickup="canebiere")
    faults = iter(["", "applied_then_error"])
    monkeypatch.setattr(linked.knobs, "call_fault", lambda platform: next(faults, ""))
    with pytest.raises(Retryable):
        _tell(linked, announcement(Act.READY, order))
    assert _tell(linked, announcement(Act.READY, order)).told is Told.ALREADY
    assert linked.shown(order).notes == ("Ready for pickup",)


def test_half_done_over_two_locations_is_finished_by_the_next_attempt(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order = linked.place(*SPLIT)
    faults = iter(["", "", "server_error"])  # read, first fulfillment, second fulfillment
    monkeypatch.setattr(linked.knobs, "call_fault", lambda platform: next(faults, ""))
    with pytest.raises(Retryable):
        _tell(linked, announcement(Act.SHIPPED, order))
    assert linked.shown(order).status == "Partially fulfilled"
    assert _tell(linked, announcement(Act.SHIPPED, order)).told is Told.APPLIED
    assert sorted(linked.shipments(order)) == [[1], [2]]


def test_a_race_with_the_admin_counts_as_done(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody fulfills in Shopify's admin between our read and our write."""
    order = linked.place(("ESP-41", 2))
    calls = iter(range(100))

    def meanwhile(platform: str) -> str:
        if next(calls) == 1:
            part = (linked.remote.order(order.external_id) or {})["parts"][0]
            linked.remote.fulfill(order.external_id, [(part["id"], part["lines"][0]["id"], 2)], {})
        return ""

    monkeypatch.setattr(linked.knobs, "call_fault", meanwhile)
    assert _tell(linked, announcement(Act.SHIPPED, order)).told is Told.ALREADY
    assert linked.shipments(order) == [[2]]


def test_throttled_says_how_long_to_wait(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    while linked.bucket.take(100):
        pass
    with pytest.raises(Throttled) as caught:
        _tell(linked, announcement(Act.SHIPPED, order))
    assert (caught.value.retry_after_seconds or 0) > 1
    assert linked.shipments(order) == []


def test_the_throttle_knob_too(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    linked.knobs.set("shopify", {"throttle": 1.0})
    with pytest.raises(Throttled):
        _tell(linked, announcement(Act.SHIPPED, order))
