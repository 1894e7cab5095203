"""Reading orders from BigCommerce: one by its id, and those changed since a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from connector.domain.orders import Order
from connector.platform import ChangedPage, Refused, Retryable, Shop
from platforms.bigcommerce import client, normalize, payment
from platforms.bigcommerce.normalize import Remote
from platforms.http import Http

# Without the second parameter BigCommerce answers an old shape of the consignments that it no longer supports; without `fees`
# in the first, a link instead of the fees that are part of the total.
WHOLE = {"include": "consignments,consignments.line_items,fees", "consignment_structure": "object"}
_PAGE_ROWS = 250
_INCOMPLETE = 0


def fetch_order(http: Http, shop: Shop, order_id: str) -> Order | None:
    """The order as it stands now; None where there is none: unknown, archived, or not yet an order (Incomplete, Pending)."""
    if not order_id.isascii() or not order_id.isdigit():
        return None
    try:
        order = read_order(http, shop, order_id)
    except client.Missing:
        return None
    if order.get("status_id") in normalize.NOT_YET_ORDERS or order.get("is_deleted") is True:
        return None
    return normalize.order_of(whole(http, shop, order), shop.settings)


def read_order(http: Http, shop: Shop, order_id: str) -> client.Row:
    """The order with its fees, its consignments and up to 50 lines; Missing where it is not there, Retryable for another one."""
    found = client.read_object(http, shop, f"v2/orders/{order_id}", WHOLE)
    if str(found.get("id")) != order_id:
        raise Retryable("BigCommerce answered with another order.", "It is tried again by itself.")
    return found


def read_lines(http: Http, shop: Shop, order: client.Row) -> list[normalize.Row]:
    """All lines of an order, however many: those that came with it, or every page of its products; sorted by their id,
    so that an order looks the same whichever way it was read."""
    lines: Iterable[normalize.Row] | None = normalize.side_loaded_lines(order)
    if lines is None:
        lines = client.v2_rows(http, shop, f"v2/orders/{order['id']}/products")
    return sorted(lines, key=lambda line: normalize.count(line.get("id")))


def read_pickups(http: Http, shop: Shop, *order_ids: object) -> list[client.Row]:
    """The pickup records of these orders. BigCommerce ignores a filter it does not understand, so the rows are checked."""
    wanted = [str(order_id) for order_id in order_ids]
    rows = client.v3_list(http, shop, "v3/orders/pickups", {"order_id:in": ",".join(wanted)})
    return [row for row in rows if str(row.get("order_id")) in wanted]


def whole(http: Http, shop: Shop, order: client.Row, pickups: Sequence[client.Row] | None = None) -> Remote:
    """The order with all that belongs to it; `pickups` are its pickup records where they were read already.

    Further calls are made only for what the order leaves open: the rate limit is shared by every app of the store.
    """
    path = f"v3/orders/{order['id']}/transactions"
    if pickups is None:
        pickups = read_pickups(http, shop, order["id"]) if normalize.pickup_consignments(order) else ()
    return Remote(
        order=order,
        lines=tuple(read_lines(http, shop, order)),
        transactions=() if payment.is_decided(order) else tuple(client.v3_rows(http, shop, path)),
        pickups=tuple(pickups),
    )


def changed_orders(http: Http, shop: Shop, since: datetime, cursor: str) -> ChangedPage:
    """Ids of orders modified at or after `since`, oldest first.

    The cursor names the newest time seen, not a page number: an order modified while we page moves to the end and
    would push another one over a page's edge, unseen. Only orders sharing one second are paged by number. Abandoned
    payment pages (Incomplete) are left out.
    """
    start, page = _position(since, cursor)
    params = {"min_date_modified": format_datetime(start), "sort": "date_modified:asc"}
    rows = _rows(http, shop, {**params, "page": str(page), "limit": str(_PAGE_ROWS)})
    times = [normalize.moment(row.get("date_modified") or row.get("date_created")) for row in rows]
    if any(time < start for time in times):
        raise Refused("BigCommerce ignored the filter by modification time.", "Report it: the whole history came back.")
    found = tuple((str(row["id"]), time) for row, time in zip(rows, times, strict=True) if row.get("status_id") != _INCOMPLETE)
    return ChangedPage(found, _next(start, page, times))


def _rows(http: Http, shop: Shop, params: dict[str, str]) -> list[client.Row]:
    return [row for row in client.read_list(http, shop, "v2/orders", params) if row.get("id")]


def _position(since: datetime, cursor: str) -> tuple[datetime, int]:
    if not cursor:
        return since.astimezone(UTC).replace(microsecond=0), 1
    seconds, _, page = cursor.partition("/")
    return datetime.fromtimestamp(int(seconds), UTC), int(page)


def _next(start: datetime, page: int, times: list[datetime]) -> str:
    if len(times) < client.DEFAULT_PAGE_ROWS:
        return ""
    newest = max(times)
    return f"{int(newest.timestamp())}/1" if newest > start else f"{int(start.timestamp())}/{page + 1}"
