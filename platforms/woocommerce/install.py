"""Linking a shop: proving its keys, and making our webhooks stand."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from connector.platform import Account, Flaw, Refused, Shop, Subscriptions
from platforms.http import Http
from platforms.woocommerce.client import Absent, read, read_all, read_list, write
from platforms.woocommerce.webhook import TOPICS

_OLDEST = (8, 2)  # the release that made today's order storage the default
_SECRET_BYTES = 24  # 48 hexadecimal digits: the shop decodes HTML entities in a secret, so plain ones only


def check(http: Http, shop: Shop) -> Account:
    """Prove the address, then the keys; the store goes by its address, as WooCommerce has no other name for it."""
    index = read(http, shop, "/", {"_fields": "name,namespaces"})
    if "wc/v3" not in (index.get("namespaces") or ()):
        raise Refused("The site answers, but WooCommerce does not.", "Activate WooCommerce there, or check the address.")
    status = read(http, shop, "system_status", {"_fields": "environment,settings"})
    version = str(_object(status, "environment").get("version", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise Refused(f"The shop runs WooCommerce {version or 'of an unknown version'}.", f"Update it to {oldest} or later.")
    return Account(shop.external_id, str(index.get("name", "")), str(_object(status, "settings").get("currency", "")))


def subscribe(http: Http, shop: Shop, address: str) -> Subscriptions:
    """One active webhook per topic, pointing at `address`, all with one secret. Repeatable.

    The shop never shows a secret, so webhooks are kept only where we know theirs. A disabled one is made anew: set to
    active again it keeps its count of failures, and the next failure would disable it at once (10.5.0).
    """
    secret = shop.credentials.get("webhook_secret", "")
    kept, stale = _sorted(_ours(http, shop), address, known=bool(secret))
    secret = secret or secrets.token_hex(_SECRET_BYTES)
    for topic in TOPICS:
        if topic not in kept:
            wanted = {"name": f"Order connector: {topic}", "topic": topic, "delivery_url": address, "secret": secret}
            write(http, shop, "POST", "webhooks", {**wanted, "status": "active"})
    for webhook in stale:
        with contextlib.suppress(Absent):  # somebody was faster
            write(http, shop, "DELETE", f"webhooks/{webhook['id']}", None, {"force": "true"})
    return Subscriptions(TOPICS, {"webhook_secret": secret})


def flaws(http: Http, shop: Shop, address: str) -> tuple[Flaw, ...]:
    """Topics without an active webhook at `address`: the shop disables one after seven failures in a row (10.5.0)."""
    ours = _ours(http, shop)
    return tuple(flaw for topic in TOPICS if (flaw := _flaw(topic, address, ours)) is not None)


def _flaw(topic: str, address: str, ours: Sequence[Mapping[str, Any]]) -> Flaw | None:
    of_topic = [webhook for webhook in ours if webhook.get("topic") == topic]
    here = [webhook for webhook in of_topic if webhook.get("delivery_url") == address]
    if any(webhook.get("status") == "active" for webhook in here):
        return None
    if here:
        return Flaw(topic, "disabled", str(here[0].get("status", "")))
    return Flaw(topic, "elsewhere", str(of_topic[0].get("delivery_url", ""))) if of_topic else Flaw(topic, "missing")


def _ours(http: Http, shop: Shop) -> list[dict[str, Any]]:
    """Those whose address ends with this shop's key: also those that point at a former address of ours."""
    return [
        webhook
        for webhook in read_all(http, shop, "webhooks", {"status": "all"})
        if urlsplit(str(webhook.get("delivery_url", ""))).path.rsplit("/", 1)[-1] == shop.key
    ]


def _sorted(ours: Sequence[dict[str, Any]], address: str, *, known: bool) -> tuple[set[str], list[dict[str, Any]]]:
    """(topics that stand, webhooks to delete)."""
    stand: dict[str, dict[str, Any]] = {}
    for webhook in ours:
        right = webhook.get("delivery_url") == address and webhook.get("status") == "active"
        if known and right and webhook.get("topic") in TOPICS:
            stand.setdefault(str(webhook["topic"]), webhook)
    return set(stand), [webhook for webhook in ours if webhook not in stand.values()]


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def choices(http: Http, shop: Shop, name: str) -> tuple[str, ...]:
    """The statuses an order can have in this shop, its own ones included, for the settings that name a status."""
    if not name.startswith("status_"):
        return ()
    return tuple(str(row.get("slug")) for row in read_list(http, shop, "orders/statuses") if row.get("slug"))
