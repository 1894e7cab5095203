"""A handover that is taken back: what recorded it is deleted, and the status goes back."""

from __future__ import annotations

import pytest

from connector.domain.orders import total_difference_minor
from connector.platform import Act, Told, Tracking
from tests.platforms.bigcommerce.conftest import TRACKING, Bench


def shipments(bench: Bench) -> list[tuple[str, int]]:
    found = bench.sandbox.store.all("bigcommerce.shipment")
    return [(row["tracking_number"], sum(item["quantity"] for item in row["items"])) for row in found]


def test_a_parcel_taken_back_is_deleted_and_the_order_awaits_shipment_again(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2), ("MUG-PHARE", 1))
    bench.tell(Act.SHIPPED, order, tracking=TRACKING)
    back = {"MAR-TS-M": 0, "MUG-PHARE": 0}
    done = bench.tell(Act.TAKEN_BACK, order, targets=back, tracking=TRACKING)
    assert (done.told, done.detail) == (
        Told.APPLIED, "What recorded the handover was deleted in BigCommerce. Status Awaiting Shipment."
    )  # fmt: skip
    assert (shipments(bench), bench.shown(order).status) == ([], "Awaiting Shipment")
    assert bench.tell(Act.TAKEN_BACK, order, targets=back, tracking=TRACKING).told is Told.ALREADY
    assert bench.tell(Act.SHIPPED, order, tracking=TRACKING).told is Told.APPLIED
    assert (shipments(bench), bench.shown(order).status) == ([("6A123", 3)], "Completed")


def test_only_its_own_shipment_is_deleted_where_other_parts_have_left(bench: Bench) -> None:
    order = bench.place(("MUG-PHARE", 3))
    first, second = Tracking("ONE"), Tracking("TWO")
    bench.tell(Act.SHIPPED, order, last=False, targets={"MUG-PHARE": 2}, tracking=first)
    bench.tell(Act.SHIPPED, order, targets={"MUG-PHARE": 3}, tracking=second)
    assert shipments(bench) == [("ONE", 2), ("TWO", 1)]
    done = bench.tell(Act.TAKEN_BACK, order, last=False, targets={"MUG-PHARE": 1}, tracking=first)
    assert (done.told, shipments(bench), bench.shown(order).status) == (Told.APPLIED, [("TWO", 1)], "Partially Shipped")


def test_a_shipment_that_holds_other_goods_too_is_left_alone(bench: Bench) -> None:
    order = bench.place(("MUG-PHARE", 3))
    bench.tell(Act.SHIPPED, order)
    done = bench.tell(Act.TAKEN_BACK, order, last=False, targets={"MUG-PHARE": 2})
    assert (done.told, "holds others too" in done.detail) == (Told.WITHHELD, True)
    assert (shipments(bench), bench.shown(order).status) == ([("", 3)], "Completed")


def test_a_collection_taken_back_awaits_pickup_again(bench: Bench) -> None:
    order = bench.place(("MUG-PHARE", 2), pickup="vieux-port")
    bench.tell(Act.PICKED_UP, order)
    assert bench.tell(Act.TAKEN_BACK, order, targets={"MUG-PHARE": 0}).told is Told.APPLIED
    assert bench.sandbox.store.all("bigcommerce.pickup") == []
    assert bench.shown(order).status == "Awaiting Pickup"
    bench.tell(Act.PICKED_UP, order)
    assert bench.shown(order).status == "Completed"


def test_a_pickup_by_shipping_rate_has_only_its_status_to_set_back(bench: Bench) -> None:
    order = bench.place(("MUG-PHARE", 1), handover="pickup")
    bench.tell(Act.PICKED_UP, order)
    assert bench.tell(Act.TAKEN_BACK, order, targets={"MUG-PHARE": 0}).told is Told.APPLIED
    assert bench.shown(order).status == "Awaiting Pickup"


@pytest.mark.parametrize("status_id", [4, 5, 13, 14])
def test_nothing_is_taken_back_where_the_status_means_more(bench: Bench, status_id: int) -> None:
    order = bench.place(("MUG-PHARE", 1))
    bench.tell(Act.SHIPPED, order)
    bench.change(order, status_id=status_id)
    assert bench.tell(Act.TAKEN_BACK, order, targets={"MUG-PHARE": 0}).told is Told.WITHHELD
    assert len(shipments(bench)) == 1


def test_a_lost_answer_heals(bench: Bench) -> None:
    order = bench.place(("MUG-PHARE", 1))
    bench.tell(Act.SHIPPED, order)
    bench.recorder.break_next = {("DELETE", "/shipments/1")}
    with pytest.raises(Exception, match="500"):
        bench.tell(Act.TAKEN_BACK, order, targets={"MUG-PHARE": 0})
    assert bench.tell(Act.TAKEN_BACK, order, targets={"MUG-PHARE": 0}).told is Told.APPLIED
    assert bench.shown(order).status == "Awaiting Shipment"


def test_fees_are_part_of_the_total(bench: Bench) -> None:
    order = bench.platform.fetch_order(bench.shop, bench.place(("MUG-PHARE", 1), extra=("fee",)))
    assert order is not None
    assert order.amounts is not None
    assert (order.amounts.fees_minor, total_difference_minor(order)) == (250, 0)
    [listed] = bench.platform.list_orders(bench.shop, order.placed_at, order.placed_at.replace(year=2030), "").orders
    assert listed == order
