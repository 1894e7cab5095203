"""Orders, refunds, notes and webhooks as `wc/v3` and the webhooks show them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.woocommerce import products
from sandbox.woocommerce.records import total
from sandbox.woocommerce.shop import VERSION, Order, Shop, local

_NOTHING = "0.00"
_DATES = ("date_created", "date_modified", "date_completed", "date_paid")


def order(shop: Shop, record: Order, base_url: str) -> dict[str, Any]:
    """The representation of an order; the same in an answer and in a webhook."""
    charged, status = total(record), record["status"]
    shipping = sum((Decimal(line["total"]) for line in record["shipping_lines"]), Decimal(_NOTHING))
    unpaid = status in ("pending", "failed", "checkout-draft") and charged > 0
    return {
        "id": record["id"],
        "parent_id": 0,
        "status": status,
        "currency": record["currency"],
        "version": VERSION,
        "prices_include_tax": False,
        "date_created": local(record["date_created_gmt"]),
        "date_modified": local(record["date_modified_gmt"]),
        "discount_total": _NOTHING,
        "discount_tax": _NOTHING,
        "shipping_total": f"{shipping:.2f}",
        "shipping_tax": _NOTHING,
        "cart_tax": _NOTHING,
        "total": f"{charged:.2f}",
        "total_tax": _NOTHING,
        "customer_id": record["customer_id"],
        "order_key": f"wc_order_sandbox{record['id']}",
        "billing": record["billing"],
        "shipping": record["shipping"],
        "payment_method": record["payment_method"],
        "payment_method_title": record["payment_method_title"],
        "transaction_id": record["transaction_id"],
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": record["created_via"],
        "customer_note": record["customer_note"],
        "date_completed": local(record["date_completed_gmt"]),
        "date_paid": local(record["date_paid_gmt"]),
        "cart_hash": "",
        "number": str(record["id"]),
        "meta_data": record["meta_data"],
        "line_items": [_line(shop, line) for line in record["line_items"]],
        "tax_lines": [],
        "shipping_lines": [_shipping(line, record) for line in record["shipping_lines"]],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [{"id": made["id"], "reason": made["reason"], "total": f"-{made['amount']}"} for made in record["refunds"]],
        "payment_url": f"{base_url}/checkout/order-pay/{record['id']}/?pay_for_order=true",
        "is_editable": status in ("pending", "on-hold", "auto-draft"),
        "needs_payment": unpaid,
        "needs_processing": products.needs_processing(shop, record["line_items"]),
        **{f"{name}_gmt": record[f"{name}_gmt"] for name in _DATES},
        "currency_symbol": "€",
        "_links": _links(base_url, "orders", record["id"]),
    }


def refund(record: Mapping[str, Any]) -> dict[str, Any]:
    """A refund object: quantities and totals negative, each line naming the one it refunds."""
    return {
        "id": record["id"],
        "date_created": local(record["date_created_gmt"]),
        "date_created_gmt": record["date_created_gmt"],
        "amount": record["amount"],
        "reason": record["reason"],
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": [
            {
                "id": line["id"],
                "quantity": line["quantity"],
                "total": line["total"],
                "meta_data": [_meta(line["id"], "_refunded_item_id", str(line["of"]))],
            }
            for line in record["line_items"]
        ],
    }


def note(record: Mapping[str, Any]) -> dict[str, Any]:
    """A note; the shop cleans its text as HTML, which encodes ampersands."""
    text = html.escape(html.unescape(record["note"]), quote=False)
    return {**record, "note": text, "date_created": local(record["date_created_gmt"])}


def webhook(record: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """A webhook, without its secret and its count of failures: the shop shows neither."""
    resource, _, event = record["topic"].partition(".")
    shown = ("id", "name", "status", "topic", "delivery_url", "date_created_gmt", "date_modified_gmt")
    return {
        **{name: record[name] for name in shown},
        "resource": resource,
        "event": event,
        "hooks": [],
        "date_created": local(record["date_created_gmt"]),
        "date_modified": local(record["date_modified_gmt"]),
        "_links": _links(base_url, "webhooks", record["id"]),
    }


def _line(shop: Shop, line: Order) -> dict[str, Any]:
    """What a product was sold as stays on the line only by name: a deleted one loses its ids, a variation falls back to
    its parent's."""
    product = products.find(shop, line["variation_id"] or line["product_id"])
    parent = products.find(shop, line["product_id"])
    identity = product or parent
    meta = {"_reduced_stock": line["reduced"], "_restock_refunded_items": line["restocked"]}
    return {
        "id": line["id"],
        "name": line["name"],
        "product_id": line["product_id"] if parent else 0,
        "variation_id": line["variation_id"] if product else 0,
        "quantity": line["quantity"],
        "tax_class": "",
        "subtotal": line["total"],
        "subtotal_tax": _NOTHING,
        "total": line["total"],
        "total_tax": _NOTHING,
        "taxes": [],
        "meta_data": [
            _meta(line["id"] * 10 + place, key, str(value)) for place, (key, value) in enumerate(meta.items()) if value
        ],
        "sku": identity["sku"] if identity else None,
        "global_unique_id": identity["global_unique_id"] if identity else "",
        "price": float(Decimal(line["total"]) / Decimal(str(line["quantity"]))),
        "image": {"id": "", "src": ""},
        "parent_name": product["parent_name"] if product else None,
    }


def _shipping(line: Order, record: Order) -> dict[str, Any]:
    items = ", ".join(f"{item['name']} &times; {item['quantity']}" for item in record["line_items"])
    return {
        "id": line["id"],
        "method_title": line["method_title"],
        "method_id": line["method_id"],
        "instance_id": line["instance_id"],
        "total": line["total"],
        "total_tax": _NOTHING,
        "taxes": [],
        "tax_status": "taxable",
        "meta_data": [*(_meta(meta["id"], meta["key"], meta["value"]) for meta in line["meta_data"]), _meta(1, "Items", items)],
    }


def _meta(number: int, key: str, value: object) -> dict[str, Any]:
    return {"id": number, "key": key, "value": value, "display_key": key, "display_value": value}


def _links(base_url: str, kind: str, number: int) -> dict[str, Any]:
    collection = f"{base_url}/wp-json/wc/v3/{kind}"
    return {"self": [{"href": f"{collection}/{number}"}], "collection": [{"href": collection}]}
