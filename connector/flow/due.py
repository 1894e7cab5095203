"""What the clock looks for: everything whose time has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql import insert

from connector.db import backfills, events, inbox, installs, ledger, outbox, publications, refills, shops
from connector.db import privacy as requests
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
        tell = [Wake("events", endpoint) for endpoint in events.due_endpoints(conn, now)]
        refill = [Wake("refill", EVERYWHERE)] if refills.waiting(conn) else []
        checked = ledger.last_check(conn)
        verify = [Wake("verify", EVERYWHERE)] if checked is None or now - checked.at >= EVERY else []
        poll = [Wake("poll", shop) for shop in shops.due_polls(conn, now) if shop in reachable]
        install = [Wake("install", shop) for shop in installs.shops_with_steps_due(conn, now)]
        privacy = [Wake("privacy", shop) for shop in requests.shops_with_requests_due(conn, now)]
        publish = [Wake("publish", shop) for shop in publications.due_shops(conn, now) if shop in reachable]
        watch = [Wake("watch", shop) for shop in shops.due_watches(conn, now) if shop in reachable]
        compare = [Wake("reconcile", shop) for shop in shops.due_comparisons(conn, now) if shop in reachable]
        backfill = [Wake("backfill", shop) for shop in backfills.due_shops(conn, now) if shop in reachable]
    return (*ingest, *refill, *deliver, *tell, *install, *publish, *privacy, *poll, *watch, *compare, *backfill, *verify)


def beat(conn: Connection, name: str, now: datetime) -> None:
    """Note that something is alive."""
    statement = insert(heartbeats).values(name=name, at=now)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": now}))
