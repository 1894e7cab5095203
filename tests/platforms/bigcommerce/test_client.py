"""What each answer of the API means to us, and reading lists to their ends."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from connector.platform import AuthLost, CallError, Refused, Retryable, Shop, Throttled
from platforms.bigcommerce import client
from platforms.http import Http

SHOP = Shop(1, "key", "bigcommerce", "", "abc123", "https://api.bigcommerce.com/stores/abc123", {"token": "t0ken"})
URL = f"{SHOP.address}/v2/thing"


@pytest.fixture
def http() -> Http:
    return Http()


def fails(http: Http, status: int, body: str = "", headers: dict[str, str] | None = None, path: str = "v2/thing") -> CallError:
    with responses.RequestsMock() as mock:
        mock.add("GET", f"{SHOP.address}/{path}", status=status, body=body, headers=headers or {})
        with pytest.raises(CallError) as raised:
            client.read(http, SHOP, path)
    return raised.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, AuthLost),
        (403, AuthLost),
        (404, client.Missing),
        (409, Refused),
        (413, Refused),
        (422, Refused),
        (423, Retryable),
        (500, Retryable),
        (502, Retryable),
        (503, Retryable),
        (504, Retryable),
        (507, Refused),
        (302, Refused),
    ],
)
def test_statuses(http: Http, status: int, kind: type[CallError]) -> None:
    error = fails(http, status)
    assert type(error) is kind
    assert error.remedy


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-Rate-Limit-Time-Reset-Ms": "15000"}, 15.0),
        ({"X-Retry-After": "20"}, 20.0),
        ({"X-Rate-Limit-Time-Reset-Ms": "15000", "X-Retry-After": "20"}, 20.0),
        ({"x-rate-limit-time-reset-ms": "30000", "X-Retry-After": "20"}, 30.0),
        ({"X-Retry-After": "soon", "X-Rate-Limit-Time-Reset-Ms": "nan"}, None),
        ({}, None),
    ],
)
def test_throttled_for_the_longer_wait(http: Http, headers: dict[str, str], seconds: float | None) -> None:
    error = fails(http, 429, headers=headers)
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == seconds


def test_both_shapes_of_errors_are_read(http: Http) -> None:
    assert "quantity is invalid" in fails(http, 400, '[{"status": 400, "message": "The quantity is invalid"}]').message
    out_of_stock = '[{"status": 409, "message": "Conflict", "details": {"errors": [{"type": "OutOfStock", "variant_id": 7}]}}]'
    assert "OutOfStock" in fails(http, 409, out_of_stock).message
    v3 = fails(http, 422, '{"status": 422, "title": "Not valid", "errors": {"ready_at": "is required"}}')
    assert "Not valid" in v3.message
    assert "ready_at" in v3.message
    assert "<html>" in fails(http, 400, "<html>\nno</html>").message
    assert fails(http, 400, "[" * 100_000).message


def test_a_forbidden_pickup_is_tried_again_and_does_not_pause_the_shop(http: Http) -> None:
    assert isinstance(fails(http, 403, path="v3/orders/pickups"), Retryable)


def test_a_lost_write_is_unknown_in_its_effect(http: Http) -> None:
    with responses.RequestsMock() as mock:
        mock.add("POST", URL, status=500)
        with pytest.raises(Retryable) as raised:
            client.write(http, SHOP, "POST", "v2/thing", {})
    assert raised.value.effect_unknown


def test_token_and_types_are_sent(http: Http) -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", URL, json=[])
        client.read(http, SHOP, "v2/thing")
        headers = mock.calls[0].request.headers
    assert (headers["X-Auth-Token"], headers["Accept"], headers["Content-Type"]) == (
        "t0ken",
        "application/json",
        "application/json",
    )
    assert "connector" in headers["User-Agent"]


def rows(first: int, number: int) -> list[dict[str, Any]]:
    return [{"id": first + index} for index in range(number)]


@pytest.mark.parametrize("pages", [[], [3], [250, 3], [250, 250], [50, 50, 7], [49]])
def test_a_v2_list_is_read_to_its_end(http: Http, pages: list[int]) -> None:
    """The end is a 204, also for an empty list; pages of 50 may be capped ones."""
    with responses.RequestsMock() as mock:
        for page, number in enumerate(pages, 1):
            mock.add("GET", URL, json=rows(page * 1000, number), match=[asks(page)])
        if not pages or pages[-1] >= client.DEFAULT_PAGE_ROWS:
            mock.add("GET", URL, status=204, match=[asks(len(pages) + 1)])
        assert len(list(client.v2_rows(http, SHOP, "v2/thing"))) == sum(pages)


def asks(page: int) -> Any:
    return responses.matchers.query_param_matcher({"page": str(page), "limit": "250"})


def test_a_list_that_stays_on_one_page_ends_with_an_error(http: Http) -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", URL, json=rows(1, 50))
        with pytest.raises(Retryable):
            list(client.v2_rows(http, SHOP, "v2/thing"))


@pytest.mark.parametrize("meta", [{}, {"meta": {}}, {"meta": {"pagination": {}}}, {"meta": []}])
def test_a_v3_list_without_pagination_is_one_page(http: Http, meta: dict[str, Any]) -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", URL, json={"data": rows(1, 3), **meta})
        assert len(list(client.v3_rows(http, SHOP, "v2/thing"))) == 3


def test_a_v3_list_is_read_to_its_last_page(http: Http) -> None:
    with responses.RequestsMock() as mock:
        for page in (1, 2):
            content = {"data": rows(page * 10, 2), "meta": {"pagination": {"total_pages": 2}}}
            mock.add("GET", URL, json=content, match=[asks(page)])
        assert [row["id"] for row in client.v3_rows(http, SHOP, "v2/thing")] == [10, 11, 20, 21]


@pytest.mark.parametrize("body", ["", '{"a": 1}', '"well"'])
def test_nonsense_in_place_of_a_list_is_a_failure_and_no_empty_list(http: Http, body: str) -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", URL, body=body)
        with pytest.raises(Retryable):
            list(client.v2_rows(http, SHOP, "v2/thing"))


@pytest.mark.parametrize("body", ["null", '["x", 5]'])
def test_nonsense_in_a_list_is_no_row(http: Http, body: str) -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", URL, body=body)
        assert list(client.v2_rows(http, SHOP, "v2/thing")) == []
