"""Tokens of the sandbox Shopify shop: codes, expiring access tokens, refresh tokens that rotate."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Collection
from typing import Any

from sandbox import registration
from sandbox.catalogue import CREDENTIALS
from sandbox.shopify.views import SCOPES
from sandbox.store import Store

CODE, ACCESS, REFRESH = "shopify.code", "shopify.access", "shopify.refresh"
_CODE_SECONDS = 60
_REFRESH_SECONDS = 90 * 24 * 3600


def granted(store: Store, token: str) -> Collection[str] | None:
    """What is granted to the token of the store's own custom app, or to one given out and not over; None for any other."""
    if hmac.compare_digest(token.encode(), CREDENTIALS["shopify"]["token"].encode()):
        return SCOPES
    given = store.get(ACCESS, token) if token else None
    if given is None or time.time() >= given["until"]:
        return None
    return str(given.get("scope", ",".join(SCOPES))).split(",")


def new_code(store: Store, scope: str, redirect_uri: str) -> str:
    """A code for one exchange."""
    code = secrets.token_hex(16)
    store.put(CODE, code, {"until": time.time() + _CODE_SECONDS, "scope": scope, "redirect_uri": redirect_uri})
    return code


def by_code(store: Store, code: str, *, expiring: bool) -> dict[str, Any] | None:
    """The answer for a code, which counts once; None for one that is used, over or made up."""
    with store.together():
        found = store.get(CODE, code)
        store.delete(CODE, code)
    if found is None or time.time() > found["until"]:
        return None
    scope = found["scope"]
    return new_pair(store, scope) if expiring else {"access_token": _access(store, 10.0**9, scope), "scope": scope}


def by_refresh_token(store: Store, token: str) -> dict[str, Any] | None:
    """A new pair. The token that was used goes on working until its successor is used (changelog of 2026-08-28)."""
    with store.together():
        found = store.get(REFRESH, token)
        if found is None or time.time() > found["until"]:
            return None
        if found["predecessor"]:
            store.delete(REFRESH, found["predecessor"])
        return new_pair(store, found["scope"], predecessor=token)


def new_pair(store: Store, scope: str = ",".join(SCOPES), predecessor: str = "") -> dict[str, Any]:
    """An access token and a refresh token as the endpoint answers them."""
    seconds = float(str(registration.shown(store)["token_seconds"]))
    refresh = f"shprt_{secrets.token_hex(16)}"
    with store.together():
        access = _access(store, seconds, scope)
        until = time.time() + _REFRESH_SECONDS
        store.put(REFRESH, refresh, {"until": until, "scope": scope, "predecessor": predecessor})
    return {
        "access_token": access,
        "scope": scope,
        "expires_in": seconds,
        "refresh_token": refresh,
        "refresh_token_expires_in": _REFRESH_SECONDS,
    }


def revoke_all(store: Store) -> None:
    """The app was removed: nothing it was given works any more."""
    with store.together():
        for kind in (CODE, ACCESS, REFRESH):
            for key in store.keys(kind):
                store.delete(kind, key)


def _access(store: Store, seconds: float, scope: str) -> str:
    token = f"shpat_{secrets.token_hex(16)}"
    store.put(ACCESS, token, {"until": time.time() + seconds, "scope": scope})
    return token
