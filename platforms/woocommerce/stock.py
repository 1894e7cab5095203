"""The one quantity the shop keeps of each product, read and set.

WooCommerce has no compare-and-set: `stock_quantity` is an absolute number, so the quantity is read just before and the
answer to the write is read as well. A product that does not manage stock answers 200 and keeps its null (10.5.0).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.platform import WHOLE_SHOP, Change, Level, Shop, Spot, Written
from platforms.http import Http
from platforms.woocommerce.client import PER_PAGE, Absent, read_list, write

MOST = 50  # a batch takes 100, but its items run one after the other in one PHP request with a time limit
_UNMANAGED = "WooCommerce does not manage the stock of this product: tick “Track stock quantity” for it in the shop."
_FIELDS = "id,manage_stock,stock_quantity"


def levels(http: Http, shop: Shop, spots: Sequence[Spot]) -> Mapping[Spot, Level]:
    """The quantities of these units: products by id, variations at their parent."""
    found: dict[Spot, Level] = {}
    for path, units in _by_list(spots).items():
        for start in range(0, len(units), PER_PAGE):
            some = dict(list(units.items())[start : start + PER_PAGE])
            params = {"include": ",".join(some), "per_page": str(PER_PAGE), "_fields": _FIELDS}
            found.update({some[str(row["id"])]: _level(row) for row in _rows(http, shop, path, params) if str(row["id"]) in some})
    return found


def _rows(http: Http, shop: Shop, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        return read_list(http, shop, path, params)
    except Absent:  # the parent was deleted, and its variations with it
        return []


def _level(row: Mapping[str, Any]) -> Level:
    quantity = row.get("stock_quantity")
    if row.get("manage_stock") is not True or not isinstance(quantity, int):
        return Level(None, _UNMANAGED)
    return Level(quantity)


def publish(http: Http, shop: Shop, key: str, changes: Sequence[Change]) -> dict[Spot, tuple[Written, str]]:
    """Set the quantities, a batch for the products and one for each parent. Done is what the answer shows as done.

    There are no idempotency keys: a batch whose answer was lost is not sent again but compared again.
    """
    quantities = {change.spot: change.quantity for change in changes}
    ends: dict[Spot, tuple[Written, str]] = {}
    for path, units in _by_list([change.spot for change in changes]).items():
        wanted = {"update": [{"id": int(unit), "stock_quantity": quantities[spot]} for unit, spot in units.items()]}
        answered = write(http, shop, "POST", f"{path}/batch", wanted).get("update")
        rows = {str(row.get("id")): row for row in answered if isinstance(row, dict)} if isinstance(answered, list) else {}
        ends.update({spot: _end(rows.get(unit), quantities[spot]) for unit, spot in units.items()})
    return ends


def _end(row: Mapping[str, Any] | None, quantity: int) -> tuple[Written, str]:
    """A batch answers 200 with an error in place of each item that failed."""
    if row is None:
        return Written.SKIPPED, ""
    error = row.get("error")
    if isinstance(error, Mapping):
        return Written.REFUSED, f"WooCommerce says: {str(error.get('message', ''))[:200]}"
    if row.get("manage_stock") is not True:
        return Written.REFUSED, _UNMANAGED
    return (Written.DONE, "") if row.get("stock_quantity") == quantity else (Written.STALE, "")


def _by_list(spots: Sequence[Spot]) -> dict[str, dict[str, Spot]]:
    """The list each unit is in -> its id there -> the spot. A unit is "12", or "99/101" for variation 101 of product 99."""
    lists: dict[str, dict[str, Spot]] = defaultdict(dict)
    for spot, parent, number in _parsed(spots):
        lists[f"products/{parent}/variations" if parent else "products"][number] = spot
    return lists


def _parsed(spots: Sequence[Spot]) -> Iterator[tuple[Spot, str, str]]:
    for spot in spots:
        parent, _, number = spot.unit_id.rpartition("/")
        if spot.location == WHOLE_SHOP and number.isdecimal() and (not parent or parent.isdecimal()):
            yield spot, parent, number
