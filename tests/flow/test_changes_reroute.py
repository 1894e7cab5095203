"""Parts that go another way: moved, rejected, packed short."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.db.tables import fulfillment_orders, order_events, order_lines, orders
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Handover
from connector.flow import fulfill, reroute, settle, stock
from connector.flow.stock import StockLine
from tests.flow.conftest import Make
from tests.flow.test_changes import replayed, states
from tests.flow.toy import World, order


def first(at: World) -> int:
    return int(at.rows(fulfillment_orders)[0]["id"])


def test_a_whole_part_moves_and_its_commitment_with_it(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    at.take(order())
    moved = reroute.move(at.engine, first(at), "depot", at.now, actor="ann", note="quay is closed tomorrow")
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (5, 2)}
    assert [(place, state, units) for _, place, state, units in moved.parts] == [("Depot", "new", 2)]
    [event] = [event for event in at.rows(order_events) if event["code"] == "rerouted"]
    assert (event["facts"]["location"], event["facts"]["to"], event["facts"]["note"]) == (
        "Quay",
        "Depot",
        "quay is closed tomorrow",
    )
    replayed(at)


def test_some_units_move_and_join_what_nobody_has_started_there(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 1, ("INK", "depot"): 5})
    at.take(order(lines=[("PEN", 3), ("INK", 1)]))
    assert [part["state"] for part in at.rows(fulfillment_orders)] == ["new", "new"]
    moved = reroute.move(at.engine, first(at), "depot", at.now, actor="ann", quantities={"PEN": 1})
    assert [(place, units) for _, place, _, units in moved.parts] == [("Quay", 2), ("Depot", 2)]
    assert at.stock("PEN") == {"quay": (5, 2), "depot": (1, 1)}


def test_a_move_is_refused_with_what_is_missing(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 1})
    at.take(order())
    part = first(at)
    with pytest.raises(Rejected, match="Depot has not enough of PEN"):
        reroute.move(at.engine, part, "depot", at.now, actor="ann")
    with pytest.raises(Rejected, match="at Quay already"):
        reroute.move(at.engine, part, "quay", at.now, actor="ann")
    with pytest.raises(Rejected, match="does not hold 9 of 'PEN'"):
        reroute.move(at.engine, part, "depot", at.now, actor="ann", quantities={"PEN": 9})
    with pytest.raises(NotFound):
        reroute.move(at.engine, part, "moon", at.now, actor="ann")
    assert at.stock("PEN") == {"quay": (5, 2), "depot": (1, 0)}
    fulfill.move(at.engine, part, Step.PACK, at.now, actor="ann")
    fulfill.move(at.engine, part, Step.SHIP, at.now, actor="ann")
    with pytest.raises(Rejected, match="The part is shipped"):
        reroute.move(at.engine, part, "depot", at.now, actor="ann", quantities={"PEN": 1})


def test_what_a_location_rejects_comes_from_another_and_never_again_from_it(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 1})
    at.take(order())
    done = reroute.reject(at.engine, first(at), at.now, actor="ann", reason="damaged", note="water")
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (1, 1)}
    assert done.backordered == 1
    stock.add_items(at.engine, [{"sku": "PEN", "title": "Pen again", "barcode": ""}], at.now)
    settle.settle(at.engine, at.now)
    assert at.stock("PEN")["quay"] == (5, 0)
    at.now += timedelta(minutes=1)
    stock.change(at.engine, [StockLine("PEN", "depot", 3)], at.now, key="r", reason="receipt", actor="tests")
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (4, 2)}
    replayed(at)


def test_goods_that_arrive_after_a_rejection_make_the_location_good_again(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    reroute.reject(at.engine, first(at), at.now, actor="ann", reason="not_found")
    assert at.rows(order_lines)[0]["backordered"] == 2
    at.now += timedelta(minutes=1)
    stock.change(at.engine, [StockLine("PEN", "quay", 3)], at.now, key="r", reason="receipt", actor="tests")
    assert at.stock("PEN") == {"quay": (8, 2)}


def test_a_person_may_send_it_there_all_the_same(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    at.take(order())
    reroute.reject(at.engine, first(at), at.now, actor="ann", reason="other", note="too far")
    [part] = at.rows(fulfillment_orders, state="new")
    reroute.move(at.engine, part["id"], "quay", at.now, actor="bob")
    assert at.stock("PEN") == {"quay": (5, 2), "depot": (5, 0)}


def test_packing_short_keeps_what_is_picked_and_sends_the_rest_elsewhere(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 1})
    at.take(order(lines=[("PEN", 4)]))
    done = reroute.pack_short(at.engine, first(at), {"PEN": 2}, at.now, actor="ann")
    assert at.stock("PEN") == {"quay": (5, 2), "depot": (1, 1)}
    assert sorted((place, state, units) for _, place, state, units in done.parts) == [("Depot", "new", 1), ("Quay", "packed", 2)]
    assert done.backordered == 1
    assert at.rows(orders)[0]["state"] == "in_progress"
    replayed(at)


def test_packing_short_of_everything_is_a_rejection_and_of_nothing_no_shortage(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    with pytest.raises(Rejected, match="Everything was picked"):
        reroute.pack_short(at.engine, first(at), {"PEN": 2}, at.now, actor="ann")
    reroute.pack_short(at.engine, first(at), {}, at.now, actor="ann")
    assert (states(at), at.rows(order_lines)[0]["backordered"]) == (["cancelled"], 2)


def test_a_pickup_waits_where_the_customer_collects(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    at.take(order(handover=Handover.PICKUP, pickup_location="L1"))
    with pytest.raises(Rejected, match="collects this order where it is"):
        reroute.move(at.engine, first(at), "depot", at.now, actor="ann")
    reroute.reject(at.engine, first(at), at.now, actor="ann", reason="not_found")
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (5, 0)}
    assert at.rows(orders)[0]["attention"] == []
    assert at.rows(order_lines)[0]["backordered"] == 2


def test_only_what_has_left_can_be_taken_back(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    with pytest.raises(Rejected, match="has not left"):
        reroute.unship(at.engine, first(at), at.now, actor="ann")
    with pytest.raises(Rejected, match="is no reason"):
        reroute.reject(at.engine, first(at), at.now, actor="ann", reason="because")
