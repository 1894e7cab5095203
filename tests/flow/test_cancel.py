"""Asking a shop to cancel: each order judged alone, once, and nothing changes here before the shop has said so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.db.tables import fulfillment_orders, order_events, outbox
from connector.db.tables import orders as orders_table
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Lifecycle
from connector.flow import fulfill
from connector.flow.cancel import cancel
from connector.flow.wake import Wake
from connector.platform import Act, Outcome, Refused, Told
from tests.flow.conftest import Make
from tests.flow.toy import World, order


@pytest.fixture
def at(make: Make) -> World:
    return make({("PEN", "quay"): 9})


def _ask(at: World, *, possible: bool = True) -> None:
    [row] = at.rows(orders_table)
    assert cancel(at.engine, row["id"], at.now, actor="Inès", possible=possible) == (Wake("deliver", at.shop.id),)


def test_the_shop_is_told_and_its_own_word_gives_the_stock_back(at: World) -> None:
    at.take(order())
    _ask(at)
    assert at.stock("PEN") == {"quay": (9, 2)}, "until the shop has cancelled, the goods are the customer's"
    at.deliver()
    [told] = at.toy.told
    assert (told.act, told.order_id, told.lines, told.last) == (Act.CANCELLED, "1001", (), True)
    at.take(order(lifecycle=Lifecycle.CANCELLED, minute=1))
    assert at.stock("PEN") == {"quay": (9, 0)}
    assert [row["state"] for row in at.rows(orders_table)] == ["cancelled"]
    assert [(row["code"], row["actor"]) for row in at.rows(order_events, code="cancel_asked")] == [("cancel_asked", "Inès")]


def test_it_is_asked_once_and_again_after_a_refusal(at: World) -> None:
    at.take(order())
    at.toy.fail_announce.append(Refused("The shop says no."))
    _ask(at)
    with pytest.raises(Rejected, match="asked already"):
        _ask(at)
    at.deliver()
    assert [row["state"] for row in at.rows(outbox)] == ["dead"]
    _ask(at)
    at.deliver()
    assert [told.act for told in at.toy.told] == [Act.CANCELLED]
    assert len(at.rows(outbox)) == 1


@pytest.mark.parametrize("told", [Told.WITHHELD, Told.UNSUPPORTED])
def test_it_is_asked_again_where_nothing_was_written(at: World, told: Told) -> None:
    at.take(order())
    at.toy.outcomes.append(Outcome(told, "The store has not granted it."))
    _ask(at)
    at.deliver()
    _ask(at)
    at.deliver()
    assert [row["outcome"] for row in at.rows(outbox)] == ["applied"]
    with pytest.raises(Rejected, match="ended as applied"):
        _ask(at)


def test_what_has_left_or_ended_is_not_cancelled(at: World) -> None:
    at.take(order(lines=[("PEN", 1)]))
    [part] = at.rows(fulfillment_orders)
    for step in (Step.PACK, Step.SHIP):
        fulfill.move(at.engine, part["id"], step, at.now, actor="tests")
    with pytest.raises(Rejected, match="completed"):
        _ask(at)
    at.take(order(number="2", lifecycle=Lifecycle.CANCELLED))
    cancelled = next(row["id"] for row in at.rows(orders_table) if row["external_id"] == "2")
    with pytest.raises(Rejected, match="cancelled already"):
        cancel(at.engine, cancelled, at.now, actor="x", possible=True)
    with pytest.raises(NotFound):
        cancel(at.engine, 10**9, at.now, actor="x", possible=True)


def test_a_part_that_has_left_keeps_the_whole_from_being_cancelled(make: Make) -> None:
    at = make({("PEN", "quay"): 1, ("PEN", "depot"): 1})
    at.take(order(lines=[("PEN", 2)]))
    first = at.rows(fulfillment_orders)[0]
    for step in (Step.PACK, Step.SHIP):
        fulfill.move(at.engine, first["id"], step, at.now, actor="tests")
    with pytest.raises(Rejected, match="has left"):
        _ask(at)


def test_a_platform_that_is_not_asked_is_named_at_once(at: World) -> None:
    at.take(replace(order(), note=""))
    with pytest.raises(Rejected, match="own admin"):
        _ask(at, possible=False)
    assert at.rows(outbox) == []
