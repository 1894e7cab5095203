"""Every way of going wrong against every call of every platform: each ends in the right one of the four call errors."""

from __future__ import annotations

import gc
import json
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.orders import Handover
from connector.platform import (
    WHOLE_SHOP,
    Act,
    AnnouncedLine,
    Announcement,
    AuthLost,
    CallError,
    Change,
    Goods,
    Outcome,
    Platform,
    Refused,
    Retryable,
    Shop,
    Spot,
    Throttled,
    Told,
)
from platforms import registry
from platforms.http import Http
from platforms.shopify import documents
from platforms.shopify.client import UserErrors, tell
from tests.platforms import faulty
from tests.platforms.faulty import answer, saying

_SECONDS = 0.6  # what a call may take here; ten in life
_SLACK_SECONDS = 5.0  # of a busy machine
_MOST_GROWTH_BYTES = 20 * 2**20
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=3)

_ERRORS: Mapping[str, bytes] = {
    "shopify": b'{"errors": "Something is wrong"}',
    "woocommerce": b'{"code": "wrong", "message": "Something is wrong", "data": {}}',
    "bigcommerce": b'[{"status": 0, "message": "Something is wrong"}]',
}
_SHOPS: Mapping[str, tuple[str, dict[str, str]]] = {
    "shopify": ("", {"token": "t", "app_secret": "s"}),
    "woocommerce": ("", {"key": "ck_1", "secret": "cs_1", "webhook_secret": "w"}),
    "bigcommerce": ("/stores/abc", {"token": "t", "client_secret": "c", "webhook_secret": "w"}),
}


def _announcement(order_id: str) -> Announcement:
    lines = (AnnouncedLine("1", 1, 1),)
    return Announcement("k", Act.SHIPPED, order_id, "#1", Handover.DELIVERY, lines, last=True, at=NOW)


def _order_id(shop: Shop) -> str:
    return "gid://shopify/Order/1" if shop.platform == "shopify" else "1"


def _goods(platform: Platform) -> Goods:
    assert platform.goods is not None
    return platform.goods


def _spot(shop: Shop) -> Spot:
    gids = Spot("gid://shopify/InventoryItem/7", "gid://shopify/Location/1")
    return {"shopify": gids, "woocommerce": Spot("7", WHOLE_SHOP), "bigcommerce": Spot("7", "1")}[shop.platform]


Call = Callable[[Platform, Shop], Any]
CALLS: Mapping[str, Call] = {
    "check": lambda platform, shop: platform.check(shop),
    "subscribe": lambda platform, shop: platform.subscribe(shop, "https://c.example/w"),
    "flaws": lambda platform, shop: platform.flaws(shop, "https://c.example/w"),
    "fetch_order": lambda platform, shop: platform.fetch_order(shop, _order_id(shop)),
    "changed_orders": lambda platform, shop: platform.changed_orders(shop, SINCE, ""),
    "list_orders": lambda platform, shop: platform.list_orders(shop, SINCE, NOW, ""),
    "count_orders": lambda platform, shop: platform.count_orders(shop, SINCE, NOW),
    "locations": lambda platform, shop: platform.locations(shop),
    "announce": lambda platform, shop: platform.announce(shop, _announcement(_order_id(shop))),
    "variants": lambda platform, shop: _goods(platform).variants(shop, ""),
    "obstacle": lambda platform, shop: _goods(platform).obstacle(shop),
    "levels": lambda platform, shop: _goods(platform).levels(shop, [_spot(shop)]),
    "publish": lambda platform, shop: _goods(platform).publish(shop, "k", [Change(_spot(shop), 2, 1)]),
}
ASKS_NOTHING = {("shopify", "obstacle"), ("woocommerce", "obstacle")}

Serve = Callable[[str], AbstractContextManager[str]]
Wanted = type[CallError] | Mapping[str, type[CallError]]


@dataclass(frozen=True)
class Fault:
    """How to serve it for a platform, which error it must become (by platform where they differ), and whether it is slow."""

    serve: Serve
    wanted: Wanted
    scheme: str = "http"
    slow: bool = False
    wait_seconds: float | None = None

    def error(self, platform: str) -> type[CallError]:
        return self.wanted[platform] if isinstance(self.wanted, Mapping) else self.wanted


def _talk(talk: faulty.Talk, wanted: Wanted, **more: Any) -> Fault:
    return Fault(lambda platform: faulty.serving(talk), wanted, **more)


def _status(line: str, wanted: Wanted, *headers: str, **more: Any) -> Fault:
    return Fault(lambda platform: faulty.serving(saying(answer(line, _ERRORS[platform], *headers))), wanted, **more)


def _by(shopify: type[CallError], woocommerce: type[CallError], bigcommerce: type[CallError]) -> Wanted:
    return {"shopify": shopify, "woocommerce": woocommerce, "bigcommerce": bigcommerce}


