"""A merchant's own systems: where they are told, how each endpoint stands, every message, and sending it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import event_views
from connector.db.event_views import Sought
from connector.domain.errors import NotFound, Rejected
from connector.domain.events import TYPES
from connector.domain.text import storable
from connector.flow import events as story
from desk import entry, filters, show
from desk.blueprint import desk, pages
from desk.language import gettext

_ROWS = 50
_STATES = ("waiting", "delivered", "dead")
_LONGEST_URL = 500


@pages.get("/health/endpoints")
def endpoints() -> str:
    """Every endpoint and how it stands."""
    return _page()


@pages.post("/health/endpoints")
def add_endpoint() -> str | tuple[str, int]:
    """Register one; its secret is shown on the answering page only."""
    typed = {name: storable(request.form.get(name, "")).strip()[:_LONGEST_URL] for name in ("url", "name")}
    types = request.form.getlist("type")
    try:
        made = story.add(
            desk().engine,
            desk().seal,
            typed["url"],
            types,
            datetime.now(UTC),
            check=desk().check_endpoint,
            name=typed["name"],
            actor=entry.actor(),
        )
    except Rejected as error:
        entry.note_refusal()
        return _page(typed=typed, chosen=types, wrong=show.rejection(error)), 422
    return _page(secret=made.secret, of=made.id)


@pages.post("/health/endpoints/<int:endpoint_id>/<any(test, pause, resume, rotate, remove):act>")
def endpoint_act(endpoint_id: int, act: str) -> str | Response:
    """Test it, pause it, resume it, exchange its secret, remove it."""
    if endpoint_id >= 2**63:
        abort(404)
    try:
        if act == "rotate":
            secret = story.rotate(desk().engine, desk().seal, endpoint_id, datetime.now(UTC))
            return _page(secret=secret, of=endpoint_id)
        flash(_ACTS[act](endpoint_id), "done")
    except NotFound:
        abort(404)
    except Rejected as error:
        entry.note_refusal()
        flash(show.rejection(error), "refused")
    return redirect(url_for("desk.endpoints"), 303)


@pages.get("/health/messages")
def messages() -> str:
    """What the endpoints were sent."""
    state, endpoint_id = request.args.get("state", ""), filters.number(request.args, "to")
    sought = Sought(
        endpoint_id=endpoint_id,
        state=state if state in _STATES else "",
        before=filters.number(request.args, "before"),
        limit=_ROWS + 1,
    )
    with desk().engine.connect() as conn:
        rows = event_views.list_sends(conn, sought)
        known = event_views.list_endpoints(conn)
    return render_template(
        "desk/messages.html", rows=rows[:_ROWS], more=len(rows) > _ROWS, sought=sought, states=_STATES, endpoints=known
    )


@pages.get("/health/messages/<int:message_id>")
def message(message_id: int) -> str:
    """One message with what it says and every try."""
    with desk().engine.connect() as conn:
        found = event_views.list_sends(conn, Sought(ids=[message_id])) if message_id < 2**63 else []
        tries = event_views.attempts_of(conn, message_id) if found else []
    row = found[0] if found else abort(404)
    return render_template("desk/message.html", row=row, tries=tries, says=json.dumps(row.facts, indent=2, ensure_ascii=False))


@pages.post("/health/messages/replay")
def replay_messages() -> Response:
    """Send again: the ones named, or all of an endpoint, a state, a time; with `dry` only count them."""
    ids = [int(word) for word in request.form.getlist("id") if word.isascii() and word.isdigit() and len(word) < 19]
    state = request.form.get("state", "")
    sought = Sought(
        endpoint_id=filters.number(request.form, "to"),
        state=state if state in _STATES else "",
        ids=ids,
        since=_moment("since"),
        until=_moment("until"),
        limit=story.MOST_REPLAYED,
    )
    if sought == Sought(ids=[], limit=story.MOST_REPLAYED):
        abort(400)
    dry = bool(request.form.get("dry"))
    done = story.replay(desk().engine, sought, datetime.now(UTC), dry_run=dry)
    desk().ring(done.wakes)
    if dry:
        entry.note_trial()
        flash(gettext("%(count)s messages would be sent again. Nothing was done yet.", count=done.messages), "done")
    else:
        flash(gettext("%(count)s messages are sent again.", count=done.messages), "done" if done.messages else "refused")
    back = {"to": sought.endpoint_id, "state": sought.state or None}
    return redirect(url_for("desk.messages", **back), 303)  # type: ignore[arg-type]


def _test(endpoint_id: int) -> str:
    message_id, wakes = story.send_test(desk().engine, endpoint_id, datetime.now(UTC))
    desk().ring(wakes)
    return gettext("Test message %(number)s is on its way. The messages say how it went.", number=message_id)


def _pause(endpoint_id: int) -> str:
    story.pause(desk().engine, endpoint_id, reason=gettext("Paused by %(name)s.", name=entry.actor()))
    return gettext("Paused. What happens meanwhile is kept.")


def _resume(endpoint_id: int) -> str:
    _, wakes = story.resume(desk().engine, endpoint_id)
    desk().ring(wakes)
    return gettext("Sending again, beginning with what was kept.")


def _remove(endpoint_id: int) -> str:
    story.remove(desk().engine, desk().seal, endpoint_id, datetime.now(UTC))
    return gettext("The endpoint is removed.")


_ACTS: dict[str, Callable[[int], str]] = {"test": _test, "pause": _pause, "resume": _resume, "remove": _remove}


def _page(
    *,
    secret: str = "",
    of: int | None = None,
    typed: dict[str, str] | None = None,
    chosen: list[str] | None = None,
    wrong: str = "",
) -> str:
    with desk().engine.connect() as conn:
        rows = event_views.list_endpoints(conn)
    return render_template(
        "desk/endpoints.html",
        rows=rows,
        types=list(TYPES),
        secret=secret,
        of=of,
        typed=typed or {},
        chosen=list(TYPES) if chosen is None else chosen,
        wrong=wrong,
    )


def _moment(name: str) -> datetime | None:
    """A time as a form's field gives it, in UTC."""
    try:
        found = datetime.fromisoformat(request.form.get(name, ""))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC)
