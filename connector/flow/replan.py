"""Bringing parts, commitments and backorders into agreement with the orders as they stand: the one path for every cause.

The caller holds the transaction. Locks are taken in one order everywhere: orders by id, then levels by (item, location).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector.db import changes, events, goods, orders, publications, refills, stock
from connector.db.orders import LineRow
from connector.db.tables import fulfillment_orders
from connector.domain.allocation import Place, Step
from connector.domain.differences import HeldPart, commitments, gone
from connector.domain.fulfillment import ENDED, State, order_state
from connector.domain.orders import Handover, Lifecycle
from connector.domain.stock import Movement, commitment_changes, departure, returning
from connector.domain.tasks import TASKS
from connector.flow.announcements import announce_due
from connector.flow.asking import ask
from connector.flow.case import STOCKED, Case, Draft, News, below_zero, decide, held_by, load

_ASIDE = frozenset(
    {
        "waits_its_turn",
        "waits_for_payment",
        "backordered",
        "backordered_here",
        "waits_for_location",
        "unmapped",
        "no_stock_needed",
    }
)
_OURS = frozenset({"held_by_tag", "unmapped", "pickup_unknown", "no_lines", *TASKS})


@dataclass(frozen=True, slots=True)
class Plan:
    """Orders as they are decided, the levels of their items locked, and nothing of it written yet."""

    cases: Sequence[Case]
    places: Sequence[Place]
    commitments: Sequence[Sequence[Movement]]


def replan(conn: Connection, order_ids: Sequence[int], now: datetime) -> frozenset[int]:
    """Write what differs for each order, first come first served; the shops that now have something to be told."""
    return carry_out(conn, plan(conn, order_ids), now)


def plan(
    conn: Connection,
    order_ids: Sequence[int],
    *,
    drafts: Mapping[int, Draft] | None = None,
    news: Mapping[int, News] | None = None,
    in_turn: bool = False,
) -> Plan:
    """Decide each order, first come first served. `drafts` are orders that the caller writes between this and `carry_out`, so
    that each is written once; `news` by order id is what an arrival changed beside the stored order. `in_turn`: units that
    came free and are not settled yet are left to earlier orders that wait for them.
    """
    drafts = drafts or {}
    cases = load(conn, order_ids, drafts, news or {})
    places = goods.places(conn)
    wanted_items = {item for case in cases for item in case.items.values()}
    if any(below_zero(case.settings) for case in cases):  # a shop that sells below zero may do so where there never was any
        stock.ensure(conn, itertools.product(wanted_items, [place.id for place in places]))
    available = stock.lock(conn, wanted_items)
    if in_turn:
        _stand_back(conn, cases, wanted_items)
    existing = stock.committed_by_order(conn, [case.head.id for case in cases if case.head.id not in drafts])
    provisional = itertools.count(-1, -1)
    facts: list[list[Movement]] = []
    for case in cases:
        decide(case, places, available, provisional)
        facts.append(_commitments(case, existing.get(case.head.id, {}), available))
    return Plan(cases, places, facts)


def carry_out(conn: Connection, planned: Plan, now: datetime) -> frozenset[int]:
    """Write what was decided; the shops that now have something to be told."""
    cases, places, facts = planned.cases, planned.places, planned.commitments
    _number_new_parts(conn, cases)
    _ensure_levels(conn, cases)
    stock.post(
        conn,
        [fact for case, taken in zip(cases, facts, strict=True) for fact in (*taken, *_departures(case), *_returns(case))],
        now,
    )
    _write(conn, cases, places, now)
    publications.touch(conn, {item for case in cases for item in case.items.values()}, now)
    return frozenset(
        case.head.shop_id
        for case in cases
        if case.head.lifecycle in (Lifecycle.OPEN, Lifecycle.ON_HOLD)
        and any(part.state is not State.NEW for part in case.after)
        and announce_due(conn, case.head, case.settings, lines_after(case), case.after, case.told, now)
    )


def _stand_back(conn: Connection, cases: Sequence[Case], item_ids: Collection[int]) -> None:
    """Between the moment units come free and their settling, an order that just arrived takes none an earlier one waits for.
    The item is noted again, so that the settling under way comes back for this order too."""
    placed = {case.head.id: case.head.placed_at for case in cases if not below_zero(case.settings)}
    behind = refills.behind(conn, placed, item_ids)
    for case in cases:
        case.behind = behind.get(case.head.id, frozenset()) & set(case.items.values())
    refills.note(conn, {item for case in cases for item in case.behind})


def _commitments(case: Case, existing: Mapping[tuple[int, int], int], available: dict[tuple[int, int], int]) -> list[Movement]:
    """The movements to the wanted commitments, taken out of the picture of stock that the next order sees.

    Parts that are about to leave are committed first and leave by movements of their own.
    """
    leaving = {part.id for part in case.departing}
    staying = [replace(part, state=State.NEW) if part.id in leaving else part for part in case.after]
    wanted = commitments(staying, case.items)
    changes = commitment_changes(case.head.id, case.head.revision + 1, wanted, existing)
    for change in changes:
        available[change.item_id, change.location_id] -= change.committed
    return changes


def _departures(case: Case) -> list[Movement]:
    facts = []
    for part in case.departing:
        facts += departure(case.head.id, part.id, part.location_id, units_by_item(part, case.items), "handed_over", "platform")
    return facts


def _returns(case: Case) -> list[Movement]:
    return [
        returning(case.head.id, back.line_id, case.items[back.line_id], back.location_id, back.units, back.source, back.total)
        for back in case.returning
    ]


def _ensure_levels(conn: Connection, cases: Sequence[Case]) -> None:
    """Goods may come back to a place that never had any."""
    pairs = {(case.items[back.line_id], back.location_id) for case in cases for back in case.returning}
    stock.ensure(conn, pairs)


def units_by_item(part: HeldPart, items: Mapping[int, int]) -> dict[int, int]:
    """Item id -> units of a part; two lines of one item add up."""
    units: dict[int, int] = {}
    for line, count in part.lines.items():
        units[items[line]] = units.get(items[line], 0) + count
    return units


def _number_new_parts(conn: Connection, cases: Sequence[Case]) -> None:
    """Give the new parts their ids, all at once."""
    provisional = [part.id for case in cases for part in case.after if part.id < 0]
    numbers = dict(zip(provisional, orders.new_ids(conn, fulfillment_orders, len(provisional)), strict=True))
    for case in cases:
        case.after = [replace(part, id=numbers.get(part.id, part.id)) for part in case.after]
        case.departing = [replace(part, id=numbers.get(part.id, part.id)) for part in case.departing]


def _write(conn: Connection, cases: Sequence[Case], places: Sequence[Place], now: datetime) -> None:
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
                "reason": _part_reason(case, part, names[part.location_id]),
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
    _write_counts(conn, cases, now)
    waiting = {case.head.id: ask(conn, case, names, now) for case in cases}
    rows = [row_after(case, waiting[case.head.id]) for case in cases]
    orders.update_many(conn, [row for case, row in zip(cases, rows, strict=True) if row != case.written])
    events.note_orders(conn, [_told(case, row["state"]) for case, row in zip(cases, rows, strict=True)], now)


def _told(case: Case, state: str) -> tuple[int, str | None, str]:
    """What listeners hear of the order: that it was taken in, or the state before and after. Of the past they hear nothing."""
    if case.head.history:
        return case.head.id, state, state
    return case.head.id, case.head.state if case.head.revision else None, state


def _write_counts(conn: Connection, cases: Sequence[Case], now: datetime) -> None:
    """What others handed over, and what came back, is noted with its line, and told on the timeline."""
    lines = {line.id: line for case in cases for line in case.lines}
    counts = [
        (line, lines[line].elsewhere + units, lines[line].taken_back) for case in cases for line, units in case.elsewhere.items()
    ]
    changes.set_counts(conn, counts)
    back = [entry for case in cases for entry in case.returning]
    changes.note_returned(
        conn,
        [{"order_line_id": e.line_id, "source": e.source, "location_id": e.location_id, "quantity": e.total} for e in back],
        now,
    )
    orders.note_events(conn, [event for case in cases for event in _told_by_platform(case)], now)


def _told_by_platform(case: Case) -> list[tuple[int, str, dict[str, Any], str]]:
    taken = sum(units for part in case.departing for units in part.lines.values())
    back = sum(entry.units for entry in case.returning)
    whole = case.head.lifecycle == Lifecycle.COMPLETED
    events = [("handed_over_elsewhere", taken)] if taken and not whole else []
    events += [("returned", back)] if back else []
    return [(case.head.id, code, {"units": units, "platform": case.shop_name}, "platform") for code, units in events]


def _part_reason(case: Case, part: HeldPart, location: str) -> list[Step]:
    """The steps that explain why this location: the decision, and its own share of it."""
    if part in case.departing:
        return [{"code": "handed_over_elsewhere", "platform": case.shop_name}]
    own = ("part", "oversold")
    reason = case.found.reason
    return [step for step in reason if step["code"] not in _ASIDE and (step["code"] not in own or step["location"] == location)]


def _backorders(case: Case) -> dict[int, int]:
    """Line id -> units that wait: nowhere in stock, or of an item not known here; none once the order has ended."""
    head = case.head
    if head.history or head.lifecycle in (Lifecycle.CANCELLED, Lifecycle.COMPLETED):
        return {line.id: 0 for line in case.lines}
    unmapped = {line.id: _to_serve(line) for line in case.lines if line.item_id is None and line.kind in STOCKED}
    return {line.id: unmapped.get(line.id, case.found.backordered.get(line.id, 0)) for line in case.lines}


def _to_serve(line: LineRow) -> int:
    """Units that are ours to hand over: those wanted, less those that left without us."""
    return max(0, line.quantity - max(line.left_before, line.fulfilled))


def _changed_backorders(cases: Sequence[Case]) -> dict[int, int]:
    changed = {}
    for case in cases:
        now_waiting = _backorders(case)
        changed.update({line.id: now_waiting[line.id] for line in case.lines if now_waiting[line.id] != line.backordered})
    return changed


def lines_after(case: Case) -> list[LineRow]:
    """The lines of the order as the decision leaves them."""
    waiting = _backorders(case)
    return [line if line.backordered == waiting[line.id] else replace(line, backordered=waiting[line.id]) for line in case.lines]


def row_after(case: Case, waiting: Sequence[str] = ()) -> dict[str, Any]:
    """What the decision makes of the order's own row. `waiting` are the codes of what a person has still to decide."""
    state = _state(case)
    return {
        "id": case.head.id,
        "revision": case.head.revision + 1,
        "state": state,
        "open": (state not in ("completed", "cancelled") and not case.head.history) or bool(waiting),
        "units": sum(line.quantity for line in case.lines if line.parent_id is None),
        "attention": _attention(case, waiting),
        "reason": _reason(case),
    }