def _date(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")


FAULTS: Mapping[str, Fault] = {
    "no such name": Fault(lambda platform: faulty.nameless(), Retryable),
    "refused": Fault(lambda platform: faulty.closed(), Retryable),
    "tls": _talk(faulty.no_tls, Retryable, scheme="https"),
    "connect time-out": Fault(lambda platform: faulty.full(), Retryable, slow=True),
    "read time-out": _talk(faulty.silent, Retryable, slow=True),
    "slow drip of the body": _talk(faulty.dripping_body, Retryable, slow=True),
    "slow drip of the headers": _talk(faulty.dripping_headers, Retryable, slow=True),
    "reset mid-body": _talk(faulty.resetting, Retryable),
    "hung up": _talk(faulty.hanging_up, Retryable),
    "301": _status("301 Moved Permanently", Refused, "Location: https://elsewhere.example/"),
    "400": _status("400 Bad Request", Refused),
    "401": _status("401 Unauthorized", AuthLost),
    "402": _status("402 Payment Required", _by(AuthLost, Refused, AuthLost)),
    "403": _status("403 Forbidden", AuthLost),
    "404": _status("404 Not Found", _by(AuthLost, Refused, Refused)),
    "409": _status("409 Conflict", Refused),
    "422": _status("422 Unprocessable Entity", Refused),
    "423": _status("423 Locked", _by(AuthLost, Refused, Retryable)),
    "429": _status("429 Too Many Requests", Throttled),
    "429 with seconds": _status("429 Too Many Requests", Throttled, "Retry-After: 7", "X-Retry-After: 7"),
    "429 with a date": _status("429 Too Many Requests", Throttled, f"Retry-After: {_date(30)}"),
    "429 negative": _status("429 Too Many Requests", Throttled, "Retry-After: -5", "X-Retry-After: -5"),
    "429 for thirty years": _status("429 Too Many Requests", Throttled, "Retry-After: 1000000000"),
    "500": _status("500 Internal Server Error", Retryable),
    "502": _status("502 Bad Gateway", Retryable),
    "503": _status("503 Service Unavailable", Retryable),
    "504": _status("504 Gateway Timeout", Retryable),
    "a page with 200": _talk(saying(answer("200 OK", b"<html>Maintenance</html>", kind="text/html")), Retryable),
    "truncated JSON": _talk(saying(answer("200 OK", b'{"data": {"orders": [')), Retryable),
    "deep JSON": _talk(saying(answer("200 OK", b"[" * 100_000)), Retryable),
    "JSON of another shape": _talk(saying(answer("200 OK", b'"well"')), Retryable),
    "50 MB": _talk(faulty.huge, Refused),
    "a gzip bomb of 50 MB": _talk(faulty.bomb(), Refused),
}
# A platform says these in ways of its own: an order that is not there is no failure, and an odd answer may be an empty one.
GONE: Mapping[tuple[str, str, str], Any] = {
    ("woocommerce", "404", "fetch_order"): None,
    ("bigcommerce", "404", "fetch_order"): None,
    ("woocommerce", "404", "levels"): {},
    ("woocommerce", "404", "announce"): Outcome(Told.WITHHELD, "The order no longer exists in the shop."),
}


def _shop(platform: str, base: str) -> Shop:
    path, credentials = _SHOPS[platform]
    return Shop(1, "key", platform, "A shop", "a-shop.myshopify.com", f"{base}{path}", credentials)


def _ends(platform: str, call: str, fault: str) -> None:
    if (platform, call) in ASKS_NOTHING:
        return
    given = FAULTS[fault]
    http = Http(private_allowed=True, total_seconds=_SECONDS)
    with given.serve(platform) as address:
        shop = _shop(platform, f"{given.scheme}://{address}")
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        if (platform, fault, call) in GONE:
            assert CALLS[call](registry.platforms(http)[platform], shop) == GONE[platform, fault, call]
            return
        try:
            ended: Any = CALLS[call](registry.platforms(http)[platform], shop)
        except CallError as error:
            ended = error
        assert isinstance(ended, given.error(platform)), (call, ended)
        assert time.monotonic() - began < _SECONDS + _SLACK_SECONDS
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < _MOST_GROWTH_BYTES
        assert ended.remedy or isinstance(ended, Retryable)


PLATFORMS = ("shopify", "woocommerce", "bigcommerce")


# Python 3.11's ssl leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if not fault.slow])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_call_ends_in_the_right_error(platform: str, fault: str) -> None:
    for call in CALLS:
        _ends(platform, call, fault)
    gc.collect()


@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if fault.slow])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_slow_answer_is_given_up_in_time(platform: str, fault: str) -> None:
    for call in ("changed_orders", "announce"):
        _ends(platform, call, fault)


