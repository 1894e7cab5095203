"""Drift: what was found to differ between us and a platform, since when, and what was done about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import drifts, shops


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: `subject` is what it is about (an order's id, a topic); `ours` and `theirs` hold only what differs."""

    kind: str
    subject: str
    ours: Mapping[str, Any] = field(default_factory=dict)
    theirs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A stored drift. `state`: "open", "repaired", or "gone" where it was not found again."""

    id: int
    shop_id: int
    kind: str
    subject: str
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]
    state: str
    action: str
    found_at: datetime
    seen_at: datetime
    settled_at: datetime | None


_COLUMNS = tuple(drifts.c[part.name] for part in dataclasses.fields(DriftRow))


def note(conn: Connection, shop_id: int, found: Sequence[Drift], action: str, now: datetime) -> None:
    """Store what was found; one that was open already keeps the time it was found first."""
    if not found:
        return
    rows = [{"shop_id": shop_id, "action": action, "found_at": now, "seen_at": now, **dataclasses.asdict(one)} for one in found]
    statement = insert(drifts)
    new = statement.excluded
    changes = {"ours": new.ours, "theirs": new.theirs, "action": new.action, "seen_at": new.seen_at}
    still_open = statement.on_conflict_do_update(
        index_elements=["shop_id", "kind", "subject"], index_where=text("state = 'open'"), set_=changes
    )
    conn.execute(still_open, rows)


def repaired(conn: Connection, shop_id: int, mended: Sequence[Drift], now: datetime) -> None:
    """Close what was mended."""
    for one in mended:
        which = (drifts.c.kind == one.kind) & (drifts.c.subject == one.subject)
        _close(conn, (drifts.c.shop_id == shop_id) & which, "repaired", now)


def gone(conn: Connection, shop_id: int, kinds: Collection[str], since: datetime, now: datetime) -> None:
    """Close what was not seen again since then."""
    unseen = drifts.c.kind.in_(list(kinds)) & (drifts.c.seen_at < since)
    _close(conn, (drifts.c.shop_id == shop_id) & unseen, "gone", now)


def _close(conn: Connection, which: ColumnElement[bool], state: str, now: datetime) -> None:
    conn.execute(update(drifts).where(which, drifts.c.state == "open").values(state=state, settled_at=now))


def newest(conn: Connection, *, limit: int, shop_id: int | None = None, state: str = "") -> list[tuple[DriftRow, str]]:
    """The newest drifts, each with its shop's name."""
    rows = select(*_COLUMNS, shops.c.name).join(shops).order_by(drifts.c.id.desc()).limit(limit)
    if shop_id is not None:
        rows = rows.where(drifts.c.shop_id == shop_id)
    if state:
        rows = rows.where(drifts.c.state == state)
    return [(DriftRow(*row[:-1]), row[-1]) for row in conn.execute(rows)]


def open_by_shop(conn: Connection) -> dict[int, int]:
    """Shop id -> open drifts."""
    rows = select(drifts.c.shop_id, func.count()).where(drifts.c.state == "open").group_by(drifts.c.shop_id)
    return {row.shop_id: row[1] for row in conn.execute(rows)}
