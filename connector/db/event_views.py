"""The reading side of outgoing events: endpoints and how they stand, messages and their tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from connector.db.many import among
from connector.db.tables import endpoints, event_attempts, event_sends, events


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint without its secrets. `waiting` and `dead` count its messages; `dead` stops at 1,000."""

    id: int
    name: str
    url: str
    types: list[str]
    state: str
    state_reason: str
    created_at: datetime
    last_told_at: datetime | None
    failing_since: datetime | None
    rests_until: datetime | None
    waiting: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class SendRow:
    """A message to one endpoint."""

    id: int
    event_id: int
    endpoint_id: int
    endpoint: str
    type: str
    order_id: int | None
    state: str
    reason: str
    tries: int
    at: datetime
    due_at: datetime
    finished_at: datetime | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; status 0 where no answer came."""

    at: datetime
    status: int
    detail: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Sought:
    """Which messages; what is empty does not narrow. `since` and `until` are when the thing happened."""

    endpoint_id: int | None = None
    state: str = ""
    type: str = ""
    ids: Sequence[int] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 50


_COUNTED = 1000
_ENDPOINT = tuple(endpoints.c[name] for name in EndpointRow.__slots__ if name in endpoints.c)
_SEND = (
    event_sends.c.id,
    event_sends.c.event_id,
    event_sends.c.endpoint_id,
    func.coalesce(func.nullif(endpoints.c.name, ""), endpoints.c.url),
    events.c.type,
    events.c.order_id,
    event_sends.c.state,
    event_sends.c.reason,
    event_sends.c.tries,
    events.c.at,
    event_sends.c.due_at,
    event_sends.c.finished_at,
    events.c.facts,
)


def list_endpoints(conn: Connection) -> list[EndpointRow]:
    """Every endpoint that is not removed, the oldest first."""
    rows = select(*_ENDPOINT, _counted("waiting"), _counted("dead")).where(endpoints.c.state != "removed")
    return [EndpointRow(*row) for row in conn.execute(rows.order_by(endpoints.c.id))]


def endpoint(conn: Connection, endpoint_id: int) -> EndpointRow | None:
    """An endpoint that is not removed; its messages are not counted."""
    row = conn.execute(select(*_ENDPOINT).where(endpoints.c.id == endpoint_id, endpoints.c.state != "removed")).first()
    return None if row is None else EndpointRow(*row)


def owner(conn: Connection, endpoint_id: int) -> int | None:
    """Whose endpoint it is; for the house, which sees all."""
    return conn.execute(select(endpoints.c.merchant_id).where(endpoints.c.id == endpoint_id)).scalar()


def _counted(state: str) -> ColumnElement[int]:
    few = select(event_sends.c.id).where(event_sends.c.endpoint_id == endpoints.c.id, event_sends.c.state == state)
    return select(func.count()).select_from(few.correlate(endpoints).limit(_COUNTED).subquery()).scalar_subquery()


def sealed_secrets(conn: Connection, endpoint_id: int) -> bytes | None:
    """The secrets of an endpoint that is not removed."""
    kept = (endpoints.c.id == endpoint_id) & (endpoints.c.state != "removed")
    return conn.execute(select(endpoints.c.sealed_secrets).where(kept)).scalar()


def list_sends(conn: Connection, sought: Sought) -> list[SendRow]:
    """Messages, the newest first; `before` continues a list with the last id seen."""
    rows = _sought(select(*_SEND), sought).order_by(event_sends.c.id.desc()).limit(sought.limit)
    return [SendRow(*row) for row in conn.execute(rows)]


def ids_sought(conn: Connection, sought: Sought) -> list[int]:
    """Ids of messages that have ended, the oldest first."""
    ended = event_sends.c.state != "waiting"
    rows = _sought(select(event_sends.c.id), sought).where(ended).order_by(event_sends.c.id).limit(sought.limit)
    return list(conn.execute(rows).scalars())


def _sought(rows: Select[Any], sought: Sought) -> Select[Any]:
    rows = rows.select_from(event_sends).join(events, events.c.id == event_sends.c.event_id)
    rows = rows.join(endpoints, endpoints.c.id == event_sends.c.endpoint_id)
    return rows.where(*_conditions(sought))


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    equal = {event_sends.c.endpoint_id: sought.endpoint_id, event_sends.c.state: sought.state, events.c.type: sought.type}
    found = [column == value for column, value in equal.items() if value]
    found += [among(event_sends.c.id, sought.ids)] * bool(sought.ids)
    found += [events.c.at >= sought.since] if sought.since else []
    found += [events.c.at < sought.until] if sought.until else []
    found += [event_sends.c.id < sought.before] if sought.before else []
    return found


def attempts_of(conn: Connection, send_id: int) -> list[Attempt]:
    """Every try of one message, oldest first."""
    columns = (event_attempts.c.at, event_attempts.c.status, event_attempts.c.detail, event_attempts.c.milliseconds)
    rows = select(*columns).where(event_attempts.c.send_id == send_id).order_by(event_attempts.c.id)
    return [Attempt(*row) for row in conn.execute(rows)]
