"""Signing in and out, and the owner's page of who works here."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from connector.db import staff as rows
from connector.domain.errors import Rejected
from connector.domain.staff import LONGEST_PASSWORD, SHORTEST_PASSWORD, Role
from connector.flow import staff as story
from desk import entry, show, words
from desk.blueprint import desk, house, pages
from desk.language import gettext

_LONGEST_NAME = 60


@pages.get("/sign-in")
def sign_in_form() -> str | Response:
    """Who are you?"""
    if entry.present():
        return redirect(url_for("desk.orders"), 302)
    return _sign_in_page("", "")


@pages.post("/sign-in")
def sign_in() -> Response | tuple[str, int]:
    """Let someone in, with a fresh session."""
    name = request.form.get("name", "")[:_LONGEST_NAME].replace("\x00", "")
    password = request.form.get("password", "")[:LONGEST_PASSWORD]
    try:
        member = story.sign_in(house().engine, name, password, request.remote_addr or "", datetime.now(UTC))
    except story.TooManyTries:
        wrong = gettext("Too many tries. Wait %(minutes)s minutes, or ask an owner for a new password.", minutes=15)
        return _sign_in_page(name, wrong), 429
    if member is None:
        return _sign_in_page(name, gettext("Name and password do not fit together.")), 401
    session.clear()
    session.permanent = True
    session.update(staff=member.id, stamp=member.stamp)
    return redirect(entry.local_path(request.args.get("next", "")) or url_for("desk.orders"), 303)


@pages.post("/sign-out")
def sign_out() -> Response:
    """Leave the desk."""
    session.clear()
    return redirect(url_for("desk.sign_in_form"), 303)


@pages.get("/staff")
def staff() -> str:
    """Everyone, and the latest acts."""
    return _staff_page()


@pages.post("/staff")
def add_staff() -> Response | tuple[str, int]:
    """A new colleague; the first one is signed in at once, because from now on everyone must be."""
    name, role = request.form.get("name", "")[:_LONGEST_NAME], request.form.get("role", "")
    who = entry.present()
    first = who is not None and who.unnamed
    wanted = Role.OWNER if first else Role(role) if role in set(Role) else abort(400)
    try:
        staff_id = story.add(desk().engine, name, wanted, request.form.get("password", ""))
    except Rejected as error:
        entry.note_refusal()
        return _staff_page(name, show.rejection(error)), 422
    if first:
        session.clear()
        session.permanent = True
        session.update(staff=staff_id, stamp=0)
    flash(gettext("%(name)s can sign in now.", name=name.strip()), "done")
    return redirect(url_for("desk.staff"), 303)


@pages.post("/staff/<int:staff_id>")
def change_staff(staff_id: int) -> Response:
    """Let a colleague in again, or no longer."""
    with desk().engine.connect() as conn:
        member = (rows.by_id(conn, staff_id) if staff_id < 2**63 else None) or abort(404)
    try:
        story.set_enabled(desk().engine, member.name, not member.enabled)
        flash(show.fill(words.STAFF_CHANGED[not member.enabled], name=member.name), "done")
    except Rejected as error:
        entry.note_refusal()
        flash(show.rejection(error), "refused")
    return redirect(url_for("desk.staff"), 303)


@pages.post("/staff/<int:staff_id>/role")
def change_role(staff_id: int) -> Response:
    """Give a colleague another role."""
    wanted = request.form.get("role", "")
    role = Role(wanted) if wanted in set(Role) else abort(400)
    with desk().engine.connect() as conn:
        member = (rows.by_id(conn, staff_id) if staff_id < 2**63 else None) or abort(404)
    try:
        story.set_role(desk().engine, member.name, role)
        flash(show.fill(words.NEW_ROLE, name=member.name, role=show.role(role)[0]), "done")
    except Rejected as error:
        entry.note_refusal()
        flash(show.rejection(error), "refused")
    return redirect(url_for("desk.staff"), 303)


def _sign_in_page(name: str, wrong: str) -> str:
    return render_template("desk/sign_in.html", name=name, wrong=wrong, next=request.args.get("next", ""))


def _staff_page(name: str = "", wrong: str = "") -> str:
    with desk().engine.connect() as conn:
        members, acts = rows.members(conn), rows.acts(conn)
    return render_template(
        "desk/staff.html", members=members, acts=acts, roles=list(Role), name=name, wrong=wrong, shortest=SHORTEST_PASSWORD
    )
