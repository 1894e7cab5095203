"""What every way of answering means."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import requests
import responses

from connector.platform import AuthLost, CallError, Refused, Retryable, Shop, Throttled
from platforms.http import Http
from platforms.shopify import client, documents

URL = "https://s.myshopify.com/admin/api/2026-10/graphql.json"
SHOP = Shop(1, "k", "shopify", "n", "s.myshopify.com", "https://s.myshopify.com", {"token": "shpat_x"})


def _errors(*codes: str) -> dict[str, Any]:
    return {"errors": [{"message": code.lower(), "extensions": {"code": code}} for code in codes]}


def _ask(answer: object = None, *, status: int = 200, document: documents.Document = documents.INSTALLATION, **more: Any) -> Any:
    with responses.RequestsMock() as mock:
        mock.post(URL, status=status, **({"json": answer} if "body" not in more else {}), **more)
        return client.ask(Http(), SHOP, document)


def test_a_call_carries_token_version_and_variables() -> None:
    with responses.RequestsMock() as mock:
        mock.post(URL, json={"data": {"order": None}})
        assert client.ask(Http(), SHOP, documents.ORDER, id="gid://shopify/Order/1") == {"order": None}
        sent = mock.calls[0].request
    assert sent.headers["X-Shopify-Access-Token"] == "shpat_x"
    assert json.loads(sent.body or b"") == {"query": documents.ORDER.text, "variables": {"id": "gid://shopify/Order/1"}}


def test_throttled_waits_until_the_bucket_holds_enough() -> None:
    cost = {
        "requestedQueryCost": 501,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1, "restoreRate": 100.0},
    }
    with pytest.raises(Throttled) as caught:
        _ask({**_errors("THROTTLED"), "extensions": {"cost": cost}})
    assert caught.value.retry_after_seconds == pytest.approx(5.0)


def test_throttled_without_cost_still_waits() -> None:
    with pytest.raises(Throttled) as caught:
        _ask(_errors("THROTTLED"))
    assert (caught.value.retry_after_seconds or 0) > 0


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (("ACCESS_DENIED",), AuthLost),
        (("SHOP_INACTIVE",), AuthLost),
        (("MAX_COST_EXCEEDED",), Refused),
        (("INTERNAL_SERVER_ERROR",), Retryable),
        (("undefinedField",), Refused),
        (("THROTTLED", "ACCESS_DENIED"), AuthLost),
        (("INTERNAL_SERVER_ERROR", "THROTTLED"), Throttled),
    ],
)
def test_error_codes(codes: tuple[str, ...], kind: type[CallError]) -> None:
    with pytest.raises(kind) as caught:
        _ask(_errors(*codes))
    assert type(caught.value) is kind


@pytest.mark.parametrize("partial", [{"order": {"id": "1"}}, {"order": None}, None])
def test_partial_data_with_errors_is_no_success(partial: object) -> None:
    with pytest.raises(Retryable):
        _ask({"data": partial, **_errors("INTERNAL_SERVER_ERROR")})


@pytest.mark.parametrize("answer", [{"errors": "nonsense"}, {"errors": ["text"]}, {"errors": [{"extensions": []}]}])
def test_errors_of_odd_shape_are_refused(answer: object) -> None:
    with pytest.raises(Refused):
        _ask(answer)


@pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": []}, [], 5, None])
def test_nonsense_is_tried_again(answer: object) -> None:
    with pytest.raises(Retryable):
        _ask(answer)


def test_what_is_no_json_is_tried_again() -> None:
    with pytest.raises(Retryable):
        _ask(body="<html>maintenance</html>")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthLost),
        (402, AuthLost),
        (403, AuthLost),
        (404, AuthLost),
        (423, AuthLost),
        (429, Throttled),
        (500, Retryable),
        (503, Retryable),
        (301, Refused),
        (400, Refused),
    ],
)
def test_statuses(status: int, kind: type[CallError]) -> None:
    with pytest.raises(kind) as caught:
        _ask({"errors": "no"}, status=status)
    assert caught.value.remedy


def test_a_decimal_retry_after_is_read() -> None:
    with pytest.raises(Throttled) as caught:
        _ask({}, status=429, headers={"Retry-After": "2.0"})
    assert caught.value.retry_after_seconds == 2.0


def test_a_shop_without_token_is_not_called() -> None:
    with pytest.raises(AuthLost):
        client.ask(Http(), Shop(1, "k", "shopify", "n", "s", "https://s.myshopify.com", {}), documents.INSTALLATION)


@pytest.mark.parametrize(("document", "unknown"), [(documents.INSTALLATION, False), (documents.FULFILL, True)])
@pytest.mark.parametrize("more", [{"body": requests.ReadTimeout()}, {"status": 502}, {"json": _errors("INTERNAL_SERVER_ERROR")}])
def test_only_a_write_leaves_its_effect_unknown(document: documents.Document, unknown: bool, more: dict[str, Any]) -> None:
    with responses.RequestsMock() as mock:
        mock.post(URL, **more)
        with pytest.raises(Retryable) as caught:
            client.ask(Http(), SHOP, document)
    assert caught.value.effect_unknown is unknown


def _tell(payload: object) -> Any:
    with responses.RequestsMock() as mock:
        mock.post(URL, json={"data": {"fulfillmentCreate": payload}})
        return client.tell(Http(), SHOP, documents.FULFILL, fulfillment={})


def test_user_errors_are_refused_with_their_words_and_codes() -> None:
    said = [{"field": ["a"], "message": "Too many", "code": "MANY"}, {"field": None, "message": "Also", "code": None}]
    with pytest.raises(client.UserErrors, match="Too many; Also") as caught:
        _tell({"fulfillment": None, "userErrors": said})
    assert caught.value.codes == {"MANY"}


def test_a_payload_without_user_errors_is_done() -> None:
    assert _tell({"fulfillment": {"id": "1"}, "userErrors": []})["fulfillment"] == {"id": "1"}


def test_a_missing_payload_is_not_taken_for_done() -> None:
    with pytest.raises(Retryable) as caught:
        _tell(None)
    assert caught.value.effect_unknown


def test_another_api_version_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    client._note_version.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            _ask({"data": {}}, headers={"X-Shopify-API-Version": "2027-01"})
    assert [record.getMessage() for record in caplog.records if "2027-01" in record.getMessage()]
    assert len(caplog.records) == 1


def test_pages_are_followed_to_the_end() -> None:
    def page(*ids: str, more: bool) -> dict[str, Any]:
        nodes = [{"id": one, "name": one, "isActive": True} for one in ids]
        return {"data": {"locations": {"nodes": nodes, "pageInfo": {"hasNextPage": more, "endCursor": ids[-1]}}}}

    with responses.RequestsMock() as mock:
        mock.post(URL, json=page("1", "2", more=True))
        mock.post(URL, json=page("3", more=False))
        found = [node["id"] for node in client.pages(Http(), SHOP, documents.LOCATIONS)]
        cursors = [json.loads(call.request.body or b"")["variables"]["after"] for call in mock.calls]
    assert found == ["1", "2", "3"]
    assert cursors == [None, "2"]
