"""From WooCommerce's representation of an order, the same in webhooks and in `wc/v3`, to the normalized order."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from connector.domain.errors import Malformed
from connector.domain.money import to_minor
from connector.domain.orders import Address, Amounts, Customer, Handover, Lifecycle, LineItem, LineKind, Order, Payment, Return
from connector.domain.settings import value
from connector.platform import Shop
from platforms.messages import whole
from platforms.woocommerce.webhook import REMEDY

_Json = Mapping[str, Any]
_OBJECT = (dict, Mapping)  # nearly always the first, which is found without a walk through abstract classes

# Drafts are no orders: they are filtered before this table is asked. A status that is not here is a shop's own: open.
# failed: the payment was declined. Its stock was never taken, or is given back since 11.x (woocommerce/woocommerce#66256), and
# a customer who pays after all brings the order back to processing: then it is taken in again as a difference.
# on-hold: the customer pays by bank transfer; WooCommerce holds its stock, and so do we, open and unpaid.
_LIFECYCLES = {
    "completed": Lifecycle.COMPLETED,
    "cancelled": Lifecycle.CANCELLED,
    "refunded": Lifecycle.CANCELLED,
    "failed": Lifecycle.CANCELLED,
    "trash": Lifecycle.CANCELLED,
}
DRAFTS = frozenset({"checkout-draft", "auto-draft"})
# What no text holds: control characters but tab and line ends, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# What such characters may look like in JSON: escaped, a surrogate's first byte in UTF-8, any zero byte (UTF-16 is full of them).
_MAY_BE_UNSTORABLE = (
    *(b"\\u000", b"\\u001", b"\\u007f", b"\\u007F", b"\\b", b"\\f", b"\x7f"),
    *(b"\\ud", b"\\uD", b"\xed", b"\x00"),
)
_LARGEST_QUANTITY = 2**31 - 1


def normalize(shop: Shop, body: bytes) -> Order | None:
    """The order a delivery carries; None where it must be read by id: a bare id, or refunds, whose lines are not in it."""
    document = whole(body, REMEDY)
    complete = isinstance(document.get("line_items"), list) and document.get("date_modified_gmt")
    if not complete or document.get("refunds"):
        return None
    return order_from(shop, document, clean=not any(sign in body for sign in _MAY_BE_UNSTORABLE))


def order_from(shop: Shop, document: _Json, refunds: Sequence[_Json] = (), *, clean: bool = False) -> Order:
    """The normalized order from its representation and its refund objects.

    Amounts include tax, as the customer pays them. `*_gmt` dates only: the others are the shop's local time without an
    offset. Malformed where money, dates or quantities are no such things. `clean` says that no text of it has to be
    scrubbed, which costs more than all the rest.
    """
    source = document if clean else _scrubbed(document)
    odd = {"odd_characters"} if source != document else set[str]()
    currency = _text(source.get("currency")).upper()
    lines = _lines(source, refunds, currency)
    payment, outstanding = _payment(source, currency)
    handover, pickup, method = _handover(shop, source)
    customer, billing = _customer(source), _address(source, "billing")
    shipping = _shipping_address(source, billing)
    return Order(
        external_id=str(source.get("id", "")),
        number=_text(source.get("number")) or str(source.get("id", "")),
        placed_at=_utc(source, "date_created_gmt"),
        version=_utc(source, "date_modified_gmt"),
        currency=currency,
        total_minor=to_minor(source.get("total"), currency),
        outstanding_minor=outstanding,
        payment=payment,
        lifecycle=_lifecycle(source),
        handover=handover,
        lines=lines,
        customer=customer,
        shipping=shipping,
        billing=billing,
        pickup_location=pickup,
        note=_text(source.get("customer_note")),
        shipping_method=method,
        payment_method=_text(source.get("payment_method_title")) or _text(source.get("payment_method")),
        origin=_text(source.get("created_via")),
        platform_status=_text(source.get("status")),
        attention=_attention(source, lines, customer, shipping, handover, odd),
        returns=tuple(_returns(source, refunds)),
        amounts=_amounts(source, currency),
    )


# --- lines -----------------------------------------------------------------------------------------------------------


def _lines(source: _Json, refunds: Sequence[_Json], currency: str) -> tuple[LineItem, ...]:
    refunded, since_leaving = _refunded(refunds), _refunded(_since_leaving(source, refunds))
    completed = _left(source)
    # False only where every product is virtual and downloadable: the one thing WooCommerce says of a line's nature.
    kind = LineKind.DIGITAL if source.get("needs_processing") is False else LineKind.PHYSICAL
    ids: set[str] = set()
    found = []
    for position, line in enumerate(_objects(source.get("line_items")), 1):
        line_id = _own_id(str(line.get("id") or f"position-{position}"), ids)
        nothing = Decimal(0)
        before = refunded.get(line_id, nothing) - since_leaving.get(line_id, nothing)
        item = _line(line, line_id, kind, currency, before, completed)
        found.append(replace(item, refunded=_whole(refunded.get(line_id, nothing))))
    return tuple(found)


def _own_id(line_id: str, taken: set[str]) -> str:
    while line_id in taken:
        line_id += "+"
    taken.add(line_id)
    return line_id


def _line(line: _Json, line_id: str, kind: LineKind, currency: str, refunded: Decimal, completed: bool) -> LineItem:
    """A line keeps its ordered `quantity` in WooCommerce after a refund; what is wanted now is that less what was `refunded`
    before the goods left."""
    ordered = _quantity(line.get("quantity"))
    wanted = _whole(max(Decimal(0), ordered - refunded))
    total = to_minor(line.get("total"), currency) + to_minor(line.get("total_tax"), currency)
    return LineItem(
        external_id=line_id,
        title=_title(line.get("name")),
        quantity=wanted,
        sku=_text(line.get("sku")).strip(),
        barcode=_text(line.get("global_unique_id")).strip(),
        variant_id=str(line.get("variation_id") or line.get("product_id") or ""),
        kind=kind,
        unit_price_minor=int((total / ordered).to_integral_value()) if ordered > 0 else 0,
        total_minor=total,
        fulfilled=wanted if completed else 0,
    )


def _left(source: _Json) -> bool:
    """Whether the shop counts the goods as handed over: completed, also where it was refunded in full or tidied into the
    trash after that."""
    status = source.get("status")
    return status == "completed" or (status in ("refunded", "trash") and bool(source.get("date_completed_gmt")))


def _lifecycle(source: _Json) -> Lifecycle:
    if _left(source):
        return Lifecycle.COMPLETED
    return _LIFECYCLES.get(_text(source.get("status")), Lifecycle.OPEN)


def _since_leaving(source: _Json, refunds: Iterable[_Json]) -> list[_Json]:
    """The refunds made after the order was completed: of goods that had left."""
    completed = _text(source.get("date_completed_gmt"))
    return [made for made in refunds if _left(source) and completed and _text(made.get("date_created_gmt")) >= completed]


def _returns(source: _Json, refunds: Sequence[_Json]) -> Iterable[Return]:
    """What refunds put back into stock: the line itself counts it (`_restock_refunded_items`), never the refund (10.5.0).

    Where the order is not completed the shop cannot know whether the goods had left.
    """
    since = _refunded(_since_leaving(source, refunds))
    for line in _objects(source.get("line_items")):
        line_id = str(line.get("id") or "")
        restocked = _whole(_quantity(_meta(line, "_restock_refunded_items")))
        units = min(restocked, _whole(since.get(line_id, Decimal(0)))) if _left(source) else restocked
        if units > 0:
            yield Return(line_id, units, left=_left(source))


def _refunded(refunds: Iterable[_Json]) -> dict[str, Decimal]:
    """Refunded quantities by line id; WooCommerce gives them as negative quantities of lines that name the original."""
    found: dict[str, Decimal] = {}
    for refund in refunds:
        for line in _objects(refund.get("line_items")):
            original = str(_meta(line, "_refunded_item_id") or "")
            found[original] = found.get(original, Decimal(0)) + abs(_quantity(line.get("quantity")))
    return found


def _quantity(value: object) -> Decimal:
    """Quantities are whole numbers but for plugins that sell by weight or length."""
    try:
        quantity = Decimal(str(0 if value in (None, "") else value))
    except InvalidOperation:
        raise Malformed(f"The quantity {str(value)[:40]!r} is not a number.") from None
    if not quantity.is_finite() or abs(quantity) > _LARGEST_QUANTITY:
        raise Malformed(f"The quantity {str(value)[:40]!r} is too large.")
    return quantity


def _whole(quantity: Decimal) -> int:
    return int(quantity.to_integral_value(rounding=ROUND_CEILING))


# --- money -----------------------------------------------------------------------------------------------------------


def _amounts(source: _Json, currency: str) -> Amounts:
    """The rows of the order, each with its tax; discounts are taken off in them, and refunds leave the total alone."""

    def sums(rows: str) -> int:
        found = _objects(source.get(rows))
        return sum(to_minor(row.get("total"), currency) + to_minor(row.get("total_tax"), currency) for row in found)

    return Amounts(lines_minor=sums("line_items"), shipping_minor=sums("shipping_lines"), fees_minor=sums("fee_lines"))


def _payment(source: _Json, currency: str) -> tuple[Payment, int]:
    """(what the shop says of the money, what is still owed). `processing` is not "paid": cash on delivery is unpaid there."""
    total = to_minor(source.get("total"), currency)
    refunded = sum(abs(to_minor(refund.get("total"), currency)) for refund in _objects(source.get("refunds")))
    if refunded and refunded >= total:
        return Payment.REFUNDED, 0
    if source.get("date_paid_gmt") or total <= 0:
        return (Payment.PARTLY_REFUNDED if refunded else Payment.PAID), 0
    return Payment.UNPAID, total - refunded


# --- people and places -----------------------------------------------------------------------------------------------


def _handover(shop: Shop, source: _Json) -> tuple[Handover, str, str]:
    """(handover, pickup location's display name, names of the shipping methods).

    The block checkout's `pickup_location` keeps only the place's name; the classic `local_pickup` keeps none. The shop
    setting `pickup_methods` maps further methods, {"method_id" or "method_id:instance_id": location name or ""}.
    """
    methods = _objects(source.get("shipping_lines"))
    names = ", ".join(filter(None, (_title(method.get("method_title")) for method in methods)))
    for method in methods:
        place = pickup_place(shop, method)
        if place is not None:
            return Handover.PICKUP, place, names
    if not methods and source.get("needs_processing") is False:
        return Handover.NONE, "", ""
    return Handover.DELIVERY, "", names


def pickup_place(shop: Shop, method: _Json) -> str | None:
    """The place's name, "" where it is not said, None where the method is no pickup."""
    method_id = _text(method.get("method_id"))
    mapped = value(shop.settings, "pickup_methods")
    if isinstance(mapped, Mapping):
        for name in (f"{method_id}:{method.get('instance_id')}", method_id):
            if name in mapped:
                return _text(mapped[name])
    if method_id == "pickup_location":
        return _title(_meta(method, "pickup_location"))
    return "" if method_id == "local_pickup" else None


def _customer(source: _Json) -> Customer:
    billing, shipping = _object(source.get("billing")), _object(source.get("shipping"))
    return Customer(
        name=_person(billing) or _text(billing.get("company")) or _person(shipping),
        email=_text(billing.get("email")),
        phone=_text(billing.get("phone")) or _text(shipping.get("phone")),
        external_id=str(source.get("customer_id") or ""),
    )


def _shipping_address(source: _Json, billing: Address) -> Address:
    """Orders typed in by hand may have a billing address only."""
    shipping = _address(source, "shipping")
    return shipping if shipping.street or shipping.city or shipping.postcode else billing


def _address(source: _Json, part: str) -> Address:
    address = _object(source.get(part))
    names = ("company", "address_1", "address_2", "city", "state", "postcode", "country", "phone")
    company, street, street2, city, region, postcode, country, phone = (_text(address.get(name)) for name in names)
    return Address(_person(address), company, street, street2, city, region, postcode, country, phone)


def _person(address: _Json) -> str:
    return f"{_text(address.get('first_name'))} {_text(address.get('last_name'))}".strip()


def _attention(
    source: _Json, lines: Sequence[LineItem], customer: Customer, shipping: Address, handover: Handover, found: set[str]
) -> tuple[str, ...]:
    """Codes of what a person should look at, sorted."""
    originals = _objects(source.get("line_items"))
    quantities = [_quantity(line.get("quantity")) for line in originals]
    noted = {
        "no_lines": not lines,
        "no_customer": not (customer.name or customer.email or customer.phone),
        "no_address": handover is Handover.DELIVERY and not (shipping.street or shipping.city or shipping.postcode),
        "fractional_quantity": any(quantity != quantity.to_integral_value() for quantity in quantities),
        "negative_quantity": any(quantity < 0 for quantity in quantities),
        "product_deleted": any(not line.get("product_id") for line in originals),
    }
    return tuple(sorted(found | {code for code, true in noted.items() if true}))


# --- values ----------------------------------------------------------------------------------------------------------


def _scrub(value: Any) -> Any:
    """The value without characters that no page and no database can hold."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_scrub(entry) for entry in value]
    if isinstance(value, Mapping):
        return {_scrub(key): _scrub(entry) for key, entry in value.items()}
    return value


def _scrubbed(document: _Json) -> _Json:
    try:
        return _object(_scrub(document))
    except RecursionError:
        raise Malformed("The order is nested too deeply.", "Look whether a plugin of the shop changes its orders.") from None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _title(value: object) -> str:
    """Names may hold HTML entities ("&times;")."""
    return html.unescape(_text(value))


def _utc(source: _Json, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(source.get(name)))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{name} is not a date.") from None


def _object(value: object) -> _Json:
    return value if isinstance(value, _OBJECT) else {}


def _objects(value: object) -> list[_Json]:
    return [entry for entry in value if isinstance(entry, _OBJECT)] if isinstance(value, list) else []


def _meta(owner: _Json, key: str) -> object:
    return next((entry.get("value") for entry in _objects(owner.get("meta_data")) if entry.get("key") == key), None)
