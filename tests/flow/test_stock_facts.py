"""Stock facts that no order causes: once each, refused where they make no sense, and what they change for orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from connector.db import refills as refill_rows
from connector.db import stock_views
from connector.db.tables import fulfillment_orders, levels, movements, order_events, order_lines, orders, refills, stock_documents
from connector.domain.errors import NotFound, Rejected
from connector.domain.explanation import in_words
from connector.domain.fulfillment import Step
from connector.domain.orders import Address, Handover, Lifecycle
from connector.flow import due, fulfill, settle, stock
from connector.flow.stock import StockLine
from connector.flow.wake import EVERYWHERE, Wake
from tests.flow.conftest import Make
from tests.flow.toy import MINUTE, World, order, settings


def one(units: int, *, sku: str = "PEN", at: str = "quay") -> list[StockLine]:
    return [StockLine(sku, at, units)]


def waiting(at: World) -> dict[str, int]:
    """Order -> units that wait."""
    with at.engine.connect() as conn:
        rows = select(orders.c.external_id, order_lines.c.backordered).join(order_lines).where(order_lines.c.backordered > 0)
        return {row.external_id: row.backordered for row in conn.execute(rows)}


@pytest.mark.parametrize(("act", "after"), [(stock.receive, 12), (stock.sell, 6), (stock.write_off, 6)])
def test_a_fact_is_written_once_under_its_key(make: Make, act: object, after: int) -> None:
    at = make({("PEN", "quay"): 9})
    for _ in range(3):
        act(at.engine, one(3), at.now, key="k", actor="ann", note="why")  # type: ignore[operator]
    assert at.stock("PEN") == {"quay": (after, 0)}
    [movement] = [row for row in at.rows(movements) if row["document"] == "k"]
    assert (movement["actor"], movement["on_hand_delta"]) == ("ann", after - 9)
    with pytest.raises(Rejected, match="was used for another"):
        act(at.engine, one(4), at.now, key="k", actor="ann")  # type: ignore[operator]


def test_a_count_is_filed_even_where_it_finds_no_difference(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    assert stock.count(at.engine, one(9), at.now, key="c", actor="ann") == 0
    stock.sell(at.engine, one(2), at.now, key="s", actor="ann")
    assert stock.count(at.engine, one(9), at.now, key="c", actor="ann") == 0
    assert at.stock("PEN") == {"quay": (7, 0)}
    assert stock.count(at.engine, one(4), at.now, key="c2", actor="ann") == 1
    assert at.stock("PEN") == {"quay": (4, 0)}


@pytest.mark.parametrize(
    ("act", "lines", "says"),
    [
        (stock.sell, one(10), "Only 9 of PEN are on hand at Quay"),
        (stock.write_off, one(10), "Only 9 of PEN"),
        (stock.sell, one(0), "not above zero"),
        (stock.receive, one(-1), "not above zero"),
        (stock.receive, [], "not above zero"),
        (stock.receive, [*one(1), *one(1, sku="NO", at="moon")], "Not known here: NO, moon"),
        (stock.count, one(-1), "cannot be negative"),
        (stock.count, [*one(1), *one(2)], "counted twice"),
    ],
)
def test_what_makes_no_sense_is_refused_and_writes_nothing(make: Make, act: object, lines: list[StockLine], says: str) -> None:
    at = make({("PEN", "quay"): 9})
    with pytest.raises(Rejected, match=says):
        act(at.engine, lines, at.now, key="k", actor="ann")  # type: ignore[operator]
    assert at.stock("PEN") == {"quay": (9, 0)}
    assert not at.rows(stock_documents, key="k")


def test_a_till_sale_of_a_promised_unit_gives_the_newest_order_another_location_or_lets_it_wait(make: Make) -> None:
    at = make({("PEN", "quay"): 4, ("PEN", "depot"): 1})
    late = [replace(order(str(n), [("PEN", 1)]), placed_at=at.now + n * MINUTE) for n in (1, 2, 3, 4)]
    at.take(*late)
    stock.sell(at.engine, one(2), at.now, key="till", actor="ann")
    assert at.stock("PEN") == {"quay": (2, 2), "depot": (1, 1)}
    assert sum(waiting(at).values()) == 1
    assert {row["code"] for row in at.rows(order_events) if row["code"] == "short_stock"} == {"short_stock"}
    assert "1" not in waiting(at)
    assert "2" not in waiting(at)


def test_packed_goods_are_not_taken_back_by_a_count(make: Make) -> None:
    at = make({("PEN", "quay"): 2})
    at.take(order("1", [("PEN", 1)]), order("2", [("PEN", 1)]))
    first = at.rows(fulfillment_orders)[0]["id"]
    fulfill.move(at.engine, first, Step.PACK, at.now, actor="ann")
    stock.count(at.engine, one(0), at.now, key="c", actor="ann")
    assert at.stock("PEN") == {"quay": (0, 1)}
    assert [row["state"] for row in at.rows(fulfillment_orders)] == ["packed", "cancelled"]
    assert waiting(at) == {"2": 1}


def test_more_than_one_batch_of_backorders_is_filled_oldest_first(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "_MOST_ORDERS", 3)
    at = make({("PEN", "quay"): 0})
    at.take(*[replace(order(str(n), [("PEN", 1)]), placed_at=at.now - n * MINUTE) for n in range(10)])
    stock.receive(at.engine, one(8), at.now, key="r", actor="ann")
    assert waiting(at) == {"0": 1, "1": 1}
    assert not at.rows_of(refills)


def test_a_crash_between_the_receipt_and_the_filling_is_healed_by_the_clock(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    at = make({("PEN", "quay"): 0})
    at.take(order("1", [("PEN", 1)]))

    def crash(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(stock, "settle", crash)
        with pytest.raises(SystemExit):
            stock.receive(at.engine, one(1), at.now, key="r", actor="ann")
    assert waiting(at) == {"1": 1}
    assert Wake("refill", EVERYWHERE) in due.due(at.engine, at.now)
    settle.settle(at.engine, at.now)
    assert waiting(at) == {}
    assert Wake("refill", EVERYWHERE) not in due.due(at.engine, at.now)


def test_a_cancel_gives_its_stock_to_the_order_that_waits(make: Make) -> None:
    at = make({("PEN", "quay"): 1})
    at.take(order("1", [("PEN", 1)]), order("2", [("PEN", 1)]))
    assert waiting(at) == {"2": 1}
    at.take(replace(order("1", [("PEN", 1)], minute=1), lifecycle=Lifecycle.CANCELLED))
    assert Wake("refill", EVERYWHERE) in due.due(at.engine, at.now)
    settle.settle(at.engine, at.now)
    assert waiting(at) == {}
    assert at.stock("PEN") == {"quay": (1, 1)}


def test_a_receipt_that_nobody_waits_for_leaves_nothing_to_do(make: Make) -> None:
    at = make({("PEN", "quay"): 1})
    stock.receive(at.engine, one(1), at.now, key="r", actor="ann")
    assert not at.rows_of(refills)


def test_goods_leave_are_on_the_way_and_arrive_in_two_loads(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("INK", "depot"): 0})
    made = [stock.transfer(at.engine, "quay", "depot", {"PEN": 5}, at.now, key="t", actor="ann") for _ in range(2)]
    assert made[0] == made[1]
    assert at.stock("PEN") == {"quay": (4, 0)}
    with at.engine.connect() as conn:
        assert [(row.location, row.in_transit) for row in stock_views.levels_of(conn, "PEN")] == [("quay", 0), ("depot", 5)]
    for _ in range(2):
        stock.arrive(at.engine, made[0], at.now, key="a1", actor="bob", quantities={"PEN": 2})
    with pytest.raises(Rejected, match="Not so many on the way: PEN"):
        stock.arrive(at.engine, made[0], at.now, key="a2", actor="bob", quantities={"PEN": 4})
    with pytest.raises(Rejected, match="Not so many on the way: INK"):
        stock.arrive(at.engine, made[0], at.now, key="a3", actor="bob", quantities={"INK": 1})
    assert stock.arrive(at.engine, made[0], at.now, key="a4", actor="bob") == 1
    assert at.stock("PEN") == {"quay": (4, 0), "depot": (5, 0)}
    with pytest.raises(Rejected, match="Nothing of this transfer"):
        stock.arrive(at.engine, made[0], at.now, key="a5", actor="bob")
    with at.engine.connect() as conn:
        assert stock_views.transfers_under_way(conn) == []
        [row] = stock_views.transfers_under_way(conn, every=True)
    assert (row.quantity, row.arrived, row.from_location, row.to_location) == (5, 5, "quay", "depot")


def test_what_gets_lost_on_the_way_is_no_longer_in_transit(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    made = stock.transfer(at.engine, "quay", "depot", {"PEN": 5}, at.now, key="t", actor="ann")
    stock.arrive(at.engine, made, at.now, key="a", actor="bob", quantities={"PEN": 2})
    assert stock.lose(at.engine, made, at.now, actor="bob", note="fell off") == 3
    assert stock.lose(at.engine, made, at.now, actor="bob") == 0
    assert at.stock("PEN") == {"quay": (4, 0), "depot": (2, 0)}
    with at.engine.connect() as conn:
        assert stock_views.transfers_under_way(conn) == []


def test_a_transfer_leaves_what_is_promised_and_fills_who_waits_where_it_arrives(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order("1", [("PEN", 2)]), replace(order("2", [("PEN", 1)]), handover=Handover.PICKUP, pickup_location="L2"))
    assert waiting(at) == {"2": 1}
    with pytest.raises(Rejected, match="Only 3 of PEN are available at Quay"):
        stock.transfer(at.engine, "quay", "depot", {"PEN": 4}, at.now, key="t", actor="ann")
    made = stock.transfer(at.engine, "quay", "depot", {"PEN": 3}, at.now, key="t2", actor="ann")
    stock.arrive(at.engine, made, at.now, key="a", actor="ann")
    assert waiting(at) == {}
    assert at.stock("PEN") == {"quay": (2, 2), "depot": (3, 1)}


@pytest.mark.parametrize(
    ("here", "there", "units", "says"),
    [("quay", "quay", {"PEN": 1}, "ends where it begins"), ("quay", "moon", {"PEN": 1}, "no location 'moon'"),
     ("quay", "depot", {}, "not above zero"), ("quay", "depot", {"NO": 1}, "Not known here: NO")],
)  # fmt: skip
def test_transfers_that_make_no_sense(make: Make, here: str, there: str, units: dict[str, int], says: str) -> None:
    at = make({("PEN", "quay"): 5})
    with pytest.raises(Rejected, match=says):
        stock.transfer(at.engine, here, there, units, at.now, key="t", actor="ann")
    with pytest.raises(NotFound, match="no transfer 99"):
        stock.arrive(at.engine, 99, at.now, key="a", actor="ann")


def test_a_shop_that_sells_below_zero_lets_nothing_wait(make: Make) -> None:
    at = make({("PEN", "quay"): 1, ("PEN", "depot"): 1})
    settings(at, oversell="negative")
    at.take(order("1", [("PEN", 5)]))
    assert waiting(at) == {}
    assert at.stock("PEN") == {"quay": (1, 4), "depot": (1, 1)}
    assert "3 of PEN is promised from Quay although it is not there" in in_words(at.rows(orders)[0]["reason"])
    settle.settle(at.engine, at.now)
    assert at.stock("PEN") == {"quay": (1, 4), "depot": (1, 1)}
    for part in at.rows(fulfillment_orders):
        fulfill.move(at.engine, part["id"], Step.PACK, at.now, actor="ann")
        fulfill.move(at.engine, part["id"], Step.SHIP, at.now, actor="ann")
    assert at.stock("PEN") == {"quay": (-3, 0), "depot": (0, 0)}


def test_opening_a_location_gives_its_stock_to_who_waits(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    stock.open_location(at.engine, "quay", at.now, opened=False)
    at.take(order("1", [("PEN", 1)]))
    assert waiting(at) == {"1": 1}
    assert "Quay is closed to online orders." in in_words(at.rows(orders)[0]["reason"])
    stock.open_location(at.engine, "quay", at.now, opened=True)
    assert waiting(at) == {}
    with pytest.raises(Rejected, match="no location 'moon'"):
        stock.open_location(at.engine, "moon", at.now, opened=True)


def test_a_shop_chooses_the_nearest_and_the_explanation_says_how_far(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    stock.add_location(at.engine, code="quay", name="Quay", priority=1, point=(43.3, 5.4))
    stock.add_location(at.engine, code="depot", name="Depot", kind="warehouse", priority=2, point=(48.9, 2.4))
    settings(at, routing=["nearest", "keep_lines_whole"])
    at.take(order("1", [("PEN", 1)], shipping=Address(postcode="59000", country="FR")))
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (5, 1)}
    said = in_words(at.rows(fulfillment_orders)[0]["reason"])
    assert said.startswith("The nearest location comes first: Depot (")
    assert said.endswith("Depot has everything and is the nearest that has.")


def test_a_shop_balances_its_orders_over_its_locations(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("PEN", "depot"): 9})
    settings(at, routing=["least_loaded"])
    at.take(*[order(str(n), [("PEN", 1)]) for n in range(6)])
    assert at.stock("PEN") == {"quay": (9, 3), "depot": (9, 3)}


def test_an_order_with_a_holding_tag_keeps_its_stock_and_is_not_packed_until_the_tag_is_gone(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    settings(at, hold_tags=["Fraud review"])
    at.take(order("1", tags=("fraud review", "vip")))
    [part] = at.rows(fulfillment_orders)
    assert at.stock("PEN") == {"quay": (9, 2)}
    assert at.rows(orders)[0]["attention"] == ["held_by_tag"]
    assert "carries the tag “fraud review”" in in_words(part["reason"])
    with pytest.raises(Rejected, match="holds this order"):
        fulfill.move(at.engine, part["id"], Step.PACK, at.now, actor="ann")
    at.take(order("1", minute=1, tags=("vip",)))
    assert fulfill.move(at.engine, part["id"], Step.PACK, at.now, actor="ann").state == "packed"


def test_what_a_shop_may_offer_is_what_is_available_to_it_less_the_buffer(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5, ("INK", "quay"): 5})
    settings(at, stock_buffer=1)
    stock.set_buffer(at.engine, at.shop.id, "PEN", 4, at.now)
    at.take(order("1", [("PEN", 2)]))
    with at.engine.connect() as conn:
        assert stock_views.sellable(conn, at.shop.id) == {"PEN": 4, "INK": 4}
    stock.open_location(at.engine, "quay", at.now, opened=False)
    with at.engine.connect() as conn:
        assert stock_views.sellable(conn, at.shop.id) == {"PEN": 1, "INK": 0}
    with pytest.raises(Rejected, match="cannot be negative"):
        stock.set_buffer(at.engine, at.shop.id, "PEN", -1, at.now)
    with pytest.raises(Rejected, match="Not known here"):
        stock.set_buffer(at.engine, at.shop.id, "NO", 1, at.now)


def test_the_screens_name_who_holds_an_item_and_every_movement(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    at.take(order("1", [("PEN", 2)]), replace(order("2", [("PEN", 2)]), placed_at=at.now + MINUTE))
    stock.sell(at.engine, one(1, at="quay"), at.now + timedelta(hours=1), key="till-7", actor="ann")
    with at.engine.connect() as conn:
        held = [(row.number, row.location, row.state, row.quantity) for row in stock_views.holders(conn, "PEN")]
        moved = stock_views.movements_of(conn, "PEN", limit=3)
        older = stock_views.movements_of(conn, "PEN", location="quay", before=moved[-1].id)
        [item] = stock_views.list_items(conn)
        with pytest.raises(NotFound, match="no item 'NO'"):
            stock_views.movements_of(conn, "NO")
    assert held == [("#1", "quay", "new", 2), ("#2", "", "backordered", 2)]
    assert [(row.reason, row.number, row.document, row.actor, row.on_hand, row.committed) for row in moved] == [
        ("release", "#2", "", "connector", 0, -1),
        ("sale", "", "till-7", "ann", -1, 0),
        ("commit", "#2", "", "connector", 0, 1),
    ]
    assert [row.reason for row in older] == ["commit", "receipt"]
    assert (item.on_hand, item.committed, item.available, item.backordered) == (2, 2, 0, 2)


def test_an_order_for_an_item_without_any_level_is_filled_by_its_first_receipt(make: Make) -> None:
    at = make({("INK", "quay"): 1})
    stock.add_items(at.engine, [{"sku": "PEN"}], at.now)
    with at.engine.begin() as conn:
        conn.execute(levels.delete().where(text("on_hand = 0")))
    at.take(order("1", [("PEN", 1)]))
    assert waiting(at) == {"1": 1}
    stock.receive(at.engine, one(1), at.now, key="r", actor="ann")
    assert waiting(at) == {}


def test_units_that_came_free_are_not_taken_by_a_later_order_before_they_are_settled(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    held = order("1", [("PEN", 3)])
    at.take(held, replace(order("2", [("PEN", 2)]), placed_at=held.placed_at + MINUTE))
    at.take(replace(held, lifecycle=Lifecycle.CANCELLED, version=held.version + MINUTE))
    late = replace(order("3", [("PEN", 3)]), placed_at=held.placed_at + 2 * MINUTE)
    at.take(late)
    assert waiting(at) == {"2": 2, "3": 3}
    assert in_words(at.rows(orders, external_id="3")[0]["reason"]) == (
        "3 of PEN waits its turn: what came free is offered to earlier orders first."
    )
    settle.settle(at.engine, at.now)
    assert waiting(at) == {"3": 2}
    assert at.stock("PEN") == {"quay": (3, 3)}
    assert at.rows_of(refills) == []


def test_an_edit_that_asks_for_more_waits_its_turn_but_keeps_what_is_its_own(make: Make) -> None:
    at = make({("PEN", "quay"): 4})
    first, second = order("1", [("PEN", 3)]), order("2", [("PEN", 1), ("PEN", 1)])
    second = replace(second, placed_at=first.placed_at + 2 * MINUTE)
    at.take(first, second, replace(order("3", [("PEN", 2)]), placed_at=first.placed_at + MINUTE))
    assert waiting(at) == {"2": 1, "3": 2}
    at.take(replace(first, lifecycle=Lifecycle.CANCELLED, version=first.version + MINUTE))
    swapped = tuple(replace(line, quantity=units) for line, units in zip(second.lines, (0, 1), strict=True))
    at.take(replace(second, lines=swapped, version=second.version + MINUTE))
    assert waiting(at) == {"3": 2}
    more = tuple(replace(line, quantity=units) for line, units in zip(second.lines, (0, 4), strict=True))
    at.take(replace(second, lines=more, version=second.version + 2 * MINUTE))
    assert waiting(at) == {"2": 3, "3": 2}
    settle.settle(at.engine, at.now)
    assert waiting(at) == {"2": 2}


def test_an_order_that_nothing_can_serve_holds_up_a_later_one_for_one_round_only(make: Make) -> None:
    at = make({("PEN", "depot"): 5})
    collected = replace(order("1", [("PEN", 1)]), handover=Handover.PICKUP, pickup_location="L1")
    at.take(collected)
    at.take(replace(order("2", [("PEN", 2)]), placed_at=collected.placed_at + MINUTE))
    assert waiting(at) == {"1": 1}  # nothing came free: what is there is given at once
    stock.receive(at.engine, one(1, at="depot"), at.now, key="r", actor="ann")
    with at.engine.begin() as conn:
        refill_rows.note(conn, [row["item_id"] for row in at.rows(order_lines)])
    at.take(replace(order("3", [("PEN", 2)]), placed_at=collected.placed_at + 2 * MINUTE))
    assert waiting(at) == {"1": 1, "3": 2}
    settle.settle(at.engine, at.now)
    assert waiting(at) == {"1": 1}


def test_a_settling_under_way_comes_back_for_an_order_that_stood_back(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    held = order("1", [("PEN", 3)])
    at.take(held, replace(order("2", [("PEN", 2)]), placed_at=held.placed_at + MINUTE))
    at.take(replace(held, lifecycle=Lifecycle.CANCELLED, version=held.version + MINUTE))
    with at.engine.connect() as conn:
        [(item, rises)] = refill_rows.waiting(conn).items()
    at.take(replace(order("3", [("PEN", 1)]), placed_at=held.placed_at + 2 * MINUTE))
    with at.engine.begin() as conn:
        refill_rows.settled(conn, item, rises)
    settle.settle(at.engine, at.now)
    assert waiting(at) == {}
