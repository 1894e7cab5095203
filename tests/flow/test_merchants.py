"""Two merchants with the same SKUs, places and order numbers, worked for by the real jobs: nothing crosses over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from config.embedded import Addresses
from config.settings import load
from connector.db import ledger, merchants, publications, stock, tables
from connector.db.engine import of_merchant
from connector.db.sealed import Seal
from connector.db.tables import HOUSE, metadata
from connector.domain.backfill import StockPolicy
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Step
from connector.domain.linking import Variant
from connector.domain.stock import Movement
from connector.flow import backfill, due, fulfill, linking, receive
from connector.flow import shops as shop_flow
from connector.flow import stock as facts
from connector.flow.stock import StockLine
from connector.flow.wake import Wake
from connector.platform import CataloguePage, Delivery, Kind, Spot
from jobs import queue, tasks
from jobs.environment import Environment, open_at
from tests.flow.conftest import PROMISED
from tests.flow.toy import START, World, order, settings, world


@dataclass
class Street:
    """Both merchants' worlds, and the worker that serves them from the house's services."""

    house: Engine
    environment: Environment
    here: World
    there: World

    def work(self, *names: str) -> None:
        """Do what is due of these tasks, by the worker's own table, until nothing is."""
        place = tasks.Workplace(self.environment, queue.Waker(self.environment.redis), threading.Event())
        for _ in range(20):
            wakes = [wake for wake in due.due(self.house, datetime.now(UTC)) if wake.task in names]
            if not wakes:
                break
            for wake in wakes:
                tasks.turn(place, wake.task, wake.shop_id)
        place.waker.close()

    def all(self, table: Any) -> list[Any]:
        with self.house.connect() as conn:
            return list(conn.execute(select(table)))


@pytest.fixture
def street(database_url: str, redis_url: str, engine: Engine, seal: Seal, tmp_path: Any) -> Iterator[Street]:
    """The pens of the one are gone and those of the other are plenty."""
    with engine.begin() as conn:
        second = merchants.add(conn, "second", START)
    assert second is not None
    here = world(of_merchant(engine, merchants.FIRST), seal, {("PEN", "quay"): 1})
    there = world(of_merchant(engine, second), seal, {("PEN", "quay"): 50, ("PEN", "depot"): 50}, "other-store")
    here.now = there.now = datetime.now(UTC) - timedelta(minutes=1)  # the jobs go by the clock on the wall
    chosen = load({"data_dir": tmp_path, "public_url": "https://connector.example"})
    opened = open_at(chosen, Addresses(database_url, redis_url), name="tests")
    by_store = {at.shop.external_id: at.toy.platform() for at in (here, there)}
    platform = replace(
        here.toy.platform(),
        normalize=lambda shop, body: by_store[shop.external_id].normalize(shop, body),
        fetch_order=lambda shop, number: by_store[shop.external_id].fetch_order(shop, number),
        announce=lambda shop, told: by_store[shop.external_id].announce(shop, told),
        list_orders=lambda shop, *window: by_store[shop.external_id].list_orders(shop, *window),
        count_orders=lambda shop, *window: by_store[shop.external_id].count_orders(shop, *window),
        changed_orders=lambda shop, *since: by_store[shop.external_id].changed_orders(shop, *since),
    )
    opened = replace(opened, seal=seal, platforms={"toy": platform})
    found = Street(engine, opened, here, there)
    yield found
    opened.close()
    with engine.connect() as conn:
        assert stock.unbalanced(conn) == []
        assert conn.execute(PROMISED).all() == []
        assert strays(engine) == []


def strays(engine: Engine) -> list[str]:
    """References from a row of one merchant to a row of another, over everything the code declares."""
    found = []
    with engine.connect() as conn:
        for table in metadata.tables.values():
            for key in [key for key in table.foreign_key_constraints if table.name not in HOUSE]:
                theirs, column, target = key.referred_table, key.column_keys[0], key.elements[0].column.name
                if theirs.name in HOUSE:
                    continue
                crossing = f"SELECT count(*) FROM {table.name} a JOIN {theirs.name} b ON a.{column} = b.{target} "  # noqa: S608
                if conn.execute(text(crossing + "WHERE a.merchant_id <> b.merchant_id")).scalar():
                    found.append(f"{table.name}.{column}")
    return found


def _of(rows: list[Any], merchant_id: int) -> list[Any]:
    return [row for row in rows if row.merchant_id == merchant_id]


def test_deliveries_of_both_are_written_together_and_taken_in_apart(street: Street) -> None:
    gathered = receive.GroupCommit(street.house, street.environment.seal)
    for at in (street.here, street.there):
        at.toy.bodies["d"] = order(lines=[("PEN", 3)])
        gathered.receive(at.shop, Delivery("order", Kind.ORDER, "d", "1001"), b'{"body": "d"}', datetime.now(UTC))
    both = {street.here.shop.merchant_id, street.there.shop.merchant_id}
    assert {row.merchant_id for row in street.all(tables.inbox)} == both
    street.work("ingest")
    assert {row.merchant_id for row in street.all(tables.orders)} == both
    for name in ("order_lines", "order_events", "order_words", "fulfillment_orders", "fulfillment_lines"):
        assert {row.merchant_id for row in street.all(metadata.tables[name])} == both, name


