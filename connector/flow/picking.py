"""Picking a part: each scan counts once, and nothing is picked that the part does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from connector.db import goods, orders, picking, staff
from connector.db.picking import PickLine
from connector.db.tables import fulfillment_orders
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import State, Step
from connector.domain.text import storable
from connector.flow import fulfill, reroute
from connector.flow.wake import Wake

LONGEST_NOTE = 2000
_LONGEST_CODE = 200
_OPEN = (State.NEW, State.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Scanned:
    """How a scan ended: picked, wrong (not in this part), full (enough of it) or closed (not being picked any more).

    `line` is the line as it stands now; `article` names what was scanned by mistake, where it is known.
    """

    outcome: str
    line: PickLine | None = None
    article: str = ""
    wakes: tuple[Wake, ...] = ()


def scan(engine: Engine, part_id: int, code: str, now: datetime, *, actor: str, key: str, staff_id: int | None = None) -> Scanned:
    """Count one article. The first scan starts the part and assigns it to who scans, where nobody has it.

    `key` names the scan: sent again it changes nothing. NotFound where there is no such part; Rejected where its
    preparation may not start (on hold, not paid where that is needed).
    """
    code = storable(code).strip()[:_LONGEST_CODE]
    with engine.begin() as conn:
        part = _locked(conn, part_id)
        earlier = picking.scanned(conn, f"{part_id}:{key}")
        lines = picking.lines_of(conn, part_id)
        fitting = [line for line in lines if code.casefold() in {one.casefold() for one in line.codes}]
        if earlier is not None:
            return Scanned(earlier, fitting[0] if fitting else None)
        outcome, line = _judged(State(part.state), fitting)
        wakes: tuple[Wake, ...] = ()
        if outcome == "picked" and line is not None:
            line = replace(line, picked=line.picked + 1)
            wakes = _begin(conn, part, staff_id, now, actor)
            picking.set_picked(conn, part_id, line.line_id, line.picked)
        picking.note_scan(conn, f"{part_id}:{key}", part_id, line.line_id if line else None, outcome, actor, now)
        return Scanned(outcome, line, picking.article_of(conn, code) if outcome == "wrong" else "", wakes)


def set_picked(engine: Engine, part_id: int, line_id: int, units: int, now: datetime, *, actor: str, reason: str = "") -> None:
    """Say how many of a line are picked: fewer again, or without a scanner. A reason becomes a fulfillment note.

    Rejected where the part is not being picked or the number is not between 0 and what is wanted.
    """
    with engine.begin() as conn:
        part = _locked(conn, part_id)
        line = next((line for line in picking.lines_of(conn, part_id) if line.line_id == line_id), None)
        if line is None:
            raise NotFound("This line is not in this part.", "Load the page again.")
        _must_be_open(part.state)
        if not 0 <= units <= line.quantity:
            raise Rejected("So many are not wanted.", "Give a number from 0 to what is wanted.")
        if units:
            _begin(conn, part, None, now, actor)
        picking.set_picked(conn, part_id, line_id, units)
        if storable(reason).strip():
            words = f"{line.title}: {units}/{line.quantity} – {storable(reason).strip()}"
            picking.add_note(conn, part.order_id, part_id, words[:LONGEST_NOTE], actor, now)


@dataclass(frozen=True, slots=True)
class Packed:
    """How packing ended: `missing` units were not picked, of which `waiting` are a backorder now; `elsewhere` names the
    locations that prepare what this one could not give. `here` is false where nothing at all was picked."""

    missing: int = 0
    waiting: int = 0
    elsewhere: tuple[str, ...] = ()
    here: bool = True
    wakes: tuple[Wake, ...] = ()


def pack(engine: Engine, part_id: int, now: datetime, *, actor: str, reason: str = "") -> Packed:
    """Mark packed what was picked. What is missing needs a reason, which becomes a fulfillment note; it comes from another
    location or waits, and this one is not asked for it again until goods arrive."""
    with engine.begin() as conn:
        part = _locked(conn, part_id)
        lines = picking.lines_of(conn, part_id)
        short = [line for line in lines if line.picked < line.quantity]
        why = storable(reason).strip()
        if short and not why:
            raise Rejected("Not everything is picked.", "Pick the rest, or say why it is missing.")
        if short:
            missing = ", ".join(f"{line.title} {line.picked}/{line.quantity}" for line in short)
            picking.add_note(conn, part.order_id, part_id, f"{missing} – {why}"[:LONGEST_NOTE], actor, now)
            return _short(conn, part, lines, why, actor, now)
        return Packed(wakes=fulfill.take_step(conn, part_id, Step.PACK, now, actor=actor).wakes)


def _short(conn: Connection, part: Any, lines: Sequence[PickLine], why: str, actor: str, now: datetime) -> Packed:
    _must_be_open(part.state)
    waited = _backordered(conn, part.order_id)
    kept = {line.line_id: line.picked for line in lines}
    done = reroute.pack_short_within(conn, part.id, kept, now, actor=actor, note=why)
    others = tuple(dict.fromkeys(place for number, place, state, _ in done.parts if number != part.id and state in _OPEN))
    missing = sum(line.quantity - line.picked for line in lines)
    return Packed(missing, max(0, done.backordered - waited), others, any(kept.values()), done.wakes)


def _backordered(conn: Connection, order_id: int) -> int:
    return sum(line.backordered for line in orders.lines_of(conn, [order_id])[order_id])


def assign(engine: Engine, part_id: int, staff_id: int | None, now: datetime, *, actor: str) -> str:
    """Give a part to someone, or to nobody; their name. NotFound where there is no such person."""
    with engine.begin() as conn:
        part = _locked(conn, part_id)
        member = staff.by_id(conn, staff_id) if staff_id is not None else None
        if staff_id is not None and (member is None or not member.enabled):
            raise NotFound("This person does not work here.", "Choose another.")
        picking.assign(conn, part_id, staff_id)
        name = member.name if member else ""
        orders.note_events(conn, [(part.order_id, "assigned", {"part": part_id, "to": name}, actor)], now)
        return name


def note(engine: Engine, order_id: int, text: str, now: datetime, *, author: str, part_id: int | None = None) -> None:
    """Write a fulfillment note. NotFound where there is no such order; Rejected for an empty one."""
    words = storable(text).strip()
    if not words:
        raise Rejected("The note is empty.", "Write something.")
    with engine.begin() as conn:
        if not orders.lock_by_ids(conn, [order_id]):
            raise NotFound(f"There is no order {order_id}.", "`connector orders list` shows them.")
        picking.add_note(conn, order_id, part_id, words[:LONGEST_NOTE], author, now)


def set_shelf(engine: Engine, location: str, sku: str, shelf: str) -> None:
    """Say on which shelf of a location (by code) an item stands. NotFound for an unknown location or SKU."""
    with engine.begin() as conn:
        place = goods.location_ids(conn).get(location)
        item = goods.item_ids(conn, [sku]).get(sku)
        if place is None or item is None:
            missing = f"location {location!r}" if place is None else f"item {sku!r}"
            raise NotFound(f"There is no {missing}.", "`connector locations list` and `connector items list` show them.")
        picking.set_shelf(conn, item, place, storable(shelf).strip()[:60])


def _judged(state: State, fitting: Sequence[PickLine]) -> tuple[str, PickLine | None]:
    if not fitting:
        return "wrong", None
    if state not in _OPEN:
        return "closed", fitting[0]
    wanting = next((line for line in fitting if line.picked < line.quantity), None)
    return ("picked", wanting) if wanting else ("full", fitting[-1])


def _begin(conn: Connection, part: Any, staff_id: int | None, now: datetime, actor: str) -> tuple[Wake, ...]:
    if staff_id is not None and part.assigned_to is None:
        picking.assign(conn, part.id, staff_id)
    if part.state != State.NEW:
        return ()
    return fulfill.take_step(conn, part.id, Step.START, now, actor=actor).wakes


def _locked(conn: Connection, part_id: int) -> Any:
    """The part, its order locked."""
    found = select(fulfillment_orders).where(fulfillment_orders.c.id == part_id)
    part = conn.execute(found).first()
    if part is None:
        raise NotFound(f"There is no fulfillment order {part_id}.", "`connector orders show` names those of an order.")
    orders.lock_by_ids(conn, [part.order_id])
    return conn.execute(found).one()


def _must_be_open(state: str) -> None:
    if state not in _OPEN:
        raise Rejected("This part is not being picked any more.", "Un-pack it first.")
