"""A part goes another way: to another location, wholly or by quantity, because it is short there, or back from the customer.

Each story changes the part and leaves the rest to `replan`: commitments, new parts and backorders follow as a difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from connector.db import changes, goods, orders, outbox, stock
from connector.db.orders import Head, LineRow
from connector.db.tables import fulfillment_orders
from connector.domain.announcing import HANDED_OVER
from connector.domain.differences import HeldPart
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import ENDED, GONE, State, Step
from connector.domain.orders import Handover
from connector.domain.stock import taken_back
from connector.flow.announcements import announce_taken_back
from connector.flow.fulfill import locked_order, take_step
from connector.flow.replan import replan, units_by_item
from connector.flow.wake import Wake

# Why a location does not give what it was asked for; a note may say more.
REASONS = ("damaged", "not_found", "short", "closed", "other")


@dataclass(frozen=True, slots=True)
class Rerouted:
    """The parts of the order that are alive now: (id, location, state, units), what waits as a backorder, whom to wake."""

    order_id: int
    parts: tuple[tuple[int, str, str, int], ...]
    backordered: int
    wakes: tuple[Wake, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part under lock with its order."""

    head: Head
    lines: list[LineRow]
    parts: list[HeldPart]
    part: HeldPart
    settings: Mapping[str, Any]


def move(
    engine: Engine,
    part_id: int,
    location_code: str,
    now: datetime,
    *,
    actor: str,
    quantities: Mapping[str, int] | None = None,
    note: str = "",
) -> Rerouted:
    """Another location prepares the part, or so many units by SKU of it. Rejected where it lacks them or may not."""
    with engine.begin() as conn:
        return move_within(conn, part_id, _place(conn, location_code), now, actor=actor, quantities=quantities, note=note)


def move_within(
    conn: Connection,
    part_id: int,
    place: int,
    now: datetime,
    *,
    actor: str,
    quantities: Mapping[str, int] | None = None,
    note: str = "",
) -> Rerouted:
    """`move`, in the transaction of the caller."""
    at = _locked(conn, part_id)
    units = _chosen(at, quantities)
    names = {row.id: row.name for row in goods.places(conn)}
    _may_go(conn, at, units, place, names)
    changes.forget_refusals(conn, list(units), place)
    orders.reduce_parts(conn, [_less(at.part, units)], now)
    _arrive(conn, at, units, place, [{"code": "moved", "location": names[at.part.location_id]}], now)
    facts = {"location": names[at.part.location_id], "to": names[place], "units": sum(units.values()), "note": note}
    return _settled(conn, at, ("rerouted", facts), actor, now)


def reject(
    engine: Engine,
    part_id: int,
    now: datetime,
    *,
    actor: str,
    reason: str,
    quantities: Mapping[str, int] | None = None,
    note: str = "",
) -> Rerouted:
    """The location cannot give the part, or so many units of it: others do, or the rest waits. It is not asked again for
    these lines, until goods arrive there."""
    with engine.begin() as conn:
        at = _locked(conn, part_id)
        return _refused(conn, at, _chosen(at, quantities), reason, note, actor, now)


def pack_short(engine: Engine, part_id: int, picked: Mapping[str, int], now: datetime, *, actor: str, note: str = "") -> Rerouted:
    """What was picked (units by SKU) is packed; the rest goes elsewhere or waits. Nothing picked is a rejection."""
    with engine.begin() as conn:
        at = _locked(conn, part_id)
        return _packed_short(conn, at, _chosen(at, picked), now, actor=actor, note=note)


def pack_short_within(
    conn: Connection, part_id: int, picked: Mapping[int, int], now: datetime, *, actor: str, note: str = ""
) -> Rerouted:
    """`pack_short` by line of the order, in the transaction of the caller."""
    at = _locked(conn, part_id)
    _still_here(at)
    return _packed_short(conn, at, {line: count for line, count in picked.items() if count}, now, actor=actor, note=note)


