"""The store's documents as its API words them: money as strings of four decimals, unset dates as ""."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import flask

from sandbox.bigcommerce.shop import STATUSES
from sandbox.catalogue import CURRENCY, LOCATIONS

_SIDE_LOADED_LINES = 50
_NO_MONEY = "0.0000"


def money(minor: int) -> str:
    """19.9 euro as "19.9000"."""
    return f"{Decimal(minor) / 100:.4f}"


def v2_date(seconds: int | None) -> str:
    """An RFC 2822 date in UTC, "" where it is unset."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC)) if seconds else ""


def order(row: dict[str, Any], includes: set[str], *, structured: bool) -> dict[str, Any]:
    """A v2 order; consignments and their lines only where they are asked for."""
    name, label = STATUSES.get(row["status_id"], ("Unknown", "Unknown"))
    total, goods = row["total_minor"], sum(line["price_minor"] * line["quantity"] for line in row["lines"])
    return {
        "id": row["id"],
        "customer_id": row["customer_id"],
        "date_created": v2_date(row["date_created"]),
        "date_modified": v2_date(row["date_modified"]),
        "date_shipped": v2_date(row.get("date_shipped")),
        "status_id": row["status_id"],
        "status": name,
        "custom_status": label,
        "subtotal_ex_tax": money(goods),
        "subtotal_inc_tax": money(goods),
        "subtotal_tax": _NO_MONEY,
        "base_shipping_cost": money(row["shipping_minor"]),
        "shipping_cost_ex_tax": money(row["shipping_minor"]),
        "shipping_cost_inc_tax": money(row["shipping_minor"]),
        "shipping_cost_tax": _NO_MONEY,
        "handling_cost_inc_tax": _NO_MONEY,
        "wrapping_cost_inc_tax": _NO_MONEY,
        "total_ex_tax": money(total),
        "total_inc_tax": money(total),
        "total_tax": _NO_MONEY,
        "items_total": sum(line["quantity"] for line in row["lines"]),
        "items_shipped": sum(line["quantity_shipped"] for line in row["lines"]),
        "payment_method": row["payment_method"],
        "payment_provider_id": None,
        "payment_status": row["payment_status"],
        "refunded_amount": money(row["refunded_minor"]),
        "order_is_digital": bool(row["lines"]) and all(line["type"] == "digital" for line in row["lines"]),
        "store_credit_amount": _NO_MONEY,
        "gift_certificate_amount": _NO_MONEY,
        "currency_id": 1,
        "currency_code": CURRENCY,
        "currency_exchange_rate": "1.0000000000",
        "default_currency_id": 1,
        "default_currency_code": CURRENCY,
        "store_default_currency_code": CURRENCY,
        "staff_notes": row["staff_notes"],
        "customer_message": row["customer_message"],
        "discount_amount": _NO_MONEY,
        "coupon_discount": _NO_MONEY,
        "shipping_address_count": len(row["addresses"]),
        "is_deleted": row["is_deleted"],
        "is_email_opt_in": False,
        "order_source": "www",
        "channel_id": row.get("channel_id", 1),
        "cart_id": f"00000000-0000-4000-8000-{row['id']:012d}",
        "external_id": None,
        "external_source": None,
        "external_merchant_id": None,
        "external_order_id": "",
        "customer_locale": "fr",
        "tax_provider_id": "",
        "billing_address": {**row["billing"], "form_fields": []},
        "products": _resource(f"orders/{row['id']}/products"),
        "shipping_addresses": _resource(f"orders/{row['id']}/shipping_addresses"),
        "coupons": _resource(f"orders/{row['id']}/coupons"),
        "consignments": _consignments(row, includes, structured),
        "fees": [_fee(fee) for fee in row.get("fees", ())] if "fees" in includes else _resource(f"orders/{row['id']}/fees"),
    }


def _fee(fee: dict[str, Any]) -> dict[str, Any]:
    """What is charged besides goods and shipping: part of the total."""
    costs = dict.fromkeys(("base_cost", "cost_ex_tax", "cost_inc_tax"), money(fee["cost_minor"]))
    names = {"display_name_customer": fee["name"], "display_name_merchant": fee["name"]}
    return {"id": fee["id"], "type": "custom_fee", **names, "source": "AA", **costs, "cost_tax": _NO_MONEY, "tax_class_id": None}


