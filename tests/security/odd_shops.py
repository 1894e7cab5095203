"""Orders in the words of the three platforms, and one small server that answers all three APIs with them.

An order is described once, as `Sold`; each platform has a function that says it in its own form. Values are put into the
form as they are given, however odd: a number, a text, a list. `ABSENT` leaves a field out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wrappers import Request, Response

ABSENT: Any = object()
PLACED, CHANGED = "2026-11-20T10:00:00", "2026-11-20T10:00:05"
PERSON = {
    "name": "Zoé Arnal",
    "street": "3 rue Sainte",
    "street2": "",
    "city": "Marseille",
    "postcode": "13001",
    "country": "FR",
    "phone": "+33491000000",
    "email": "zoe@example.test",
}


@dataclass(frozen=True)
class Line:
    """One line of an order; `kind` is physical, digital, gift or custom. `id` 0 is the line's own position."""

    sku: Any = "PEN"
    quantity: Any = 1
    price: Any = "10.00"
    title: Any = "Pen"
    kind: str = "physical"
    id: Any = 0
    product: Any = 7
    refunded: Any = 0
    restocked: Any = 0
    left: Any = 0
    parent: Any = None


@dataclass(frozen=True)
class Sold:
    """An order. `state` is open, cancelled, shipped, refunded or draft; `pickup` asks for collecting."""

    lines: tuple[Line, ...] = (Line(),)
    currency: Any = "EUR"
    total: Any = "10.00"
    person: Mapping[str, Any] | None = field(default_factory=lambda: PERSON)
    note: Any = ""
    placed: Any = PLACED
    changed: Any = CHANGED
    state: str = "open"
    pickup: bool = False
    paid: bool = True
    test: bool = False
    given_back: Any = "0.00"
    shown_currency: Any = ""


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not ABSENT}


def _ids(sold: Sold) -> list[tuple[Any, Line]]:
    return [(line.id or position, line) for position, line in enumerate(sold.lines, 1)]


# --- WooCommerce -----------------------------------------------------------------------------------------------------

_WOO_STATES = {
    "open": "processing",
    "cancelled": "cancelled",
    "shipped": "completed",
    "refunded": "refunded",
    "draft": "checkout-draft",
}


def woocommerce(number: int, sold: Sold) -> dict[str, Any]:
    """`GET wc/v3/orders/<id>`, which is also the body of a delivery."""
    lines = [_woo_line(key, line) for key, line in _ids(sold)]
    refunded = any(line.refunded for line in sold.lines)
    return _kept(
        {
            "id": number,
            "number": str(number),
            "status": _WOO_STATES[sold.state],
            "currency": sold.currency,
            "date_created_gmt": sold.placed,
            "date_modified_gmt": sold.changed,
            "date_paid_gmt": PLACED if sold.paid else None,
            "date_completed_gmt": PLACED if sold.state == "shipped" else None,
            "total": sold.total,
            "customer_id": 0,
            "customer_note": sold.note,
            "billing": _woo_person(sold.person),
            "shipping": _woo_person(sold.person),
            "line_items": lines,
            "needs_processing": not all(line.kind == "digital" for line in sold.lines),
            "shipping_lines": _woo_shipping(sold),
            "refunds": [{"id": number + 1, "reason": "", "total": f"-{sold.given_back}"}] if refunded else [],
            "meta_data": [],
        }
    )


def woocommerce_refunds(number: int, sold: Sold) -> list[dict[str, Any]]:
    """`GET wc/v3/orders/<id>/refunds`."""
    lines = [
        {"id": 900 + position, "quantity": -line.refunded, "meta_data": [{"key": "_refunded_item_id", "value": str(key)}]}
        for position, (key, line) in enumerate(_ids(sold))
        if line.refunded
    ]
    return [{"id": number + 1, "date_created_gmt": CHANGED, "amount": sold.given_back, "line_items": lines}] if lines else []


def _woo_line(key: Any, line: Line) -> dict[str, Any]:
    restocked = [{"key": "_restock_refunded_items", "value": line.restocked}] if line.restocked else []
    return _kept(
        {
            "id": key,
            "name": line.title,
            "product_id": 0 if line.kind == "custom" else line.product,
            "variation_id": 0,
            "quantity": line.quantity,
            "sku": line.sku,
            "total": line.price,
            "total_tax": "0.00",
            "meta_data": restocked,
        }
    )


