"""The small pieces of Shopify's answers: people, addresses, amounts, times, text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.money import to_minor
from connector.domain.orders import Address, Customer

# Control characters but tab and line ends, and halves of surrogate pairs: no name has them and no database takes them all.
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def moment(stamp: str) -> datetime:
    """Shopify's ISO 8601 time as aware UTC."""
    try:
        return datetime.fromisoformat(stamp).astimezone(UTC)
    except (TypeError, ValueError):
        raise Malformed(f"{str(stamp)[:40]!r} is not a time.", "Report it with the order's number.") from None


def customer(found: Mapping[str, Any]) -> Customer:
    """A guest has no customer; without Shopify's approval for personal data every field is null."""
    customer = found["customer"] or {}
    postal = found["shippingAddress"] or found["billingAddress"] or {}
    return Customer(
        name=customer.get("displayName") or postal.get("name") or "",
        email=found["email"] or "",
        phone=found["phone"] or postal.get("phone") or "",
        external_id=customer.get("id") or "",
    )


def address(postal: Mapping[str, Any] | None) -> Address:
    if postal is None:
        return Address()
    return Address(
        name=postal["name"] or "",
        company=postal["company"] or "",
        street=postal["address1"] or "",
        street2=postal["address2"] or "",
        city=postal["city"] or "",
        region=postal["provinceCode"] or "",
        postcode=postal["zip"] or "",
        country=postal["countryCodeV2"] or "",
        phone=postal["phone"] or "",
    )


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
