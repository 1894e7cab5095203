"""Installing on Shopify: the authorization code grant, and token exchange for the app shown within the admin.

Of the package shopifyapi the session token's check is used (audience, issuer and destination, leeway of 10 s), with what it
leaves out added: `exp` and `nbf` must be there. Its authorize URL, its query check and its token request are not: the request
never asks for expiring tokens, which a new public app must use, and goes out without a time-out; the check raises on odd
input and takes time stamps years ahead (12.7.0).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urljoin

import jwt
from shopify import session_token

from connector.domain.errors import Malformed, Rejected
from connector.installing import App, Ask, Bridge, Consented, Forged, Grant, Installing, NotOurs, Opened, User, Visit
from connector.platform import Shop
from platforms.http import Http
from platforms.shopify import privacy, tokens
from platforms.shopify.auth import shop_domain
from platforms.shopify.reading import NEEDED, SCOPES, missing_scopes

ASKS = {"shop": "the store's own domain, as in maree-haute.myshopify.com"}

# A call to the callback must be fresh (@shopify/shopify-api 15, lib/utils/hmac-validator: 90 s either way).
_FRESH_SECONDS = 90
_LONGEST_TOKEN = 4096
_APP_BRIDGE = "https://cdn.shopify.com/shopifycloud/app-bridge.js"
_AGAIN = "Open the app again from the store's admin, or begin the installation again."


def installing(http: Http, app: App) -> Installing:
    """How a merchant installs the connector on Shopify."""
    return Installing(
        acts={
            "start": partial(_start, http, app),
            "callback": partial(_callback, http, app),
            "home": partial(_home, http, app),
        },
        asks=ASKS,
        framed_by=partial(_framed_by, app),
        bridge=_bridge(app),
        traits=_traits,
        privacy=partial(privacy.read, app),
    )


def _start(http: Http, app: App, visit: Visit) -> Ask:
    """The install link: a store asks for the app, or a merchant typed the store's name."""
    check_known(app)
    store = _store_of(visit, typed=True)
    if visit.one("hmac"):
        _check_query(app, visit)
    return Ask(store, partial(_consent_url, app, store, visit.here))


def _callback(http: Http, app: App, visit: Visit) -> Consented:
    """The merchant consented. Checked in this order: store, signature, freshness; the state is the door's to check."""
    check_known(app)
    store = _store_of(visit)
    _check_query(app, visit)
    code, state = visit.one("code"), visit.one("state")
    if not code:
        raise Malformed("Shopify's answer holds no code.", _AGAIN)
    return Consented(store, state, partial(_by_code, http, app, store, code, visit.now))


def _home(http: Http, app: App, visit: Visit) -> Opened | Ask:
    """The app within the admin (with an ID token), or opened beside it: then consent is asked for."""
    check_known(app)
    token = visit.one("id_token")
    if not token:
        return _start(http, app, visit)
    store, user = read_id_token(app, token)
    if visit.one("hmac"):
        _check_query(app, visit)
    if visit.one("shop") and _store_of(visit) != store:
        raise Forged("The ID token was made for another store.", _AGAIN)
    return Opened(store, user, grant=partial(_by_id_token, http, app, store, user, token, visit.now))


# --- proof -----------------------------------------------------------------------------------------------------------


def check_known(app: App) -> None:
    """NotOurs where the connector is no Shopify app yet: with an empty secret any signature would be right."""
    if not app.known:
        raise NotOurs("The connector is not registered as a Shopify app.", "Set SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET.")


def _store_of(visit: Visit, *, typed: bool = False) -> str:
    """The store an address names: its whole domain, or what a person types for it."""
    shop = visit.one("shop")
    store = shop_domain(shop) or (shop_domain(f"{shop.strip()}.myshopify.com") if typed else "")
    if not store:
        raise Malformed("This is not the address of a Shopify store.", "It looks like maree-haute.myshopify.com.")
    return store


