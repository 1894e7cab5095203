"""Where the connector is, as the sandbox's admin pages must know to install it, and what it is registered as."""

from __future__ import annotations

import os
from collections.abc import Mapping

from connector.domain.errors import Malformed
from sandbox.store import Store

# As an app is registered with a platform: these are settings of the connector (see docs/sandbox.md). Valid nowhere else.
SHOPIFY_CLIENT_ID = "sandbox-shopify-client"
BIGCOMMERCE_CLIENT_ID = "sandbox-bigcommerce-client"

_KIND, _KEY = "sandbox.connector", "connector"
_DEFAULTS: Mapping[str, object] = {"url": "", "token_seconds": 3600}
NAMES = tuple(_DEFAULTS)


def shown(store: Store) -> dict[str, object]:
    """The connector's address, and how long Shopify's tokens live here."""
    kept = {**_DEFAULTS, **(store.get(_KIND, _KEY) or {})}
    return {**kept, "url": kept["url"] or os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"}


def change(store: Store, wanted: Mapping[str, object]) -> None:
    """Set some of them; Malformed for what cannot be."""
    url, seconds = wanted.get("url", ""), wanted.get("token_seconds", 1)
    if not isinstance(url, str) or (url and not url.startswith(("http://", "https://"))):
        raise Malformed("url must be the address of a connector.", "It begins with http:// or https://.")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 86_400:
        raise Malformed("token_seconds must be a number from 0 to 86400.", "3600 is what Shopify has.")
    with store.together():
        store.put(_KIND, _KEY, {**(store.get(_KIND, _KEY) or {}), **wanted})


def url(store: Store) -> str:
    """The connector's address, without a slash at its end."""
    return str(shown(store)["url"]).rstrip("/")
