"""What each answer of a shop means to the caller, and what we never ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
import responses

from connector.domain.errors import Rejected
from connector.platform import AuthLost, CallError, Refused, Retryable, Shop, Throttled
from platforms import woocommerce
from platforms.http import Http
from platforms.woocommerce.client import Absent, Unfit, checked_params, read, read_all, read_list, write

JSON = "application/json; charset=UTF-8"
URL = "https://shop.test/wp-json/wc/v3/orders/5"


@pytest.fixture
def answers() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


@pytest.fixture
def http() -> Http:
    return Http()


def error(code: str, message: str, status: int, **data: Any) -> str:
    return json.dumps({"code": code, "message": message, "data": {"status": status, **data}})


AUTH = "woocommerce_rest_authentication_error"


@pytest.mark.parametrize(
    ("status", "content_type", "body", "kind", "remedy"),
    [
        (401, JSON, error("woocommerce_rest_cannot_view", "Sorry.", 401), AuthLost, "Authorization header"),
        (401, JSON, error(AUTH, "Consumer secret is invalid.", 401), AuthLost, "consumer secret"),
        (401, JSON, error(AUTH, "The API key provided does not have write permissions.", 401), AuthLost, "Read/Write"),
        (401, JSON, error(AUTH, "Invalid timestamp.", 401), AuthLost, "clock"),
        (401, "text/html", "<h1>Staging</h1>", AuthLost, "password"),
        (403, JSON, error("woocommerce_rest_cannot_view", "Sorry.", 403), AuthLost, "administrator"),
        (403, "text/html", "Blocked by firewall", Retryable, "firewall"),
        (406, "text/html", "Not acceptable", Retryable, "firewall"),
        (455, "text/html", "Bot?", Retryable, "firewall"),
        (404, JSON, error("rest_no_route", "No route.", 404), Refused, "Permalinks"),
        (404, "text/html", "<h1>Not found</h1>", Refused, "Permalinks"),
        (404, JSON, error("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404), Absent, "deleted"),
        (400, JSON, error("rest_invalid_param", "Invalid parameter(s): status", 400, params={"status": "x"}), Unfit, "replay"),
        (429, "text/html", "slow down", Throttled, ""),
        (429, JSON, error("rate_limited", "slow", 429), Throttled, ""),
        (503, "text/html", "Briefly unavailable for scheduled maintenance.", Retryable, "maintenance"),
        (500, JSON, error("internal_server_error", "<p>critical</p>" * 500, 500), Retryable, "again"),
        (200, "text/html", "<html>Login</html>", Retryable, "maintenance"),
        (200, JSON, "<br />Notice: undefined{}", Retryable, "maintenance"),
        (200, JSON, "[]", Retryable, "again"),
        (200, JSON, '"x"', Retryable, "again"),
        (301, "text/html", "", Refused, "address"),
    ],
)
def test_every_answer_is_one_of_the_call_errors(
    answers: responses.RequestsMock,
    http: Http,
    shop: Shop,
    status: int,
    content_type: str,
    body: str,
    kind: type[CallError],
    remedy: str,
) -> None:
    answers.get(URL, body=body, status=status, content_type=content_type, headers={"Location": "https://www.shop.test/x?key=1"})
    with pytest.raises(CallError) as raised:
        read(http, shop, "orders/5")
    assert type(raised.value) is kind
    assert remedy in raised.value.remedy
    assert len(raised.value.message) < 400
    assert "<" not in raised.value.message
    assert "key=1" not in str(raised.value)


def test_a_refused_value_is_named(answers: responses.RequestsMock, http: Http, shop: Shop) -> None:
    answers.put(URL, body=error("rest_invalid_param", "x", 400, params={"status": "no"}), status=400, content_type=JSON)
    with pytest.raises(Unfit) as raised:
        write(http, shop, "PUT", "orders/5", {"status": "packed"})
    assert raised.value.fields == {"status"}


@pytest.mark.parametrize(("content_type", "status"), [("text/html", 503), (JSON, 503), ("text/html", 429)])
def test_a_wait_that_is_asked_for_is_kept(
    answers: responses.RequestsMock, http: Http, shop: Shop, content_type: str, status: int
) -> None:
    answers.get(URL, body=error("x", "x", status), status=status, content_type=content_type, headers={"Retry-After": "7"})
    with pytest.raises(CallError) as raised:
        read(http, shop, "orders/5")
    assert raised.value.retry_after_seconds == 7


@pytest.mark.parametrize("status", [200, 500])
def test_a_write_without_a_clear_answer_may_have_been_applied(
    answers: responses.RequestsMock, http: Http, shop: Shop, status: int
) -> None:
    answers.put(URL, body="<html>", status=status, content_type="text/html")
    with pytest.raises(Retryable) as raised:
        write(http, shop, "PUT", "orders/5", {})
    assert raised.value.effect_unknown


def test_over_https_the_keys_go_into_the_header_only(answers: responses.RequestsMock, http: Http, shop: Shop) -> None:
    answers.get(URL, json={})
    read(http, shop, "orders/5", {"_fields": "id,status"})
    sent = answers.calls[0].request
    assert sent.headers["Authorization"] == requests.auth._basic_auth_str("ck_1", "cs_1")
    assert sent.url == f"{URL}?_fields=id%2Cstatus"
    assert sent.headers["User-Agent"].startswith("order-connector")


def test_over_http_nothing_secret_is_sent(answers: responses.RequestsMock, shop: Shop) -> None:
    plain = replace(shop, address="http://shop.test", credentials={"key": "ck_1", "secret": "cs_1"})
    answers.get("http://shop.test/wp-json/wc/v3/orders/5", json={})
    read(Http(private_allowed=True), plain, "orders/5")
    sent = answers.calls[0].request
    assert "Authorization" not in sent.headers
    assert "oauth_signature=" in str(sent.url)
    assert "cs_1" not in str(sent.url)


@pytest.mark.parametrize("time", ["2026-11-22T21:20:00Z", "2026-11-22T21:20:00+01:00", "2026-11-22T21:20:00-0500"])
@pytest.mark.parametrize("name", ["after", "before", "modified_after", "modified_before"])
def test_the_time_zone_trap_is_never_sent(name: str, time: str) -> None:
    with pytest.raises(ValueError, match=name):
        checked_params({name: time, "dates_are_gmt": "true"})
    assert checked_params({name: time}) == {name: time}
    assert checked_params({name: "2026-11-22T21:20:00", "dates_are_gmt": "true"})


def test_a_list_is_read_until_a_short_page(answers: responses.RequestsMock, http: Http, shop: Shop) -> None:
    url = "https://shop.test/wp-json/wc/v3/webhooks"
    answers.get(url, json=[{"id": number} for number in range(100)], headers={"X-WP-TotalPages": "1"})
    answers.get(url, json=[{"id": 100}, "odd"])
    assert len(list(read_all(http, shop, "webhooks"))) == 101
    assert [call.request.params["page"] for call in answers.calls] == ["1", "2"]  # type: ignore[attr-defined]


def test_a_list_without_end_is_refused(answers: responses.RequestsMock, http: Http, shop: Shop) -> None:
    answers.get("https://shop.test/wp-json/wc/v3/webhooks", json=[{}] * 100)
    with pytest.raises(Refused, match="2000"):
        list(read_all(http, shop, "webhooks"))


def test_an_object_is_no_list(answers: responses.RequestsMock, http: Http, shop: Shop) -> None:
    answers.get("https://shop.test/wp-json/wc/v3/webhooks", json={"id": 1})
    with pytest.raises(Retryable):
        read_list(http, shop, "webhooks")


# --- linking values --------------------------------------------------------------------------------------------------

GOOD = {"url": "https://Shop.Test/wp-json/wc/v3/", "key": " ck_1 ", "secret": "cs_1"}


def test_opening_a_shop(http: Http) -> None:
    assert woocommerce.build(http).open_shop(GOOD) == (
        "https://shop.test",
        "https://shop.test",
        {"key": "ck_1", "secret": "cs_1"},
    )


@pytest.mark.parametrize("url", ["https://shop.test/", "https://shop.test/wp-admin/admin.php", "https://shop.test/wp-json"])
def test_addresses_as_people_paste_them(http: Http, url: str) -> None:
    assert woocommerce.build(http).open_shop({**GOOD, "url": url})[1] == "https://shop.test"


@pytest.mark.parametrize(
    "bad",
    [
        {"url": ""},
        {"url": "shop.test"},
        {"url": "http://shop.test"},
        {"url": "https://shop.test:8443"},
        {"url": "https://a:b@shop.test"},
        {"url": "ftp://shop.test"},
        {"key": "cs_1"},
        {"key": "ck_"},
        {"key": ""},
        {"secret": "ck_1"},
        {"secret": "cs_é"},
        {"secret": "cs_1 2"},
    ],
)
def test_unusable_values_name_the_remedy(http: Http, bad: dict[str, str]) -> None:
    with pytest.raises(Rejected) as raised:
        woocommerce.build(http).open_shop({**GOOD, **bad})
    assert raised.value.remedy


def test_http_is_for_development(shop: Shop) -> None:
    address = "http://127.0.0.1:8080/shop"
    assert woocommerce.build(Http(private_allowed=True)).open_shop({**GOOD, "url": address})[1] == address
