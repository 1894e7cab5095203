"""Every route of the web process: what its answers carry, and that nothing is done without a token of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from connector.db.tables import metadata
from tests.security.conftest import House

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OPEN_TO_MACHINES = ("/webhooks/", "/privacy/")  # what comes there is signed
_LOOKS = {"owner": "http://shop.example", "loopback": "http://127.0.0.1:8000"}


def _routes(house: House) -> Iterator[tuple[str, str]]:
    """(method, path) of every route, with ids that exist nowhere."""
    with house.app.test_request_context():
        adapter = house.app.url_map.bind("localhost")
        for rule in house.app.url_map.iter_rules():
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                given = {name: _value(rule, name) for name in rule.arguments}
                yield method, adapter.build(rule.endpoint, given, method=method)


def _value(rule: Any, name: str) -> Any:
    converter = rule._converters[name]
    return 987654 if type(converter).__name__ == "IntegerConverter" else _word(converter, name)


def _word(converter: Any, name: str) -> str:
    allowed = re.match(r"\(\?:(\w+)", converter.regex)  # any(a,b,c)
    return allowed[1] if allowed else {"platform": "shopify", "filename": "desk.css"}.get(name, "nothing")


def _rows(house: House) -> dict[str, int]:
    with house.environment.engine.connect() as conn:
        return {
            name: conn.execute(select(func.count()).select_from(table)).scalar() or 0 for name, table in metadata.tables.items()
        }


def test_there_are_many_routes(house: House) -> None:
    assert len(list(_routes(house))) > 50


@pytest.mark.parametrize("look", _LOOKS)
def test_every_answer_carries_the_guards_and_none_is_a_fault(house: House, look: str) -> None:
    client = house.app.test_client()
    for method, path in _routes(house):
        with client.open(path, method=method, base_url=_LOOKS[look]) as answer:
            where = f"{method} {path}"
            assert answer.status_code < 500 or path == "/readyz", where
            policy = answer.headers["Content-Security-Policy"]
            assert "frame-ancestors" in policy, where
            assert "default-src 'self'" in policy or "default-src 'none'" in policy, where
            scripts = re.search(r"script-src ([^;]*)", policy)
            assert "'unsafe-inline'" not in (scripts[1] if scripts else ""), where
            assert "'unsafe-eval'" not in policy, where
            assert answer.headers["X-Content-Type-Options"] == "nosniff", where
            assert answer.headers["Referrer-Policy"], where
            assert "frame-ancestors *" not in policy, where


def test_no_unsafe_route_does_anything_without_a_token(house: House) -> None:
    before = _rows(house)
    refused = []
    for method, path in _routes(house):
        if method not in _UNSAFE or path.startswith(_OPEN_TO_MACHINES):
            continue
        for headers in ({}, {"Origin": "https://evil.example"}):
            with house.app.test_client().open(path, method=method, base_url=_LOOKS["loopback"], headers=headers) as answer:
                assert answer.status_code in (400, 401, 403, 404, 405, 415, 422), f"{method} {path} {answer.status_code}"
                refused.append(path)
    assert len(refused) > 20
    assert {name: count for name, count in _rows(house).items() if count != before[name]} == {}


def test_unsigned_machines_are_refused_too(house: House) -> None:
    before = _rows(house)
    for method, path in _routes(house):
        if method in _UNSAFE and path.startswith(_OPEN_TO_MACHINES):
            with house.app.test_client().open(path, method=method, data=b"{}") as answer:
                assert answer.status_code in (400, 401, 403, 404, 405), path
    assert _rows(house) == before


_AWAY = (
    "//evil.example",
    "https://evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/%0d%0aLocation: https://evil.example",
)


@pytest.mark.parametrize("away", _AWAY)
def test_no_route_leads_away(house: House, away: str) -> None:
    client = house.app.test_client()
    for method, path in _routes(house):
        if method == "GET":
            names = ("next", "return", "url", "redirect", "to", "back", "return_url", "returnTo")
            with client.get(path, base_url=_LOOKS["loopback"], query_string=dict.fromkeys(names, away)) as answer:
                assert "evil.example" not in answer.headers.get("Location", ""), path
                assert not answer.headers.get("Location", "").lower().startswith("javascript:"), path


def test_the_session_s_cookie_is_kept_from_scripts_other_sites_and_plain_http(house: House) -> None:
    config = house.app.config
    assert config["SESSION_COOKIE_HTTPONLY"] is True
    assert config["SESSION_COOKIE_SAMESITE"] in ("Lax", "Strict")
    with house.app.test_client().get("/orders", base_url="http://127.0.0.1:8000") as answer:
        for cookie in answer.headers.getlist("Set-Cookie"):
            assert "HttpOnly" in cookie
