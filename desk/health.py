"""How the shops stand, for the merchant; inbox, outbox and what was given up, for whoever repairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType

from flask import abort, flash, g, redirect, render_template, request, url_for
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from connector.db import health_views, inbox, inbox_views, outbox, outbox_views
from connector.db.health_views import LostLink
from connector.flow.wake import Wake
from desk import entry, filters, payloads
from desk.blueprint import desk, pages
from desk.language import gettext

_ROWS = 50
_MOST_REPLAYED = 10_000


@dataclass(frozen=True, slots=True)
class Box:
    """What inbox and outbox have in common: their lists, their states, their replay and who works on it."""

    views: ModuleType
    states: tuple[str, ...]
    replay: Callable[[Connection, Collection[int], datetime], int]
    task: str


BOXES = {
    "inbox": Box(inbox_views, ("waiting", "dead", "done", "ignored"), inbox.replay, "ingest"),
    "outbox": Box(outbox_views, ("waiting", "dead", "delivered"), outbox.replay, "deliver"),
}


@pages.get("/health")
def health() -> str:
    """Each shop: is it linked, when did an order last come, what waits, what was given up."""
    with desk().engine.connect() as conn:
        healths = health_views.healths(conn)
        dead = {name: health_views.dead_letters(conn, name) for name in BOXES}
        clock = inbox_views.heartbeat(conn, "clock")
        lost = {one.shop_id: one for one in health_views.lost_links(conn, datetime.now(UTC))}
    return render_template("desk/health.html", healths=healths, lost=lost, dead=dead, clock=clock, now=datetime.now(UTC))


@pages.get("/health/inbox", endpoint="inbox")
def inbox_list() -> str:
    """What came in."""
    return _list("inbox")


@pages.get("/health/outbox", endpoint="outbox")
def outbox_list() -> str:
    """What goes out."""
    return _list("outbox")


@pages.get("/health/inbox/<int:row_id>")
def inbox_row(row_id: int) -> str:
    """One delivery with its payload, without what tells of a person."""
    row = _row("inbox", row_id)
    with desk().engine.connect() as conn:
        sealed = health_views.sealed_body(conn, row_id)
    body = desk().seal.open(sealed) if sealed is not None else b""
    return render_template("desk/box_row.html", box="inbox", row=row, payload=payloads.shown(body), size=len(body), attempts=[])


@pages.get("/health/outbox/<int:row_id>")
def outbox_row(row_id: int) -> str:
    """One announcement with every try."""
    row = _row("outbox", row_id)
    with desk().engine.connect() as conn:
        told = health_views.announcement(conn, row_id)
        attempts = outbox_views.attempts_of(conn, row_id)
    text = json.dumps(payloads.masked(told), indent=2, ensure_ascii=False)
    return render_template("desk/box_row.html", box="outbox", row=row, payload=text, size=len(text), attempts=attempts)


@pages.post("/health/<any(inbox, outbox):box>/replay")
def replay(box: str) -> str | Response:
    """Do it again: one, the chosen ones, or all that were given up; with `dry` only say what would be done."""
    chosen = BOXES[box]
    ids = [int(word) for word in request.form.getlist("id") if word.isascii() and word.isdigit() and len(word) < 19]
    with desk().engine.begin() as conn:
        ids = ids or chosen.views.ids_in_state(conn, "dead", limit=_MOST_REPLAYED)
        if request.form.get("dry"):
            entry.note_trial()
            return render_template("desk/replay.html", box=box, ids=ids, dead=health_views.dead_letters(conn, box, ids=ids))
        shops = chosen.views.shops_of(conn, ids)
        replayed = chosen.replay(conn, ids, datetime.now(UTC))
    desk().ring([Wake(chosen.task, shop_id) for shop_id in shops])
    flash(gettext("%(count)s put back in the line.", count=replayed), "done" if replayed else "refused")
    return redirect(url_for("desk.health"), 303)


def lost_links() -> list[LostLink]:
    """For the head of every page: the shops whose link is broken. None where it is not known yet who asks."""
    if "merchant_id" not in g:
        return []
    try:
        with desk().engine.connect() as conn:
            return health_views.lost_links(conn, datetime.now(UTC))
    except SQLAlchemyError:  # the page that says what is wrong with the database must not need it
        return []


pages.add_app_template_global(lost_links, "lost_links")


def _list(name: str) -> str:
    box = BOXES[name]
    state, before = request.args.get("state", ""), filters.number(request.args, "before")
    shop_id = filters.number(request.args, "shop")
    state = state if state in box.states else ""
    with desk().engine.connect() as conn:
        list_rows = inbox_views.list_inbox if name == "inbox" else outbox_views.list_outbox
        rows = list_rows(conn, state=state, shop_id=shop_id, before=before, limit=_ROWS + 1)
    return render_template(
        "desk/box.html", box=name, rows=rows[:_ROWS], more=len(rows) > _ROWS, state=state, states=box.states, shop_id=shop_id
    )


def _row(name: str, row_id: int) -> object:
    if row_id >= 2**62:
        abort(404)
    with desk().engine.connect() as conn:
        list_rows = inbox_views.list_inbox if name == "inbox" else outbox_views.list_outbox
        found = list_rows(conn, before=row_id + 1, limit=1)
    return found[0] if found and found[0].id == row_id else abort(404)
