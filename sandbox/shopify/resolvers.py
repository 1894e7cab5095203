"""The root fields of the sandbox's Admin API. Mutations refuse by userErrors, as Shopify does."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from graphql import GraphQLError

from connector.domain.errors import ConnectorError
from sandbox.catalogue import LOCATIONS
from sandbox.shopify import inventory, moving, orders
from sandbox.shopify.bulk import Bulk
from sandbox.shopify.orders import Order, Part, gid
from sandbox.shopify.shop import Shop
from sandbox.shopify.views import (
    SCOPES,
    View,
    connection,
    location_views,
    order_view,
    part_view,
    refund_view,
    shipment_view,
    shop_view,
    subscription_view,
)

_GID = re.compile(r"gid://shopify/[A-Za-z]+/([0-9]+)")
_TERM = re.compile(r"(updated_at|created_at):(>=|<)'?([0-9T:+-]+Z?)'?")
_SORTS = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at"}
_WORKABLE = ("OPEN", "IN_PROGRESS")


def roots(shop: Shop, bulk: Bulk, base_url: str = "", scopes: Collection[str] = SCOPES) -> dict[str, Callable[..., Any] | View]:
    """The root value: every field of QueryRoot and Mutation, for a token with these permissions."""
    return {
        "shop": shop_view(),
        "currentAppInstallation": {"id": gid("AppInstallation", 1), "accessScopes": [{"handle": scope} for scope in scopes]},
        "bulkOperation": lambda info, **given: bulk.view(_number(given["id"]), base_url),
        "bulkOperationRunQuery": lambda info, **given: bulk.run(given["query"], grouped=given["groupObjects"]),
        "order": lambda info, **given: _order(shop, given["id"]),
        "orders": lambda info, **given: _orders(shop, info, **given),
        "ordersCount": lambda info, **given: {"count": len(_searched(shop, given.get("query") or ""))},
        "fulfillmentOrder": lambda info, **given: _found_part(shop, given["id"]),
        "fulfillment": lambda info, **given: _found_shipment(shop, given["id"]),
        "job": lambda info, **given: shop.jobs.view(_number(given["id"])),
        "locations": lambda info, **given: connection(location_views())(info, **given),
        **inventory.roots(shop, base_url),
        "webhookSubscriptions": lambda info, **given: _subscriptions(shop)(info, **given),
        "webhookSubscriptionCreate": lambda info, **given: _subscribe(shop, given["topic"], given["webhookSubscription"]),
        "webhookSubscriptionDelete": lambda info, **given: _unsubscribe(shop, given["id"]),
        "orderCancel": lambda info, **given: _cancel(shop, scopes, given),
        "orderMarkAsPaid": lambda info, **given: _mark_as_paid(shop, given["input"]["id"]),
        "fulfillmentCreate": lambda info, **given: _fulfill(shop, given["fulfillment"]),
        "fulfillmentOrderLineItemsPreparedForPickup": lambda info, **given: _prepare(shop, given["input"]),
        "fulfillmentOrderMove": lambda info, **given: _move(shop, given),
        "fulfillmentOrderSplit": lambda info, **given: _split(shop, given["fulfillmentOrderSplits"]),
        "fulfillmentOrderOpen": lambda info, **given: _open(shop, given["id"]),
        "fulfillmentCancel": lambda info, **given: _cancel_shipment(shop, given["id"]),
        "refund": lambda info, **given: _found_refund(shop, given["id"]),
        "fulfillmentOrderReportProgress": lambda info, **given: _progress(shop, given["id"]),
    }


# --- queries ---------------------------------------------------------------------------------------------------------


def _order(shop: Shop, order_id: str) -> View | None:
    order = shop.order(str(_number(order_id)))
    return None if order is None else order_view(shop, order)


def _orders(shop: Shop, info: object, query: str = "", **arguments: Any) -> View:
    """By the time of the sort key, then id."""
    field = _SORTS[arguments.get("sortKey") or "UPDATED_AT"]
    found = sorted(_searched(shop, query), key=lambda order: (order[field], order["id"]))
    return connection(found, lambda head: _order(shop, gid("Order", head["id"])))(info, **arguments)


def _searched(shop: Shop, query: str) -> list[Order]:
    """The heads of the orders that are found. The only search known is by bounds of updated_at and created_at."""
    terms = [_TERM.fullmatch(word) for word in query.split()]
    if not all(terms):
        raise GraphQLError(f"The sandbox cannot search orders for {query!r}.")
    bounds = [(term[1], term[2], term[3]) for term in terms if term]
    return [order for order in shop.order_heads() if all(_within(order[field], sign, at) for field, sign, at in bounds)]


def _within(stamp: str, sign: str, bound: str) -> bool:
    return stamp >= bound if sign == ">=" else stamp < bound


def _found_part(shop: Shop, part_id: str) -> View | None:
    found = _part(shop, part_id)
    return None if found is None else part_view(*found)


def _found_shipment(shop: Shop, shipment_id: str) -> View | None:
    number = _number(shipment_id)
    order = shop.owner(number) or {"shipments": []}
    return next((shipment_view(order, found) for found in order["shipments"] if found["id"] == number), None)


def _part(shop: Shop, part_id: str) -> tuple[Order, Part] | None:
    number = _number(part_id)
    order = shop.owner(number)
    parts = shop.routed_parts(order) if order else []
    return next(((order, part) for part in parts if order and part["id"] == number), None)


def _subscriptions(shop: Shop) -> Callable[..., View]:
    return connection(shop.webhooks.standing(), subscription_view)


def _number(global_id: str) -> int:
    matched = _GID.fullmatch(global_id)
    if matched is None:
        raise GraphQLError(f"Invalid global id '{global_id[:80]}'", extensions={"code": "argumentLiteralsIncompatible"})
    return int(matched[1])


# --- mutations -------------------------------------------------------------------------------------------------------


class _No(Exception):
    """A userError."""

    def __init__(self, field: str, message: str, code: str = "") -> None:
        super().__init__(message)
        self.answer = {"field": [field], "message": message, "code": code or None}


def _refusing(empty: Mapping[str, None], act: Callable[[], Mapping[str, Any]]) -> View:
    """The payload: what the act gives, or `empty` fields with its userError."""
    try:
        return {**act(), "userErrors": []}
    except _No as no:
        return {**empty, "userErrors": [no.answer]}
    except ConnectorError as error:
        return {**empty, "userErrors": [_No("base", error.message).answer]}


def _fulfill(shop: Shop, wanted: Mapping[str, Any]) -> View:
    """One order, one location, one delivery method; open fulfillment orders; not more than remains."""

    def act() -> View:
        parts = [_workable(shop, entry["fulfillmentOrderId"]) for entry in wanted["lineItemsByFulfillmentOrder"]]
        if not parts:
            raise _No("fulfillment", "Line items by fulfillment order can't be blank")
        _one_of_each(parts)
        units = [
            unit
            for entry, (_, part) in zip(wanted["lineItemsByFulfillmentOrder"], parts, strict=True)
            for unit in _units(part, entry.get("fulfillmentOrderLineItems"))
        ]
        if len({line for _, line, _ in units}) < len(units):
            raise _No("fulfillment", "A fulfillment order line item is named twice.")
        order = parts[0][0]
        shipment = shop.fulfill(str(order["id"]), units, dict(wanted.get("trackingInfo") or {}))
        return {"fulfillment": {**shipment_view(order, shipment), "order": _order(shop, gid("Order", order["id"]))}}

    return _refusing({"fulfillment": None}, act)


def _workable(shop: Shop, part_id: str) -> tuple[Order, Part]:
    found = _part(shop, part_id)
    if found is None:
        raise _No("fulfillment", "Fulfillment order does not exist.", "FULFILLMENT_ORDER_INVALID")
    if found[1]["status"] not in _WORKABLE:
        raise _No(
            "fulfillment", f"Fulfillment order {_number(part_id)} has an unfulfillable status= {found[1]['status'].lower()}."
        )
    return found


def _one_of_each(parts: list[tuple[Order, Part]]) -> None:
    if len({order["id"] for order, _ in parts}) > 1:
        raise _No("fulfillment", "All fulfillment orders must belong to the same order.")
    if len({part["location"] for _, part in parts}) > 1:
        raise _No("fulfillment", "All fulfillment orders must be assigned to a single location.")
    if len({part["method"] for _, part in parts}) > 1:
        raise _No("fulfillment", "All fulfillment orders must have the same delivery method.")


def _units(part: Part, chosen: list[Mapping[str, Any]] | None) -> list[tuple[int, int, int]]:
    """(fulfillment order, its line, quantity); without a choice all that remains."""
    if not chosen:
        return [(part["id"], line["id"], line["remaining"]) for line in part["lines"] if line["remaining"]]
    units = []
    for entry in chosen:
        line = next((line for line in part["lines"] if line["id"] == _number(entry["id"])), None)
        if line is None:
            raise _No("fulfillment", "Fulfillment order line item does not exist.")
        if not 0 < entry["quantity"] <= line["remaining"]:
            raise _No("fulfillment", "Invalid fulfillment order line item quantity requested.")
        units.append((part["id"], line["id"], entry["quantity"]))
    return units


def _prepare(shop: Shop, wanted: Mapping[str, Any]) -> View:
    """Whole fulfillment orders only; the customer is written to at once."""

    def act() -> View:
        found = [_workable(shop, entry["fulfillmentOrderId"]) for entry in wanted["lineItemsByFulfillmentOrder"]]
        for _, part in found:
            if part["method"] != orders.PICKUP or part["prepared"] or not orders.remaining(part):
                code = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"
                raise _No("input", "The fulfillment order does not have any line items that can be prepared.", code)
        for order, part in found:
            shop.mark(str(order["id"]), part["id"], note="Ready for pickup", prepared=True)
        return {}

    return _refusing({}, act)


def _progress(shop: Shop, part_id: str) -> View:
    def act() -> View:
        found = _part(shop, part_id)
        if found is None:
            raise _No("id", "The fulfillment order could not be found.", "FULFILLMENT_ORDER_NOT_FOUND")
        order, part = found
        if part["method"] != "SHIPPING":
            raise _No("id", "Progress cannot be reported for this delivery.", "FULFILLMENT_ORDER_INVALID_DELIVERY_METHOD")
        if part["status"] not in _WORKABLE:
            raise _No("id", "The fulfillment order status is invalid.", "FULFILLMENT_ORDER_STATUS_INVALID")
        shop.mark(str(order["id"]), part["id"], status="IN_PROGRESS")
        return {"fulfillmentOrder": part_view(order, {**part, "status": "IN_PROGRESS"})}

    return _refusing({"fulfillmentOrder": None}, act)


def _move(shop: Shop, wanted: Mapping[str, Any]) -> View:
    def act() -> View:
        found = _part(shop, wanted["id"])
        code = next((place.code for place in LOCATIONS if orders.location_gid(place.code) == wanted["newLocationId"]), "")
        if found is None or not code:
            raise _No("id", "Fulfillment order or location not found.")
        order, part = found
        if part["status"] == "IN_PROGRESS":
            raise _No("id", "Progress was reported.", "CANNOT_MOVE_FULFILLMENT_ORDER_WITH_REPORTED_PROGRESS")
        units = {_number(line["id"]): line["quantity"] for line in wanted.get("fulfillmentOrderLineItems") or ()}
        there = moving.move(shop, str(order["id"]), part["id"], code, units)
        return {"movedFulfillmentOrder": part_view(order, there), "originalFulfillmentOrder": part_view(order, part)}

    return _refusing({"movedFulfillmentOrder": None, "originalFulfillmentOrder": None}, act)


def _split(shop: Shop, wanted: list[Mapping[str, Any]]) -> View:
    """Some units of each into a fulfillment order of their own; the rest keeps the old id."""

    def act() -> View:
        return {"fulfillmentOrderSplits": [_halves(shop, entry) for entry in wanted]}

    return _refusing({"fulfillmentOrderSplits": None}, act)


def _halves(shop: Shop, wanted: Mapping[str, Any]) -> View:
    found = _part(shop, wanted["fulfillmentOrderId"])
    if found is None:
        raise _No("fulfillmentOrderSplits", "Fulfillment order not found.", "FULFILLMENT_ORDER_NOT_FOUND")
    units = {_number(line["id"]): line["quantity"] for line in wanted["fulfillmentOrderLineItems"]}
    apart = moving.split(shop, str(found[0]["id"]), found[1]["id"], units)
    return {
        "fulfillmentOrder": _found_part(shop, gid("FulfillmentOrder", apart["id"])),
        "remainingFulfillmentOrder": _found_part(shop, wanted["fulfillmentOrderId"]),
        "replacementFulfillmentOrder": None,
    }


def _open(shop: Shop, part_id: str) -> View:
    def act() -> View:
        order, part = _workable(shop, part_id)
        moving.reopen(shop, str(order["id"]), part["id"])
        return {"fulfillmentOrder": part_view(order, {**part, "status": "OPEN"})}

    return _refusing({"fulfillmentOrder": None}, act)


def _cancel_shipment(shop: Shop, shipment_id: str) -> View:
    def act() -> View:
        number = _number(shipment_id)
        order = shop.owner(number)
        if order is None:
            raise _No("id", "Fulfillment not found.")
        moving.unship(shop, str(order["id"]), number)
        return {"fulfillment": _found_shipment(shop, shipment_id)}

    return _refusing({"fulfillment": None}, act)


def _found_refund(shop: Shop, refund_id: str) -> View | None:
    number = _number(refund_id)
    found = ((order, made) for order in shop.orders() for made in order.get("refunds", ()) if made["id"] == number)
    return next((refund_view(order, made) for order, made in found), None)


def _cancel(shop: Shop, scopes: Collection[str], wanted: Mapping[str, Any]) -> View:
    """What stands against it is said at once, the rest is a job. Storing credit is not known here."""
    if "write_orders" not in scopes:
        denied = "Access denied for orderCancel field. Required access: `write_orders` access scope."
        raise GraphQLError(denied, extensions={"code": "ACCESS_DENIED"})

    def act() -> View:
        order = shop.order(str(_number(wanted["orderId"])))
        if order is None:
            raise _No("orderId", "Order does not exist", "NOT_FOUND")
        if why := orders.not_cancellable(order):
            raise _No("orderId", why, "INVALID")
        if shop.jobs.underway(order["id"]):
            raise _No("orderId", "Order is being cancelled.", "INVALID")
        refund = bool((wanted.get("refundMethod") or {}).get("originalPaymentMethodsRefund"))
        notify = bool(wanted.get("notifyCustomer"))
        number = shop.jobs.begin({"order": order["id"], "restock": wanted["restock"], "refund": refund, "notify": notify})
        return {"job": shop.jobs.view(number)}

    payload = _refusing({"job": None}, act)
    return {"job": payload["job"], "orderCancelUserErrors": payload["userErrors"]}


def _mark_as_paid(shop: Shop, order_id: str) -> View:
    def act() -> View:
        order = shop.order(str(_number(order_id)))
        if order is None or orders.outstanding_minor(order) <= 0:
            raise _No("id", "Order cannot be marked as paid.")
        shop.pay(str(order["id"]))
        return {"order": _order(shop, order_id)}

    return _refusing({"order": None}, act)


def _subscribe(shop: Shop, topic: str, wanted: Mapping[str, Any]) -> View:
    def act() -> View:
        uri = wanted.get("uri") or ""
        if not uri.startswith(("https://", "http://")):
            raise _No("webhookSubscription", "Address is invalid")
        subscription = shop.webhooks.add(topic, uri, wanted.get("name") or "")
        if subscription is None:
            raise _No("webhookSubscription", "Address for this topic has already been taken")
        return {"webhookSubscription": subscription_view(subscription)}

    return _refusing({"webhookSubscription": None}, act)


def _unsubscribe(shop: Shop, subscription_id: str) -> View:
    def act() -> View:
        if not shop.webhooks.remove(str(_number(subscription_id))):
            raise _No("id", "Webhook subscription does not exist")
        return {"deletedWebhookSubscriptionId": subscription_id}

    return _refusing({"deletedWebhookSubscriptionId": None}, act)
