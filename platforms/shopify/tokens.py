"""Tokens of a Shopify store: asked for, exchanged, refreshed. Offline tokens live 60 minutes, refresh tokens 90 days.

Nothing of an answer of the token endpoint is quoted in an error: it may repeat the code or a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.domain.errors import Rejected
from connector.installing import App
from connector.platform import AuthLost, Retryable, Shop
from platforms.http import Answer, Http, by_status

_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"

_RECONNECT = "Open the connector from the store's admin, or install it again: the link is renewed and nothing is lost."


def exchange(http: Http, app: App, address: str, id_token: str) -> Mapping[str, Any]:
    """An offline token for the ID token of a user in the admin."""
    wanted = {
        "grant_type": _TOKEN_EXCHANGE,
        "subject_token": id_token,
        "subject_token_type": _ID_TOKEN,
        "requested_token_type": _OFFLINE,
        "expiring": "1",
    }
    return ask(http, app, address, wanted)


def ask(http: Http, app: App, address: str, wanted: Mapping[str, str]) -> Mapping[str, Any]:
    """One call of the store's token endpoint; Rejected where it says no, Retryable where it does not answer."""
    answer = _called(http, app, address, wanted)
    if 400 <= answer.status < 500 and answer.status not in (408, 429):
        raise Rejected(
            "Shopify does not accept this installation: its code or ID token is used up or over.",
            "Open the app again from the store's admin, or begin the installation again.",
        )
    return _understood(answer)


def refresh(http: Http, app: App, now: Callable[[], datetime], shop: Shop) -> Mapping[str, str]:
    """A new pair for the shop's refresh token; AuthLost where the refresh token is worth nothing any more."""
    wanted = {"grant_type": "refresh_token", "refresh_token": shop.credentials.get("refresh_token", "")}
    answer = _called(http, app, shop.address, wanted)
    if answer.status in (400, 401, 403) or answer.status == 404:
        raise AuthLost("Shopify renews the connector's access to this store no more.", _RECONNECT)
    return credentials(_understood(answer), now())


def _called(http: Http, app: App, address: str, wanted: Mapping[str, str]) -> Answer:
    secrets = {"client_id": app.client_id, "client_secret": app.secret}
    return http.call("POST", f"{address}/admin/oauth/access_token", json={**secrets, **wanted})


def _understood(answer: Answer) -> Mapping[str, Any]:
    if not 200 <= answer.status < 300:
        raise by_status(Answer(answer.status, answer.headers, b"the token endpoint failed"))
    said = answer.json()
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str) or not said["access_token"]:
        raise Retryable("Shopify's answer holds no access token.", "It is tried again.", effect_unknown=True)
    return said


def credentials(said: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """What is kept of an answer; a token that says no end has none (apps made before April 2026)."""
    found = {"token": str(said["access_token"])}
    if said.get("refresh_token"):
        found["refresh_token"] = str(said["refresh_token"])
        found["token_expires_at"] = _end(now, said.get("expires_in"))
        found["refresh_expires_at"] = _end(now, said.get("refresh_token_expires_in"))
    return found


def _end(now: datetime, seconds: object) -> str:
    """When something ends that lives so many seconds; what does not say so is taken to end at once and is renewed."""
    lives = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 10**9 else 0
    return (now + timedelta(seconds=lives)).isoformat()
