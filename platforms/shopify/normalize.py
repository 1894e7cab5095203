"""From Shopify's order, as `reading.read_order` gives it, to the one normalized order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from connector.domain.money import to_minor
from connector.domain.orders import Address, Amounts, Customer, Handover, Lifecycle, LineItem, LineKind, Order, Payment, Return
from connector.platform import Shop
from platforms.shopify.pieces import address, amount, cleaned, customer, minor, moment, promised_form, text, units

_PAYMENTS = {
    "PENDING": Payment.UNPAID,
    "EXPIRED": Payment.UNPAID,
    "VOIDED": Payment.UNPAID,
    "AUTHORIZED": Payment.AUTHORIZED,
    "PARTIALLY_PAID": Payment.PARTLY_PAID,
    "PAID": Payment.PAID,
    "PARTIALLY_REFUNDED": Payment.PARTLY_REFUNDED,
    "REFUNDED": Payment.REFUNDED,
}

# DeliveryMethodType. PICKUP_POINT "is delivered to a pickup point" (schema 2026-10): a carrier's, so the goods are shipped.
_HANDOVERS = {
    "SHIPPING": Handover.DELIVERY,
    "LOCAL": Handover.DELIVERY,
    "PICKUP_POINT": Handover.DELIVERY,
    "PICK_UP": Handover.PICKUP,
    "RETAIL": Handover.NONE,
    "NONE": Handover.NONE,
}

# Fulfillment orders whose remaining units are still wanted; the others are leftovers of moves, splits and cancelling.
ALIVE = frozenset({"OPEN", "IN_PROGRESS", "ON_HOLD", "SCHEDULED", "INCOMPLETE"})
HELD = frozenset({"ON_HOLD", "SCHEDULED"})


def normalize(shop: Shop, body: bytes) -> Order | None:
    """Always None: a webhook body has no fulfillment orders, so neither handover nor location. The order is read by id."""
    return None


@promised_form()
def to_order(found: Mapping[str, Any]) -> Order:
    """The order; Malformed where an amount, a quantity or a time cannot be read, or a field is not there at all."""
    clean = cleaned(found)
    lines = tuple(_line(clean, line) for line in clean["lineItems"])
    handover, pickup = _handover(clean)
    who, where = customer(clean), address(clean["shippingAddress"])
    return Order(
        external_id=clean["id"],
        number=clean["name"],
        placed_at=moment(clean["processedAt"] or clean["createdAt"]),
        version=moment(clean["updatedAt"]),
        currency=clean["currencyCode"],
        total_minor=minor(clean, "currentTotalPriceSet"),
        outstanding_minor=max(0, minor(clean, "totalOutstandingSet")),  # below zero Shopify owes the customer
        payment=_payment(clean),
        lifecycle=_lifecycle(clean, lines),
        handover=handover,
        lines=lines,
        customer=who,
        shipping=where,
        billing=address(clean["billingAddress"]),
        pickup_location=pickup,
        note=text(clean["note"]),
        shipping_method=(clean["shippingLine"] or {}).get("title") or "",
        payment_method=", ".join(clean["paymentGatewayNames"] or ()),
        origin=clean["sourceName"] or "",
        tags=tuple(clean["tags"]),
        platform_status=(clean["displayFulfillmentStatus"] or "").replace("_", " ").capitalize(),
        attention=(*_attention(clean, lines, odd=clean != found), *_unknown(handover, who, where)),
        returns=tuple(_returns(clean)),
        amounts=_amounts(clean),
    )


def awaits_routing(found: Mapping[str, Any]) -> bool:
    """Whether a line to be handed over is in no fulfillment order although the order lives on."""
    if found["cancelledAt"] or found["displayFulfillmentStatus"] == "FULFILLED" or found["retailLocation"]:
        return False
    routed = {line["lineItem"]["id"] for part in found["fulfillmentOrders"] for line in part["lineItems"]}
    fulfilled = found["fulfilled"]
    return any(
        line["requiresShipping"] and line["currentQuantity"] > fulfilled.get(line["id"], 0) and line["id"] not in routed
        for line in found["lineItems"]
    )


def live_parts(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fulfillment orders with units still to hand over."""
    return [part for part in found["fulfillmentOrders"] if part["status"] in ALIVE and _remaining(part)]


def method(part: Mapping[str, Any]) -> str:
    """The DeliveryMethodType of a fulfillment order, "" where it has none."""
    return str((part["deliveryMethod"] or {}).get("methodType") or "")


def location(part: Mapping[str, Any]) -> str:
    """The global id of the location a fulfillment order is assigned to, "" where that was deleted."""
    return str((part["assignedLocation"]["location"] or {}).get("id") or "")


