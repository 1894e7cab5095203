"""From what BigCommerce says of an order to ours. Pure: rows in, an Order out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.money import to_minor
from connector.domain.orders import Address, Amounts, Customer, Handover, Lifecycle, LineItem, LineKind, Order
from connector.domain.settings import value
from platforms.bigcommerce.payment import payment_of

Row = Mapping[str, Any]

# Ids and names as of April 2026. Merchants rename the labels, so only ids are ever compared.
STATUS_NAMES: dict[int, str] = {
    0: "Incomplete",
    1: "Pending",
    2: "Shipped",
    3: "Partially Shipped",
    4: "Refunded",
    5: "Cancelled",
    6: "Declined",
    7: "Awaiting Payment",
    8: "Awaiting Pickup",
    9: "Awaiting Shipment",
    10: "Completed",
    11: "Awaiting Fulfillment",
    12: "Manual Verification Required",
    13: "Disputed",
    14: "Partially Refunded",
}
# Abandoned payment pages and drafts: BigCommerce gives them an id, but nobody has ordered anything yet.
NOT_YET_ORDERS = frozenset({0, 1})

_LIFECYCLES: dict[int, Lifecycle] = {
    **dict.fromkeys((3, 7, 8, 9, 11, 14), Lifecycle.OPEN),
    **dict.fromkeys((2, 10), Lifecycle.COMPLETED),
    **dict.fromkeys((4, 5, 6), Lifecycle.CANCELLED),
    **dict.fromkeys((12, 13), Lifecycle.ON_HOLD),
}
_KINDS = {"physical": LineKind.PHYSICAL, "digital": LineKind.DIGITAL, "giftcertificate": LineKind.GIFT_CARD}
_REFUNDED = 4
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNREADABLE = "\ufffd"


@dataclass(frozen=True, slots=True)
class Remote:
    """An order as several calls told it: the order itself, all its lines, its transactions, its pickup records."""

    order: Row
    lines: tuple[Row, ...] = ()
    transactions: tuple[Row, ...] = ()
    pickups: tuple[Row, ...] = ()


def order_of(remote: Remote, settings: Mapping[str, object]) -> Order | None:
    """The normalized order; None while it is only Incomplete or Pending, and once it is archived.

    For us neither exists: an abandoned payment page must not take stock, and an archived order asks for no more work.
    """
    row = remote.order
    status_id = count(row.get("status_id"))
    if status_id in NOT_YET_ORDERS or row.get("is_deleted") is True:
        return None
    currency = text(row.get("default_currency_code")) or text(row.get("currency_code"))
    payment, outstanding_minor = payment_of(row, remote.transactions, currency)
    handover, pickup_location = _handover(remote, settings)
    placed_at = moment(row.get("date_created"))
    lines = _lines(remote, currency)
    order = Order(
        external_id=str(row.get("id")),
        number=str(row.get("id")),
        placed_at=placed_at,
        version=moment(row.get("date_modified") or row.get("date_created")),
        currency=currency,
        total_minor=to_minor(row.get("total_inc_tax"), currency),
        outstanding_minor=outstanding_minor,
        payment=payment,
        # A status that is newer than this table: stock is kept, and a person looks before anybody packs.
        lifecycle=_lifecycle(status_id, lines),
        handover=handover,
        lines=lines,
        customer=_customer(row),
        shipping=_address(next(iter(shipping_consignments(row)), {})),
        billing=_address(_object(row.get("billing_address"))),
        pickup_location=pickup_location,
        note=text(row.get("customer_message")),
        shipping_method=", ".join(_methods(row)),
        payment_method=text(row.get("payment_method")),
        origin=text(row.get("order_source")),
        platform_status=text(row.get("status")) or STATUS_NAMES.get(status_id, str(status_id)),
        amounts=_amounts(remote, currency),
    )
    return dataclasses.replace(order, attention=tuple(_attention(order, remote, status_id, settings)))


# ---------------------------------------------------------------------------------------------------------------------
# Parts of an order


def pickup_consignments(order: Row) -> list[Row]:
    """The pickup consignments: at most one, and never beside shipped ones."""
    return _objects(_object(order.get("consignments")).get("pickups"))


def shipping_consignments(order: Row) -> list[Row]:
    """One consignment per shipping address."""
    return _objects(_object(order.get("consignments")).get("shipping"))


def side_loaded_lines(order: Row) -> list[Row] | None:
    """The lines that came with the consignments, or None where they may not be all.

    BigCommerce stops at 50 lines and leaves a `__warning__` (bigcommerce/docs#960); the sum of the quantities is
    compared as well, because a list that is cut without a word would lose goods.
    """
    consignments = _object(order.get("consignments"))
    email = _objects(_object(consignments.get("email")).get("gift_certificates"))
    holders = [*pickup_consignments(order), *shipping_consignments(order), *_objects(consignments.get("downloads")), *email]
    lines = [line for holder in holders for line in _objects(holder.get("line_items"))]
    whole = sum(count(line.get("quantity")) for line in lines) == count(order.get("items_total"))
    warned = any("__warning__" in place for place in (order, consignments, *holders, *lines))
    return lines if whole and not warned and len(lines) < 50 and all("sku" in line for line in lines) else None


def _lifecycle(status_id: int, lines: tuple[LineItem, ...]) -> Lifecycle:
    """Refunded in full after everything had left is no cancelling: the goods are with the customer."""
    if status_id == _REFUNDED and lines and all(line.fulfilled >= line.quantity > 0 for line in lines):
        return Lifecycle.COMPLETED
    return _LIFECYCLES.get(status_id, Lifecycle.ON_HOLD)


def _amounts(remote: Remote, currency: str) -> Amounts:
    """What the total is made of, tax included. Lines stand before discounts; refunds leave the total alone."""
    row = remote.order

    def minor(*names: str) -> int:
        return sum(to_minor(row.get(name), currency) for name in names)

    fees = sum(to_minor(fee.get("cost_inc_tax"), currency) for fee in _objects(row.get("fees")))
    presentment = text(row.get("currency_code"))
    return Amounts(
        lines_minor=sum(to_minor(line.get("total_inc_tax"), currency) for line in remote.lines),
        discount_minor=minor("discount_amount", "coupon_discount"),
        shipping_minor=minor("shipping_cost_inc_tax"),
        fees_minor=fees + minor("handling_cost_inc_tax", "wrapping_cost_inc_tax"),
        presentment_currency=presentment if presentment != currency else "",
    )


def _handover(remote: Remote, settings: Mapping[str, object]) -> tuple[Handover, str]:
    pickups = pickup_consignments(remote.order)
    if pickups:
        return Handover.PICKUP, text(_object(pickups[0].get("location")).get("id"))
    methods = _methods(remote.order)
    if methods and all(_is_pickup_rate(method, settings) for method in methods):
        return Handover.PICKUP, methods[0]
    kinds = {_kind(line) for line in remote.lines}
    return (Handover.NONE if kinds and kinds <= {LineKind.DIGITAL, LineKind.GIFT_CARD} else Handover.DELIVERY), ""


def _is_pickup_rate(method: str, settings: Mapping[str, object]) -> bool:
    """Most shops let customers collect through an ordinary shipping rate; the merchant ticks its names."""
    names = {str(name).strip().casefold() for name in value(settings, "pickup_rate_names")}
    return method.casefold() in names


def _methods(row: Row) -> list[str]:
    named = [text(consignment.get("shipping_method")) for consignment in shipping_consignments(row)]
    return list(dict.fromkeys(name for name in named if name))


def _lines(remote: Remote, currency: str) -> tuple[LineItem, ...]:
    collected = collected_units(remote.pickups)
    return tuple(_line(line, currency, collected.get(count(line.get("id")), 0)) for line in remote.lines)


def _line(row: Row, currency: str, collected: int) -> LineItem:
    """`quantity` is less what was refunded, as far as that had not left yet."""
    gone = max(count(row.get("quantity_shipped")), collected)
    return LineItem(
        external_id=str(row.get("id")),
        title=text(row.get("name")),
        quantity=max(count(row.get("quantity")) - count(row.get("quantity_refunded")), gone),
        sku=text(row.get("sku")),
        barcode=text(row.get("upc")),
        variant_id=str(count(row.get("variant_id")) or ""),
        kind=_kind(row),
        unit_price_minor=to_minor(row.get("price_inc_tax"), currency),
        total_minor=to_minor(row.get("total_inc_tax"), currency),
        fulfilled=gone,
        refunded=count(row.get("quantity_refunded")),
    )


def _kind(row: Row) -> LineKind:
    """A line typed in by hand has neither product nor variant; a type we do not know yet is taken for goods."""
    kind = _KINDS.get(text(row.get("type")), LineKind.PHYSICAL)
    if kind is LineKind.PHYSICAL and not count(row.get("product_id")) and not count(row.get("variant_id")):
        return LineKind.CUSTOM
    return kind


def collected_units(pickups: Iterable[Row]) -> dict[int, int]:
    """Line id -> units the pickup records count as collected."""
    units: dict[int, int] = {}
    for item in (item for pickup in pickups for item in _objects(pickup.get("pickup_items"))):
        if item.get("collected_at") or item.get("status") == "COLLECTED":
            line = count(item.get("order_product_id"))
            units[line] = units.get(line, 0) + count(item.get("quantity"))
    return units


def _customer(row: Row) -> Customer:
    billing = _object(row.get("billing_address"))
    return Customer(
        _name(billing), text(billing.get("email")), text(billing.get("phone")), str(count(row.get("customer_id")) or "")
    )


def _address(row: Row) -> Address:
    fields = ("company", "street_1", "street_2", "city", "state", "zip", "country_iso2", "phone")
    return Address(_name(row), *(text(row.get(name)) for name in fields))


def _name(row: Row) -> str:
    return f"{text(row.get('first_name'))} {text(row.get('last_name'))}".strip()


def _attention(order: Order, remote: Remote, status_id: int, settings: Mapping[str, object]) -> Iterable[str]:
    ticked = {_is_pickup_rate(method, settings) for method in _methods(remote.order)}
    found = {
        "no_lines": not order.lines,
        "no_customer": not order.customer.name and not order.customer.email,
        "no_address": order.handover is Handover.DELIVERY and not (order.shipping.street or order.shipping.city),
        "odd_characters": _UNREADABLE in str(dataclasses.asdict(order)),
        "several_addresses": len(shipping_consignments(remote.order)) > 1,
        "mixed_handover": len(ticked) > 1,
        "unknown_status": status_id not in STATUS_NAMES,
        "unknown_line_kind": any(text(line.get("type")) not in _KINDS for line in remote.lines),
        "custom_line": any(line.kind is LineKind.CUSTOM for line in order.lines),
        "fractional_quantity": any(_is_broken(line.get("quantity")) for line in remote.lines),
        "negative_quantity": any(count(line.get("quantity")) < 0 for line in remote.lines),
        "bundle": any(count(line.get("parent_order_product_id")) for line in remote.lines),
    }
    return (code for code, true in found.items() if true)


# ---------------------------------------------------------------------------------------------------------------------
# Values


def text(value: object) -> str:
    """A value as trimmed text; characters that no page and no database can hold become U+FFFD."""
    return _ODD.sub(_UNREADABLE, str(value)).strip() if value not in (None, False) else ""


def count(value: object) -> int:
    """A whole number that BigCommerce sends as a number or a string; nothing is 0, and a part counts as a whole."""
    try:
        return int(Decimal(str(value)).to_integral_value(ROUND_CEILING)) if value not in (None, "", False) else 0
    except (InvalidOperation, ValueError, OverflowError):
        raise Malformed(f"{str(value)[:40]!r} is not a whole number.") from None


def _is_broken(value: object) -> bool:
    return isinstance(value, int | float | str) and Decimal(str(value or 0)) != count(value)


def moment(value: object) -> datetime:
    """A v2 date (RFC 2822; without an offset it is UTC) as an aware time in UTC."""
    try:
        at = parsedate_to_datetime(str(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, IndexError, TypeError, OverflowError):
        raise Malformed(f"{str(value)[:40]!r} is not a date.") from None


def _object(value: object) -> Row:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
