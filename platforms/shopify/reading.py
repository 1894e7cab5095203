"""What we read from Shopify: whole orders with all their pages, changed orders, locations, the store itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from connector.domain.orders import Order
from connector.platform import (
    Account,
    Announcement,
    AuthLost,
    ChangedPage,
    NotYet,
    Refused,
    RemoteLocation,
    Retryable,
    Shop,
    Throttled,
)
from platforms.http import Http
from platforms.shopify import documents
from platforms.shopify.client import ask, pages
from platforms.shopify.documents import Document
from platforms.shopify.gids import order_gid
from platforms.shopify.normalize import awaits_routing, to_order
from platforms.shopify.pieces import moment, promised_form

# Routing is a background job of Shopify's: fulfillment orders appear a moment after the order. They alone say whether the
# customer collects and where, so a young order without them is read again shortly; an old one is taken as it is.
_ROUTING_SECONDS = 120.0
_ROUTING_RETRY_SECONDS = 3.0

_PATIENCE_SECONDS = 20.0
_SHORTEST_PAUSE_SECONDS = 1.0

# Fulfillments in these states handed nothing over.
VOID = frozenset({"CANCELLED", "ERROR", "FAILURE"})

# Least permissions for all that this folder asks (the schema's own scope map, 2026-10); write_x grants read_x.
NEEDED = (
    "read_orders",
    "read_customers",
    "read_products",
    "read_locations",
    "write_inventory",
    "write_merchant_managed_fulfillment_orders",
)
# Asked for as well. Stores linked before it was, and own apps of a merchant who wants it so, go on without it: their
# orders are cancelled in Shopify's admin.
TO_CANCEL = "write_orders"
SCOPES = (*NEEDED, TO_CANCEL)


@promised_form()
def fetch_order(http: Http, now: Callable[[], datetime], shop: Shop, order_id: str) -> Order | None:
    """The order as it stands, None where it does not exist. NotYet while Shopify still decides who fulfills it."""
    found = read_order(http, shop, order_id)
    if found is None:
        return None
    if still_routing(found, now()):
        raise NotYet(
            f"Shopify has not yet said which location fulfills order {found['name']}.",
            "It is read again by itself.",
            retry_after_seconds=_ROUTING_RETRY_SECONDS,
        )
    return to_order(found)


def still_routing(found: dict[str, Any], now: datetime) -> bool:
    """Whether the order is so young that Shopify may still be deciding where it is fulfilled."""
    return (now - moment(found["createdAt"])).total_seconds() < _ROUTING_SECONDS and awaits_routing(found)


def read_order(http: Http, shop: Shop, order_id: str) -> dict[str, Any] | None:
    """The order document with every page of its connections as plain lists, and `fulfilled`: units by line id."""
    gid = order_gid(order_id)
    found = ask(http, shop, documents.ORDER, id=gid)["order"] if gid else None
    if found is None:
        return None
    if found["id"] != gid:
        raise Retryable("Shopify answered with another order.", "It is tried again by itself.")
    call = Caller(http, shop)
    lines = call.rest(documents.ORDER_LINES, gid, "lineItems", found["lineItems"])
    parts = call.rest(documents.ORDER_PARTS, gid, "fulfillmentOrders", found["fulfillmentOrders"])
    for part in parts:
        part["lineItems"] = call.rest(documents.PART_LINES, part["id"], "lineItems", part["lineItems"])
    return completed(call, {**found, "lineItems": lines, "fulfillmentOrders": parts})


def read_told(http: Http, shop: Shop, told: Announcement) -> dict[str, Any]:
    """The order an announcement is about, as `read_order`; Refused where it does not exist."""
    found = read_order(http, shop, told.order_id)
    if found is None:
        raise Refused(f"Order {told.number} does not exist in Shopify (any more).", "Check in Shopify's admin what became of it.")
    return found


def completed(call: Caller, found: dict[str, Any]) -> dict[str, Any]:
    """An order whose lines and parts are lists, with what only further calls tell: `fulfilled` units by line id, and the
    lines of its refunds. They are made only where the order says that there is something to be told; once for an order."""
    if "fulfilled" in found:
        return found
    count = (found["fulfillmentsCount"] or {}).get("count", 0)
    taken_off = any(line["currentQuantity"] < line["quantity"] for line in found["lineItems"])
    fulfilled = fulfilled_units(call, found["id"], count) if count else {}
    return {**found, "fulfilled": fulfilled, "refunds": _refunds(call, found["id"]) if taken_off else []}


def _refunds(call: Caller, gid: str) -> list[dict[str, Any]]:
    """The lines of all refunds, one after the other."""
    made = call.node(documents.REFUNDS, gid)["refunds"]
    if len(made) == documents.REFUNDS_AT_ONCE:
        made += call.node(documents.REFUND_IDS, gid)["refunds"][len(made) :]
    return [line for refund in made for line in _refund_lines(call, refund)]


def _refund_lines(call: Caller, refund: dict[str, Any]) -> list[dict[str, Any]]:
    first = refund.get("refundLineItems") or {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}
    return call.rest(documents.REFUND_LINES, refund["id"], "refundLineItems", first)


class Caller:
    """The calls that read one order beyond its first page.

    All pages of a very long order (500 lines) cost more than a store's bucket holds. Starting anew after each Throttled
    would never come to an end, so these calls wait in place, for `_PATIENCE_SECONDS` in all.
    """

    def __init__(self, http: Http, shop: Shop) -> None:
        self._http = http
        self._shop = shop
        self._patience_seconds = _PATIENCE_SECONDS

    def node(self, document: Document, gid: str, **variables: object) -> dict[str, Any]:
        """The object the document asks for; Retryable where it vanished since its id was read."""
        while True:
            try:
                found = ask(self._http, self._shop, document, id=gid, **variables)[document.field]
            except Throttled as error:
                self._wait(error)
                continue
            if not isinstance(found, dict):
                raise Retryable(f"{gid} vanished while its order was read.", "It is read again by itself.")
            return found

    def _wait(self, error: Throttled) -> None:
        """Wait as long as Shopify asks; raise the error where that is longer than the patience left."""
        seconds = max(_SHORTEST_PAUSE_SECONDS, error.retry_after_seconds or 0.0)
        if seconds > self._patience_seconds:
            raise error
        self._patience_seconds -= seconds
        time.sleep(seconds)

    def rest(self, document: Document, gid: str, name: str, first: dict[str, Any]) -> list[dict[str, Any]]:
        """All nodes of a connection whose first page is at hand."""
        return list(self._following(document, gid, name, first))

    def _following(self, document: Document, gid: str, name: str, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from page["nodes"]
        while page["pageInfo"]["hasNextPage"]:
            page = self.node(document, gid, after=page["pageInfo"]["endCursor"])[name]
            yield from page["nodes"]


def fulfilled_units(call: Caller, gid: str, count: int) -> dict[str, int]:
    """Units by line id that have left, from the fulfillments themselves.

    The difference of a fulfillment order's total and remaining would not do: refunds, moves and cancelling lower both in
    their own ways, and fulfillment orders outside the app's permissions are silently missing (shopify.md, 5 and 11).
    """
    units: Counter[str] = Counter()
    for shipment in _shipments(call, gid, count):
        units.update(shipment["units"])
    return dict(units)


def read_shipments(http: Http, shop: Shop, order: dict[str, Any]) -> list[dict[str, Any]]:
    """The fulfillments of an order that handed something over, oldest first: id, tracking number, units by line id."""
    count = (order["fulfillmentsCount"] or {}).get("count", 0)
    return _shipments(Caller(http, shop), order["id"], count) if count else []


def _shipments(call: Caller, gid: str, count: int) -> list[dict[str, Any]]:
    at_once = documents.SHIPMENTS_AT_ONCE
    first = call.node(documents.SHIPMENTS, gid, first=min(count, at_once))["fulfillments"]
    later = call.node(documents.SHIPMENT_IDS, gid)["fulfillments"][at_once:] if count > at_once else []
    found = []
    for shipment in (*first, *later):
        if shipment["status"] in VOID:
            continue
        units: Counter[str] = Counter()
        page = shipment.get("fulfillmentLineItems") or {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}
        for line in call.rest(documents.SHIPMENT_LINES, shipment["id"], "fulfillmentLineItems", page):
            units[line["lineItem"]["id"]] += line["quantity"] or 0
        number = next((info["number"] or "" for info in shipment["trackingInfo"]), "")
        found.append({"id": shipment["id"], "number": number, "units": dict(units)})
    return found


def changed_orders(http: Http, shop: Shop, since: datetime, cursor: str) -> ChangedPage:
    """Orders by modification time, at or after `since`. Beyond 60 days Shopify needs the permission read_all_orders."""
    stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    page = ask(http, shop, documents.CHANGED, query=f"updated_at:>='{stamp}'", after=cursor or None)["orders"]
    ids = tuple((node["id"], moment(node["updatedAt"])) for node in page["nodes"])
    return ChangedPage(ids, page["pageInfo"]["endCursor"] or "" if page["pageInfo"]["hasNextPage"] else "")


def locations(http: Http, shop: Shop) -> tuple[RemoteLocation, ...]:
    """All places, also inactive ones and those of fulfillment services."""
    found = pages(http, shop, documents.LOCATIONS)
    return tuple(RemoteLocation(node["id"], node["name"], bool(node["isActive"])) for node in found)


def check(http: Http, shop: Shop) -> Account:
    """The store behind the token; AuthLost where it is another store, or permissions are missing (all are named)."""
    said = ask(http, shop, documents.INSTALLATION)
    domain = str(said["shop"]["myshopifyDomain"]).lower()
    if domain != shop.external_id:
        raise AuthLost(f"The token belongs to {domain}, not to {shop.external_id}.", "Give that store's own token.")
    missing = missing_scopes(_granted(said))
    if missing:
        raise AuthLost(
            f"The app lacks the permission{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
            "Grant them in the app's configuration, install it again, then link the shop with the new token.",
        )
    return Account(domain, said["shop"]["name"], said["shop"]["currencyCode"])


def may_cancel(http: Http, shop: Shop) -> bool:
    """Whether the store has granted the permission to cancel orders."""
    return TO_CANCEL in _granted(ask(http, shop, documents.INSTALLATION))


def _granted(said: dict[str, Any]) -> set[str]:
    installation = said["currentAppInstallation"] or {"accessScopes": []}
    return {scope["handle"] for scope in installation["accessScopes"]}


def missing_scopes(granted: set[str]) -> tuple[str, ...]:
    """Permissions we need and do not have. A permission to write includes that to read."""
    readable = {"read_" + scope.removeprefix("write_") for scope in granted if scope.startswith("write_")}
    return tuple(scope for scope in NEEDED if scope not in granted | readable)
