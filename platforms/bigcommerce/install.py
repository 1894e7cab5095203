"""Installing on BigCommerce as a single-click app: auth, load, uninstall and remove_user.

The protocol has no state of ours: the exchange of the code, and the store it names, is the proof. The other three carry a JWT
signed with the client secret: HS256 and nothing else, every claim looked at. The official package `bigcommerce` accepts
HS512 there and skips the issuer (0.23.4), so PyJWT is used directly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urljoin

import jwt

from connector.domain.errors import Malformed, Rejected
from connector.installing import App, Consented, Forged, Grant, Installing, Left, NotOurs, Once, Opened, User, UserLeft, Visit
from connector.platform import Retryable, Shop
from platforms.bigcommerce import client
from platforms.http import Answer, Http, by_status

SCOPES = (
    "store_v2_orders",
    "store_v2_transactions_read_only",
    "store_v2_products_read_only",
    "store_inventory",
    "store_locations",
    "store_order_fulfillment_manage",
    "store_fulfillment_methods_read_only",
    "store_v2_information_read_only",
)
_LOGIN, _API = "https://login.bigcommerce.com", "https://api.bigcommerce.com"
_FRAMERS = ("https://login.bigcommerce.com", "https://*.bigcommerce.com", "https://*.mybigcommerce.com")
_CONTEXT = re.compile(r"stores/([a-z0-9]{3,40})")
_CLAIMS = ("aud", "iss", "sub", "iat", "nbf", "exp", "jti", "user", "owner")
_LEEWAY_SECONDS = 30  # PyJWT refuses an `iat` of a clock that is ahead of ours
_LONGEST_TOKEN = 8192
_OPEN_AGAIN = "Open the connector again from the store's control panel."
_INSTALL_AGAIN = "Begin the installation again from the store's control panel."


def installing(http: Http, app: App) -> Installing:
    """How a merchant installs the connector on BigCommerce."""
    return Installing(
        acts={
            "auth": partial(_auth, http, app),
            "load": partial(_load, app),
            "uninstall": partial(_uninstall, app),
            "remove_user": partial(_remove_user, app),
        },
        framed_by=partial(_framed_by, app),
        traits=partial(_traits, http),
    )


def _auth(http: Http, app: App, visit: Visit) -> Consented:
    _check_known(app)
    code, context = visit.one("code"), visit.one("context")
    store = _CONTEXT.fullmatch(context)
    if not code or store is None:
        raise Malformed("BigCommerce's answer names no store or holds no code.", _INSTALL_AGAIN)
    _check_scopes(visit.one("scope"))
    wanted = {"code": code, "context": context, "scope": visit.one("scope"), "redirect_uri": f"{visit.here}/auth"}
    return Consented(store[1], None, partial(_granted, http, app, wanted))


def _load(app: App, visit: Visit) -> Opened:
    store, user, once = read_jwt(app, visit)
    return Opened(store, user, once)


def _uninstall(app: App, visit: Visit) -> Left:
    store, _user, once = read_jwt(app, visit)
    return Left(store, once)


def _remove_user(app: App, visit: Visit) -> UserLeft:
    return UserLeft(*read_jwt(app, visit))


# --- proof -----------------------------------------------------------------------------------------------------------


def _check_known(app: App) -> None:
    """An empty client secret makes any signature valid."""
    if not app.known:
        raise NotOurs(
            "The connector is not registered as a BigCommerce app.", "Set BIGCOMMERCE_CLIENT_ID and BIGCOMMERCE_CLIENT_SECRET."
        )


def read_jwt(app: App, visit: Visit) -> tuple[str, User, Once]:
    """The store, the user and the one-time name of a signed callback; Forged for anything unsound."""
    _check_known(app)
    token = visit.one("signed_payload_jwt")
    claims = next(filter(None, (_claims(app, secret, token) for secret in app.secrets)), None)
    if claims is None:
        raise Forged("BigCommerce did not sign this, or it is over.", _OPEN_AGAIN)
    store, user, owner = _CONTEXT.fullmatch(str(claims["sub"])), _id_of(claims["user"]), _id_of(claims["owner"])
    if store is None or not user or not str(claims["jti"]):
        raise Forged("BigCommerce's signed answer names no store or no user.", _OPEN_AGAIN)
    moments = (datetime.fromtimestamp(int(claims[name]), UTC) for name in ("iat", "exp"))
    return store[1], User(user, user == owner), Once(str(claims["jti"])[:200], *moments)


def _claims(app: App, secret: str, token: str) -> Mapping[str, Any] | None:
    if len(token) > _LONGEST_TOKEN:
        return None
    try:
        found: Mapping[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=app.client_id,
            issuer="bc",
            leeway=_LEEWAY_SECONDS,
            options={"require": list(_CLAIMS)},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return None
    return found


def _id_of(person: object) -> str:
    """The number of a user; only that is kept of them."""
    number = person.get("id") if isinstance(person, dict) else None
    return str(number) if isinstance(number, int | str) and not isinstance(number, bool) and len(str(number)) <= 40 else ""


def _check_scopes(granted: str) -> None:
    """What we need must be there; the permission to change includes that to read."""
    words = {word for word in re.split(r"[\s,]+", granted) if word}
    missing = [scope for scope in SCOPES if scope not in words and scope.removesuffix("_read_only") not in words]
    if missing:
        raise Rejected(
            "The store granted fewer permissions than the connector needs.",
            f"Install it again and grant: {', '.join(missing)}.",
        )


# --- what is exchanged -----------------------------------------------------------------------------------------------


def _granted(http: Http, app: App, wanted: Mapping[str, str]) -> Grant:
    """The token for the code. The store is the one this answer names, whatever the address said."""
    secrets = {"client_id": app.client_id, "client_secret": app.secret, "grant_type": "authorization_code"}
    answer = http.call("POST", f"{app.address or _LOGIN}/oauth2/token", json={**secrets, **wanted})
    said = _understood(answer)
    store = _CONTEXT.fullmatch(str(said.get("context", "")))
    if store is None or said["context"] != wanted["context"]:
        raise Forged("BigCommerce's answer is for another store.", _INSTALL_AGAIN)
    _check_scopes(str(said.get("scope", "")))
    user, owner = _id_of(said.get("user")), _id_of(said.get("owner"))
    address = f"{app.address or _API}/stores/{store[1]}"
    return Grant(store[1], address, {"token": str(said["access_token"])}, User(user, bool(user) and user == owner))


def _understood(answer: Answer) -> Mapping[str, Any]:
    """The decoded answer; nothing of it is quoted, because it may repeat the code."""
    if 400 <= answer.status < 500 and answer.status not in (408, 429):
        raise Rejected("BigCommerce does not accept this installation: its code is used up or over.", _INSTALL_AGAIN)
    if not 200 <= answer.status < 300:
        raise by_status(Answer(answer.status, answer.headers, b"the token endpoint failed"))
    said = answer.json()
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str) or not said["access_token"]:
        raise Retryable("BigCommerce's answer holds no access token.", "It is tried again.", effect_unknown=True)
    return said


def _framed_by(app: App, store: str) -> tuple[str, ...]:
    return (urljoin(app.address, "/").rstrip("/"),) if app.address else _FRAMERS


_TRAITS = ("update_stock_behavior", "edit_order_stock_adjustment", "refund_order_stock_adjustment")


def _traits(http: Http, shop: Shop) -> Mapping[str, object]:
    """When BigCommerce itself moves stock: what we may push depends on it."""
    said = client.read(http, shop, "v3/settings/inventory")
    settings = said.get("data") if isinstance(said, dict) else None
    return {name: settings.get(name) for name in _TRAITS} if isinstance(settings, dict) else {}
