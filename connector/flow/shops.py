"""Linking a shop, and reading it with its credentials opened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine

from connector.db.sealed import Seal
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
    raise NotImplementedError


def webhook_url(platform: Platform, shop: Shop, public_url: str) -> str:
    """The address the shop's webhooks are sent to."""
    path = f"/webhooks/{platform.name}" if platform.shared_address else f"/webhooks/{platform.name}/{shop.key}"
    return public_url.rstrip("/") + path


def by_id(engine: Engine, seal: Seal, shop_id: int) -> Shop:
    """The shop with its credentials; NotFound where there is none."""
    raise NotImplementedError


def by_key(engine: Engine, seal: Seal, platform: str, key: str) -> Shop | None:
    """The shop behind a webhook address."""
    raise NotImplementedError


def by_external_id(engine: Engine, seal: Seal, platform: str, external_id: str) -> Shop | None:
    """The shop a platform names in its headers."""
    raise NotImplementedError
