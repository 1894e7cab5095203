"""What a customer's wish becomes in this store: lines, addresses, consignments."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from connector.domain.errors import Rejected
from sandbox.bigcommerce.collecting import method_id
from sandbox.bigcommerce.selling import product_id, variant_id
from sandbox.catalogue import ITEM_BY_SKU, LOCATION_BY_CODE
from sandbox.shopfront import PICKUP, Wanted

PICKUP_RATE = "Pickup in Store"
DELIVERY_RATE = "Colissimo"
_SHIPPING_MINOR = 590
_COUNTRIES = {"FR": "France", "BE": "Belgium", "DE": "Germany", "IT": "Italy", "ES": "Spain", "CH": "Switzerland"}
_NAME = ("first_name", "last_name", "company")
_PLACE = ("street_1", "street_2", "city", "state", "zip", "country", "country_iso2")
_NOBODY = dict.fromkeys((*_NAME, *_PLACE, "phone", "email"), "")
Line = dict[str, Any]

# Awkward lines: what is sold, and what of a catalogue line is different.
_EXTRA_LINES: dict[str, Line] = {
    "custom_line": {"name": "Emballage cadeau", "product_id": 0, "variant_id": 0, "price_minor": 300},
    "unknown_sku": {"name": "Article retiré", "product_id": 9001, "variant_id": 9501, "sku": "RETIRE-2019", "price_minor": 1200},
    "gift_card": {"name": "Carte cadeau 50 €", "product_id": 0, "variant_id": 0, "type": "giftcertificate", "price_minor": 5000},
    "digital": {"name": "Patron de couture (PDF)", "product_id": 9002, "variant_id": 9502, "sku": "PDF-1", "type": "digital"},
}


def draft(wanted: Wanted, next_id: Callable[[str], int]) -> dict[str, Any]:
    """The order before it is placed. `next_id` numbers what needs an id of its own."""
    person = _person(wanted)
    collected = wanted.handover == PICKUP and bool(wanted.pickup)
    pickup = _pickup(wanted.pickup, next_id("consignment")) if collected else None
    addresses = [] if collected else _addresses(wanted, person, next_id)
    lines = [_line(next_id, **fields) for fields in _wanted_lines(wanted)]
    for number, line in enumerate(line for line in lines if line["type"] == "physical"):
        line["order_pickup_method_id"] = pickup["id"] if pickup else 0
        line["order_address_id"] = addresses[number % len(addresses)]["id"] if addresses else 0
    goes_out = any(line["order_address_id"] for line in lines) and wanted.handover != PICKUP
    return with_total(
        {
            "id": next_id("order"),
            "status_id": 0,
            "payment_status": "",
            "payment_method": "Bank Deposit" if "offline_payment" in wanted.extra else "Credit Card",
            "date_created": int(time.time()),
            "customer_id": 0 if "no_customer" in wanted.extra else 1 + sum(person["email"].encode()) % 5000,
            "billing": _NOBODY if "no_customer" in wanted.extra else person,
            "addresses": addresses if any(line["order_address_id"] for line in lines) else [],
            "pickup": pickup,
            "lines": lines,
            "shipping_minor": _SHIPPING_MINOR if goes_out else 0,
            "refunded_minor": 0,
            "fees": [{"id": next_id("fee"), "name": "Assurance", "cost_minor": 250}] if "fee" in wanted.extra else [],
            "transactions": [],
            "customer_message": wanted.note + (" \u202e\u0000\U0001f980 <b>'\"" if "odd_characters" in wanted.extra else ""),
            "staff_notes": "",
            "is_deleted": False,
            "stock_taken": None,
        }
    )


def catalogue_line(sku: str, quantity: int) -> Line:
    """A line of an article of the catalogue; one the store does not know is refused."""
    item = ITEM_BY_SKU.get(sku)
    if item is None:
        raise Rejected(f"The store has no article {sku[:40]!r}.", "Choose one of the catalogue.")
    return {
        "name": item.title,
        "sku": sku,
        "upc": item.barcode,
        "product_id": product_id(item),
        "variant_id": variant_id(item),
        "price_minor": item.price_minor,
        "quantity": quantity,
    }


def with_total(order: dict[str, Any]) -> dict[str, Any]:
    """The order with the total its lines, shipping and fees come to."""
    goods = sum(line["price_minor"] * line["quantity"] for line in order["lines"])
    fees = sum(fee["cost_minor"] for fee in order.get("fees", ()))
    return {**order, "total_minor": goods + order["shipping_minor"] + fees}


def _wanted_lines(wanted: Wanted) -> list[Line]:
    extra = [fields for name, fields in _EXTRA_LINES.items() if name in wanted.extra]
    return [*(catalogue_line(sku, quantity) for sku, quantity in wanted.lines), *extra]


def _line(next_id: Callable[[str], int], **fields: Any) -> Line:
    plain = {"sku": "", "upc": "", "type": "physical", "quantity": 1, "quantity_shipped": 0, "quantity_refunded": 0}
    places = {"order_address_id": 0, "order_pickup_method_id": 0}
    return {"id": next_id("line"), **plain, "price_minor": 900, **places, **fields}


def _pickup(code: str, number: int) -> dict[str, Any]:
    place = LOCATION_BY_CODE.get(code)
    if place is None:
        raise Rejected(f"The store has no location {code[:40]!r}.", f"Choose one of {', '.join(LOCATION_BY_CODE)}.")
    return {"id": number, "pickup_method_id": method_id(place), "location": place.number}


def _addresses(wanted: Wanted, person: dict[str, str], next_id: Callable[[str], int]) -> list[dict[str, Any]]:
    """Collecting without a pickup consignment is an ordinary order with the rate "Pickup in Store"."""
    method = PICKUP_RATE if wanted.handover == PICKUP else DELIVERY_RATE
    place = _NOBODY if "no_address" in wanted.extra else person
    first = {"id": next_id("address"), **place, "shipping_method": method}
    if "two_addresses" not in wanted.extra:
        return [first]
    return [first, {**first, "id": next_id("address"), "first_name": "Maison", "last_name": "Secondaire", "city": "Cassis"}]


def _person(wanted: Wanted) -> dict[str, str]:
    given = wanted.customer
    first, _, last = given.get("name", "").rpartition(" ")
    country = given.get("country", "")
    return {
        **_NOBODY,
        "first_name": first,
        "last_name": last,
        "street_1": given.get("street", ""),
        "city": given.get("city", ""),
        "zip": given.get("postcode", ""),
        "country": _COUNTRIES.get(country, country),
        "country_iso2": country,
        "phone": given.get("phone", ""),
        "email": given.get("email", ""),
    }
