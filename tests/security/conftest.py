"""The web process and the intake against odd shops: one of each for a module."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, insert, select

from config.embedded import Addresses
from config.settings import load
from connector.db import stock, tables
from connector.flow import ingest
from connector.flow import shops as shop_flow
from connector.flow import stock as stock_flow
from connector.flow.stock import StockLine
from connector.platform import Shop
from jobs.environment import Environment, now, open_at
from tests.security.bad_inputs import Sent
from tests.security.odd_shops import OddShops, Sold, woocommerce
from tests.serving import serve
from webhooks.app import build

SECRET = "canary-signing-secret"
_LATER = timedelta(seconds=90)


def base64_hmac(body: bytes, secret: str = SECRET) -> bytes:
    """The signature all three platforms share but for what is signed."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def _sign_shopify(body: bytes, number: int) -> dict[str, bytes]:
    fixed = {"X-Shopify-Shop-Domain": b"odd.myshopify.com", "X-Shopify-Topic": b"orders/create"}
    return {**fixed, "X-Shopify-Webhook-Id": f"w{number}".encode(), "X-Shopify-Hmac-Sha256": base64_hmac(body)}


def _sign_woocommerce(body: bytes, number: int) -> dict[str, bytes]:
    fixed = {"X-WC-Webhook-Topic": b"order.created", "X-WC-Webhook-Delivery-ID": f"d{number}".encode()}
    return {**fixed, "X-WC-Webhook-Signature": base64_hmac(body)}


def _sign_bigcommerce(body: bytes, number: int) -> dict[str, bytes]:
    message = f"m{number}".encode()
    signature = b"v1," + base64_hmac(b".".join((message, b"1700000000", body)))
    standard = {"webhook-id": message, "webhook-timestamp": b"1700000000", "webhook-signature": signature}
    return {**standard, "X-Connector-Secret": b"canary-own-header"}


@dataclass(frozen=True)
class Speech:
    """How a platform speaks to us: its credentials, headers, and the body of a delivery of an order."""

    credentials: Mapping[str, str]
    external_id: str
    sign: Callable[[bytes, int], dict[str, bytes]]
    signature: str
    delivery_id: str
    body: Callable[[int, Sold], Any]
    order_id: str = "{}"


SPEECHES = {
    "shopify": Speech(
        {"app_secret": SECRET, "token": "canary-shopify-token"},
        "odd.myshopify.com",
        _sign_shopify,
        "X-Shopify-Hmac-Sha256",
        "X-Shopify-Webhook-Id",
        lambda number, sold: {
            "id": number,
            "updated_at": sold.changed if isinstance(sold.changed, str) else "",
            "note": sold.state,
        },
        "gid://shopify/Order/{}",
    ),
    "woocommerce": Speech(
        {"webhook_secret": SECRET, "key": "canary-woo-key", "secret": "canary-woo-secret"},
        "https://odd.example",
        _sign_woocommerce,
        "X-WC-Webhook-Signature",
        "X-WC-Webhook-Delivery-ID",
        woocommerce,
    ),
    "bigcommerce": Speech(
        {"webhook_secret": "canary-own-header", "client_secret": SECRET, "token": "canary-big-token"},
        "odd",
        _sign_bigcommerce,
        "webhook-signature",
        "webhook-id",
        lambda number, sold: {"scope": "store/order/created", "data": {"type": "order", "id": number}, "hash": sold.state},
    ),
}


