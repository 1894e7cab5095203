"""ID tokens, the signature of a query, and what the token endpoint answers."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import responses

from connector.domain.errors import Rejected
from connector.installing import App, Consented, Forged, Malformed, Opened, Visit
from connector.platform import AuthLost, Retryable, Shop
from platforms.http import Http
from platforms.shopify import tokens
from platforms.shopify.install import installing, query_hmac, read_id_token
from platforms.shopify.reading import SCOPES

_SECRET, _OLD = "shpss_0123456789abcdef0123456789abcdef", "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"
_APP = App("client-1", _SECRET, _OLD)
_ACTS = installing(Http(), _APP).acts
_ENDPOINT = "https://maree-haute.myshopify.com/admin/oauth/access_token"
_NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_PAIR = {
    "access_token": "shpat_new",
    "scope": ",".join(SCOPES),
    "expires_in": 3600,
    "refresh_token": "shprt_new",
    "refresh_token_expires_in": 7_776_000,
}


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "https://maree-haute.myshopify.com/admin",
        "dest": "https://maree-haute.myshopify.com",
        "aud": "client-1",
        "sub": "42",
        "exp": now + 60,
        "nbf": now,
        "iat": now,
        "jti": "j-1",
        "sid": "s-1",
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not ...}


def _token(secret: str = _SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(_claims(**changes), secret, algorithm=algorithm)


def _unsigned() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(_claims())}."


TRICKS = {
    "alg none": _unsigned,
    "another algorithm": lambda: _token(algorithm="HS384"),
    "wrong audience": lambda: _token(aud="client-2"),
    "issuer is another store": lambda: _token(iss="https://evil.myshopify.com/admin"),
    "issuer is no store": lambda: _token(iss="https://evil.example/admin", dest="https://evil.example"),
    "a store's name within another host": lambda: _token(
        iss="https://maree-haute.myshopify.com.evil.example/admin", dest="https://maree-haute.myshopify.com.evil.example"
    ),
    "expired": lambda: _token(exp=int(time.time()) - 30),
    "not yet": lambda: _token(nbf=int(time.time()) + 60),
    "no end": lambda: _token(exp=...),
    "no beginning": lambda: _token(nbf=...),
    "another secret": lambda: _token("somebody-elses-secret-0123456789-abcdef"),
    "no session": lambda: _token(sid=...),
    "destination is a number": lambda: _token(dest=5),
    "no JWT": lambda: "a.b",
    "spaces": lambda: " ",
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # HS384 asks for a longer key
@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused(trick: str) -> None:
    with pytest.raises(Forged):
        read_id_token(_APP, TRICKS[trick]())


@pytest.mark.parametrize("secret", [_SECRET, _OLD])
def test_a_sound_id_token_names_store_and_user(secret: str) -> None:
    store, user = read_id_token(_APP, _token(secret))
    assert (store, user.external_id) == ("maree-haute.myshopify.com", "42")
    assert read_id_token(_APP, _token(nbf=int(time.time()) + 5))[0] == store


def _visit(query: dict[str, str], now: datetime = _NOW) -> Visit:
    return Visit("GET", tuple(query.items()), b"", "https://connector.example/install/shopify", now)


def _signed(secret: str = _SECRET, *, escaped: bool = False, **query: str) -> Visit:
    told = {"shop": "maree-haute.myshopify.com", "code": "c1", "state": "s1", "timestamp": str(int(_NOW.timestamp())), **query}
    return _visit({**told, "hmac": query_hmac(secret, tuple(told.items()), escaped=escaped)})


@pytest.mark.parametrize("secret", [_SECRET, _OLD])
@pytest.mark.parametrize("escaped", [True, False])
def test_a_signed_callback_is_believed_in_both_ways_of_writing_it(secret: str, escaped: bool) -> None:
    step = _ACTS["callback"](_signed(secret, escaped=escaped, host="YWRtaW4/=="))
    assert isinstance(step, Consented)
    assert (step.store, step.state) == ("maree-haute.myshopify.com", "s1")


def test_the_official_example_of_a_query_signature() -> None:
    """What the package shopifyapi computes for the same parameters, as long as nothing has to be escaped."""
    from shopify import Session

    told = {"shop": "some-shop.myshopify.com", "code": "a94a110d", "timestamp": "1337178173"}
    Session.setup(api_key="client-1", secret=_SECRET)
    assert query_hmac(_SECRET, tuple(told.items())) == Session.calculate_hmac(told)


@pytest.mark.parametrize(
    "visit",
    [
        _signed(timestamp=str(int(_NOW.timestamp()) - 91)),
        _signed(timestamp=str(int(_NOW.timestamp()) + 91)),
        _signed(timestamp="soon"),
        _signed("wrong-secret-0123456789"),
    ],
)
def test_an_old_or_badly_signed_callback_is_refused(visit: Visit) -> None:
    with pytest.raises(Forged):
        _ACTS["callback"](visit)


@pytest.mark.parametrize(
    "shop", ["evil.com", "a.myshopify.com.evil.com", "a.myshopify.com\n", "https://a.myshopify.com@evil.com", ""]
)
def test_a_host_that_is_no_store(shop: str) -> None:
    with pytest.raises(Malformed):
        _ACTS["callback"](_signed(shop=shop))


def test_the_app_within_the_admin_is_opened_by_its_id_token() -> None:
    step = _ACTS["home"](_visit({"shop": "maree-haute.myshopify.com", "id_token": _token()}))
    assert isinstance(step, Opened)
    assert step.grant is not None


@responses.activate
def test_a_code_gives_an_expiring_pair() -> None:
    call = responses.post(_ENDPOINT, json=_PAIR)
    step = _ACTS["callback"](_signed())
    assert isinstance(step, Consented)
    grant = step.grant()
    assert dict(grant.credentials) == {
        "token": "shpat_new",
        "refresh_token": "shprt_new",
        "token_expires_at": (_NOW + timedelta(hours=1)).isoformat(),
        "refresh_expires_at": (_NOW + timedelta(days=90)).isoformat(),
    }
    assert json.loads(call.calls[0].request.body)["expiring"] == "1"


@responses.activate
def test_fewer_permissions_than_asked_link_nothing() -> None:
    responses.post(_ENDPOINT, json={**_PAIR, "scope": "read_orders"})
    step = _ACTS["callback"](_signed())
    assert isinstance(step, Consented)
    with pytest.raises(Rejected, match="fewer permissions") as refused:
        step.grant()
    assert "read_locations" in refused.value.remedy


def _shop() -> Shop:
    credentials = {"token": "shpat_old", "refresh_token": "shprt_old"}
    return Shop(1, "k", "shopify", "n", "maree-haute.myshopify.com", "https://maree-haute.myshopify.com", credentials)


@responses.activate
def test_a_refresh_token_gives_a_new_pair() -> None:
    call = responses.post(_ENDPOINT, json=_PAIR)
    changes = tokens.refresh(Http(), _APP, lambda: _NOW, _shop())
    assert (changes["token"], changes["refresh_token"]) == ("shpat_new", "shprt_new")
    sent = json.loads(call.calls[0].request.body)
    assert (sent["grant_type"], sent["refresh_token"], sent["client_secret"]) == ("refresh_token", "shprt_old", _SECRET)


@pytest.mark.parametrize(
    ("status", "error"), [(400, AuthLost), (401, AuthLost), (404, AuthLost), (503, Retryable), (200, Retryable)]
)
@responses.activate
def test_a_refresh_that_failed(status: int, error: type[Exception]) -> None:
    responses.post(_ENDPOINT, json={"error": "invalid_grant shprt_old"}, status=status)
    with pytest.raises(error) as refused:
        tokens.refresh(Http(), _APP, lambda: _NOW, _shop())
    assert "shprt_old" not in str(refused.value)
