"""Shops show what is available: read, take in what was sold, write only what differs."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connector.db import publications as rows
from connector.db.tables import publications, pushes, shops
from connector.domain.linking import Variant
from connector.domain.publishing import shown
from connector.domain.retry import USUAL
from connector.flow import due, linking, publish_stock, stock
from connector.flow import shops as shop_flow
from connector.flow.stock import StockLine
from connector.flow.wake import Wake
from connector.platform import CataloguePage, ChangedPage, Refused, Retryable, Spot, Throttled
from tests.flow.conftest import Make
from tests.flow.toy import START, World, order, settings

QUAY, DEPOT = Spot("u-PEN", "L1"), Spot("u-PEN", "L2")
_KEYS = itertools.count(1)


@pytest.fixture
def selling(make: Make) -> World:
    """A shop that shows 9 pens at the quay and 20 in the depot, as we have, and is published to."""
    at = make({("PEN", "quay"): 9, ("PEN", "depot"): 20, ("INK", "quay"): 5})
    at.toy.catalogue = [CataloguePage((Variant("v-PEN", "u-PEN", "PEN"), Variant("v-INK", "u-INK", "INK")))]
    at.toy.shown = {QUAY: 9, DEPOT: 20, Spot("u-INK", "L1"): 5, Spot("u-INK", "L2"): 0}
    linking.read_places(at.engine, at.toy.platform(), at.shop)
    linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)
    settings(at, publish_stock=True)
    return at


def publish(at: World, passes: int = 1, **more: Any) -> None:
    """So many passes, each a few seconds after the one before."""
    for _ in range(passes):
        at.now += timedelta(seconds=10)
        shop = shop_flow.by_id(at.engine, at.seal, at.shop.id)
        key = lambda: f"key-{next(_KEYS)}"  # noqa: E731
        publish_stock.drain(at.engine, at.seal, at.toy.platform(), shop, lambda: at.now, key, **more)


def waiting(at: World) -> set[str]:
    with at.engine.connect() as conn:
        found = conn.execute(select(publications.c.unit_id).where(publications.c.due_at.is_not(None)))
        return set(found.scalars())


def test_what_is_shown_is_never_below_zero_and_never_above_what_is_there() -> None:
    available = {(1, 1): 5, (1, 2): -2}
    assert shown(available, 1, [1], 0) == 5
    assert shown(available, 1, [1, 2], 1) == 2
    assert shown(available, 1, [2], 0) == 0
    assert shown(available, 9, [1], 0) == 0


def test_nothing_is_published_to_a_shop_that_was_not_asked_for(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.catalogue = [CataloguePage((Variant("v-PEN", "u-PEN", "PEN"),))]
    at.toy.shown = {QUAY: 1, DEPOT: 1}
    linking.read_places(at.engine, at.toy.platform(), at.shop)
    linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)
    publish(at)
    assert at.toy.pushed == []
    assert "publish" not in {wake.task for wake in due.due(at.engine, at.now)}


def test_only_what_differs_is_written_and_then_nothing_more(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 3
    publish(at)
    assert [(change.spot, change.quantity, change.seen) for _, some in at.toy.pushed for change in some] == [(QUAY, 9, 3)]
    assert waiting(at) == set()
    publish(at, 2)
    assert len(at.toy.pushed) == 1


def test_a_movement_makes_the_shop_due_and_an_echo_causes_no_write(selling: World) -> None:
    at = selling
    publish(at)
    stock.change(at.engine, [StockLine("PEN", "quay", 4)], at.now, key="r", reason="receipt", actor="t")
    at.now += timedelta(seconds=5)
    assert Wake("publish", at.shop.id) in due.due(at.engine, at.now)
    publish(at)
    assert at.toy.shown[QUAY] == 13
    with at.engine.begin() as conn:
        rows.furnish(conn, at.shop.id, rows.sources(conn, at.shop.id), at.now, again=True)
    publish(at)
    assert len(at.toy.pushed) == 1


def test_the_shops_own_order_is_not_subtracted_again(selling: World) -> None:
    at = selling
    publish(at)
    at.toy.shown[QUAY] -= 2  # type: ignore[operator] - the shop sold two by itself
    at.take(order())
    publish(at, 2)
    assert at.toy.pushed == []
    assert at.toy.shown[QUAY] == 7


def test_an_order_whose_delivery_has_not_come_yet_is_taken_in_first(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 7
    given = order()
    at.toy.held[given.external_id] = given
    at.toy.pages = [ChangedPage(((given.external_id, given.version),))]
    publish(at)
    assert at.stock("PEN")["quay"] == (9, 2)
    assert [change for _, some in at.toy.pushed for change in some if change.spot == QUAY] == []


def test_looking_for_sold_orders_does_not_put_off_the_next_poll(selling: World) -> None:
    with selling.engine.begin() as conn:
        conn.execute(update(shops).values(poll_due_at=selling.now))
    publish(selling)
    assert Wake("poll", selling.shop.id) in due.due(selling.engine, selling.now)


def test_a_shop_that_asks_to_slow_down_rests_as_long_as_the_settings_say(selling: World) -> None:
    selling.toy.shown[QUAY] = 7
    selling.toy.thin = True
    selling.toy.fail_fetch = [Throttled("slow down")]
    selling.send(order())
    publish(selling, patience=replace(USUAL, slow_down_seconds=2.0))
    [row] = selling.rows(shops)
    assert row["paused_until"] == selling.now + timedelta(seconds=2)


def test_nothing_is_written_while_an_order_cannot_be_read(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 7
    at.toy.thin = True
    at.toy.fail_fetch = [Retryable("away")]
    at.send(order())
    publish(at)
    assert at.toy.pushed == []
    assert waiting(at) == {"u-PEN", "u-INK"}
    publish(at, 2)
    assert at.toy.shown[QUAY] == 7


def test_a_sale_between_read_and_write_is_seen(selling: World) -> None:
    at = selling
    publish(at)
    stock.change(at.engine, [StockLine("PEN", "quay", 1)], at.now, key="r", reason="receipt", actor="t")
    at.toy.meanwhile = [lambda: at.toy.shown.update({QUAY: 7})]
    publish(at)
    assert at.toy.shown[QUAY] == 7
    at.send(order())
    publish(at, 2)
    assert at.toy.shown[QUAY] == 8
    assert waiting(at) == set()


def test_what_changes_during_a_pass_stays_due(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 1

    def receive() -> None:
        at.toy.meanwhile.clear()
        stock.change(at.engine, [StockLine("PEN", "quay", 2)], at.now, key="r", reason="receipt", actor="t")

    original = at.toy.publish
    at.toy.publish = lambda *given: (receive(), original(*given))[1]  # type: ignore[method-assign, func-returns-value]
    publish(at)
    assert (at.toy.shown[QUAY], waiting(at)) == (9, {"u-PEN"})
    at.toy.publish = original  # type: ignore[method-assign]
    publish(at)
    assert (at.toy.shown[QUAY], waiting(at)) == (11, set())


def test_one_bad_item_never_blocks_its_batch(selling: World) -> None:
    at = selling
    at.toy.shown = dict.fromkeys(at.toy.shown, 1)
    at.toy.bad = {"u-INK"}
    publish(at)
    assert (at.toy.shown[QUAY], at.toy.shown[DEPOT]) == (9, 20)
    found = {(row["unit_id"], row["external_location"]): row["obstacle"] for row in _publications(at)}
    assert found["u-INK", "L1"] == "One of them is not valid."
    assert found["u-PEN", "L1"] == ""


def test_the_buffer_is_kept_back(selling: World) -> None:
    at = selling
    linking.change_settings(at.engine, at.toy.platform(), at.shop, {"stock_buffer": "6"}, at.now)
    publish(at)
    assert at.toy.shown == {QUAY: 3, DEPOT: 14, Spot("u-INK", "L1"): 0, Spot("u-INK", "L2"): 0}


def test_a_place_shows_the_stock_of_all_that_stand_behind_it(selling: World) -> None:
    at = selling
    linking.link_location(at.engine, at.shop.id, "L2", [], at.now)
    linking.link_location(at.engine, at.shop.id, "L1", ["quay", "depot"], at.now)
    publish(at)
    assert (at.toy.shown[QUAY], at.toy.shown[DEPOT]) == (29, 20)
    with at.engine.connect() as conn:
        assert rows.unlinked_places(conn, at.shop.id) == ["Depot"]


def test_an_obstacle_is_said_and_looked_at_again(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 1
    at.toy.obstacle = "It would subtract again."
    publish(at)
    assert (at.toy.pushed, {row["obstacle"] for row in _publications(at)}) == ([], {"It would subtract again."})
    at.toy.obstacle = ""
    at.now += timedelta(minutes=20)
    publish(at)
    assert (at.toy.shown[QUAY], {row["obstacle"] for row in _publications(at)}) == (9, {""})


def test_a_push_whose_answer_was_lost_is_sent_again_under_its_key(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 1
    at.toy.fail_publish = [Retryable("no answer", effect_unknown=True)]
    publish(at)
    assert [row["finished_at"] for row in at.rows(pushes)] == [None]
    at.now += timedelta(minutes=5)
    publish(at)
    keys = [key for key, _ in at.toy.pushed]
    assert keys == [keys[0], keys[0]]
    assert at.rows(pushes)[0]["outcome"] == "sent again: 1 stale"
    assert (at.toy.shown[QUAY], waiting(at)) == (9, set())


def test_the_key_is_stored_before_the_call(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 1
    seen: list[str] = []
    original = at.toy.publish

    def spy(shop: Any, key: str, changes: Any) -> Any:
        seen.extend(row["key"] for row in at.rows(pushes) if row["key"] == key and row["finished_at"] is None)
        return original(shop, key, changes)

    at.toy.publish = spy  # type: ignore[method-assign]
    publish(at)
    assert seen == [at.rows(pushes)[0]["key"]]


def test_what_the_shop_cannot_keep_is_said(selling: World) -> None:
    at = selling
    del at.toy.shown[DEPOT]
    at.toy.shown[QUAY] = None
    publish(at)
    found = {(row["unit_id"], row["external_location"]): row["obstacle"] for row in _publications(at)}
    assert "read its catalogue again" in found["u-PEN", "L2"]
    assert at.toy.shown[QUAY] == 9


def test_a_look_writes_nothing(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 1
    obstacle, found = publish_stock.differences(at.engine, at.toy.platform(), at.shop)
    assert (obstacle, [(one.spot, one.shows, one.wanted) for one in found]) == ("", [(QUAY, 1, 9)])
    assert at.toy.pushed == []


def test_a_refused_key_of_a_lost_push_ends_it(selling: World) -> None:
    at = selling
    with at.engine.begin() as conn:
        rows.begin(conn, at.shop.id, "old", [{"spot": {"unit_id": "u-PEN", "location": "L1"}, "quantity": 1, "seen": 9}], START)
    at.toy.bad = {"u-PEN"}
    publish(at)
    assert at.rows(pushes)[0]["outcome"] == f"sent again: refused: {Refused('One of them is not valid.')}"


def _publications(at: World) -> list[dict[str, Any]]:
    with at.engine.connect() as conn:
        return [dict(row._mapping) for row in conn.execute(publications.select())]