def _packed_short(conn: Connection, at: _Part, kept: Mapping[int, int], now: datetime, *, actor: str, note: str) -> Rerouted:
    missing = {line: count - kept.get(line, 0) for line, count in at.part.lines.items()}
    missing = {line: count for line, count in missing.items() if count}
    if not missing:
        raise Rejected("Everything was picked.", "Pack the part.")
    done = _refused(conn, at, missing, "short", note, actor, now)
    if not kept:
        return done
    packed = take_step(conn, at.part.id, Step.PACK, now, actor=actor)
    return _standing(conn, at.head.id, (*done.wakes, *packed.wakes))


def unship(engine: Engine, part_id: int, now: datetime, *, actor: str, note: str = "") -> Rerouted:
    """The handover of a part did not happen after all: its goods are here, packed. The platform is told where it can be."""
    with engine.begin() as conn:
        return unship_within(conn, part_id, now, actor=actor, note=note)


def unship_within(
    conn: Connection, part_id: int, now: datetime, *, actor: str, note: str = "", known_there: bool = False
) -> Rerouted:
    """`unship`, in the transaction of the caller. `known_there`: the platform took the handover back itself."""
    at = _locked(conn, part_id)
    if at.part.state not in GONE:
        raise Rejected("The part has not left.", "Only what was shipped or picked up can be taken back.")
    items = {line.id: line.item_id for line in at.lines if line.item_id is not None}
    units = units_by_item(at.part, items)
    stock.lock(conn, units)
    stock.post(conn, taken_back(at.head.id, at.part.id, at.part.location_id, units, actor), now)
    telling = not outbox.withdraw(conn, at.part.id, HANDED_OVER, now)
    still = {line.id: line for line in at.lines}
    counts = [(line, still[line].elsewhere, still[line].taken_back + count) for line, count in at.part.lines.items()]
    counted = telling or any(still[line].fulfilled for line in at.part.lines)
    counted = counted and not known_there
    if counted:
        changes.set_counts(conn, counts)
    orders.set_part_states(conn, {at.part.id: State.CANCELLED}, now)
    names = {row.id: row.name for row in goods.places(conn)}
    reason = [{"code": "taken_back", "location": names[at.part.location_id]}]
    _insert(conn, at, at.part.lines, at.part.location_id, State.PACKED, reason, now)
    if counted:
        announce_taken_back(conn, at.head, at.lines, at.parts, at.part, now)
    facts = {"location": names[at.part.location_id], "units": sum(at.part.lines.values()), "note": note}
    done = _settled(conn, at, ("unshipped", facts), actor, now)
    return replace(done, wakes=(Wake("deliver", at.head.shop_id),)) if counted else done


# --- parts of the stories --------------------------------------------------------------------------------------------


def _refused(
    conn: Connection, at: _Part, units: Mapping[int, int], reason: str, note: str, actor: str, now: datetime
) -> Rerouted:
    if reason not in REASONS:
        raise Rejected(f"{reason!r} is no reason.", f"Give one of: {', '.join(REASONS)}.")
    _still_here(at)
    changes.refuse(conn, units, at.part.location_id, reason=reason, note=note, actor=actor, now=now)
    orders.reduce_parts(conn, [_less(at.part, units)], now)
    names = {row.id: row.name for row in goods.places(conn)}
    facts = {"location": names[at.part.location_id], "units": sum(units.values()), "reason": reason, "note": note}
    return _settled(conn, at, ("refused", facts), actor, now)


def _locked(conn: Connection, part_id: int) -> _Part:
    head, settings = locked_order(conn, part_id)
    lines = orders.lines_of(conn, [head.id])[head.id]
    parts = orders.parts_of(conn, [head.id])[head.id]
    return _Part(head, lines, parts, next(part for part in parts if part.id == part_id), settings)


def _place(conn: Connection, code: str) -> int:
    places = goods.location_ids(conn)
    if code not in places:
        raise NotFound(f"There is no location {code!r}.", f"Known: {', '.join(sorted(places))}.")
    return places[code]


def _still_here(at: _Part) -> None:
    if at.part.state in ENDED:
        raise Rejected(f"The part is {at.part.state.value.replace('_', ' ')}.", "Only what has not left can go another way.")