def test_an_order_is_never_divided_over_another_merchants_places(street: Street) -> None:
    """Three pens are wanted and one is there; the neighbour has a hundred."""
    street.here.send(order(lines=[("PEN", 3)]))
    street.work("ingest")
    assert street.here.stock("PEN") == {"quay": (1, 1)}
    assert street.there.stock("PEN") == {"quay": (50, 0), "depot": (50, 0)}
    (line,) = street.here.rows(tables.order_lines)
    assert line["backordered"] == 2


def test_stock_that_rises_fills_the_merchants_own_orders_only(street: Street) -> None:
    for at, units in ((street.here, 5), (street.there, 120)):
        at.send(order(lines=[("PEN", units)]))
    street.work("ingest")
    assert [at.rows(tables.order_lines)[0]["backordered"] for at in (street.here, street.there)] == [4, 20]
    with street.there.engine.begin() as conn:  # the fact is written and the writer dies before it settles anything
        ((item, place), units) = next(iter(facts._resolve(conn, [StockLine("PEN", "quay", 30)]).items()))
        stock.post(conn, [Movement(item, place, units, 0, "receipt", "late", None, "late", "tests")], START)
    assert Wake("refill", 0) in due.due(street.house, datetime.now(UTC))
    street.work("refill")
    assert [at.rows(tables.order_lines)[0]["backordered"] for at in (street.here, street.there)] == [4, 0]


def test_the_ledger_is_verified_merchant_by_merchant(street: Street) -> None:
    with street.there.engine.begin() as conn:
        conn.execute(text("UPDATE levels SET on_hand = on_hand + 7 WHERE location_id = (SELECT min(id) FROM locations)"))
    street.work("verify")
    checks = {row.merchant_id: row.differences for row in street.all(tables.stock_checks)}
    with street.house.connect() as conn:
        whole = ledger.last_check(conn)
    assert whole is not None
    assert (whole.differences, whole.at) == (1, min(row.at for row in street.all(tables.stock_checks)))
    assert checks == {street.here.shop.merchant_id: 0, street.there.shop.merchant_id: 1}
    with street.there.engine.begin() as conn:
        conn.execute(text("UPDATE levels SET on_hand = on_hand - 7 WHERE location_id = (SELECT min(id) FROM locations)"))


def test_what_fails_for_one_keeps_no_other_from_its_round(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def once(env: Environment) -> Any:
        with env.engine.connect() as conn:
            done.append(merchants.ids(conn))
        if len(done) == 1:
            raise Rejected("The first one's round fails.")
        return tasks.Drained(0, more=False)

    monkeypatch.setitem(tasks.HOUSE_TASKS, "verify", replace(tasks.HOUSE_TASKS["verify"], once=once))  # type: ignore[arg-type]
    place = tasks.Workplace(street.environment, queue.Waker(street.environment.redis), threading.Event())
    tasks.turn(place, "verify", 0)
    place.waker.close()
    assert done == [[street.here.shop.merchant_id], [street.there.shop.merchant_id]]


def test_the_past_is_brought_in_for_its_merchant(street: Street) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    for at in (street.here, street.there):
        at.toy.held["900"] = replace(order("900", lines=[("PEN", 1)]), placed_at=long_ago, version=long_ago)
    at = street.there
    backfill.start(at.engine, at.shop, long_ago - timedelta(days=1), None, datetime.now(UTC), stock=StockPolicy.APPLY)
    street.work("backfill")
    assert [(row.merchant_id, row.external_id) for row in street.all(tables.orders)] == [(at.shop.merchant_id, "900")]
    assert at.stock("PEN")["quay"] == (50, 1)


def test_a_shop_shows_what_its_merchant_has(street: Street) -> None:
    for at in (street.here, street.there):
        at.toy.catalogue = [CataloguePage((Variant("v-PEN", "u-PEN", "PEN"),))]
        at.toy.shown = {Spot("u-PEN", "L1"): 0, Spot("u-PEN", "L2"): 0}
        linking.read_places(at.engine, at.toy.platform(), at.shop)
        linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)
        settings(at, publish_stock=True)
        with at.engine.connect() as conn:
            wanted = {row.item_id for row in conn.execute(select(tables.publications))}
            assert wanted == {row.id for row in conn.execute(select(tables.items))}
            assert publications.due_shops(conn, datetime.now(UTC)) == [at.shop.id]


def test_each_platform_is_told_of_its_own_order(street: Street) -> None:
    street.here.send(order(lines=[("PEN", 1)]))
    street.there.send(order(lines=[("PEN", 1)]))
    street.work("ingest")
    part = street.there.rows(tables.fulfillment_orders)[0]["id"]
    for step in (Step.PACK, Step.SHIP):
        fulfill.move(street.there.engine, part, step, datetime.now(UTC), actor="tests")
    street.work("deliver")
    assert street.here.toy.told == []
    assert [told.act for told in street.there.toy.told][-1:] == ["shipped"]


def test_the_parts_of_another_merchant_cannot_be_moved(street: Street) -> None:
    street.there.send(order(lines=[("PEN", 1)]))
    street.work("ingest")
    part = street.there.rows(tables.fulfillment_orders)[0]["id"]
    with pytest.raises(Exception, match="no "):
        fulfill.move(street.here.engine, part, Step.PACK, datetime.now(UTC), actor="tests")
    assert street.there.rows(tables.fulfillment_orders)[0]["state"] == "new"


def test_a_store_keeps_its_merchant_for_ever(street: Street) -> None:
    thief, store = street.there, street.here.toy.platform()
    with pytest.raises(Rejected, match="another merchant"):
        shop_flow.add(thief.engine, thief.seal, store, {"token": "t"}, "https://connector.example", START)
    assert len(street.all(tables.shops)) == 2
