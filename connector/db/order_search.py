"""Which orders a list shows, and the statements that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, literal_column, or_, select, tuple_

from connector.db.tables import fulfillment_lines, fulfillment_orders, location_links, locations, order_lines, orders, shops
from connector.domain.fulfillment import ENDED, GONE
from connector.domain.text import fold

_ORDER_STATES = ("completed", "cancelled")  # words only a whole order has; a part is shipped or picked up
_MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders: open ones unless `history`; empty fields do not narrow.

    With a location the list is that location's work: orders with a part still to do there, or in the history one that
    left from there. `state` is then that part's; without a location it is the order's or that of any of its parts.
    `search` looks, without regard to accents and case, in customer, number, SKU and title. `before` is the
    (placed_at, id) of the last row seen and continues behind it, in either direction.
    """

    history: bool = False
    state: str = ""
    handover: str = ""
    payment: str = ""
    location_id: int | None = None
    shop_id: int | None = None
    search: str = ""
    attention: bool = False
    before: tuple[datetime, int] | None = None
    limit: int = 50
    oldest_first: bool = False


def _columns() -> tuple[Any, ...]:
    return (orders, shops.c.name.label("shop"), shops.c.platform, shops.c.settings)


def listing(wanted: OrderFilter) -> Select[Any]:
    """The orders of a list with their shop, continuing behind `before` by key, not by offset."""
    key = (orders.c.placed_at, orders.c.id)
    query = select(*_columns()).join(shops, shops.c.id == orders.c.shop_id).where(*_conditions(wanted))
    if wanted.before is not None:
        at = tuple_(*wanted.before)
        query = query.where(tuple_(*key) > at if wanted.oldest_first else tuple_(*key) < at)
    ordered = [column.asc() if wanted.oldest_first else column.desc() for column in key]
    return query.order_by(*ordered).limit(min(wanted.limit, _MOST_ROWS))


def one(order_id: int) -> Select[Any]:
    """One order with its shop and the name of the place the customer collects at."""
    link = and_(location_links.c.shop_id == orders.c.shop_id, location_links.c.external_id == orders.c.pickup_location)
    pickup = func.coalesce(locations.c.name, func.nullif(location_links.c.name, ""), orders.c.pickup_location)
    source: FromClause = orders.join(shops, shops.c.id == orders.c.shop_id)
    source = source.outerjoin(location_links, link).outerjoin(locations, locations.c.id == location_links.c.location_id)
    columns = (*_columns(), pickup.label("pickup_name"))
    return select(*columns).select_from(source).where(orders.c.id == order_id)


def _conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    plain = {
        orders.c.handover: wanted.handover,
        orders.c.payment: wanted.payment,
        orders.c.shop_id: wanted.shop_id,
    }
    conditions = [column == value for column, value in plain.items() if value]
    conditions += _place_and_state(wanted)
    if wanted.attention:
        conditions.append(or_(orders.c.attention != [], _any_line(order_lines.c.backordered > 0)))
    if wanted.search.strip():
        conditions.append(_found(wanted.search))
    return conditions


def _place_and_state(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    closed = orders.c.open.is_(False) if wanted.history else orders.c.open
    if wanted.state in _ORDER_STATES:
        here = [] if wanted.location_id is None else [_any_part(_here(wanted))]
        return [closed, orders.c.state == wanted.state, *here]
    if wanted.location_id is None:
        state = or_(orders.c.state == wanted.state, _any_part(fulfillment_orders.c.state == wanted.state))
        return [closed, state] if wanted.state else [closed]
    part = [fulfillment_orders.c.state == wanted.state] if wanted.state else []
    if wanted.history:
        left = or_(orders.c.open.is_(False), fulfillment_orders.c.state.in_(GONE))
        return [_any_part(_here(wanted), left, *part)]
    return [closed, _any_part(_here(wanted), fulfillment_orders.c.state.not_in(ENDED), *part)]


def _here(wanted: OrderFilter) -> ColumnElement[bool]:
    return fulfillment_orders.c.location_id == wanted.location_id


def _any_part(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(1).where(fulfillment_orders.c.order_id == orders.c.id, *conditions).correlate(orders).exists()


def _any_line(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(1).where(order_lines.c.order_id == orders.c.id, condition).correlate(orders).exists()


def _found(search: str) -> ColumnElement[bool]:
    words = [fold(word) for word in search.lstrip("?").split()]
    return and_(*(_word_found(word) for word in words))


def _word_found(word: str) -> ColumnElement[bool]:
    line = or_(*(_folded(column).contains(word, autoescape=True) for column in (order_lines.c.sku, order_lines.c.title)))
    return or_(
        orders.c.customer_folded.contains(word, autoescape=True),
        func.lower(orders.c.number).contains(word, autoescape=True),
        _any_line(line),
    )


def _folded(column: ColumnElement[str]) -> ColumnElement[str]:
    """`fold` in PostgreSQL: decomposed, without the combining marks, in lower case."""
    return func.lower(func.regexp_replace(func.normalize(column, literal_column("NFKD")), "[\u0300-\u036f]", "", "g"))


def parts_of(ids: Sequence[int]) -> Select[Any]:
    """The parts of these orders, a row for each of their lines; a part without lines is one row."""
    source = fulfillment_orders.join(locations, locations.c.id == fulfillment_orders.c.location_id)
    source = source.outerjoin(fulfillment_lines, fulfillment_lines.c.fulfillment_order_id == fulfillment_orders.c.id)
    source = source.outerjoin(order_lines, order_lines.c.id == fulfillment_lines.c.order_line_id)
    of_line = (order_lines.c.id.label("line_id"), order_lines.c.sku, order_lines.c.title, fulfillment_lines.c.quantity)
    return (
        select(fulfillment_orders, locations.c.name.label("location"), *of_line)
        .select_from(source)
        .where(fulfillment_orders.c.order_id.in_(ids))
        .order_by(locations.c.priority, fulfillment_orders.c.id, order_lines.c.position, order_lines.c.id)
    )
