"""Health, figures, and what every answer carries."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import update

from connector.db import tables
from connector.flow import due
from connector.platform import Shop
from jobs.environment import Environment, connect_redis
from tests.serving import serve
from tests.webhooks.conftest import Web
from tests.webhooks.toy import signature
from webhooks.app import build

ORDER = b'{"id": 7}'


def _ready(web: Web) -> tuple[int, dict[str, Any]]:
    status, text = web.request("GET", "/readyz")
    return status, json.loads(text)


def test_alive_needs_nothing(web: Web) -> None:
    assert web.request("GET", "/healthz") == (200, "alive\n")


def test_ready_names_a_clock_that_never_ran(web: Web) -> None:
    status, said = _ready(web)
    assert status == 503
    assert said["ready"] is False
    assert [name for name, finding in said.items() if name != "ready" and not finding["ok"]] == ["clock"]
    assert "jobs.clock" in str(said["clock"]["remedy"])


def test_ready_when_all_is_well(web: Web, environment: Environment) -> None:
    due.due(environment.engine, datetime.now(UTC))
    status, said = _ready(web)
    assert (status, said["ready"]) == (200, True)


def test_a_clock_that_stopped_is_named(web: Web, environment: Environment) -> None:
    due.due(environment.engine, datetime.now(UTC) - timedelta(minutes=2))
    status, said = _ready(web)
    assert status == 503
    assert "stopped" in str(said["clock"]["said"])


def test_a_delivery_that_waits_too_long_is_named(web: Web, environment: Environment, toy_shop: Shop) -> None:
    due.due(environment.engine, datetime.now(UTC))
    web.post(f"/webhooks/toy/{toy_shop.key}", ORDER, {"X-Toy-Signature": signature(ORDER)})
    assert _ready(web)[0] == 200
    with environment.engine.begin() as conn:
        conn.execute(update(tables.inbox).values(due_at=datetime.now(UTC) - timedelta(minutes=6)))
    status, said = _ready(web)
    assert (status, said["inbox"]["ok"]) == (503, False)
    with environment.engine.begin() as conn:
        conn.execute(update(tables.shops).values(state="paused"))
    assert _ready(web)[0] == 200, "a shop that is paused does not make the connector unready"


def test_without_redis_deliveries_are_taken_and_readiness_says_so(environment: Environment, toy_shop: Shop) -> None:
    away = replace(environment, redis=connect_redis("redis://127.0.0.1:1/0"))
    app = build(away)
    with serve(app) as base:
        web = Web(base, environment.engine)
        for number in range(20):
            body = json.dumps({"id": number}).encode()
            assert web.post(f"/webhooks/toy/{toy_shop.key}", body, {"X-Toy-Signature": signature(body)}) == (200, "stored\n")
        assert _ready(web)[1]["redis"]["ok"] is False
    app.extensions["waker"].close()
    assert len(web.rows()) == 20


def test_metrics_count_answers_and_rows(web: Web, toy_shop: Shop) -> None:
    path = f"/webhooks/toy/{toy_shop.key}"
    web.post(path, ORDER, {"X-Toy-Signature": signature(ORDER)})
    web.post(path, ORDER, {})
    time.sleep(0.01)
    status, page = web.request("GET", "/metrics")
    assert status == 200
    lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
    assert float(lines['connector_deliveries_total{outcome="stored",platform="toy"}']) >= 1
    assert float(lines['connector_deliveries_total{outcome="forged",platform="toy"}']) >= 1
    assert float(lines['connector_acknowledge_seconds_count{platform="toy"}']) >= 2
    assert float(lines['connector_inbox_rows{platform="toy",state="waiting"}']) == 1
    assert float(lines['connector_inbox_oldest_seconds{platform="toy"}']) > 0


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nothing-here", "/webhooks/none"])
def test_every_answer_carries_the_security_headers(app: Flask, path: str) -> None:
    answer = app.test_client().get(path, headers={"Host": "localhost"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers
    secure = app.test_client().get(path, headers={"Host": "localhost"}, base_url="https://localhost")
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("host", "path", "refused"),
    [
        ("shop.example", "/nothing-here", False),
        ("127.0.0.1:8000", "/nothing-here", False),
        ("evil.example", "/nothing-here", True),
        ("shop.example.evil.example", "/nothing-here", True),
        ("10.1.2.3", "/healthz", False),
        ("10.1.2.3", "/webhooks/toy/x", False),
    ],
)
def test_pages_answer_to_our_own_names_only(app: Flask, host: str, path: str, refused: bool) -> None:
    assert (app.test_client().get(path, headers={"Host": host}).status_code == 400) is refused


@pytest.mark.parametrize(("proxies", "believed"), [(0, "127.0.0.1"), (1, "9.9.9.9")])
def test_forwarded_headers_are_believed_from_our_proxies_only(environment: Environment, proxies: int, believed: str) -> None:
    settings = environment.settings.model_copy(update={"trusted_proxies": proxies})
    app = build(replace(environment, settings=settings))
    seen: list[str] = []

    @app.get("/who")
    def who() -> str:
        seen.append(str(request.remote_addr))
        return ""

    app.test_client().get("/who", headers={"X-Forwarded-For": "6.6.6.6, 9.9.9.9", "Host": "localhost"})
    assert seen == [believed]
