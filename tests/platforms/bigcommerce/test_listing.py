"""Whole orders by ascending id: short and last pages, pickups, rows that are no orders, poison, a filter that is ignored."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.platform import OrderPage, Refused
from platforms.bigcommerce import client, listing
from tests.platforms.bigcommerce.conftest import Bench

DAY = timedelta(days=1)


def _pages(bench: Bench) -> list[OrderPage]:
    now = datetime.now(UTC)
    pages, cursor = [], ""
    while not pages or cursor:
        pages.append(bench.platform.list_orders(bench.shop, now - DAY, now + DAY, cursor))
        cursor = pages[-1].next
        assert len(pages) < 20
    return pages


def _ids(pages: list[OrderPage]) -> list[str]:
    return [order.external_id for page in pages for order in page.orders]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (3, 1), (4, 2), (9, 3)])
def test_every_order_comes_once(bench: Bench, monkeypatch: pytest.MonkeyPatch, count: int, pages: int) -> None:
    monkeypatch.setattr(listing, "_PAGE_ROWS", 4)
    placed = [bench.place(("MAR-TS-S", 1)) for _ in range(count)]
    found = _pages(bench)
    assert (_ids(found), len(found)) == (placed, pages)
    now = datetime.now(UTC)
    assert bench.platform.count_orders(bench.shop, now - DAY, now + DAY) == count


def test_an_order_that_is_archived_meanwhile_hides_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_PAGE_ROWS", 2)
    placed = [bench.place(("MAR-TS-S", 1)) for _ in range(4)]
    now = datetime.now(UTC)
    first = bench.platform.list_orders(bench.shop, now - DAY, now + DAY, "")
    bench.change(placed[0], is_deleted=True)
    later = bench.platform.list_orders(bench.shop, now - DAY, now + DAY, first.next)
    assert _ids([first, later]) == placed


def test_only_the_window_comes(bench: Bench) -> None:
    old, new = (bench.place(("MAR-TS-S", 1)) for _ in range(2))
    bench.change(old, date_created=int(time.time()) - 3 * 86400)
    assert _ids(_pages(bench)) == [new]


def test_a_list_shows_an_order_as_it_is_read_by_itself(bench: Bench) -> None:
    placed = [
        bench.place(("MAR-TS-S", 2)),
        bench.place(("MAR-TS-S", 1), pickup="vieux-port"),
        bench.place(("MAR-TS-S", 1), paid=False),
    ]
    (page,) = _pages(bench)
    assert [bench.platform.fetch_order(bench.shop, order_id) for order_id in placed] == list(page.orders)


def test_what_is_not_yet_an_order_is_left_out_and_a_poisoned_one_is_named(bench: Bench) -> None:
    good, incomplete, bad, after = (bench.place(("MAR-TS-S", 1)) for _ in range(4))
    bench.change(incomplete, status_id=0)
    page = _with_poison(bench, bad, client.read_list)
    assert _ids([page]) == [good, after]
    assert [order_id for order_id, _ in page.left_out] == [incomplete]
    assert [order_id for order_id, _ in page.unreadable] == [bad]


def test_a_filter_that_is_ignored_is_no_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """BigCommerce ignores what it cannot read and answers with everything: that would never end."""
    for _ in range(2):
        bench.place(("MAR-TS-S", 1))
    now = datetime.now(UTC)
    honest = client.read_list
    monkeypatch.setattr(client, "read_list", lambda http, shop, path, params: honest(http, shop, path, {**params, "min_id": "1"}))
    with pytest.raises(Refused, match="ignored the filter"):
        bench.platform.list_orders(bench.shop, now - DAY, now + DAY, "102")


def _with_poison(bench: Bench, order_id: str, honest: Any) -> OrderPage:
    """The list, in which this order has neither a date nor an amount."""
    now = datetime.now(UTC)

    def poisoned(*args: Any) -> list[Any]:
        return [
            {**row, "date_created": None, "total_inc_tax": {}} if str(row["id"]) == order_id else row for row in honest(*args)
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "read_list", poisoned)
        return bench.platform.list_orders(bench.shop, now - DAY, now + DAY, "")