def _reason(case: Case) -> Sequence[Step]:
    if case.head.history:
        return [{"code": "history", "platform": case.shop_name}]
    return case.found.reason if case.found.parts or not case.parts else case.head.reason


def _state(case: Case) -> str:
    states = [part.state for part in case.after]
    if case.head.lifecycle == Lifecycle.COMPLETED and all(state in ENDED for state in states):
        return "completed"
    nothing_to_pack = bool(case.lines) and all(line.kind not in STOCKED for line in case.lines) and not case.after
    if nothing_to_pack and case.head.handover == Handover.NONE and case.head.lifecycle == Lifecycle.OPEN:
        return "completed"
    waiting = any(_backorders(case).values())
    cancelled = case.head.lifecycle == Lifecycle.CANCELLED or _emptied(case)
    everything_elsewhere = bool(case.elsewhere) and not waiting and all(state in ENDED for state in states)
    if everything_elsewhere and not cancelled:
        return "completed"
    return order_state(states, backordered=waiting, cancelled=cancelled)


def _emptied(case: Case) -> bool:
    """Every unit was refunded or removed before anything left: whatever the platform calls it, there is nothing to do."""
    return bool(case.lines) and not any(line.quantity for line in case.lines) and not gone(case.after)


def _attention(case: Case, waiting: Sequence[str]) -> list[str]:
    codes = [code for code in case.head.attention if code not in _OURS]
    steps = {step["code"] for step in case.found.reason}
    codes += [code for code in ("unmapped", "pickup_unknown") if code in steps]
    if not case.lines or (case.head.lifecycle == Lifecycle.OPEN and not any(line.quantity for line in case.lines)):
        codes.append("no_lines")  # lines taken out of the order stay here, with nothing wanted
    if held_by(case.head.tags, case.settings):
        codes.append("held_by_tag")
    return [*codes, *waiting]