def _woo_shipping(sold: Sold) -> list[dict[str, Any]]:
    if all(line.kind in ("digital", "gift") for line in sold.lines) and sold.lines:
        return []
    method = "pickup_location" if sold.pickup else "flat_rate"
    place = [{"key": "pickup_location", "value": "Shop"}] if sold.pickup else []
    return [{"method_id": method, "method_title": "Way", "total": "0.00", "total_tax": "0.00", "meta_data": place}]


def _woo_person(person: Mapping[str, Any] | None) -> dict[str, Any]:
    found = person or {}
    return {
        "first_name": found.get("name", ""),
        "last_name": "",
        "company": "",
        "address_1": found.get("street", ""),
        "address_2": found.get("street2", ""),
        "city": found.get("city", ""),
        "state": "",
        "postcode": found.get("postcode", ""),
        "country": found.get("country", ""),
        "email": found.get("email", ""),
        "phone": found.get("phone", ""),
    }


# --- BigCommerce -----------------------------------------------------------------------------------------------------

_BIG_STATES = {"open": 11, "cancelled": 5, "shipped": 2, "refunded": 4, "draft": 0}
_BIG_KINDS = {"digital": "digital", "gift": "giftcertificate"}


def bigcommerce(number: int, sold: Sold) -> dict[str, Any]:
    """`GET v2/orders/<id>` with its consignments; the lines are read apart, as those of a long order are."""
    status = _BIG_STATES[sold.state]
    address = _big_address(sold.person)
    digital = bool(sold.lines) and all(line.kind in ("digital", "gift") for line in sold.lines)
    shipping = [] if digital or sold.pickup else [{**address, "id": 1, "shipping_method": "Way", "line_items": []}]
    pickups = [{"id": 1, "location": {"id": 1}, "line_items": []}] if sold.pickup else []
    return _kept(
        {
            "id": number,
            "status_id": status,
            "status": "",
            "date_created": _rfc(sold.placed),
            "date_modified": _rfc(sold.changed),
            "default_currency_code": sold.currency,
            "currency_code": sold.shown_currency or sold.currency,
            "total_inc_tax": sold.total,
            "items_total": -1,
            "payment_status": "captured" if sold.paid else "pending",
            "payment_method": "Card",
            "customer_message": sold.note,
            "billing_address": {**address, "email": (sold.person or {}).get("email", "")},
            "consignments": {"shipping": shipping, "pickups": pickups, "downloads": [], "email": {"gift_certificates": []}},
        }
    )


def bigcommerce_products(number: int, sold: Sold) -> list[dict[str, Any]]:
    """`GET v2/orders/<id>/products`."""
    return [
        _kept(
            {
                "id": key,
                "product_id": 0 if line.kind == "custom" else line.product,
                "variant_id": 0,
                "name": line.title,
                "sku": line.sku,
                "type": _BIG_KINDS.get(line.kind, "physical"),
                "quantity": line.quantity,
                "quantity_shipped": line.left,
                "quantity_refunded": line.refunded,
                "price_inc_tax": line.price,
                "total_inc_tax": line.price,
                "parent_order_product_id": line.parent,
            }
        )
        for key, line in _ids(sold)
    ]


def _rfc(stamp: Any) -> Any:
    """A v2 date of an ISO one; what is no date stays as it is."""
    try:
        return format_datetime(datetime.fromisoformat(stamp))
    except (TypeError, ValueError):
        return stamp


def _big_address(person: Mapping[str, Any] | None) -> dict[str, Any]:
    found = person or {}
    return {
        "first_name": found.get("name", ""),
        "last_name": "",
        "company": "",
        "street_1": found.get("street", ""),
        "street_2": found.get("street2", ""),
        "city": found.get("city", ""),
        "zip": found.get("postcode", ""),
        "country_iso2": found.get("country", ""),
        "phone": found.get("phone", ""),
    }


# --- Shopify ---------------------------------------------------------------------------------------------------------

