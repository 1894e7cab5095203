"""Pick lists over many orders, and the page on which a part is picked by scanning."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import order_views, picking
from connector.db import pictures as picture_rows
from connector.db.order_views import OrderDetail, Part
from connector.db.picking import Shelf
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import State
from connector.flow import picking as story
from connector.flow.picking import Scanned
from desk import entry, filters, pictures, show, words
from desk.blueprint import desk, pages
from desk.language import gettext
from desk.orders import carried, read

MOST_SCANS = 200  # in one request: what a device gathered without network
_LONGEST_KEY = 64
_OPEN = (State.NEW, State.IN_PROGRESS)

Answer = Response | tuple[str, int]


@pages.get("/picking")
def pick_list() -> str:
    """What to take from which shelf, for all orders that wait at a location."""
    location_id = filters.from_args(request.args, history=False).location_id
    with desk().engine.connect() as conn:
        choices = order_views.choices(conn)
        chosen = location_id or (choices.locations[0][0] if choices.locations else None)
        lines = picking.waiting_lines(conn, chosen) if chosen else []
        found = picture_rows.of_lines(conn, [line.line_id for line in lines])
    pictures.allow(found.values())
    parts = {line.part_id: line for line in sorted(lines, key=lambda line: line.placed_at)}
    return render_template(
        "desk/pick_list.html",
        shelves=_pictured(picking.by_shelf(lines), found),
        parts=parts.values(),
        choices=choices,
        chosen=chosen,
    )


def _pictured(shelves: Sequence[Shelf], found: Mapping[int, str]) -> list[tuple[Shelf, str]]:
    """One article on a shelf is many lines: the picture of the first that has one."""
    return [(shelf, next((found[line.line_id] for line in shelf.lines if line.line_id in found), "")) for shelf in shelves]


@pages.get("/orders/<int:order_id>/parts/<int:part_id>/pick")
def pick(order_id: int, part_id: int) -> str:
    """Pick one part."""
    return _pick_page(*_part(order_id, part_id))


@pages.post("/orders/<int:order_id>/parts/<int:part_id>/scans")
def scan(order_id: int, part_id: int) -> Answer:
    """Count scans: one of the form, or many as JSON {"scans": [{"key", "code"}]}; each is answered by its key."""
    _part(order_id, part_id)
    if not request.is_json:
        result = _scanned(part_id, request.form.get("code", ""), request.form.get("key") or uuid.uuid4().hex)
        flash(result["message"], "done" if result["outcome"] == "picked" else "refused")
        return _back(order_id, part_id)
    sent = request.get_json(silent=True)
    wanted = sent.get("scans") if isinstance(sent, dict) else None
    if not isinstance(wanted, list) or len(wanted) > MOST_SCANS or not all(_is_scan(one) for one in wanted):
        abort(400)
    results = [_scanned(part_id, one["code"], one["key"]) for one in wanted]
    with desk().engine.connect() as conn:
        lines = picking.lines_of(conn, part_id)
    return jsonify(results=results, picked={line.line_id: line.picked for line in lines})


@pages.post("/orders/<int:order_id>/parts/<int:part_id>/picked/<int:line_id>")
def set_picked(order_id: int, part_id: int, line_id: int) -> Answer:
    """Un-pick, or pick without a scanner."""
    _part(order_id, part_id)
    units = filters.number(request.form, "units")
    try:
        wanted = -1 if units is None else min(units, 10**6)
        reason = request.form.get("reason", "")
        story.set_picked(desk().engine, part_id, line_id, wanted, datetime.now(UTC), actor=entry.actor(), reason=reason)
    except Rejected as error:
        _refused(error)
    return _back(order_id, part_id)


@pages.post("/orders/<int:order_id>/parts/<int:part_id>/pick/done")
def pack_picked(order_id: int, part_id: int) -> Answer:
    """Everything is picked, or what is missing has a reason."""
    detail, part = _part(order_id, part_id)
    try:
        packed = story.pack(desk().engine, part_id, datetime.now(UTC), actor=entry.actor(), reason=request.form.get("reason", ""))
    except Rejected as error:
        _refused(error)
        return _back(order_id, part_id)
    desk().ring(packed.wakes)
    flash(_packed_words(packed, detail, part), "done")
    return redirect(url_for("desk.order", order_id=order_id, **carried()), 303)  # type: ignore[arg-type]


def _packed_words(packed: story.Packed, detail: OrderDetail, part: Part) -> str:
    """What was packed, and where what is missing comes from now."""
    sentences = [words.PACKED] if packed.here else [words.NOTHING_PICKED]
    sentences += [words.REST_ELSEWHERE] if packed.missing > packed.waiting and packed.elsewhere else []
    sentences += [words.REST_WAITS] if packed.waiting else []
    facts = {
        "number": detail.row.number,
        "location": part.location,
        "moved": packed.missing - packed.waiting,
        "places": ", ".join(packed.elsewhere),
        "waiting": packed.waiting,
    }
    return " ".join(show.fill(sentence, **facts) for sentence in sentences)


@pages.post("/orders/<int:order_id>/parts/<int:part_id>/pick/assign")
def assign(order_id: int, part_id: int) -> Answer:
    """Take a part oneself, hand it over, or leave it to anyone."""
    _part(order_id, part_id)
    try:
        name = story.assign(desk().engine, part_id, filters.number(request.form, "staff"), datetime.now(UTC), actor=entry.actor())
        flash(gettext("Assigned to %(name)s.", name=name) if name else gettext("Assigned to nobody."), "done")
    except NotFound as error:
        _refused(error)
    return _back(order_id, part_id)


@pages.post("/orders/<int:order_id>/notes")
def note(order_id: int) -> Answer:
    """Write a fulfillment note; the platform never sees it."""
    read(order_id)
    try:
        story.note(desk().engine, order_id, request.form.get("text", ""), datetime.now(UTC), author=entry.actor())
        flash(gettext("Noted."), "done")
    except Rejected as error:
        _refused(error)
    return redirect(url_for("desk.order", order_id=order_id, _anchor="notes", **carried()), 303)  # type: ignore[arg-type]


def _part(order_id: int, part_id: int) -> tuple[OrderDetail, Part]:
    detail = read(order_id)
    return detail, next((part for part in detail.row.parts if part.id == part_id), None) or abort(404)


def _pick_page(detail: OrderDetail, part: Part) -> str:
    with desk().engine.connect() as conn:
        lines = picking.lines_of(conn, part.id)
        people = order_views.choices(conn).staff
    pictures.allow(detail.pictures.values())
    return render_template(
        "desk/pick.html",
        order=detail,
        part=part,
        lines=lines,
        left=sum(line.quantity - line.picked for line in lines),
        open=State(part.state) in _OPEN,
        people=people,
        carry=carried(),
        key=uuid.uuid4().hex,
    )


def _is_scan(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and all(isinstance(one.get(name), str) for name in ("key", "code"))
        and 0 < len(one["key"]) <= _LONGEST_KEY
        and one["key"].isascii()
        and one["key"].isprintable()
    )


def _scanned(part_id: int, code: str, key: str) -> dict[str, Any]:
    """One scan, and what to say of it."""
    who = entry.present()
    try:
        result = story.scan(
            desk().engine, part_id, code, datetime.now(UTC), actor=entry.actor(), key=key, staff_id=who.id if who else None
        )
    except Rejected as error:
        return {"key": key, "outcome": "refused", "message": show.rejection(error)}
    desk().ring(result.wakes)
    line = {"line": result.line.line_id, "picked": result.line.picked} if result.line else {}
    return {"key": key, "outcome": result.outcome, "message": _said(result, code), **line}


def _said(result: Scanned, code: str) -> str:
    if result.line is None:
        return show.fill(words.SCANS["known" if result.article else "wrong"], article=result.article, code=code)
    return show.fill(
        words.SCANS[result.outcome], article=result.line.title, picked=result.line.picked, quantity=result.line.quantity
    )


def _refused(error: Rejected | NotFound) -> None:
    entry.note_refusal()
    flash(show.rejection(error), "refused")


def _back(order_id: int, part_id: int) -> Response:
    return redirect(url_for("desk.pick", order_id=order_id, part_id=part_id, **carried()), 303)  # type: ignore[arg-type]
