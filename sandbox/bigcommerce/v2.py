"""The v2 API: store, orders and what hangs on them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import flask
from flask import Response

from sandbox.bigcommerce import documents, shipping
from sandbox.bigcommerce.answers import Refusal, answer, listed, nothing, v2_list, wanted_json
from sandbox.bigcommerce.hooks import STORE_ID
from sandbox.bigcommerce.shop import STATUSES, STORE_HASH, Shop
from sandbox.catalogue import CURRENCY

Order = dict[str, Any]


def add(api: flask.Blueprint, shop: Shop) -> None:
    """Add the routes."""
    base = "/stores/<store_hash>/v2"
    api.add_url_rule(f"{base}/store", view_func=_store)
    api.add_url_rule(f"{base}/time", view_func=lambda: answer({"time": int(time.time())}), endpoint="time")
    api.add_url_rule(f"{base}/order_statuses", view_func=_statuses)
    _add_orders(api, shop, f"{base}/orders")
    shipping.add(api, shop, f"{base}/orders/<int:order_id>/shipments")


def found(shop: Shop, order_id: int) -> Order:
    """The order, or the platform's 404."""
    order = shop.order(order_id)
    if order is None:
        raise Refusal(404, "The requested resource was not found.")
    return order


def _add_orders(api: flask.Blueprint, shop: Shop, base: str) -> None:
    @api.get(base)
    def orders() -> Response:
        return v2_list(_sorted([row for row in shop.order_heads() if _wanted(row)]), lambda row: _shown(found(shop, row["id"])))

    @api.get(f"{base}/count")
    def count_orders() -> Response:
        wanted = Counter(row["status_id"] for row in shop.order_heads() if _wanted(row))
        rows = [
            {
                "id": number,
                "name": name,
                "system_label": name,
                "custom_label": label,
                "count": wanted[number],
                "sort_order": number,
            }
            for number, (name, label) in STATUSES.items()
        ]
        return answer({"statuses": rows, "count": sum(wanted.values())})

    @api.get(f"{base}/<int:order_id>")
    def order(order_id: int) -> Response:
        return answer(_shown(found(shop, order_id)))

    @api.put(f"{base}/<int:order_id>")
    def change_order(order_id: int) -> Response:
        changes = _changes(wanted_json(dict))
        found(shop, order_id)
        with shop.changing(order_id) as row:
            row.update(changes)
        return answer(_shown(found(shop, order_id)))

    @api.delete(f"{base}/<int:order_id>")
    def archive_order(order_id: int) -> Response:
        found(shop, order_id)
        with shop.changing(order_id) as row:
            row["is_deleted"] = True
        shop.hooks.emit("store/order/archived", {"type": "order", "id": order_id})
        return nothing()

    @api.get(f"{base}/<int:order_id>/products")
    def products(order_id: int) -> Response:
        row = found(shop, order_id)
        return v2_list([documents.product(row, line) for line in row["lines"]])

    @api.get(f"{base}/<int:order_id>/shipping_addresses")
    def addresses(order_id: int) -> Response:
        row = found(shop, order_id)
        return v2_list([documents.address(row, place) for place in row["addresses"]])

    @api.get(f"{base}/<int:order_id>/consignments")
    def consignments(order_id: int) -> Response:
        with_lines = "consignments.line_items" in (listed("include") or ())
        return answer(documents.consignments(found(shop, order_id), with_lines=with_lines))


def _store() -> Response:
    return answer(
        {
            "id": STORE_HASH,
            "store_id": int(STORE_ID),
            "name": "Marée Haute",
            "domain": "maree-haute.example",
            "secure_url": "https://maree-haute.example",
            "status": "live",
            "currency": CURRENCY,
            "currency_symbol": "€",
            "decimal_places": 2,
            "country_code": "FR",
            "language": "fr",
            "timezone": {"name": "Europe/Paris", "raw_offset": 3600, "dst_offset": 7200, "dst_correction": True},
            "plan_name": "Pro",
            "default_channel_id": 1,
        }
    )


def _statuses() -> Response:
    rows = [
        {"id": number, "name": name, "system_label": name, "custom_label": label, "system_description": f"The order is: {name}."}
        for number, (name, label) in STATUSES.items()
    ]
    return answer(rows)


def _shown(row: Order) -> dict[str, Any]:
    structured = flask.request.args.get("consignment_structure") == "object"
    return documents.order(row, listed("include") or set(), structured=structured)


def _changes(content: dict[str, Any]) -> dict[str, Any]:
    """What may be changed here; other fields are left alone."""
    changes: dict[str, Any] = {
        name: content[name] for name in ("status_id", "staff_notes", "customer_message") if name in content
    }
    if "status_id" in changes and changes["status_id"] not in STATUSES:
        raise Refusal(400, "The field 'status_id' is invalid.")
    return changes


# ---------------------------------------------------------------------------------------------------------------------
# Filters: one that is unknown or cannot be read is ignored, and the whole list comes back


def _at_least(field: str, read: Callable[[str], int]) -> Callable[[Order, str], bool]:
    return lambda row, text: row[field] >= read(text)


def _at_most(field: str, read: Callable[[str], int]) -> Callable[[Order, str], bool]:
    return lambda row, text: row[field] <= read(text)


def _moment(text: str) -> int:
    """RFC 2822 or ISO 8601, in seconds."""
    try:
        at = datetime.fromisoformat(text) if re.match(r"\d{4}-", text) else parsedate_to_datetime(text)
    except (TypeError, IndexError):
        raise ValueError(text) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


_FILTERS: dict[str, Callable[[Order, str], bool]] = {
    "min_id": _at_least("id", int),
    "max_id": _at_most("id", int),
    "min_date_created": _at_least("date_created", _moment),
    "max_date_created": _at_most("date_created", _moment),
    "min_date_modified": _at_least("date_modified", _moment),
    "max_date_modified": _at_most("date_modified", _moment),
    "status_id": lambda row, text: bool(row["status_id"] == int(text)),
    "customer_id": lambda row, text: bool(row["customer_id"] == int(text)),
    "email": lambda row, text: bool(row["billing"]["email"] == text),
    "payment_method": lambda row, text: bool(row["payment_method"] == text),
}


def _wanted(row: Order) -> bool:
    deleted = flask.request.args.get("is_deleted") == "true"
    return row["is_deleted"] == deleted and all(
        _passes(row, passes, flask.request.args[name]) for name, passes in _FILTERS.items() if name in flask.request.args
    )


def _passes(row: Order, passes: Callable[[Order, str], bool], text: str) -> bool:
    try:
        return passes(row, text)
    except ValueError:
        return True


def _sorted(rows: list[Order]) -> list[Order]:
    field, _, direction = flask.request.args.get("sort", "id:asc").partition(":")
    if field not in ("id", "customer_id", "date_created", "date_modified", "status_id"):
        field = "id"
    return sorted(rows, key=lambda row: (row[field], row["id"]), reverse=direction == "desc")
