"""Giving other systems access, and taking it away."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from connector.db import access
from connector.db.access import TokenRow
from connector.domain.errors import NotFound, Rejected

SCOPES = {
    "orders:read": "see orders, customers included",
    "orders:write": "move parts and record payments",
    "stock:read": "see items, locations and levels",
    "stock:write": "add items, book stock changes and counts",
    "events:read": "see endpoints and what they were sent, as far as the token may read the same itself",
    "events:write": "register endpoints, exchange secrets, send again",
}
_TOKEN = re.compile(r"oc_(\d{1,18})_([A-Za-z0-9_-]{43})")


def add(engine: Engine, name: str, scopes: Sequence[str], now: datetime) -> str:
    """A new token, shown this once. Rejected for an unknown scope or a name that is taken."""
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown or not scopes or not name.strip():
        raise Rejected(f"Not a scope: {', '.join(unknown) or 'none given'}.", f"Choose from {', '.join(SCOPES)}.")
    secret = secrets.token_urlsafe(32)
    with engine.begin() as conn:
        token_id = access.add(conn, name.strip(), _hashed(secret), sorted(set(scopes)), now)
    if token_id is None:
        raise Rejected(f"There is a token {name!r} already.", "Revoke it, or choose another name.")
    return f"oc_{token_id}_{secret}"


def holder(engine: Engine, presented: str, now: datetime) -> TokenRow | None:
    """Whose token this is; None for anything that is not a valid token."""
    match = _TOKEN.fullmatch(presented)
    if match is None:
        return None
    with engine.begin() as conn:
        found = access.secret_hash(conn, int(match[1]))
        if found is None or not hmac.compare_digest(found[1], _hashed(match[2])):
            return None
        access.touch(conn, found[0].id, now)
    return found[0]


def revoke(engine: Engine, name: str, now: datetime) -> None:
    """End a token at once. NotFound where there is none of that name."""
    with engine.begin() as conn:
        if not access.revoke(conn, name, now):
            raise NotFound(f"There is no token {name!r} in use.", "`connector tokens list` shows them.")


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
