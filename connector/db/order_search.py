"""Which orders a list shows, and the statements that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    cast,
    column,
    func,
    intersect,
    lateral,
    literal,
    or_,
    select,
    table,
    true,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER

from connector.db.many import among
from connector.db.suppliers import words_that_name_one
from connector.db.tables import (
    fulfillment_lines,
    fulfillment_notes,
    fulfillment_orders,
    items,
    levels,
    location_links,
    locations,
    order_lines,
    orders,
    shops,
    staff,
    suppliers,
)
from connector.domain.fulfillment import ENDED, GONE
from connector.domain.text import fold, grams

_ORDER_STATES = ("completed", "cancelled")  # words only a whole order has; a part is shipped or picked up
_MOST_ROWS = 200
# The view of `order_words` that a search's index can be used through, see `connector.db.walls`.
_words = table("own_order_words", column("order_id"), column("folded"), column("grams", ARRAY(INTEGER)))
_SHORTEST_BARCODE = 8  # EAN-8
_GRAM = 3  # letters of a gram
_FEW = 2_000  # orders read by their ids; of more, a page is soon found by walking the list
_WALKED = 5_000
COUNTED = 1000  # counts stop here: nobody reads further, and no page waits for more


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders: open ones unless `history`; empty fields do not narrow.

    With a location the list is that location's work: orders with a part still to do there, or in the history one that
    left from there. `state` is then that part's; without a location it is the order's or that of any of its parts.
    `search` looks, without regard to accents and case, for every word in customer, number, SKU, barcode and title.
    `month` is the first day of the month (UTC) the orders were placed in. `assigned_to` is a member of staff's id.
    `supplier_id` asks for orders with an item of that supplier. `supplier_words` are those words of the search that suppliers
    are found by as well, and `found` the orders with all its longer words where these are few (`looked_up` finds both out).
    `before` is the (placed_at, id) of the last row seen and continues behind it, in either direction.
    """

    history: bool = False
    state: str = ""
    handover: str = ""
    payment: str = ""
    location_id: int | None = None
    shop_id: int | None = None
    search: str = ""
    attention: bool = False
    month: datetime | None = None
    assigned_to: int | None = None
    supplier_id: int | None = None
    before: tuple[datetime, int] | None = None
    limit: int = 50
    oldest_first: bool = False
    supplier_words: frozenset[str] = frozenset()
    found: tuple[int, ...] | None = None


def _columns() -> tuple[Any, ...]:
    return (orders, shops.c.name.label("shop"), shops.c.platform, shops.c.settings)


def listing(wanted: OrderFilter) -> Select[Any]:
    """The orders of a list with their shop, continuing behind `before` by key, not by offset."""
    key = (orders.c.placed_at, orders.c.id)
    # Every order has its shop. An inner join would say so too, but has the planner expect few orders behind a merchant's
    # wall while `shops` is too small to be analyzed, and then it sorts them all instead of walking the index.
    query = select(*_columns()).outerjoin(shops, shops.c.id == orders.c.shop_id).where(*_conditions(wanted))
    if wanted.before is not None:
        at = tuple_(*wanted.before)
        query = query.where(tuple_(*key) > at if wanted.oldest_first else tuple_(*key) < at)
    ordered = [column.asc() if wanted.oldest_first else column.desc() for column in key]
    return query.order_by(*ordered).limit(min(wanted.limit, _MOST_ROWS))


def counting(lists: Sequence[OrderFilter]) -> Select[Any]:
    """How many orders each list holds, at most COUNTED of each: one row, a column for each list."""
    few = (select(literal(1)).select_from(orders).where(*_conditions(one)).limit(COUNTED).subquery() for one in lists)
    return select(*(select(func.count()).select_from(rows).scalar_subquery().label(f"n{at}") for at, rows in enumerate(few)))


