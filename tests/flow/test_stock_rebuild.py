"""All that orders made of stock can be lost: the inbox, the settings and the stock facts make it again, to the last unit."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, select, text

from connector.db.sealed import Seal
from connector.db.tables import inbox, stock_documents
from connector.domain.errors import Rejected
from connector.domain.orders import Handover, Lifecycle, Order
from connector.flow import settle, stock, verify
from connector.flow.stock import StockLine
from tests.flow.toy import MINUTE, World, order, settings, world

_LOST = (
    *("attempts", "outbox", "order_events", "payments", "fulfillment_lines", "movements", "fulfillment_orders"),
    *("order_lines", "orders", "levels", "transfer_lines", "transfers", "refills", "stock_checks"),
)
_STATE = (
    "SELECT o.external_id, o.state, o.lifecycle, o.open, o.attention::text, o.reason::text FROM orders o",
    "SELECT o.external_id, l.external_id, l.quantity, l.backordered FROM order_lines l JOIN orders o ON o.id = l.order_id",
    "SELECT o.external_id, p.code, f.state, l.external_id, fl.quantity, f.reason::text FROM fulfillment_orders f "
    "JOIN orders o ON o.id = f.order_id JOIN locations p ON p.id = f.location_id "
    "LEFT JOIN fulfillment_lines fl ON fl.fulfillment_order_id = f.id LEFT JOIN order_lines l ON l.id = fl.order_line_id",
    "SELECT i.sku, p.code, l.on_hand, l.committed FROM levels l JOIN items i ON i.id = l.item_id "
    "JOIN locations p ON p.id = l.location_id",
    "SELECT i.sku, p.code, m.reason, m.on_hand_delta, m.committed_delta, o.external_id FROM movements m "
    "JOIN items i ON i.id = m.item_id JOIN locations p ON p.id = m.location_id LEFT JOIN orders o ON o.id = m.order_id",
)
_ACTS: dict[str, Callable[..., object]] = {
    "receipt": stock.receive,
    "sale": stock.sell,
    "write_off": stock.write_off,
    "count": stock.count,
}


def state_hash(conn: Connection) -> str:
    """One word for everything stored of orders and stock, without ids and times."""
    rows = [sorted(map(repr, conn.execute(text(statement)).all())) for statement in _STATE]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@dataclass
class Day:
    """A day of a shop: everything in it happens a second after the last."""

    at: World
    rnd: random.Random

    def __post_init__(self) -> None:
        self.known: list[Order] = []

    def pass_time(self) -> None:
        self.at.now += timedelta(seconds=1)

    def happen(self) -> None:
        self.pass_time()
        self.rnd.choice([self.order, self.order, self.edit, self.cancel, self.fact, self.fact, self.move])()

    def order(self) -> None:
        lines = [(self.rnd.choice(["PEN", "INK"]), self.rnd.randint(1, 4)) for _ in range(self.rnd.randint(1, 3))]
        new = order(f"{len(self.known)}", lines, minute=0)
        if self.rnd.random() < 0.2:
            new = replace(new, handover=Handover.PICKUP, pickup_location=self.rnd.choice(["L1", "L2", "?"]))
        self.known.append(new)
        self.at.take(new)
        self.clock()

    def edit(self) -> None:
        if self.known:
            place = self.rnd.randrange(len(self.known))
            old = self.known[place]
            lines = tuple(replace(line, quantity=self.rnd.randint(0, 4)) for line in old.lines)
            self.change(place, replace(old, version=old.version + MINUTE, lines=lines))

    def cancel(self) -> None:
        if self.known:
            place = self.rnd.randrange(len(self.known))
            old = self.known[place]
            self.change(place, replace(old, version=old.version + MINUTE, lifecycle=Lifecycle.CANCELLED))

    def change(self, place: int, newer: Order) -> None:
        self.known[place] = newer
        self.at.take(newer)
        self.clock()

    def fact(self) -> None:
        line = StockLine(self.rnd.choice(["PEN", "INK"]), self.rnd.choice(["quay", "depot"]), self.rnd.randint(1, 5))
        kind = self.rnd.choice(list(_ACTS))
        with suppress(Rejected):
            _ACTS[kind](self.at.engine, [line], self.at.now, key=f"f{self.at.now}", actor="t")

    def move(self) -> None:
        here, there = self.rnd.sample(["quay", "depot"], 2)
        try:
            wanted = {"PEN": self.rnd.randint(1, 3)}
            made = stock.transfer(self.at.engine, here, there, wanted, self.at.now, key=f"t{self.at.now}", actor="t")
        except Rejected:
            return
        self.pass_time()
        stock.arrive(self.at.engine, made, self.at.now, key=f"a{self.at.now}", actor="t")

    def clock(self) -> None:
        settle.settle(self.at.engine, self.at.now)


def rebuild(at: World) -> None:
    """Forget everything but inbox, settings, places, goods and stock facts, and let it happen again in its sequence."""
    with at.engine.begin() as conn:
        conn.execute(text("SET LOCAL session_replication_role = replica"))
        facts = conn.execute(select(stock_documents).order_by(stock_documents.c.id)).all()
        rows = conn.execute(select(inbox.c.id, inbox.c.received_at).order_by(inbox.c.id)).all()
        for table in (*_LOST, "stock_documents"):
            conn.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        conn.execute(text("UPDATE inbox SET state = 'waiting', finished_at = NULL, due_at = 'infinity'"))
    happened = [(fact.at, 0, fact) for fact in facts] + [(row.received_at, 1, row) for row in rows]
    transfers: dict[int, int] = {}
    for when, kind, what in sorted(happened, key=lambda one: (*one[:2], one[2].id)):
        at.now = when
        if kind:
            with at.engine.begin() as conn:
                conn.execute(text("UPDATE inbox SET due_at = received_at, reason = '' WHERE id = :id"), {"id": what.id})
            at.drain()
            settle.settle(at.engine, at.now)
        else:
            _again(at, what, transfers)


def _again(at: World, fact: object, transfers: dict[int, int]) -> None:
    kind, key, lines = fact.kind, fact.key, fact.lines  # type: ignore[attr-defined]
    if kind == "transfer":
        [[there, _, _], [sku, here, units]] = lines
        transfers[fact.id] = stock.transfer(at.engine, here, there, {sku: units}, at.now, key=key, actor="t")  # type: ignore[attr-defined]
    elif kind == "arrival":
        stock.arrive(at.engine, transfers[lines[0][0]], at.now, key=key, actor="t")
    else:
        given = [StockLine(sku, code, abs(units)) for sku, code, units in lines]
        _ACTS[kind](at.engine, given, at.now, key=key, actor="t")


def _lived(engine: Engine, seal: Seal, seed: int, events: int) -> World:
    at = world(engine, seal, {("PEN", "quay"): 6, ("PEN", "depot"): 2, ("INK", "depot"): 5})
    settings(at, routing=["least_loaded", "keep_lines_whole"])
    day = Day(at, random.Random(seed))
    for _ in range(events):
        day.happen()
    return at


@pytest.mark.parametrize("seed", range(3))
def test_the_same_state_comes_of_the_same_facts(engine: Engine, seal: Seal, seed: int) -> None:
    at = _lived(engine, seal, seed, 40)
    with engine.connect() as conn:
        before = state_hash(conn)
    rebuild(at)
    with engine.connect() as conn:
        assert state_hash(conn) == before
    assert verify.verify(engine, at.now).found == ()


def test_a_lost_fact_is_seen_in_the_hash(engine: Engine, seal: Seal) -> None:
    at = _lived(engine, seal, 0, 10)
    with engine.begin() as conn:
        before = state_hash(conn)
        conn.execute(text("DELETE FROM stock_documents WHERE id = (SELECT max(id) FROM stock_documents)"))
    rebuild(at)
    with engine.connect() as conn:
        assert state_hash(conn) != before
