"""The sandbox Shopify's order life, stock and routing."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.domain.errors import NotFound, Rejected
from sandbox.catalogue import ITEM_BY_SKU, STOCK
from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Wanted
from sandbox.shopify.routing import route
from sandbox.shopify.shop import Shop
from sandbox.store import Store


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    store = Store(tmp_path / "journal")
    return Shop(store, Sender(store, Knobs()))


def _committed(shop: Shop, sku: str) -> dict[str, int]:
    found = shop.store.get("shopify.stock", sku)
    assert found is not None
    return {code: level["committed"] for code, level in found["levels"].items() if level["committed"]}


def _as_at_start(shop: Shop) -> bool:
    levels = {(sku, code): count for sku, places in shop.stock().items() for code, count in places.items()}
    return levels == STOCK and not any(_committed(shop, sku) for sku in ITEM_BY_SKU)


def _status(shop: Shop, order_id: str) -> tuple[str, str]:
    shown = shop.shown(order_id)
    assert shown is not None
    return shown.status, shown.payment


def _parts(shop: Shop, order_id: str) -> list[tuple[str, str, str, list[int]]]:
    order = shop.order(order_id)
    assert order is not None
    return [(p["location"], p["method"], p["status"], [line["remaining"] for line in p["lines"]]) for p in order["parts"]]


def _ship(shop: Shop, order_id: str, units: int | None = None) -> None:
    order = shop.order(order_id)
    assert order is not None
    part = order["parts"][0]
    line = part["lines"][0]
    shop.fulfill(order_id, [(part["id"], line["id"], line["remaining"] if units is None else units)], {"number": "T1"})


def test_placing_commits_stock_where_it_was_routed(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 2), ("MUG-PHARE", 1)), "delivery"))
    assert _status(shop, order_id) == ("Unfulfilled", "Paid")
    assert _parts(shop, order_id) == [("depot", "SHIPPING", "OPEN", [2, 1])]
    assert shop.stock()["ESP-41"]["depot"] == STOCK["ESP-41", "depot"] - 2
    assert _committed(shop, "ESP-41") == {"depot": 2}


def test_what_no_location_has_alone_is_split(shop: Shop) -> None:
    order_id = shop.place(Wanted((("CARTE-COTES", 1), ("MALLE-OSIER", 2)), "delivery"))
    assert sorted(_parts(shop, order_id)) == [("depot", "SHIPPING", "OPEN", [2]), ("vieux-port", "SHIPPING", "OPEN", [1])]


def test_a_pickup_is_fulfilled_where_it_is_collected(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 2),), "pickup", "canebiere"))
    assert _parts(shop, order_id) == [("canebiere", "PICK_UP", "OPEN", [2])]
    shown = shop.shown(order_id)
    assert shown is not None
    assert (shown.handover, shown.pickup) == ("pickup", "canebiere")


def test_fulfillment_orders_appear_a_moment_later(tmp_path: Path) -> None:
    store = Store(tmp_path / "j")
    shop = Shop(store, Sender(store, Knobs()), routing_seconds=3600)
    order = shop.order(shop.place(Wanted((("ESP-41", 2),), "delivery")))
    assert order is not None
    assert shop.routed_parts(order) == []
    assert len(shop.routed_parts({**order, "routed_at": 0})) == 1


def test_fulfilling_in_two_steps(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 3),), "delivery"))
    _ship(shop, order_id, 1)
    assert _status(shop, order_id)[0] == "Partially fulfilled"
    assert _parts(shop, order_id)[0][2:] == ("OPEN", [2])
    assert _committed(shop, "ESP-41") == {"depot": 2}
    _ship(shop, order_id)
    assert _status(shop, order_id)[0] == "Fulfilled"
    assert _parts(shop, order_id)[0][2:] == ("CLOSED", [0])
    assert _committed(shop, "ESP-41") == {}
    assert shop.stock()["ESP-41"]["depot"] == STOCK["ESP-41", "depot"] - 3


@pytest.mark.parametrize(("paid", "payment"), [(True, "Refunded"), (False, "Voided")])
def test_cancelling_gives_everything_back(shop: Shop, paid: bool, payment: str) -> None:
    order_id = shop.place(Wanted((("ESP-41", 3), ("CARTE-COTES", 1), ("MALLE-OSIER", 1)), "delivery", paid=paid))
    shop.cancel(order_id)
    assert _status(shop, order_id) == ("Cancelled", payment)
    assert _as_at_start(shop)
    with pytest.raises(Rejected):
        shop.cancel(order_id)
    with pytest.raises(Rejected):
        shop.pay(order_id)


def test_what_was_fulfilled_is_not_cancelled(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 1),), "delivery"))
    _ship(shop, order_id)
    with pytest.raises(Rejected):
        shop.cancel(order_id)


def test_paying(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 1),), "delivery", paid=False))
    assert _status(shop, order_id) == ("Unfulfilled", "Payment pending")
    shop.pay(order_id)
    assert _status(shop, order_id) == ("Unfulfilled", "Paid")


def test_editing_moves_stock_and_money_by_the_difference(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 3),), "delivery"))
    shop.edit(order_id, {"ESP-41": 5, "MUG-PHARE": 2})
    assert _status(shop, order_id) == ("Unfulfilled", "Partially paid")
    assert (_committed(shop, "ESP-41"), _committed(shop, "MUG-PHARE")) == ({"depot": 5}, {"depot": 2})
    shop.edit(order_id, {"ESP-41": 1, "MUG-PHARE": 0})
    assert (_committed(shop, "ESP-41"), _committed(shop, "MUG-PHARE")) == ({"depot": 1}, {})
    shown = shop.shown(order_id)
    assert shown is not None
    assert shown.lines == (("ESP-41", 1), ("MUG-PHARE", 0))
    with pytest.raises(Rejected):
        shop.edit(order_id, {"ESP-41": -1})


@pytest.mark.parametrize(("restock", "back"), [(True, 1), (False, 0)])
def test_refunding_units_that_are_still_here(shop: Shop, restock: bool, back: int) -> None:
    order_id = shop.place(Wanted((("ESP-41", 3),), "delivery"))
    shop.refund(order_id, {"ESP-41": 1}, restock=restock)
    assert _status(shop, order_id) == ("Unfulfilled", "Partially refunded")
    assert shop.stock()["ESP-41"]["depot"] == STOCK["ESP-41", "depot"] - 3 + back
    assert _committed(shop, "ESP-41") == {"depot": 2}
    with pytest.raises(Rejected):
        shop.refund(order_id, {"ESP-41": 3}, restock=restock)


def test_refunding_what_had_left_brings_it_back(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 1),), "delivery"))
    _ship(shop, order_id)
    shop.refund(order_id, {"ESP-41": 1}, restock=True)
    assert _status(shop, order_id) == ("Fulfilled", "Refunded")
    assert _as_at_start(shop)


def test_holding_and_releasing(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 1),), "delivery"))
    shop.hold(order_id)
    assert _status(shop, order_id)[0] == "On hold"
    shop.release(order_id)
    assert _status(shop, order_id)[0] == "Unfulfilled"


def test_a_refused_act_changes_nothing(shop: Shop) -> None:
    order_id = shop.place(Wanted((("ESP-41", 2), ("MUG-PHARE", 1)), "delivery"))
    before = (shop.order(order_id), shop.stock())
    with pytest.raises(NotFound):
        shop.refund(order_id, {"ESP-41": 1, "NOT-THERE": 1}, restock=True)
    with pytest.raises(NotFound):
        shop.pay("1")
    with pytest.raises(Rejected):
        shop.place(Wanted((("ESP-41", 0),), "delivery"))
    with pytest.raises(Rejected):
        shop.place(Wanted((("ESP-41", 1),), "pickup", "nowhere"))
    assert (shop.order(order_id), shop.stock()) == before


def test_routing_divides_a_line_and_oversells_the_first_location_last() -> None:
    have = {("A", "depot"): 3, ("A", "vieux-port"): 2, ("A", "canebiere"): 1}

    def available(sku: str, code: str) -> int:
        return have[sku, code]

    assert route([(1, "A", 3)], available) == {"depot": [(1, 3)]}
    assert route([(1, "A", 5)], available) == {"depot": [(1, 3)], "vieux-port": [(1, 2)]}
    assert route([(1, "A", 9)], available) == {"depot": [(1, 6)], "vieux-port": [(1, 2)], "canebiere": [(1, 1)]}
    assert route([(1, "A", 2), (2, "A", 2)], available) == {"depot": [(1, 2)], "vieux-port": [(2, 2)]}
