"""Receiving over real HTTP: what each odd request is answered, and what of it is stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select, text, update

from connector.db import tables
from connector.platform import Shop
from jobs.environment import Environment
from tests.webhooks.conftest import Web, link
from tests.webhooks.toy import SECRET, SHARED_TOY, TOY, signature
from webhooks.directory import Directory
from webhooks.receive import LARGEST_BODY_BYTES, Door, receive

ORDER = b'{"id": 7, "sku": "TEE"}'


def _signed(body: bytes, **more: str) -> dict[str, str]:
    return {"X-Toy-Signature": signature(body), **{name.replace("_", "-"): value for name, value in more.items()}}


def _at(shop: Shop) -> str:
    return f"/webhooks/toy/{shop.key}"


def test_a_signed_order_is_stored_once_however_often_it_comes(web: Web, toy_shop: Shop) -> None:
    answers = [web.post(_at(toy_shop), ORDER, _signed(ORDER)) for _ in range(5)]
    assert answers == [(200, "stored\n"), *[(200, "recorded\n")] * 4]
    assert web.rows() == [("order", "waiting", "", "7")]


def test_two_bodies_under_one_delivery_id_are_both_kept(web: Web, toy_shop: Shop) -> None:
    for body in (ORDER, b'{"id": 8}'):
        assert web.post(_at(toy_shop), body, _signed(body, X_Toy_Delivery="same"))[0] == 200
    assert [row[3] for row in web.rows()] == ["7", "8"]


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


SIGNED_BUT_NO_ORDER = {
    "empty": b"",
    "one byte": b"{",
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "deep": _nested(10_000),
    "a list": b"[1]",
    "a string": b'"id"',
    "null": b"null",
    "no id": b'{"error": "no such order"}',
}
SIGNED_AND_ODD = {
    "UTF-16 with a mark": '{"id": 1}'.encode("utf-16"),
    "NUL in the id": b'{"id": "a\\u0000b"}',
    "half a surrogate": b'{"id": "\\ud800"}',
    "a huge id": json.dumps({"id": "9" * 10_000}).encode(),
    "a number past 64 bits": b'{"id": 123456789012345678901234567890}',
    "NaN": b'{"id": NaN}',
    "1e400": b'{"id": 1e400}',
    "twice the same key": b'{"id": 1, "id": 2}',
    "the largest body": b'{"id": 1, "note": "' + b"x" * (LARGEST_BODY_BYTES - 21) + b'"}',
}


@pytest.mark.parametrize("body", SIGNED_BUT_NO_ORDER.values(), ids=SIGNED_BUT_NO_ORDER.keys())
def test_a_signed_body_that_is_no_order_is_kept_with_its_reason(web: Web, toy_shop: Shop, body: bytes) -> None:
    assert web.post(_at(toy_shop), body, _signed(body)) == (200, "recorded\n")
    ((kind, state, reason, _),) = web.rows()
    assert (kind, state) == ("ignored", "ignored")
    assert reason


@pytest.mark.parametrize("body", SIGNED_AND_ODD.values(), ids=SIGNED_AND_ODD.keys())
def test_a_signed_order_with_odd_values_is_stored(web: Web, toy_shop: Shop, body: bytes) -> None:
    assert web.post(_at(toy_shop), body, _signed(body))[0] == 200
    assert len(web.rows()) == 1


def test_a_fault_in_a_parser_loses_nothing(web: Web, toy_shop: Shop) -> None:
    assert web.post(_at(toy_shop), ORDER, _signed(ORDER, X_Toy_Topic="stumble"))[0] == 200
    assert web.rows()[0][:2] == ("ignored", "ignored")
    assert "ZeroDivisionError" in web.rows()[0][2]


SIGNATURES: dict[str, dict[str, str]] = {
    "missing": {},
    "empty": {"X-Toy-Signature": ""},
    "another length": {"X-Toy-Signature": "zz"},
    "right length, wrong value": {"X-Toy-Signature": "0" * 64},
    "of another body": {"X-Toy-Signature": signature(b"other")},
    "with another secret": {"X-Toy-Signature": signature(ORDER, "guess")},
    "not ASCII": {"X-Toy-Signature": "é" * 64},
    "10 KB": {"X-Toy-Signature": "0" * 10_000},
}


@pytest.mark.parametrize("headers", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_whatever_is_not_signed_is_refused(web: Web, toy_shop: Shop, headers: Mapping[str, str]) -> None:
    latin = {name: value.encode("latin-1").decode("latin-1") for name, value in headers.items()}
    assert web.post(_at(toy_shop), ORDER, latin)[0] == 401
    assert web.rows() == []


def _raw(web: Web, request: bytes) -> int:
    """Status of a request written to the socket byte by byte as given."""
    with socket.create_connection((urlsplit(web.base).hostname or "", urlsplit(web.base).port or 0), timeout=30) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status


def test_a_doubled_signature_is_refused(web: Web, toy_shop: Shop) -> None:
    good = signature(ORDER).encode()
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(ORDER)}\r\n".encode()
    doubled = head + b"X-Toy-Signature: " + good + b"\r\nX-Toy-Signature: " + good + b"\r\n\r\n" + ORDER
    assert _raw(web, doubled) == 401
    assert web.rows() == []


def test_a_ping_is_answered_200_and_stored_nowhere(web: Web, toy_shop: Shop) -> None:
    assert web.post(_at(toy_shop), b"ping")[0] == 200
    assert web.rows() == []


@pytest.mark.parametrize(
    "path", ["/webhooks/toy/nobody", "/webhooks/toy", "/webhooks/none/x", "/webhooks/sharedtoy/x", "/webhooks/toy/a%00b"]
)
def test_an_unknown_address_is_404(web: Web, toy_shop: Shop, path: str) -> None:
    assert web.post(path, ORDER, _signed(ORDER))[0] == 404
    assert web.rows() == []


def test_an_unknown_shop_costs_the_same_check() -> None:
    asked: list[Shop] = []

    def genuine(shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
        asked.append(shop)
        return True

    door = Door({"toy": replace(TOY, genuine=genuine)}, Directory(lambda platform, name: None), _never, _never, _never)
    assert receive(door, "POST", "/webhooks/toy/nobody", {}, lambda: ORDER).status == 404
    assert len(asked) == 1


def _never(*_: object) -> Any:
    raise AssertionError("nothing is stored for an unknown shop")


def test_the_shop_of_a_shared_address_is_named_by_the_headers(web: Web, environment: Environment) -> None:
    link(environment, SHARED_TOY, domain="a.example", secret=SECRET)
    link(environment, SHARED_TOY, domain="b.example", secret="another")
    sent = _signed(ORDER, X_Toy_Shop="a.example")
    assert web.post("/webhooks/sharedtoy", ORDER, sent)[0] == 200
    assert web.post("/webhooks/sharedtoy", ORDER, {**sent, "X-Toy-Shop": "b.example"})[0] == 401
    assert web.post("/webhooks/sharedtoy", ORDER, {**sent, "X-Toy-Shop": "c.example"})[0] == 404
    assert web.post("/webhooks/sharedtoy", ORDER, _signed(ORDER))[0] == 404


def test_a_body_that_is_too_large_is_413(web: Web, toy_shop: Shop) -> None:
    body = b"x" * (LARGEST_BODY_BYTES + 1)
    assert web.post(_at(toy_shop), body, _signed(body))[0] == 413
    assert web.rows() == []


def test_a_claimed_length_that_is_too_large_is_413_without_reading(web: Web, toy_shop: Shop) -> None:
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**15}\r\n\r\n".encode()
    assert _raw(web, head) == 413


def _chunked(body: bytes, size: int = 50_000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(("body", "status"), [(ORDER, 200), (b"x" * (LARGEST_BODY_BYTES + 1), 413)], ids=["fits", "too large"])
def test_a_chunked_body_is_read_to_the_cap(web: Web, toy_shop: Shop, body: bytes, status: int) -> None:
    signed = signature(body)
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Toy-Signature: {signed}\r\n\r\n"
    assert _raw(web, head.encode() + _chunked(body)) == status
    assert len(web.rows()) == (1 if status == 200 else 0)


def test_a_body_without_length_is_an_empty_one(web: Web, toy_shop: Shop) -> None:
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nX-Toy-Signature: {signature(ORDER)}\r\n\r\n"
    assert _raw(web, head.encode()) == 401


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_an_encoded_body_is_never_inflated(web: Web, toy_shop: Shop, encoding: str) -> None:
    assert web.post(_at(toy_shop), ORDER, {**_signed(ORDER), "Content-Encoding": encoding})[0] == 415
    assert web.rows() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_taken(web: Web, toy_shop: Shop, method: str) -> None:
    assert web.request(method, _at(toy_shop), ORDER, _signed(ORDER))[0] == 405


def test_a_changed_secret_is_good_at_once(web: Web, environment: Environment) -> None:
    shop = link(environment, TOY, domain="rotating", secret=SECRET)
    assert web.post(_at(shop), ORDER, _signed(ORDER))[0] == 200
    link(environment, TOY, domain="rotating", secret="the new one")
    other = b'{"id": 8}'
    assert web.post(_at(shop), other, {"X-Toy-Signature": signature(other, "the new one")})[0] == 200
    assert web.post(_at(shop), other, _signed(other))[0] == 401


@pytest.mark.parametrize(("hours", "status"), [(47, 200), (49, 404)])
def test_an_uninstalled_shop_is_heard_for_two_days_more(
    web: Web, environment: Environment, toy_shop: Shop, hours: int, status: int
) -> None:
    assert web.post(_at(toy_shop), b"{}", _signed(b"{}", X_Toy_Topic="gone"))[0] == 200
    with environment.engine.begin() as conn:
        conn.execute(update(tables.shops).values(state="uninstalled"))
        conn.execute(update(tables.inbox).values(received_at=datetime.now(UTC) - timedelta(hours=hours)))
    web.post(_at(toy_shop), ORDER, {})  # a failed signature looks past what is kept
    assert web.post(_at(toy_shop), ORDER, _signed(ORDER))[0] == status
    kept = [row for row in web.rows() if row[0] == "ignored"]
    assert [row[2] for row in kept] == (["The app was uninstalled from this shop."] if status == 200 else [])


def test_200_is_answered_after_the_commit_only(web: Web, environment: Environment, toy_shop: Shop) -> None:
    with environment.engine.connect() as reader:
        for number in range(20):
            body = json.dumps({"id": number}).encode()
            assert web.post(_at(toy_shop), body, _signed(body))[0] == 200
            assert reader.execute(select(func.count()).select_from(tables.inbox)).scalar() == number + 1
            reader.rollback()


def test_without_a_database_it_is_503_and_never_200(web: Web, environment: Environment, toy_shop: Shop) -> None:
    web.post(_at(toy_shop), ORDER, _signed(ORDER))
    with environment.engine.begin() as conn:
        conn.execute(text("ALTER TABLE inbox RENAME TO away"))
    try:
        other = b'{"id": 8}'
        assert web.post(_at(toy_shop), other, _signed(other))[0] == 503
    finally:
        with environment.engine.begin() as conn:
            conn.execute(text("ALTER TABLE away RENAME TO inbox"))
    assert web.post(_at(toy_shop), other, _signed(other)) == (200, "stored\n")


# ---------------------------------------------------------------------------------------------------------------------
# The three platforms themselves, on the parts that are theirs


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
    assert _raw(web, doubled.encode() + body) == 401
    assert len(web.rows()) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("body", [*SIGNED_BUT_NO_ORDER.values(), *SIGNED_AND_ODD.values()])
def test_each_platform_answers_odd_signed_bodies_200_and_keeps_them(
    web: Web, environment: Environment, platform: str, body: bytes
) -> None:
    path, _, sign, _ = PLATFORMS[platform](environment)
    assert web.post(path, body, sign(body))[0] == 200
    ((_, state, _, _),) = web.rows()
    assert state in ("waiting", "ignored")


def test_the_woocommerce_ping_is_answered_exactly_200(web: Web, environment: Environment) -> None:
    path = _woocommerce(environment)[0]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post(path, b"webhook_id=12", form)[0] == 200
    assert web.rows() == []
