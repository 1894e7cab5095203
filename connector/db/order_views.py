"""The reading side: orders as lists and as one whole, for the desk, the command line and the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from connector.db import pictures, suppliers
from connector.db.order_search import OrderFilter, counting, listing, looked_up, notes_of, one, parts_of
from connector.db.sealed import Seal
from connector.db.tables import attempts, fulfillment_notes, locations, order_events, order_lines, outbox, shops, staff
from connector.domain.orders import owed_minor
from connector.domain.settings import value
from connector.platform import Told as How

__all__ = ["OrderFilter"]

_MOST_EVENTS = 500
_LEFT = ("shipped", "picked_up")
_PACKED = ("packed", "ready")


@dataclass(frozen=True, slots=True)
class PartLine:
    """So many of a line in one part."""

    order_line_id: int
    sku: str
    title: str
    quantity: int
    picked: int = 0
    codes: tuple[str, ...] = ()  # what a scanner may read on it: barcodes and the SKU
    shelf: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A fulfillment order. `reason` is the explanation: steps of {code, …facts}, see `connector.domain.explanation`."""

    id: int
    location: str
    location_id: int
    state: str
    reason: list[dict[str, Any]]
    lines: tuple[PartLine, ...]
    tracking_number: str = ""
    carrier: str = ""
    tracking_url: str = ""
    assigned_to: int | None = None
    assignee: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A fulfillment note: what staff tell each other about packing an order. The platform never sees it."""

    text: str
    author: str
    at: datetime
    fulfillment_order_id: int | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One row of a list. Articles are (title, sku, quantity); they and `units` are those of the filtered location's part
    where one is given. `parts` are always all parts that are alive (of a cancelled order: all)."""

    id: int
    shop_id: int
    shop: str
    platform: str
    external_id: str
    number: str
    placed_at: datetime
    handover: str
    state: str
    lifecycle: str
    payment: str
    owed_minor: int
    total_minor: int
    currency: str
    customer: str
    units: int
    note: str
    attention: tuple[str, ...]
    backordered: int
    articles: tuple[tuple[str, str, int], ...]
    parts: tuple[Part, ...]
    shipping_method: str = ""
    origin: str = ""
    last_note: str = ""
    last_author: str = ""
    waits_for_payment: bool = False  # what is backordered waits for it, not for goods


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order as it stands here: allocated + backordered = quantity for what takes stock."""

    id: int
    external_id: str
    sku: str
    title: str
    kind: str
    quantity: int
    allocated: int
    backordered: int
    mapped: bool
    unit_price_minor: int
    total_minor: int
    refunded: int = 0
    parent_id: int | None = None
    picked: int = 0
    gone: int = 0  # handed over, here or elsewhere, and not taken back


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the timeline."""

    at: datetime
    code: str
    facts: dict[str, Any]
    actor: str


