"""What somebody asks for over HTTP, checked: values that no shop could take are refused with the remedy."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from connector.domain.errors import Malformed
from sandbox.catalogue import ITEM_BY_SKU, LOCATIONS
from sandbox.customers import invented
from sandbox.shopfront import DELIVERY, EXTRAS, PICKUP, Wanted

MOST_LINES = 50
MOST_UNITS = 1000
_LONGEST_TEXT = 2000
_CUSTOMER_FIELDS = ("name", "email", "phone", "street", "city", "postcode", "country")
_UNFIT = ("Handover and pickup place do not fit together.", 'Give "pickup" (a place) with the handover "pickup" and only then.')
PICKUP_PLACES = tuple(location for location in LOCATIONS if location.kind == "shop")


def wanted_from(asked: Any) -> Wanted:
    """A JSON object with the fields of `Wanted`; a line is {"sku", "quantity"} or [sku, quantity].

    Without a customer an invented one buys. Malformed says what is wrong and what would be right.
    """
    asked = _object(asked, "An order")
    _known(asked, {field.name for field in fields(Wanted)}, "An order")
    given: dict[str, Any] = {name: _READERS[name](asked[name]) for name in asked}
    usual = {"lines": (), "handover": DELIVERY, "customer": invented(random.Random())}  # noqa: S311
    wanted = Wanted(**{**usual, **given})
    if (wanted.handover == PICKUP) != bool(wanted.pickup):
        raise Malformed(*_UNFIT)
    return wanted


def quantities_from(asked: Any) -> dict[str, int]:
    """A JSON object of quantities by SKU, not empty; Malformed says what is wrong."""
    quantities = _object(asked, "Quantities")
    if not quantities:
        raise Malformed("There are no quantities.", 'Give them by SKU: {"quantities": {"MAR-TS-M": 1}}.')
    return {str(sku): whole(quantity, 0, MOST_UNITS, "A quantity") for sku, quantity in quantities.items()}


def address_from(asked: Any) -> dict[str, str]:
    """A JSON object with some of a customer's fields: the new address."""
    address = _customer(asked)
    if not address:
        raise Malformed("There is no address.", f"Give some of {', '.join(_CUSTOMER_FIELDS)}.")
    return address


def handover_from(asked: Any) -> tuple[str, str]:
    """{"handover": "delivery"} or {"handover": "pickup", "pickup": place}: (the way, the place)."""
    asked = _object(asked, "A handover")
    _known(asked, {"handover", "pickup"}, "A handover")
    way, place = _READERS["handover"](asked.get("handover")), _READERS["pickup"](asked.get("pickup", ""))
    if (way == PICKUP) != bool(place):
        raise Malformed(*_UNFIT)
    return str(way), str(place)


def whole(value: object, least: int, most: int, what: str) -> int:
    """The value where it is an int within bounds; Malformed names them."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Malformed(f"{what} cannot be {str(value)[:40]!r}.", f"Give a whole number from {least} to {most}.")
    return value


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{what} must be a JSON object.", "See docs/sandbox.md for examples.")
    return value


def _known(asked: Mapping[str, Any], names: set[str], what: str) -> None:
    unknown = sorted(set(asked) - names)
    if unknown:
        raise Malformed(f"{what} has no field {unknown[0][:40]!r}.", f"The fields are {', '.join(sorted(names))}.")


def _lines(value: Any) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, list) or len(value) > MOST_LINES:
        raise Malformed("The lines must be a list.", f'Give at most {MOST_LINES} of {{"sku": "MAR-TS-M", "quantity": 1}}.')
    return tuple(_line(line) for line in value)


def _line(value: Any) -> tuple[str, int]:
    pair = (value.get("sku"), value.get("quantity", 1)) if isinstance(value, dict) else value
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise Malformed("A line cannot be read.", 'Give {"sku": "MAR-TS-M", "quantity": 1}.')
    sku = _one_of(pair[0], tuple(ITEM_BY_SKU), "A SKU")
    return sku, whole(pair[1], 1, MOST_UNITS, "A quantity")


def _one_of(value: Any, allowed: tuple[str, ...], what: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Malformed(f"{what} cannot be {str(value)[:40]!r}.", f"It is one of {', '.join(filter(None, allowed))}.")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or any("\ud800" <= char <= "\udfff" for char in value):
        raise Malformed("A text cannot be read.", f"Give at most {_LONGEST_TEXT} characters of Unicode.")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"Paid cannot be {str(value)[:40]!r}.", "Give true or false.")
    return value


def _customer(value: Any) -> dict[str, str]:
    customer = _object(value, "A customer")
    _known(customer, set(_CUSTOMER_FIELDS), "A customer")
    return {name: _text(text) for name, text in customer.items()}


def _extra(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > len(EXTRAS):
        raise Malformed("Extra must be a list.", f"Give some of {', '.join(EXTRAS)}.")
    return tuple(_one_of(name, EXTRAS, "An extra") for name in value)


_READERS: dict[str, Callable[[Any], object]] = {
    "lines": _lines,
    "handover": lambda value: _one_of(value, (DELIVERY, PICKUP), "Handover"),
    "pickup": lambda value: _one_of(value, ("", *(place.code for place in PICKUP_PLACES)), "A pickup place"),
    "paid": _yes_or_no,
    "customer": _customer,
    "note": _text,
    "extra": _extra,
}
