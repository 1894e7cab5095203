"""Reading orders: one by its id, and those that were modified since a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.orders import Order
from connector.platform import ChangedPage, RemoteLocation, Retryable, Shop
from platforms.http import Http
from platforms.woocommerce.client import PER_PAGE, Absent, read, read_all, read_list
from platforms.woocommerce.normalize import DRAFTS, order_from, pickup_place

_SECOND = timedelta(seconds=1)


def fetch_order(http: Http, shop: Shop, order_id: str) -> Order | None:
    """The order as it stands, with what was refunded taken off its lines; None where it is gone, or only a draft yet."""
    document = find(http, shop, order_id)
    if document is None or document.get("status") in DRAFTS:
        return None
    refunds = list(read_all(http, shop, f"orders/{order_id}/refunds")) if document.get("refunds") else []
    return order_from(shop, document, refunds)


def find(http: Http, shop: Shop, order_id: str) -> dict[str, Any] | None:
    """The order's representation, or None where the shop knows none by this id; Retryable for another order's."""
    if not (order_id.isascii() and order_id.isdigit()):
        return None
    try:
        found = read(http, shop, f"orders/{order_id}")
    except Absent:
        return None
    if str(found.get("id")) != order_id:
        remedy = "If it lasts, let no cache of the shop's host keep what /wp-json/ answers."
        raise Retryable("The shop answered with another order.", remedy)
    return found


def changed_orders(http: Http, shop: Shop, since: datetime, cursor: str) -> ChangedPage:
    """Orders modified at or after `since`, oldest first, without drafts.

    `modified_after` is exclusive at a resolution of one second (10.5.0), so one second is taken off. An order modified
    while we read moves to the end and all pages behind it move up by one; so the next page starts where this one ended
    (its last second again) instead of by its number. Only a second with more than a page of orders is turned by number.
    The cursor is "<since>|<page>". A short page ends the walk: the totals in the headers differ between versions.
    """
    start, page = _cursor(since, cursor)
    found = read_list(http, shop, "orders", _changed_params(start, page))
    modified = [(entry, _modified(entry)) for entry in found]
    ids = tuple((str(entry.get("id", "")), at) for entry, at in modified if entry.get("status") not in DRAFTS)
    if len(found) < PER_PAGE:
        return ChangedPage(ids)
    newest = modified[-1][1]
    following = f"{newest.isoformat()}|1" if newest > start else f"{start.isoformat()}|{page + 1}"
    return ChangedPage(ids, following)


def locations(http: Http, shop: Shop) -> tuple[RemoteLocation, ...]:
    """The pickup places that the newest orders name. WooCommerce itself has no locations and its keys cannot read the
    list of pickup places, so a place shows here after somebody chose it once; its name is all there is of it."""
    newest = read_list(http, shop, "orders", {"per_page": str(PER_PAGE), "_fields": "id,shipping_lines"})
    methods = [method for order in newest for method in order.get("shipping_lines") or () if isinstance(method, dict)]
    names = sorted({place for method in methods if (place := pickup_place(shop, method))})
    return tuple(RemoteLocation(external_id=name, name=name) for name in names)


def _cursor(since: datetime, cursor: str) -> tuple[datetime, int]:
    start, _, page = cursor.partition("|")
    if not cursor:
        return since.astimezone(UTC).replace(microsecond=0), 1
    return datetime.fromisoformat(start), int(page)


def _changed_params(start: datetime, page: int) -> dict[str, str]:
    return {
        "orderby": "modified",
        "order": "asc",
        "modified_after": (start - _SECOND).strftime("%Y-%m-%dT%H:%M:%S"),
        "dates_are_gmt": "true",
        "per_page": str(PER_PAGE),
        "page": str(page),
        "_fields": "id,status,date_modified_gmt",
    }


def _modified(entry: dict[str, Any]) -> datetime:
    try:
        found = datetime.fromisoformat(str(entry.get("date_modified_gmt", "")))
    except ValueError:
        raise Malformed(f"Order {entry.get('id')} has no modification date.", "Open and save it in the shop.") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
