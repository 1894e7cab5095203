"""Access tokens that expire are exchanged in time, by one worker, and a refused one is exchanged once more.

`kept_fresh` wraps a platform: whoever calls a store through it has a token that works, and knows nothing of all this.
No transaction is open over the exchange: who does it holds a lease, the others go on with the old token while that is good,
and wait for the new one where it is not.
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from sqlalchemy import Engine

from connector.db import installs
from connector.db import shops as rows
from connector.db import tokens as leases
from connector.db.engine import of_merchant
from connector.db.sealed import Seal
from connector.platform import AuthLost, CallError, Goods, Platform, Retryable, Shop, TokenRefused

EARLY = timedelta(minutes=5)
_LEASE = timedelta(seconds=30)  # an exchange is one call of at most 10 s
_LONGEST_WAIT_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_PAUSE = timedelta(minutes=10)

# Fields of the port that call nobody, or that are given no stored shop.
_PURE = frozenset({"open_shop", "shop_named_by", "is_ping", "genuine", "parse", "normalize", "refresh", "room"})


def kept_fresh(engine: Engine, seal: Seal, platform: Platform, now: Callable[[], datetime]) -> Platform:
    """The platform, each of whose calls to a store is made with a fresh token; a platform without expiry is as it was."""
    if platform.refresh is None:
        return platform

    def freshened(call: Callable[..., Any]) -> Callable[..., Any]:
        return _freshened(engine, seal, platform, call, now)

    functions = {field.name: getattr(platform, field.name) for field in dataclasses.fields(platform)}
    calling = {name: freshened(call) for name, call in functions.items() if callable(call) and name not in _PURE}
    install = platform.install and replace(platform.install, traits=freshened(platform.install.traits))
    return replace(platform, install=install, goods=_within(platform.goods, freshened), **calling)  # type: ignore[arg-type]


def _within(goods: Goods | None, freshened: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Goods | None:
    if goods is None:
        return None
    functions = {field.name: getattr(goods, field.name) for field in dataclasses.fields(goods)}
    return replace(goods, **{name: freshened(call) for name, call in functions.items() if callable(call)})  # type: ignore[arg-type]


def _freshened(
    engine: Engine, seal: Seal, platform: Platform, call: Callable[..., Any], now: Callable[[], datetime]
) -> Callable[..., Any]:
    @wraps(call)
    def calling(shop: Shop, *arguments: Any, **named: Any) -> Any:
        shop = fresh(engine, seal, platform, shop, now)
        try:
            return call(shop, *arguments, **named)
        except TokenRefused:
            if not _exchangeable(shop):
                raise
        return call(renewed(engine, seal, platform, shop, now), *arguments, **named)

    return calling


def fresh(engine: Engine, seal: Seal, platform: Platform, shop: Shop, now: Callable[[], datetime]) -> Shop:
    """The shop with a token that is good for now.

    A token within EARLY of its end is exchanged by the first who comes; whoever comes meanwhile goes on with it. AuthLost
    where the platform refuses the exchange: then the shop is paused and its merchant told.
    """
    if not _exchangeable(shop) or now() < _expiry(shop) - EARLY:
        return shop
    engine = of_merchant(engine, shop.merchant_id)
    shop = replace(shop, credentials=_stored(engine, seal, shop))  # it may have been exchanged since it was read
    if now() < _expiry(shop) - EARLY:
        return shop
    return renewed(engine, seal, platform, shop, now, waits=now() >= _expiry(shop))


def renewed(
    engine: Engine, seal: Seal, platform: Platform, shop: Shop, now: Callable[[], datetime], *, waits: bool = True
) -> Shop:
    """The shop with another token than it has: exchanged here, or by somebody else at this moment."""
    engine = of_merchant(engine, shop.merchant_id)
    holder, end = uuid.uuid4().hex, time.monotonic() + _LONGEST_WAIT_SECONDS
    while True:
        with engine.begin() as conn:
            mine = leases.claim(conn, shop.id, holder, now(), now() + _LEASE)
        stored = _stored(engine, seal, shop)
        if stored.get("token") != shop.credentials.get("token"):  # looked at after the claim: nobody can change it now
            _give_back(engine, shop, holder, mine)
            return replace(shop, credentials=stored)
        if mine:
            return _exchanged(engine, seal, platform, replace(shop, credentials=stored), holder, now)
        if not waits:
            return shop
        if time.monotonic() > end:
            raise Retryable("The shop's access token is being exchanged and did not come in time.", "It is tried again.")
        time.sleep(_LOOK_SECONDS)


def _exchanged(engine: Engine, seal: Seal, platform: Platform, shop: Shop, holder: str, now: Callable[[], datetime]) -> Shop:
    """Exchange and store the pair before anybody uses it. A lost answer leaves the old refresh token, which is good for
    another try: Shopify keeps it until its successor is first used (changelog of 2026-08-28)."""
    try:
        changes = _asked(platform, shop)
    except CallError as error:
        with engine.begin() as conn:
            leases.release(conn, shop.id, holder)
            if isinstance(error, AuthLost):
                rows.rest(conn, shop.id, now() + _PAUSE, str(error), state="paused")
                installs.notify(conn, shop.id, installs.RECONNECT, error.message, error.remedy, now())
        raise
    with engine.begin() as conn:
        credentials = rows.merge_credentials(conn, seal, shop.id, changes)
        installs.end_notice(conn, shop.id, installs.RECONNECT, now())
        leases.release(conn, shop.id, holder)
    return replace(shop, credentials=credentials)


def _asked(platform: Platform, shop: Shop) -> Mapping[str, str]:
    if platform.refresh is None:
        raise AuthLost(f"{platform.title} exchanges no tokens.", "Link the shop again.")
    return platform.refresh(shop)


def _give_back(engine: Engine, shop: Shop, holder: str, mine: bool) -> None:
    if mine:
        with engine.begin() as conn:
            leases.release(conn, shop.id, holder)


def _stored(engine: Engine, seal: Seal, shop: Shop) -> Mapping[str, str]:
    with engine.connect() as conn:
        found = rows.load(conn, seal, id=shop.id)
    return found.credentials if found else shop.credentials


def _exchangeable(shop: object) -> bool:
    """Whether this is a stored shop whose token can be exchanged."""
    return isinstance(shop, Shop) and bool(shop.id and shop.credentials.get("refresh_token"))


def _expiry(shop: Shop) -> datetime:
    """When the access token ends; one that does not say so has ended."""
    try:
        return datetime.fromisoformat(shop.credentials.get("token_expires_at", ""))
    except ValueError:
        return datetime.fromisoformat("1970-01-01T00:00:00+00:00")
