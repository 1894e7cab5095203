"""Everything an order can go through after it was taken in, as differences; what has left is never silently undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.db import inbox as inbox_rows
from connector.db import stock as stock_rows
from connector.db.tables import fulfillment_orders, inbox, line_returns, movements, order_events, order_lines, order_tasks, orders
from connector.domain.fulfillment import Step
from connector.domain.orders import Handover, Lifecycle, LineItem, Order, Payment, Return
from connector.flow import fulfill, reroute, stock
from connector.flow.stock import StockLine
from connector.platform import Act
from tests.flow.conftest import Make
from tests.flow.toy import World, order, settings


def lines_with(given: Order, *changes: dict[str, Any]) -> Order:
    """The order with fields of its lines changed, in their sequence."""
    changed = [replace(line, **change) for line, change in zip(given.lines, changes, strict=True)]
    return replace(given, lines=tuple(changed))


def shipped(at: World) -> None:
    for part in at.rows(fulfillment_orders):
        if part["state"] in ("new", "in_progress"):
            fulfill.move(at.engine, part["id"], Step.PACK, at.now, actor="ann")
            fulfill.move(at.engine, part["id"], Step.SHIP, at.now, actor="ann")


def replayed(at: World) -> None:
    """Every delivery again, one by one and all at once: nothing may be written."""

    def facts() -> Any:
        return [
            at.rows(movements),
            at.rows(fulfillment_orders),
            at.rows(order_tasks),
            [{**row, "revision": 0} for row in at.rows(orders)],
        ]

    before = facts()
    with at.engine.begin() as conn:
        inbox_rows.replay(conn, [row["id"] for row in at.rows(inbox)], at.now)
    at.drain()
    assert facts() == before


def states(at: World) -> list[str]:
    return [part["state"] for part in at.rows(fulfillment_orders)]


# --- refunds ---------------------------------------------------------------------------------------------------------


def test_a_refund_before_anything_left_wants_less_and_shows_what_was_refunded(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    refunded = lines_with(order(lines=[("PEN", 3)], minute=1, payment=Payment.PARTLY_REFUNDED), {"quantity": 1, "refunded": 2})
    at.take(refunded)
    assert at.stock("PEN") == {"quay": (5, 1)}
    assert at.rows(order_lines)[0]["refunded"] == 2
    assert at.rows(order_tasks) == []
    replayed(at)


def test_a_full_refund_before_anything_left_gives_everything_back(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    given = lines_with(order(lines=[("PEN", 3)], minute=1), {"quantity": 0, "refunded": 3})
    at.take(replace(given, lifecycle=Lifecycle.CANCELLED, payment=Payment.REFUNDED))
    assert at.stock("PEN") == {"quay": (5, 0)}
    assert states(at) == ["cancelled"]


@pytest.mark.parametrize(("location", "back_at"), [("L2", "depot"), ("", "quay"), ("nowhere linked", "quay")])
def test_a_refund_with_restock_of_what_left_puts_it_on_the_shelf_named_or_where_it_came_from(
    make: Make, location: str, back_at: str
) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 1})
    at.take(order(lines=[("PEN", 3)]))
    shipped(at)
    refunded = lines_with(order(lines=[("PEN", 3)], minute=1), {"fulfilled": 3, "refunded": 2})
    at.take(replace(refunded, returns=(Return("1001-0", 2, location),)))
    on_hand = {code: on_hand for code, (on_hand, _) in at.stock("PEN").items()}
    assert on_hand == {"quay": 2, "depot": 1} | {back_at: {"quay": 2, "depot": 1}[back_at] + 2}
    assert [(row["source"], row["quantity"]) for row in _returns(at)] == [(f"refund@{location}", 2)]
    assert at.rows(order_tasks) == []
    replayed(at)


def test_each_refund_of_a_line_comes_back_once_and_never_more_than_had_left(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    shipped(at)
    for minute, units in ((1, 1), (2, 2), (3, 9)):
        given = lines_with(order(lines=[("PEN", 3)], minute=minute), {"fulfilled": 3, "refunded": min(units, 3)})
        at.take(replace(given, returns=(Return("1001-0", units),)))
    assert at.stock("PEN") == {"quay": (5, 0)}
    assert [row["on_hand_delta"] for row in at.rows(movements, reason="returned")] == [1, 1, 1]
    replayed(at)


def test_a_refund_without_restock_of_what_left_moves_nothing(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    shipped(at)
    at.take(lines_with(order(lines=[("PEN", 3)], minute=1), {"fulfilled": 3, "refunded": 3}))
    assert at.stock("PEN") == {"quay": (2, 0)}
    assert (at.rows(orders)[0]["state"], at.rows(orders)[0]["attention"]) == ("completed", [])


def test_a_restock_the_platform_cannot_place_in_time_counts_only_what_left_beyond_the_wanted(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    shipped(at)
    given = lines_with(order(lines=[("PEN", 3)], minute=1), {"quantity": 2, "refunded": 1})
    at.take(replace(given, returns=(Return("1001-0", 1, left=False),)))
    assert at.stock("PEN") == {"quay": (3, 0)}
    assert at.rows(order_tasks) == []
    replayed(at)


def test_units_refunded_before_they_left_never_come_back_later(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    given = lines_with(order(lines=[("PEN", 3)]), {"quantity": 2, "refunded": 1})
    at.take(replace(given, returns=(Return("1001-0", 1, left=False),)))
    shipped(at)
    at.take(replace(given, version=order(minute=1).version, returns=(Return("1001-0", 1, left=False),)))
    assert at.stock("PEN") == {"quay": (3, 0)}
    assert at.rows(movements, reason="returned") == []


def _returns(at: World) -> list[Any]:
    with at.engine.connect() as conn:
        return [dict(row._mapping) for row in conn.execute(line_returns.select())]


# --- edits, exchanges, cancel of a part, re-opening ------------------------------------------------------------------


def test_an_exchange_returns_one_and_sends_another(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("INK", "quay"): 5})
    at.take(order(lines=[("PEN", 1)]))
    shipped(at)
    pen = replace(order().lines[0], quantity=1, fulfilled=1, refunded=1)
    ink = LineItem("1001-x", "Ink", 1, sku="INK")
    at.take(replace(order(minute=1), lines=(pen, ink), returns=(Return("1001-0", 1, "L1"),)))
    assert at.stock("PEN") == {"quay": (5, 0)}
    assert at.stock("INK") == {"quay": (5, 1)}
    assert states(at) == ["shipped", "new"]
    assert at.rows(orders)[0]["open"]
    replayed(at)


def test_an_address_and_a_way_of_handing_over_that_change_move_the_goods(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    at.take(order(lines=[("PEN", 1)]))
    at.take(order(lines=[("PEN", 1)], minute=1, handover=Handover.PICKUP, pickup_location="L2"))
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (5, 1)}
    at.take(order(lines=[("PEN", 1)], minute=2))
    assert sum(committed for _, committed in at.stock("PEN").values()) == 1


def test_one_line_cancelled_cancels_only_its_part(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("INK", "depot"): 5})
    both = order(lines=[("PEN", 1), ("INK", 1)])
    at.take(both)
    at.take(lines_with(order(lines=[("PEN", 1), ("INK", 1)], minute=1), {}, {"quantity": 0}))
    assert sorted(states(at)) == ["cancelled", "new"]
    assert at.stock("INK") == {"depot": (5, 0)}


def test_an_order_reopened_after_cancelling_takes_its_stock_again(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    at.take(replace(order(minute=1), lifecycle=Lifecycle.CANCELLED))
    assert at.stock("PEN") == {"quay": (5, 0)}
    at.take(order(minute=2))
    assert at.stock("PEN") == {"quay": (5, 2)}
    assert (at.rows(orders)[0]["state"], states(at)) == ("new", ["cancelled", "new"])
    replayed(at)


def test_an_order_split_on_the_platform_becomes_two_and_merged_again_one(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("INK", "quay"): 5})
    whole = order(lines=[("PEN", 2), ("INK", 1)])
    at.take(whole)
    at.take(replace(order(minute=1), lines=whole.lines[:1]), replace(order("1002"), lines=(LineItem("n", "Ink", 1, sku="INK"),)))
    assert (at.stock("PEN"), at.stock("INK")) == ({"quay": (5, 2)}, {"quay": (5, 1)})
    merged = replace(order("1002", minute=2), lifecycle=Lifecycle.CANCELLED, lines=())
    at.take(merged, replace(whole, version=order(minute=2).version))
    assert (at.stock("PEN"), at.stock("INK")) == ({"quay": (5, 2)}, {"quay": (5, 1)})
    replayed(at)


def test_cancelled_before_packing_and_after_packing_alike(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    fulfill.move(at.engine, at.rows(fulfillment_orders)[0]["id"], Step.PACK, at.now, actor="ann")
    at.take(replace(order(minute=1), lifecycle=Lifecycle.CANCELLED))
    assert (at.stock("PEN"), states(at)) == ({"quay": (5, 0)}, ["cancelled"])
    assert at.rows(order_tasks) == []


# --- handed over elsewhere -------------------------------------------------------------------------------------------


def test_units_the_platform_counts_as_handed_over_leave_here_with_its_name(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    at.take(lines_with(order(lines=[("PEN", 3)], minute=1), {"fulfilled": 2}))
    assert at.stock("PEN") == {"quay": (3, 1)}
    assert sorted(states(at)) == ["new", "shipped"]
    [fact] = at.rows(movements, reason="handed_over")
    assert (fact["on_hand_delta"], fact["actor"]) == (-2, "platform")
    assert at.rows(orders)[0]["state"] == "in_progress"
    replayed(at)
    at.take(lines_with(order(lines=[("PEN", 3)], minute=2), {"fulfilled": 3}))
    assert (at.stock("PEN"), at.rows(orders)[0]["state"]) == ({"quay": (2, 0)}, "completed")


def test_what_we_handed_over_and_told_is_not_handed_over_twice(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("INK", "depot"): 5})
    settings(at, report_parts="each")
    at.take(order(lines=[("PEN", 2), ("INK", 1)]))
    first = at.rows(fulfillment_orders)[0]["id"]
    fulfill.move(at.engine, first, Step.PACK, at.now, actor="ann")
    fulfill.move(at.engine, first, Step.SHIP, at.now, actor="ann")
    at.deliver()
    at.take(lines_with(order(lines=[("PEN", 2), ("INK", 1)], minute=1), {"fulfilled": 2}, {}))
    assert (at.stock("PEN"), at.stock("INK")) == ({"quay": (3, 0)}, {"depot": (5, 1)})


def test_backordered_units_handed_over_elsewhere_wait_no_more(make: Make) -> None:
    at = make({("PEN", "quay"): 0})
    at.take(order(lines=[("PEN", 2)]))
    at.take(lines_with(order(lines=[("PEN", 2)], minute=1), {"fulfilled": 1}))
    assert at.rows(order_lines)[0]["backordered"] == 1
    stock.change(at.engine, [StockLine("PEN", "quay", 5)], at.now, key="r", reason="receipt", actor="tests")
    assert at.stock("PEN") == {"quay": (5, 1)}
    at.take(lines_with(order(lines=[("PEN", 2)], minute=2), {"fulfilled": 2}))
    assert at.stock("PEN") == {"quay": (4, 0)}
    assert at.rows(orders)[0]["state"] == "completed"


# --- un-ship ---------------------------------------------------------------------------------------------------------


def test_a_handover_taken_back_before_it_was_told_is_never_told(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    shipped(at)
    assert at.stock("PEN") == {"quay": (3, 0)}
    reroute.unship(at.engine, at.rows(fulfillment_orders)[0]["id"], at.now, actor="ann")
    assert (at.stock("PEN"), states(at)) == ({"quay": (5, 2)}, ["cancelled", "packed"])
    at.deliver()
    assert [told.act for told in at.toy.told] == [Act.PACKED, Act.PACKED]
    assert at.rows(orders)[0]["state"] == "packed"


def test_a_handover_taken_back_after_it_was_told_is_told_and_not_repeated_by_late_deliveries(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    shipped(at)
    for _ in range(3):
        at.deliver()
    done = reroute.unship(at.engine, at.rows(fulfillment_orders)[0]["id"], at.now, actor="ann")
    assert [wake.task for wake in done.wakes] == ["deliver"]
    for _ in range(3):
        at.deliver()
    [told] = [told for told in at.toy.told if told.act is Act.TAKEN_BACK]
    assert [(line.external_id, line.quantity, line.target) for line in told.lines] == [("1001-0", 2, 0)]
    late = lines_with(replace(order(minute=1), lifecycle=Lifecycle.COMPLETED), {"fulfilled": 2})
    at.take(late)
    assert (at.stock("PEN"), at.rows(orders)[0]["state"]) == ({"quay": (5, 2)}, "packed")
    at.take(order(minute=2))
    assert at.rows(order_tasks) == []
    [packed] = at.rows(fulfillment_orders, state="packed")
    fulfill.move(at.engine, packed["id"], Step.SHIP, at.now, actor="ann")
    for _ in range(3):
        at.deliver()
    assert at.toy.told[-1].act is Act.SHIPPED
    assert [line.target for line in at.toy.told[-1].lines] == [2]
    at.take(lines_with(order(minute=3), {"fulfilled": 2}))
    assert at.stock("PEN") == {"quay": (3, 0)}


# --- an order that vanished ------------------------------------------------------------------------------------------


def test_an_order_tidied_away_on_the_platform_stays_completed_here(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    shipped(at)
    at.toy.thin = True
    at.send(order(minute=1))
    del at.toy.held["1001"]
    at.drain()
    [row] = at.rows(orders)
    assert (row["state"], row["attention"], row["open"], row["platform_status"]) == ("completed", [], False, "deleted")
    assert at.rows(order_tasks) == []
    assert [event["code"] for event in at.rows(order_events)].count("deleted") == 1
    replayed(at)


# --- the ledger after all of it --------------------------------------------------------------------------------------


def test_the_sum_of_everything_is_zero(make: Make) -> None:
    at = make({("PEN", "quay"): 50})
    at.take(order(lines=[("PEN", 3)]))
    shipped(at)
    at.take(replace(lines_with(order(lines=[("PEN", 3)], minute=1), {"fulfilled": 3}), returns=(Return("1001-0", 3),)))
    at.take(order("2", [("PEN", 4)]), replace(order("2", [("PEN", 4)], minute=1), lifecycle=Lifecycle.CANCELLED))
    assert at.stock("PEN") == {"quay": (50, 0)}
    with at.engine.connect() as conn:
        assert stock_rows.unbalanced(conn) == []


def test_an_order_of_which_every_unit_was_taken_off_is_over_whatever_the_platform_calls_it(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    at.take(lines_with(order(lines=[("PEN", 3)], minute=1), {"quantity": 0, "refunded": 3}))
    [row] = at.rows(orders)
    assert (row["state"], row["lifecycle"], row["open"]) == ("cancelled", "open", False)
    at.take(lines_with(order(lines=[("PEN", 3)], minute=2), {"quantity": 1}))
    [row] = at.rows(orders)
    assert (row["state"], row["open"], at.stock("PEN")) == ("new", True, {"quay": (5, 1)})
