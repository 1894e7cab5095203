"""What the store has on hand at each of its locations, read and set by absolute adjustments.

Writes are accepted at once and applied a little later, so a read soon after may show the old level; the order of two writes
of one item at one location is not defined. Relative adjustments are refused before a first absolute one, and never used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.platform import Change, Level, Retryable, Shop, Spot, Written
from platforms.bigcommerce import client
from platforms.bigcommerce.normalize import count
from platforms.http import Http

MOST = 200  # a request takes 2000; the platform asks for one bulk write at a time, and one bad item refuses the whole
SETTLES_SECONDS = 5.0
_UNITS_AT_ONCE = 100
_PRODUCT = "product/"
_SUBTRACTS_AGAIN = (
    "BigCommerce lowers stock{where} when an order is completed or shipped, so what was published before would be subtracted "
    "again: set “Update stock levels” to when an order is placed, under Settings > Inventory{there}."
)
_REMEMBERED_SECONDS = 3600.0
_NEWEST_ORDERS = "50"


@dataclass(frozen=True, slots=True)
class Channels:
    """Through which channels the stores sell, remembered for an hour. Safe for threads."""

    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, tuple[int, ...]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, http: Http, shop: Shop) -> tuple[int, ...]:
        """The store's default channel and those of its newest orders: their list itself needs a permission that nothing else
        of ours does, and what sells nothing lowers no stock."""
        with self._lock:
            until, known = self._known.get(shop.address, (0.0, ()))
        if self.clock() >= until:
            known = _channels(http, shop)
            with self._lock:
                self._known[shop.address] = self.clock() + _REMEMBERED_SECONDS, known
        return known


def _channels(http: Http, shop: Shop) -> tuple[int, ...]:
    newest = client.read_list(http, shop, "v2/orders", {"sort": "date_created:desc", "limit": _NEWEST_ORDERS})
    found = [client.read_object(http, shop, "v2/store").get("default_channel_id"), *(row.get("channel_id") for row in newest)]
    return tuple(sorted({channel for channel in found if isinstance(channel, int)}))


def obstacle(http: Http, channels: Channels, shop: Shop) -> str:
    """Why nothing may be published: with `order_completed_or_shipped` our own word Completed would lower stock once more.

    Orders of a channel follow its own setting (null: the store's), manual orders the store's. One stock serves all.
    """
    if _subtracts_again(http, shop, {}):
        return _SUBTRACTS_AGAIN.format(where="", there="")
    wrong = [str(one) for one in channels.of(http, shop) if _subtracts_again(http, shop, {"channel_id": str(one)})]
    named = f" of channel {', '.join(wrong)}"
    return _SUBTRACTS_AGAIN.format(where=f" for orders{named}", there=named) if wrong else ""


def _subtracts_again(http: Http, shop: Shop, params: Mapping[str, str]) -> bool:
    answer = client.read(http, shop, "v3/settings/inventory", params)
    settings = answer.get("data") if isinstance(answer, dict) else None
    behavior = settings.get("update_stock_behavior") if isinstance(settings, dict) else None
    return behavior not in (None, "order_placed")


def levels(http: Http, shop: Shop, spots: Sequence[Spot]) -> Mapping[Spot, Level]:
    """What can be sold at these spots: on hand less the safety stock, which BigCommerce keeps back by itself."""
    wanted = set(spots)
    found: dict[Spot, Level] = {}
    for name, prefix in (("variant_id:in", ""), ("product_id:in", _PRODUCT)):
        ids = _ids(spots, prefix)
        for start in range(0, len(ids), _UNITS_AT_ONCE):
            some = ids[start : start + _UNITS_AT_ONCE]
            for row in client.v3_rows(http, shop, "v3/inventory/items", {name: ",".join(some)}):
                found.update(_levels(row, name.partition(":")[0], prefix))
    return {spot: level for spot, level in found.items() if spot in wanted}


def _ids(spots: Sequence[Spot], prefix: str) -> list[str]:
    named = [spot.unit_id.removeprefix(prefix) for spot in spots if spot.unit_id.startswith(_PRODUCT) == bool(prefix)]
    return list(dict.fromkeys(named))


def _levels(row: client.Row, identity: str, prefix: str) -> dict[Spot, Level]:
    named = row.get("identity")
    unit = f"{prefix}{named.get(identity)}" if isinstance(named, dict) else ""
    places = [place for place in row.get("locations") or () if isinstance(place, dict)]
    return {Spot(unit, str(place.get("location_id"))): _level(place) for place in places}


def _level(place: Mapping[str, Any]) -> Level:
    settings = place.get("settings")
    held_back = count(settings.get("safety_stock")) if isinstance(settings, dict) else 0
    return Level(_whole(place.get("total_inventory_onhand")) - held_back, held_back=held_back)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def publish(http: Http, shop: Shop, key: str, changes: Sequence[Change]) -> dict[Spot, tuple[Written, str]]:
    """One absolute adjustment of all; Refused (422) for the whole where one item is not valid. The answer is a transaction
    id only: whether it was applied shows when the levels are read again."""
    items = [{**_identity(change.spot), "quantity": change.quantity + change.held_back} for change in changes]
    wanted = {"reason": f"published {key}", "items": items}
    answered = client.write(http, shop, "PUT", "v3/inventory/adjustments/absolute", wanted)
    if not isinstance(answered, dict):
        raise Retryable("BigCommerce's answer does not say whether it was done.", "It is tried again.", effect_unknown=True)
    return {change.spot: (Written.DONE, "") for change in changes}


def _identity(spot: Spot) -> dict[str, int]:
    """Exactly one identity is allowed: the product only where it is tracked as a whole."""
    name = "product_id" if spot.unit_id.startswith(_PRODUCT) else "variant_id"
    return {name: int(spot.unit_id.removeprefix(_PRODUCT)), "location_id": int(spot.location)}
