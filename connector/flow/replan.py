"""Bringing parts, commitments and backorders into agreement with the orders as they stand: the one path for every cause.

The caller holds the transaction. Locks are taken in one order everywhere: orders by id, then levels by (item, location).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from connector.db import goods, orders, outbox, publications, stock
from connector.db.orders import Head, LineRow
from connector.db.tables import fulfillment_orders, shops
from connector.domain.allocation import Place, Step, Wish
from connector.domain.differences import Difference, HeldPart, WantedLine, commitments, difference
from connector.domain.fulfillment import ENDED, GONE, State, order_state
from connector.domain.orders import Handover, Lifecycle, LineKind
from connector.domain.stock import Movement, commitment_changes, departure
from connector.flow.announcements import announce_due

_STOCKED = frozenset({LineKind.PHYSICAL.value})
_OURS = frozenset({"unmapped", "pickup_unknown", "cancelled_after_handover", "changed_after_handover", "no_lines"})


@dataclass(slots=True)
class _Case:
    """One order while it is being decided."""

    head: Head
    lines: list[LineRow]
    parts: list[HeldPart]
    shop_name: str
    settings: Mapping[str, Any]
    links: Mapping[str, int]
    told: set[tuple[str, int]]
    found: Difference = field(init=False)
    after: list[HeldPart] = field(init=False)
    departing: list[HeldPart] = field(init=False)

    @property
    def items(self) -> dict[int, int]:
        return {line.id: line.item_id for line in self.lines if line.item_id is not None}


def replan(conn: Connection, order_ids: Sequence[int], now: datetime, *, fresh: frozenset[int] = frozenset()) -> frozenset[int]:
    """Write what differs for each order, first come first served. `fresh` names orders that have no parts yet.

    Returns the shops that now have something to be told.
    """
    cases = _cases(conn, order_ids, fresh)
    places = goods.places(conn)
    available = stock.lock(conn, {item for case in cases for item in case.items.values()})
    existing = stock.committed_by_order(conn, [case.head.id for case in cases if case.head.id not in fresh])
    provisional = itertools.count(-1, -1)
    facts: list[list[Movement]] = []
    for case in cases:
        _decide(case, places, available, provisional)
        facts.append(_commitments(case, existing.get(case.head.id, {}), available))
    _number_new_parts(conn, cases)
    stock.post(conn, [fact for case, taken in zip(cases, facts, strict=True) for fact in taken + _departures(case)], now)
    _write(conn, cases, places, now)
    publications.touch(conn, {item for case in cases for item in case.items.values()}, now)
    return frozenset(
        case.head.shop_id
        for case in cases
        if case.head.lifecycle in (Lifecycle.OPEN, Lifecycle.ON_HOLD)
        and any(part.state is not State.NEW for part in case.after)
        and announce_due(conn, case.head, case.settings, _lines_after(case), case.after, case.told, now)
    )


def _cases(conn: Connection, order_ids: Sequence[int], fresh: frozenset[int]) -> list[_Case]:
    heads = orders.lock_by_ids(conn, order_ids)
    lines = orders.lines_of(conn, order_ids)
    known = [order_id for order_id in order_ids if order_id not in fresh]
    parts = orders.parts_of(conn, known) if known else {}
    told = outbox.told(conn, known) if known else {}
    shop_ids = {head.shop_id for head in heads.values()}
    named = {
        row.id: row for row in conn.execute(select(shops.c.id, shops.c.name, shops.c.settings).where(shops.c.id.in_(shop_ids)))
    }
    links = {shop_id: goods.linked_locations(conn, shop_id) for shop_id in shop_ids}
    return [
        _Case(
            head,
            lines.get(head.id, []),
            parts.get(head.id, []),
            named[head.shop_id].name,
            named[head.shop_id].settings,
            links[head.shop_id],
            told.get(head.id, set()),
        )
        for head in (heads[order_id] for order_id in dict.fromkeys(order_ids))
    ]


def _decide(case: _Case, places: Sequence[Place], available: dict[tuple[int, int], int], provisional: Iterator[int]) -> None:
    """Find the difference, and what the parts are after it; an order completed on the platform leaves as a whole."""
    case.found = difference(_wanted(case), case.parts, places, available, _wish(case))
    changed = {part.id: part for part in case.found.parts if part.id is not None}
    case.after = [_changed(part, changed[part.id].lines) if part.id in changed else part for part in case.parts]
    case.after += [
        HeldPart(next(provisional), part.location_id, State.NEW, part.lines) for part in case.found.parts if part.id is None
    ]
    case.departing = []
    if case.head.lifecycle == Lifecycle.COMPLETED:
        case.departing = [part for part in case.after if part.state not in ENDED]
        left = State.PICKED_UP if case.head.handover == Handover.PICKUP else State.SHIPPED
        case.after = [part if part.state in ENDED else replace(part, state=left) for part in case.after]


def _changed(part: HeldPart, lines: Mapping[int, int]) -> HeldPart:
    return replace(part, lines=lines) if lines else replace(part, state=State.CANCELLED)


def _wanted(case: _Case) -> list[WantedLine]:
    nothing = case.head.history or case.head.lifecycle == Lifecycle.CANCELLED
    return [
        WantedLine(
            line.id,
            line.item_id if line.kind in _STOCKED or line.kind == LineKind.CUSTOM else None,
            line.sku,
            line.title,
            0 if nothing else _to_serve(line),
            stocked=line.kind in _STOCKED,
        )
        for line in case.lines
    ]


def _wish(case: _Case) -> Wish:
    if case.head.handover == Handover.PICKUP:
        place = case.links.get(case.head.pickup_location)
        return Wish(pickup=True, pickup_location_id=place, pickup_name=case.head.pickup_location)
    assigned = {line.id: case.links[line.assigned_location] for line in case.lines if line.assigned_location in case.links}
    return Wish(assigned=assigned, platform=case.shop_name)


def _commitments(case: _Case, existing: Mapping[tuple[int, int], int], available: dict[tuple[int, int], int]) -> list[Movement]:
    """The movements to the wanted commitments, taken out of the picture of stock that the next order sees.

    Parts that are about to leave are committed first and leave by movements of their own.
    """
    staying = [replace(part, state=State.NEW) if part.id in {d.id for d in case.departing} else part for part in case.after]
    wanted = commitments(staying, case.items)
    changes = commitment_changes(case.head.id, case.head.revision + 1, wanted, existing)
    for change in changes:
        available[change.item_id, change.location_id] -= change.committed
    return changes


def _departures(case: _Case) -> list[Movement]:
    facts = []
    for part in case.departing:
        facts += departure(case.head.id, part.id, part.location_id, units_by_item(part, case.items), "handed_over", "platform")
    return facts


def units_by_item(part: HeldPart, items: Mapping[int, int]) -> dict[int, int]:
    """Item id -> units of a part; two lines of one item add up."""
    units: dict[int, int] = {}
    for line, count in part.lines.items():
        units[items[line]] = units.get(items[line], 0) + count
    return units


def _number_new_parts(conn: Connection, cases: Sequence[_Case]) -> None:
    """Give the new parts their ids, all at once."""
    provisional = [part.id for case in cases for part in case.after if part.id < 0]
    numbers = dict(zip(provisional, orders.new_ids(conn, fulfillment_orders, len(provisional)), strict=True))
    for case in cases:
        case.after = [replace(part, id=numbers.get(part.id, part.id)) for part in case.after]
        case.departing = [replace(part, id=numbers.get(part.id, part.id)) for part in case.departing]


def _write(conn: Connection, cases: Sequence[_Case], places: Sequence[Place], now: datetime) -> None:
    names = {place.id: place.name for place in places}
    before = {part.id: part for case in cases for part in case.parts}
    new = [(case, part) for case in cases for part in case.after if part.id not in before]
    orders.insert_parts(
        conn,
        [
            {
                "id": part.id,
                "order_id": case.head.id,
                "location_id": part.location_id,
                "state": part.state.value,
                "reason": _part_reason(case.found.reason, names[part.location_id]),
                "created_at": now,
                "changed_at": now,
            }
            for case, part in new
        ],
    )
    moved = {
        part.id: part.state
        for case in cases
        for part in case.after
        if part.id in before and part.state is not before[part.id].state
    }
    orders.set_part_states(conn, moved, now)
    edited = [part for case in cases for part in case.after if part.id in before and part.lines != before[part.id].lines]
    orders.set_part_lines(
        conn,
        [part.id for part in edited],
        [
            {"fulfillment_order_id": part.id, "order_line_id": line, "quantity": units}
            for part in [*edited, *(part for _, part in new)]
            for line, units in part.lines.items()
        ],
    )
    orders.set_backordered(conn, _changed_backorders(cases))
    orders.update_many(conn, [_order_after(case) for case in cases])


def _part_reason(reason: Sequence[Step], location: str) -> list[Step]:
    """The steps that explain why this location: the decision, and its own share of it."""
    aside = ("backordered", "unmapped", "no_stock_needed")
    return [step for step in reason if step["code"] not in aside and (step["code"] != "part" or step["location"] == location)]


def _backorders(case: _Case) -> dict[int, int]:
    """Line id -> units that wait: nowhere in stock, or of an item not known here; none once the order has ended."""
    head = case.head
    if head.history or head.lifecycle in (Lifecycle.CANCELLED, Lifecycle.COMPLETED):
        return {line.id: 0 for line in case.lines}
    unmapped = {line.id: _to_serve(line) for line in case.lines if line.item_id is None and line.kind in _STOCKED}
    return {line.id: unmapped.get(line.id, case.found.backordered.get(line.id, 0)) for line in case.lines}


def _to_serve(line: LineRow) -> int:
    """Units that are ours to hand over: those wanted, less those that had left before the order was known here."""
    return max(0, line.quantity - line.left_before)


def _changed_backorders(cases: Sequence[_Case]) -> dict[int, int]:
    changed = {}
    for case in cases:
        now_waiting = _backorders(case)
        changed.update({line.id: now_waiting[line.id] for line in case.lines if now_waiting[line.id] != line.backordered})
    return changed


def _lines_after(case: _Case) -> list[LineRow]:
    waiting = _backorders(case)
    return [replace(line, backordered=waiting[line.id]) for line in case.lines]


def _order_after(case: _Case) -> dict[str, Any]:
    attention = _attention(case)
    state = _state(case)
    conflict = bool({"cancelled_after_handover", "changed_after_handover"} & set(attention))
    return {
        "id": case.head.id,
        "revision": case.head.revision + 1,
        "state": state,
        "open": (state not in ("completed", "cancelled") and not case.head.history) or conflict,
        "units": sum(line.quantity for line in case.lines),
        "attention": attention,
        "reason": _reason(case),
    }


def _reason(case: _Case) -> list[Step]:
    if case.head.history:
        return [{"code": "history", "platform": case.shop_name}]
    return case.found.reason if case.found.parts or not case.parts else case.head.reason


def _state(case: _Case) -> str:
    if case.head.lifecycle == Lifecycle.COMPLETED:
        return "completed"
    nothing_to_pack = bool(case.lines) and all(line.kind not in _STOCKED for line in case.lines) and not case.after
    if nothing_to_pack and case.head.handover == Handover.NONE and case.head.lifecycle == Lifecycle.OPEN:
        return "completed"
    waiting = any(_backorders(case).values())
    cancelled = case.head.lifecycle == Lifecycle.CANCELLED
    return order_state([part.state for part in case.after], backordered=waiting, cancelled=cancelled)


def _attention(case: _Case) -> list[str]:
    codes = [code for code in case.head.attention if code not in _OURS]
    steps = {step["code"] for step in case.found.reason}
    codes += [code for code in ("unmapped", "pickup_unknown") if code in steps]
    if not case.lines:
        codes.append("no_lines")
    if case.found.conflicts and any(part.state in GONE for part in case.parts):
        cancelled = case.head.lifecycle == Lifecycle.CANCELLED
        codes.append("cancelled_after_handover" if cancelled else "changed_after_handover")
    return codes
