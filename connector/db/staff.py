"""Staff, their sign-ins and the record of their acts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from connector.db.tables import audit, sign_ins, staff
from connector.domain.staff import Role
from connector.domain.text import fold


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff, without the password."""

    id: int
    name: str
    role: Role
    enabled: bool
    stamp: int
    created_at: datetime
    merchant_id: int
    signs_in: bool = True  # with a password; others come in through a platform's admin


@dataclass(frozen=True, slots=True)
class Act:
    """One row of the record: who did what to what, and how it ended."""

    at: datetime
    actor: str
    act: str
    subject: str
    outcome: str


_SIGNS_IN = staff.c.password_hash != ""
_MEMBER = (
    *(staff.c[name] for name in ("id", "name", "role", "enabled", "stamp", "created_at", "merchant_id")),
    _SIGNS_IN.label("signs_in"),
)


def anyone(conn: Connection) -> bool:
    """Whether there is anyone who signs in, disabled ones included."""
    return conn.execute(select(staff.c.id).where(_SIGNS_IN).limit(1)).first() is not None


def by_id(conn: Connection, staff_id: int) -> Member | None:
    """One member."""
    row = conn.execute(select(*_MEMBER).where(staff.c.id == staff_id)).first()
    return None if row is None else _member(row)


def by_name(conn: Connection, name: str) -> tuple[Member, str] | None:
    """The member of this name, however it is written, and the hash of the password."""
    row = conn.execute(select(*_MEMBER, staff.c.password_hash).where(staff.c.name_folded == fold(name.strip()))).first()
    return None if row is None else (_member(row), row.password_hash)


def members(conn: Connection) -> list[Member]:
    """All members by name."""
    return [_member(row) for row in conn.execute(select(*_MEMBER).order_by(staff.c.name_folded))]


def add(conn: Connection, name: str, role: Role, password_hash: str) -> int:
    """A new member; an IntegrityError where the name is taken."""
    row = insert(staff).values(name=name, name_folded=fold(name), role=role.value, password_hash=password_hash)
    return int(conn.execute(row.returning(staff.c.id)).scalar_one())


def change(conn: Connection, staff_id: int, **columns: object) -> None:
    """Change a member; every open session of theirs ends."""
    conn.execute(update(staff).where(staff.c.id == staff_id).values(stamp=staff.c.stamp + 1, **columns))


def one_at_a_time(conn: Connection, name: str) -> None:
    """Let tries to sign in under one name wait for each other, so that many at once are still counted."""
    conn.execute(text("SELECT pg_advisory_xact_lock(7301, hashtext(:name))"), {"name": fold(name.strip())})


def failures(conn: Connection, name: str, address: str, since: datetime) -> tuple[int, int]:
    """Failed tries since then: under the name after its last success, and from the address."""
    folded = fold(name.strip())
    success = select(func.max(sign_ins.c.at)).where(sign_ins.c.name_folded == folded, sign_ins.c.succeeded)
    failed = select(func.count()).select_from(sign_ins).where(sign_ins.c.succeeded.is_(False), sign_ins.c.at > since)
    of_name = failed.where(
        sign_ins.c.name_folded == folded, sign_ins.c.at > func.coalesce(success.scalar_subquery(), text("'-infinity'"))
    )
    of_address = failed.where(sign_ins.c.address == address)
    return int(conn.execute(of_name).scalar_one()), int(conn.execute(of_address).scalar_one())


def note_sign_in(conn: Connection, name: str, address: str, *, succeeded: bool, now: datetime) -> None:
    """Remember a try."""
    conn.execute(insert(sign_ins).values(name_folded=fold(name.strip()), address=address, succeeded=succeeded, at=now))


def begin_act(conn: Connection, actor: str, staff_id: int | None, act: str, subject: str) -> int:
    """Write down that an act begins; its id for `end_act`."""
    row = insert(audit).values(actor=actor, staff_id=staff_id, act=act, subject=subject)
    return int(conn.execute(row.returning(audit.c.id)).scalar_one())


def end_act(conn: Connection, act_id: int, outcome: str) -> None:
    """Write down how it ended."""
    conn.execute(update(audit).where(audit.c.id == act_id).values(outcome=outcome))


def acts(conn: Connection, *, limit: int = 200) -> list[Act]:
    """The newest acts."""
    rows = select(audit.c.at, audit.c.actor, audit.c.act, audit.c.subject, audit.c.outcome)
    return [Act(*row) for row in conn.execute(rows.order_by(audit.c.id.desc()).limit(limit))]


def _member(row: Any) -> Member:
    return Member(row.id, row.name, Role(row.role), row.enabled, row.stamp, row.created_at, row.merchant_id, row.signs_in)
