"""The announce table over real HTTP: what the store shows afterwards, and what was written for it."""

from __future__ import annotations

import pytest

from connector.domain.orders import Handover
from connector.platform import Act, Refused, Retryable, Told
from tests.platforms.bigcommerce.conftest import TRACKING, Bench


def test_delivery_packed_then_shipped(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2), ("MUG-PHARE", 1))
    assert bench.tell(Act.PACKED, order).told is Told.APPLIED
    assert bench.shown(order).status == "Awaiting Shipment"
    outcome = bench.tell(Act.SHIPPED, order, tracking=TRACKING, location_name="Dépôt Arenc")
    assert outcome.told is Told.APPLIED
    assert "6A123" in outcome.detail
    shown = bench.shown(order)
    assert (shown.status, shown.tracking) == ("Completed", ("6A123",))
    assert any("Dépôt Arenc" in note for note in shown.notes)
    (shipment,) = bench.sandbox.store.all("bigcommerce.shipment")
    assert (shipment["tracking_carrier"], shipment["tracking_link"]) == ("colissimo", TRACKING.url)


def test_pickup_packed_ready_and_collected(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2), pickup="vieux-port")
    bench.tell(Act.PACKED, order)
    assert bench.shown(order).status == "Awaiting Pickup"
    assert bench.tell(Act.READY, order).told is Told.APPLIED
    (pickup,) = bench.sandbox.store.all("bigcommerce.pickup")
    assert (pickup["ready_at"], pickup["pickup_items"][0]["status"]) == ("2026-11-23T09:30:00Z", "AWAITING_COLLECTION")
    assert bench.tell(Act.READY, order).told is Told.ALREADY
    assert bench.tell(Act.PICKED_UP, order).told is Told.APPLIED
    (pickup,) = bench.sandbox.store.all("bigcommerce.pickup")
    assert pickup["pickup_items"][0]["status"] == "COLLECTED"
    assert bench.shown(order).status == "Completed"


def test_collected_without_ever_being_ready(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2), pickup="vieux-port")
    bench.tell(Act.PICKED_UP, order)
    (pickup,) = bench.sandbox.store.all("bigcommerce.pickup")
    assert pickup["pickup_items"][0]["status"] == "COLLECTED"
    assert bench.shown(order).status == "Completed"


def test_pickup_by_shipping_rate_has_no_pickup_record(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 1), handover="pickup")
    bench.tell(Act.PACKED, order)
    assert bench.shown(order).status == "Awaiting Pickup"
    ready = bench.tell(Act.READY, order)
    assert ready.told is Told.UNSUPPORTED
    assert "notice" in ready.detail
    assert bench.tell(Act.PICKED_UP, order, last=False).told is Told.UNSUPPORTED
    assert bench.shown(order).status == "Awaiting Pickup"
    assert bench.tell(Act.PICKED_UP, order).told is Told.APPLIED
    assert bench.shown(order).status == "Completed"
    assert bench.sandbox.store.all("bigcommerce.pickup") == []


@pytest.mark.parametrize("moves", [True, False])
def test_two_parts_of_a_delivery(bench: Bench, moves: bool) -> None:
    """Whether or not the platform moves the status after a shipment, it ends the same."""
    bench.settings(shipment_moves_status=moves)
    order = bench.place(("MAR-TS-M", 3), ("MUG-PHARE", 1))
    assert bench.tell(Act.PACKED, order, last=False, targets={"MAR-TS-M": 1}).told is Told.UNSUPPORTED
    assert bench.shown(order).status == "Awaiting Fulfillment"
    first = bench.tell(Act.SHIPPED, order, last=False, targets={"MAR-TS-M": 1}, tracking=TRACKING)
    assert first.told is Told.APPLIED
    assert bench.shown(order).status == "Partially Shipped"
    assert bench.recorder.written().count(f"PUT v2/orders/{order}") == (0 if moves else 1)
    bench.tell(Act.SHIPPED, order, targets={"MAR-TS-M": 3, "MUG-PHARE": 1})
    assert bench.shown(order).status == "Completed"
    shipped = [item for row in bench.sandbox.store.all("bigcommerce.shipment") for item in row["items"]]
    assert sorted(item["quantity"] for item in shipped) == [1, 1, 2]


