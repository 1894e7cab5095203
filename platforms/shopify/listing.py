"""Whole orders of a window of time: by a bulk operation, or page by page where there are few or the bulk operation fails.

The cursor says which: "bulk <operation> <offset in its file>" or "page <Shopify's cursor>".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.orders import Order
from connector.platform import OrderPage, Refused, Shop, Throttled
from platforms.http import Http
from platforms.shopify import bulk, documents
from platforms.shopify.client import UserErrors, ask, tell
from platforms.shopify.normalize import to_order
from platforms.shopify.pieces import promised_form
from platforms.shopify.reading import Caller, completed, read_order, still_routing

logger = logging.getLogger(__name__)

_FEW_ORDERS = 25  # one by one a store gives one or two a second; a bulk operation has made its file of many more by then
_LONGEST_PAGE_SECONDS = 3.0  # then a page ends where it is: the worker that reads it has other shops to serve
_FIRST_WAIT_SECONDS = 2.0
_WAIT_SECONDS = 5.0
_UNDECIDED = "Shopify has not yet said which location fulfills it; its webhook brings it in."
_UNDER_WAY = frozenset({"CREATED", "RUNNING", "CANCELING"})


def count_orders(http: Http, shop: Shop, since: datetime, until: datetime) -> int | None:
    """Shopify's own count of the window. Beyond 60 days it needs the permission read_all_orders, as the orders do."""
    counted = ask(http, shop, documents.ORDER_COUNT, query=search(since, until))["ordersCount"]
    return int(counted["count"]) if counted else None


def list_orders(http: Http, now: Callable[[], datetime], shop: Shop, since: datetime, until: datetime, cursor: str) -> OrderPage:
    """One page of whole orders placed in the window (see `connector.platform.OrderPage`)."""
    way, _, place = cursor.partition(" ")
    if way == "bulk":
        return _bulk_page(http, now, shop, place)
    if way == "page" or (count_orders(http, shop, since, until) or 0) <= _FEW_ORDERS:
        return _page(http, now, shop, search(since, until), place)
    return _begun(http, shop, since, until)


def search(since: datetime, until: datetime) -> str:
    """The window in Shopify's search syntax."""
    return f"created_at:>='{_stamp(since)}' created_at:<'{_stamp(until)}'"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _begun(http: Http, shop: Shop, since: datetime, until: datetime) -> OrderPage:
    """Start the bulk operation; five may run in a store at a time, so another app's can be in the way."""
    try:
        started = tell(http, shop, documents.BULK_RUN, query=documents.bulk_orders(search(since, until)))
    except UserErrors as error:
        logger.warning("Shopify starts no bulk operation (%s): its orders are read page by page.", error.message)
        return OrderPage(next="page ", wait_seconds=1.0)
    return OrderPage(next=f"bulk {started['bulkOperation']['id']} 0", wait_seconds=_FIRST_WAIT_SECONDS)


def _bulk_page(http: Http, now: Callable[[], datetime], shop: Shop, place: str) -> OrderPage:
    operation, _, offset = place.partition(" ")
    state = ask(http, shop, documents.BULK_STATE, id=operation)["bulkOperation"] or {"status": "EXPIRED"}
    if state["status"] in _UNDER_WAY:
        return OrderPage(next=f"bulk {place}", wait_seconds=_WAIT_SECONDS)
    if state["status"] != "COMPLETED":
        logger.warning("Shopify's bulk operation ended as %s: its orders are read page by page.", state["status"])
        return OrderPage(next="page ", wait_seconds=1.0)
    if not state["url"]:
        return OrderPage()  # nothing fits the search
    piece = bulk.read(http, state["url"], int(offset))
    following = f"bulk {operation} {piece.next}" if piece.next is not None else ""
    return _judged(http, now, shop, piece.orders, following)


def _page(http: Http, now: Callable[[], datetime], shop: Shop, query: str, after: str) -> OrderPage:
    page = ask(http, shop, documents.ORDER_IDS, query=query, after=after or None)["orders"]
    found, following = _read_some(http, shop, page["edges"])
    following = following or (page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else "")
    return _judged(http, now, shop, found, f"page {following}" if following else "")


def _read_some(http: Http, shop: Shop, edges: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """The orders, and after which cursor to go on where the time or the store's limit was used up before the last one."""
    end = time.monotonic() + _LONGEST_PAGE_SECONDS
    found: list[dict[str, Any]] = []
    before = ""
    for edge in edges:
        if before and time.monotonic() > end:
            return found, before
        try:
            order = read_order(http, shop, edge["node"]["id"])
        except Throttled:
            if not before:
                raise
            return found, before
        found += [order] if order else []
        before = edge["cursor"]
    return found, ""


def _judged(
    http: Http, now: Callable[[], datetime], shop: Shop, documents_found: list[dict[str, Any]], following: str
) -> OrderPage:
    """Each order normalized; one that cannot be read is named and stops nothing."""
    orders: list[Order] = []
    left_out: list[tuple[str, str]] = []
    unreadable: list[tuple[str, str]] = []
    call = Caller(http, shop)
    for found in documents_found:
        try:
            with promised_form():
                whole = completed(call, found)
                undecided = still_routing(whole, now())
            if undecided:
                left_out.append((whole["id"], _UNDECIDED))
            else:
                orders.append(to_order(whole))
        except (Malformed, Refused) as error:
            unreadable.append((str(found.get("id", "")), str(error)))
    return OrderPage(tuple(orders), tuple(left_out), tuple(unreadable), following)