def _check_query(app: App, visit: Visit) -> None:
    """The signature over the query, and its age. Forged where one is wrong, Malformed for a repeated name."""
    names = [name for name, _ in visit.query]
    if len(set(names)) != len(names):
        raise Malformed("The address holds a parameter twice.", _AGAIN)
    given = visit.one("hmac").encode("utf-8", "replace")
    candidates = [query_hmac(secret, visit.query, escaped=escaped) for secret in app.secrets for escaped in (False, True)]
    if not any(hmac.compare_digest(candidate.encode(), given) for candidate in candidates):
        raise Forged("Shopify did not sign this address.", _AGAIN)
    try:
        age_seconds = abs(visit.now.timestamp() - int(visit.one("timestamp")))
    except ValueError:
        raise Forged("Shopify's answer says no time.", _AGAIN) from None
    if age_seconds > _FRESH_SECONDS:
        raise Forged("Shopify's answer is too old.", _AGAIN)


def query_hmac(secret: str, query: tuple[tuple[str, str], ...], *, escaped: bool = False) -> str:
    """HMAC-SHA256 in hex over the sorted pairs without `hmac` and `signature`.

    Shopify's JavaScript library percent-encodes the pairs, its Python library joins them as they are; they differ for
    reserved characters only (the padding of `host`), and either is taken.
    """
    pairs = sorted((name, value) for name, value in query if name not in ("hmac", "signature"))
    written = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" if escaped else f"{n}={v}" for n, v in pairs)
    return hmac.new(secret.encode(), written.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def read_id_token(app: App, token: str) -> tuple[str, User]:
    """The store and user of an ID token, by the newest secret or the previous one; Forged for anything unsound."""
    for secret in app.secrets:
        claims = _claims(app, secret, token)
        if claims is not None:
            store = shop_domain(str(claims["dest"]).removeprefix("https://"))
            if store and claims["iss"] in (f"https://{store}/admin", f"https://{store}"):
                return store, User(str(claims["sub"]))
    raise Forged("Shopify's ID token is not valid, or no longer.", _AGAIN)


def _claims(app: App, secret: str, token: str) -> Mapping[str, Any] | None:
    if len(token) > _LONGEST_TOKEN:
        return None
    try:
        claims: Mapping[str, Any] = session_token.decode_from_header(f"Bearer {token}", app.client_id, secret)
    except (session_token.SessionTokenError, jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    numbers = all(isinstance(claims.get(name), int | float) for name in ("exp", "nbf"))
    return claims if numbers else None


# --- what is exchanged -----------------------------------------------------------------------------------------------


def _consent_url(app: App, store: str, here: str, state: str) -> str:
    asked = {"client_id": app.client_id, "scope": ",".join(SCOPES), "redirect_uri": f"{here}/callback", "state": state}
    return f"{base(app, store)}/admin/oauth/authorize?{urlencode(asked)}"


def base(app: App, store: str) -> str:
    """The store's address."""
    return app.address or f"https://{store}"


def _by_code(http: Http, app: App, store: str, code: str, now: datetime) -> Grant:
    said = tokens.ask(http, app, base(app, store), {"code": code, "expiring": "1"})
    return _granted(app, store, said, User(), now)


def _by_id_token(http: Http, app: App, store: str, user: User, token: str, now: datetime) -> Grant:
    return _granted(app, store, tokens.exchange(http, app, base(app, store), token), user, now)


def _granted(app: App, store: str, said: Mapping[str, Any], user: User, now: datetime) -> Grant:
    granted = {scope.strip() for scope in str(said.get("scope", "")).split(",")}
    if missing := missing_scopes(granted):
        raise Rejected(
            "The store granted fewer permissions than the connector needs.",
            f"Install it again and grant: {', '.join(missing)}.",
        )
    return Grant(store, base(app, store), tokens.credentials(said, now.astimezone(UTC)), user)


def _framed_by(app: App, store: str) -> tuple[str, ...]:
    return (urljoin(app.address, "/").rstrip("/"),) if app.address else (f"https://{store}", "https://admin.shopify.com")


def _bridge(app: App) -> Bridge:
    """App Bridge: loaded from Shopify's own address, as every embedded app must; it finds the app by its client id."""
    script = f"{app.address}/admin/app-bridge.js" if app.address else _APP_BRIDGE
    return Bridge(script, "shopify.idToken", {"shopify-api-key": app.client_id}, partial(_read_known, app))


def _read_known(app: App, token: str) -> tuple[str, User]:
    check_known(app)
    return read_id_token(app, token)


def _traits(shop: Shop) -> Mapping[str, object]:
    """What is read of a Shopify store stands in its account already: none of its settings changes what we do."""
    return {"permissions": list(NEEDED)}