def product(row: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    """A line of an order."""
    total = line["price_minor"] * line["quantity"]
    return {
        "id": line["id"],
        "order_id": row["id"],
        "product_id": line["product_id"],
        "variant_id": line["variant_id"],
        "order_pickup_method_id": line["order_pickup_method_id"],
        "order_address_id": line["order_address_id"],
        "name": line["name"],
        "name_customer": line["name"],
        "name_merchant": line["name"],
        "sku": line["sku"],
        "upc": line["upc"],
        "type": line["type"],
        "base_price": money(line["price_minor"]),
        "price_ex_tax": money(line["price_minor"]),
        "price_inc_tax": money(line["price_minor"]),
        "price_tax": _NO_MONEY,
        "base_total": money(total),
        "total_ex_tax": money(total),
        "total_inc_tax": money(total),
        "total_tax": _NO_MONEY,
        "quantity": line["quantity"],
        "quantity_shipped": line["quantity_shipped"],
        "quantity_refunded": line["quantity_refunded"],
        # Added by the platform after its published description: clients must bear new fields.
        "quantity_backordered": line.get("quantity_backordered", 0),
        "is_refunded": line["quantity_refunded"] >= line["quantity"] > 0,
        "refund_amount": money(line["quantity_refunded"] * line["price_minor"]),
        "return_id": 0,
        "wrapping_name": None,
        "event_name": None,
        "event_date": None,
        "parent_order_product_id": None,
        "is_bundled_product": False,
        "bin_picking_number": "",
        "external_id": None,
        "brand": "Marée Haute",
        "applied_discounts": [],
        "product_options": [],
        "configurable_fields": [],
        "gift_certificate_id": None,
        "discounted_total_inc_tax": money(total),
    }


def address(row: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    """A shipping address of an order."""
    lines = [line for line in row["lines"] if line["order_address_id"] == place["id"]]
    return {
        **place,
        "order_id": row["id"],
        "items_total": sum(line["quantity"] for line in lines),
        "items_shipped": sum(line["quantity_shipped"] for line in lines),
        "base_cost": money(row["shipping_minor"]),
        "cost_inc_tax": money(row["shipping_minor"]),
        "shipping_zone_id": 1,
        "shipping_zone_name": "France",
        "form_fields": [],
    }


def shipment(row: dict[str, Any]) -> dict[str, Any]:
    """A shipment."""
    return {
        **row,
        "date_created": v2_date(row["date_created"]),
        "merchant_shipping_cost": _NO_MONEY,
        "shipping_provider_display_name": "",
        "generated_tracking_link": "",
    }


def location(number: int) -> dict[str, Any]:
    """The place of a pickup consignment."""
    place = next(place for place in LOCATIONS if place.number == number)
    return {"id": place.number, "name": place.name, "code": place.code, "city": "Marseille", "country_alpha2": "FR"}


def _consignments(row: dict[str, Any], includes: set[str], structured: bool) -> Any:
    """Without the structure parameter an old, unsupported shape comes back: a list of resources."""
    if "consignments" not in includes:
        return _resource(f"orders/{row['id']}/consignments")
    if not structured:
        return [_resource(f"orders/{row['id']}/consignments")]
    return consignments(row, with_lines="consignments.line_items" in includes)


def consignments(row: dict[str, Any], *, with_lines: bool) -> dict[str, Any]:
    """Where the lines go: pickups, shipping addresses, downloads, e-mails."""
    shown = row["lines"][:_SIDE_LOADED_LINES]

    def lines(chosen: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        if with_lines:
            return [product(row, line) for line in chosen if line in shown]
        return [_resource(f"orders/{row['id']}/products/{line['id']}") for line in chosen]

    content = {
        "pickups": [_pickup(row["pickup"], lines(_by(row, order_pickup_method_id=row["pickup"]["id"])))] if row["pickup"] else [],
        "shipping": [
            {**_shipping(address(row, place)), "line_items": lines(_by(row, order_address_id=place["id"]))}
            for place in row["addresses"]
        ],
        "downloads": _mailed(row, lines(_by(row, type="digital"))),
        "email": {"gift_certificates": _mailed(row, lines(_by(row, type="giftcertificate")))},
    }
    if with_lines and len(row["lines"]) > len(shown):
        content["__warning__"] = {"line_items": f"Only the first {_SIDE_LOADED_LINES} line items are included."}
    return content


def _by(row: dict[str, Any], **wanted: object) -> list[dict[str, Any]]:
    return [line for line in row["lines"] if all(line[name] == value for name, value in wanted.items())]


def _pickup(pickup: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": pickup["id"],
        "pickup_method_id": pickup["pickup_method_id"],
        "pickup_method_display_name": "Retrait en boutique",
        "collection_instructions": "",
        "collection_time_description": "",
        "location": location(pickup["location"]),
        "line_items": lines,
    }


def _shipping(place: dict[str, Any]) -> dict[str, Any]:
    """A consignment is an address whose costs are numbers, for once."""
    return {name: float(value) if name.endswith(("cost", "_tax")) else value for name, value in place.items()}


def _mailed(row: dict[str, Any], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"recipient_email": row["billing"]["email"], "line_items": lines}] if lines else []


def _resource(path: str) -> dict[str, str]:
    base = flask.request.url_root.rstrip("/") + flask.request.path.partition("/v2/")[0]
    return {"url": f"{base}/v2/{path}", "resource": f"/{path}"}