def test_two_parts_of_a_pickup_are_collected_one_by_one(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 3), ("MUG-PHARE", 1), pickup="canebiere")
    bench.tell(Act.READY, order, last=False, targets={"MAR-TS-M": 1})
    bench.tell(Act.READY, order, targets={"MAR-TS-M": 3, "MUG-PHARE": 1})
    bench.tell(Act.PICKED_UP, order, last=False, targets={"MAR-TS-M": 1})
    statuses = [row["pickup_items"][0]["status"] for row in bench.sandbox.store.all("bigcommerce.pickup")]
    assert statuses == ["COLLECTED", "AWAITING_COLLECTION"]
    assert bench.shown(order).status == "Awaiting Fulfillment"
    bench.tell(Act.PICKED_UP, order, targets={"MAR-TS-M": 3, "MUG-PHARE": 1})
    assert bench.shown(order).status == "Completed"


def test_two_addresses_are_two_shipments(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2), ("MUG-PHARE", 1), extra=("two_addresses",))
    bench.tell(Act.SHIPPED, order, tracking=TRACKING)
    shipments = bench.sandbox.store.all("bigcommerce.shipment")
    assert len({row["order_address_id"] for row in shipments}) == len(shipments) == 2
    assert bench.shown(order).status == "Completed"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/shipments"), ("PUT", "/orders/{order}"), ("GET", "/shipments"), ("GET", "/orders/{order}")]
)
def test_a_lost_answer_heals_without_a_second_shipment(bench: Bench, method: str, path: str) -> None:
    order = bench.place(("MAR-TS-M", 2))
    bench.recorder.break_next = {(method, path.format(order=order))}
    with pytest.raises(Retryable):
        bench.tell(Act.SHIPPED, order, tracking=TRACKING)
    bench.tell(Act.SHIPPED, order, tracking=TRACKING)
    assert len(bench.sandbox.store.all("bigcommerce.shipment")) == 1
    assert bench.shown(order).status == "Completed"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_lost_answer_heals_without_a_second_pickup(bench: Bench, method: str) -> None:
    order = bench.place(("MAR-TS-M", 2), pickup="vieux-port")
    bench.recorder.break_next = {(method, "/orders/pickups")}
    with pytest.raises(Retryable):
        bench.tell(Act.PICKED_UP, order)
    bench.tell(Act.PICKED_UP, order)
    assert len(bench.sandbox.store.all("bigcommerce.pickup")) == 1
    assert bench.shown(order).status == "Completed"


def test_a_lost_write_is_unknown_in_its_effect(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2))
    bench.recorder.break_next = {("PUT", f"/orders/{order}")}
    with pytest.raises(Retryable) as raised:
        bench.tell(Act.PACKED, order)
    assert raised.value.effect_unknown


@pytest.mark.parametrize("status", [4, 5, 6, 12, 13, 14, 0, 1, 99])
@pytest.mark.parametrize("act", [Act.PACKED, Act.SHIPPED])
def test_a_state_that_means_more_is_not_overwritten(bench: Bench, status: int, act: Act) -> None:
    order = bench.place(("MAR-TS-M", 2))
    bench.change(order, status_id=status)
    outcome = bench.tell(act, order)
    assert outcome.told is Told.WITHHELD
    assert outcome.detail
    assert bench.recorder.written() == []
    assert bench.document(order)["status_id"] == status


@pytest.mark.parametrize("act", [Act.READY, Act.PICKED_UP])
def test_a_disputed_pickup_is_withheld(bench: Bench, act: Act) -> None:
    order = bench.place(("MAR-TS-M", 2), pickup="vieux-port")
    bench.change(order, status_id=13)
    outcome = bench.tell(act, order)
    assert (outcome.told, "Disputed" in outcome.detail) == (Told.WITHHELD, True)
    assert bench.recorder.written() == []


