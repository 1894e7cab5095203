"""The store itself: who it is, where it keeps goods, and the webhooks it sends us."""

from __future__ import annotations

import secrets

from connector.platform import Account, Flaw, RemoteLocation, Shop, Subscriptions
from platforms.bigcommerce import client
from platforms.bigcommerce.webhook import SECRET_HEADER
from platforms.http import Http

SCOPES = ("store/order/*", "store/shipment/*", "store/app/uninstalled")


def check(http: Http, shop: Shop) -> Account:
    """The store as it names itself; the token has proved itself by the answer."""
    store = client.read_object(http, shop, "v2/store")
    return Account(shop.external_id, str(store.get("name", "")), str(store.get("currency", "")))


def locations(http: Http, shop: Shop) -> tuple[RemoteLocation, ...]:
    """The store's inventory locations."""
    rows = client.v3_rows(http, shop, "v3/inventory/locations")
    return tuple(RemoteLocation(str(row["id"]), str(row.get("label", "")), row.get("enabled") is not False) for row in rows)


def subscribe(http: Http, shop: Shop, address: str) -> Subscriptions:
    """Make one active webhook per scope stand at `address`, each carrying our secret header; repeatable.

    A hook left inactive by too many failures is switched on again; ours at another address are removed.
    """
    secret = shop.credentials.get("webhook_secret") or secrets.token_urlsafe(32)
    hooks = list(client.v3_rows(http, shop, "v3/hooks"))
    for scope in SCOPES:
        _stand(http, shop, [hook for hook in hooks if hook.get("scope") == scope], scope, address, secret)
    for hook in hooks:
        if hook.get("destination") != address and SECRET_HEADER in _headers(hook):
            _remove(http, shop, hook)
    return Subscriptions(SCOPES, {"webhook_secret": secret})


def flaws(http: Http, shop: Shop, address: str) -> tuple[Flaw, ...]:
    """Scopes without an active hook at `address`: BigCommerce deactivates one whose deliveries failed for two days."""
    hooks = [hook for hook in client.v3_rows(http, shop, "v3/hooks") if SECRET_HEADER in _headers(hook)]
    return tuple(flaw for scope in SCOPES if (flaw := _flaw(scope, address, hooks, shop)) is not None)


def _flaw(scope: str, address: str, hooks: list[client.Row], shop: Shop) -> Flaw | None:
    of_scope = [hook for hook in hooks if hook.get("scope") == scope]
    here = next((hook for hook in of_scope if hook.get("destination") == address), None)
    if here is None:
        elsewhere = str(of_scope[0].get("destination", "")) if of_scope else ""
        return Flaw(scope, "elsewhere" if elsewhere else "missing", elsewhere)
    if not here.get("is_active"):
        return Flaw(scope, "disabled", "inactive")
    known = _headers(here).get(SECRET_HEADER) == shop.credentials.get("webhook_secret")
    return None if known else Flaw(scope, "version", "It carries a secret that is not ours any more.")


def _stand(http: Http, shop: Shop, hooks: list[client.Row], scope: str, address: str, secret: str) -> None:
    wanted = {"scope": scope, "destination": address, "is_active": True, "headers": {SECRET_HEADER: secret}}
    ours = next((hook for hook in hooks if hook.get("destination") == address), None)
    if ours is None:
        client.write(http, shop, "POST", "v3/hooks", wanted)
    elif not ours.get("is_active") or _headers(ours).get(SECRET_HEADER) != secret:
        client.write(http, shop, "PUT", f"v3/hooks/{ours['id']}", wanted)


def _remove(http: Http, shop: Shop, hook: client.Row) -> None:
    try:
        client.write(http, shop, "DELETE", f"v3/hooks/{hook['id']}", None)
    except client.Missing:
        return  # gone already, which is what was wanted


def _headers(hook: client.Row) -> dict[str, str]:
    headers = hook.get("headers")
    return headers if isinstance(headers, dict) else {}
