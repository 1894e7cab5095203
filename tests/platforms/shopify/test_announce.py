"""The whole table of what Shopify is told, against the sandbox over real HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.domain.orders import Handover, Order
from connector.platform import Act, Announcement, Outcome, Refused, Retryable, Told, Tracking
from tests.platforms.shopify.conftest import CANEBIERE, DEPOT, VIEUX_PORT, Linked, announcement

PARCEL = Tracking("LX123FR", "Colissimo", "https://track.example/LX123FR")
SPLIT = (("CARTE-COTES", 2), ("MALLE-OSIER", 1))  # one lies only in the Vieux-Port shop, the other only in the depot


def _tell(linked: Linked, told: Announcement) -> Outcome:
    return linked.platform.announce(linked.shop, told)


# --- packed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("handover", ["delivery", "pickup"])
def test_packed_is_not_told(linked: Linked, handover: str) -> None:
    order = linked.place(("ESP-41", 1), handover=handover, pickup="canebiere")
    outcome = _tell(linked, announcement(Act.PACKED, order))
    assert outcome == Outcome(Told.UNSUPPORTED, "Shopify is not told of packing.")
    assert linked.shown(order).status == "Unfulfilled"


def test_packed_is_reported_where_the_merchant_wants_it(linked: Linked) -> None:
    linked.shop = replace(linked.shop, settings={"report_progress": True})
    order = linked.place(("ESP-41", 1))
    assert _tell(linked, announcement(Act.PACKED, order)).told is Told.APPLIED
    assert linked.shown(order).status == "In progress"
    assert _tell(linked, announcement(Act.PACKED, order)).told is Told.ALREADY
    assert _tell(linked, announcement(Act.SHIPPED, order)).told is Told.APPLIED
    assert linked.shown(order).status == "Fulfilled"


@pytest.mark.parametrize("setting", [False, "true", 1, None])
def test_progress_needs_a_plain_yes(linked: Linked, setting: object) -> None:
    linked.shop = replace(linked.shop, settings={"report_progress": setting})
    order = linked.place(("ESP-41", 1))
    assert _tell(linked, announcement(Act.PACKED, order)).told is Told.UNSUPPORTED


def test_a_pickup_is_never_in_progress(linked: Linked) -> None:
    linked.shop = replace(linked.shop, settings={"report_progress": True})
    order = linked.place(("ESP-41", 1), handover="pickup", pickup="canebiere")
    assert _tell(linked, announcement(Act.PACKED, order)).told is Told.UNSUPPORTED


# --- ready -----------------------------------------------------------------------------------------------------------


def test_ready_tells_the_customer_once(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2), ("SAC-VOILE", 1), handover="pickup", pickup="canebiere")
    assert order.pickup_location == CANEBIERE
    assert _tell(linked, announcement(Act.READY, order)).told is Told.APPLIED
    assert linked.shown(order).notes == ("Ready for pickup",)
    assert linked.shown(order).status == "Unfulfilled"
    assert _tell(linked, announcement(Act.READY, order)).told is Told.ALREADY
    assert linked.shown(order).notes == ("Ready for pickup",)


def test_part_of_a_pickup_is_not_called_ready(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2), ("SAC-VOILE", 1), handover="pickup", pickup="canebiere")
    assert _tell(linked, announcement(Act.READY, order, {"ESP-41": 2}, last=False)).told is Told.UNSUPPORTED
    assert linked.shown(order).notes == ()
    assert _tell(linked, announcement(Act.READY, order, {"SAC-VOILE": 1}, last=True)).told is Told.APPLIED
    assert linked.shown(order).notes == ("Ready for pickup",)


def test_a_part_that_is_the_whole_pickup_is_called_ready(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2), handover="pickup", pickup="canebiere")
    assert _tell(linked, announcement(Act.READY, order, {"ESP-41": 1}, last=False)).told is Told.UNSUPPORTED
    assert _tell(linked, announcement(Act.READY, order, {"ESP-41": 2}, last=False)).told is Told.APPLIED


def test_some_of_a_pickup_is_divided_off_and_called_ready_where_parts_are_reported(linked: Linked) -> None:
    linked.shop = replace(linked.shop, settings={"report_parts": "each"})
    order = linked.place(("ESP-41", 3), ("SAC-VOILE", 1), handover="pickup", pickup="canebiere")
    some = announcement(Act.READY, order, {"ESP-41": 2}, last=False)
    assert _tell(linked, some).told is Told.APPLIED
    assert linked.shown(order).notes == ("Ready for pickup",)
    assert _prepared(linked, order) == [(False, [1, 1]), (True, [2])]
    assert _tell(linked, some).told is Told.ALREADY
    assert _prepared(linked, order) == [(False, [1, 1]), (True, [2])]
    assert _tell(linked, announcement(Act.READY, order, {"ESP-41": 1, "SAC-VOILE": 1}, last=True)).told is Told.APPLIED
    assert _prepared(linked, order) == [(True, [1, 1]), (True, [2])]
    assert _tell(linked, announcement(Act.PICKED_UP, order)).told is Told.APPLIED
    assert linked.shown(order).status == "Fulfilled"


def test_what_shopify_does_not_let_us_divide_waits_for_its_last_part(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    from sandbox.shopify import views

    monkeypatch.setattr(views, "_actions", lambda part: ("CREATE_FULFILLMENT",))
    linked.shop = replace(linked.shop, settings={"report_parts": "each"})
    order = linked.place(("ESP-41", 3), handover="pickup", pickup="canebiere")
    assert _tell(linked, announcement(Act.READY, order, {"ESP-41": 2}, last=False)).told is Told.UNSUPPORTED


def _prepared(linked: Linked, order: Order) -> list[tuple[bool, list[int]]]:
    """Of each fulfillment order of the sandbox: was it prepared, and its units."""
    found = linked.remote.order(order.external_id)
    assert found is not None
    return [(part["prepared"], [line["remaining"] for line in part["lines"] if line["remaining"]]) for part in found["parts"]]


def test_ready_after_it_was_collected_is_old_news(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1), handover="pickup", pickup="canebiere")
    _tell(linked, announcement(Act.PICKED_UP, order))
    assert _tell(linked, announcement(Act.READY, order)).told is Told.ALREADY
    assert linked.shown(order).notes == ()


@pytest.mark.parametrize("what", ["hold", "cancel"])
def test_ready_is_withheld(linked: Linked, what: str) -> None:
    order = linked.place(("ESP-41", 1), handover="pickup", pickup="canebiere")
    getattr(linked.remote, what)(order.external_id)
    assert _tell(linked, announcement(Act.READY, order)).told is Told.WITHHELD
    assert linked.shown(order).notes == ()


def test_a_delivery_is_never_ready(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    assert _tell(linked, announcement(Act.READY, order)).told is Told.UNSUPPORTED
    assert _tell(linked, announcement(Act.READY, order, handover=Handover.PICKUP)).told is Told.WITHHELD


# --- shipped, picked up ----------------------------------------------------------------------------------------------


def test_shipped_with_tracking(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2))
    outcome = _tell(linked, announcement(Act.SHIPPED, order, tracking=PARCEL))
    assert outcome.told is Told.APPLIED
    assert outcome.detail == "Fulfilled 2 units with tracking LX123FR; Shopify shows the order as fulfilled."
    shown = linked.shown(order)
    assert (shown.status, shown.tracking) == ("Fulfilled", ("LX123FR",))
    assert linked.read(order.external_id).lines[0].fulfilled == 2


@pytest.mark.parametrize("lack", [{"totalQuantity": 1}, {"status": "FAILURE"}])
def test_what_shopify_does_not_show_as_fulfilled_is_read_again(
    linked: Linked, monkeypatch: pytest.MonkeyPatch, lack: dict[str, object]
) -> None:
    from sandbox.shopify import resolvers, views

    monkeypatch.setattr(resolvers, "shipment_view", lambda *given: {**views.shipment_view(*given), **lack})
    told = announcement(Act.SHIPPED, linked.place(("ESP-41", 2)))
    with pytest.raises(Retryable) as caught:
        _tell(linked, told)
    assert caught.value.effect_unknown
    assert _tell(linked, told).told is Told.ALREADY


def test_picked_up_without_tracking(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2), handover="pickup", pickup="vieux-port")
    told = announcement(Act.PICKED_UP, order, tracking=PARCEL)
    assert _tell(linked, told).told is Told.APPLIED
    shown = linked.shown(order)
    assert (shown.status, shown.tracking) == ("Fulfilled", ())


@pytest.mark.parametrize("act", [Act.SHIPPED, Act.PICKED_UP])
def test_telling_twice_writes_once(linked: Linked, act: Act) -> None:
    pickup = act is Act.PICKED_UP
    order = linked.place(("ESP-41", 2), handover="pickup" if pickup else "delivery", pickup="vieux-port" if pickup else "")
    assert _tell(linked, announcement(act, order)).told is Told.APPLIED
    assert _tell(linked, announcement(act, order)).told is Told.ALREADY
    assert linked.shipments(order) == [[2]]


@pytest.mark.parametrize("tracking", [Tracking("N1"), Tracking("N1", "", "javascript:alert(1)"), Tracking("N1", "X", "[")])
def test_tracking_shopify_would_refuse_is_left_out(linked: Linked, tracking: Tracking) -> None:
    order = linked.place(("ESP-41", 1))
    assert _tell(linked, announcement(Act.SHIPPED, order, tracking=tracking)).told is Told.APPLIED
    assert linked.shown(order).tracking == ("N1",)


def test_each_part_of_a_split_order(linked: Linked) -> None:
    order = linked.place(*SPLIT)
    assert {line.sku: line.assigned_location for line in order.lines} == {"CARTE-COTES": VIEUX_PORT, "MALLE-OSIER": DEPOT}
    first = announcement(Act.SHIPPED, order, {"CARTE-COTES": 2}, last=False, location=VIEUX_PORT)
    assert _tell(linked, first).told is Told.APPLIED
    assert linked.shown(order).status == "Partially fulfilled"
    assert _tell(linked, announcement(Act.SHIPPED, order, {"MALLE-OSIER": 1}, location=DEPOT)).told is Told.APPLIED
    assert linked.shown(order).status == "Fulfilled"


def test_one_announcement_over_two_locations_is_two_fulfillments(linked: Linked) -> None:
    order = linked.place(*SPLIT)
    assert _tell(linked, announcement(Act.SHIPPED, order, tracking=PARCEL)).told is Told.APPLIED
    assert linked.shown(order).status == "Fulfilled"
    assert sorted(linked.shipments(order)) == [[1], [2]]
    assert linked.shown(order).tracking == ("LX123FR", "LX123FR")


def test_two_parts_of_one_line_by_target(linked: Linked) -> None:
    order = linked.place(("ESP-41", 5))
    first = announcement(Act.SHIPPED, order, {"ESP-41": 2}, last=False)
    for told in (Told.APPLIED, Told.ALREADY):
        assert _tell(linked, first).told is told
    assert linked.shown(order).status == "Partially fulfilled"
    assert _tell(linked, announcement(Act.SHIPPED, order, {"ESP-41": 5})).told is Told.APPLIED
    assert linked.shipments(order) == [[2], [3]]
    assert _tell(linked, first).told is Told.ALREADY


def test_units_come_from_the_announced_location_first(linked: Linked) -> None:
    divided = linked.place(("BONNET-ROUGE", 450))
    assert {part["location"] for part in (linked.remote.order(divided.external_id) or {})["parts"]} == {"depot", "vieux-port"}
    told = announcement(Act.SHIPPED, divided, {"BONNET-ROUGE": 10}, last=False, location=VIEUX_PORT)
    assert _tell(linked, told).told is Told.APPLIED
    left = {part["location"]: part["lines"][0]["remaining"] for part in (linked.remote.order(divided.external_id) or {})["parts"]}
    assert left == {"depot": 400, "vieux-port": 40}


def test_the_last_part_takes_custom_lines_along(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1), extra=("custom_line",))
    assert _tell(linked, announcement(Act.SHIPPED, order, {"ESP-41": 1})).told is Told.APPLIED
    assert linked.shown(order).status == "Fulfilled"


# --- what means more -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [Act.SHIPPED, Act.PICKED_UP])
def test_on_hold_is_withheld_and_nothing_written(linked: Linked, act: Act) -> None:
    order = linked.place(("ESP-41", 1), handover="delivery" if act is Act.SHIPPED else "pickup", pickup="canebiere")
    linked.remote.hold(order.external_id)
    outcome = _tell(linked, announcement(act, order))
    assert outcome.told is Told.WITHHELD
    assert "hold" in outcome.detail
    assert linked.shipments(order) == []
    linked.remote.release(order.external_id)
    assert _tell(linked, announcement(act, order)).told is Told.APPLIED


def test_cancelled_is_withheld(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    linked.remote.cancel(order.external_id)
    outcome = _tell(linked, announcement(Act.SHIPPED, order))
    assert (outcome.told, "cancelled" in outcome.detail) == (Told.WITHHELD, True)


def test_refunded_is_withheld(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    linked.remote.refund(order.external_id, {"ESP-41": 1}, restock=False)
    outcome = _tell(linked, announcement(Act.SHIPPED, order))
    assert (outcome.told, "refunded" in outcome.detail) == (Told.WITHHELD, True)


def test_removed_units_are_not_fulfilled(linked: Linked) -> None:
    order = linked.place(("ESP-41", 3), ("SAC-VOILE", 1))
    linked.remote.edit(order.external_id, {"ESP-41": 1})
    outcome = _tell(linked, announcement(Act.SHIPPED, order))
    assert outcome.told is Told.APPLIED
    assert "2 more had been removed" in outcome.detail
    assert linked.shown(order).status == "Fulfilled"


def test_nothing_left_is_withheld(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1), ("SAC-VOILE", 1))
    linked.remote.edit(order.external_id, {"ESP-41": 0})
    assert _tell(linked, announcement(Act.SHIPPED, order, {"ESP-41": 1}, last=False)).told is Told.WITHHELD
    assert linked.shipments(order) == []


def test_an_order_that_is_gone_is_refused(linked: Linked) -> None:
    order = replace(linked.place(("ESP-41", 1)), external_id="gid://shopify/Order/1")
    with pytest.raises(Refused, match="does not exist"):
        _tell(linked, announcement(Act.SHIPPED, order))


def test_fulfilled_by_somebody_in_the_admin_is_already(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1))
    _tell(linked, announcement(Act.SHIPPED, order))
    assert _tell(linked, announcement(Act.SHIPPED, order, tracking=PARCEL)).told is Told.ALREADY
