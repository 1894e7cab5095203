"""Proving that stock adds up, naming each difference, and mending it.

The movements of goods are what happened and are never doubted. A level is only their sum, kept ready: where it differs it is
summed anew. What an order's movements promise must be what its parts hold: where it differs a compensating movement is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from connector.db import documents, ledger, orders, stock
from connector.db.ledger import Promise
from connector.domain.stock import Movement
from connector.flow.ingest import Drained
from connector.flow.replan import replan

EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `kind`: "on_hand" or "committed" (a level is not the sum of its movements; `found` is the level,
    `expected` the sum), "promise" (movements of an order promise `found`, its parts hold `expected`) or "undivided" (of
    `expected` units of a line only `found` are given or wait). `orders` are the numbers of the orders concerned."""

    kind: str
    sku: str
    location: str
    found: int
    expected: int
    orders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, what was done about it, and what is left after that."""

    found: tuple[Finding, ...]
    repaired: bool = False
    left: tuple[Finding, ...] = ()


def verify(engine: Engine, now: datetime) -> Verdict:
    """Compare everything at one moment, and keep the result for the doctor and the figures."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn:
        found = _findings(conn)
    with engine.begin() as conn:
        ledger.note_check(conn, now, [asdict(one) for one in found])
    return Verdict(found, left=found)


def repair(engine: Engine, now: datetime, *, key: str, actor: str) -> Verdict:
    """Mend what differs, in one transaction; `key` names the act. Orders with undivided lines are divided again."""
    with engine.begin() as conn:
        _lock(conn)
        found = _findings(conn)
        if not found:
            return Verdict(found)
        lines: list[list[str | int]] = [[one.sku, one.location, one.kind, one.found, one.expected, *one.orders] for one in found]
        if documents.file(conn, "repair", key, lines, now, actor=actor) is None:
            return Verdict(found, left=found)
        # Levels first: a compensating movement then moves a level that is right.
        ledger.set_levels_to_sums(conn, [(row[0], row[1]) for row in stock.unbalanced(conn)])
        promises = ledger.promises(conn)
        stock.ensure(conn, [(one.item_id, one.location_id) for one in promises])
        stock.post(conn, [_compensating(one, key, actor) for one in promises], now)
        replan(conn, sorted({row[0] for row in ledger.undivided(conn)}), now)
        left = _findings(conn)
        ledger.note_check(conn, now, [asdict(one) for one in left])
    return Verdict(found, repaired=True, left=left)


def hourly(engine: Engine, now: datetime) -> Drained:
    """The clock's check, once an hour however often it is rung for."""
    with engine.connect() as conn:
        last = ledger.last_check(conn)
    if last is None or now - last.at >= EVERY:
        verify(engine, now)
    return Drained(0, more=False)


def _lock(conn: Connection) -> None:
    """The orders and levels that seem to differ, in the order everybody locks them."""
    promises, sums = ledger.promises(conn), stock.unbalanced(conn)
    undivided = [row[0] for row in ledger.undivided(conn)]
    orders.lock_by_ids(conn, {one.order_id for one in promises if one.order_id is not None} | set(undivided))
    stock.lock(conn, {one.item_id for one in promises} | {row[0] for row in sums})


def _compensating(one: Promise, key: str, actor: str) -> Movement:
    delta = one.held - one.booked
    effect = f"repair:{key}:{one.order_id or 0}:{one.item_id}:{one.location_id}"
    return Movement(one.item_id, one.location_id, 0, delta, "repair", effect, one.order_id, key, actor)


def _findings(conn: Connection) -> tuple[Finding, ...]:
    return (*_levels(conn), *_promises(conn), *_undivided(conn))


def _levels(conn: Connection) -> list[Finding]:
    rows = stock.unbalanced(conn)
    skus, codes = ledger.skus(conn, {row[0] for row in rows}), ledger.codes(conn)
    return [
        Finding(kind, skus[item], codes[location], level, total)
        for item, location, on_hand, on_hand_sum, committed, committed_sum in rows
        for kind, level, total in (("on_hand", on_hand, on_hand_sum), ("committed", committed, committed_sum))
        if level != total
    ]


def _promises(conn: Connection) -> list[Finding]:
    rows = ledger.promises(conn)
    skus, codes = ledger.skus(conn, {row.item_id for row in rows}), ledger.codes(conn)
    numbers = ledger.numbers(conn, {row.order_id for row in rows if row.order_id is not None})
    return [
        Finding("promise", skus[row.item_id], codes[row.location_id], row.booked, row.held, _named(numbers, [row.order_id]))
        for row in rows
    ]


def _undivided(conn: Connection) -> list[Finding]:
    rows = ledger.undivided(conn)
    numbers = ledger.numbers(conn, {row[0] for row in rows})
    skus = {line.id: line.sku for lines in orders.lines_of(conn, [row[0] for row in rows]).values() for line in lines}
    return [
        Finding("undivided", skus[line], "", waiting + given, wanted, _named(numbers, [order_id]))
        for order_id, line, wanted, waiting, given in rows
    ]


def _named(numbers: dict[int, str], order_ids: Sequence[int | None]) -> tuple[str, ...]:
    return tuple(numbers[order_id] for order_id in order_ids if order_id is not None)
