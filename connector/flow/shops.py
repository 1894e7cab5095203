"""Linking a shop, and reading it with its credentials opened."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from connector.db import goods
from connector.db import shops as rows
from connector.db.sealed import Seal
from connector.domain.errors import NotFound
from connector.platform import Platform, Shop


def add(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    options: Mapping[str, str],
    public_url: str,
    now: datetime,
    *,
    name: str = "",
) -> tuple[Shop, str]:
    """Prove the credentials by a call, store the shop, register its webhooks, note its locations.

    Returns the shop and its webhook address. Adding the same store again replaces its credentials and keeps its history.
    Rejected for unusable values, a call error where the store does not answer or refuses.
    """
    external_id, address, credentials = platform.open_shop(options)
    with engine.connect() as conn:
        known = rows.load(conn, seal, platform=platform.name, external_id=external_id)
    key = known.key if known else secrets.token_hex(16)
    kept = {**known.credentials, **credentials} if known else credentials
    shop = Shop(0, key, platform.name, name, external_id, address, kept, known.settings if known else {})
    account = platform.check(shop)
    with engine.begin() as conn:
        shop_id = rows.store(
            conn,
            key=key,
            platform=platform.name,
            external_id=external_id,
            name=name or account.name,
            address=address,
            currency=account.currency,
            sealed_credentials=seal.seal_json(kept),
            now=now,
        )
    shop = subscribe(engine, seal, platform, by_id(engine, seal, shop_id), public_url)
    remote = platform.locations(shop)
    with engine.begin() as conn:
        goods.note_remote_locations(conn, shop_id, [(place.external_id, place.name) for place in remote])
    return shop, webhook_url(platform, shop, public_url)


def subscribe(engine: Engine, seal: Seal, platform: Platform, shop: Shop, public_url: str) -> Shop:
    """Make the shop's webhooks stand, and keep what they are signed with. Repeatable."""
    subscribed = platform.subscribe(shop, webhook_url(platform, shop, public_url))
    if subscribed.secrets:
        with engine.begin() as conn:
            rows.merge_credentials(conn, seal, shop.id, subscribed.secrets)
    return by_id(engine, seal, shop.id)


def webhook_url(platform: Platform, shop: Shop, public_url: str) -> str:
    """The address the shop's webhooks are sent to."""
    path = f"/webhooks/{platform.name}" if platform.shared_address else f"/webhooks/{platform.name}/{shop.key}"
    return public_url.rstrip("/") + path


def change_settings(engine: Engine, shop_id: int, changes: Mapping[str, Any]) -> None:
    """Merge a merchant's choices into the shop's settings."""
    with engine.begin() as conn:
        rows.change_settings(conn, shop_id, changes)


def by_id(engine: Engine, seal: Seal, shop_id: int) -> Shop:
    """The shop with its credentials; NotFound where there is none."""
    with engine.connect() as conn:
        shop = rows.load(conn, seal, id=shop_id)
    if shop is None:
        raise NotFound(f"There is no shop {shop_id}.", "`connector shops list` shows them.")
    return shop


def by_key(engine: Engine, seal: Seal, platform: str, key: str) -> Shop | None:
    """The shop behind a webhook address."""
    with engine.connect() as conn:
        return rows.load(conn, seal, platform=platform, key=key)


def by_external_id(engine: Engine, seal: Seal, platform: str, external_id: str) -> Shop | None:
    """The shop a platform names in its headers."""
    with engine.connect() as conn:
        return rows.load(conn, seal, platform=platform, external_id=external_id)
