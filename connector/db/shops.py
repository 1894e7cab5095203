"""Shops: their sealed credentials, their poll cursor, their breaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Column, Connection, Row, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import ProgrammingError

from connector.db.sealed import Seal
from connector.db.tables import shops
from connector.domain.errors import Rejected
from connector.platform import Shop


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a shop may be called, and how far its poll has come."""

    state: str
    state_reason: str
    paused_until: datetime | None
    failures: int
    failing_since: datetime | None
    polled_to: datetime | None
    poll_due_at: datetime | None

    @property
    def is_well(self) -> bool:
        """Whether nothing speaks against the shop: its last call went well, and it is not at rest."""
        return self.state == "linked" and self.failures == 0 and self.paused_until is None

    def may_be_called(self, now: datetime) -> bool:
        """Whether it is linked, or paused long enough for one probe."""
        return self.state != "uninstalled" and (self.paused_until is None or self.paused_until <= now)


def store(
    conn: Connection,
    *,
    key: str,
    platform: str,
    external_id: str,
    name: str,
    address: str,
    currency: str,
    sealed_credentials: bytes,
    now: datetime,
) -> int:
    """Add a shop, or link it again with fresh credentials: its key, settings and history stay. Returns its id.

    Rejected where it is another merchant's: a shop keeps its merchant for ever.
    """
    fresh = {
        "name": name,
        "address": address,
        "currency": currency,
        "sealed_credentials": sealed_credentials,
        "state": "linked",
        "state_reason": "",
        "failures": 0,
        "failing_since": None,
        "paused_until": None,
    }
    statement = insert(shops).values(
        key=key, platform=platform, external_id=external_id, polled_to=now, poll_due_at=now, created_at=now, **fresh
    )
    kept = statement.on_conflict_do_update(index_elements=["platform", "external_id"], set_=fresh)
    try:
        return int(conn.execute(kept.returning(shops.c.id)).scalar_one())
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise of_another() from None


def of_another() -> Rejected:
    """A shop keeps its merchant for ever."""
    return Rejected("This store is linked to another merchant here.", "Ask whoever runs the connector.")


def load(conn: Connection, seal: Seal, **named: Any) -> Shop | None:
    """The shop with these column values (`id=…`, or `platform=…, key=…`), credentials opened."""
    row = conn.execute(select(shops).filter_by(**named)).first()
    return None if row is None else _opened(row, seal)


def owner(conn: Connection, platform: str, external_id: str) -> tuple[int, int] | None:
    """(shop id, merchant id) of a platform's store, linked or not any more; for the house, which sees all."""
    mine = (shops.c.platform == platform) & (shops.c.external_id == external_id)
    row = conn.execute(select(shops.c.id, shops.c.merchant_id).where(mine)).first()
    return None if row is None else (row.id, row.merchant_id)


def _opened(row: Row[Any], seal: Seal) -> Shop:
    return Shop(
        id=row.id,
        key=row.key,
        platform=row.platform,
        name=row.name,
        external_id=row.external_id,
        address=row.address,
        credentials=seal.open_json(row.sealed_credentials),
        settings=row.settings,
        merchant_id=row.merchant_id,
    )


def set_credentials(conn: Connection, shop_id: int, sealed: bytes) -> None:
    """Replace the credentials."""
    conn.execute(update(shops).where(shops.c.id == shop_id).values(sealed_credentials=sealed))


def merge_credentials(conn: Connection, seal: Seal, shop_id: int, changes: Mapping[str, str]) -> Mapping[str, str]:
    """Change some of the credentials and leave the others as they are at this moment; an empty value takes one away."""
    row = conn.execute(select(shops.c.sealed_credentials).where(shops.c.id == shop_id).with_for_update()).one()
    merged = {name: value for name, value in {**seal.open_json(row[0]), **changes}.items() if value}
    set_credentials(conn, shop_id, seal.seal_json(merged))
    return merged


def change_settings(conn: Connection, shop_id: int, changes: Mapping[str, Any]) -> None:
    """Merge settings."""
    merged = shops.c.settings.op("||")(bindparam("changes", dict(changes), type_=JSONB))
    conn.execute(update(shops).where(shops.c.id == shop_id).values(settings=merged))


def health(conn: Connection, shop_id: int) -> Health:
    """Whether the shop may be called now."""
    columns = [shops.c[name] for name in Health.__slots__]
    return Health(*conn.execute(select(*columns).where(shops.c.id == shop_id)).one())


