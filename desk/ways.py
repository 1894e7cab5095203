"""The page on which a part goes another way: to another location, rejected, packed short, or back from the customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import stock_views
from connector.db.order_views import OrderDetail, Part
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import ENDED, GONE, State
from connector.domain.text import storable
from connector.flow import reroute
from connector.flow.reroute import Rerouted
from desk import show
from desk.blueprint import desk, pages
from desk.language import N_
from desk.orders import carried, read

_ACTOR = "desk"
_LONGEST_NOTE = 500
REASONS: dict[str, str] = {
    "damaged": N_("Damaged"),
    "not_found": N_("Not found"),
    "closed": N_("This location is closed"),
    "other": N_("Another reason"),
}
_DONE: dict[str, str] = {
    "move": N_("Order {number}: another location prepares it."),
    "reject": N_("Order {number}: {location} is not asked again for it."),
    "short": N_("Order {number}: what was picked is packed."),
    "unship": N_("Order {number}: the handover is taken back."),
}

_Way = Callable[[Part, str, dict[str, int], datetime], Rerouted]


@pages.get("/orders/<int:order_id>/parts/<int:part_id>/other-way")
def other_way(order_id: int, part_id: int) -> str:
    """Everything that can be done with a part that cannot go its usual way."""
    detail, part = _part(order_id, part_id)
    with desk().engine.connect() as conn:
        places = [place for place in stock_views.list_locations(conn) if place.id != part.location_id]
    state = State(part.state)
    return render_template(
        "desk/ways.html",
        order=detail,
        part=part,
        places=places,
        reasons=REASONS,
        gone=state in GONE,
        ended=state in ENDED,
        packable=state in (State.NEW, State.IN_PROGRESS),
        carry=carried(),
    )


@pages.post("/orders/<int:order_id>/parts/<int:part_id>/other-way/<way>")
def send_another_way(order_id: int, part_id: int, way: str) -> Response:
    """Do it; what is not possible is said on the same page."""
    detail, part = _part(order_id, part_id)
    act = _WAYS.get(way) or abort(404)
    note = storable(request.form.get("note", "")).strip()[:_LONGEST_NOTE]
    try:
        done = act(part, note, _units(part), datetime.now(UTC))
    except (Rejected, NotFound) as error:
        flash(str(error), "refused")
        return redirect(url_for("desk.other_way", order_id=order_id, part_id=part_id, **carried()), 303)  # type: ignore[arg-type]
    desk().ring(done.wakes)
    flash(show.fill(_DONE[way], number=detail.row.number, location=part.location), "done")
    return redirect(url_for("desk.order", order_id=order_id, **carried()), 303)  # type: ignore[arg-type]


def _part(order_id: int, part_id: int) -> tuple[OrderDetail, Part]:
    detail = read(order_id)
    return detail, next((part for part in detail.row.parts if part.id == part_id), None) or abort(404)


def _units(part: Part) -> dict[str, int]:
    """Units by SKU as typed for each line of the part; what is not typed counts as nothing."""
    units: dict[str, int] = {}
    for line in part.lines:
        typed = request.form.get(f"units-{line.order_line_id}", "").strip()
        if typed.isascii() and typed.isdigit():
            units[line.sku] = units.get(line.sku, 0) + int(typed[:9])
    return units


def _some(part: Part, units: Mapping[str, int]) -> dict[str, int] | None:
    """Nothing typed, or all of it, is the whole part."""
    whole = sum(line.quantity for line in part.lines)
    return {sku: count for sku, count in units.items() if count} if 0 < sum(units.values()) < whole else None


def _move(part: Part, note: str, units: dict[str, int], now: datetime) -> Rerouted:
    to = request.form.get("to", "")
    return reroute.move(desk().engine, part.id, to, now, actor=_ACTOR, quantities=_some(part, units), note=note)


def _reject(part: Part, note: str, units: dict[str, int], now: datetime) -> Rerouted:
    reason = request.form.get("reason", "")
    return reroute.reject(desk().engine, part.id, now, actor=_ACTOR, reason=reason, quantities=_some(part, units), note=note)


def _short(part: Part, note: str, units: dict[str, int], now: datetime) -> Rerouted:
    return reroute.pack_short(desk().engine, part.id, units, now, actor=_ACTOR, note=note)


def _unship(part: Part, note: str, units: dict[str, int], now: datetime) -> Rerouted:
    return reroute.unship(desk().engine, part.id, now, actor=_ACTOR, note=note)


_WAYS: dict[str, _Way] = {"move": _move, "reject": _reject, "short": _short, "unship": _unship}
