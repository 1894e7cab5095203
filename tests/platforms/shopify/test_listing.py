"""Whole orders by bulk operation or page by page: short and last pages, pages that end in time, refunds, poison, failures."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.orders import Order
from connector.platform import OrderPage, Refused, Retryable, Throttled
from platforms.http import Answer
from platforms.shopify import bulk, documents, listing
from sandbox.shopfront import Wanted
from sandbox.shopify.bulk import Bulk
from tests.platforms.shopify.conftest import CUSTOMER, Linked

HOUR = timedelta(hours=1)


def _place(linked: Linked, count: int) -> list[str]:
    """Orders old enough that nobody waits for their routing."""
    wanted = Wanted((("ESP-41", 2), ("SAC-VOILE", 1)), "delivery", "", customer=CUSTOMER)
    return [linked.remote.place(wanted) for _ in range(count)]


def _pages(linked: Linked) -> list[OrderPage]:
    now = datetime.now(UTC)
    pages, cursor = [], ""
    while not pages or cursor:
        pages.append(linked.platform.list_orders(linked.shop, now - HOUR, now + HOUR, cursor))
        cursor = pages[-1].next
        assert len(pages) < 200
    return pages


def _orders(pages: list[OrderPage]) -> list[Order]:
    return [order for page in pages for order in page.orders]


def _numbers(pages: list[OrderPage]) -> list[str]:
    return [order.external_id.rpartition("/")[2] for order in _orders(pages)]


def _by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_FEW_ORDERS", 1000)


def _by_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_FEW_ORDERS", 0)


WAYS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {"pages": _by_pages, "bulk": _by_bulk}


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_every_order_comes_once(linked: Linked, monkeypatch: pytest.MonkeyPatch, way: str, count: int) -> None:
    WAYS[way](monkeypatch)
    placed = _place(linked, count)
    assert _numbers(_pages(linked)) == placed
    now = datetime.now(UTC)
    assert linked.platform.count_orders(linked.shop, now - HOUR, now + HOUR) == count


def test_a_last_page_may_be_short(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    _by_pages(monkeypatch)
    linked.bucket.per_second = 1e6
    placed = _place(linked, 27)
    pages = _pages(linked)
    assert (_numbers(pages), len(pages[-1].orders) < 25) == (placed, True)


def test_a_page_that_takes_long_ends_where_it_is(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    _by_pages(monkeypatch)
    monkeypatch.setattr(listing, "_LONGEST_PAGE_SECONDS", 0.0)
    placed = _place(linked, 3)
    pages = _pages(linked)
    assert (_numbers(pages), [len(page.orders) for page in pages]) == (placed, [1, 1, 1])


def test_a_page_ends_where_the_limit_is_used_up(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    _by_pages(monkeypatch)
    placed = _place(linked, 3)
    honest, reads = listing.read_order, itertools.count()

    def limited(*args: Any) -> Any:
        if next(reads) in (1, 2):
            raise Throttled("The limit is used up.", "wait", retry_after_seconds=1)
        return honest(*args)

    monkeypatch.setattr(listing, "read_order", limited)
    now = datetime.now(UTC)
    first = linked.platform.list_orders(linked.shop, now - HOUR, now + HOUR, "")
    assert len(first.orders) == 1
    with pytest.raises(Throttled):  # nothing was read: it is asked for again later
        linked.platform.list_orders(linked.shop, now - HOUR, now + HOUR, first.next)
    rest = linked.platform.list_orders(linked.shop, now - HOUR, now + HOUR, first.next)
    assert _numbers([first, rest]) == placed


@pytest.mark.parametrize("way", WAYS)
def test_a_list_shows_an_order_as_it_is_read_by_itself(linked: Linked, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Also what was refunded, put back and fulfilled: it says so in calls of its own."""
    WAYS[way](monkeypatch)
    refunded, fulfilled, plain = _place(linked, 3)
    linked.remote.refund(refunded, {"ESP-41": 1}, restock=True)
    order = linked.remote.order(fulfilled)
    assert order is not None
    part = order["parts"][0]
    linked.remote.fulfill(fulfilled, [(part["id"], line["id"], line["remaining"]) for line in part["lines"]], {"number": "1Z"})
    linked.remote.refund(fulfilled, {"SAC-VOILE": 1}, restock=True)
    listed = _orders(_pages(linked))
    assert listed == [linked.read(number) for number in (refunded, fulfilled, plain)]
    assert listed[0].lines[0].refunded == 1
    assert listed[1].returns
    assert listed[1].lines[0].fulfilled == 2


