"""The three platforms themselves, on the parts of receiving that are theirs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest

from connector.db import tables
from jobs.environment import Environment
from tests.webhooks.conftest import Web, each_way
from tests.webhooks.odd import SIGNED_AND_ODD, SIGNED_BUT_NO_ORDER, send_raw


def _base64(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _store(environment: Environment, platform: str, external_id: str, credentials: dict[str, str]) -> str:
    """A shop put straight into the table, because linking would call the platform. Its webhook path."""
    with environment.engine.begin() as conn:
        conn.execute(
            tables.shops.insert().values(
                key=f"key-{platform}",
                platform=platform,
                external_id=external_id,
                name=platform,
                address="https://shop.example",
                sealed_credentials=environment.seal.seal_json(credentials),
            )
        )
    shared = environment.platforms[platform].shared_address
    return f"/webhooks/{platform}" if shared else f"/webhooks/{platform}/key-{platform}"


Signing = Callable[[bytes], dict[str, str]]


def _shopify(environment: Environment) -> tuple[str, bytes, Signing, str]:
    path = _store(environment, "shopify", "one.myshopify.com", {"app_secret": "s", "token": "t"})
    body = json.dumps({"id": 5, "admin_graphql_api_id": "gid://shopify/Order/5"}).encode()
    fixed = {"X-Shopify-Shop-Domain": "one.myshopify.com", "X-Shopify-Topic": "orders/create", "X-Shopify-Webhook-Id": "w"}
    return path, body, lambda sent: {**fixed, "X-Shopify-Hmac-Sha256": _base64("s", sent)}, "X-Shopify-Hmac-Sha256"


def _woocommerce(environment: Environment) -> tuple[str, bytes, Signing, str]:
    path = _store(environment, "woocommerce", "https://shop.example", {"webhook_secret": "s", "key": "k", "secret": "x"})
    fixed = {"X-WC-Webhook-Topic": "order.created", "X-WC-Webhook-Delivery-ID": "d", "Content-Type": "application/json"}
    body = b'{"id": 5, "status": "processing"}'
    return path, body, lambda sent: {**fixed, "X-WC-Webhook-Signature": _base64("s", sent)}, "X-WC-Webhook-Signature"


def _bigcommerce(environment: Environment) -> tuple[str, bytes, Signing, str]:
    path = _store(environment, "bigcommerce", "hash1", {"webhook_secret": "ours", "client_secret": "s", "token": "t"})
    body = json.dumps({"scope": "store/order/created", "data": {"type": "order", "id": 5}, "hash": "h"}).encode()

    def sign(sent: bytes) -> dict[str, str]:
        signed = "v1," + _base64("s", b"m1.1700000000." + sent)
        standard = {"webhook-id": "m1", "webhook-timestamp": "1700000000", "webhook-signature": signed}
        return {**standard, "X-Connector-Secret": "ours"}

    return path, body, sign, "X-Connector-Secret"


PLATFORMS = {"shopify": _shopify, "woocommerce": _woocommerce, "bigcommerce": _bigcommerce}
ODD_HEADERS = ["", "AAAA", "not base64 !", "é", "0" * 10_000]


@each_way
@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platform_takes_its_own_and_nothing_else(web: Web, environment: Environment, platform: str) -> None:
    path, body, sign, header = PLATFORMS[platform](environment)
    assert web.post(path, body, sign(body)) == (200, "stored\n")
    for value in ODD_HEADERS:
        assert web.post(path, body, {**sign(body), header: value})[0] == 401, value
    assert web.post(path, body, {name: value for name, value in sign(body).items() if name != header})[0] == 401
    assert web.post(path, body + b" ", sign(body))[0] == 401
    head = "".join(f"{name}: {value}\r\n" for name, value in sign(body).items())
    doubled = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{head}{header}: {sign(body)[header]}\r\n\r\n"
    assert send_raw(web, doubled.encode() + body) == 401
    assert len(web.rows()) == 1


@each_way
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("body", [*SIGNED_BUT_NO_ORDER.values(), *SIGNED_AND_ODD.values()])
def test_each_platform_answers_odd_signed_bodies_200_and_keeps_them(
    web: Web, environment: Environment, platform: str, body: bytes
) -> None:
    path, _, sign, _ = PLATFORMS[platform](environment)
    assert web.post(path, body, sign(body))[0] == 200
    ((_, state, _, _),) = web.rows()
    assert state in ("waiting", "ignored")


@each_way
def test_the_woocommerce_ping_is_answered_exactly_200(web: Web, environment: Environment) -> None:
    path = _woocommerce(environment)[0]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post(path, b"webhook_id=12", form)[0] == 200
    assert web.rows() == []
