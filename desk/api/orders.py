"""Orders over the API: list, read, move parts, record payments."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from flask import request

from connector.db import order_json, order_views, stock_views, suppliers
from connector.db.order_views import OrderFilter, OrderRow
from connector.domain.errors import NotFound
from connector.domain.fulfillment import Step
from connector.flow import cancel, correct, fulfill
from connector.platform import Tracking
from desk.api.blueprint import Answer, Problem, api, body, known_id, limit, needs, now, text, token, whole
from desk.blueprint import desk

_FLAGS = {"": False, "true": True, "false": False}


@api.get("/orders")
@needs("orders:read")
def list_orders() -> Answer:
    """A page of orders, the newest first; `next` continues it."""
    wanted = OrderFilter(
        history=_flag("history"),
        attention=_flag("attention"),
        state=_word("state"),
        handover=_word("delivery"),
        payment=_word("payment"),
        search=_word("search"),
        shop_id=_shop_id(),
        location_id=_location_id(),
        supplier_id=_supplier_id(),
        before=_cursor(),
        limit=limit(),
    )
    with desk().engine.connect() as conn:
        found = order_views.list_orders(conn, wanted)
        codes = {row.id: row.code for row in stock_views.list_locations(conn)}
    orders = [
        {**order_json.head(row), "fulfillment_orders": [order_json.part_of(part, codes) for part in row.parts]} for row in found
    ]
    return {"orders": orders, "next": _next(found, wanted.limit)}, 200


@api.get("/orders/<int:order_id>")
@needs("orders:read")
def show_order(order_id: int) -> Answer:
    """One order whole, its customer included."""
    with desk().engine.connect() as conn:
        detail = order_views.order_detail(conn, desk().seal, known_id(order_id))
        codes = {row.id: row.code for row in stock_views.list_locations(conn)}
    if detail is None:
        raise NotFound(f"There is no order {order_id}.")
    return {**order_json.whole(detail, codes), "person": detail.person}, 200


@api.post("/orders/<int:order_id>/payments")
@needs("orders:write")
def record_payment(order_id: int) -> Answer:
    """Note that money was taken elsewhere; charges nobody."""
    given = body()
    paid = fulfill.record_payment(
        desk().engine,
        known_id(order_id),
        now(),
        actor=f"api:{token().name}",
        amount_minor=whole(given, "amount_minor") if "amount_minor" in given else None,
        method=text(given, "method"),
        reference=text(given, "reference"),
        key=request.headers.get("Idempotency-Key", ""),
    )
    return {"recorded_minor": paid.amount_minor, "owed_minor": paid.owed_minor, "currency": paid.currency}, 201


@api.patch("/orders/<int:order_id>/person")
@needs("orders:write")
def correct_person(order_id: int) -> Answer:
    """Correct fields of the customer or an address."""
    given = body()
    changes = {section: _section(given[section], section) for section in correct.FIELDS if section in given}
    done = correct.correct(desk().engine, desk().seal, known_id(order_id), changes, now(), actor=f"api:{token().name}")
    desk().ring(done.wakes)
    return {"changed": list(done.fields)}, 200


def _section(given: Any, section: str) -> dict[str, str]:
    if not isinstance(given, dict) or given.keys() - set(correct.FIELDS[section]):
        raise Problem(
            400, "malformed", f"“{section}” is not an object of its fields.", f"There are {', '.join(correct.FIELDS[section])}."
        )
    return {name: text(given, name) for name in given}


@api.post("/orders/<int:order_id>/cancel")
@needs("orders:write")
def cancel_order(order_id: int) -> Answer:
    """Ask the order's shop to cancel it."""
    with desk().engine.connect() as conn:
        detail = order_views.order_detail(conn, desk().seal, known_id(order_id))
    possible = detail is not None and desk().cancels(detail.row.platform)
    desk().ring(cancel.cancel(desk().engine, order_id, now(), actor=f"api:{token().name}", possible=possible))
    return {"asked": order_id}, 202


@api.post("/fulfillment-orders/<int:part_id>/moves")
@needs("orders:write")
def move(part_id: int) -> Answer:
    """Start, pack, make ready, ship, hand over or un-pack one part."""
    given = body()
    try:
        step = Step(text(given, "step"))
    except ValueError:
        raise Problem(400, "malformed", "“step” is none of the known ones.", f"Choose from {', '.join(Step)}.") from None
    tracking = given.get("tracking", {})
    if not isinstance(tracking, dict):
        raise Problem(400, "malformed", "“tracking” is not an object.", "Send {number, carrier, url}.")
    followed = Tracking(text(tracking, "number"), text(tracking, "carrier"), text(tracking, "url", longest=2000))
    moved = fulfill.move(desk().engine, known_id(part_id), step, now(), actor=f"api:{token().name}", tracking=followed)
    desk().ring(moved.wakes)
    return {"id": part_id, "state": moved.state, "order_state": moved.order_state}, 200


def _word(name: str) -> str:
    value = request.args.get(name, "")
    if len(value) > 100 or "\x00" in value:
        raise Problem(400, "malformed", f"“{name}” is too long or holds a NUL.", "Correct it.")
    return value


def _flag(name: str) -> bool:
    value = request.args.get(name, "")
    if value not in _FLAGS:
        raise Problem(400, "malformed", f"“{name}” is neither true nor false.", "Correct it.")
    return _FLAGS[value]


def _shop_id() -> int | None:
    value = _word("shop")
    if value and not (value.isascii() and value.isdecimal() and len(value) < 18):
        raise Problem(400, "malformed", "“shop” is not a shop's id.", "GET /api/v1/shops names them.")
    return int(value) if value else None


def _location_id() -> int | None:
    code = _word("location")
    if not code:
        return None
    with desk().engine.connect() as conn:
        found = [row.id for row in stock_views.list_locations(conn) if row.code == code]
    if not found:
        raise NotFound(f"There is no location {code!r}.", "GET /api/v1/locations names them.")
    return found[0]


def _supplier_id() -> int | None:
    name = _word("supplier")
    if not name:
        return None
    with desk().engine.connect() as conn:
        found = suppliers.known(conn, name)
    if found is None:
        raise NotFound(f"There is no supplier {name!r}.", "GET /api/v1/items names those of the items.")
    return found


def _cursor() -> tuple[datetime, int] | None:
    value = request.args.get("cursor", "")
    if not value:
        return None
    try:
        at, _, order_id = base64.urlsafe_b64decode(value.encode()).decode().rpartition(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not 0 <= int(order_id) < 2**63:
            raise ValueError
        return moment, int(order_id)
    except (ValueError, binascii.Error, UnicodeError):
        raise Problem(400, "malformed", "“cursor” is none that we gave.", "Use “next” of the page before.") from None


def _next(found: list[OrderRow], size: int) -> str | None:
    if len(found) < size:
        return None
    last: Any = found[-1]
    return base64.urlsafe_b64encode(f"{last.placed_at.isoformat()} {last.id}".encode()).decode()
