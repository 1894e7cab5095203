"""Which deliveries are believed, and what they say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from connector.domain.errors import Malformed
from connector.platform import Kind, Shop
from platforms.bigcommerce.webhook import genuine, normalize, parse

SHOP = Shop(1, "key", "bigcommerce", "", "hash", "", {"webhook_secret": "ours", "client_secret": "sécret"})
BODY = b'{"scope":"store/order/created","data":{"type":"order","id":250}}'
OURS = {"x-connector-secret": "ours"}


KEY = "sécret"


def signed(body: bytes = BODY, *, secret: str = KEY, at: str = "1700000000", before: str = "", after: str = "") -> dict[str, str]:
    """Headers signed as Standard Webhooks says, computed here once more and independently."""
    digest = hmac.new(secret.encode(), b"msg_1." + at.encode() + b"." + body, hashlib.sha256).digest()
    signature = f"{before}v1,{base64.b64encode(digest).decode()}{after}"
    return {**OURS, "webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": signature}


def test_our_own_secret_is_enough_where_nothing_is_signed() -> None:
    assert genuine(SHOP, OURS, BODY)


@pytest.mark.parametrize(
    "given", [{}, {"x-connector-secret": ""}, {"x-connector-secret": "Ours"}, {"x-connector-secret": "oursé\udcff"}]
)
def test_without_our_secret_nothing_is_believed(given: dict[str, str]) -> None:
    assert not genuine(SHOP, given, BODY)
    assert not genuine(SHOP, {**signed(), "x-connector-secret": "", **given}, BODY)


@pytest.mark.parametrize("credentials", [{}, {"webhook_secret": ""}, {"client_secret": "sécret"}])
def test_a_shop_without_a_secret_believes_nothing(credentials: dict[str, str]) -> None:
    shop = replace(SHOP, credentials=credentials)
    assert not genuine(shop, OURS, BODY)
    assert not genuine(shop, {"x-connector-secret": ""}, BODY)


def test_a_signature_must_be_right_where_there_is_one() -> None:
    assert genuine(SHOP, signed(), BODY)
    assert not genuine(SHOP, signed(), BODY + b" ")
    assert not genuine(SHOP, signed(secret="other"), BODY)
    assert not genuine(SHOP, {**signed(), "webhook-timestamp": "1700000001"}, BODY)
    assert not genuine(SHOP, {**signed(), "webhook-id": "msg_2"}, BODY)


def test_any_signature_of_the_list_may_match() -> None:
    assert genuine(SHOP, signed(before="v1,AAAA v1a,xyz ", after=" v1,"), BODY)
    assert not genuine(SHOP, {**signed(), "webhook-signature": signed()["webhook-signature"].removeprefix("v1,")}, BODY)


def test_an_old_signature_is_believed_because_retries_run_for_two_days() -> None:
    assert genuine(SHOP, signed(at="1"), BODY)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_half_a_signature_is_wrong(missing: str) -> None:
    headers = signed()
    del headers[missing]
    assert not genuine(SHOP, headers, BODY)


def test_the_setting_makes_the_signature_mandatory() -> None:
    strict = replace(SHOP, settings={"require_signature": True})
    assert not genuine(strict, OURS, BODY)
    assert genuine(strict, signed(), BODY)


def test_an_empty_client_secret_makes_no_signature_valid() -> None:
    shop = replace(SHOP, credentials={"webhook_secret": "ours", "client_secret": ""})
    assert not genuine(shop, signed(secret=""), BODY)


def test_no_bytes_raise() -> None:
    rnd = random.Random(7)
    for size in range(200):
        noise = rnd.randbytes(size)
        words = {name: noise.decode("latin-1") for name in signed()}
        assert not genuine(SHOP, words, noise)
        assert not genuine(SHOP, {**words, **OURS, "webhook-signature": "v1," + "\ud800"}, noise)
        with pytest.raises(Malformed):
            parse({}, noise)


def message(scope: str, pointed: object, **more: Any) -> bytes:
    return json.dumps({"scope": scope, "store_id": "1", "data": pointed, "hash": "h", "created_at": 5, **more}).encode()


@pytest.mark.parametrize(
    ("scope", "pointed"),
    [
        ("store/order/created", {"type": "order", "id": 250}),
        ("store/order/updated", {"type": "order", "id": 250}),
        ("store/order/archived", {"type": "order", "id": 250}),
        ("store/order/statusUpdated", {"type": "order", "id": 250, "status": {"previous_status_id": 0, "new_status_id": 11}}),
        ("store/order/refund/created", {"type": "order", "id": 250, "refund": {"refund_id": 3}}),
        ("store/order/message/created", {"type": "order", "id": 250, "message": {"order_message_id": 3}}),
        ("store/order/somethingNew", {"type": "order", "id": 250}),
        ("store/order/transaction/created", {"type": "transaction", "order_id": "250", "transaction_id": "9"}),
        ("store/order/transaction/updated", {"type": "transaction", "order_id": "250", "transaction_id": "9"}),
        ("store/order/metafield/updated", {"metafield_id": 9, "resource_id": "250", "namespace": "x"}),
        ("store/channel/1/order/updated", {"order_id": 250}),
        ("store/channel/1/order/statusUpdated", {"order_id": 250}),
        ("store/shipment/created", {"type": "shipment", "id": 9, "orderId": 250}),
        ("store/shipment/deleted", {"type": "shipment", "id": 9, "orderId": 250}),
    ],
)
def test_every_order_scope_points_at_its_order(scope: str, pointed: dict[str, object]) -> None:
    delivery = parse({}, message(scope, pointed))
    assert (delivery.kind, delivery.order_id, delivery.topic) == (Kind.ORDER, "250", scope)


def test_uninstalled() -> None:
    assert parse({}, message("store/app/uninstalled", {"type": "app"})).kind is Kind.UNINSTALLED


@pytest.mark.parametrize(
    "scope",
    [
        "store/product/inventory/updated",
        "store/sku/inventory/order/updated",
        "store/channel/1/inventory/product/stock_changed",
        "store/inventory/location/created",
        "store/product/updated",
        "store/hook/deliveryException",
        "store/information/updated",
        "store/customer/created",
        "odd\x00\ud800",
    ],
)
def test_other_scopes_are_ignored_with_a_reason(scope: str) -> None:
    delivery = parse({}, message(scope, {"type": "x", "id": 1}))
    assert (delivery.kind, delivery.order_id) == (Kind.IGNORED, "")
    assert delivery.reason
    assert delivery.topic.isprintable()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"scope": 5}',
        b'{"scope": "store/order/created"}',
        b'{"scope": "store/order/created", "data": 5}',
        b'{"scope": "store/order/created", "data": {"id": true}}',
        b'{"scope": "store/order/created", "data": {"id": "../1"}}',
        b'{"scope": "store/order/created", "data": {"id": 0}}',
        b'{"scope": "store/order/created", "data": {"id": [1]}}',
        b'{"scope": "store/shipment/created", "data": {"id": 9}}',
        b'{"a":' * 100_000,
        b'{"scope": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_can_never_mean_anything_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse({}, body)


def test_a_repeated_delivery_has_the_same_key_and_another_edit_has_not() -> None:
    one = message("store/order/updated", {"type": "order", "id": 250})
    assert parse({}, one).dedup_key == parse({}, one).dedup_key
    # The platform repeats `hash` for every edit of an order: only the second tells them apart.
    later = message("store/order/updated", {"type": "order", "id": 250}, created_at=6)
    assert parse({}, one).dedup_key != parse({}, later).dedup_key
    status = message("store/order/statusUpdated", {"type": "order", "id": 250})
    assert parse({}, one).dedup_key != parse({}, status).dedup_key


def test_the_message_id_is_the_key_where_there_is_one() -> None:
    one = message("store/order/updated", {"type": "order", "id": 250})
    first, retried = {"webhook-id": "a", "webhook-timestamp": "1"}, {"webhook-id": "a", "webhook-timestamp": "99"}
    assert parse(first, one).dedup_key == parse(retried, one).dedup_key
    # Two edits within one second, told by the same bytes: two messages.
    assert parse(first, one).dedup_key != parse({"webhook-id": "b"}, one).dedup_key


def test_the_body_carries_no_order() -> None:
    assert normalize(SHOP, BODY) is None