def test_a_bulk_file_is_read_piece_by_piece(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    _by_bulk(monkeypatch)
    monkeypatch.setattr(bulk, "_PIECE_BYTES", 900)
    placed = _place(linked, 9)
    pages = [page for page in _pages(linked) if not page.wait_seconds]
    assert _numbers(pages) == placed
    assert len(pages) > 2


def test_a_bulk_operation_that_cannot_begin_is_made_good_by_pages(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    _by_bulk(monkeypatch)
    no = {"code": "LIMIT_REACHED", "field": None, "message": "Only 5 bulk operations can run at a time."}
    monkeypatch.setattr(Bulk, "run", lambda *_, **__: {"bulkOperation": None, "userErrors": [no]})
    placed = _place(linked, 2)
    pages = _pages(linked)
    assert (pages[0].next, pages[0].wait_seconds > 0, _numbers(pages)) == ("page ", True, placed)


@pytest.mark.parametrize("status", ["FAILED", "CANCELED", "EXPIRED"])
def test_a_bulk_operation_that_fails_is_made_good_by_pages(linked: Linked, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    _by_bulk(monkeypatch)
    honest = Bulk.view
    monkeypatch.setattr(Bulk, "view", lambda *args: {**(honest(*args) or {}), "status": status, "url": None})
    placed = _place(linked, 2)
    assert _numbers(_pages(linked)) == placed


def test_a_bulk_operation_that_shopify_forgot_is_made_good_by_pages(linked: Linked) -> None:
    placed = _place(linked, 2)
    now = datetime.now(UTC)
    gone = linked.platform.list_orders(linked.shop, now - HOUR, now + HOUR, "bulk gid://shopify/BulkOperation/1 0")
    assert (gone.next, gone.orders) == ("page ", ())
    rest = linked.platform.list_orders(linked.shop, now - HOUR, now + HOUR, gone.next)
    assert _numbers([rest]) == placed


@pytest.mark.parametrize("way", WAYS)
def test_a_poisoned_order_is_named_and_stops_nothing(linked: Linked, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    WAYS[way](monkeypatch)
    good, bad, after = _place(linked, 3)
    honest = listing.to_order

    def to_order(found: dict[str, Any]) -> Order:
        return honest({**found, "currencyCode": None} if found["id"].endswith(bad) else found)

    monkeypatch.setattr(listing, "to_order", to_order)
    pages = _pages(linked)
    assert _numbers(pages) == [good, after]
    ((order_id, reason),) = [row for page in pages for row in page.unreadable]
    assert (order_id.rpartition("/")[2], bool(reason)) == (bad, True)


class _File:
    """A file server that answers with these, one after the other."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)

    def call(self, method: str, url: str, **options: Any) -> Answer:
        return self._answers.pop(0)


def _line(**row: Any) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _part(body: bytes, offset: int, whole: int) -> Answer:
    return Answer(206, {"content-range": f"bytes {offset}-{offset + len(body) - 1}/{whole}"}, body)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(403, {}, b""), Retryable),  # the link has a signature and an end of its own
        (Answer(404, {}, b""), Retryable),
        (Answer(500, {}, b""), Retryable),
        (Answer(400, {}, b""), Refused),
        (Answer(206, {}, b"{}"), Retryable),
        (_part(b"{}", 7, 9), Retryable),
        (_part(b"no object\n", 0, 10), Retryable),
        (_part(b"[1]\n", 0, 4), Retryable),
    ],
)
def test_a_file_that_is_no_such_file_is_read_again(answer: Answer, error: type[Exception]) -> None:
    with pytest.raises(error):
        bulk.read(_File(answer), "https://files.example/1", 0)  # type: ignore[arg-type]


def test_the_children_of_an_order_go_to_it_and_the_last_order_waits_for_its_own() -> None:
    first = _line(id="gid://shopify/Order/1") + _line(id="gid://shopify/LineItem/1", __parentId="gid://shopify/Order/1")
    part = _line(id="gid://shopify/FulfillmentOrder/1", __parentId="gid://shopify/Order/1")
    part += _line(id="gid://shopify/FulfillmentOrderLineItem/1", __parentId="gid://shopify/FulfillmentOrder/1")
    second = _line(id="gid://shopify/Order/2")
    body = first + part + second
    piece = bulk.read(_File(_part(body, 0, len(body) + 10)), "https://files.example/1", 0)  # type: ignore[arg-type]
    (order,) = piece.orders
    assert [line["id"] for line in order["lineItems"]] == ["gid://shopify/LineItem/1"]
    assert [line["id"] for line in order["fulfillmentOrders"][0]["lineItems"]] == ["gid://shopify/FulfillmentOrderLineItem/1"]
    assert piece.next == len(first + part)


def test_an_order_of_over_four_mebibytes_is_refused() -> None:
    sizes = [256 * 1024 * 4**power for power in range(3)]
    answers = [_part(b"x" * size, 0, 10**9) for size in sizes]
    with pytest.raises(Refused, match="over 4 MiB"):
        bulk.read(_File(*answers), "https://files.example/1", 0)  # type: ignore[arg-type]


def test_the_search_is_in_whole_seconds_of_utc() -> None:
    at = datetime(2026, 1, 31, 12, 0, 0, 999999, UTC)
    assert listing.search(at, at + HOUR) == "created_at:>='2026-01-31T12:00:00Z' created_at:<'2026-01-31T13:00:00Z'"
    assert "created_at" in documents.bulk_orders(listing.search(at, at + HOUR))