def _remaining(part: Mapping[str, Any]) -> int:
    return sum(line["remainingQuantity"] for line in part["lineItems"])


# --- lines -----------------------------------------------------------------------------------------------------------


def _line(found: Mapping[str, Any], line: Mapping[str, Any]) -> LineItem:
    fulfilled = units(found["fulfilled"].get(line["id"], 0))
    quantity = _wanted(found, line, fulfilled)
    unit = amount(line["discountedUnitPriceAfterAllDiscountsSet"])
    variant = line["variant"] or {}
    return LineItem(
        external_id=line["id"],
        title=text(line["name"]),
        quantity=quantity,
        sku=text(line["sku"]).strip(),
        barcode=text(variant.get("barcode")),
        variant_id=variant.get("id") or "",
        kind=kind(line),
        unit_price_minor=to_minor(amount(line["originalUnitPriceSet"]), found["currencyCode"]),
        total_minor=to_minor(unit * quantity, found["currencyCode"]),
        fulfilled=fulfilled,
        assigned_location=_assigned(found, line["id"]),
        refunded=sum(units(entry["quantity"]) for entry in _refunded(found) if entry["lineItem"]["id"] == line["id"]),
    )


def _refunded(found: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The lines of all refunds; they are read only where something was taken off."""
    lines: Iterable[Mapping[str, Any]] = found.get("refunds", ())
    return lines


def _returns(found: Mapping[str, Any]) -> Iterable[Return]:
    """Units put back into stock, by line and place. RETURN is of fulfilled goods; LEGACY_RESTOCK does not say
    (RefundLineItemRestockType, schema 2026-10)."""
    back: Counter[tuple[str, str, bool]] = Counter()
    for entry in _refunded(found):
        if entry["restockType"] in ("RETURN", "LEGACY_RESTOCK"):
            place = (entry["location"] or {}).get("id") or ""
            back[entry["lineItem"]["id"], place, entry["restockType"] == "RETURN"] += units(entry["quantity"])
    return (Return(line, count, place, left) for (line, place, left), count in sorted(back.items()))


def _amounts(found: Mapping[str, Any]) -> Amounts | None:
    """What the current total is made of. A line's price is after all discounts; refunds of goods lower `currentQuantity`."""
    if "currentShippingPriceSet" not in found:
        return None
    currency = found["currencyCode"]
    lines = sum(
        to_minor(amount(line["discountedUnitPriceAfterAllDiscountsSet"]) * line["currentQuantity"], currency)
        for line in found["lineItems"]
    )
    extra = ("currentTotalDutiesSet", "currentTotalAdditionalFeesSet")
    shown = found["currentTotalPriceSet"].get("presentmentMoney") or {}
    other = str(shown.get("currencyCode") or "")
    return Amounts(
        lines_minor=lines,
        shipping_minor=minor(found, "currentShippingPriceSet"),
        tax_minor=0 if found["taxesIncluded"] else minor(found, "currentTotalTaxSet"),
        fees_minor=sum(minor(found, name) for name in extra if found[name]) + _tips_beside_lines(found),
        presentment_currency=other if other != currency else "",
        presentment_total_minor=to_minor(shown.get("amount"), other) if other and other != currency else 0,
    )


def _tips_beside_lines(found: Mapping[str, Any]) -> int:
    """Tips in minor units that no line counts: those of the online checkout are lines, and counted as such."""
    received = minor(found, "totalTipReceivedSet") if found["totalTipReceivedSet"] else 0
    tips = (line for line in found["lineItems"] if kind(line) is LineKind.TIP)
    counted = sum(
        to_minor(amount(line["discountedUnitPriceAfterAllDiscountsSet"]) * line["currentQuantity"], found["currencyCode"])
        for line in tips
    )
    return max(0, received - counted)


def _wanted(found: Mapping[str, Any], line: Mapping[str, Any], fulfilled: int) -> int:
    """Ordered less what was taken off before it left.

    `currentQuantity` also loses units that came back after they had left; those still count as handed over, so what has
    left plus what is still to leave is the floor.
    """
    waiting = sum(
        units(entry["remainingQuantity"])
        for part in live_parts(found)
        for entry in part["lineItems"]
        if entry["lineItem"]["id"] == line["id"]
    )
    return max(units(line["currentQuantity"]), fulfilled + waiting)


def kind(line: Mapping[str, Any]) -> LineKind:
    """A line without variant but with SKU is a deleted product, not a custom line; one that is not shipped is a service, or
    a tip, of which no unit can ever be fulfilled (nonFulfillableQuantity, schema 2026-10; refunded units cannot either)."""
    if line["isGiftCard"]:
        return LineKind.GIFT_CARD
    if not line["requiresShipping"]:
        if line["variant"] or line["sku"]:
            return LineKind.DIGITAL
        never = line.get("nonFulfillableQuantity", 0) >= line["quantity"] > 0
        return LineKind.TIP if never and line["currentQuantity"] else LineKind.SERVICE
    return LineKind.CUSTOM if line["variant"] is None and not line["sku"] else LineKind.PHYSICAL


def _assigned(found: Mapping[str, Any], line_id: str) -> str:
    """The location with most of the line's remaining units, the first of equals; "" where none has any."""
    there: Counter[str] = Counter()
    for part in live_parts(found):
        for entry in part["lineItems"]:
            if entry["lineItem"]["id"] == line_id:
                there[location(part)] += entry["remainingQuantity"]
    return max(there, key=lambda place: there[place], default="")


# --- the order as a whole --------------------------------------------------------------------------------------------


def _payment(found: Mapping[str, Any]) -> Payment:
    """The financial status; it is null for some orders that cost nothing."""
    status = found["displayFinancialStatus"]
    if status is None:
        return Payment.PAID if found["fullyPaid"] else Payment.UNPAID
    return _PAYMENTS.get(status, Payment.UNPAID)


def _lifecycle(found: Mapping[str, Any], lines: Iterable[LineItem]) -> Lifecycle:
    """Order of the rows: what ends an order, then what stops it."""
    if found["cancelledAt"]:
        return Lifecycle.CANCELLED
    if found["displayFulfillmentStatus"] == "FULFILLED" or _sold_at_the_till(found):
        return Lifecycle.COMPLETED
    if found["lineItems"] and not any(line.quantity for line in lines):
        return Lifecycle.CANCELLED  # every unit was refunded or removed before it left
    if _payment(found) is Payment.REFUNDED and not found["fulfilled"]:
        return Lifecycle.CANCELLED  # the whole amount was given back, without naming units, before anything left
    parts = live_parts(found)
    if parts and all(part["status"] in HELD for part in parts):
        return Lifecycle.ON_HOLD
    if not parts and found["fulfilled"] and all(line.fulfilled >= line.quantity for line in lines):
        return Lifecycle.COMPLETED
    return Lifecycle.OPEN


def _sold_at_the_till(found: Mapping[str, Any]) -> bool:
    """Sold over the counter with Shopify's till: the customer has left with the goods, nobody packs them.

    A sale at the till that is to be shipped or collected later has fulfillment orders of those kinds and stays work.
    """
    if not found["retailLocation"]:
        return False
    return all(_HANDOVERS.get(method(part), Handover.NONE) is Handover.NONE for part in found["fulfillmentOrders"])


def _handover(found: Mapping[str, Any]) -> tuple[Handover, str]:
    """How the goods reach the customer, and the collecting place.

    Both ways in one order (a split cart) counts as delivery: each line still goes to its assigned location, which is the
    collecting place for those collected, and `mixed_handover` calls for a person.
    """
    parts = live_parts(found) or found["fulfillmentOrders"]
    ways = {_HANDOVERS.get(method(part), Handover.DELIVERY) for part in parts} - {Handover.NONE}
    if ways == {Handover.PICKUP}:
        return Handover.PICKUP, next(location(part) for part in parts if method(part) == "PICK_UP")
    if ways or (not parts and _goods(found)):
        return Handover.DELIVERY, ""
    return Handover.NONE, ""


def _goods(found: Mapping[str, Any]) -> bool:
    return not found["retailLocation"] and any(line["requiresShipping"] for line in found["lineItems"])


def _attention(found: Mapping[str, Any], lines: tuple[LineItem, ...], *, odd: bool) -> tuple[str, ...]:
    ways = {_HANDOVERS.get(method(part)) for part in live_parts(found)}
    status = found["displayFinancialStatus"]
    codes = {
        "no_lines": not lines,
        "test_order": found["test"],
        "point_of_sale": found["retailLocation"] is not None,
        "not_routed": awaits_routing(found),
        "mixed_handover": {Handover.PICKUP, Handover.DELIVERY} <= ways,
        "custom_line": any(line.kind is LineKind.CUSTOM for line in lines),
        "unknown_payment": status is not None and status not in _PAYMENTS,
        "odd_characters": odd,
    }
    return tuple(code for code, applies in codes.items() if applies)


def _unknown(handover: Handover, who: Customer, where: Address) -> tuple[str, ...]:
    """What nobody can hand anything over without. All of it is null to an app that may not read personal data."""
    codes = {
        "no_customer": handover is not Handover.NONE and not (who.name or who.email or who.phone),
        "no_address": handover is Handover.DELIVERY and not (where.street or where.city or where.postcode),
    }
    return tuple(code for code, applies in codes.items() if applies)
