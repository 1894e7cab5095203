"""A merchant removes the app: what ends with it, and what stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.db import installs, shops
from connector.db.sealed import Seal
from connector.platform import AuthLost, Platform, Shop

# What is worth nothing once the app was removed. Secrets that sign webhooks stay: late ones are still on their way.
DEAD_CREDENTIALS = ("token", "refresh_token", "token_expires_at", "refresh_expires_at", "key", "secret")

# Messages may be late by a day and more; after this long an old one can no longer be taken for a new one.
_LATE = timedelta(hours=72)


def depart(conn: Connection, seal: Seal, shop_id: int, now: datetime) -> None:
    """The merchant removed the app: its tokens are forgotten and nothing is called any more; everything else stays."""
    if shops.health(conn, shop_id).state == "uninstalled":
        return
    shops.uninstall(conn, shop_id, "The merchant removed the app.")
    shops.merge_credentials(conn, seal, shop_id, dict.fromkeys(DEAD_CREDENTIALS, ""))
    installs.note_event(conn, shop_id, "uninstalled", {}, now)
    installs.end_notice(conn, shop_id, installs.RECONNECT, now)
    installs.plan_steps(conn, shop_id, (), now)


def may_be_late(conn: Connection, shop_id: int, now: datetime) -> bool:
    """Whether a word of the app's removal may be older than the shop's present link: only the shop itself can tell."""
    return installs.relinked_since(conn, shop_id, now - _LATE)


def still_linked(platform: Platform, shop: Shop) -> bool:
    """Ask the shop whether our credentials work; a call error where it does not answer."""
    try:
        platform.check(shop)
    except AuthLost:
        return False
    return True
