"""The webhook path before Flask: the same guards on its answers, and everything else left to Flask."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from connector.platform import Shop
from jobs.environment import Environment
from tests.webhooks.toy import signature
from webhooks import security
from webhooks.app import build

ORDER = b'{"id": 7, "sku": "TEE"}'


@pytest.mark.parametrize(("body", "status"), [(ORDER, 200), (b"other", 401)])
def test_every_answer_carries_the_guards(app: Flask, toy_shop: Shop, body: bytes, status: int) -> None:
    answer = app.test_client().post(f"/webhooks/toy/{toy_shop.key}", data=body, headers={"X-Toy-Signature": signature(ORDER)})
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in security.HEADERS} == security.HEADERS
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Strict-Transport-Security" not in answer.headers


def test_a_trusted_proxy_is_believed_that_it_speaks_https(environment: Environment) -> None:
    app = build(replace(environment, settings=environment.settings.model_copy(update={"trusted_proxies": 1})))
    answer = app.test_client().post("/webhooks/toy/nobody", headers={"X-Forwarded-Proto": "https"})
    app.extensions["waker"].close()
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_wrong_method_is_told_the_right_one(app: Flask) -> None:
    answer = app.test_client().get("/webhooks/toy/nobody")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_what_could_not_be_stored_may_be_sent_again_soon(app: Flask, environment: Environment, toy_shop: Shop) -> None:
    client, sent = app.test_client(), {"X-Toy-Signature": signature(ORDER)}
    client.post(f"/webhooks/toy/{toy_shop.key}", data=b"{}", headers={"X-Toy-Signature": signature(b"{}")})
    with environment.engine.begin() as conn:
        conn.execute(text("ALTER TABLE inbox RENAME TO away"))
    try:
        answer = client.post(f"/webhooks/toy/{toy_shop.key}", data=ORDER, headers=sent)
    finally:
        with environment.engine.begin() as conn:
            conn.execute(text("ALTER TABLE away RENAME TO inbox"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_everything_else_is_flask_s(app: Flask) -> None:
    assert app.test_client().get("/healthz").text == "alive\n"
    assert app.test_client().get("/webhooks").status_code == 404


def test_deliveries_are_counted(app: Flask, toy_shop: Shop) -> None:
    client = app.test_client()
    client.post("/webhooks/nowhere/x")
    client.post(f"/webhooks/toy/{toy_shop.key}", data=ORDER, headers={"X-Toy-Signature": signature(ORDER)})
    page = client.get("/metrics").text
    assert 'connector_deliveries_total{outcome="stored",platform="toy"}' in page
    assert 'connector_deliveries_total{outcome="unknown",platform="unknown"}' in page
    assert 'connector_acknowledge_seconds_count{platform="toy"}' in page
