"""Looking after the webhook subscriptions: that they exist, are enabled, point at us, and have our version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from connector.db import drifts, shops
from connector.db.drifts import Drift
from connector.db.sealed import Seal
from connector.domain.drift import SUBSCRIPTION
from connector.domain.retry import USUAL, Patience
from connector.flow.ingest import note_failure
from connector.flow.shops import subscribe, webhook_url
from connector.flow.wake import Wake
from connector.platform import CallError, Flaw, Platform, Shop

EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was wrong, and what still is after repairing."""

    found: tuple[Flaw, ...]
    left: tuple[Flaw, ...]
    wakes: tuple[Wake, ...] = ()


def watch(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    shop: Shop,
    public_url: str,
    now: datetime,
    *,
    repair: bool = True,
    patience: Patience = USUAL,
) -> Watched:
    """Look, repair, look again. What was missed meanwhile is read by the poll, which is due at once then.

    A call error rests the shop and is raised; the next look is an hour later in any case.
    """
    with engine.begin() as conn:
        shops.set_due(conn, shop.id, watch_due_at=now + EVERY)
    address = webhook_url(platform, shop, public_url)
    try:
        found = platform.flaws(shop, address)
        _note(engine, shop, found, now, repair=repair)
        if not found or not repair:
            _settle(engine, shop, found, (), now)
            return Watched(found, found)
        subscribe(engine, seal, platform, shop, public_url)
        left = platform.flaws(shop, address)
    except CallError as error:
        with engine.begin() as conn:
            note_failure(conn, shop, error, now, patience)
        raise
    mended = tuple(flaw for flaw in found if flaw.topic not in {one.topic for one in left})
    _settle(engine, shop, left, mended, now)
    return Watched(found, left, (Wake("poll", shop.id),))


def _note(engine: Engine, shop: Shop, found: tuple[Flaw, ...], now: datetime, *, repair: bool) -> None:
    action = "made anew; the poll reads what was missed" if repair else "found only"
    with engine.begin() as conn:
        drifts.note(conn, shop.id, [_drift(flaw) for flaw in found], action, now)


def _settle(engine: Engine, shop: Shop, left: tuple[Flaw, ...], mended: tuple[Flaw, ...], now: datetime) -> None:
    with engine.begin() as conn:
        drifts.repaired(conn, shop.id, [_drift(flaw) for flaw in mended], now)
        drifts.gone(conn, shop.id, (SUBSCRIPTION,), now, now)
        if mended:
            shops.set_due(conn, shop.id, poll_due_at=now)


def _drift(flaw: Flaw) -> Drift:
    return Drift(SUBSCRIPTION, flaw.topic, {}, {"problem": flaw.problem, "detail": flaw.detail})
