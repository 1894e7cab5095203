"""Saving a list under a name, for oneself or for the team."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from connector.db import order_views, saved_views
from connector.db.order_search import COUNTED
from connector.db.order_views import OrderFilter
from connector.domain.text import storable
from desk import entry, filters
from desk.blueprint import desk, pages
from desk.language import gettext

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """A view as the list shows it; history is not counted, because it only grows."""

    id: int
    name: str
    words: dict[str, str]
    history: bool
    mine: bool
    count: str


def shown(conn: Connection) -> list[Shown]:
    """The views of whoever is at the desk, with counts."""
    who = entry.present()
    found = saved_views.views(conn, who.id if who else None)
    wanted = [filters.from_args(dict(parse_qsl(view.words)), history=view.history) for view in found]
    numbers = iter(counted(conn, [one for one in wanted if not one.history]))
    return [
        Shown(
            view.id,
            view.name,
            filters.to_args(one),
            view.history,
            view.staff_id is not None,
            "" if one.history else next(numbers),
        )
        for view, one in zip(found, wanted, strict=True)
    ]


def counted(conn: Connection, lists: list[OrderFilter]) -> list[str]:
    """The number of orders in each list, "999+" from a thousand on."""
    return [str(number) if number < COUNTED else f"{COUNTED - 1}+" for number in order_views.counts(conn, lists)]


@pages.post("/views")
def save_view() -> Response:
    """Keep the list as it stands; the team's views are the operators' business."""
    name = storable(request.form.get("name", "")).strip()[:_LONGEST_NAME] or abort(400)
    team = request.form.get("for") == "team"
    who = entry.present()
    if team and not entry.can("operator"):
        abort(403)
    history = request.args.get("view") == "history"
    words = filters.to_args(filters.from_args(request.args, history=history))
    with desk().engine.begin() as conn:
        saved_views.save(conn, None if team or who is None else who.id, name, urlencode(words), history=history)
    flash(gettext("The view “%(name)s” is saved.", name=name), "done")
    return redirect(url_for("desk.history" if history else "desk.orders", **words), 303)  # type: ignore[arg-type]


@pages.post("/views/<int:view_id>/remove")
def drop_view(view_id: int) -> Response:
    """Forget a view."""
    who = entry.present()
    with desk().engine.begin() as conn:
        if view_id >= 2**63 or not saved_views.drop(conn, view_id, who.id if who else None, team=entry.can("operator")):
            abort(404)
    flash(gettext("The view is removed."), "done")
    return redirect(url_for("desk.orders"), 303)
