"""What is taken for genuine, and what it is said to be about."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from connector.domain.errors import Malformed
from connector.platform import Kind, Shop
from platforms.shopify import webhook

SECRET = "hush"
BODY = b'{"id": 6100000000001, "note": "\xc3\xa9t\xc3\xa9"}'


def _shop(**credentials: str) -> Shop:
    return Shop(1, "k", "shopify", "n", "s.myshopify.com", "https://s.myshopify.com", credentials)


def _signed(body: bytes = BODY, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _headers(topic: str = "orders/create", webhook_id: str = "w-1") -> dict[str, str]:
    return {"x-shopify-topic": topic, "x-shopify-webhook-id": webhook_id}


def _says(topic: str, body: object) -> tuple[Kind, str, str]:
    said = webhook.parse(_headers(topic), json.dumps(body).encode())
    return said.kind, said.order_id, said.reason


def test_a_signed_body_is_genuine() -> None:
    assert webhook.genuine(_shop(app_secret=SECRET), {"x-shopify-hmac-sha256": _signed()}, BODY)


def test_the_previous_secret_is_accepted_after_a_rotation() -> None:
    shop = _shop(app_secret="new", previous_app_secret=SECRET)
    assert webhook.genuine(shop, {"x-shopify-hmac-sha256": _signed()}, BODY)
    assert webhook.genuine(shop, {"x-shopify-hmac-sha256": _signed(secret="new")}, BODY)
    assert not webhook.genuine(shop, {"x-shopify-hmac-sha256": _signed(secret="other")}, BODY)


@pytest.mark.parametrize(
    "header",
    [
        "",
        _signed(secret="wrong"),
        _signed(BODY + b" "),
        _signed().rstrip("="),
        _signed() + "," + _signed(),
        _signed().swapcase(),
        "é" * 44,
        "\ud800",
        "\udce9\x00",
        hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest(),
    ],
)
def test_a_forged_header_is_not_genuine(header: str) -> None:
    assert not webhook.genuine(_shop(app_secret=SECRET), {"x-shopify-hmac-sha256": header}, BODY)


def test_a_missing_header_is_not_genuine() -> None:
    assert not webhook.genuine(_shop(app_secret=SECRET), {}, BODY)


@pytest.mark.parametrize("credentials", [{}, {"app_secret": ""}, {"app_secret": "", "previous_app_secret": ""}])
def test_an_empty_secret_signs_nothing(credentials: dict[str, str]) -> None:
    assert not webhook.genuine(_shop(**credentials), {"x-shopify-hmac-sha256": _signed(secret="")}, BODY)


def test_one_changed_byte_is_not_genuine() -> None:
    for position in range(len(BODY)):
        changed = BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]
        assert not webhook.genuine(_shop(app_secret=SECRET), {"x-shopify-hmac-sha256": _signed()}, changed)


@pytest.mark.parametrize(
    ("header", "domain"),
    [
        ("maree-haute.myshopify.com", "maree-haute.myshopify.com"),
        ("Maree-Haute.MyShopify.com", "maree-haute.myshopify.com"),
        ("maree-haute.myshopify.com\n", ""),
        ("maree-haute.myshopify.com.evil.example", ""),
        ("a.b.myshopify.com", ""),
        ("evil.example/maree-haute.myshopify.com", ""),
        ("-a.myshopify.com", ""),
        ("a" * 300 + ".myshopify.com", ""),
        ("é.myshopify.com", ""),
        ("a.myshopify.com,b.myshopify.com", ""),
        ("", ""),
    ],
)
def test_the_store_is_named_by_a_header(header: str, domain: str) -> None:
    assert webhook.shop_named_by({"x-shopify-shop-domain": header}) == domain


def test_no_header_names_no_store_and_nothing_is_a_ping() -> None:
    assert webhook.shop_named_by({}) == ""
    assert not webhook.is_ping({}, b"")


@pytest.mark.parametrize(
    "topic",
    ["create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled", "delete"],
)
def test_order_topics_name_their_order(topic: str) -> None:
    assert _says(f"orders/{topic}", {"id": 6100000000001}) == (Kind.ORDER, "gid://shopify/Order/6100000000001", "")


def test_the_global_id_comes_before_the_number() -> None:
    """JavaScript rounds numbers above 2^53 on their way; the global id is text."""
    body = {"id": 820982911946154500, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508"}
    assert _says("orders/create", body)[1] == "gid://shopify/Order/820982911946154508"
    assert _says("orders/create", {"id": 820982911946154508})[1] == "gid://shopify/Order/820982911946154508"
    assert _says("orders/create", {**body, "admin_graphql_api_id": "gid://shopify/Draft/1"})[1].endswith("500")


@pytest.mark.parametrize("topic", ["refunds/create", "fulfillments/create", "fulfillments/update"])
def test_topics_beside_the_order_name_it_too(topic: str) -> None:
    assert _says(topic, {"id": 5, "order_id": 77}) == (Kind.ORDER, "gid://shopify/Order/77", "")


def test_an_edit_names_its_order() -> None:
    assert _says("orders/edited", {"order_edit": {"id": 5, "order_id": 77}})[1] == "gid://shopify/Order/77"


def test_uninstalling() -> None:
    assert _says("app/uninstalled", {"id": 1})[0] is Kind.UNINSTALLED


@pytest.mark.parametrize(
    "topic",
    [
        "customers/data_request",
        "customers/redact",
        "shop/redact",
        "fulfillment_orders/moved",
        "inventory_levels/update",
        "products/update",
        "carts/create",
        "",
        "ORDERS/",
        "é/\x00",
    ],
)
def test_other_topics_are_ignored_with_a_reason(topic: str) -> None:
    kind, order_id, reason = _says(topic, {"id": 1})
    assert (kind, order_id) == (Kind.IGNORED, "")
    assert reason.endswith(".")


def test_a_topic_may_come_in_capitals() -> None:
    assert webhook.parse(_headers("Orders/Create"), b'{"id": 7}').topic == "orders/create"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}"],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        webhook.parse(_headers(), body)


@pytest.mark.parametrize("value", [None, True, 1.5, -1, "", "x", [], {}, "1\n", "gid://shopify/Order/1 "])
def test_an_order_topic_without_an_order_is_malformed(value: object) -> None:
    with pytest.raises(Malformed):
        webhook.parse(_headers(), json.dumps({"id": value}).encode())
    with pytest.raises(Malformed):
        webhook.parse(_headers("orders/edited"), json.dumps({"order_edit": value}).encode())


def test_a_repeat_has_the_same_key_and_nothing_else_has() -> None:
    def key(topic: str, webhook_id: str, body: bytes) -> str:
        return webhook.parse(_headers(topic, webhook_id), body).dedup_key

    first = key("orders/create", "w-1", b'{"id": 1}')
    assert first == key("orders/create", "w-1", b'{"id": 1}')
    others = [
        key("orders/paid", "w-1", b'{"id": 1}'),
        key("orders/create", "w-2", b'{"id": 1}'),
        key("orders/create", "w-1", b'{"id": 2}'),
        key("orders/create", "", b'{"id": 1}'),
    ]
    assert len({first, *others}) == 5


def test_a_key_can_be_stored_whatever_the_header_holds() -> None:
    said = webhook.parse(_headers("orders/create", "\x00\ud800é" * 500), b'{"id": 1}')
    assert said.dedup_key.isascii()
    assert said.dedup_key.isprintable()
    assert len(said.dedup_key) < 200


def test_a_body_never_stands_for_the_order() -> None:
    from platforms.shopify.normalize import normalize

    assert normalize(_shop(app_secret=SECRET), BODY) is None
