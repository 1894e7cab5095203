"""Endpoints and their messages over the API. A token hears of nothing, and sees nothing, that it could not read itself."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from flask import request

from connector.db import event_views
from connector.db.event_views import EndpointRow, SendRow, Sought
from connector.domain.events import TYPES
from connector.flow import events as story
from desk.api.blueprint import Answer, Problem, api, body, known_id, limit, needs, now, text, token
from desk.blueprint import desk

_STATES = ("", "waiting", "delivered", "dead")


@api.get("/endpoints")
@needs("events:read")
def list_endpoints() -> Answer:
    """Every endpoint and how it stands."""
    with desk().engine.connect() as conn:
        return {"endpoints": [_shown(row) for row in event_views.list_endpoints(conn)]}, 200


@api.post("/endpoints")
@needs("events:write")
def add_endpoint() -> Answer:
    """Register an endpoint; the answer is the only one with its secret."""
    given = body()
    types = _types(given) or _own_types()
    made = story.add(
        desk().engine,
        desk().seal,
        text(given, "url", required=True, longest=500),
        types,
        now(),
        check=desk().check_endpoint,
        name=text(given, "name", longest=60),
        actor=f"api:{token().name}",
    )
    return dataclasses.asdict(made), 201


@api.get("/endpoints/<int:endpoint_id>")
@needs("events:read")
def show_endpoint(endpoint_id: int) -> Answer:
    """One endpoint."""
    with desk().engine.connect() as conn:
        return _shown(story.one(conn, known_id(endpoint_id))), 200


@api.patch("/endpoints/<int:endpoint_id>")
@needs("events:write")
def change_endpoint(endpoint_id: int) -> Answer:
    """Change address, name or types, pause or resume."""
    given = body()
    state = text(given, "state")
    if state not in ("", "active", "paused"):
        raise Problem(400, "malformed", "“state” is neither active nor paused.", "Correct it.")
    _guard(known_id(endpoint_id))
    changed = story.change(
        desk().engine,
        endpoint_id,
        check=desk().check_endpoint,
        url=text(given, "url", required=True, longest=500) if "url" in given else None,
        types=_types(given),
        name=text(given, "name", longest=60) if "name" in given else None,
    )
    if state == "paused":
        changed = story.pause(desk().engine, endpoint_id, reason=f"Paused by {token().name}.")
    elif state == "active":
        changed, wakes = story.resume(desk().engine, endpoint_id)
        desk().ring(wakes)
    return _shown(changed), 200


@api.delete("/endpoints/<int:endpoint_id>")
@needs("events:write")
def remove_endpoint(endpoint_id: int) -> Answer:
    """Send it nothing any more."""
    story.remove(desk().engine, desk().seal, known_id(endpoint_id), now())
    return {"removed": endpoint_id}, 200


@api.post("/endpoints/<int:endpoint_id>/secret")
@needs("events:write")
def rotate_secret(endpoint_id: int) -> Answer:
    """A new secret; the old one signs beside it for 24 hours."""
    _guard(known_id(endpoint_id))
    return {"id": endpoint_id, "secret": story.rotate(desk().engine, desk().seal, endpoint_id, now())}, 201


@api.post("/endpoints/<int:endpoint_id>/test")
@needs("events:write")
def test_endpoint(endpoint_id: int) -> Answer:
    """Send a message that says nothing happened."""
    message, wakes = story.send_test(desk().engine, known_id(endpoint_id), now())
    desk().ring(wakes)
    return {"message": message}, 201


@api.get("/events")
@needs("events:read")
def list_events() -> Answer:
    """A page of messages, the newest first; `next` continues it."""
    size, cursor = limit(), request.args.get("cursor", "")
    if cursor and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise Problem(400, "malformed", "“cursor” is none that we gave.", "Use “next” of the page before.")
    sought = dataclasses.replace(_sought(dict(request.args)), before=int(cursor) if cursor else None, limit=size)
    with desk().engine.connect() as conn:
        found = event_views.list_sends(conn, sought)
    return {"messages": [_message(row) for row in found], "next": str(found[-1].id) if len(found) == size else None}, 200


@api.post("/events/replay")
@needs("events:write")
def replay() -> Answer:
    """Send messages that ended again: by id, endpoint, state and time; with dry_run only count them."""
    given = body()
    ids = given.get("ids", [])
    if (
        not isinstance(ids, list)
        or len(ids) > story.MOST_REPLAYED
        or not all(type(one) is int and 0 < one < 2**62 for one in ids)
    ):
        raise Problem(400, "malformed", "“ids” is not a list of ids of messages.", "Correct it.")
    if type(given.get("dry_run", False)) is not bool:
        raise Problem(400, "malformed", "“dry_run” is neither true nor false.", "Correct it.")
    sought = dataclasses.replace(_sought(given), ids=ids, limit=story.MOST_REPLAYED)
    if sought == Sought(limit=story.MOST_REPLAYED, ids=[]):
        raise Problem(400, "malformed", "Nothing says which messages.", "Give ids, endpoint, state, since or until.")
    done = story.replay(desk().engine, sought, now(), dry_run=given.get("dry_run", False))
    desk().ring(done.wakes)
    return {"messages": done.messages}, 200


def _types(given: dict[str, Any]) -> list[str] | None:
    """The types of the body; a token subscribes to nothing it may not read."""
    types = given.get("types")
    if types is None:
        return None
    if not isinstance(types, list) or not all(isinstance(one, str) and len(one) < 60 for one in types):
        raise Problem(400, "malformed", "“types” is not a list of types of events.", f"Choose from {', '.join(TYPES)}.")
    _may_read(types)
    return types


def _own_types() -> list[str]:
    return [name for name, scope in TYPES.items() if scope in token().scopes]


def _guard(endpoint_id: int) -> None:
    """Another address or secret would hear all that the endpoint hears: the token must be one that may read it."""
    with desk().engine.connect() as conn:
        _may_read(story.one(conn, endpoint_id).types)


def _may_read(types: list[str]) -> None:
    if missing := story.readable(types, token().scopes):
        raise Problem(
            403, "scope", f"This token lacks the scope {', '.join(missing)}.", "It hears only of what it may read itself."
        )


def _sought(given: dict[str, Any]) -> Sought:
    state, endpoint = given.get("state", ""), str(given.get("endpoint", ""))
    if state not in _STATES:
        raise Problem(400, "malformed", "“state” is none of the known ones.", "Choose from waiting, delivered, dead.")
    if endpoint and not (endpoint.isascii() and endpoint.isdecimal() and len(endpoint) < 19):
        raise Problem(400, "malformed", "“endpoint” is not an endpoint's id.", "GET /api/v1/endpoints names them.")
    return Sought(
        endpoint_id=int(endpoint) if endpoint else None, state=state, since=_time(given, "since"), until=_time(given, "until")
    )


def _time(given: dict[str, Any], name: str) -> datetime | None:
    said = given.get(name, "")
    try:
        found = datetime.fromisoformat(said) if said else None
    except (ValueError, TypeError):
        found = None
    if said and (found is None or found.tzinfo is None):
        raise Problem(400, "malformed", f"“{name}” is not a time with its zone.", "Write it as 2026-11-20T08:00:00+00:00.")
    return found


def _shown(row: EndpointRow) -> dict[str, Any]:
    times = ("created_at", "last_told_at", "failing_since", "rests_until")
    found = dataclasses.asdict(row)
    return {**found, **{name: found[name].isoformat() if found[name] else None for name in times}}


def _message(row: SendRow) -> dict[str, Any]:
    """What it says is shown to tokens that may read the same elsewhere."""
    found = dataclasses.asdict(row)
    facts = found.pop("facts")
    shown = {name: found[name].isoformat() if found[name] else None for name in ("at", "due_at", "finished_at")}
    seen = TYPES.get(row.type) in (None, *token().scopes)
    return {**found, **shown, "data": facts if seen else None}
