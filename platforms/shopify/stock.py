"""What the store shows as available at each of its locations, and setting it by compare-and-set.

Shopify lowers `available` itself when an order is placed and when we commit we do the same, so `available` is the figure
that is compared and set, never `on_hand`. A quantity is only taken where it still is what was read (`changeFromQuantity`),
and an idempotency key makes a repeated call one effect (both required at run time since 2026-04).
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.platform import Change, Level, Shop, Spot, Written
from platforms.http import Http
from platforms.shopify import goods_documents
from platforms.shopify.client import UserErrors, ask, tell

MOST = 100  # Shopify takes 250 in an array; a smaller push is sooner done and loses less to one stale quantity
_ITEMS_AT_ONCE = 100
_STALE = "CHANGE_FROM_QUANTITY_STALE"
# The whole push is tried anew, under a new key, after reading again.
_AGAIN = frozenset({"IDEMPOTENCY_CONCURRENT_REQUEST", "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"})
_UNTRACKED = "Shopify does not track the quantity of this item: turn “Track quantity” on for it in Shopify's admin."
_INDEX = re.compile(r"\d+")

Ends = dict[Spot, tuple[Written, str]]


def levels(http: Http, shop: Shop, spots: Sequence[Spot]) -> Mapping[Spot, Level]:
    """What is available at these spots, by location and 100 items a call. Items that were deleted are left out."""
    found: dict[Spot, Level] = {}
    units: dict[str, list[str]] = defaultdict(list)
    for spot in spots:
        units[spot.location].append(spot.unit_id)
    for location, ids in units.items():
        for some in _chunks(ids, _ITEMS_AT_ONCE):
            nodes = ask(http, shop, goods_documents.LEVELS, ids=some, location=location)["nodes"]
            found.update({Spot(node["id"], location): _level(node) for node in nodes if node and node.get("id")})
    return found


def _level(node: Mapping[str, Any]) -> Level:
    if not node["tracked"]:
        return Level(None, _UNTRACKED)
    stocked = node["inventoryLevel"]
    quantities = stocked["quantities"] if stocked else []
    return Level(next((row["quantity"] for row in quantities if row["name"] == "available"), None))


def publish(http: Http, shop: Shop, key: str, changes: Sequence[Change]) -> Ends:
    """Set all quantities in one call, or none where one of them is refused; then the ends say which. An item that is not
    stocked at a location yet is activated there. UserErrors where Shopify refuses without naming a quantity."""
    setting = [change for change in changes if change.seen is not None]
    ends = _set(http, shop, key, setting) if setting else {}
    for change in changes:
        if change.seen is None:
            ends[change.spot] = _activate(http, shop, key, change)
    return ends


def _set(http: Http, shop: Shop, key: str, changes: Sequence[Change]) -> Ends:
    quantities = [
        {
            "inventoryItemId": change.spot.unit_id,
            "locationId": change.spot.location,
            "quantity": change.quantity,
            "changeFromQuantity": change.seen,
        }
        for change in changes
    ]
    wanted = {"name": "available", "reason": "correction", "quantities": quantities}
    try:
        tell(http, shop, goods_documents.SET_QUANTITIES, input=wanted, key=key)
    except UserErrors as error:
        return _refused(error, changes)
    return {change.spot: (Written.DONE, "") for change in changes}


def _refused(error: UserErrors, changes: Sequence[Change]) -> Ends:
    """Nothing was written. Each named quantity ends by its code; the others can go again without it."""
    if error.codes & _AGAIN:
        return {change.spot: (Written.SKIPPED, "") for change in changes}
    ends: Ends = {}
    for row in error.errors:
        place = _index(row.get("field"))
        if place is None or place >= len(changes):
            raise error
        stale = row.get("code") == _STALE
        reason = "" if stale else f"Shopify says: {row.get('message', '')}"
        ends[changes[place].spot] = (Written.STALE if stale else Written.REFUSED, reason)
    return {change.spot: ends.get(change.spot, (Written.SKIPPED, "")) for change in changes}


def _index(field: object) -> int | None:
    """The position in ["input", "quantities", "3", "quantity"]."""
    parts = [part for part in field if isinstance(part, str)] if isinstance(field, list) else []
    return next((int(part) for part in parts if _INDEX.fullmatch(part)), None)


def _activate(http: Http, shop: Shop, key: str, change: Change) -> tuple[Written, str]:
    own_key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key} {change.spot.unit_id} {change.spot.location}"))
    where = {"item": change.spot.unit_id, "location": change.spot.location, "available": change.quantity}
    try:
        tell(http, shop, goods_documents.ACTIVATE, **where, key=own_key)
    except UserErrors as error:
        return Written.REFUSED, str(error)
    return Written.DONE, ""


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    yield from (ids[start : start + size] for start in range(0, len(ids), size))