@pytest.mark.long
@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if fault.slow])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_slow_answer_is_given_up_in_time(platform: str, call: str, fault: str) -> None:
    _ends(platform, call, fault)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_name_that_leads_nowhere(platform: str) -> None:
    http = Http(private_allowed=True, total_seconds=_SECONDS)
    with pytest.raises(Retryable):
        CALLS["check"](registry.platforms(http)[platform], _shop(platform, "http://nowhere.invalid"))


_GRAPHQL: Mapping[str, tuple[bytes, type[CallError]]] = {
    "throttled": (b'{"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}', Throttled),
    "denied beside partial data": (
        b'{"data": {"order": null}, "errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}',
        AuthLost,
    ),
    "failed inside": (b'{"errors": [{"message": "oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}', Retryable),
    "too large": (b'{"errors": [{"message": "cost", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}', Refused),
    "not understood": (b'{"errors": [{"message": "no such field"}]}', Refused),
    "nothing": (b"{}", Retryable),
}
WRITES = {document.field: document for document in documents.ALL if document.write}


@pytest.mark.parametrize("said", _GRAPHQL)
def test_graphql_errors_with_200(said: str) -> None:
    body, wanted = _GRAPHQL[said]
    http = Http(private_allowed=True, total_seconds=_SECONDS)
    for name, call in CALLS.items():
        if ("shopify", name) in ASKS_NOTHING:
            continue
        with faulty.serving(saying(answer("200 OK", body))) as address, pytest.raises(wanted):
            call(registry.platforms(http)["shopify"], _shop("shopify", f"http://{address}"))


@pytest.mark.parametrize("field", WRITES)
def test_a_mutation_that_shopify_answers_with_user_errors_is_refused(field: str) -> None:
    http = Http(private_allowed=True, total_seconds=_SECONDS)
    errors = [{"field": ["input", "quantities", "0"], "message": "It is not so.", "code": "INVALID"}]
    body = json.dumps({"data": {field: {"userErrors": errors}}}).encode()
    with faulty.serving(saying(answer("200 OK", body))) as address, pytest.raises(Refused, match="It is not so") as caught:
        tell(http, _shop("shopify", f"http://{address}"), WRITES[field])
    assert isinstance(caught.value, UserErrors)
    assert (caught.value.codes, caught.value.errors, bool(caught.value.remedy)) == (frozenset({"INVALID"}), errors, True)


@pytest.mark.parametrize("field", WRITES)
def test_a_mutation_without_an_answer_of_its_own_may_have_been_done(field: str) -> None:
    http = Http(private_allowed=True, total_seconds=_SECONDS)
    body = json.dumps({"data": {field: None}}).encode()
    with faulty.serving(saying(answer("200 OK", body))) as address, pytest.raises(Retryable) as caught:
        tell(http, _shop("shopify", f"http://{address}"), WRITES[field])
    assert caught.value.effect_unknown


@pytest.mark.parametrize(
    ("header", "wanted"), [("7", 7.0), ("-5", 0.0), ("1000000000", 1e9), ("soon", None), ("inf", None), ("nan", None)]
)
def test_what_a_wait_may_look_like(header: str, wanted: float | None) -> None:
    http = Http(private_allowed=True, total_seconds=_SECONDS)
    throttled = saying(answer("429 Too Many Requests", b"{}", f"Retry-After: {header}"))
    with faulty.serving(throttled) as address, pytest.raises(Throttled) as caught:
        http.call_ok("GET", f"http://{address}/")
    assert caught.value.retry_after_seconds == wanted


def test_a_wait_may_be_a_date() -> None:
    http = Http(private_allowed=True, total_seconds=_SECONDS)
    throttled = saying(answer("429 Too Many Requests", b"{}", f"Retry-After: {_date(30)}"))
    with faulty.serving(throttled) as address, pytest.raises(Throttled) as caught:
        http.call_ok("GET", f"http://{address}/")
    assert caught.value.retry_after_seconds is not None
    assert 20 < caught.value.retry_after_seconds <= 30


def test_a_read_whose_connection_breaks_at_once_is_made_again_and_a_write_is_not() -> None:
    asked: list[int] = []

    def first_hangs_up(peer: Any) -> None:
        asked.append(1)
        faulty.hanging_up(peer) if len(asked) == 1 else saying(answer("200 OK", b"{}"))(peer)

    http = Http(private_allowed=True)
    with faulty.serving(first_hangs_up) as address:
        assert http.call("GET", f"http://{address}/").status == 200
        asked.clear()
        with pytest.raises(Retryable) as caught:
            http.call("POST", f"http://{address}/", json={})
    assert caught.value.effect_unknown
    assert len(asked) == 1
