"""Backfills: the checkpoint, the figures, every page once, and what was not taken in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from connector.db.tables import backfill_misses, backfill_pages, backfills, shops
from connector.domain.errors import NotFound, Rejected

_RECENT_PAGES = 20


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill as it stands. `read` is the sum of the five figures after it; `expected` is the platform's own count."""

    id: int
    shop_id: int
    since: datetime
    until: datetime
    stock: str
    dry_run: bool
    actor: str
    state: str
    reason: str
    cursor: str
    pages: int
    expected: int | None
    read: int
    new: int
    changed: int
    same: int
    skipped: int
    failed: int
    tries: int
    created_at: datetime
    started_at: datetime | None
    changed_at: datetime
    due_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Miss:
    """An order that was not taken in: `kind` is "skipped" (no order of ours) or "failed" (a person should look)."""

    external_id: str
    kind: str
    reason: str


_COLUMNS = tuple(backfills.c[field.name] for field in dataclasses.fields(Backfill))


def start(
    conn: Connection,
    shop_id: int,
    since: datetime,
    until: datetime,
    now: datetime,
    *,
    stock: str,
    dry_run: bool,
    actor: str,
) -> Backfill:
    """A new backfill of a shop; Rejected where another one of it has not ended."""
    values = {"since": since, "until": until, "stock": stock, "dry_run": dry_run, "actor": actor}
    times = {"created_at": now, "changed_at": now, "due_at": now}
    try:
        with conn.begin_nested():
            row = conn.execute(insert(backfills).values(shop_id=shop_id, **values, **times).returning(*_COLUMNS)).one()
    except IntegrityError as error:
        if "uq_backfills_active" not in str(error.orig):
            raise
        running = active(conn, shop_id)
        number = running.id if running else 0
        raise Rejected(
            f"Backfill {number} of this shop has not ended.", f"`connector backfill cancel {number}`, or wait."
        ) from None
    return Backfill(*row)


def active(conn: Connection, shop_id: int) -> Backfill | None:
    """The shop's backfill that has not ended."""
    return _one(conn, select(*_COLUMNS).where(backfills.c.shop_id == shop_id, backfills.c.state.in_(("running", "paused"))))


def by_id(conn: Connection, backfill_id: int) -> Backfill:
    """The backfill; NotFound where there is none."""
    found = _one(conn, select(*_COLUMNS).where(backfills.c.id == backfill_id)) if backfill_id < 2**63 else None
    if found is None:
        raise NotFound(f"There is no backfill {backfill_id}.", "`connector backfill list` shows them.")
    return found


def lock(conn: Connection, backfill_id: int) -> Backfill:
    """The backfill, locked until the transaction ends."""
    return Backfill(*conn.execute(select(*_COLUMNS).where(backfills.c.id == backfill_id).with_for_update()).one())


def _one(conn: Connection, wanted: Select[Any]) -> Backfill | None:
    row = conn.execute(wanted).first()
    return None if row is None else Backfill(*row)


def newest(conn: Connection, *, limit: int, shop_id: int | None = None) -> list[tuple[Backfill, str]]:
    """The newest backfills, each with its shop's name."""
    rows = select(*_COLUMNS, shops.c.name).join(shops).order_by(backfills.c.id.desc()).limit(limit)
    if shop_id is not None:
        rows = rows.where(backfills.c.shop_id == shop_id)
    return [(Backfill(*row[:-1]), row[-1]) for row in conn.execute(rows)]


def with_shop(conn: Connection, backfill_id: int) -> tuple[Backfill, str]:
    """One backfill with its shop's name."""
    row = conn.execute(select(*_COLUMNS, shops.c.name).join(shops).where(backfills.c.id == backfill_id)).one()
    return Backfill(*row[:-1]), row[-1]


def due_shops(conn: Connection, now: datetime) -> list[int]:
    """Shops whose backfill has a page to read now."""
    rows = select(backfills.c.shop_id).where(backfills.c.state == "running", backfills.c.due_at <= now)
    return list(conn.execute(rows.order_by(backfills.c.due_at)).scalars())


def change(conn: Connection, backfill_id: int, now: datetime, **values: object) -> None:
    """Set columns."""
    conn.execute(update(backfills).where(backfills.c.id == backfill_id).values(changed_at=now, **values))


def count(conn: Connection, backfill_id: int, figures: Mapping[str, int]) -> None:
    """Add a page's figures to the report; `read` follows from the others."""
    added = {name: backfills.c[name] + number for name, number in figures.items()}
    added["read"] = backfills.c.read + sum(figures.values())
    conn.execute(update(backfills).where(backfills.c.id == backfill_id).values(pages=backfills.c.pages + 1, **added))


def add_page(conn: Connection, backfill_id: int, cursor: str, fingerprint: str, orders: int, now: datetime) -> bool:
    """Note a page; False where a page that began there, or that held the same, was read before."""
    row = {"backfill_id": backfill_id, "cursor": cursor, "fingerprint": fingerprint, "orders": orders, "at": now}
    added = insert(backfill_pages).values(**row).on_conflict_do_nothing().returning(backfill_pages.c.orders)
    return conn.execute(added).first() is not None


def page_known(conn: Connection, backfill_id: int, cursor: str) -> bool:
    """Whether a page that began there was read before."""
    known = (backfill_pages.c.backfill_id == backfill_id) & (backfill_pages.c.cursor == cursor)
    return conn.execute(select(backfill_pages.c.orders).where(known)).first() is not None


def add_misses(conn: Connection, backfill_id: int, misses: Iterable[Miss], now: datetime) -> None:
    """Note what was not taken in."""
    rows = [{"backfill_id": backfill_id, "at": now, **dataclasses.asdict(miss)} for miss in misses]
    if rows:
        conn.execute(insert(backfill_misses).on_conflict_do_nothing(), rows)


def misses(conn: Connection, backfill_id: int, *, limit: int) -> list[Miss]:
    """What was not taken in, failures first."""
    table = backfill_misses.c
    rows = select(table.external_id, table.kind, table.reason).where(table.backfill_id == backfill_id)
    return [Miss(*row) for row in conn.execute(rows.order_by(table.kind, table.at, table.external_id).limit(limit))]


def reasons(conn: Connection, backfill_id: int, *, limit: int = 20) -> list[tuple[str, str, int]]:
    """(kind, reason, how many), the most frequent first."""
    table, number = backfill_misses.c, func.count()
    rows = select(table.kind, table.reason, number).where(table.backfill_id == backfill_id)
    found = conn.execute(rows.group_by(table.kind, table.reason).order_by(number.desc(), table.reason).limit(limit))
    return [(kind, reason, count) for kind, reason, count in found]


def recent_pages(conn: Connection, backfill_id: int) -> list[tuple[datetime, int]]:
    """(time, rows) of the newest pages, oldest first: what the rate is made of."""
    table = backfill_pages.c
    rows = select(table.at, table.orders).where(table.backfill_id == backfill_id).order_by(table.at.desc()).limit(_RECENT_PAGES)
    return [(at, orders) for at, orders in reversed(conn.execute(rows).all())]