_ENDED = {"pageInfo": {"hasNextPage": False, "endCursor": None}}


def shopify(number: int, sold: Sold) -> dict[str, Any]:
    """The `order` of the GraphQL answer."""
    gid = f"gid://shopify/Order/{number}"
    lines = [_shopify_line(key, line) for key, line in _ids(sold)]
    shipped, cancelled = sold.state == "shipped", sold.state == "cancelled"
    return _kept(
        {
            "id": gid,
            "name": f"#{number}",
            "createdAt": _zulu(sold.placed),
            "processedAt": _zulu(sold.placed),
            "updatedAt": _zulu(sold.changed),
            "cancelledAt": _zulu(PLACED) if cancelled else None,
            "test": sold.test,
            "tags": [],
            "sourceName": "web",
            "note": sold.note,
            "email": (sold.person or {}).get("email"),
            "phone": None,
            "currencyCode": sold.currency,
            "displayFinancialStatus": _shopify_payment(sold),
            "displayFulfillmentStatus": "FULFILLED" if shipped else "UNFULFILLED",
            "fullyPaid": sold.paid,
            "paymentGatewayNames": ["card"],
            "retailLocation": None,
            "customer": None,
            "taxesIncluded": True,
            "shippingAddress": _shopify_address(sold.person),
            "billingAddress": _shopify_address(sold.person),
            "currentTotalPriceSet": _money(sold.total, sold.shown_currency or "EUR"),
            "currentShippingPriceSet": _money("0.00"),
            "currentTotalTaxSet": _money("0.00"),
            "currentTotalDutiesSet": None,
            "currentTotalAdditionalFeesSet": None,
            "totalTipReceivedSet": _money("0.00"),
            "totalOutstandingSet": _money("0.00" if sold.paid else "10.00"),
            "shippingLine": {"title": "Way"},
            "fulfillmentsCount": {"count": 1 if any(line.left for line in sold.lines) else 0},
            "lineItems": {**_ENDED, "nodes": lines},
            "fulfillmentOrders": {**_ENDED, "nodes": _shopify_parts(sold)},
        }
    )


def _shopify_payment(sold: Sold) -> str:
    if sold.state == "refunded":
        return "REFUNDED"
    return "PAID" if sold.paid else "PENDING"


def _money(amount: Any, shown: Any = "EUR") -> Any:
    return (
        ABSENT
        if amount is ABSENT
        else {"shopMoney": {"amount": amount}, "presentmentMoney": {"amount": amount, "currencyCode": shown}}
    )


def _zulu(stamp: Any) -> Any:
    return stamp + "Z" if isinstance(stamp, str) and stamp[-9:-8] == "T" else stamp


def _current(line: Line) -> Any:
    return max(0, line.quantity - line.refunded) if line.refunded else line.quantity


def _shopify_line(key: Any, line: Line) -> dict[str, Any]:
    return _kept(
        {
            "id": f"gid://shopify/LineItem/{key}",
            "name": line.title,
            "sku": line.sku,
            "quantity": line.quantity,
            "currentQuantity": _current(line),
            "requiresShipping": line.kind in ("physical", "custom"),
            "isGiftCard": line.kind == "gift",
            "variant": None
            if line.kind == "custom" or not line.product
            else {"id": "gid://shopify/ProductVariant/7", "barcode": None},
            "originalUnitPriceSet": _money(line.price),
            "discountedUnitPriceAfterAllDiscountsSet": _money(line.price),
        }
    )


def _shopify_parts(sold: Sold) -> list[dict[str, Any]]:
    """One fulfillment order with every line that is to be handed over."""
    rows = [
        {
            "id": f"gid://shopify/FulfillmentOrderLineItem/{key}",
            "totalQuantity": line.quantity,
            "remainingQuantity": _current(line),
            "lineItem": {"id": f"gid://shopify/LineItem/{key}"},
        }
        for key, line in _ids(sold)
        if line.kind in ("physical", "custom") and sold.state in ("open", "refunded", "draft") and not line.left
    ]
    part = {
        "id": "gid://shopify/FulfillmentOrder/1",
        "status": "OPEN",
        "assignedLocation": {"name": "Shop", "location": None},  # the location was deleted
        "deliveryMethod": {"methodType": "PICK_UP" if sold.pickup else "SHIPPING", "presentedName": None},
        "supportedActions": [{"action": "CREATE_FULFILLMENT"}],
        "lineItems": {**_ENDED, "nodes": rows},
    }
    return [part] if rows else []


