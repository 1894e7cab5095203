"""A merchant's own systems: where they want to be told, what, and telling it again."""

from __future__ import annotations

import secrets as random_secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from connector.db import event_views
from connector.db import events as rows
from connector.db.event_views import EndpointRow, Sought
from connector.db.sealed import Seal
from connector.domain.errors import NotFound, Rejected
from connector.domain.events import TEST, TYPES, Secret, in_use, secret_text
from connector.flow.wake import Wake

MOST_ENDPOINTS = 50
MOST_REPLAYED = 10_000
OLD_SECRET_SIGNS = timedelta(hours=24)
_KEY_BYTES = 32
_LONGEST_NAME = 60

CheckAddress = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Made:
    """An endpoint with the secret that signs what it is sent."""

    id: int
    url: str
    types: list[str]
    secret: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many messages are sent again, and whom to wake."""

    messages: int
    wakes: tuple[Wake, ...] = ()


def add(
    engine: Engine,
    seal: Seal,
    url: str,
    types: Sequence[str],
    now: datetime,
    *,
    check: CheckAddress,
    name: str = "",
    actor: str,
) -> Made:
    """A new endpoint. `check` says whether we may call the address; Rejected where not, or where a type is unknown."""
    url, chosen = check(url), _known(types)
    secret = secret_text(random_secrets.token_bytes(_KEY_BYTES))
    with engine.begin() as conn:
        if len(event_views.list_endpoints(conn)) >= MOST_ENDPOINTS:
            raise Rejected(f"There are {MOST_ENDPOINTS} endpoints already.", "Remove one that is not used any more.")
        endpoint_id = rows.add(
            conn,
            name=name.strip()[:_LONGEST_NAME],
            url=url,
            types=chosen,
            sealed_secrets=_sealed(seal, [Secret(secret)]),
            made_by=actor,
            created_at=now,
        )
    return Made(endpoint_id, url, chosen, secret)


def change(
    engine: Engine,
    endpoint_id: int,
    *,
    check: CheckAddress,
    url: str | None = None,
    types: Sequence[str] | None = None,
    name: str | None = None,
) -> EndpointRow:
    """Change what is given. NotFound where there is no such endpoint."""
    changes: dict[str, object] = {}
    if url is not None:
        changes["url"] = check(url)
    if types is not None:
        changes["types"] = _known(types)
    if name is not None:
        changes["name"] = name.strip()[:_LONGEST_NAME]
    with engine.begin() as conn:
        _set(conn, endpoint_id, **changes)
        return one(conn, endpoint_id)


def pause(engine: Engine, endpoint_id: int, *, reason: str) -> EndpointRow:
    """Send nothing for now; what happens meanwhile is kept."""
    with engine.begin() as conn:
        _set(conn, endpoint_id, state="paused", state_reason=reason)
        return one(conn, endpoint_id)


def resume(engine: Engine, endpoint_id: int) -> tuple[EndpointRow, tuple[Wake, ...]]:
    """Send again, beginning with what was kept."""
    well = {"state": "active", "state_reason": "", "failures": 0, "failing_since": None, "rests_until": None}
    with engine.begin() as conn:
        _set(conn, endpoint_id, **well)
        return one(conn, endpoint_id), (Wake("events", endpoint_id),)


def remove(engine: Engine, seal: Seal, endpoint_id: int, now: datetime) -> None:
    """Send nothing any more; what still waited is given up."""
    with engine.begin() as conn:
        _set(conn, endpoint_id, state="removed", types=[], sealed_secrets=_sealed(seal, []))
        rows.give_up(conn, endpoint_id, "The endpoint was removed.", now)


def rotate(engine: Engine, seal: Seal, endpoint_id: int, now: datetime) -> str:
    """A new secret; the one before it signs beside it for a day, so that the receiver can be changed in peace."""
    fresh = secret_text(random_secrets.token_bytes(_KEY_BYTES))
    with engine.begin() as conn:
        _set(conn, endpoint_id, state=one(conn, endpoint_id).state)  # locks the row against a second rotation
        newest = in_use(secrets_of(conn, seal, endpoint_id), now)[:1]
        kept = [Secret(secret.text, now + OLD_SECRET_SIGNS) for secret in newest]
        _set(conn, endpoint_id, sealed_secrets=_sealed(seal, [Secret(fresh), *kept]))
    return fresh


def send_test(engine: Engine, endpoint_id: int, now: datetime) -> tuple[int, tuple[Wake, ...]]:
    """Send a message that says nothing happened; the id of the message."""
    with engine.begin() as conn:
        endpoint = one(conn, endpoint_id)
        if endpoint.state != "active":
            raise Rejected("This endpoint is paused.", "Resume it first.")
        message = rows.note_one(conn, endpoint_id, TEST, {"endpoint_id": endpoint_id}, now)
    return message, (Wake("events", endpoint_id),)


def replay(engine: Engine, sought: Sought, now: datetime, *, dry_run: bool = False) -> Replayed:
    """Send the messages sought again that were delivered or given up; with `dry_run` only count them."""
    with engine.begin() as conn:
        ids = event_views.ids_sought(conn, sought)
        if dry_run:
            return Replayed(len(ids))
        again = rows.replay(conn, ids, now)
    return Replayed(len(again), tuple(Wake("events", endpoint) for endpoint in sorted(set(again))))


def one(conn: Connection, endpoint_id: int) -> EndpointRow:
    """The endpoint; NotFound where there is none."""
    found = event_views.endpoint(conn, endpoint_id)
    if found is None:
        raise _unknown(endpoint_id)
    return found


def secrets_of(conn: Connection, seal: Seal, endpoint_id: int) -> list[Secret]:
    """The secrets of an endpoint, the newest first; those whose time is over too. None of a removed one."""
    stored = seal.open_json(event_views.sealed_secrets(conn, endpoint_id)) or []
    return [Secret(text, datetime.fromisoformat(until) if until else None) for text, until in stored]


def readable(types: Collection[str], scopes: Collection[str]) -> list[str]:
    """Scopes a reader lacks for these types."""
    return sorted({TYPES[name] for name in types if name in TYPES} - set(scopes))


def _sealed(seal: Seal, secrets: Sequence[Secret]) -> bytes:
    return seal.seal_json([[secret.text, secret.until.isoformat() if secret.until else ""] for secret in secrets])


def _known(types: Sequence[str]) -> list[str]:
    unknown = sorted(set(types) - TYPES.keys())
    if unknown or not types:
        raise Rejected(f"Not a type of event: {', '.join(unknown) or 'none given'}.", f"Choose from {', '.join(TYPES)}.")
    return [name for name in TYPES if name in types]


def _set(conn: Connection, endpoint_id: int, **values: object) -> None:
    if values and not rows.set_state(conn, endpoint_id, **values):
        raise _unknown(endpoint_id)


def _unknown(endpoint_id: int) -> NotFound:
    return NotFound(f"There is no endpoint {endpoint_id}.", "`connector endpoints list` shows them.")
