"""The bug list of the field: each case once failed in another system. Named by its issue there; only the facts are used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from connector.db.tables import fulfillment_orders, inbox, movements, order_lines, orders
from connector.domain.fulfillment import Step
from connector.domain.orders import LineItem, LineKind
from connector.flow import bundles, fulfill, stock
from connector.flow.stock import StockLine
from connector.platform import Act
from platforms.shopify.normalize import kind
from platforms.shopify.parts import Take, grouped
from tests.flow.conftest import Make, make
from tests.flow.test_changes import lines_with, shipped
from tests.flow.toy import MINUTE, World, order, unpaid
from tests.platforms.shopify.remote_orders import line as remote_line

__all__ = ["make"]

SHELVES = {("PEN", "quay"): 2, ("PEN", "depot"): 3, ("INK", "depot"): 4}


@pytest.fixture
def at(make: Make) -> World:
    stocked = make(SHELVES)
    stock.add_location(stocked.engine, code="attic", name="Attic", priority=3)
    stock.change(stocked.engine, [StockLine("PEN", "attic", 9)], stocked.now, key="attic", reason="receipt", actor="tests")
    return stocked


def given(at: World) -> dict[str, int]:
    """Location code -> units committed of PEN."""
    return {code: committed for code, (_, committed) in at.stock("PEN").items() if committed}


def test_solidus_583_an_order_that_needs_several_locations_is_allocated(at: World) -> None:
    at.take(order(lines=[("PEN", 13)]))
    assert sum(given(at).values()) == 13
    assert at.rows(order_lines)[0]["backordered"] == 0


def test_solidus_2122_no_third_location_where_two_are_enough(at: World) -> None:
    at.take(order(lines=[("PEN", 3), ("INK", 1)]))
    assert given(at) == {"depot": 3}
    assert len(at.rows(fulfillment_orders)) == 1


def test_solidus_3954_the_order_of_the_locations_is_kept(at: World) -> None:
    at.take(order(lines=[("PEN", 2)]), order("2", [("PEN", 3)]))
    assert given(at) == {"quay": 2, "depot": 3}


def test_solidus_5669_backorders_survive_a_split(at: World) -> None:
    at.take(order(lines=[("PEN", 20), ("INK", 6)]))
    assert sum(given(at).values()) == 14
    assert [line["backordered"] for line in at.rows(order_lines)] == [6, 2]


def test_solidus_6319_each_line_keeps_its_own_backorder(at: World) -> None:
    at.take(order(lines=[("PEN", 10), ("PEN", 10)]))
    rows = at.rows(order_lines)
    assert sum(row["quantity"] - row["backordered"] for row in rows) == 14
    stock.change(at.engine, [StockLine("PEN", "quay", 6)], at.now, key="r", reason="receipt", actor="tests")
    assert [row["backordered"] for row in at.rows(order_lines)] == [0, 0]


def test_vendure_4030_the_next_location_gives_only_the_remainder(at: World) -> None:
    at.take(order(lines=[("PEN", 14)]))
    assert given(at) == {"quay": 2, "depot": 3, "attic": 9}


def test_vendure_3588_movements_of_a_divided_line_are_each_locations_share(at: World) -> None:
    at.take(order(lines=[("PEN", 14)]))
    assert sorted(row["committed_delta"] for row in at.rows(movements, reason="commit")) == [2, 3, 9]


def test_vendure_1028_two_lines_of_one_article_stay_two(at: World) -> None:
    at.take(order(lines=[("PEN", 1), ("PEN", 1)]))
    assert [row["quantity"] for row in at.rows(order_lines)] == [1, 1]
    assert sum(given(at).values()) == 2
    at.take(lines_with(order(lines=[("PEN", 1), ("PEN", 1)], minute=1), {}, {"quantity": 0}))
    assert sum(given(at).values()) == 1


def test_medusa_14987_stock_in_several_locations_counts_together(at: World) -> None:
    at.take(order(lines=[("PEN", 12)]))
    assert sum(given(at).values()) == 12


def test_medusa_16502_two_lines_that_share_a_component_do_not_oversell(at: World) -> None:
    stock.add_items(at.engine, [{"sku": sku, "title": sku, "barcode": ""} for sku in ("DUO", "TRIO")], at.now)
    bundles.set_bundle(at.engine, "DUO", {"INK": 2}, at.now)
    bundles.set_bundle(at.engine, "TRIO", {"INK": 3}, at.now)
    at.take(order(lines=[("DUO", 1), ("TRIO", 1)]))
    assert at.stock("INK") == {"depot": (4, 4)}
    assert sum(row["backordered"] for row in at.rows(order_lines)) == 1


def test_medusa_16569_orders_at_the_same_moment_never_take_the_same_unit(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    for number in range(8):
        at.send(order(str(number), [("PEN", 1)]))
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: at.drain(), range(4)))
    at.drain()
    assert at.stock("PEN") == {"quay": (3, 3)}
    assert sum(row["backordered"] for row in at.rows(order_lines)) == 5


def test_ecommerce_integrations_425_paid_before_created(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    at.take(order(minute=1))
    at.take(unpaid(order(minute=0)))
    assert at.rows(orders)[0]["payment"] == "paid"
    assert [row["state"] for row in at.rows(inbox)] == ["done", "done"]


def test_ecommerce_integrations_425_a_fulfillment_of_an_order_never_seen_reads_it(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    at.toy.thin = True
    at.toy.held.clear()
    at.send(lines_with(order(), {"fulfilled": 1}))
    held = at.toy.held.pop("1001")
    at.drain()
    [waiting] = at.rows(inbox)
    assert (waiting["state"], waiting["reason"]) == ("waiting", "The shop does not show this order yet.")
    at.toy.held["1001"] = held
    at.now += MINUTE / 2
    at.drain()
    assert at.stock("PEN") == {"quay": (2, 1)}


def test_ecommerce_integrations_195_a_line_typed_in_by_hand_stops_nothing(at: World) -> None:
    by_hand = LineItem("x", "Engraving", 1, kind=LineKind.CUSTOM)
    at.take(replace(order(lines=[("PEN", 1)]), lines=(*order(lines=[("PEN", 1)]).lines, by_hand)))
    shipped(at)
    for _ in range(3):
        at.deliver()
    [told] = [told for told in at.toy.told if told.act is Act.SHIPPED]
    assert {line.external_id for line in told.lines} == {"1001-0", "x"}


def test_ecommerce_integrations_338_a_deleted_product_stops_nothing(at: World) -> None:
    assert kind(remote_line(variant=None)) is LineKind.PHYSICAL
    gone = LineItem("gone", "Was a mug", 1, sku="MUG-DELETED")
    at.take(replace(order(lines=[("PEN", 1)]), lines=(*order(lines=[("PEN", 1)]).lines, gone)), order("2", [("PEN", 1)]))
    assert len(at.rows(orders)) == 2
    assert sum(given(at).values()) == 2
    assert at.rows(orders)[0]["attention"] == ["unmapped"]


def test_woocommerce_fusion_170_sold_goods_not_yet_delivered_are_not_available(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 5)]), order("2", [("PEN", 1)]))
    stock.count(at.engine, [StockLine("PEN", "quay", 5)], at.now, key="night", actor="tests")
    assert at.stock("PEN") == {"quay": (5, 5)}
    assert sum(row["backordered"] for row in at.rows(order_lines)) == 1


def test_bcapps_7065_a_fulfillment_is_of_one_location() -> None:
    takes = [Take("F1", "1", "L1", 1, "quay", "SHIPPING"), Take("F2", "2", "L1", 1, "depot", "SHIPPING")]
    assert [len(group) for group in grouped(takes)] == [1, 1]
    assert [len(group) for group in grouped([replace(take, place="quay") for take in takes])] == [2]


def test_bcapps_10467_a_change_after_the_first_fulfillment_is_taken_over(at: World) -> None:
    at.take(order(lines=[("PEN", 2)]))
    part = at.rows(fulfillment_orders)[0]["id"]
    fulfill.move(at.engine, part, Step.PACK, at.now, actor="ann")
    fulfill.move(at.engine, part, Step.SHIP, at.now, actor="ann")
    at.take(order(lines=[("PEN", 2), ("INK", 1)], minute=1))
    assert at.stock("INK") == {"depot": (4, 1)}
    assert [row["state"] for row in at.rows(fulfillment_orders)] == ["shipped", "new"]
