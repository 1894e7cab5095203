"""What a shop shows beside what was published to it: somebody changed it there, or a write was lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from connector.db import publications
from connector.db.drifts import Drift
from connector.db.publications import Published
from connector.db.sealed import Seal
from connector.domain.drift import STOCK
from connector.domain.retry import Patience
from connector.domain.settings import value
from connector.flow.caught_up import caught_up
from connector.platform import Level, Platform, Shop, Spot

_AT_ONCE = 500


def found(engine: Engine, seal: Seal, platform: Platform, shop: Shop, now: datetime, patience: Patience) -> list[Drift]:
    """The spots where the shop shows something else than what was published last; none where nothing may be published.

    As a publication does, it reads the shop first and takes in its orders then: what it sold before the reading, or what
    changed here meanwhile, makes a publication due, and is no drift. Raises the call errors.
    """
    goods = platform.goods
    if goods is None or not value(shop.settings, "publish_stock") or goods.obstacle(shop):
        return []
    with engine.connect() as conn:
        settled = publications.settled(conn, shop.id)
    shows: dict[Spot, Level] = {}
    for start in range(0, len(settled), _AT_ONCE):
        shows.update(goods.levels(shop, [row.spot for row in settled[start : start + _AT_ONCE]]))
    differing = [row for row in settled if row.spot in shows and shows[row.spot].quantity != row.published]
    if not differing or not caught_up(engine, seal, platform, shop, lambda: now, patience):
        return []
    with engine.connect() as conn:
        still = set(publications.settled(conn, shop.id))
    return [_drift(row, shows[row.spot]) for row in differing if row in still]


def _drift(row: Published, level: Level) -> Drift:
    return Drift(STOCK, _subject(row), {"available": row.published}, {"available": level.quantity})


def _subject(row: Published) -> str:
    return f"{row.sku} · {row.place}"


def spots(conn: Connection, shop: Shop, drifts: Sequence[Drift]) -> list[Spot]:
    """What these drifts are about."""
    subjects = {one.subject for one in drifts}
    return [row.spot for row in publications.settled(conn, shop.id) if _subject(row) in subjects]