def _shopify_refunds(sold: Sold) -> list[dict[str, Any]]:
    rows = [
        {
            "quantity": line.refunded,
            "restockType": "CANCEL" if line.restocked else "NO_RESTOCK",
            "location": None,
            "lineItem": {"id": f"gid://shopify/LineItem/{key}"},
        }
        for key, line in _ids(sold)
        if line.refunded
    ]
    return [{"id": "gid://shopify/Refund/1", "refundLineItems": {**_ENDED, "nodes": rows}}]


def _shopify_shipments(sold: Sold) -> list[dict[str, Any]]:
    rows = [{"quantity": line.left, "lineItem": {"id": f"gid://shopify/LineItem/{key}"}} for key, line in _ids(sold) if line.left]
    return [
        {
            "id": "gid://shopify/Fulfillment/1",
            "status": "SUCCESS",
            "trackingInfo": [],
            "fulfillmentLineItems": {**_ENDED, "nodes": rows},
        }
    ]


def _shopify_address(person: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if person is None:
        return None
    names = ("name", "company", "street", "street2", "city", "region", "postcode", "country", "phone")
    fields = ("name", "company", "address1", "address2", "city", "provinceCode", "zip", "countryCodeV2", "phone")
    return {field: person.get(name) for name, field in zip(names, fields, strict=True)}


# --- the server ------------------------------------------------------------------------------------------------------


@dataclass
class OddShops:
    """A WSGI app with the APIs of the three platforms; `shelf` is what they sell, by platform and order number."""

    shelf: dict[tuple[str, int], Sold] = field(default_factory=dict)
    instead: dict[tuple[str, int], bytes] = field(default_factory=dict)  # an answer in place of the order's

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        platform = request.path.split("/")[1]
        number = _number(request)
        sold = self.shelf.get((platform, number))
        if (platform, number) in self.instead:
            return Response(self.instead[platform, number], content_type="application/json")(environ, start_response)
        answer = _SERVED[platform](request, number, sold)
        status = 404 if answer is None else 200
        return Response(json.dumps({} if answer is None else answer), status, content_type="application/json")(
            environ, start_response
        )


def _number(request: Request) -> int:
    said = request.get_data(as_text=True) if request.method == "POST" else request.full_path
    found = re.search(r"orders/(\d+)|gid://shopify/Order/(\d+)", said)
    return int(found[1] or found[2]) if found else 0


def _serve_shopify(request: Request, number: int, sold: Sold | None) -> Any:
    asked = request.get_json()["query"]
    if sold is None:
        return {"data": {"order": None}}
    if "query Shipments(" in asked:
        return {"data": {"order": {"fulfillments": _shopify_shipments(sold)}}}
    if "query Refunds(" in asked:
        return {"data": {"order": {"refunds": _shopify_refunds(sold)}}}
    return {"data": {"order": shopify(number, sold)}}


def _serve_woocommerce(request: Request, number: int, sold: Sold | None) -> Any:
    if sold is None:
        return None
    return woocommerce_refunds(number, sold) if request.path.endswith("/refunds") else woocommerce(number, sold)


def _serve_bigcommerce(request: Request, number: int, sold: Sold | None) -> Any:
    if request.path.endswith("/pickups") or request.path.endswith("/transactions"):
        return {"data": [], "meta": {}}
    if sold is None:
        return None
    if not request.path.endswith("/products"):
        return bigcommerce(number, sold)
    page, limit = (int(request.args[name]) for name in ("page", "limit"))
    return bigcommerce_products(number, sold)[(page - 1) * limit : page * limit]


_SERVED: Mapping[str, Callable[[Request, int, Sold | None], Any]] = {
    "shopify": _serve_shopify,
    "woocommerce": _serve_woocommerce,
    "bigcommerce": _serve_bigcommerce,
}
