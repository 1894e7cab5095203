"""What orders do to the stock of the sandbox's WooCommerce shop, as of the real one."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.woocommerce import orders
from tests.platforms.woocommerce.world import World
from tests.sandbox.woocommerce.calls import call, get, inside, make, put, stock


@pytest.mark.parametrize(
    ("moves", "left"),
    [
        (("pending",), 0),
        (("on-hold",), -5),
        (("processing",), -5),
        (("completed",), -5),
        (("processing", "completed", "on-hold"), -5),
        (("processing", "cancelled"), 0),
        (("processing", "pending"), 0),
        (("processing", "failed"), -5),
        (("processing", "refunded"), -5),
        (("packed",), 0),
        (("processing", "packed", "completed"), -5),
        (("processing", "packed", "cancelled"), 0),
        (("processing", "cancelled", "cancelled", "processing"), -5),
    ],
)
def test_what_a_status_does_to_stock(world: World, moves: tuple[str, ...], left: int) -> None:
    world.settings(statuses={"packed": "Packed"})
    before = stock(world)
    order = make(world)
    for word in moves:
        order = put(world, order, status=word)
    assert stock(world) - before == left
    reduced = [meta["value"] for meta in order["line_items"][0]["meta_data"] if meta["key"] == "_reduced_stock"]
    assert reduced == (["5"] if left else [])


def test_refund_with_restock_then_cancel_nets_to_nothing(world: World) -> None:
    before = stock(world)
    order_id = world.place(("MUG-PHARE", 5))
    world.front.refund(order_id, {"MUG-PHARE": 2}, restock=True)
    assert stock(world) == before - 3
    world.front.cancel(order_id)
    assert stock(world) == before


def test_edits_move_stock_by_the_difference(world: World) -> None:
    before = stock(world)
    order_id = world.place(("MUG-PHARE", 5), ("SAVON-OLIVE", 1))
    world.front.edit(order_id, {"MUG-PHARE": 2})
    assert stock(world) == before - 2
    world.front.edit(order_id, {"MUG-PHARE": 0})
    assert stock(world) == before
    put(world, {"id": order_id}, line_items=[{"product_id": 114, "quantity": 4}])
    assert stock(world) == before - 4


def test_edits_of_an_order_that_took_nothing_move_nothing(world: World) -> None:
    before = stock(world)
    order = make(world, status="pending")
    put(world, order, line_items=[{"id": order["line_items"][0]["id"], "quantity": 2}])
    assert stock(world) == before


@pytest.mark.parametrize("gone", [orders.trash, orders.delete])
def test_trash_and_deletion_leave_stock_taken(world: World, gone: Any) -> None:
    before = stock(world)
    gone(inside(world), int(world.place(("MUG-PHARE", 5))))
    assert stock(world) == before - 5


def test_products(world: World) -> None:
    found = get(world, "products", sku="MAR-TS-S,MUG-PHARE")
    assert {(product["sku"], product["type"], product["parent_id"]) for product in found} == {
        ("MAR-TS-S", "variation", 99),
        ("MUG-PHARE", "simple", 0),
    }
    assert "variation" not in {product["type"] for product in get(world, "products", per_page="100")}
    assert call(world, "PUT", "products/101", {"stock_quantity": 3}).status_code == 404
    assert call(world, "PUT", "products/99/variations/101", {"stock_quantity": 3}).json()["stock_quantity"] == 3
    assert stock(world, "MAR-TS-S") == 3
    assert call(world, "PUT", "products/114", {"inventory_delta": -1}).json()["stock_quantity"] == 639
    assert call(world, "PUT", "products/114", {"stock_quantity": "12"}).json()["stock_quantity"] == 12
    assert call(world, "PUT", "products/114", {"stock_quantity": "abc"}).status_code == 400
    assert call(world, "PUT", "products/91", {"stock_quantity": 5}).json()["stock_quantity"] is None
