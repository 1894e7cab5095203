"""Recognising, proving and reading what a shop sends; the recorded requests first."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.errors import Malformed
from connector.domain.orders import Handover, Lifecycle, Payment
from connector.platform import Kind, Shop
from platforms.woocommerce.normalize import normalize
from platforms.woocommerce.webhook import genuine, is_ping, parse

RECORDED_SECRET = "whsec_local"
SIGNED = {
    "order_created_checkout_flat_rate": (Kind.ORDER, "22"),
    "order_created_checkout_pickup_location": (Kind.ORDER, "23"),
    "order_created_error_404": (Kind.IGNORED, ""),
    "order_deleted": (Kind.ORDER, "35"),
    "order_updated_checkout_draft": (Kind.IGNORED, "23"),
    "order_updated_with_refund": (Kind.ORDER, "28"),
    "product_updated_variation": (Kind.IGNORED, ""),
}


def request(directory: Path, name: str) -> tuple[dict[str, str], bytes]:
    lines = (directory / f"{name}.headers.txt").read_text().splitlines()[1:]
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return {key.lower(): value for key, value in headers.items()}, (directory / f"{name}.body").read_bytes()


def headers(topic: str, delivery: str = "d" * 32) -> dict[str, str]:
    return {"content-type": "application/json", "x-wc-webhook-topic": topic, "x-wc-webhook-delivery-id": delivery}


def signature(body: bytes, secret: str = RECORDED_SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


@pytest.mark.parametrize("name", SIGNED)
def test_recorded_requests_are_genuine_and_read(recorded: Path, shop: Shop, name: str) -> None:
    given, body = request(recorded, name)
    assert genuine(shop, given, body)
    assert not is_ping(given, body)
    delivery = parse(given, body)
    assert (delivery.kind, delivery.order_id) == SIGNED[name]
    assert delivery.topic == given["x-wc-webhook-topic"]
    assert bool(delivery.reason) == (delivery.kind is Kind.IGNORED)


@pytest.mark.parametrize("name", SIGNED)
def test_recorded_requests_are_refused_when_touched(recorded: Path, shop: Shop, name: str) -> None:
    given, body = request(recorded, name)
    assert not genuine(shop, given, body + b" ")
    assert not genuine(shop, given, json.dumps(json.loads(body)).encode())
    assert not genuine(replace(shop, credentials={"webhook_secret": "other"}), given, body)


def test_the_recorded_ping(recorded: Path, shop: Shop) -> None:
    given, body = request(recorded, "ping_webhook_created")
    assert is_ping(given, body)
    assert not genuine(shop, given, body)


def test_the_recorded_app_callback_is_nothing_of_ours(recorded: Path, shop: Shop) -> None:
    given, body = request(recorded, "wc_auth_callback")
    assert not is_ping(given, body)
    assert not genuine(shop, given, body)


def test_the_recorded_delivery_order_field_by_field(recorded: Path, shop: Shop) -> None:
    order = normalize(shop, request(recorded, "order_created_checkout_flat_rate")[1])
    assert order is not None
    assert (order.external_id, order.number, order.currency) == ("22", "22", "USD")
    assert order.placed_at.isoformat() == "2026-11-22T21:18:44+00:00"
    assert order.version.isoformat() == "2026-11-22T21:18:45+00:00"
    assert (order.total_minor, order.outstanding_minor, order.payment) == (1250, 1250, Payment.UNPAID)
    assert (order.lifecycle, order.platform_status) == (Lifecycle.OPEN, "processing")
    assert (order.handover, order.pickup_location, order.shipping_method) == (Handover.DELIVERY, "", "Flat rate")
    assert (order.payment_method, order.origin, order.note) == ("Cash on delivery", "store-api", "leave at door")
    assert (order.customer.name, order.customer.email, order.customer.phone) == ("Sam Shop", "sam@example.test", "5550001")
    assert (order.customer.external_id, order.attention) == ("", ())
    assert (order.shipping.street, order.shipping.city, order.shipping.region) == ("7 Pine St", "Albany", "NY")
    assert (order.shipping.postcode, order.shipping.country, order.shipping.name) == ("12207", "US", "Sam Shop")
    assert order.billing == order.shipping
    (line,) = order.lines
    assert (line.external_id, line.title, line.quantity, line.sku) == ("7", "Plain Mug", 1, "MUG-1")
    assert (line.variant_id, line.unit_price_minor, line.total_minor, line.kind) == ("10", 1250, 1250, "physical")


def test_the_recorded_pickup_order(recorded: Path, shop: Shop) -> None:
    order = normalize(shop, request(recorded, "order_created_checkout_pickup_location")[1])
    assert order is not None
    assert (order.handover, order.pickup_location) == (Handover.PICKUP, "Uptown Store")
    assert (order.lifecycle, order.payment, order.outstanding_minor) == (Lifecycle.OPEN, Payment.UNPAID, 3750)
    assert (order.platform_status, order.payment_method) == ("on-hold", "Direct bank transfer")
    assert [(line.sku, line.variant_id, line.quantity) for line in order.lines] == [("MUG-1", "10", 1), ("TEE-S", "14", 1)]


@pytest.mark.parametrize("name", ["order_updated_with_refund", "order_deleted"])
def test_recorded_bodies_that_must_be_read_by_id(recorded: Path, shop: Shop, name: str) -> None:
    assert normalize(shop, request(recorded, name)[1]) is None


# --- the ping --------------------------------------------------------------------------------------------------------

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("given", "body", "ping"),
    [
        (FORM, b"webhook_id=1", True),
        ({"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}, b"webhook_id=42", True),
        (FORM, b"webhook_id=", False),
        (FORM, b"webhook_id=1&x=2", False),
        (FORM, b"webhook_id=1\n", False),
        (FORM, b"webhook_id=x", False),
        (FORM, "webhook_id=١".encode(), False),
        (FORM, b"", False),
        ({"content-type": "application/json"}, b"webhook_id=1", False),
        ({}, b"webhook_id=1", False),
        ({**FORM, "x-wc-webhook-id": "1"}, b"webhook_id=1", False),
    ],
)
def test_what_is_a_ping(given: dict[str, str], body: bytes, ping: bool) -> None:
    assert is_ping(given, body) is ping


# --- the signature ---------------------------------------------------------------------------------------------------

BODY = '{"id":1,"note":"caf\\u00e9 \\/ é"}'.encode()


def test_a_true_signature(shop: Shop) -> None:
    assert genuine(shop, {"x-wc-webhook-signature": signature(BODY)}, BODY)


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "AAAA",
        "é",
        "\udc80",
        "\x00",
        signature(BODY) + "," + signature(BODY),
        signature(BODY) + " ",
        signature(BODY)[:-1],
    ],
)
def test_other_signatures(shop: Shop, given: str) -> None:
    assert not genuine(shop, {"x-wc-webhook-signature": given}, BODY)
    assert not genuine(shop, {}, BODY)


@pytest.mark.parametrize("credentials", [{}, {"webhook_secret": ""}])
def test_without_a_secret_nothing_is_genuine(shop: Shop, credentials: dict[str, str]) -> None:
    known = {"x-wc-webhook-signature": signature(BODY, "")}
    assert not genuine(replace(shop, credentials=credentials), known, BODY)


# --- what it says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "document", "kind", "order_id", "word"),
    [
        ("order.created", {"id": 7, "status": "processing"}, Kind.ORDER, "7", ""),
        ("order.updated", {"id": "7", "status": "packed"}, Kind.ORDER, "7", ""),
        ("order.restored", {"id": 7, "status": "processing"}, Kind.ORDER, "7", ""),
        ("order.deleted", {"id": 7}, Kind.ORDER, "7", ""),
        ("action.woocommerce_delete_order", {"action": "woocommerce_delete_order", "arg": 7}, Kind.ORDER, "7", ""),
        ("order.updated", {"id": 7, "status": "checkout-draft"}, Kind.IGNORED, "7", "checkout"),
        ("order.updated", {"id": 7, "status": "auto-draft"}, Kind.IGNORED, "7", "typed in"),
        ("order.updated", {"id": 7, "status": "trash"}, Kind.IGNORED, "7", "trash"),
        (
            "order.updated",
            {"code": "woocommerce_rest_cannot_view", "data": {"status": 403}},
            Kind.IGNORED,
            "",
            "new Read/Write key",
        ),
        ("order.created", {"code": "x_invalid_id", "data": {"status": 404}}, Kind.IGNORED, "", "gone"),
        ("order.created", {"code": "internal_server_error", "data": None}, Kind.IGNORED, "", "internal_server_error"),
        ("order.created", {"code": "odd", "data": {"status": []}}, Kind.IGNORED, "", "odd"),
        ("product.updated", {"id": 14}, Kind.IGNORED, "", "product"),
        ("action.woocommerce_new_thing", {"arg": []}, Kind.IGNORED, "", "none we use"),
        ("order.frozen", {"id": 7}, Kind.IGNORED, "", "none we use"),
        ("", {"id": 7}, Kind.IGNORED, "", "no topic"),
    ],
)
def test_what_a_request_says(topic: str, document: dict[str, object], kind: Kind, order_id: str, word: str) -> None:
    delivery = parse(headers(topic), json.dumps(document).encode())
    assert (delivery.kind, delivery.order_id) == (kind, order_id)
    assert word in delivery.reason
    assert bool(word) == bool(delivery.reason)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b"[" * 100_000,
        b"{}",
        b'{"id":true}',
        b'{"id":-1}',
        b'{"id":null}',
        b'{"id":""}',
        b'{"id":1.5}',
        b'{"id":"7\\u0000"}',
        b'{"id":' + b"9" * 50 + b"}",
        b'{"id":' + b"9" * 5000 + b"}",
    ],
)
def test_bodies_that_mean_nothing(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(headers("order.updated"), body)


def test_one_delivery_id_for_two_orders_keeps_both() -> None:
    one, other = (parse(headers("order.updated"), b'{"id":%d}' % number) for number in (1, 2))
    assert one.dedup_key != other.dedup_key


def test_a_repeated_delivery_is_the_same_whatever_its_delivery_id() -> None:
    body = b'{"id":1,"status":"processing"}'
    keys = {parse(headers("order.updated", delivery), body).dedup_key for delivery in ("a", "b", "")}
    assert len(keys) == 1
    assert parse(headers("order.created"), body).dedup_key not in keys


def test_two_deletions_of_one_order_are_two_and_a_repeat_is_one() -> None:
    keys = [parse(headers("order.deleted", delivery), b'{"id":1}').dedup_key for delivery in ("a", "b", "b")]
    assert keys[0] != keys[1] == keys[2]


def test_a_key_stays_short_however_long_the_topic() -> None:
    delivery = parse(headers("order.deleted" + "x" * 9000, "y" * 9000), b'{"id":1}')
    assert len(delivery.dedup_key) < 300
