"""Installing on WooCommerce: the merchant approves us in the shop (`wc-auth`), and the shop brings keys.

The callback is not signed and does not say which shop it is from. So its `user_id` is a one-time word of ours, the keys are
laid by, and only what that very shop answers to a call with them links anything. They are not proved within the callback:
the shop waits for our answer there, and one with a single PHP worker could not answer us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from connector.domain.errors import Malformed
from connector.installing import Ask, Deposited, Installing, Returned, Visit
from connector.platform import Shop
from platforms.http import Http
from platforms.woocommerce.auth import OPTIONS, site_address
from platforms.woocommerce.client import Absent, read_list

APP_NAME = "Order connector"
_AGAIN = "Begin the installation again."
_READ_WRITE = "read_write"


def installing(http: Http) -> Installing:
    """How a merchant installs the connector on WooCommerce."""
    return Installing(
        acts={"start": partial(_start, http), "callback": _callback, "return": _returned},
        asks={"url": OPTIONS["url"]},
        keys=OPTIONS,
        traits=partial(_traits, http),
    )


def _start(http: Http, visit: Visit) -> Ask:
    site = site_address(http, visit.one("url"))
    return Ask(site, partial(_consent_url, site, visit.here), anywhere=True)


def _consent_url(site: str, here: str, state: str) -> str:
    """The shop checks that `callback_url` is https; all five are required (10.5.0)."""
    asked = {
        "app_name": APP_NAME,
        "scope": _READ_WRITE,
        "user_id": state,
        "return_url": f"{here}/return",
        "callback_url": f"{here}/callback",
    }
    return f"{site}/wc-auth/v1/authorize?{urlencode(asked)}"


def _callback(visit: Visit) -> Deposited:
    """Keys from a shop's server. It must be answered with exactly 200: after anything else the shop deletes the key."""
    said = _decoded(visit.body)
    words = {name: said.get(name) for name in ("user_id", "consumer_key", "consumer_secret", "key_permissions")}
    if not all(isinstance(word, str) and word and len(word) <= 500 for word in words.values()):
        raise Malformed("The shop's message holds no keys.", _AGAIN)
    if words["key_permissions"] != _READ_WRITE:
        raise Malformed("The shop gave keys that may only read.", "Approve the connector as it asks, with read and write.")
    return Deposited(str(words["user_id"]), {"key": str(words["consumer_key"]), "secret": str(words["consumer_secret"])})


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Malformed("The shop's message cannot be read.", _AGAIN)
    return said


def _returned(visit: Visit) -> Returned:
    """The browser is back: `success` is 1 or 0."""
    return Returned(visit.one("user_id"), visit.one("success") != "1")


def _traits(http: Http, shop: Shop) -> Mapping[str, object]:
    """The words the shop has for an order's state, its own ones included."""
    try:
        rows = read_list(http, shop, "orders/statuses")
    except Absent:  # older releases have no such route: the words of WooCommerce itself are known
        return {}
    return {"statuses": {str(row.get("slug", "")): str(row.get("name", "")) for row in rows}}
