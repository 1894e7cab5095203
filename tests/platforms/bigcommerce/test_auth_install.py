"""The signed callbacks: nine tricks with a JWT are refused, a sound one is read; the exchange of a code."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import responses

from connector.domain.errors import ConnectorError, Malformed, Rejected
from connector.installing import App, Consented, Forged, Left, NotOurs, Opened, UserLeft, Visit
from connector.platform import Retryable
from platforms.bigcommerce.install import SCOPES, installing
from platforms.http import Http

_SECRET, _OLD = "the-client-secret-of-this-app-0123456789", "the-client-secret-before-that-0123456789"
_APP = App("client-1", _SECRET, _OLD)
_ACTS = installing(Http(), _APP).acts


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "aud": "client-1",
        "iss": "bc",
        "iat": now,
        "nbf": now - 5,
        "exp": now + 86_400,
        "jti": "j-1",
        "sub": "stores/abc123",
        "user": {"id": 7, "email": "a@b.test"},
        "owner": {"id": 7, "email": "a@b.test"},
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not ...}


def _token(secret: str = _SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(_claims(**changes), secret, algorithm=algorithm)


def _unsigned() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(_claims())}."


def _tampered() -> str:
    head, _, signature = _token().split(".")
    body = base64.urlsafe_b64encode(json.dumps(_claims(sub="stores/other9")).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


def _visit(**query: str) -> Visit:
    return Visit("GET", tuple(query.items()), b"", "https://connector.example/install/bigcommerce", datetime.now(UTC))


def _say(act: str, token: str) -> Any:
    return _ACTS[act](_visit(signed_payload_jwt=token))


TRICKS = {
    "alg none": _unsigned,
    "another algorithm": lambda: _token(_SECRET * 2, "HS512"),
    "right secret, HS512": lambda: _token(algorithm="HS512"),
    "wrong audience": lambda: _token(aud="client-2"),
    "wrong issuer": lambda: _token(iss="evil"),
    "expired": lambda: _token(exp=int(time.time()) - 60),
    "not yet": lambda: _token(nbf=int(time.time()) + 600),
    "made in the future": lambda: _token(iat=int(time.time()) + 600),
    "no end": lambda: _token(exp=...),
    "another secret": lambda: _token("somebody-elses-secret-0123456789-abcdef"),
    "changed after signing": _tampered,
    "no jti": lambda: _token(jti=...),
    "subject is no store": lambda: _token(sub="stores/../../admin"),
    "no user": lambda: _token(user={}),
    "user is a list": lambda: _token(user=[7]),
    "empty": lambda: "",
    "no JWT": lambda: "a.b",
    "huge": lambda: _token(locale="x" * 20_000),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # HS512 asks for a longer key
@pytest.mark.parametrize("act", ["load", "uninstall", "remove_user"])
@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused(trick: str, act: str) -> None:
    with pytest.raises(Forged) as refused:
        _say(act, TRICKS[trick]())
    assert refused.value.remedy


def test_a_sound_one_is_read() -> None:
    opened = _say("load", _token())
    assert isinstance(opened, Opened)
    assert (opened.store, opened.user.external_id, opened.user.owner) == ("abc123", "7", True)
    left = _say("uninstall", _token(user={"id": 8}))
    assert isinstance(left, Left)
    assert left.once.token_id == "j-1"
    gone = _say("remove_user", _token(user={"id": 8}))
    assert isinstance(gone, UserLeft)
    assert (gone.user.external_id, gone.user.owner) == ("8", False)


def test_clocks_may_differ_a_little_and_the_old_secret_counts_while_it_is_rotated() -> None:
    assert isinstance(_say("load", _token(iat=int(time.time()) + 20)), Opened)
    assert isinstance(_say("load", _token(_OLD)), Opened)
    with pytest.raises(NotOurs):
        installing(Http(), App("client-1")).acts["load"](_visit(signed_payload_jwt=_token()))


def _auth(**changes: str) -> Consented:
    told = {"code": "c1", "scope": " ".join(SCOPES), "context": "stores/abc123", **changes}
    step = _ACTS["auth"](_visit(**told))
    assert isinstance(step, Consented)
    return step


def _answer(**changes: Any) -> dict[str, Any]:
    who = {"id": 7, "username": "x", "email": "a@b.test"}
    given = {"access_token": "t-1", "scope": " ".join(SCOPES), "user": who, "owner": who, "context": "stores/abc123"}
    return {**given, **changes}


@responses.activate
def test_a_code_is_exchanged_for_the_token_of_the_store_the_answer_names() -> None:
    call = responses.post("https://login.bigcommerce.com/oauth2/token", json=_answer())
    grant = _auth().grant()
    assert (grant.external_id, grant.address) == ("abc123", "https://api.bigcommerce.com/stores/abc123")
    assert dict(grant.credentials) == {"token": "t-1"}
    sent = json.loads(call.calls[0].request.body)
    assert sent["redirect_uri"] == "https://connector.example/install/bigcommerce/auth"
    assert sent["client_secret"] == _SECRET
    assert "t-1" not in repr(grant)


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (200, _answer(context="stores/other9"), Forged),
        (200, _answer(scope="store_v2_orders"), Rejected),
        (200, {"scope": "x"}, Retryable),
        (400, {"error": "invalid_grant c1"}, Rejected),
        (503, {}, Retryable),
    ],
)
@responses.activate
def test_an_exchange_that_went_wrong_quotes_nothing(status: int, answer: dict[str, Any], error: type[ConnectorError]) -> None:
    responses.post("https://login.bigcommerce.com/oauth2/token", json=answer, status=status)
    with pytest.raises(error) as refused:
        _auth().grant()
    assert "c1" not in str(refused.value)


@pytest.mark.parametrize("changes", [{"context": "stores/"}, {"context": "stores/a/b"}, {"code": ""}])
def test_an_address_without_store_or_code(changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        _auth(**changes)
