"""The page of the components every page is built from, and of the keys that work everywhere."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import render_template

from connector.domain.fulfillment import State
from connector.domain.orders import Handover
from desk import charts, words, work
from desk.blueprint import pages
from desk.dashboard import Picture
from desk.language import N_, gettext

TONES = ("new", "doing", "packed", "ready", "done", "owed", "stopped", "plain")
ICONS = ("box", "check", "stop", "flag", "truck", "bag", "clock", "search", "back", "person", "print", "scan", "note", "place")
# Key -> what it does; `desk.js` and `scan.js` listen to them.
KEYS: dict[str, str] = {
    "/": N_("search"),
    "?": N_("quick search: type ? and some letters of a name, in any spelling"),
    "j": N_("next order of the list"),
    "k": N_("order before"),
    "x": N_("tick the order"),
    "Enter": N_("open the order"),
    "m": N_("go to what comes next on an order's page; Enter does it"),
    "Esc": N_("leave a field"),
}


@pages.get("/components")
def components() -> str:
    """Each component once, in every form it has."""
    values = ((3, 1), (5, 2), (2, 4), (6, 0), (4, 3))
    days = [str(day) for day in range(1, 6)]
    chart = charts.stacked(
        days, [[(a, 0, f"{day}: {a}"), (b, 1, f"{day}: {b}")] for day, (a, b) in zip(days, values, strict=True)]
    )
    rows = tuple((day, str(a), str(b)) for day, (a, b) in zip(days, values, strict=True))
    names = (gettext("Shipped"), gettext("Picked up"))
    return render_template(
        "desk/components.html",
        tones=TONES,
        icons=ICONS,
        keys=KEYS,
        states=list(words.STATES),
        paths={handover: path for handover, path in work.PATHS.items() if handover is not Handover.NONE},
        packed=State.PACKED,
        picture_of=Picture(chart, tuple(enumerate(names)), (gettext("Day"), *names), rows),
        now=datetime.now(UTC),
    )
