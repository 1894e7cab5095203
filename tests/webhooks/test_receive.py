"""Receiving over real HTTP: what each odd request is answered, and what of it is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from connector.db import tables
from connector.platform import Shop
from jobs.environment import Environment
from tests.webhooks.conftest import Web, each_way, link
from tests.webhooks.odd import SIGNED_AND_ODD, SIGNED_BUT_NO_ORDER, send_raw
from tests.webhooks.toy import SECRET, SHARED_TOY, TOY, signature
from webhooks.directory import Directory
from webhooks.receive import LARGEST_BODY_BYTES, Door, receive

ORDER = b'{"id": 7, "sku": "TEE"}'


def _signed(body: bytes, **more: str) -> dict[str, str]:
    return {"X-Toy-Signature": signature(body), **{name.replace("_", "-"): value for name, value in more.items()}}


def _at(shop: Shop) -> str:
    return f"/webhooks/toy/{shop.key}"


@each_way
def test_a_signed_order_is_stored_once_however_often_it_comes(web: Web, toy_shop: Shop) -> None:
    answers = [web.post(_at(toy_shop), ORDER, _signed(ORDER)) for _ in range(5)]
    assert answers == [(200, "stored\n"), *[(200, "recorded\n")] * 4]
    assert web.rows() == [("order", "waiting", "", "7")]


@each_way
def test_two_bodies_under_one_delivery_id_are_both_kept(web: Web, toy_shop: Shop) -> None:
    for body in (ORDER, b'{"id": 8}'):
        assert web.post(_at(toy_shop), body, _signed(body, X_Toy_Delivery="same"))[0] == 200
    assert [row[3] for row in web.rows()] == ["7", "8"]


@each_way
@pytest.mark.parametrize("body", SIGNED_BUT_NO_ORDER.values(), ids=SIGNED_BUT_NO_ORDER.keys())
def test_a_signed_body_that_is_no_order_is_kept_with_its_reason(web: Web, toy_shop: Shop, body: bytes) -> None:
    assert web.post(_at(toy_shop), body, _signed(body)) == (200, "recorded\n")
    ((kind, state, reason, _),) = web.rows()
    assert (kind, state) == ("ignored", "ignored")
    assert reason


@each_way
@pytest.mark.parametrize("body", SIGNED_AND_ODD.values(), ids=SIGNED_AND_ODD.keys())
def test_a_signed_order_with_odd_values_is_stored(web: Web, toy_shop: Shop, body: bytes) -> None:
    assert web.post(_at(toy_shop), body, _signed(body))[0] == 200
    assert len(web.rows()) == 1


@each_way
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


@each_way
@pytest.mark.parametrize("headers", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_whatever_is_not_signed_is_refused(web: Web, toy_shop: Shop, headers: Mapping[str, str]) -> None:
    latin = {name: value.encode("latin-1").decode("latin-1") for name, value in headers.items()}
    assert web.post(_at(toy_shop), ORDER, latin)[0] == 401
    assert web.rows() == []


@each_way
def test_a_doubled_signature_is_refused(web: Web, toy_shop: Shop) -> None:
    good = signature(ORDER).encode()
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(ORDER)}\r\n".encode()
    doubled = head + b"X-Toy-Signature: " + good + b"\r\nX-Toy-Signature: " + good + b"\r\n\r\n" + ORDER
    assert send_raw(web, doubled) == 401
    assert web.rows() == []


@each_way
def test_a_ping_is_answered_200_and_stored_nowhere(web: Web, toy_shop: Shop) -> None:
    assert web.post(_at(toy_shop), b"ping")[0] == 200
    assert web.rows() == []


@each_way
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

    door = Door({"toy": replace(TOY, genuine=genuine)}, Directory(lambda platform, name: None), _never, _never, _never, _never)
    assert receive(door, "POST", "/webhooks/toy/nobody", {}, lambda: ORDER).status == 404
    assert len(asked) == 1


def _never(*_: object) -> Any:
    raise AssertionError("nothing is stored for an unknown shop")


@each_way
def test_the_shop_of_a_shared_address_is_named_by_the_headers(web: Web, environment: Environment) -> None:
    link(environment, SHARED_TOY, domain="a.example", secret=SECRET)
    link(environment, SHARED_TOY, domain="b.example", secret="another")
    sent = _signed(ORDER, X_Toy_Shop="a.example")
    assert web.post("/webhooks/sharedtoy", ORDER, sent)[0] == 200
    assert web.post("/webhooks/sharedtoy", ORDER, {**sent, "X-Toy-Shop": "b.example"})[0] == 401
    assert web.post("/webhooks/sharedtoy", ORDER, {**sent, "X-Toy-Shop": "c.example"})[0] == 404
    assert web.post("/webhooks/sharedtoy", ORDER, _signed(ORDER))[0] == 404


@each_way
def test_a_body_that_is_too_large_is_413(web: Web, toy_shop: Shop) -> None:
    body = b"x" * (LARGEST_BODY_BYTES + 1)
    assert web.post(_at(toy_shop), body, _signed(body))[0] == 413
    assert web.rows() == []


@each_way
def test_a_claimed_length_that_is_too_large_is_413_without_reading(web: Web, toy_shop: Shop) -> None:
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**15}\r\n\r\n".encode()
    assert send_raw(web, head) == 413


def _chunked(body: bytes, size: int = 50_000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"


@each_way
@pytest.mark.parametrize(("body", "status"), [(ORDER, 200), (b"x" * (LARGEST_BODY_BYTES + 1), 413)], ids=["fits", "too large"])
def test_a_chunked_body_is_read_to_the_cap(web: Web, toy_shop: Shop, body: bytes, status: int) -> None:
    signed = signature(body)
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Toy-Signature: {signed}\r\n\r\n"
    assert send_raw(web, head.encode() + _chunked(body)) == status
    assert len(web.rows()) == (1 if status == 200 else 0)


@each_way
def test_a_body_without_length_is_an_empty_one(web: Web, toy_shop: Shop) -> None:
    head = f"POST {_at(toy_shop)} HTTP/1.1\r\nHost: x\r\nX-Toy-Signature: {signature(ORDER)}\r\n\r\n"
    assert send_raw(web, head.encode()) == 401


@each_way
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_an_encoded_body_is_never_inflated(web: Web, toy_shop: Shop, encoding: str) -> None:
    assert web.post(_at(toy_shop), ORDER, {**_signed(ORDER), "Content-Encoding": encoding})[0] == 415
    assert web.rows() == []


@each_way
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_taken(web: Web, toy_shop: Shop, method: str) -> None:
    assert web.request(method, _at(toy_shop), ORDER, _signed(ORDER))[0] == 405


@each_way
def test_a_changed_secret_is_good_at_once(web: Web, environment: Environment) -> None:
    shop = link(environment, TOY, domain="rotating", secret=SECRET)
    assert web.post(_at(shop), ORDER, _signed(ORDER))[0] == 200
    link(environment, TOY, domain="rotating", secret="the new one")
    other = b'{"id": 8}'
    assert web.post(_at(shop), other, {"X-Toy-Signature": signature(other, "the new one")})[0] == 200
    assert web.post(_at(shop), other, _signed(other))[0] == 401


@each_way
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


@each_way
def test_200_is_answered_after_the_commit_only(web: Web, environment: Environment, toy_shop: Shop) -> None:
    with environment.engine.connect() as reader:
        for number in range(20):
            body = json.dumps({"id": number}).encode()
            assert web.post(_at(toy_shop), body, _signed(body))[0] == 200
            assert reader.execute(select(func.count()).select_from(tables.inbox)).scalar() == number + 1
            reader.rollback()


@each_way
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
