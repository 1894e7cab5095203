"""Lists that are worth a name: a query of the list's address, for the whole team or for one person."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import saved_views

MOST_VIEWS = 24  # of one reader: the team's and their own


@dataclass(frozen=True, slots=True)
class View:
    """A saved list; without a member it is the team's."""

    id: int
    staff_id: int | None
    name: str
    words: str
    history: bool


_VIEW = tuple(saved_views.c[name] for name in View.__dataclass_fields__)


def views(conn: Connection, staff_id: int | None) -> list[View]:
    """The team's views, then the reader's own, each in the order they were saved."""
    own = or_(saved_views.c.staff_id.is_(None), saved_views.c.staff_id == staff_id)
    rows = select(*_VIEW).where(own).order_by(saved_views.c.staff_id.is_not(None), saved_views.c.id).limit(MOST_VIEWS)
    return [View(*row) for row in conn.execute(rows)]


def save(conn: Connection, staff_id: int | None, name: str, words: str, *, history: bool) -> None:
    """Save a view; one of the same name is replaced."""
    row = insert(saved_views).values(staff_id=staff_id, name=name, words=words, history=history)
    again = {"words": words, "history": history}
    conn.execute(row.on_conflict_do_update(index_elements=["merchant_id", "staff_id", "name"], set_=again))


def drop(conn: Connection, view_id: int, staff_id: int | None, *, team: bool) -> bool:
    """Remove a view of the reader's own, or with `team` one of the team's; whether there was one."""
    mine = saved_views.c.staff_id == staff_id if staff_id is not None else saved_views.c.staff_id.is_(None)
    allowed = or_(mine, saved_views.c.staff_id.is_(None)) if team else mine
    return conn.execute(delete(saved_views).where(saved_views.c.id == view_id, allowed)).rowcount > 0
