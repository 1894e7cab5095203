"""The pages that show: open orders, history, one order."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import order_views
from connector.db.order_search import unstated
from connector.db.order_views import OrderDetail, OrderFilter, OrderRow, Part
from connector.domain.fulfillment import State
from connector.domain.orders import Lifecycle
from desk import filters, pictures, views, work
from desk.blueprint import desk, pages
from desk.words import CLOSED_STATES, OPEN_STATES, PAYMENTS

_TO_PACK = (State.NEW, State.IN_PROGRESS)
_LOOK_AHEAD = 10
_MONTHS = 24


@pages.get("/")
def home() -> Response:
    """The first page is the work."""
    return redirect(url_for("desk.orders"), 302)


@pages.get("/orders")
def orders() -> str:
    """Orders still to be finished."""
    return _list(filters.from_args(request.args, history=False))


@pages.get("/orders/history")
def history() -> str:
    """Orders that are finished or cancelled."""
    return _list(filters.from_args(request.args, history=True))


@pages.get("/orders/<int:order_id>")
def order(order_id: int) -> str:
    """One order: what to take, what comes next, and everything known of it."""
    return order_page(read(order_id))


def read(order_id: int) -> OrderDetail:
    """The order, or the page that says there is none."""
    with desk().engine.connect() as conn:
        detail = order_views.order_detail(conn, desk().seal, order_id) if order_id < 2**63 else None
    return detail or abort(404)


def order_page(detail: OrderDetail, *, typed: Mapping[str, str] | None = None, wrong: Mapping[str, str] | None = None) -> str:
    """The page of an order; `typed` and `wrong` give a form back with what is to be mended, by field."""
    wanted = filters.from_args(request.args, history=request.args.get("view") == "history")
    pictures.allow(detail.pictures.values())
    parts = [(part, *_offered(detail, part)) for part in detail.row.parts]
    return render_template(
        "desk/_after.html" if "X-Live" in request.headers else "desk/order.html",
        order=detail,
        parts=parts,
        unexplained=[step for step in detail.reason if all(step not in part.reason for part in detail.row.parts)],
        carry=carried(),
        wanted=wanted,
        following=_next_to_pack(detail, wanted),
        typed=typed or {},
        wrong=wrong or {},
        key=uuid.uuid4().hex,
    )


def carried() -> dict[str, str]:
    """The words of the list the reader came from, so that every link and form leads back to it."""
    history = request.args.get("view") == "history"
    return filters.to_args(filters.from_args(request.args, history=history)) | ({"view": "history"} if history else {})


def _list(wanted: OrderFilter) -> str:
    states = CLOSED_STATES if wanted.history else OPEN_STATES
    with desk().engine.connect() as conn:
        rows = order_views.list_orders(conn, wanted)
        choices = order_views.choices(conn)
        tabs = _tabs(wanted, states)
        counts = [] if wanted.history else views.counted(conn, tabs)
        saved = views.shown(conn)
    follows = filters.following(rows)
    return render_template(
        "desk/_orders.html" if "X-Live" in request.headers else "desk/orders.html",
        rows=[(row, work.work_rows(row, wanted)) for row in rows[: filters.PAGE_ROWS]],
        wanted=wanted,
        choices=choices,
        narrowed=filters.narrowed(wanted),
        follows=filters.to_args(wanted, before=follows) if follows else None,
        link=_link,
        to_args=filters.to_args,
        tabs=list(zip(tabs, counts or [""] * len(tabs), strict=True)),
        saved=saved,
        months=_months(datetime.now(UTC)),
        payments=[code for code in PAYMENTS if code != "settled"],
        shown=_page_of(wanted),
        carry={**filters.to_args(wanted), **({"view": "history"} if wanted.history else {})},
    )


def _tabs(wanted: OrderFilter, states: Sequence[str]) -> list[OrderFilter]:
    """The same list in every state, and the orders someone should look at."""
    return [unstated(wanted, ""), *(unstated(wanted, state) for state in states), unstated(wanted, "", attention=True)]


def _months(now: datetime) -> list[datetime]:
    """This month and those before it, for the filter."""
    first = now.year * 12 + now.month - 1
    return [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(first, first - _MONTHS, -1)]


def _page_of(wanted: OrderFilter) -> str:
    return "desk.history" if wanted.history else "desk.orders"


def _link(wanted: OrderFilter, **changes: object) -> str:
    return url_for(_page_of(wanted), **filters.to_args(wanted, **changes))  # type: ignore[arg-type]


def _offered(detail: OrderDetail, part: Part) -> tuple[Any, ...]:
    now = work.standing(detail, part)
    return work.offers(now), work.PATHS[now.handover]


def _next_to_pack(detail: OrderDetail, wanted: OrderFilter) -> OrderRow | None:
    """The oldest order that waits to be packed, once this one needs no packing any more at the reader's location."""
    here = [part for part in detail.row.parts if wanted.location_id in (None, part.location_id)]
    if wanted.history or not here or any(State(part.state) in _TO_PACK for part in here):
        return None
    waiting = OrderFilter(state="new", location_id=wanted.location_id, oldest_first=True, limit=_LOOK_AHEAD)
    with desk().engine.connect() as conn:
        return next((row for row in order_views.list_orders(conn, waiting) if _can_be_packed(row, detail)), None)


def _can_be_packed(row: OrderRow, after: OrderDetail) -> bool:
    return row.id != after.row.id and bool(row.parts) and row.lifecycle == Lifecycle.OPEN
