"""When an order's goods are set aside: as soon as it is here, or once it is paid; and what a change of mind does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.db import order_views
from connector.db.order_search import OrderFilter
from connector.db.tables import order_lines, orders
from connector.domain.errors import Rejected
from connector.domain.explanation import in_words
from connector.domain.orders import Lifecycle, Payment
from connector.flow import fulfill, linking, settle, stock
from connector.flow import shops as shop_flow
from connector.flow.stock import StockLine
from tests.flow.conftest import Make
from tests.flow.toy import World, order, unpaid

STOCK = {("PEN", "quay"): 5}


def choose(at: World, **typed: str) -> None:
    shop = shop_flow.by_id(at.engine, at.seal, at.shop.id)
    linking.change_settings(at.engine, at.toy.platform(), shop, typed, at.now)


def test_by_default_an_unpaid_order_takes_its_stock_when_it_is_placed(make: Make) -> None:
    at = make(STOCK)
    at.take(unpaid(order()))
    assert at.stock("PEN") == {"quay": (5, 2)}


def test_a_shop_may_wait_for_the_payment(make: Make) -> None:
    at = make(STOCK)
    choose(at, commit_when="paid")
    at.take(unpaid(order()))
    assert at.stock("PEN") == {"quay": (5, 0)}
    (head,) = at.rows(orders)
    assert (head["state"], head["open"], in_words(head["reason"])) == (
        "new",
        True,
        "Nothing is set aside before the order is paid in full; this shop waits for the payment.",
    )
    assert _listed(at) == [True]
    at.take(order(minute=5))
    assert at.stock("PEN") == {"quay": (5, 2)}
    assert _listed(at) == [False]


def test_who_pays_first_is_served_first(make: Make) -> None:
    at = make({("PEN", "quay"): 2})
    choose(at, commit_when="paid")
    for one in (unpaid(order("1")), order("2", minute=1), order("1", minute=2)):
        at.take(one)
    waiting = {row["external_id"]: row["backordered"] for row in at.rows(order_lines)}
    assert waiting == {"1-0": 2, "2-0": 0}


def test_a_payment_recorded_here_sets_the_goods_aside(make: Make) -> None:
    at = make(STOCK)
    choose(at, commit_when="paid")
    at.take(unpaid(order()))
    (head,) = at.rows(orders)
    fulfill.record_payment(at.engine, head["id"], at.now, actor="anna", amount_minor=400)
    assert at.stock("PEN") == {"quay": (5, 0)}
    fulfill.record_payment(at.engine, head["id"], at.now, actor="anna")
    assert at.stock("PEN") == {"quay": (5, 2)}


def test_an_authorized_payment_counts_where_the_shop_says_so(make: Make) -> None:
    at = make(STOCK)
    choose(at, commit_when="paid")
    at.take(replace(unpaid(order()), payment=Payment.AUTHORIZED))
    assert at.stock("PEN") == {"quay": (5, 0)}
    choose(at, accept_authorized="yes")
    assert at.stock("PEN") == {"quay": (5, 2)}


def test_stock_that_rises_meanwhile_is_not_taken_before_the_payment(make: Make) -> None:
    at = make({("PEN", "quay"): 0})
    choose(at, commit_when="paid")
    at.take(unpaid(order("1")), order("2"))
    _receive(at, 3)
    assert at.stock("PEN") == {"quay": (3, 2)}


def test_back_to_placed_sets_aside_what_waited_the_oldest_first(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    choose(at, commit_when="paid")
    at.take(unpaid(order("1")), unpaid(order("2")))
    choose(at, commit_when="placed")
    assert at.stock("PEN") == {"quay": (3, 3)}
    assert {row["external_id"]: row["backordered"] for row in at.rows(order_lines)} == {"1-0": 0, "2-0": 1}


def test_what_is_set_aside_stays_so_when_the_shop_begins_to_wait(make: Make) -> None:
    at = make(STOCK)
    at.take(unpaid(order("1")))
    choose(at, commit_when="paid")
    at.take(unpaid(order("1", (("PEN", 3),), minute=1)), unpaid(order("2")))
    assert at.stock("PEN") == {"quay": (5, 3)}


def test_a_cancelled_order_that_waited_gives_nothing_back(make: Make) -> None:
    at = make(STOCK)
    choose(at, commit_when="paid")
    at.take(unpaid(order()), replace(unpaid(order(minute=1)), lifecycle=Lifecycle.CANCELLED))
    assert at.stock("PEN") == {"quay": (5, 0)}
    assert [row["backordered"] for row in at.rows(order_lines)] == [0]


def test_what_the_platform_handed_over_unpaid_has_left(make: Make) -> None:
    at = make(STOCK)
    choose(at, commit_when="paid")
    at.take(unpaid(order()), replace(unpaid(order(minute=1)), lifecycle=Lifecycle.COMPLETED))
    assert at.stock("PEN") == {"quay": (3, 0)}


def test_only_these_two_moments_can_be_chosen(make: Make) -> None:
    at = make(STOCK)
    with pytest.raises(Rejected, match="one of placed, paid"):
        choose(at, commit_when="packed")


def _listed(at: World) -> list[bool]:
    with at.engine.connect() as conn:
        return [row.waits_for_payment for row in order_views.list_orders(conn, OrderFilter())]


def _receive(at: World, units: int) -> None:
    stock.change(at.engine, [StockLine("PEN", "quay", units)], at.now, key="more", reason="receipt", actor="tests")
    settle.settle(at.engine, at.now)
