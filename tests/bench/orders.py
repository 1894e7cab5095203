"""The orders the benchmarks send: WooCommerce deliveries that carry the whole order of three lines, signed beforehand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SHOPS = 4
ITEMS = 500
SECRET = "bench-webhook-secret"
HOT = 1  # the number of the item that every order holds where one is hot
_LINES = 3
_CITIES = (("Marseille", "13002"), ("Aubagne", "13400"), ("Cassis", "13260"), ("La Ciotat", "13600"))
_NAMES = (("Élise", "Vincent"), ("Naïm", "Benali"), ("Chloé", "Roux"), ("Jean-Luc", "Pastor"), ("Agnès", "Le Goff"))


@dataclass(frozen=True, slots=True)
class Sent:
    """One webhook as the shop sends it."""

    shop: int
    headers: dict[str, str]
    body: bytes


def sku(number: int) -> str:
    """The SKU of an item of the benchmark's catalogue."""
    return f"BENCH-{number:04d}"


def key(shop: int) -> str:
    """The word in a shop's webhook address."""
    return f"benchshop{shop}"


def deliveries(count: int, *, first: int = 1, hot: bool = False, shops: int = SHOPS) -> Iterator[Sent]:
    """`count` new orders, one delivery each, over the shops in turn; the same ones on every call."""
    for number in range(first, first + count):
        yield delivery(number, number % shops, hot=hot)


def delivery(number: int, shop: int, *, hot: bool = False) -> Sent:
    """The delivery of an order."""
    body = json.dumps(document(number, hot=hot), ensure_ascii=True, separators=(",", ":")).encode()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "WooCommerce/10.5.0 Hookshot (WordPress/6.9.1)",
        "X-WC-Webhook-Source": f"https://bench{shop}.example/",
        "X-WC-Webhook-Topic": "order.created",
        "X-WC-Webhook-Resource": "order",
        "X-WC-Webhook-Event": "created",
        "X-WC-Webhook-Signature": signature,
        "X-WC-Webhook-ID": "7",
        "X-WC-Webhook-Delivery-ID": hashlib.sha256(signature.encode()).hexdigest()[:32],
    }
    return Sent(shop, headers, body)


def document(number: int, *, hot: bool = False) -> dict[str, Any]:
    """A paid order of three lines as WooCommerce 10.5 shows it."""
    rnd = random.Random(number)
    chosen = rnd.sample(range(2, ITEMS + 1), _LINES - 1 if hot else _LINES)
    lines = [_line(number * 10 + place, item, rnd) for place, item in enumerate([HOT, *chosen] if hot else chosen)]
    first, last = rnd.choice(_NAMES)
    city, postcode = rnd.choice(_CITIES)
    address = {
        "first_name": first,
        "last_name": last,
        "company": "",
        "address_1": f"{rnd.randrange(1, 200)} rue de la République",
        "address_2": "",
        "city": city,
        "state": "",
        "postcode": postcode,
        "country": "FR",
        "phone": f"06{rnd.randrange(10**8):08d}",
    }
    minutes = number % (60 * 24)
    at = f"2026-11-20T{minutes // 60:02d}:{minutes % 60:02d}:17"
    total = sum(float(line["total"]) for line in lines) + 4.9
    collection = "https://bench.example/wp-json/wc/v3/orders"
    return {
        "id": number,
        "parent_id": 0,
        "status": "processing",
        "currency": "EUR",
        "version": "10.5.0",
        "prices_include_tax": False,
        "date_created": at,
        "date_modified": at,
        "discount_total": "0.00",
        "discount_tax": "0.00",
        "shipping_total": "4.90",
        "shipping_tax": "0.00",
        "cart_tax": "0.00",
        "total": f"{total:.2f}",
        "total_tax": "0.00",
        "customer_id": number % 997,
        "order_key": f"wc_order_bench{number}",
        "billing": {**address, "email": f"customer{number}@shop.example"},
        "shipping": address,
        "payment_method": "stripe",
        "payment_method_title": "Carte bancaire",
        "transaction_id": f"pi_{rnd.getrandbits(96):024x}",
        "customer_ip_address": "192.0.2.7",
        "customer_user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0",
        "created_via": "store-api",
        "customer_note": "",
        "date_completed": None,
        "date_paid": at,
        "cart_hash": f"{rnd.getrandbits(128):032x}",
        "number": str(number),
        "meta_data": [_meta(number * 10 + place, name, value) for place, (name, value) in enumerate(_ATTRIBUTION)],
        "line_items": lines,
        "tax_lines": [],
        "shipping_lines": [_shipping(number, lines)],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
        "payment_url": f"https://bench.example/checkout/order-pay/{number}/?pay_for_order=true",
        "is_editable": False,
        "needs_payment": False,
        "needs_processing": True,
        "date_created_gmt": at,
        "date_modified_gmt": at,
        "date_completed_gmt": None,
        "date_paid_gmt": at,
        "currency_symbol": "€",
        "_links": {"self": [{"href": f"{collection}/{number}"}], "collection": [{"href": collection}]},
    }


_ATTRIBUTION = (
    ("_wc_order_attribution_source_type", "organic"),
    ("_wc_order_attribution_utm_source", "google"),
    ("_wc_order_attribution_session_entry", "https://bench.example/boutique/nouveautes/"),
    ("_wc_order_attribution_session_pages", "7"),
    ("_wc_order_attribution_device_type", "Mobile"),
)


def _line(number: int, item: int, rnd: random.Random) -> dict[str, Any]:
    quantity, price = rnd.randrange(1, 4), 5 + item % 90
    return {
        "id": number,
        "name": f"Article n° {item}",
        "product_id": 1000 + item,
        "variation_id": 0,
        "quantity": quantity,
        "tax_class": "",
        "subtotal": f"{price * quantity:.2f}",
        "subtotal_tax": "0.00",
        "total": f"{price * quantity:.2f}",
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [_meta(number, "_reduced_stock", str(quantity))],
        "sku": sku(item),
        "global_unique_id": f"20{item:011d}",
        "price": float(price),
        "image": {"id": str(2000 + item), "src": f"https://bench.example/wp-content/uploads/2026/10/{item}.jpg"},
        "parent_name": None,
    }


def _shipping(number: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    names = ", ".join(f"{line['name']} &times; {line['quantity']}" for line in lines)
    return {
        "id": number,
        "method_title": "Colissimo",
        "method_id": "flat_rate",
        "instance_id": "3",
        "total": "4.90",
        "total_tax": "0.00",
        "taxes": [],
        "tax_status": "taxable",
        "meta_data": [_meta(1, "Items", names)],
    }


def _meta(number: int, name: str, value: object) -> dict[str, Any]:
    return {"id": number, "key": name, "value": value, "display_key": name, "display_value": value}
