"""The small pieces of Shopify's answers: people, addresses, amounts, times, text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.money import to_minor
from connector.domain.orders import Address, Customer

# Control characters but tab and line ends, and halves of surrogate pairs: no name has them and no database takes them all.
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@contextmanager
def promised_form() -> Iterator[None]:
    """Around the reading of an answer: one that breaks the schema's promises (a field is missing, a number is none) is Malformed.

    Every field and type that is read stands in Shopify's schema, so nothing is checked field by field.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        kind = type(error).__name__
        raise Malformed(
            f"Shopify's answer has not the form its schema promises ({kind}).",
            "Look at the order in Shopify's admin; report it with its number, then replay.",
        ) from error


def units(value: object) -> int:
    """A quantity; Malformed for anything but a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"The quantity {str(value)[:40]!r} is not a whole number.", "Report it with the order's number.")
    return value


def moment(stamp: str) -> datetime:
    """Shopify's ISO 8601 time as aware UTC."""
    try:
        return datetime.fromisoformat(stamp).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise Malformed(f"{str(stamp)[:40]!r} is not a time.", "Report it with the order's number.") from None


def customer(found: Mapping[str, Any]) -> Customer:
    """A guest has no customer; without Shopify's approval for personal data every field is null."""
    customer = found["customer"] or {}
    postal = found["shippingAddress"] or found["billingAddress"] or {}
    return Customer(
        name=text(customer.get("displayName")) or text(postal.get("name")),
        email=text(found["email"]),
        phone=text(found["phone"]) or text(postal.get("phone")),
        external_id=text(customer.get("id")),
    )


def address(postal: Mapping[str, Any] | None) -> Address:
    """A postal address; empty where there is none."""
    if postal is None:
        return Address()
    names = ("name", "company", "address1", "address2", "city", "provinceCode", "zip", "countryCodeV2", "phone")
    return Address(*(text(postal[name]) for name in names))


def text(value: object) -> str:
    """A text; "" for null, and for anything that is none: it is not worth the order."""
    return value if isinstance(value, str) else ""


def amount(bag: Mapping[str, Any]) -> Decimal:
    """The amount in the shop's currency, never the one the customer saw: they must not be mixed."""
    try:
        return Decimal(str(bag["shopMoney"]["amount"]))
    except (ArithmeticError, KeyError, TypeError):
        raise Malformed("An amount of the order cannot be read.", "Report it with the order's number.") from None


def minor(found: Mapping[str, Any], name: str) -> int:
    return to_minor(amount(found[name]), found["currencyCode"])


def cleaned(value: Any) -> Any:
    """The same document with what no text should hold replaced by U+FFFD."""
    if isinstance(value, str):
        return _ODD.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {key: cleaned(inner) for key, inner in value.items()}
    return [cleaned(inner) for inner in value] if isinstance(value, list) else value
