"""Consents that were asked for, the steps after an installation, the users of a store, and what its merchant must be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db import staff
from connector.db.staff import Member
from connector.db.tables import install_states, install_steps, shop_events, shop_notices, shop_users, shops, used_tokens
from connector.domain.errors import Rejected

RECONNECT = "reconnect"  # the code of the notice that our access is lost
_FORGOTTEN_AFTER = timedelta(days=1)
_MOST_CONSENTS = 20_000  # in a day; a flood of them must not fill the disk

# --- consents --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that was asked for. Hashes stand for what only the browser knows. `merchant_id` is whose staff asked."""

    state_hash: str
    platform: str
    store: str
    browser_hash: str
    expires_at: datetime
    used_at: datetime | None
    sealed_grant: bytes | None
    shop_id: int | None
    merchant_id: int | None


_CONSENT = tuple(install_states.c[name] for name in Consent.__slots__)


def keep_consent(
    conn: Connection,
    *,
    state_hash: str,
    platform: str,
    store: str,
    browser_hash: str,
    merchant_id: int | None,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Remember that a browser was sent to consent; what has been over for a day is forgotten on the way. Rejected where
    far too many have begun."""
    conn.execute(delete(install_states).where(install_states.c.expires_at < now - _FORGOTTEN_AFTER))
    if int(conn.execute(select(func.count()).select_from(install_states)).scalar_one()) >= _MOST_CONSENTS:
        raise Rejected("Too many installations were begun today.", "Try again tomorrow, or ask who floods this address.")
    conn.execute(
        insert(install_states).values(
            state_hash=state_hash,
            platform=platform,
            store=store,
            browser_hash=browser_hash,
            merchant_id=merchant_id,
            created_at=now,
            expires_at=expires_at,
        )
    )


def lock_consent(conn: Connection, state_hash: str) -> Consent | None:
    """The consent, locked until the transaction ends."""
    row = conn.execute(select(*_CONSENT).where(install_states.c.state_hash == state_hash).with_for_update()).first()
    return None if row is None else Consent(*row)


def use_consent(conn: Connection, state_hash: str, now: datetime) -> None:
    """It counts once."""
    conn.execute(update(install_states).where(install_states.c.state_hash == state_hash).values(used_at=now))


def deposit(conn: Connection, state_hash: str, sealed: bytes | None) -> None:
    """Lay keys by for the browser's return, or take them away."""
    conn.execute(update(install_states).where(install_states.c.state_hash == state_hash).values(sealed_grant=sealed))


def consent_led_to(conn: Connection, state_hash: str, shop_id: int) -> None:
    """Which shop the consent linked: the same browser may see how its linking goes on."""
    conn.execute(update(install_states).where(install_states.c.state_hash == state_hash).values(shop_id=shop_id))


def linked_by(conn: Connection, browser_hash: str, shop_id: int, since: datetime) -> bool:
    """Whether this browser linked the shop lately."""
    mine = (install_states.c.browser_hash == browser_hash) & (install_states.c.shop_id == shop_id)
    return conn.execute(select(install_states.c.state_hash).where(mine, install_states.c.used_at >= since)).first() is not None


def use_token(conn: Connection, platform: str, token_id: str, expires_at: datetime, now: datetime) -> bool:
    """Whether a signed token is used for the first time; expired ones are forgotten on the way."""
    conn.execute(delete(used_tokens).where(used_tokens.c.expires_at < now))
    new = insert(used_tokens).values(platform=platform, token_id=token_id, expires_at=expires_at)
    return conn.execute(new.on_conflict_do_nothing().returning(used_tokens.c.token_id)).first() is not None


# --- the steps after an installation ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step: `reason` is the kind of trouble, `detail` what was done or what the platform said."""

    code: str
    state: str
    reason: str
    detail: str
    tries: int
    due_at: datetime


_STEP = tuple(install_steps.c[name] for name in StepRow.__slots__)


def plan_steps(conn: Connection, shop_id: int, codes: Sequence[str], now: datetime) -> None:
    """Every step of these waits (again)."""
    conn.execute(delete(install_steps).where(install_steps.c.shop_id == shop_id))
    rows = [{"shop_id": shop_id, "code": code, "position": position, "due_at": now} for position, code in enumerate(codes)]
    if rows:
        conn.execute(insert(install_steps), rows)


def steps(conn: Connection, shop_id: int) -> list[StepRow]:
    """All steps of a shop, in their order."""
    rows = select(*_STEP).where(install_steps.c.shop_id == shop_id).order_by(install_steps.c.position)
    return [StepRow(*row) for row in conn.execute(rows)]


def claim_steps(conn: Connection, shop_id: int, now: datetime, *, until: datetime) -> list[StepRow]:
    """Take the steps that are due; they come due again by themselves when the claimer dies."""
    due = select(install_steps.c.code).where(
        install_steps.c.shop_id == shop_id, install_steps.c.state == "waiting", install_steps.c.due_at <= now
    )
    codes = list(conn.execute(due.order_by(install_steps.c.position).with_for_update(skip_locked=True)).scalars())
    mine = (install_steps.c.shop_id == shop_id) & install_steps.c.code.in_(codes)
    conn.execute(update(install_steps).where(mine).values(due_at=until))
    return [step for step in steps(conn, shop_id) if step.code in codes]


def note_step(conn: Connection, shop_id: int, code: str, *, state: str, reason: str, detail: str, due_at: datetime) -> None:
    """How a step went; one that waits counts a try."""
    mine = (install_steps.c.shop_id == shop_id) & (install_steps.c.code == code)
    tries = install_steps.c.tries + (0 if state == "done" else 1)
    finished = None if state == "waiting" else due_at
    values = {"state": state, "reason": reason, "detail": detail, "due_at": due_at, "tries": tries, "finished_at": finished}
    conn.execute(update(install_steps).where(mine).values(values))


def retry_steps(conn: Connection, shop_id: int, now: datetime) -> int:
    """What failed, and what waits, is tried again at once. Returns how many."""
    mine = (install_steps.c.shop_id == shop_id) & (install_steps.c.state != "done")
    return conn.execute(update(install_steps).where(mine).values(state="waiting", due_at=now, finished_at=None)).rowcount


def shops_with_steps_due(conn: Connection, now: datetime) -> list[int]:
    """Shops with a step that is due, the one that waits longest first."""
    rows = (
        select(install_steps.c.shop_id)
        .join(shops, shops.c.id == install_steps.c.shop_id)
        .where(install_steps.c.state == "waiting", install_steps.c.due_at <= now, shops.c.state != "uninstalled")
    )
    return list(conn.execute(rows.group_by(install_steps.c.shop_id).order_by(func.min(install_steps.c.due_at))).scalars())


# --- what happened, and who may look ---------------------------------------------------------------------------------


def note_event(conn: Connection, shop_id: int, code: str, facts: Mapping[str, Any], now: datetime) -> None:
    """Write the shop's history."""
    conn.execute(insert(shop_events).values(shop_id=shop_id, code=code, facts=dict(facts), at=now))


def events(conn: Connection, shop_id: int) -> list[Row[Any]]:
    """The shop's history, oldest first: code, facts, at."""
    rows = select(shop_events.c.code, shop_events.c.facts, shop_events.c.at).where(shop_events.c.shop_id == shop_id)
    return list(conn.execute(rows.order_by(shop_events.c.id)))


def relinked_since(conn: Connection, shop_id: int, since: datetime) -> bool:
    """Whether the shop, once uninstalled, was linked again since then."""
    again = (shop_events.c.shop_id == shop_id) & (shop_events.c.code == "linked_again") & (shop_events.c.at >= since)
    return conn.execute(select(shop_events.c.id).where(again).limit(1)).first() is not None


def see_user(conn: Connection, shop_id: int, external_id: str, *, owner: bool, now: datetime) -> None:
    """A user of the store is here, with leave of the platform."""
    new = insert(shop_users).values(shop_id=shop_id, external_id=external_id, owner=owner, seen_at=now)
    conn.execute(
        new.on_conflict_do_update(
            index_elements=["shop_id", "external_id"], set_={"owner": owner, "seen_at": now, "removed_at": None}
        )
    )


def remove_user(conn: Connection, shop_id: int, external_id: str, now: datetime) -> None:
    """A user may no longer open the connector; kept, so that what was signed for them before counts no more."""
    new = insert(shop_users).values(shop_id=shop_id, external_id=external_id, seen_at=now, removed_at=now)
    conn.execute(new.on_conflict_do_update(index_elements=["shop_id", "external_id"], set_={"removed_at": now}))


def removed_at(conn: Connection, shop_id: int, external_id: str) -> datetime | None:
    """When the user was removed; None for one who was not."""
    mine = (shop_users.c.shop_id == shop_id) & (shop_users.c.external_id == external_id)
    moment: datetime | None = conn.execute(select(shop_users.c.removed_at).where(mine)).scalar()
    return moment


def users(conn: Connection, shop_id: int) -> list[str]:
    """The platform's numbers of those who may open the connector."""
    mine = (shop_users.c.shop_id == shop_id) & shop_users.c.removed_at.is_(None)
    return list(conn.execute(select(shop_users.c.external_id).where(mine).order_by(shop_users.c.external_id)).scalars())


def forget_users(conn: Connection, shop_id: int) -> None:
    """All users of a store are forgotten; who they were at the desk stays with what was done there, without a name."""
    gone = delete(shop_users).where(shop_users.c.shop_id == shop_id).returning(shop_users.c.staff_id)
    for staff_id in {found for found in conn.execute(gone).scalars() if found is not None}:
        staff.change(conn, staff_id, enabled=False, name=f"({staff_id})", name_folded=f"({staff_id})")


def has_owner(conn: Connection, shop_id: int) -> bool:
    """Whether any user of the store is its owner for us."""
    owners = (shop_users.c.shop_id == shop_id) & shop_users.c.owner & shop_users.c.removed_at.is_(None)
    return conn.execute(select(shop_users.c.external_id).where(owners).limit(1)).first() is not None


def staff_of(conn: Connection, shop_id: int, external_id: str) -> int | None:
    """Who a user of the store is at the desk, if anyone yet."""
    mine = (shop_users.c.shop_id == shop_id) & (shop_users.c.external_id == external_id)
    found: int | None = conn.execute(select(shop_users.c.staff_id).where(mine)).scalar()
    return found


def be_staff(conn: Connection, shop_id: int, external_id: str, staff_id: int) -> None:
    """A user of the store is this member of staff."""
    mine = (shop_users.c.shop_id == shop_id) & (shop_users.c.external_id == external_id)
    conn.execute(update(shop_users).where(mine).values(staff_id=staff_id))


def member_of(conn: Connection, shop_id: int, external_id: str) -> Member | None:
    """The member of staff a user of the store is, while both may be here: neither removed nor disabled, the app installed."""
    here = shop_users.join(shops, shops.c.id == shop_users.c.shop_id)
    may = (shop_users.c.shop_id == shop_id) & (shop_users.c.external_id == external_id)
    may &= shop_users.c.removed_at.is_(None) & (shops.c.state != "uninstalled")
    staff_id = conn.execute(select(shop_users.c.staff_id).select_from(here).where(may)).scalar()
    found = staff.by_id(conn, staff_id) if staff_id is not None else None
    return found if found and found.enabled else None


def member_by_store(conn: Connection, platform: str, store: str, external_id: str) -> Member | None:
    """The same by the platform's own name of the store."""
    ours = (shops.c.platform == platform) & (shops.c.external_id == store)
    shop_id = conn.execute(select(shops.c.id).where(ours)).scalar()
    return member_of(conn, shop_id, external_id) if shop_id is not None else None


# --- notices ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the merchant must know or do."""

    code: str
    message: str
    remedy: str
    at: datetime


def notify(conn: Connection, shop_id: int, code: str, message: str, remedy: str, now: datetime) -> bool:
    """Tell the merchant, once until it has ended; whether it is news."""
    new = insert(shop_notices).values(shop_id=shop_id, code=code, message=message, remedy=remedy, at=now)
    return conn.execute(new.on_conflict_do_nothing().returning(shop_notices.c.id)).first() is not None


def end_notice(conn: Connection, shop_id: int, code: str, now: datetime) -> None:
    """What the merchant was told has been seen to."""
    open_ = (shop_notices.c.shop_id == shop_id) & (shop_notices.c.code == code) & shop_notices.c.ended_at.is_(None)
    conn.execute(update(shop_notices).where(open_).values(ended_at=now))


def notices(conn: Connection, shop_id: int) -> list[Notice]:
    """What the merchant must still see to, oldest first."""
    open_ = (shop_notices.c.shop_id == shop_id) & shop_notices.c.ended_at.is_(None)
    columns = [shop_notices.c[name] for name in Notice.__slots__]
    return [Notice(*row) for row in conn.execute(select(*columns).where(open_).order_by(shop_notices.c.id))]
