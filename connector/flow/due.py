"""What the clock looks for: everything whose time has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import insert

from connector.db import inbox, ledger, outbox, refills, shops
from connector.db.tables import heartbeats
from connector.flow.verify import EVERY
from connector.flow.wake import EVERYWHERE, Wake


def due(engine: Engine, now: datetime) -> tuple[Wake, ...]:
    """One wake for each shop and task with something due, oldest first. Also notes that the clock is alive."""
    with engine.begin() as conn:
        beat(conn, "clock", now)
        reachable = shops.callable_now(conn, now)
        ingest = [Wake("ingest", shop) for shop in inbox.due_shops(conn, now)]
        deliver = [Wake("deliver", shop) for shop in outbox.due_shops(conn, now) if shop in reachable]
        refill = [Wake("refill", EVERYWHERE)] if refills.waiting(conn) else []
        checked = ledger.last_check(conn)
        verify = [Wake("verify", EVERYWHERE)] if checked is None or now - checked.at >= EVERY else []
        poll = [Wake("poll", shop) for shop in shops.due_polls(conn, now) if shop in reachable]
    return (*ingest, *refill, *deliver, *poll, *verify)


def beat(conn: Connection, name: str, now: datetime) -> None:
    """Note that something is alive."""
    statement = insert(heartbeats).values(name=name, at=now)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": now}))
