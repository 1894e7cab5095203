"""Who exchanges a shop's refresh token: a lease, so that many find one doing it and no lock is held over a call."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import token_leases


def claim(conn: Connection, shop_id: int, holder: str, now: datetime, until: datetime) -> bool:
    """Whether `holder` is now the one; the lease of one who died ends by itself."""
    new = insert(token_leases).values(shop_id=shop_id, holder=holder, until=until)
    taken = new.on_conflict_do_update(
        index_elements=["shop_id"], set_={"holder": holder, "until": until}, where=token_leases.c.until <= now
    )
    return conn.execute(taken.returning(token_leases.c.holder)).first() is not None


def release(conn: Connection, shop_id: int, holder: str) -> None:
    """Give the lease back."""
    conn.execute(delete(token_leases).where(token_leases.c.shop_id == shop_id, token_leases.c.holder == holder))
