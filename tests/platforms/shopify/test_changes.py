"""What orders go through on Shopify: refunds with their place, moves before fulfilling, fulfillments taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.domain.orders import Lifecycle, LineKind, Order, Return, total_difference_minor
from connector.platform import Act, AnnouncedLine, Announcement, Outcome, Told, Tracking
from sandbox.shopify import moving
from tests.platforms.shopify.conftest import CANEBIERE, DEPOT, VIEUX_PORT, Linked, announcement


def shipped_from(linked: Linked, order: Order, place: str, units: int | None = None, act: Act = Act.SHIPPED) -> Outcome:
    told = announcement(act, order)
    lines = told.lines if units is None else tuple(replace(line, quantity=units, target=units) for line in told.lines)
    told = replace(told, lines=lines, external_location=place, location_name="Canebière", last=units is None)
    return linked.platform.announce(linked.shop, told)


def places(linked: Linked, order: Order) -> dict[str, int]:
    found = linked.remote.order(order.external_id)
    assert found is not None
    units: dict[str, int] = {}
    for part in found["parts"]:
        for line in part["lines"]:
            units[part["location"]] = units.get(part["location"], 0) + line["total"]
    return {place: count for place, count in units.items() if count}


def test_a_fulfillment_order_elsewhere_is_moved_before_it_is_fulfilled(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2))
    assert order.lines[0].assigned_location != CANEBIERE
    outcome = shipped_from(linked, order, CANEBIERE)
    assert outcome.told is Told.APPLIED
    assert "2 moved to Canebière first." in outcome.detail
    assert places(linked, order) == {"canebiere": 2}
    assert linked.shown(order).status == "Fulfilled"


def test_some_units_split_the_fulfillment_order(linked: Linked) -> None:
    order = linked.place(("ESP-41", 3))
    outcome = shipped_from(linked, order, CANEBIERE, units=1)
    assert "1 moved to Canebière first." in outcome.detail
    assert places(linked, order)["canebiere"] == 1
    assert sum(places(linked, order).values()) == 3
    assert linked.shown(order).status == "Partially fulfilled"


def test_reported_progress_is_opened_again_before_moving(linked: Linked) -> None:
    linked.shop = replace(linked.shop, settings={"report_progress": True})
    order = linked.place(("ESP-41", 2))
    linked.platform.announce(linked.shop, announcement(Act.PACKED, order))
    assert linked.shown(order).status == "In progress"
    assert "moved to Canebière" in shipped_from(linked, order, CANEBIERE).detail


def test_what_cannot_be_moved_is_fulfilled_where_it_is_and_the_outcome_says_so(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.shopify import views

    monkeypatch.setattr(views, "_movable", lambda part, wanted: [])
    order = linked.place(("ESP-41", 2))
    outcome = shipped_from(linked, order, CANEBIERE)
    assert outcome.told is Told.APPLIED
    assert "Not moved to Canebière in Shopify" in outcome.detail
    assert linked.shown(order).status == "Fulfilled"


@pytest.mark.parametrize("settings", [{"move_fulfillment_orders": False}])
def test_a_merchant_may_forbid_moving(linked: Linked, settings: dict[str, object]) -> None:
    linked.shop = replace(linked.shop, settings=settings)
    order = linked.place(("ESP-41", 2))
    assert "moved" not in shipped_from(linked, order, CANEBIERE).detail
    assert "canebiere" not in places(linked, order)


def taken_back(order: Order, target: int = 0, number: str = "") -> Announcement:
    told = announcement(Act.TAKEN_BACK, order)
    lines = tuple(AnnouncedLine(line.external_id, line.quantity - target, target) for line in told.lines)
    return replace(told, lines=lines, tracking=Tracking(number))


def test_a_handover_taken_back_is_cancelled_in_shopify_once(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2))
    shipped_from(linked, order, "")
    assert linked.read(order.external_id).lifecycle is Lifecycle.COMPLETED
    assert linked.platform.announce(linked.shop, taken_back(order)).told is Told.APPLIED
    again = linked.read(order.external_id)
    assert (again.lifecycle, again.lines[0].fulfilled, again.lines[0].quantity) == (Lifecycle.OPEN, 0, 2)
    assert linked.platform.announce(linked.shop, taken_back(order)).told is Told.ALREADY
    assert shipped_from(linked, order, "").told is Told.APPLIED
    assert linked.shown(order).status == "Fulfilled"


def test_a_fulfillment_that_holds_more_is_left_to_a_person(linked: Linked) -> None:
    order = linked.place(("ESP-41", 3))
    shipped_from(linked, order, "")
    outcome = linked.platform.announce(linked.shop, taken_back(order, target=1))
    assert outcome.told is Told.WITHHELD
    assert linked.shown(order).status == "Fulfilled"


# --- refunds ---------------------------------------------------------------------------------------------------------


def test_a_refund_before_it_left_lowers_what_is_wanted_and_returns_nothing(linked: Linked) -> None:
    order = linked.place(("ESP-41", 3))
    linked.remote.refund(order.external_id.rpartition("/")[2], {"ESP-41": 1}, restock=True)
    order = linked.read(order.external_id)
    assert (order.lines[0].quantity, order.lines[0].refunded, order.returns) == (2, 1, ())
    assert total_difference_minor(order) == 0


def test_a_refund_of_what_left_names_the_place_it_came_back_to(linked: Linked) -> None:
    order = linked.place(("ESP-41", 3))
    shipped_from(linked, order, "")
    number = order.external_id.rpartition("/")[2]
    linked.remote.refund(number, {"ESP-41": 1}, restock=True, location="depot")
    linked.remote.refund(number, {"ESP-41": 1}, restock=False)
    linked.remote.refund(number, {"ESP-41": 1}, restock=True, location="depot")
    order = linked.read(order.external_id)
    assert (order.lines[0].quantity, order.lines[0].refunded) == (3, 3)
    assert order.returns == (Return(order.lines[0].external_id, 2, DEPOT),)
    assert order.lifecycle is Lifecycle.COMPLETED


def test_many_refunds_are_all_read(linked: Linked) -> None:
    order = linked.place(("CARTE-COTES", 13))
    for _ in range(12):
        linked.remote.refund(order.external_id.rpartition("/")[2], {"CARTE-COTES": 1}, restock=True)
    assert linked.read(order.external_id).lines[0].refunded == 12


def test_a_move_by_the_merchant_changes_the_assigned_place(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2))
    moving.move_open(linked.remote, order.external_id.rpartition("/")[2], "vieux-port")
    assert linked.read(order.external_id).lines[0].assigned_location == VIEUX_PORT


def test_a_total_that_does_not_add_up_is_measured(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2))
    assert total_difference_minor(order) == 0
    assert total_difference_minor(replace(order, total_minor=order.total_minor + 500)) == 500


# --- tips ------------------------------------------------------------------------------------------------------------


def test_a_tip_is_a_line_of_its_own_kind_and_counted_once_in_the_total(linked: Linked) -> None:
    order = linked.place(("ESP-41", 1), extra=("tip",))
    assert [(line.kind, line.quantity) for line in order.lines] == [(LineKind.PHYSICAL, 1), (LineKind.TIP, 1)]
    assert order.amounts is not None
    assert (order.amounts.fees_minor, total_difference_minor(order)) == (0, 0)
    assert shipped_from(linked, order, "").told is Told.APPLIED
    assert (linked.shown(order).status, linked.read(order.external_id).lifecycle) == ("Fulfilled", Lifecycle.COMPLETED)
