"""Merchants: who they are, and which of them there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import merchants

FIRST = 1  # there from the first migration on, and the only one in most houses


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant: one pool of shops, places, goods, orders and staff."""

    id: int
    name: str
    created_at: datetime


_ROW = tuple(merchants.c[name] for name in Merchant.__slots__)


def everyone(conn: Connection) -> list[Merchant]:
    """All merchants, the first one first."""
    return [Merchant(*row) for row in conn.execute(select(*_ROW).order_by(merchants.c.id))]


def ids(conn: Connection) -> list[int]:
    """The ids of all merchants."""
    return list(conn.execute(select(merchants.c.id).order_by(merchants.c.id)).scalars())


def add(conn: Connection, name: str, now: datetime) -> int | None:
    """A new merchant's id; None where the name is taken."""
    row = insert(merchants).values(name=name, created_at=now).on_conflict_do_nothing()
    return conn.execute(row.returning(merchants.c.id)).scalar_one_or_none()


def rename(conn: Connection, merchant_id: int, name: str) -> None:
    """Call a merchant otherwise."""
    conn.execute(update(merchants).where(merchants.c.id == merchant_id).values(name=name))
