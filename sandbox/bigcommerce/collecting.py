"""Pickup methods and the pickup records of orders."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import flask
from flask import Response

from sandbox.bigcommerce.answers import Refusal, answer, listed, nothing, v3_list, wanted_json
from sandbox.bigcommerce.shop import Shop
from sandbox.catalogue import LOCATIONS, CatalogueLocation

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_MOST_PICKUPS = 100


def method_id(place: CatalogueLocation) -> int:
    """The id of the pickup method of a location."""
    return 10 + place.number


def add(api: flask.Blueprint, shop: Shop, base: str) -> None:
    """Add the routes."""

    @api.get(f"{base}/pickup/methods")
    def methods() -> Response:
        return v3_list([_method(place) for place in LOCATIONS if place.kind == "shop"])

    @api.get(f"{base}/orders/pickups")
    def pickups() -> Response:
        orders, numbers = listed("order_id:in"), listed("pickup_id:in")
        rows = [
            row
            for row in shop.pickups()
            if (orders is None or str(row["order_id"]) in orders) and (numbers is None or str(row["id"]) in numbers)
        ]
        return answer({"data": rows})

    @api.post(f"{base}/orders/pickups")
    def create_pickups() -> Response:
        with shop.store.together():
            rows = [_create(shop, wanted) for wanted in _wanted()]
        return answer({"data": rows, "meta": {}})

    @api.put(f"{base}/orders/pickups")
    def change_pickups() -> Response:
        with shop.store.together():
            rows = [_change(shop, wanted) for wanted in _wanted()]
        return answer({"data": rows, "meta": {}})

    @api.delete(f"{base}/orders/pickups")
    def delete_pickups() -> Response:
        for number in listed("id:in") or ():
            shop.store.delete("bigcommerce.pickup", number)
        return nothing()


def _method(place: CatalogueLocation) -> dict[str, Any]:
    return {
        "id": method_id(place),
        "location_id": place.number,
        "display_name": f"Retrait : {place.name}",
        "collection_instructions": "Au comptoir.",
        "collection_time_description": "10 h - 19 h",
        "date_created": "2026-01-02T08:00:00Z",
        "date_modified": "2026-01-02T08:00:00Z",
    }


def _wanted() -> list[dict[str, Any]]:
    wanted: list[dict[str, Any]] = wanted_json(list)
    if len(wanted) > _MOST_PICKUPS or not all(isinstance(row, dict) for row in wanted):
        raise Refusal(422, "The pickups are not valid.", {"pickups": f"at most {_MOST_PICKUPS} objects"})
    return wanted


def _create(shop: Shop, wanted: dict[str, Any]) -> dict[str, Any]:
    order = shop.order(wanted.get("order_id"))
    if order is None or not order["pickup"] or order["pickup"]["pickup_method_id"] != wanted.get("pickup_method_id"):
        raise Refusal(422, "The pickup is not valid.", {"order_id": "not an order with this pickup method"})
    number = shop.store.next_id("bigcommerce.pickup", 1)
    row = {
        "id": number,
        "pickup_method_id": wanted["pickup_method_id"],
        "order_id": order["id"],
        "ready_at": _date(wanted, "ready_at"),
        "created_at": _now(),
        "updated_at": _now(),
        "pickup_items": [_item(shop, order, item) for item in wanted.get("pickup_items") or [{}]],
    }
    return _keep(shop, _collected(row, _date(wanted, "collected_at")) if "collected_at" in wanted else row)


def _change(shop: Shop, wanted: dict[str, Any]) -> dict[str, Any]:
    row = shop.store.get("bigcommerce.pickup", str(wanted.get("pickup_id")))
    if row is None or wanted.get("id") != wanted.get("pickup_id"):
        raise Refusal(422, "The pickup is not valid.", {"pickup_id": "unknown, or its deprecated name `id` is missing"})
    if "ready_at" in wanted:
        row["ready_at"] = _date(wanted, "ready_at")
    if "collected_at" in wanted:
        row = _collected(row, _date(wanted, "collected_at"))
    return _keep(shop, {**row, "updated_at": _now()})


def _item(shop: Shop, order: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    line = next((line for line in order["lines"] if line["id"] == wanted.get("order_product_id")), None)
    quantity = wanted.get("quantity")
    left = line["quantity"] - _recorded(shop, order, line["id"]) if line else 0
    if line is None or not isinstance(quantity, int) or not 1 <= quantity <= left:
        raise Refusal(422, "The pickup is not valid.", {"pickup_items": "a line of the order, a quantity still to be picked up"})
    number = shop.store.next_id("bigcommerce.pickup_item", 1)
    waiting = {"status": "AWAITING_COLLECTION", "collected_at": None}
    return {"id": number, "order_product_id": line["id"], "quantity": quantity, **waiting}


def _recorded(shop: Shop, order: dict[str, Any], line_id: int) -> int:
    rows = [row for row in shop.pickups() if row["order_id"] == order["id"]]
    return sum(item["quantity"] for row in rows for item in row["pickup_items"] if item["order_product_id"] == line_id)


def _collected(row: dict[str, Any], at: str) -> dict[str, Any]:
    return {**row, "pickup_items": [{**item, "status": "COLLECTED", "collected_at": at} for item in row["pickup_items"]]}


def _date(wanted: dict[str, Any], name: str) -> str:
    text = str(wanted.get(name, ""))
    if not _DATE.fullmatch(text):
        raise Refusal(422, "The pickup is not valid.", {name: "an ISO 8601 date and time"})
    return text


def _keep(shop: Shop, row: dict[str, Any]) -> dict[str, Any]:
    """Whether a pickup changes the order's status is not documented: here it does not."""
    shop.store.put("bigcommerce.pickup", str(row["id"]), row)
    return row


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