def one(order_id: int) -> Select[Any]:
    """One order with its shop and the name of the place the customer collects at."""
    link = and_(location_links.c.shop_id == orders.c.shop_id, location_links.c.external_id == orders.c.pickup_location)
    pickup = func.coalesce(locations.c.name, func.nullif(location_links.c.name, ""), orders.c.pickup_location)
    source: FromClause = orders.join(shops, shops.c.id == orders.c.shop_id)
    source = source.outerjoin(location_links, link).outerjoin(locations, locations.c.id == location_links.c.location_id)
    columns = (*_columns(), pickup.label("pickup_name"))
    return select(*columns).select_from(source).where(orders.c.id == order_id)


def notes_of(ids: Sequence[int]) -> Select[Any]:
    """The newest fulfillment note of each of these orders."""
    newest = (
        select(fulfillment_notes.c.text, fulfillment_notes.c.author)
        .where(fulfillment_notes.c.order_id == orders.c.id)
        .order_by(fulfillment_notes.c.id.desc())
        .limit(1)
    )
    last = lateral(newest, "last")
    return select(orders.c.id, last.c.text, last.c.author).join(last, true()).where(orders.c.id.in_(ids))


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
    if wanted.month is not None:
        conditions += [orders.c.placed_at >= wanted.month, orders.c.placed_at < month_after(wanted.month)]
    if wanted.assigned_to is not None:
        conditions.append(_any_part(fulfillment_orders.c.assigned_to == wanted.assigned_to))
    if wanted.supplier_id is not None:
        conditions.append(_any_line(order_lines.c.item_id.in_(_bought(items.c.supplier_id == wanted.supplier_id))))
    return conditions + _search_conditions(wanted)


def looked_up(conn: Connection, wanted: OrderFilter) -> OrderFilter:
    """The filter with what is found out about its search beforehand, by which the list is read one way or the other.

    Few orders with all its words: they are read by their ids. Very many: the list is walked, newest first, and soon full. No
    planner can tell one from the other: to it, a word is as rare as all its grams together would be.
    """
    words = [word for word in _searched(wanted) if len(word) >= _GRAM]
    if not words:
        return wanted
    supplied = words_that_name_one(conn, words)
    walk = not wanted.history and len(conn.execute(_open().limit(_WALKED + 1)).all()) <= _WALKED
    rows = conn.execute(walking(words, supplied) if walk else finding(words, supplied)).scalars().all()
    return replace(wanted, supplier_words=supplied, found=tuple(rows) if len(rows) <= _FEW else None)


def _open() -> Select[Any]:
    return select(orders.c.id).where(orders.c.open)


def walking(words: Sequence[str], supplied: frozenset[str]) -> Select[Any]:
    """Ids of open orders with all these words, one more than are few. Where not very many are open this takes no longer
    however many ended orders have the same words; an index finds all of those first."""
    return _open().where(*(_holds(word, supplied) for word in words)).limit(_FEW + 1)


def finding(words: Sequence[str], supplied: frozenset[str]) -> Select[Any]:
    """Ids of orders with all these words of three letters or more, one more than are few."""
    plain = [word for word in words if not _finds_items(word, supplied)]
    sets = [_with_words(plain)] if plain else []
    for word in words:
        if _finds_items(word, supplied):
            sold = select(order_lines.c.order_id).where(order_lines.c.item_id.in_(_bought(_item_is(word, supplied))))
            sets.append(select(union(_with_words([word]), sold).subquery().c.order_id))
    whole = sets[0] if len(sets) == 1 else select(intersect(*sets).subquery().c.order_id)
    return whole.limit(_FEW + 1)


def _with_words(words: Sequence[str]) -> Select[Any]:
    held = sorted({gram for word in words for gram in grams(word)})
    fits = [_words.c.folded.contains(word, autoescape=True) for word in words]
    return select(_words.c.order_id).where(_words.c.grams.op("@>")(cast(held, ARRAY(INTEGER))), *fits)


