"""Merchants beside each other, each with a morning's work, an owner, an API token, and something on every page.

What belongs to one bears its mark: an answer to another in which it stands has leaked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from argon2 import PasswordHasher
from sqlalchemy import Engine, Table, func, select, text

from connector.db import backfills, drifts, inbox, merchants, saved_views, tables
from connector.db import staff as staff_rows
from connector.db import tasks as task_rows
from connector.db.drifts import Drift
from connector.db.engine import of_merchant
from connector.db.sealed import Seal
from connector.domain.events import TYPES
from connector.domain.staff import Role
from connector.domain.tasks import CANCELLED
from connector.flow import access, events, picking, stock
from tests.desk import seeding
from tests.desk.seeding import NOW, Town

PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # hashing is slow on purpose


@dataclass(frozen=True)
class Neighbour:
    """A merchant. `town.engine` sees what is theirs; `mark` stands in their customers, titles, places, notes and views."""

    merchant_id: int
    mark: str
    town: Town
    orders: dict[str, int]
    owner: str
    token: str

    def ids(self, table: Table, column: str = "id") -> list[int]:
        """Their rows of a table, the oldest first."""
        with self.town.engine.connect() as conn:
            return list(conn.execute(select(table.c[column]).order_by(table.c[column])).scalars())

    def count(self, table: Table) -> int:
        """How many rows of a table they have."""
        with self.town.engine.connect() as conn:
            return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def settle(engine: Engine, seal: Seal, mark: str) -> Neighbour:
    """One more merchant on the house's engine. The first one settled is merchant 1, which is always there."""
    own = of_merchant(engine, _merchant(engine, mark))
    town = seeding.build(own, seal, f"-{mark}")
    seeding.number_anew()
    orders = seeding.morning(town)
    _write_around(town, orders, mark)
    _set_marks(own, mark)
    with own.begin() as conn:
        staff_rows.add(conn, f"Owner {mark}", Role.OWNER, QUICK.hash(PASSWORD))
        staff_rows.begin_act(conn, f"Owner {mark}", None, "desk.act", f"order={mark}")
    token = access.add(own, "till", tuple(access.SCOPES), NOW)
    return Neighbour(_id(own), mark, town, orders, f"Owner {mark}", token)


def _merchant(engine: Engine, mark: str) -> int:
    with engine.begin() as conn:
        if conn.execute(select(tables.shops.c.id)).first() is None:
            return merchants.FIRST
        merchant_id = merchants.add(conn, mark, NOW)
    assert merchant_id is not None
    return merchant_id


def _id(own: Engine) -> int:
    with own.connect() as conn:
        return int(conn.execute(select(tables.merchants.c.id)).scalar_one())


def _write_around(town: Town, orders: dict[str, int], mark: str) -> None:
    """What no order of the morning brings: a row for every page that shows one."""
    engine, shop = town.engine, town.shops["shopify"]
    picking.note(engine, orders["split"], f"Note {mark}", NOW, author="tests")
    made = events.add(engine, town.seal, f"https://{mark}.example/hook", list(TYPES), NOW, check=str, name=mark, actor="tests")
    events.send_test(engine, made.id, NOW)
    stock.transfer(engine, "vieux-port", "depot", {"BK-001": 2}, NOW, key="van", actor="tests")
    with engine.begin() as conn:
        saved_views.save(conn, None, f"View {mark}", "state=new", history=False)
        inbox.add(
            conn,
            merchant_id=shop.merchant_id,
            shop_id=shop.id,
            dedup_key="dead",
            topic="orders/updated",
            kind="order",
            external_id="404",
            sealed_body=town.seal.seal(f'{{"note": "{mark}"}}'.encode()),
            state="dead",
            reason=f"reason {mark}",
            now=NOW,
        )
        backfills.start(conn, shop.id, NOW - timedelta(days=9), NOW, NOW, stock="apply", dry_run=False, actor="tests")
        drifts.note(conn, shop.id, [Drift("missing", f"#{mark}", {}, {})], "seen", NOW)
        facts = {"lines": [{"line": 1, "sku": "BK-001", "title": mark, "units": 1}], "location": mark}
        task_rows.open_(conn, orders["shipped"], CANCELLED, "1:1", facts, NOW)


def _set_marks(own: Engine, mark: str) -> None:
    """Behind the merchant's wall these change what is theirs."""
    with own.begin() as conn:
        for statement in (
            "UPDATE orders SET customer_name = customer_name || :mark, note = note || :mark",
            "UPDATE items SET title = title || :mark",
            "UPDATE locations SET name = name || :mark",
            "UPDATE shops SET name = name || :mark",
            "UPDATE order_lines SET title = title || :mark",
        ):
            conn.execute(text(statement), {"mark": f" {mark}"})
