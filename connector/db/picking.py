"""Lines of parts while they are picked, and the list of what to take from which shelf."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from connector.db.tables import (
    fulfillment_lines,
    fulfillment_notes,
    fulfillment_orders,
    items,
    levels,
    locations,
    order_lines,
    orders,
    scans,
    staff,
)
from connector.domain.fulfillment import State

MOST_PARTS = 300
TO_PICK = (State.NEW.value, State.IN_PROGRESS.value)


@dataclass(frozen=True, slots=True)
class PickLine:
    """So many of an article for one part; `codes` is what a scanner may read on it."""

    order_id: int
    number: str
    part_id: int
    line_id: int
    sku: str
    title: str
    codes: tuple[str, ...]
    shelf: str
    quantity: int
    picked: int
    location: str
    location_id: int
    assignee: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class Shelf:
    """One article at its place: how many are left to take, and for whom."""

    shelf: str
    sku: str
    title: str
    quantity: int
    picked: int
    lines: tuple[PickLine, ...]


def lines_of(conn: Connection, part_id: int) -> list[PickLine]:
    """The lines of one part, in the order of the shelves."""
    return sorted(_lines(conn, fulfillment_orders.c.id == part_id), key=_walk)


def waiting_lines(conn: Connection, location_id: int | None = None, order_ids: Collection[int] = ()) -> list[PickLine]:
    """The lines of the oldest parts still to be picked, at a location or of these orders."""
    conditions: list[ColumnElement[bool]] = [fulfillment_orders.c.state.in_(TO_PICK)]
    if location_id is not None:
        conditions.append(fulfillment_orders.c.location_id == location_id)
    if order_ids:
        conditions.append(fulfillment_orders.c.order_id.in_(list(order_ids)))
    oldest = select(fulfillment_orders.c.id).where(*conditions).order_by(fulfillment_orders.c.id).limit(MOST_PARTS)
    return sorted(_lines(conn, fulfillment_orders.c.id.in_(oldest)), key=_walk)


def by_shelf(lines: Sequence[PickLine]) -> list[Shelf]:
    """The same lines, one row for each article on a shelf, in the order of a walk along the shelves."""
    rows: dict[tuple[str, str, str], list[PickLine]] = {}
    for line in sorted(lines, key=_walk):
        rows.setdefault((line.shelf, line.sku, line.title), []).append(line)
    return [
        Shelf(shelf, sku, title, sum(line.quantity for line in of), sum(line.picked for line in of), tuple(of))
        for (shelf, sku, title), of in rows.items()
    ]


def set_picked(conn: Connection, part_id: int, line_id: int, units: int) -> None:
    """So many of a line are picked."""
    line = fulfillment_lines.c
    where = and_(line.fulfillment_order_id == part_id, line.order_line_id == line_id)
    conn.execute(update(fulfillment_lines).where(where).values(picked=units))


def scanned(conn: Connection, key: str) -> str | None:
    """How a scan ended that came before; None for a new one."""
    return conn.execute(select(scans.c.outcome).where(scans.c.key == key)).scalar()


def note_scan(conn: Connection, key: str, part_id: int, line_id: int | None, outcome: str, actor: str, now: datetime) -> None:
    """Remember a scan, so that it counts once."""
    row = {"key": key, "fulfillment_order_id": part_id, "order_line_id": line_id, "outcome": outcome}
    conn.execute(insert(scans).values(**row, actor=actor, at=now))


def assign(conn: Connection, part_id: int, staff_id: int | None) -> None:
    """Who picks the part; None for nobody."""
    conn.execute(update(fulfillment_orders).where(fulfillment_orders.c.id == part_id).values(assigned_to=staff_id))


def add_note(conn: Connection, order_id: int, part_id: int | None, text: str, author: str, now: datetime) -> None:
    """Write a fulfillment note."""
    row = {"order_id": order_id, "fulfillment_order_id": part_id, "text": text, "author": author, "at": now}
    conn.execute(insert(fulfillment_notes).values(**row))


def set_shelf(conn: Connection, item_id: int, location_id: int, shelf: str) -> None:
    """Where an item stands at a location."""
    row = upsert(levels).values(item_id=item_id, location_id=location_id, shelf=shelf)
    conn.execute(row.on_conflict_do_update(index_elements=["item_id", "location_id"], set_={"shelf": shelf}))


def article_of(conn: Connection, code: str) -> str:
    """The title of the item with this code, "" where there is none: to say what was scanned by mistake."""
    found = select(items.c.title).where((items.c.barcode == code) | (items.c.sku == code)).limit(1)
    return str(conn.execute(found).scalar() or "")


def _lines(conn: Connection, wanted: Any) -> list[PickLine]:
    source = fulfillment_lines.join(fulfillment_orders, fulfillment_orders.c.id == fulfillment_lines.c.fulfillment_order_id)
    source = source.join(order_lines, order_lines.c.id == fulfillment_lines.c.order_line_id)
    source = source.join(orders, orders.c.id == fulfillment_orders.c.order_id)
    source = source.join(locations, locations.c.id == fulfillment_orders.c.location_id)
    whole = source.outerjoin(items, items.c.id == order_lines.c.item_id).outerjoin(
        levels, and_(levels.c.item_id == items.c.id, levels.c.location_id == locations.c.id)
    )
    whole = whole.outerjoin(staff, staff.c.id == fulfillment_orders.c.assigned_to)
    columns = (
        orders.c.id.label("order_id"),
        orders.c.number,
        orders.c.external_id,
        orders.c.placed_at,
        fulfillment_orders.c.id.label("part_id"),
        order_lines.c.id.label("line_id"),
        order_lines.c.sku,
        order_lines.c.title,
        order_lines.c.barcode,
        items.c.barcode.label("item_barcode"),
        items.c.sku.label("item_sku"),
        levels.c.shelf,
        fulfillment_lines.c.quantity,
        fulfillment_lines.c.picked,
        locations.c.name.label("location"),
        locations.c.id.label("location_id"),
        staff.c.name.label("assignee"),
    )
    return [_line(row) for row in conn.execute(select(*columns).select_from(whole).where(wanted))]


def _line(row: Any) -> PickLine:
    codes = dict.fromkeys(code for code in (row.item_barcode, row.barcode, row.sku, row.item_sku) if code)
    return PickLine(
        order_id=row.order_id,
        number=row.number or row.external_id,
        part_id=row.part_id,
        line_id=row.line_id,
        sku=row.sku,
        title=row.title or row.sku,
        codes=tuple(codes),
        shelf=row.shelf or "",
        quantity=row.quantity,
        picked=row.picked,
        location=row.location,
        location_id=row.location_id,
        assignee=row.assignee or "",
        placed_at=row.placed_at,
    )


def _walk(line: PickLine) -> tuple[Any, ...]:
    """A2 before A10, what has no shelf at the end, then the oldest order."""
    numbered = [(int(piece), "") if piece.isdigit() else (-1, piece.casefold()) for piece in re.split(r"([0-9]+)", line.shelf)]
    return (not line.shelf, numbered, line.title, line.placed_at, line.part_id)
