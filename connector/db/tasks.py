"""What people must decide: one row per cause, open, decided, or ended because its cause went away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import order_tasks, orders, shops

_MOST = 1000


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as stored."""

    id: int
    order_id: int
    code: str
    key: str
    facts: dict[str, Any]
    state: str


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task with the order it is about, for pages and the command line."""

    id: int
    order_id: int
    number: str
    shop: str
    platform: str
    code: str
    facts: dict[str, Any]
    state: str
    decision: str
    note: str
    actor: str
    opened_at: datetime
    ended_at: datetime | None


_ROW = (order_tasks.c.id, order_tasks.c.order_id, order_tasks.c.code, order_tasks.c.key, order_tasks.c.facts, order_tasks.c.state)


def of_orders(conn: Connection, order_ids: Collection[int]) -> dict[int, list[TaskRow]]:
    """All tasks there ever were of these orders, oldest first."""
    found: dict[int, list[TaskRow]] = defaultdict(list)
    rows = select(*_ROW).where(order_tasks.c.order_id.in_(list(order_ids))).order_by(order_tasks.c.id)
    for row in conn.execute(rows):
        found[row.order_id].append(TaskRow(*row))
    return found


def locked(conn: Connection, task_id: int) -> TaskRow | None:
    """One task, locked. Lock its order before."""
    row = conn.execute(select(*_ROW).where(order_tasks.c.id == task_id).with_for_update()).first()
    return None if row is None else TaskRow(*row)


def order_of(conn: Connection, task_id: int) -> int | None:
    """The order a task is about."""
    return conn.execute(select(order_tasks.c.order_id).where(order_tasks.c.id == task_id)).scalar_one_or_none()


def open_(conn: Connection, order_id: int, code: str, key: str, facts: dict[str, Any], now: datetime) -> None:
    """Ask, or ask again what had ended by itself."""
    row = {"order_id": order_id, "code": code, "key": key, "facts": facts, "opened_at": now, "state": "open"}
    statement = insert(order_tasks).values(**row)
    again = statement.on_conflict_do_update(
        index_elements=["order_id", "code", "key"],
        set_={"state": "open", "facts": facts, "opened_at": now, "ended_at": None},
        where=order_tasks.c.state == "ended",
    )
    conn.execute(again)


def end(conn: Connection, task_ids: Sequence[int], now: datetime) -> None:
    """The cause went away."""
    if task_ids:
        gone = update(order_tasks).where(order_tasks.c.id.in_(list(task_ids)), order_tasks.c.state == "open")
        conn.execute(gone.values(state="ended", actor="connector", ended_at=now))


def decide(conn: Connection, task_id: int, decision: str, note: str, actor: str, now: datetime) -> None:
    """A person chose."""
    chosen = update(order_tasks).where(order_tasks.c.id == task_id)
    conn.execute(chosen.values(state="decided", decision=decision, note=note, actor=actor, ended_at=now))


def any_open(conn: Connection, order_id: int) -> bool:
    """Whether a person has still to decide something of the order."""
    waits = exists().where(order_tasks.c.order_id == order_id, order_tasks.c.state == "open")
    return bool(conn.execute(select(waits)).scalar_one())


def _views() -> Select[Any]:
    return (
        select(
            order_tasks.c.id,
            order_tasks.c.order_id,
            orders.c.number,
            shops.c.name.label("shop"),
            shops.c.platform,
            *(order_tasks.c[name] for name in ("code", "facts", "state", "decision", "note", "actor", "opened_at", "ended_at")),
        )
        .join(orders, orders.c.id == order_tasks.c.order_id)
        .join(shops, shops.c.id == orders.c.shop_id)
    )


def list_tasks(conn: Connection, *, state: str = "open", order_id: int | None = None, limit: int = 100) -> list[TaskView]:
    """Tasks in a state ("" for all), the oldest first."""
    wanted = _views().order_by(order_tasks.c.opened_at, order_tasks.c.id).limit(min(limit, _MOST))
    wanted = wanted.where(order_tasks.c.state == state) if state else wanted
    wanted = wanted.where(order_tasks.c.order_id == order_id) if order_id is not None else wanted
    return [TaskView(*row) for row in conn.execute(wanted)]


def view(conn: Connection, task_id: int) -> TaskView | None:
    """One task."""
    row = conn.execute(_views().where(order_tasks.c.id == task_id)).first()
    return None if row is None else TaskView(*row)
