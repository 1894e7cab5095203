"""Whole orders of a window of time, by ascending id."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from email.utils import format_datetime

from connector.domain.errors import Malformed
from connector.domain.orders import Order
from connector.platform import OrderPage, Refused, Shop
from platforms.bigcommerce import client, normalize
from platforms.bigcommerce.orders import WHOLE, read_pickups, whole
from platforms.http import Http

_PAGE_ROWS = 50  # whole orders: up to some 30 KB each, against the cap on an answer
_NOT_YET = "Incomplete or pending: the customer has not ordered it."


def count_orders(http: Http, shop: Shop, since: datetime, until: datetime) -> int | None:
    """BigCommerce's own count of the window, with incomplete orders and without archived ones."""
    number = client.read_object(http, shop, "v2/orders/count", _window(since, until)).get("count")
    return number if isinstance(number, int) else None


def list_orders(http: Http, shop: Shop, since: datetime, until: datetime, cursor: str) -> OrderPage:
    """One page of whole orders placed in the window (see `connector.platform.OrderPage`).

    The cursor is the id to go on with: pages by number would lose an order when one before it is archived meanwhile.
    Refused where a filter was ignored, as BigCommerce ignores those it cannot read.
    """
    least = int(cursor or 1)
    params = {**_window(since, until), **WHOLE, "min_id": str(least), "sort": "id:asc", "limit": str(_PAGE_ROWS)}
    rows = client.read_list(http, shop, "v2/orders", params)
    ids = [normalize.count(row.get("id")) for row in rows]
    if any(order_id < least for order_id in ids):
        raise Refused("BigCommerce ignored the filter by id.", "Report it: earlier orders came again.")
    return _judged(http, shop, rows, str(max(ids) + 1) if len(rows) >= _PAGE_ROWS else "")


def _window(since: datetime, until: datetime) -> dict[str, str]:
    """Both ends are inclusive; a second is the unit."""
    last = until.astimezone(UTC).replace(microsecond=0)
    return {"min_date_created": format_datetime(since.astimezone(UTC)), "max_date_created": format_datetime(last)}


def _judged(http: Http, shop: Shop, rows: list[client.Row], following: str) -> OrderPage:
    orders: list[Order] = []
    left_out: list[tuple[str, str]] = []
    unreadable: list[tuple[str, str]] = []
    pickups = _pickups(http, shop, rows)
    for row in rows:
        order_id = str(row.get("id", ""))
        try:
            is_order = row.get("status_id") not in normalize.NOT_YET_ORDERS
            remote = whole(http, shop, row, pickups.get(order_id, [])) if is_order else None
            order = normalize.order_of(remote, shop.settings) if remote else None
        except (Malformed, Refused) as error:
            unreadable.append((order_id, str(error)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            unreadable.append((order_id, f"BigCommerce's order lacks what every order has ({error!r})."))
        else:
            orders += [order] if order else []
            left_out += [] if order else [(order_id, _NOT_YET)]
    return OrderPage(tuple(orders), tuple(left_out), tuple(unreadable), following)


def _pickups(http: Http, shop: Shop, rows: list[client.Row]) -> dict[str, list[client.Row]]:
    """The pickup records of a page's orders by order id, in one call."""
    collected = [row["id"] for row in rows if _is_collected(row)]
    found: dict[str, list[client.Row]] = defaultdict(list)
    for pickup in read_pickups(http, shop, *collected) if collected else ():
        found[str(pickup.get("order_id"))].append(pickup)
    return found


def _is_collected(row: client.Row) -> bool:
    try:
        return row.get("status_id") not in normalize.NOT_YET_ORDERS and bool(normalize.pickup_consignments(row))
    except (Malformed, KeyError, TypeError, ValueError, AttributeError):
        return False  # it is named as unreadable where it is normalized
