"""What a merchant gives us to reach a BigCommerce store."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector.domain.errors import Rejected
from platforms.http import Http

CREDENTIALS: Mapping[str, str] = {
    "store_hash": "The word after /stores/ in the API path of the store's API account.",
    "token": "The access token of the store's API account.",
    "client_secret": "The client secret of the same API account: BigCommerce signs its webhooks with it.",
}

_API = "https://api.bigcommerce.com"
_STORE_HASH = re.compile(r"[a-z0-9]{3,40}")
_WORD = re.compile(r"[\x21-\x7e]{1,500}")


def open_shop(http: Http, options: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """Options -> (store hash, base address of the API, credentials).

    An empty client secret is refused: any signature computed with an empty key would be valid.
    """
    store_hash = options.get("store_hash", "").strip()
    if not _STORE_HASH.fullmatch(store_hash):
        raise Rejected(
            f"{store_hash[:40]!r} is not a store hash.",
            "It is the word of small letters and digits after /stores/ in the API path of the API account.",
        )
    base = http.check_address(options.get("api_url") or _API)
    secrets = {name: _word(options, name) for name in ("token", "client_secret")}
    return store_hash, f"{base}/stores/{store_hash}", secrets


def _word(options: Mapping[str, str], name: str) -> str:
    value = options.get(name, "").strip()
    if not _WORD.fullmatch(value):
        raise Rejected(f"The {name.replace('_', ' ')} is missing or is not one word.", CREDENTIALS[name])
    return value
