"""Bundles: the components take the stock, the platform is told of the bundle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.db.tables import fulfillment_orders, order_lines, orders
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import LineItem, Return
from connector.flow import bundles, fulfill, stock
from connector.platform import Act
from tests.flow.conftest import Make
from tests.flow.test_changes import lines_with, replayed, shipped
from tests.flow.toy import World, order, settings

GOODS = {("PEN", "quay"): 10, ("INK", "quay"): 10, ("SET", "quay"): 0}


def sets(at: World) -> None:
    bundles.set_bundle(at.engine, "SET", {"PEN": 2, "INK": 1}, at.now)


def test_an_order_of_a_bundle_takes_its_components(make: Make) -> None:
    at = make(GOODS)
    sets(at)
    at.take(order(lines=[("SET", 3)]))
    assert (at.stock("PEN"), at.stock("INK"), at.stock("SET")) == ({"quay": (10, 6)}, {"quay": (10, 3)}, {"quay": (0, 0)})
    assert {(line["sku"], line["kind"], line["quantity"]) for line in at.rows(order_lines)} == {
        ("SET", "bundle", 3),
        ("INK", "physical", 3),
        ("PEN", "physical", 6),
    }
    assert at.rows(orders)[0]["units"] == 3
    replayed(at)


def test_two_lines_that_share_a_component_never_take_it_twice(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("INK", "quay"): 9, ("SET", "quay"): 0})
    sets(at)
    at.take(order(lines=[("SET", 2), ("PEN", 3)]))
    assert at.stock("PEN") == {"quay": (5, 5)}
    assert sum(line["backordered"] for line in at.rows(order_lines)) == 2


def test_the_platform_is_told_of_whole_bundles(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("INK", "depot"): 9, ("SET", "quay"): 0})
    sets(at)
    settings(at, report_parts="each")
    at.take(order(lines=[("SET", 2)]))
    for part in at.rows(fulfillment_orders):
        fulfill.move(at.engine, part["id"], Step.PACK, at.now, actor="ann")
        fulfill.move(at.engine, part["id"], Step.SHIP, at.now, actor="ann")
        for _ in range(3):
            at.deliver()
    told = [told for told in at.toy.told if told.act is Act.SHIPPED]
    assert [[(line.external_id, line.quantity, line.target) for line in one.lines] for one in told] == [[], [("1001-0", 2, 2)]]


def test_an_edit_a_refund_and_a_return_of_a_bundle_are_those_of_its_components(make: Make) -> None:
    at = make(GOODS)
    sets(at)
    at.take(order(lines=[("SET", 3)]))
    at.take(order(lines=[("SET", 2)], minute=1))
    assert (at.stock("PEN"), at.stock("INK")) == ({"quay": (10, 4)}, {"quay": (10, 2)})
    shipped(at)
    back = lines_with(order(lines=[("SET", 2)], minute=2), {"fulfilled": 2, "refunded": 1})
    at.take(replace(back, returns=(Return("1001-0", 1),)))
    assert (at.stock("PEN"), at.stock("INK")) == ({"quay": (8, 0)}, {"quay": (9, 0)})
    replayed(at)


def test_orders_that_wait_already_change_when_a_bundle_is_made(make: Make) -> None:
    at = make(GOODS)
    at.take(order(lines=[("SET", 2)]))
    assert at.rows(order_lines)[0]["backordered"] == 2
    sets(at)
    assert (at.stock("PEN"), at.stock("INK")) == ({"quay": (10, 4)}, {"quay": (10, 2)})
    at.take(replace(order(lines=[("SET", 2)], minute=1), note="again"))
    assert at.stock("PEN") == {"quay": (10, 4)}
    assert sum(line["backordered"] for line in at.rows(order_lines)) == 0
    replayed(at)


def test_a_bundle_that_cannot_be_is_refused(make: Make) -> None:
    at = make(GOODS)
    stock.add_items(at.engine, [{"sku": "BOX", "title": "Box", "barcode": ""}], at.now)
    for sku, components in (("SET", {"GHOST": 1}), ("SET", {"PEN": 0}), ("SET", {"SET": 1})):
        with pytest.raises(Rejected):
            bundles.set_bundle(at.engine, sku, components, at.now)
    sets(at)
    with pytest.raises(Rejected, match="bundle"):
        bundles.set_bundle(at.engine, "BOX", {"SET": 1}, at.now)
    with pytest.raises(Rejected, match="bundle"):
        bundles.set_bundle(at.engine, "PEN", {"BOX": 1}, at.now)


def test_the_same_item_on_five_lines_is_five_lines(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order(lines=[("PEN", 1)] * 5))
    assert at.stock("PEN") == {"quay": (9, 5)}
    assert [line["quantity"] for line in at.rows(order_lines)] == [1] * 5


def test_a_deleted_product_keeps_the_item_it_was_sold_as(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order(lines=[("PEN", 1)]))
    nameless = LineItem("1001-0", "Pen", 2, sku="")
    at.take(replace(order(minute=1), lines=(nameless,)))
    assert at.stock("PEN") == {"quay": (9, 2)}