def _chosen(at: _Part, quantities: Mapping[str, int] | None) -> dict[int, int]:
    """Units by line: all of the part, or so many by SKU, out of its lines in turn."""
    _still_here(at)
    if quantities is None:
        return dict(at.part.lines)
    skus = {line.id: line.sku for line in at.lines}
    chosen: dict[int, int] = {}
    for sku, wanted in quantities.items():
        rest = wanted
        for line, count in at.part.lines.items():
            if skus[line] == sku and rest > 0:
                chosen[line] = min(count, rest)
                rest -= chosen[line]
        if wanted < 0 or rest:
            raise Rejected(f"The part does not hold {wanted} of {sku[:40]!r}.", "`connector orders show` lists what it holds.")
    return chosen


def _may_go(conn: Connection, at: _Part, units: Mapping[int, int], place: int, names: Mapping[int, str]) -> None:
    if place == at.part.location_id:
        raise Rejected(f"The part is at {names[place]} already.", "Name another location.")
    if (
        at.head.handover == Handover.PICKUP
        and goods.linked_locations(conn, at.head.shop_id).get(at.head.pickup_location) != place
    ):
        raise Rejected("The customer collects this order where it is.", "Change the collecting place in the shop first.")
    items = {line.id: line.item_id for line in at.lines if line.item_id is not None}
    wanted = units_by_item(HeldPart(0, place, State.NEW, units), items)
    free = stock.lock(conn, wanted)
    short = [item for item, count in wanted.items() if free.get((item, place), 0) < count]
    if short:
        skus = sorted({line.sku for line in at.lines if line.item_id in short and line.id in units})
        raise Rejected(f"{names[place]} has not enough of {', '.join(skus)}.", "Move less, or another location's.")


def _less(part: HeldPart, units: Mapping[int, int]) -> HeldPart:
    rest = {line: count - units.get(line, 0) for line, count in part.lines.items()}
    return replace(part, lines={line: count for line, count in rest.items() if count})


def _arrive(
    conn: Connection, at: _Part, units: Mapping[int, int], place: int, reason: Sequence[dict[str, Any]], now: datetime
) -> None:
    """The units join a part there on which nobody has started, or are a part of their own."""
    there = next((part for part in at.parts if part.location_id == place and part.state is State.NEW), None)
    if there is None:
        _insert(conn, at, units, place, State.NEW, reason, now)
        return
    together = {line: there.lines.get(line, 0) + units.get(line, 0) for line in {**there.lines, **units}}
    orders.reduce_parts(conn, [replace(there, lines=together)], now)


def _insert(
    conn: Connection,
    at: _Part,
    units: Mapping[int, int],
    place: int,
    state: State,
    reason: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    [number] = orders.new_ids(conn, fulfillment_orders, 1)
    row = {"id": number, "order_id": at.head.id, "location_id": place, "state": state.value, "reason": list(reason)}
    orders.insert_parts(conn, [{**row, "created_at": now, "changed_at": now}])
    orders.set_part_lines(
        conn, [], [{"fulfillment_order_id": number, "order_line_id": line, "quantity": count} for line, count in units.items()]
    )


def _settled(conn: Connection, at: _Part, event: tuple[str, Mapping[str, Any]], actor: str, now: datetime) -> Rerouted:
    """Let commitments, new parts and backorders follow, and note what happened."""
    code, facts = event
    orders.note_events(conn, [(at.head.id, code, {"part": at.part.id, **facts}, actor)], now)
    telling = replan(conn, [at.head.id], now)
    return _standing(conn, at.head.id, tuple(Wake("deliver", shop) for shop in telling))


def _standing(conn: Connection, order_id: int, wakes: tuple[Wake, ...]) -> Rerouted:
    names = {row.id: row.name for row in goods.places(conn)}
    alive = [part for part in orders.parts_of(conn, [order_id])[order_id] if part.state is not State.CANCELLED]
    parts = tuple((part.id, names[part.location_id], part.state.value, sum(part.lines.values())) for part in alive)
    waiting = sum(line.backordered for line in orders.lines_of(conn, [order_id])[order_id])
    return Rerouted(order_id, parts, waiting, tuple(dict.fromkeys(wakes)))