def callable_now(conn: Connection, now: datetime) -> set[int]:
    """Shops that may be called: linked or paused long enough for one probe."""
    rested = or_(shops.c.paused_until.is_(None), shops.c.paused_until <= now)
    return set(conn.execute(select(shops.c.id).where(shops.c.state != "uninstalled", rested)).scalars())


def is_failing(conn: Connection, shop_id: int) -> bool:
    """Whether the shop's last call failed."""
    return bool(conn.execute(select(shops.c.failures > 0).where(shops.c.id == shop_id)).scalar())


def succeeded(conn: Connection, shop_id: int) -> None:
    """A call went well: the breaker closes, a pause ends."""
    sick = or_(shops.c.failures > 0, shops.c.state == "paused", shops.c.paused_until.is_not(None))
    well = {"failures": 0, "failing_since": None, "paused_until": None, "state": "linked", "state_reason": ""}
    conn.execute(update(shops).where(shops.c.id == shop_id, sick, shops.c.state != "uninstalled").values(**well))


def failed(conn: Connection, shop_id: int, now: datetime, *, limit: int, after: timedelta, probe: timedelta) -> bool:
    """Count a failed call. True when with it the breaker is open: no calls until one probe after `probe`."""
    counted = (
        update(shops)
        .where(shops.c.id == shop_id)
        .values(failures=shops.c.failures + 1, failing_since=func.coalesce(shops.c.failing_since, now))
        .returning(shops.c.failures, shops.c.failing_since)
    )
    failures, since = conn.execute(counted).one()
    if failures < limit or now - since < after:
        return False
    rest(conn, shop_id, now + probe, "The shop does not answer; it is tried again from time to time.")
    return True


def rest(conn: Connection, shop_id: int, until: datetime, reason: str, *, state: str | None = None) -> None:
    """No calls to the shop until then."""
    values: dict[str, Any] = {"paused_until": until, "state_reason": reason}
    if state is not None:
        values["state"] = state
    conn.execute(update(shops).where(shops.c.id == shop_id, shops.c.state != "uninstalled").values(**values))


def uninstall(conn: Connection, shop_id: int, reason: str) -> None:
    """The merchant removed the app: nothing is called any more, everything stays."""
    conn.execute(update(shops).where(shops.c.id == shop_id).values(state="uninstalled", state_reason=reason))


def set_poll(conn: Connection, shop_id: int, *, polled_to: datetime | None = None, due_at: datetime | None = None) -> None:
    """Move the poll's cursor forward, never back; say when the next poll is due."""
    given = {"polled_to": func.greatest(shops.c.polled_to, polled_to), "poll_due_at": due_at}
    wanted = [name for name, value in (("polled_to", polled_to), ("poll_due_at", due_at)) if value is not None]
    conn.execute(update(shops).where(shops.c.id == shop_id).values({name: given[name] for name in wanted}))


def due_polls(conn: Connection, now: datetime) -> list[int]:
    """Shops whose next poll is due."""
    rows = select(shops.c.id).where(shops.c.state != "uninstalled", shops.c.poll_due_at <= now)
    return list(conn.execute(rows.order_by(shops.c.poll_due_at)).scalars())


def due_watches(conn: Connection, now: datetime) -> list[int]:
    """Shops whose subscriptions are to be looked at."""
    return _due(conn, shops.c.watch_due_at, now)


def due_comparisons(conn: Connection, now: datetime) -> list[int]:
    """Shops whose orders are to be compared with the platform's."""
    return _due(conn, shops.c.compare_due_at, now)


def _due(conn: Connection, column: Column[Any], now: datetime) -> list[int]:
    rows = select(shops.c.id).where(shops.c.state != "uninstalled", column <= now)
    return list(conn.execute(rows.order_by(column)).scalars())


def set_due(conn: Connection, shop_id: int, **times: datetime) -> None:
    """Say when next: `watch_due_at`, `compare_due_at` or `poll_due_at`."""
    conn.execute(update(shops).where(shops.c.id == shop_id).values(**times))


def touch(conn: Connection, shop_id: int, now: datetime) -> None:
    """A delivery came; noted at most once a minute, so that a flood does not fight over the row."""
    stale = or_(shops.c.last_delivery_at.is_(None), shops.c.last_delivery_at < now - timedelta(minutes=1))
    conn.execute(update(shops).where(shops.c.id == shop_id, stale).values(last_delivery_at=now))


def lock_intake(conn: Connection, shop_id: int) -> None:
    """One intake of a shop's orders at a time, until the transaction ends."""
    conn.execute(text("SELECT pg_advisory_xact_lock(:space, :shop)"), {"space": 7301, "shop": shop_id})
