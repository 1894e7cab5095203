"""Whole orders of a window of time, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.orders import Order
from connector.platform import OrderPage, Refused, Shop
from platforms.http import Http
from platforms.woocommerce.client import read_all, read_list, total
from platforms.woocommerce.normalize import DRAFTS, order_from

_SECOND = timedelta(seconds=1)
_PER_PAGE = 50  # whole orders are heavy for the shop's PHP; 100 ran into its memory limit on small hosts


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: the second of placing, the page within it, and ids of that second that were given already."""

    start: datetime
    page: int = 1
    given: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.start.isoformat()}|{self.page}|{','.join(sorted(self.given, key=int))}"


def count_orders(http: Http, shop: Shop, since: datetime, until: datetime) -> int | None:
    """The shop's own count (X-WP-Total of a first page, which is right in all versions), with drafts, without trash."""
    return total(http, shop, "orders", {**_window(since, until), "per_page": "1", "_fields": "id"})


def list_orders(http: Http, shop: Shop, since: datetime, until: datetime, cursor: str) -> OrderPage:
    """One page of whole orders placed in the window (see `connector.platform.OrderPage`).

    The next page starts at the second at which this one ended, without the orders of that second that were given: an order
    that is deleted meanwhile moves the numbered pages up by one, and one at a page's edge would be missed. Only a second
    with more than a page of orders is turned by number. Times without an offset, as `dates_are_gmt` needs them.
    """
    place = _parsed(since, cursor)
    found = read_list(http, shop, "orders", _params(place, until))
    fresh = [entry for entry in found if str(entry.get("id")) not in place.given]
    return _judged(http, shop, fresh, _next(place, found))


def _judged(http: Http, shop: Shop, found: list[dict[str, Any]], following: str) -> OrderPage:
    orders: list[Order] = []
    left_out: list[tuple[str, str]] = []
    unreadable: list[tuple[str, str]] = []
    for document in found:
        order_id = str(document.get("id", ""))
        if document.get("status") in DRAFTS:
            left_out.append((order_id, "A draft: it is an order only when it is placed."))
            continue
        try:
            refunds = list(read_all(http, shop, f"orders/{order_id}/refunds")) if document.get("refunds") else []
            orders.append(order_from(shop, document, refunds))
        except (Malformed, Refused) as error:
            unreadable.append((order_id, str(error)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            unreadable.append((order_id, f"The shop's order lacks what every order has ({error!r})."))
    return OrderPage(tuple(orders), tuple(left_out), tuple(unreadable), following)


def _window(since: datetime, until: datetime) -> dict[str, str]:
    """`after` and `before` are exclusive at a resolution of one second (10.5.0), so one second is taken off the first."""
    return {"after": _plain(since - _SECOND), "before": _plain(until), "dates_are_gmt": "true"}


def _plain(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _params(place: _Place, until: datetime) -> dict[str, str]:
    paging = {"orderby": "date", "order": "asc", "per_page": str(_PER_PAGE), "page": str(place.page)}
    return {**_window(place.start, until), **paging}


def _parsed(since: datetime, cursor: str) -> _Place:
    if not cursor:
        return _Place(since.astimezone(UTC).replace(microsecond=0))
    start, page, given = cursor.split("|")
    return _Place(datetime.fromisoformat(start), int(page), frozenset(filter(None, given.split(","))))


def _next(place: _Place, found: list[dict[str, Any]]) -> str:
    """A short page ends the walk: the totals in the headers differ between versions."""
    if len(found) < _PER_PAGE:
        return ""
    placed = [(_placed(entry), str(entry.get("id"))) for entry in found]
    newest = max(at for at, _ in placed)
    if newest <= place.start:
        return str(_Place(place.start, place.page + 1, place.given))
    return str(_Place(newest, 1, frozenset(order_id for at, order_id in placed if at == newest)))


def _placed(entry: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(entry.get("date_created_gmt", ""))).replace(tzinfo=UTC)
    except ValueError:
        raise Malformed(f"Order {entry.get('id')} has no creation date.", "Open and save it in the shop.") from None
