"""Shipments of an order: any part of it, to one address each, in any number."""

from __future__ import annotations

import re
import time
from typing import Any

import flask
from flask import Response

from sandbox.bigcommerce import documents
from sandbox.bigcommerce.answers import Refusal, answer, nothing, v2_list, wanted_json
from sandbox.bigcommerce.shop import Shop

_PROVIDERS = re.compile(r"|auspost|canadapost|endicia|usps|fedex|ups|upsready|upsonline|shipperhq|royalmail|carrier_\d+")
_CARRIER = re.compile(r"[a-z0-9-]*")
_TEXTS = ("tracking_number", "tracking_carrier", "tracking_link", "shipping_method", "shipping_provider", "comments")


def add(api: flask.Blueprint, shop: Shop, base: str) -> None:
    """Add the routes."""

    @api.get(base)
    def shipments(order_id: int) -> Response:
        _order(shop, order_id)
        return v2_list([documents.shipment(row) for row in shop.shipments(order_id)])

    @api.post(base)
    def create_shipment(order_id: int) -> Response:
        wanted = wanted_json(dict)
        _order(shop, order_id)
        return answer(documents.shipment(ship(shop, order_id, wanted)), 201)

    @api.put(f"{base}/<int:shipment_id>")
    def change_shipment(order_id: int, shipment_id: int) -> Response:
        row = _shipment(shop, order_id, shipment_id)
        row.update(_texts(wanted_json(dict), row))
        shop.store.put("bigcommerce.shipment", str(shipment_id), row)
        shop.hooks.emit("store/shipment/updated", {"type": "shipment", "id": shipment_id, "orderId": order_id})
        return answer(documents.shipment(row))

    @api.delete(f"{base}/<int:shipment_id>")
    def delete_shipment(order_id: int, shipment_id: int) -> Response:
        unship(shop, order_id, shipment_id)
        return nothing()


def ship(shop: Shop, order_id: object, wanted: dict[str, Any]) -> dict[str, Any]:
    """A shipment of {order_address_id, items, tracking …}."""
    with shop.changing(order_id) as order:
        row = _ship(shop, order, wanted)
    shop.hooks.emit("store/shipment/created", {"type": "shipment", "id": row["id"], "orderId": order["id"]})
    return row


def unship(shop: Shop, order_id: int, shipment_id: int) -> None:
    """Delete a shipment: its goods count as shipped no more, and the status stays where the shipment moved it."""
    row = _shipment(shop, order_id, shipment_id)
    with shop.changing(order_id) as order:
        for item in row["items"]:
            _line(order, item["order_product_id"])["quantity_shipped"] -= item["quantity"]
        shop.store.delete("bigcommerce.shipment", str(shipment_id))
    shop.hooks.emit("store/shipment/deleted", {"type": "shipment", "id": shipment_id, "orderId": order_id})


def _ship(shop: Shop, order: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    address = next((place for place in order["addresses"] if place["id"] == wanted.get("order_address_id")), None)
    if address is None:
        raise Refusal(400, "The field 'order_address_id' is invalid.")
    items = _items(order, address["id"], wanted.get("items"))
    for item in items:
        _line(order, item["order_product_id"])["quantity_shipped"] += item["quantity"]
    if shop.settings()["shipment_moves_status"]:
        order["status_id"] = 2 if _all_shipped(order) else 3
    now = int(time.time())
    order["date_shipped"] = now
    number = shop.store.next_id("bigcommerce.shipment", 1)
    own = {name: value for name, value in address.items() if name not in ("id", "shipping_method")}
    row = {
        "id": number,
        "order_id": order["id"],
        "customer_id": order["customer_id"],
        "order_address_id": address["id"],
        "date_created": now,
        **_texts(wanted, {"shipping_method": address["shipping_method"]}),
        "billing_address": order["billing"],
        "shipping_address": own,
        "items": items,
    }
    shop.store.put("bigcommerce.shipment", str(number), row)
    return row


def _items(order: dict[str, Any], address_id: int, wanted: Any) -> list[dict[str, int]]:
    if not isinstance(wanted, list) or not wanted:
        raise Refusal(400, "The field 'items' is required.")
    items = []
    for item in wanted:
        line = _line(order, item.get("order_product_id") if isinstance(item, dict) else None)
        quantity = item.get("quantity")
        if line["order_address_id"] != address_id or line["type"] != "physical":
            raise Refusal(400, "The item does not belong to the shipping address.")
        if not isinstance(quantity, int) or not 1 <= quantity <= line["quantity"] - line["quantity_shipped"]:
            raise Refusal(400, "The quantity to ship is more than what is left to be shipped.")
        items.append({"order_product_id": line["id"], "product_id": line["product_id"], "quantity": quantity})
    return items


def _texts(wanted: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, str]:
    texts = {name: str(wanted.get(name, otherwise.get(name, ""))) for name in _TEXTS}
    if not _PROVIDERS.fullmatch(texts["shipping_provider"]):
        raise Refusal(400, "The field 'shipping_provider' is invalid.")
    if not _CARRIER.fullmatch(texts["tracking_carrier"]):
        raise Refusal(400, "The field 'tracking_carrier' is invalid.")
    return texts


def _all_shipped(order: dict[str, Any]) -> bool:
    return all(line["quantity_shipped"] >= line["quantity"] for line in order["lines"] if line["order_address_id"])


def _line(order: dict[str, Any], line_id: object) -> dict[str, Any]:
    line: dict[str, Any] | None = next((line for line in order["lines"] if line["id"] == line_id), None)
    if line is None:
        raise Refusal(400, "The field 'order_product_id' is invalid.")
    return line


def _order(shop: Shop, order_id: int) -> None:
    if shop.order(order_id) is None:
        raise Refusal(404, "The requested resource was not found.")


def _shipment(shop: Shop, order_id: int, shipment_id: int) -> dict[str, Any]:
    row = next((row for row in shop.shipments(order_id) if row["id"] == shipment_id), None)
    if row is None:
        raise Refusal(404, "The requested resource was not found.")
    return row
