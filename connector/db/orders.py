"""Orders, their lines and parts: reading them under lock, and writing them many at a time."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from connector.db import events, many
from connector.db.many import among
from connector.db.sealed import Seal
from connector.db.tables import fulfillment_lines, fulfillment_orders, order_events, order_lines, order_words, orders
from connector.domain.differences import HeldPart
from connector.domain.distance import area
from connector.domain.fulfillment import State
from connector.domain.orders import Address, Customer, Order, total_difference_minor
from connector.domain.text import fold, grams


@dataclass(frozen=True, slots=True)
class Head:
    """An order's own row, as far as decisions need it."""

    id: int
    shop_id: int
    external_id: str
    number: str
    placed_at: datetime
    version: datetime
    digest: str
    currency: str
    outstanding_minor: int
    payment: str
    lifecycle: str
    handover: str
    pickup_location: str
    history: bool
    attention: list[str]
    destination: str
    tags: list[str]
    revision: int = 0
    recorded_minor: int = 0
    state: str = "new"
    reason: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class LineRow:
    """An order line as stored."""

    id: int
    order_id: int
    external_id: str
    sku: str
    title: str
    kind: str
    quantity: int
    left_before: int
    item_id: int | None
    assigned_location: str
    backordered: int = 0
    fulfilled: int = 0
    elsewhere: int = 0
    taken_back: int = 0
    parent_id: int | None = None
    per_parent: int = 0


_Row = Mapping[str, Any]
_HEAD = tuple(orders.c[field.name] for field in dataclasses.fields(Head))
_LINE = tuple(order_lines.c[field.name] for field in dataclasses.fields(LineRow))


def head_of(row: _Row) -> Head:
    """The head of an order that is not written yet, of the row it is to have."""
    return Head(**{field.name: row[field.name] for field in dataclasses.fields(Head) if field.name in row})


def line_of(row: _Row) -> LineRow:
    """A line that is not written yet, of the row it is to have."""
    return LineRow(**{field.name: row[field.name] for field in dataclasses.fields(LineRow) if field.name in row})


def new_ids(conn: Connection, table: Table, count: int) -> list[int]:
    """Reserve `count` ids of a table, so that rows that refer to each other can be written without asking back."""
    if not count:
        return []
    sequence = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
    return list(conn.execute(sequence, {"table": table.name, "count": count}).scalars())


def lock_by_external_ids(conn: Connection, shop_id: int, external_ids: Collection[str]) -> dict[str, Head]:
    """A shop's orders by the platform's ids, locked."""
    rows = _locked(conn, select(*_HEAD).where(orders.c.shop_id == shop_id, among(orders.c.external_id, external_ids)))
    return {head.external_id: head for head in rows}


def lock_by_ids(conn: Connection, order_ids: Collection[int]) -> dict[int, Head]:
    """Orders by our ids, locked."""
    return {head.id: head for head in _locked(conn, select(*_HEAD).where(among(orders.c.id, order_ids)))}


def _locked(conn: Connection, wanted: Select[Any]) -> list[Head]:
    return [Head(*row) for row in conn.execute(wanted.order_by(orders.c.id).with_for_update()).all()]


def columns(order: Order, seal: Seal, fingerprint: str) -> dict[str, Any]:
    """The columns of an order's row that come from the platform, and its digest. What identifies a person is sealed, except
    the name."""
    person = {part: _fields(getattr(order, part)) for part in ("customer", "shipping", "billing")}
    difference = total_difference_minor(order)
    name = _name(order)
    return {
        "external_id": order.external_id,
        "number": order.number,
        "placed_at": order.placed_at,
        "version": order.version,
        "digest": fingerprint,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "outstanding_minor": order.outstanding_minor,
        "payment": order.payment.value,
        "lifecycle": order.lifecycle.value,
        "platform_status": order.platform_status,
        "handover": order.handover.value,
        "pickup_location": order.pickup_location,
        "customer_name": name,
        "customer_folded": fold(name),
        "sealed_person": seal.seal_json(person),
        "note": order.note,
        "shipping_method": order.shipping_method,
        "payment_method": order.payment_method,
        "origin": order.origin,
        "attention": [*order.attention, *(["total_differs"] if difference else [])],
        "destination": area(order.shipping.country, order.shipping.postcode),
        "tags": list(order.tags),
        "amounts": dataclasses.asdict(order.amounts) if order.amounts else {},
        "difference_minor": difference,
    }


def note_words(conn: Connection, found_by: Mapping[int, Order], fresh: Collection[int]) -> None:
    """What orders are searched by, by id: number, name, and SKU, barcode and title of each line. `fresh` are those just added."""
    rows = [_searched(order_id, _words(order)) for order_id, order in found_by.items()]
    many.add(conn, order_words, [row for row in rows if row["order_id"] in fresh])
    _store_words(conn, [row for row in rows if row["order_id"] not in fresh])