@dataclass(frozen=True, slots=True)
class Told:
    """One announcement to the platform and how it stands; `tried` are its attempts that failed: (when, how, what was said)."""

    act: str
    state: str
    outcome: str
    reason: str
    tries: int
    due_at: datetime
    fulfillment_order_id: int | None
    tried: tuple[tuple[datetime, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """One order whole. `person` holds what is sealed: email, phone, shipping, billing (see `connector.domain.orders`)."""

    row: OrderRow
    lines: tuple[Line, ...]
    person: dict[str, Any]
    shipping_method: str
    payment_method: str
    origin: str
    pickup_location: str
    platform_status: str
    reason: list[dict[str, Any]]
    recorded_minor: int
    pay_first: bool
    difference_minor: int = 0
    amounts: dict[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = field(default=())
    told: tuple[Told, ...] = field(default=())
    notes: tuple[Note, ...] = field(default=())
    pictures: Mapping[int, str] = field(default_factory=dict)  # line id -> where its picture lies, for those that have one
    language: str = ""  # what the shop's customers read, where its settings say so


@dataclass(frozen=True, slots=True)
class Choices:
    """What a list can be filtered by: (id, name), in the order to show."""

    locations: tuple[tuple[int, str], ...]
    shops: tuple[tuple[int, str], ...]
    staff: tuple[tuple[int, str], ...] = ()
    suppliers: tuple[tuple[int, str], ...] = ()


def list_orders(conn: Connection, wanted: OrderFilter) -> list[OrderRow]:
    """Orders by the filter, newest first unless `oldest_first`, in four statements whatever their number."""
    found = conn.execute(listing(looked_up(conn, wanted))).all()
    ids = [row.id for row in found]
    lines = _lines_by_order(conn, ids)
    parts = _parts_by_order(conn, ids)
    notes = {row.id: (row.text, row.author) for row in conn.execute(notes_of(ids))} if ids else {}
    return [_row(row, lines[row.id], parts[row.id], wanted.location_id, notes.get(row.id, ("", ""))) for row in found]


def counts(conn: Connection, lists: Sequence[OrderFilter]) -> list[int]:
    """How many orders each list holds; COUNTED means "so many or more"."""
    searches = {(wanted.search, wanted.history): wanted for wanted in lists}  # mostly one in all lists: it is looked up once
    known = {key: looked_up(conn, wanted) for key, wanted in searches.items()}
    resolved = [_resolved(wanted, known[wanted.search, wanted.history]) for wanted in lists]
    return list(conn.execute(counting(resolved)).one()) if lists else []


def _resolved(wanted: OrderFilter, known: OrderFilter) -> OrderFilter:
    return replace(wanted, supplier_words=known.supplier_words, found=known.found)


def order_detail(conn: Connection, seal: Seal, order_id: int) -> OrderDetail | None:
    """One order with everything a person wants to know of it, or None; eight statements."""
    found = conn.execute(one(order_id)).first()
    if found is None:
        return None
    lines = _lines_by_order(conn, [order_id])[order_id]
    parts = _parts_by_order(conn, [order_id])[order_id]
    return OrderDetail(
        row=_row(found, lines, parts, None),
        lines=_lines(lines, parts),
        person=seal.open_json(found.sealed_person) or {},
        shipping_method=found.shipping_method,
        payment_method=found.payment_method,
        origin=found.origin,
        pickup_location=found.pickup_name,
        platform_status=found.platform_status,
        reason=found.reason,
        recorded_minor=found.recorded_minor,
        pay_first=bool(value(found.settings, "pay_first")),
        difference_minor=found.difference_minor,
        amounts=found.amounts,
        events=_events(conn, order_id),
        told=_told(conn, order_id),
        notes=_notes(conn, order_id),
        pictures=pictures.of_lines(conn, [line.id for line in lines]),
        language=str(found.settings.get("language") or ""),
    )


def choices(conn: Connection) -> Choices:
    """All locations by priority; all shops, those who work here, and suppliers by name."""
    places = select(locations.c.id, locations.c.name).order_by(locations.c.priority, locations.c.name)
    stores = select(shops.c.id, shops.c.name).order_by(shops.c.name)
    people = select(staff.c.id, staff.c.name).where(staff.c.enabled).order_by(staff.c.name_folded)
    return Choices(
        tuple((row.id, row.name) for row in conn.execute(places)),
        tuple((row.id, row.name) for row in conn.execute(stores)),
        tuple((row.id, row.name) for row in conn.execute(people)),
        tuple(suppliers.choices(conn)),
    )


# --- rows to values --------------------------------------------------------------------------------------------------


def _lines_by_order(conn: Connection, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    query = select(order_lines).where(order_lines.c.order_id.in_(ids)).order_by(order_lines.c.position, order_lines.c.id)
    by_order: dict[int, list[Row[Any]]] = defaultdict(list)
    for line in conn.execute(query) if ids else ():
        by_order[line.order_id].append(line)
    return by_order


def _parts_by_order(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[Part, ...]]:
    rows: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in conn.execute(parts_of(ids)) if ids else ():
        rows[row.id].append(row)
    by_order: dict[int, tuple[Part, ...]] = defaultdict(tuple)
    for of_part in rows.values():
        by_order[of_part[0].order_id] += (_part(of_part),)
    return by_order


def _part(rows: Sequence[Row[Any]]) -> Part:
    first = rows[0]
    return Part(
        id=first.id,
        location=first.location,
        location_id=first.location_id,
        state=first.state,
        reason=first.reason,
        lines=tuple(_part_line(row) for row in rows if row.line_id is not None),
        tracking_number=first.tracking_number,
        carrier=first.carrier,
        tracking_url=first.tracking_url,
        assigned_to=first.assigned_to,
        assignee=first.assignee or "",
    )


def _part_line(row: Row[Any]) -> PartLine:
    codes = dict.fromkeys(code for code in (row.item_barcode, row.barcode, row.sku) if code)
    return PartLine(row.line_id, row.sku, row.title, row.quantity, row.picked, tuple(codes), row.shelf or "")


def _row(
    found: Row[Any],
    lines: Sequence[Row[Any]],
    parts: tuple[Part, ...],
    location_id: int | None,
    note: tuple[str, str] = ("", ""),
) -> OrderRow:
    here = _articles_at(parts, location_id)
    sold = [line for line in lines if line.parent_id is None]
    articles = tuple((line.title, line.sku, line.quantity) for line in sold) if location_id is None else here
    return OrderRow(
        id=found.id,
        shop_id=found.shop_id,
        shop=found.shop,
        platform=found.platform,
        external_id=found.external_id,
        number=found.number,
        placed_at=found.placed_at,
        handover=found.handover,
        state=found.state,
        lifecycle=found.lifecycle,
        payment=found.payment,
        owed_minor=_owed(found),
        total_minor=found.total_minor,
        currency=found.currency,
        customer=found.customer_name,
        units=sum(quantity for _, _, quantity in articles),
        note=found.note,
        attention=tuple(found.attention),
        backordered=sum(line.backordered for line in lines),
        articles=articles,
        parts=tuple(_alive(parts)) or parts,
        shipping_method=found.shipping_method,
        origin=found.origin,
        last_note=note[0],
        last_author=note[1],
        waits_for_payment=_waits_for_payment(found),
    )


def _waits_for_payment(found: Row[Any]) -> bool:
    return any(step["code"] == "waits_for_payment" for step in found.reason)


def _owed(found: Row[Any]) -> int:
    authorized = bool(value(found.settings, "accept_authorized"))
    return owed_minor(found.payment, found.outstanding_minor, found.recorded_minor, accept_authorized=authorized)


def _articles_at(parts: Iterable[Part], location_id: int | None) -> tuple[tuple[str, str, int], ...]:
    here = [part for part in _alive(parts) if part.location_id == location_id]
    return tuple((line.title, line.sku, line.quantity) for part in here for line in part.lines)


def _alive(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part.state != "cancelled"]


def _lines(lines: Sequence[Row[Any]], parts: Iterable[Part]) -> tuple[Line, ...]:
    allocated: dict[int, int] = defaultdict(int)
    picked: dict[int, int] = defaultdict(int)
    gone: dict[int, int] = defaultdict(int)
    for state, given in ((part.state, line) for part in _alive(parts) for line in part.lines):
        allocated[given.order_line_id] += given.quantity
        picked[given.order_line_id] += given.quantity if state in (*_PACKED, *_LEFT) else given.picked
        gone[given.order_line_id] += given.quantity if state in _LEFT else 0
    return tuple(
        Line(
            id=line.id,
            external_id=line.external_id,
            sku=line.sku,
            title=line.title,
            kind=line.kind,
            quantity=line.quantity,
            allocated=allocated[line.id],
            backordered=line.backordered,
            mapped=line.item_id is not None,
            unit_price_minor=line.unit_price_minor,
            total_minor=line.total_minor,
            refunded=line.refunded,
            parent_id=line.parent_id,
            picked=picked[line.id],
            gone=gone[line.id] + line.elsewhere + line.left_before,
        )
        for line in lines
    )


def _events(conn: Connection, order_id: int) -> tuple[Event, ...]:
    query = select(order_events).where(order_events.c.order_id == order_id).order_by(order_events.c.id).limit(_MOST_EVENTS)
    return tuple(Event(row.at, row.code, row.facts, row.actor) for row in conn.execute(query))


def _told(conn: Connection, order_id: int) -> tuple[Told, ...]:
    query = select(outbox).where(outbox.c.order_id == order_id).order_by(outbox.c.id).limit(_MOST_EVENTS)
    rows = conn.execute(query).all()
    tried = _tried(conn, [row.id for row in rows])
    return tuple(
        Told(row.act, row.state, row.outcome, row.reason, row.tries, row.due_at, row.fulfillment_order_id, tuple(tried[row.id]))
        for row in rows
    )


def _tried(conn: Connection, outbox_ids: Sequence[int]) -> dict[int, list[tuple[datetime, str, str]]]:
    """Failed attempts by announcement, oldest first."""
    failed = attempts.c.outbox_id.in_(outbox_ids), attempts.c.outcome.not_in([told.value for told in How])
    query = select(attempts).where(*failed).order_by(attempts.c.id).limit(_MOST_EVENTS)
    found: dict[int, list[tuple[datetime, str, str]]] = defaultdict(list)
    for row in conn.execute(query) if outbox_ids else ():
        found[row.outbox_id].append((row.at, row.outcome, row.detail))
    return found


def _notes(conn: Connection, order_id: int) -> tuple[Note, ...]:
    columns = [fulfillment_notes.c[name] for name in Note.__dataclass_fields__]
    query = select(*columns).where(fulfillment_notes.c.order_id == order_id).order_by(fulfillment_notes.c.id)
    return tuple(Note(*row) for row in conn.execute(query.limit(_MOST_EVENTS)))
