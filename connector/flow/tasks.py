"""A person decides: the choice is recorded, and does what it says, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from connector.db import changes, goods, orders, stock, tasks
from connector.db.tasks import TaskRow
from connector.domain import tasks as rules
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import GONE
from connector.domain.stock import returning
from connector.flow import reroute
from connector.flow.replan import replan
from connector.flow.wake import Wake


@dataclass(frozen=True, slots=True)
class Decided:
    """What was chosen, and whom to wake."""

    task_id: int
    order_id: int
    decision: str
    wakes: tuple[Wake, ...] = ()


@dataclass(frozen=True, slots=True)
class _Decision:
    task: TaskRow
    place: int | None
    actor: str
    note: str
    now: datetime


def decide(
    engine: Engine, task_id: int, chosen: str, now: datetime, *, actor: str, location_code: str = "", note: str = ""
) -> Decided:
    """Decide a task. NotFound where there is none; Rejected where it was decided otherwise, has ended, or lacks a location.

    The same decision twice is one decision.
    """
    with engine.begin() as conn:
        task = _locked(conn, task_id)
        choice = rules.choice(task.code, chosen)
        if _decided_before(conn, task, chosen):
            return Decided(task_id, task.order_id, chosen)
        decision = _Decision(task, _place(conn, location_code, needed=choice.place), actor, note, now)
        wakes = _ACTS[choice.act](conn, decision)
        tasks.decide(conn, task_id, chosen, note, actor, now)
        facts = {"code": task.code, "decision": chosen, "note": note, "task": task_id}
        orders.note_events(conn, [(task.order_id, "decided", facts, actor)], now)
        telling = replan(conn, [task.order_id], now)
    return Decided(task_id, task.order_id, chosen, (*wakes, *(Wake("deliver", shop) for shop in telling)))


def _locked(conn: Connection, task_id: int) -> TaskRow:
    order_id = tasks.order_of(conn, task_id)
    if order_id is None:
        raise NotFound(f"There is no task {task_id}.", "`connector tasks list` shows those that wait.")
    orders.lock_by_ids(conn, [order_id])
    task = tasks.locked(conn, task_id)
    if task is None:
        raise NotFound(f"There is no task {task_id}.", "`connector tasks list` shows those that wait.")
    return task


def _decided_before(conn: Connection, task: TaskRow, chosen: str) -> bool:
    if task.state == "open":
        return False
    seen = tasks.view(conn, task.id)
    if seen is not None and task.state == "decided" and seen.decision == chosen:
        return True
    how = f"decided: {seen.decision}" if seen is not None and task.state == "decided" else "past: its cause went away"
    raise Rejected(f"The task is {how}.", "`connector tasks list` shows those that wait.")


def _place(conn: Connection, code: str, *, needed: bool) -> int | None:
    if not needed:
        return None
    places = goods.location_ids(conn)
    if code not in places:
        raise Rejected("A location must be named: where are the goods now?", f"One of: {', '.join(sorted(places))}.")
    return places[code]


def _nothing(conn: Connection, decision: _Decision) -> tuple[Wake, ...]:
    return ()


def _restock(conn: Connection, decision: _Decision) -> tuple[Wake, ...]:
    """Put the units back on the shelf at the place named, once by the task's own key."""
    task, place = decision.task, decision.place
    rows = {line.id: line for line in orders.lines_of(conn, [task.order_id])[task.order_id]}
    units = {int(line["line"]): int(line["units"]) for line in task.facts["lines"]}
    items = {line: item for line in units if (item := rows[line].item_id) is not None}
    if place is None:
        return ()
    stock.ensure(conn, [(item, place) for item in items.values()])
    stock.lock(conn, set(items.values()))
    source = f"task:{task.id}"
    facts = [
        returning(task.order_id, line, item, place, units[line], source, units[line], decision.actor)
        for line, item in items.items()
    ]
    stock.post(conn, facts, decision.now)
    noted = [{"order_line_id": line, "source": source, "location_id": place, "quantity": units[line]} for line in items]
    changes.note_returned(conn, noted, decision.now)
    return ()


def _move(conn: Connection, decision: _Decision) -> tuple[Wake, ...]:
    """Follow the platform: its location prepares what it moved there."""
    facts = decision.task.facts
    rows = {line.id: line for line in orders.lines_of(conn, [decision.task.order_id])[decision.task.order_id]}
    quantities: dict[str, int] = {}
    for line in facts["lines"]:
        sku = rows[int(line["line"])].sku
        quantities[sku] = quantities.get(sku, 0) + int(line["units"])
    done = reroute.move_within(
        conn, facts["part"], facts["to_id"], decision.now, actor=decision.actor, quantities=quantities, note=decision.note
    )
    return done.wakes


def _unship(conn: Connection, decision: _Decision) -> tuple[Wake, ...]:
    """The platform undid the handover: so do we, of every part that holds these lines and has left."""
    lines = {int(line["line"]) for line in decision.task.facts["lines"]}
    parts = orders.parts_of(conn, [decision.task.order_id])[decision.task.order_id]
    wakes: tuple[Wake, ...] = ()
    for part in parts:
        if part.state in GONE and part.lines.keys() & lines:
            actor, note = decision.actor, decision.note
            wakes += reroute.unship_within(conn, part.id, decision.now, actor=actor, note=note, known_there=True).wakes
    return wakes


_ACTS: dict[str, Callable[[Connection, _Decision], tuple[Wake, ...]]] = {
    "": _nothing,
    "restock": _restock,
    "move": _move,
    "unship": _unship,
}