def _search_conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    """What the search asks of an order. In the history one or two letters alone are looked for among the newest
    _WALKED orders only."""
    words = _searched(wanted)
    looked_for = [word for word in words if wanted.found is None or len(word) < _GRAM]
    conditions = [_holds(word, wanted.supplier_words) for word in looked_for]
    if wanted.found is not None:
        conditions.append(among(orders.c.id, wanted.found))
    elif words and wanted.history and all(len(word) < _GRAM for word in words):
        ended = orders.alias("ended")
        newest = select(ended.c.placed_at).order_by(ended.c.placed_at.desc(), ended.c.id.desc()).limit(_WALKED).subquery()
        conditions.append(orders.c.placed_at >= select(func.min(newest.c.placed_at)).scalar_subquery())
    return conditions


def _holds(word: str, supplied: frozenset[str]) -> ColumnElement[bool]:
    """Whether an order, as the list comes to it, has the word. A value and no join: so the planner cannot begin with the words
    of all orders there ever were."""
    folded = select(_words.c.folded).where(_words.c.order_id == orders.c.id).correlate(orders).scalar_subquery()
    held: ColumnElement[bool] = folded.contains(word, autoescape=True)
    if not _finds_items(word, supplied):
        return held
    return or_(held, _any_line(order_lines.c.item_id.in_(_bought(_item_is(word, supplied)))))


def _finds_items(word: str, supplied: frozenset[str]) -> bool:
    return word in supplied or (word.isdigit() and len(word) >= _SHORTEST_BARCODE)


def _item_is(word: str, supplied: frozenset[str]) -> ColumnElement[bool]:
    """Of that barcode, or of that supplier."""
    scanned = and_(items.c.barcode == word, items.c.barcode != "")
    if word not in supplied:
        return scanned
    whose = select(suppliers.c.id).where(suppliers.c.name_folded.contains(word, autoescape=True))
    return or_(scanned, items.c.supplier_id.in_(whose))


def _searched(wanted: OrderFilter) -> list[str]:
    return [fold(word) for word in wanted.search.lstrip("?").split()]


def _bought(condition: ColumnElement[bool]) -> Select[Any]:
    return select(items.c.id).where(condition)


def month_after(month: datetime) -> datetime:
    """The first day of the next month."""
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def unstated(wanted: OrderFilter, state: str, *, attention: bool = False) -> OrderFilter:
    """The same list from its start, in another state."""
    return replace(wanted, state=state, attention=attention, before=None)


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


def parts_of(ids: Sequence[int]) -> Select[Any]:
    """The parts of these orders, a row for each of their lines; a part without lines is one row."""
    source: FromClause = fulfillment_orders.join(locations, locations.c.id == fulfillment_orders.c.location_id)
    source = source.outerjoin(staff, staff.c.id == fulfillment_orders.c.assigned_to)
    source = source.outerjoin(fulfillment_lines, fulfillment_lines.c.fulfillment_order_id == fulfillment_orders.c.id)
    source = source.outerjoin(order_lines, order_lines.c.id == fulfillment_lines.c.order_line_id)
    source = source.outerjoin(items, items.c.id == order_lines.c.item_id)
    source = source.outerjoin(
        levels, and_(levels.c.item_id == items.c.id, levels.c.location_id == fulfillment_orders.c.location_id)
    )
    of_line = (
        order_lines.c.id.label("line_id"),
        order_lines.c.sku,
        order_lines.c.title,
        fulfillment_lines.c.quantity,
        fulfillment_lines.c.picked,
        order_lines.c.barcode,
        items.c.barcode.label("item_barcode"),
        levels.c.shelf,
    )
    return (
        select(fulfillment_orders, locations.c.name.label("location"), staff.c.name.label("assignee"), *of_line)
        .select_from(source)
        .where(fulfillment_orders.c.order_id.in_(ids))
        .order_by(locations.c.priority, fulfillment_orders.c.id, order_lines.c.position, order_lines.c.id)
    )