@dataclass
class House:
    """The running web process, the odd shops, and the intake by hand."""

    environment: Environment
    base: str
    shops: Mapping[str, Shop]
    odd: OddShops
    app: Flask
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1000, 10**9, 10)))

    def delivery(self, platform: str, number: int, sold: Sold, body: bytes | None = None) -> Sent:
        """The signed request about an order, which the shop shows as `sold`."""
        speech = SPEECHES[platform]
        self.odd.shelf[platform, number] = sold
        sent = json.dumps(speech.body(number, sold)).encode() if body is None else body
        shared = self.environment.platforms[platform].shared_address
        path = f"/webhooks/{platform}" if shared else f"/webhooks/{platform}/odd-{platform}"
        headers = {"Content-Type": b"application/json", **speech.sign(sent, next(self.numbers))}
        return Sent(platform, number, path, tuple(headers.items()), sent, speech.signature, speech.delivery_id)

    def send(self, sent: Sent) -> int:
        """The answer's status of a request written to the socket byte by byte."""
        frames = {"length": f"Content-Length: {len(sent.body)}", "chunked": "Transfer-Encoding: chunked", "none": "X-None: 0"}
        head = f"{sent.method} {sent.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{frames[sent.framing]}\r\n".encode()
        head += b"".join(name.encode() + b": " + value + b"\r\n" for name, value in sent.headers) + b"\r\n"
        framed = {"length": sent.body, "chunked": _chunked(sent.body), "none": b""}[sent.framing]
        where = urlsplit(self.base)
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=30) as connection:
            with suppress(OSError):  # refused before its end: the answer says so
                connection.sendall(head + framed)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status

    def take_in(self, platform: str, at: datetime | None = None) -> None:
        """Passes over what is due of the platform's shop, until nothing more is."""
        env, at = self.environment, at or now()
        shop = shop_flow.by_id(env.engine, env.seal, self.shops[platform].id)
        while ingest.drain(env.engine, env.seal, env.platforms[platform], shop, at).more:
            pass

    def settle(self, platform: str) -> None:
        """Passes a minute and a half later: by then an order the shop still does not show is none."""
        self.take_in(platform, now() + _LATER)

    def newest(self) -> int:
        """The highest number of a delivery."""
        with self.environment.engine.connect() as conn:
            return conn.execute(select(func.max(tables.inbox.c.id))).scalar() or 0

    def ends(self) -> dict[int, tuple[str, str]]:
        """(state, reason) of every delivery by its number."""
        inbox = tables.inbox.c
        with self.environment.engine.connect() as conn:
            rows = conn.execute(select(inbox.id, inbox.state, inbox.reason).order_by(inbox.id))
            return {number: (state, reason) for number, state, reason in rows}

    def attention(self, platform: str, number: int) -> list[str]:
        """The codes of the order; it must be there, once."""
        order_id = SPEECHES[platform].order_id.format(number)
        wanted = select(tables.orders.c.attention).where(
            tables.orders.c.external_id == order_id, tables.orders.c.shop_id == self.shops[platform].id
        )
        with self.environment.engine.connect() as conn:
            return sorted(conn.execute(wanted).scalar_one())


def _chunked(body: bytes, size: int = 50) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture(scope="module")
def house(module_database_url: str, module_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """All of it; at the end every level is the sum of its movements."""
    directory = tmp_path_factory.mktemp("house")
    settings = load({"data_dir": directory, "public_url": "http://shop.example", "allow_private_shops": True})
    environment = open_at(settings, Addresses(module_database_url, module_redis_url), name="tests")
    odd = OddShops()
    app = build(environment)
    with serve(odd) as odd_base, serve(app) as base:
        _stock(environment)
        yield House(environment, base, {name: _link(environment, name, odd_base) for name in SPEECHES}, odd, app)
    with environment.engine.connect() as conn:
        assert stock.unbalanced(conn) == []
    app.extensions["waker"].close()
    environment.close()


def _stock(environment: Environment) -> None:
    with environment.engine.begin() as conn:
        conn.execute(insert(tables.items).values(sku="PEN", title="Pen"))
        conn.execute(insert(tables.locations).values(code="shop", name="Shop"))
    stock_flow.receive(environment.engine, [StockLine("PEN", "shop", 100_000)], now(), key="opening", actor="test")


def _link(environment: Environment, platform: str, odd_base: str) -> Shop:
    """The platform's odd shop, and two that were uninstalled: an hour and three days ago."""
    for name, ago in (("left-lately", timedelta(hours=1)), ("left-long-ago", timedelta(days=3))):
        number = _store(environment, platform, name, odd_base, "uninstalled")
        left = {"shop_id": number, "code": "uninstalled", "at": datetime.now(UTC) - ago}
        with environment.engine.begin() as conn:
            conn.execute(insert(tables.shop_events).values(left))
    number = _store(environment, platform, "odd", odd_base, "linked")
    return shop_flow.by_id(environment.engine, environment.seal, number)


def _store(environment: Environment, platform: str, name: str, odd_base: str, state: str) -> int:
    speech = SPEECHES[platform]
    row = {
        "key": f"{name}-{platform}",
        "platform": platform,
        "external_id": f"{name}.myshopify.com" if platform == "shopify" else f"{speech.external_id}/{name}",
        "name": f"{platform} {name}",
        "address": f"{odd_base}/{platform}",
        "sealed_credentials": environment.seal.seal_json(dict(speech.credentials)),
        "state": state,
    }
    with environment.engine.begin() as conn:
        return int(conn.execute(insert(tables.shops).values(row).returning(tables.shops.c.id)).scalar_one())
