"""Outgoing events: written with the change they tell of, claimed by lease, ended or put off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, or_, select, text, update

from connector.db.many import among
from connector.db.tables import endpoints, event_attempts, event_sends, events
from connector.domain.events import ORDER_RECEIVED, ORDER_STATE_CHANGED, PART_STATE_CHANGED

_TIME = 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'

# One message for each endpoint that has chosen the type; nothing is written where none has. Whose it is comes with the order,
# because the house writes, too, and sees the endpoints of all.
_SENDS = """
    INSERT INTO event_sends (merchant_id, endpoint_id, event_id, due_at)
    SELECT told.merchant_id, e.id, told.id, CAST(:at AS timestamptz)
    FROM told JOIN endpoints e ON told.type = ANY (e.types) AND e.merchant_id = told.merchant_id
    ORDER BY told.id
"""

_ORDERS = text(
    f"""
    WITH told AS (
        INSERT INTO events (merchant_id, type, order_id, facts, at)
        SELECT o.merchant_id, n.type, o.id, jsonb_build_object(
            'id', o.id, 'shop_id', s.id, 'shop', s.name, 'platform', s.platform, 'external_id', o.external_id,
            'number', o.number, 'placed_at', to_char(o.placed_at AT TIME ZONE 'UTC', :form), 'delivery', o.handover,
            'payment', o.payment, 'lifecycle', o.lifecycle, 'state', o.state, 'previous_state', n.previous, 'units', o.units,
            'fulfillment_orders', coalesce((
                SELECT jsonb_agg(jsonb_build_object(
                    'id', f.id, 'location', l.code, 'state', f.state, 'tracking', f.tracking_number, 'carrier', f.carrier
                ) ORDER BY f.id)
                FROM fulfillment_orders f JOIN locations l ON l.id = f.location_id WHERE f.order_id = o.id
            ), '[]')
        ), CAST(:at AS timestamptz)
        FROM unnest(CAST(:ids AS bigint[]), CAST(:types AS text[]), CAST(:previous AS text[])) AS n (id, type, previous)
        JOIN orders o ON o.id = n.id JOIN shops s ON s.id = o.shop_id
        WHERE EXISTS (SELECT 1 FROM endpoints e WHERE n.type = ANY (e.types) AND e.merchant_id = o.merchant_id)
        ORDER BY o.id
        RETURNING id, type, merchant_id
    ) {_SENDS}
    """  # noqa: S608 -- a statement of ours
)

_PARTS = text(
    f"""
    WITH told AS (
        INSERT INTO events (merchant_id, type, order_id, facts, at)
        SELECT o.merchant_id, :type, o.id, jsonb_build_object(
            'id', f.id, 'order_id', o.id, 'shop_id', o.shop_id, 'external_id', o.external_id, 'number', o.number,
            'location', l.code, 'state', n.state, 'previous_state', f.state,
            'tracking', coalesce(CAST(:tracking AS text), f.tracking_number),
            'carrier', coalesce(CAST(:carrier AS text), f.carrier)
        ), CAST(:at AS timestamptz)
        FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[])) AS n (id, state)
        JOIN fulfillment_orders f ON f.id = n.id JOIN orders o ON o.id = f.order_id JOIN locations l ON l.id = f.location_id
        WHERE f.state <> n.state
            AND EXISTS (SELECT 1 FROM endpoints e WHERE :type = ANY (e.types) AND e.merchant_id = o.merchant_id)
        ORDER BY f.id
        RETURNING id, type, merchant_id
    ) {_SENDS}
    """  # noqa: S608 -- a statement of ours
)


@dataclass(frozen=True, slots=True)
class Send:
    """A claimed message: what happened, to be told to one endpoint. `leased_until` names this claim."""

    id: int
    event_id: int
    tries: int
    leased_until: datetime
    type: str
    facts: dict[str, Any]
    at: datetime


def note_orders(conn: Connection, changed: Sequence[tuple[int, str | None, str]], now: datetime) -> None:
    """(order id, state before or None where it was just taken in, state after); the orders stand as they are after it."""
    told = [(order_id, before) for order_id, before, after in changed if before != after]
    if told:
        given = {
            "ids": [order_id for order_id, _ in told],
            "types": [ORDER_RECEIVED if before is None else ORDER_STATE_CHANGED for _, before in told],
            "previous": [before for _, before in told],
        }
        conn.execute(_ORDERS, {**given, "at": now, "form": _TIME})


def note_parts(conn: Connection, states: Mapping[int, str], more: Mapping[str, str], now: datetime) -> None:
    """Part id -> the state it is about to have, `more` being its tracking; the parts still stand as before."""
    if states:
        tracking = {"tracking": more.get("tracking_number"), "carrier": more.get("carrier")}
        given = {"ids": list(states), "states": list(states.values()), "type": PART_STATE_CHANGED}
        conn.execute(_PARTS, {**given, **tracking, "at": now})


def note_one(conn: Connection, endpoint_id: int, type_: str, facts: Mapping[str, Any], now: datetime) -> int:
    """An event for one endpoint alone; the id of its message."""
    whose = conn.execute(select(endpoints.c.merchant_id).where(endpoints.c.id == endpoint_id)).scalar_one()
    made = insert(events).values(merchant_id=whose, type=type_, facts=dict(facts), at=now).returning(events.c.id)
    event_id = conn.execute(made).scalar_one()
    sent = insert(event_sends).values(merchant_id=whose, endpoint_id=endpoint_id, event_id=event_id, due_at=now)
    return int(conn.execute(sent.returning(event_sends.c.id)).scalar_one())


# --- on its way ------------------------------------------------------------------------------------------------------


def _free(now: datetime) -> ColumnElement[bool]:
    waiting = and_(event_sends.c.state == "waiting", event_sends.c.due_at <= now)
    return and_(waiting, or_(event_sends.c.leased_until.is_(None), event_sends.c.leased_until <= now))


def claim(conn: Connection, endpoint_id: int, now: datetime, *, lease: timedelta) -> Send | None:
    """The oldest due message of an endpoint, leased; None where there is none."""
    due = (
        select(event_sends.c.id)
        .where(event_sends.c.endpoint_id == endpoint_id, _free(now))
        .order_by(event_sends.c.due_at, event_sends.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(event_sends)
        .where(event_sends.c.id == due.scalar_subquery(), events.c.id == event_sends.c.event_id)
        .values(leased_until=now + lease)
    )
    mine = (event_sends.c.id, event_sends.c.event_id, event_sends.c.tries, event_sends.c.leased_until)
    row = conn.execute(taken.returning(*mine, events.c.type, events.c.facts, events.c.at)).first()
    return None if row is None else Send(*row)


def due_endpoints(conn: Connection, now: datetime) -> list[int]:
    """Endpoints with a message that could be sent now."""
    rested = or_(endpoints.c.rests_until.is_(None), endpoints.c.rests_until <= now)
    waits = exists().where(event_sends.c.endpoint_id == endpoints.c.id, _free(now))
    rows = select(endpoints.c.id).where(endpoints.c.state == "active", rested, waits)
    return list(conn.execute(rows.order_by(endpoints.c.id)).scalars())


def _mine(send: Send) -> ColumnElement[bool]:
    held = event_sends.c.leased_until == send.leased_until
    return and_(event_sends.c.id == send.id, held, event_sends.c.state == "waiting")


def end(conn: Connection, send: Send, state: str, reason: str, now: datetime) -> None:
    """Finish a message that this claim still holds."""
    ended = update(event_sends).where(_mine(send))
    conn.execute(ended.values(state=state, reason=reason, finished_at=now, leased_until=None, tries=event_sends.c.tries + 1))


def postpone(conn: Connection, send: Send, due_at: datetime, reason: str) -> None:
    """Try again later; the try that failed is counted."""
    later = update(event_sends).where(_mine(send))
    conn.execute(later.values(due_at=due_at, reason=reason, leased_until=None, tries=event_sends.c.tries + 1))


def note_attempt(conn: Connection, send_id: int, status: int, detail: str, milliseconds: int, now: datetime) -> None:
    """Record one attempt; status 0 where no answer came."""
    whose = select(event_sends.c.merchant_id).where(event_sends.c.id == send_id).scalar_subquery()
    row = {"send_id": send_id, "status": status, "detail": detail, "milliseconds": milliseconds, "at": now}
    conn.execute(insert(event_attempts).values(merchant_id=whose, **row))


def replay(conn: Connection, send_ids: Collection[int], now: datetime) -> list[int]:
    """Send these again, delivered or given up, to endpoints that are not removed; the receiver knows them by their ids.

    The endpoints concerned.
    """
    kept = select(endpoints.c.id).where(endpoints.c.state != "removed")
    again = update(event_sends).where(
        among(event_sends.c.id, send_ids), event_sends.c.state != "waiting", event_sends.c.endpoint_id.in_(kept)
    )
    fresh = again.values(state="waiting", reason="replay", tries=0, due_at=now, finished_at=None, leased_until=None)
    return list(conn.execute(fresh.returning(event_sends.c.endpoint_id)).scalars())


def prune(conn: Connection, before: datetime, *, limit: int) -> int:
    """Forget messages that ended before then, at most `limit` of them; how many."""
    old = select(event_sends.c.id).where(event_sends.c.finished_at < before).order_by(event_sends.c.finished_at).limit(limit)
    ids = list(conn.execute(old).scalars())
    if not ids:
        return 0
    conn.execute(delete(event_attempts).where(among(event_attempts.c.send_id, ids)))
    gone = conn.execute(delete(event_sends).where(among(event_sends.c.id, ids)).returning(event_sends.c.event_id)).scalars().all()
    told = exists().where(event_sends.c.event_id == events.c.id)
    conn.execute(delete(events).where(among(events.c.id, set(gone)), ~told))
    return len(ids)


# --- endpoints -------------------------------------------------------------------------------------------------------


def succeeded(conn: Connection, endpoint_id: int, now: datetime) -> None:
    """A message arrived: the breaker closes."""
    well = {"failures": 0, "failing_since": None, "rests_until": None, "last_told_at": now, "state_reason": ""}
    conn.execute(update(endpoints).where(endpoints.c.id == endpoint_id, endpoints.c.state == "active").values(**well))


def failed(conn: Connection, endpoint_id: int, now: datetime) -> tuple[int, datetime]:
    """Count a failure: how many in a row, and since when."""
    since = func.coalesce(endpoints.c.failing_since, now)
    counted = update(endpoints).where(endpoints.c.id == endpoint_id)
    counted = counted.values(failures=endpoints.c.failures + 1, failing_since=since)
    row = conn.execute(counted.returning(endpoints.c.failures, endpoints.c.failing_since)).one()
    return row.failures, row.failing_since


def set_state(conn: Connection, endpoint_id: int, **values: Any) -> bool:
    """Change an endpoint that is not removed; whether there is one."""
    kept = (endpoints.c.id == endpoint_id) & (endpoints.c.state != "removed")
    return conn.execute(update(endpoints).where(kept).values(**values)).rowcount > 0


def add(conn: Connection, **values: Any) -> int:
    """A new endpoint."""
    return int(conn.execute(insert(endpoints).values(**values).returning(endpoints.c.id)).scalar_one())


def give_up(conn: Connection, endpoint_id: int, reason: str, now: datetime) -> None:
    """What still waits for an endpoint will not be sent."""
    waiting = (event_sends.c.endpoint_id == endpoint_id) & (event_sends.c.state == "waiting")
    conn.execute(update(event_sends).where(waiting).values(state="dead", reason=reason, finished_at=now, leased_until=None))
