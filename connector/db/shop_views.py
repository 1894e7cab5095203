"""The reading side of shops: without their credentials, which stay sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, Table, func, select

from connector.db.tables import inbox, location_links, locations, outbox, shop_events, shops
from connector.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class ShopRow:
    """A shop as a person wants to see it."""

    id: int
    key: str
    platform: str
    name: str
    external_id: str
    address: str
    currency: str
    state: str
    state_reason: str
    paused_until: datetime | None
    created_at: datetime
    last_delivery_at: datetime | None
    polled_to: datetime | None
    inbox_waiting: int
    outbox_waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class Link:
    """A shop's own location and ours behind it ("" where it is linked to none)."""

    external_id: str
    name: str
    location: str


def list_shops(conn: Connection, shop_id: int | None = None) -> list[ShopRow]:
    """Every shop, in the order they were linked; or the one."""
    own = [shops.c[name] for name in ShopRow.__dataclass_fields__ if name in shops.c]
    dead = _rows(inbox, "dead") + _rows(outbox, "dead")
    rows = select(*own, _rows(inbox, "waiting"), _rows(outbox, "waiting"), dead).order_by(shops.c.id)
    if shop_id is not None:
        rows = rows.where(shops.c.id == shop_id)
    return [ShopRow(*tuple(row)) for row in conn.execute(rows)]


def _rows(box: Table, state: str) -> ScalarSelect[int]:
    return select(func.count()).select_from(box).where(box.c.shop_id == shops.c.id, box.c.state == state).scalar_subquery()


def find(conn: Connection, named: str) -> int:
    """The id of the shop a person means: by id, name or the platform's own name of it; NotFound where it is none or several."""
    by_id = shops.c.id == int(named) if named.isdecimal() and len(named) < 18 else shops.c.id.is_(None)
    rows = select(shops.c.id).where(by_id | (shops.c.name == named) | (shops.c.external_id == named))
    found = list(conn.execute(rows).scalars())
    if len(found) != 1:
        count = "No shop is" if not found else f"{len(found)} shops are"
        raise NotFound(f"{count} called {named!r}.", "`connector shops list` shows them; give the id.")
    return int(found[0])


def uninstalled_at(conn: Connection, shop_id: int) -> datetime | None:
    """When the merchant removed the app; None while the shop is linked or paused."""
    told = select(func.max(inbox.c.received_at)).where(inbox.c.shop_id == shop_id, inbox.c.kind == "uninstalled")
    noted = select(func.max(shop_events.c.at)).where(shop_events.c.shop_id == shop_id, shop_events.c.code == "uninstalled")
    latest = func.greatest(told.scalar_subquery(), noted.scalar_subquery())
    row = conn.execute(select(shops.c.state, shops.c.created_at, latest).where(shops.c.id == shop_id)).first()
    if row is None or row[0] != "uninstalled":
        return None
    moment: datetime = row[2] or row[1]
    return moment


def links(conn: Connection, shop_id: int) -> list[Link]:
    """A shop's own locations, and which of ours they are."""
    rows = (
        select(location_links.c.external_id, location_links.c.name, func.coalesce(locations.c.code, ""))
        .outerjoin(locations, locations.c.id == location_links.c.location_id)
        .where(location_links.c.shop_id == shop_id)
        .order_by(location_links.c.external_id)
    )
    return [Link(*row) for row in conn.execute(rows)]