def keep_words(conn: Connection, order_ids: Collection[int]) -> None:
    """What orders are searched by without their customer: number, and SKU, barcode and title of each line."""
    numbers = select(orders.c.id, orders.c.number).where(orders.c.id.in_(list(order_ids)))
    words = {row.id: [row.number] for row in conn.execute(numbers)}
    lines = select(*(order_lines.c[name] for name in ("order_id", "sku", "barcode", "title")))
    for row in conn.execute(lines.where(order_lines.c.order_id.in_(list(order_ids))).order_by(order_lines.c.id)):
        words[row.order_id] += [row.sku, row.barcode, row.title]
    _store_words(conn, [_searched(number, list(dict.fromkeys(filter(None, found)))) for number, found in words.items()])


def _searched(order_id: int, words: Sequence[str]) -> dict[str, Any]:
    folded = fold("\n".join(words))
    return {"order_id": order_id, "folded": folded, "grams": grams(folded)}


def _store_words(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = upsert(order_words)
    new = statement.excluded
    changed = statement.on_conflict_do_update(
        index_elements=[order_words.c.order_id],
        set_={"folded": new.folded, "grams": new.grams},
        where=order_words.c.folded != new.folded,
    )
    conn.execute(changed, sorted(rows, key=lambda row: int(row["order_id"])))


def _words(order: Order) -> list[str]:
    lines = [word for line in order.lines for word in (line.sku, line.barcode, line.title)]
    return list(dict.fromkeys(word for word in (order.number, _name(order), *lines) if word))


def _name(order: Order) -> str:
    return order.customer.name or order.shipping.name or order.billing.name


def _fields(person: Customer | Address) -> dict[str, str]:
    """`asdict` without its copying: every field is a text."""
    return {name: getattr(person, name) for name in person.__slots__}


def insert_many(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New orders, ids included."""
    many.add(conn, orders, rows)


def update_many(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change orders by `id`; all rows name the same columns."""
    many.change(conn, orders, rows)


def add_lines(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """The lines of new orders, ids included."""
    many.add(conn, order_lines, rows)


def write_lines(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert lines or bring them up to date by (order, external id). A line once mapped keeps its item and SKU:
    a platform may show another product's SKU after the sold one was deleted."""
    new, known = _without_lines(conn, rows)
    many.add(conn, order_lines, new)
    _upsert_lines(conn, known)


def _without_lines(conn: Connection, rows: Sequence[_Row]) -> tuple[list[_Row], list[_Row]]:
    """The rows that can only be new, being the first of their name in an order that has no lines yet; and the others."""
    order_ids = {row["order_id"] for row in rows}
    having = set(
        conn.execute(select(order_lines.c.order_id).distinct().where(among(order_lines.c.order_id, order_ids))).scalars()
    )
    seen: set[tuple[int, str]] = set()
    new: list[_Row] = []
    known: list[_Row] = []
    for row in rows:
        name = row["order_id"], row["external_id"]
        (known if name in seen or row["order_id"] in having else new).append(row)
        seen.add(name)
    return new, known


def _upsert_lines(conn: Connection, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    statement = upsert(order_lines)
    new = statement.excluded
    kept = {
        name: text(f"CASE WHEN order_lines.item_id IS NULL THEN excluded.{name} ELSE order_lines.{name} END")
        for name in ("sku", "item_id")
    }
    fresh = ("position", "barcode", "variant_id", "title", "kind", "quantity", "unit_price_minor", "total_minor", "refunded")
    changes = {**kept, **{name: new[name] for name in (*fresh, "fulfilled", "per_parent", "assigned_location")}}
    changes["backordered"] = text("least(order_lines.backordered, excluded.quantity)")
    conn.execute(statement.on_conflict_do_update(index_elements=["order_id", "external_id"], set_=changes), list(rows))


# Between the external id of a bundle's line and the SKU of a component: no platform's id has it.
COMPONENT = " / "


def link_components(conn: Connection, order_ids: Collection[int]) -> None:
    """Tell the components of bundles which line they belong to."""
    sold = order_lines.alias("sold")
    named = func.split_part(order_lines.c.external_id, COMPONENT, 1)
    mine = (sold.c.order_id == order_lines.c.order_id) & (sold.c.external_id == named)
    wanted = update(order_lines).where(order_lines.c.order_id.in_(list(order_ids)), order_lines.c.per_parent > 0)
    conn.execute(wanted.where(order_lines.c.parent_id.is_(None), mine).values(parent_id=sold.c.id))


def drop_lines(conn: Connection, order_id: int, kept_external_ids: Collection[str]) -> None:
    """Lines the platform no longer shows want nothing any more; their rows stay, other rows refer to them."""
    gone = order_lines.c.external_id.not_in(list(kept_external_ids))
    conn.execute(update(order_lines).where(order_lines.c.order_id == order_id, gone).values(quantity=0, backordered=0))


def lines_of(conn: Connection, order_ids: Collection[int]) -> dict[int, list[LineRow]]:
    """The lines of each order, in their order."""
    found: dict[int, list[LineRow]] = defaultdict(list)
    rows = select(*_LINE).where(among(order_lines.c.order_id, order_ids))
    for row in conn.execute(rows.order_by(order_lines.c.order_id, order_lines.c.position, order_lines.c.id)).all():
        line = LineRow(*row)
        found[line.order_id].append(line)
    return found


def parts_of(conn: Connection, order_ids: Collection[int]) -> dict[int, list[HeldPart]]:
    """The fulfillment orders of each order with their lines, oldest first."""
    rows = conn.execute(
        select(
            fulfillment_orders.c.order_id,
            fulfillment_orders.c.id,
            fulfillment_orders.c.location_id,
            fulfillment_orders.c.state,
            fulfillment_lines.c.order_line_id,
            fulfillment_lines.c.quantity,
        )
        .outerjoin(fulfillment_lines, fulfillment_lines.c.fulfillment_order_id == fulfillment_orders.c.id)
        .where(among(fulfillment_orders.c.order_id, order_ids))
        .order_by(fulfillment_orders.c.id)
    )
    found: dict[int, dict[int, HeldPart]] = defaultdict(dict)
    for row in rows:
        part = found[row.order_id].setdefault(row.id, HeldPart(row.id, row.location_id, State(row.state), {}))
        if row.order_line_id is not None:
            part.lines[row.order_line_id] = row.quantity  # type: ignore[index]
    return {order_id: list(parts.values()) for order_id, parts in found.items()}


def insert_parts(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New fulfillment orders, ids included."""
    many.add(conn, fulfillment_orders, rows)


def set_part_lines(conn: Connection, part_ids: Collection[int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace the lines of existing parts (`part_ids`) and write those of new ones. What was picked stays picked."""
    picked: dict[tuple[int, int], int] = {}
    if part_ids:
        line = fulfillment_lines.c
        gone = delete(fulfillment_lines).where(among(line.fulfillment_order_id, part_ids))
        gone_rows = conn.execute(gone.returning(line.fulfillment_order_id, line.order_line_id, line.picked))
        picked = {(row.fulfillment_order_id, row.order_line_id): row.picked for row in gone_rows}
    kept = [min(picked.get((row["fulfillment_order_id"], row["order_line_id"]), 0), row["quantity"]) for row in rows]
    many.add(conn, fulfillment_lines, [{**row, "picked": units} for row, units in zip(rows, kept, strict=True)])


def set_part_states(conn: Connection, states: Mapping[int, State], now: datetime, **more: str) -> None:
    """Move parts to their new states; `more` are further columns, the same for all (tracking). Who listens is told."""
    events.note_parts(conn, {part: state.value for part, state in states.items()}, more, now)
    for state in set(states.values()):
        ids = [part for part, wanted in states.items() if wanted is state]
        moved = update(fulfillment_orders).where(fulfillment_orders.c.id.in_(ids))
        conn.execute(moved.values(state=state.value, changed_at=now, **more))


def reduce_parts(conn: Connection, parts: Sequence[HeldPart], now: datetime) -> None:
    """Parts as they are to hold less: those with nothing left are cancelled and keep their lines as a memory."""
    emptied = [part for part in parts if not part.lines]
    set_part_states(conn, {part.id: State.CANCELLED for part in emptied}, now)
    kept = [part for part in parts if part.lines]
    set_part_lines(
        conn,
        [part.id for part in kept],
        [
            {"fulfillment_order_id": part.id, "order_line_id": line, "quantity": units}
            for part in kept
            for line, units in part.lines.items()
        ],
    )


def set_backordered(conn: Connection, backordered: Mapping[int, int]) -> None:
    """Line id -> units that wait for stock."""
    many.change(conn, order_lines, [{"id": line, "backordered": units} for line, units in backordered.items()])


def map_lines(conn: Connection, item_by_sku: Mapping[str, int]) -> list[int]:
    """Give waiting lines with these SKUs their item; the ids of the orders concerned."""
    found: set[int] = set()
    for sku, item in item_by_sku.items():
        waiting = (order_lines.c.sku == sku) & order_lines.c.item_id.is_(None)
        mapped = update(order_lines).where(waiting).values(item_id=item).returning(order_lines.c.order_id)
        found.update(conn.execute(mapped).scalars())
    return sorted(found)


def waiting_for(conn: Connection, item_ids: Collection[int], *, limit: int) -> list[int]:
    """Open orders with backordered units of these items, the oldest first."""
    rows = (
        select(orders.c.id)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(order_lines.c.item_id.in_(list(item_ids)), order_lines.c.backordered > 0, orders.c.open)
        .group_by(orders.c.id)
        .order_by(orders.c.placed_at, orders.c.id)
        .limit(limit)
    )
    return list(conn.execute(rows).scalars())


def note_events(conn: Connection, rows: Sequence[tuple[int, str, Mapping[str, Any], str]], now: datetime) -> None:
    """Write the timeline: (order id, code, facts, actor)."""
    values = [
        {"order_id": order_id, "code": code, "facts": dict(facts), "actor": actor, "at": now}
        for order_id, code, facts, actor in rows
    ]
    many.add(conn, order_events, values)