def test_an_archived_order_is_withheld_and_an_unknown_one_refused(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2))
    told = bench.announcement(Act.PACKED, order)
    bench.change(order, is_deleted=True)
    assert bench.platform.announce(bench.shop, told).told is Told.WITHHELD
    bench.sandbox.store.delete("bigcommerce.order", order)
    with pytest.raises(Refused):
        bench.platform.announce(bench.shop, told)


@pytest.mark.parametrize("status", [2, 3, 9, 10])
def test_packed_is_not_told_where_the_store_is_further(bench: Bench, status: int) -> None:
    order = bench.place(("MAR-TS-M", 2))
    bench.change(order, status_id=status)
    assert bench.tell(Act.PACKED, order).told is Told.ALREADY
    assert bench.recorder.written() == []


def test_shipped_by_the_merchant_already(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2))
    bench.change(order, status_id=10)
    assert bench.tell(Act.SHIPPED, order, tracking=TRACKING).told is Told.ALREADY
    assert bench.recorder.written() == []


def test_a_shipment_made_by_hand_gets_our_tracking(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2))
    bench.tell(Act.SHIPPED, order, last=False)
    assert bench.shown(order).tracking == ()
    bench.tell(Act.SHIPPED, order, tracking=TRACKING)
    assert bench.shown(order).tracking == ("6A123",)
    assert len(bench.sandbox.store.all("bigcommerce.shipment")) == 1


def test_no_more_is_shipped_than_the_edited_order_holds(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 3), ("MUG-PHARE", 1))
    told = bench.announcement(Act.SHIPPED, order)
    bench.front.edit(order, {"MAR-TS-M": 1, "MUG-PHARE": 0})
    bench.platform.announce(bench.shop, told)
    (shipment,) = bench.sandbox.store.all("bigcommerce.shipment")
    assert [item["quantity"] for item in shipment["items"]] == [1]


def test_the_shipment_comes_before_the_status(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 1))
    bench.settings(shipment_moves_status=False)
    bench.tell(Act.SHIPPED, order)
    assert bench.recorder.written() == [f"POST v2/orders/{order}/shipments", f"PUT v2/orders/{order}"]


def test_an_offline_order_keeps_the_only_trace_that_it_is_unpaid(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 1), paid=False, extra=("offline_payment",))
    assert bench.tell(Act.PACKED, order).told is Told.WITHHELD
    assert bench.shown(order).status == "Awaiting Payment"
    card = bench.place(("MAR-TS-M", 1), paid=False)
    assert bench.tell(Act.PACKED, card).told is Told.APPLIED
    fetched = bench.platform.fetch_order(bench.shop, card)
    assert fetched is not None
    assert fetched.outstanding_minor > 0


def test_an_unknown_carrier_is_named_in_words(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 1))
    bench.tell(Act.SHIPPED, order, tracking=type(TRACKING)("X1", "Vélo Express"))
    (shipment,) = bench.sandbox.store.all("bigcommerce.shipment")
    assert (shipment["tracking_carrier"], "Vélo Express" in shipment["comments"]) == ("", True)


def test_an_act_the_store_has_no_word_for(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 1))
    assert bench.tell(Act.READY, order, handover=Handover.DELIVERY).told is Told.UNSUPPORTED


def test_an_order_of_sixty_lines_is_shipped_whole(bench: Bench) -> None:
    order = bench.place(*[("MAR-TS-M", 1)] * 60)
    bench.tell(Act.SHIPPED, order)
    (shipment,) = bench.sandbox.store.all("bigcommerce.shipment")
    assert len(shipment["items"]) == 60


def test_cancelled_is_the_status_once_and_not_over_what_was_handed_over(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 1))
    assert bench.tell(Act.CANCELLED, order).told is Told.APPLIED
    assert bench.shown(order).status == "Cancelled"
    assert bench.tell(Act.CANCELLED, order).told is Told.ALREADY
    other = bench.place(("MAR-TS-M", 1))
    bench.tell(Act.SHIPPED, other, tracking=TRACKING)
    assert bench.tell(Act.CANCELLED, other).told is Told.WITHHELD
    assert bench.shown(other).status == "Completed"
