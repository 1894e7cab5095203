"""From BigCommerce's rows to an Order, awkward ones included."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.errors import Malformed
from connector.domain.orders import Handover, Lifecycle, LineKind, Order, Payment
from platforms.bigcommerce.normalize import Remote, order_of, side_loaded_lines

LINE: dict[str, Any] = {
    "id": 7,
    "product_id": 100,
    "variant_id": 500,
    "order_address_id": 3,
    "name": "Marinière, M",
    "sku": "MAR-TS-M",
    "upc": "2000000000022",
    "type": "physical",
    "quantity": 3,
    "quantity_shipped": 0,
    "quantity_refunded": 0,
    "price_inc_tax": "59.0000",
    "total_inc_tax": "177.0000",
}
SHIPPING = {"id": 3, "first_name": "Zoé", "last_name": "Arnal", "street_1": "3 rue Sainte", "city": "Marseille", "zip": "13001",
            "country_iso2": "FR", "shipping_method": "Colissimo", "line_items": [LINE]}  # fmt: skip
ORDER: dict[str, Any] = {
    "id": 250,
    "status_id": 11,
    "status": "Awaiting Fulfillment",
    "payment_status": "captured",
    "payment_method": "Credit Card",
    "date_created": "Wed, 03 Jun 2026 15:26:45 +0000",
    "date_modified": "Thu, 04 Jun 2026 08:00:00 +0000",
    "total_inc_tax": "182.9000",
    "default_currency_code": "EUR",
    "currency_code": "USD",
    "items_total": 3,
    "customer_id": 12,
    "customer_message": "Sonner deux fois",
    "order_source": "www",
    "is_deleted": False,
    "billing_address": {"first_name": "Zoé", "last_name": "Arnal", "email": "zoe@example.com", "phone": "06"},
    "consignments": {"pickups": [], "shipping": [SHIPPING], "downloads": [], "email": {"gift_certificates": []}},
}


def normalized(
    *,
    lines: list[dict[str, Any]] | None = None,
    settings: dict[str, object] | None = None,
    transactions: list[Any] | None = None,
    pickups: list[Any] | None = None,
    **changes: Any,
) -> Order:
    remote = Remote(
        {**ORDER, **changes}, tuple([LINE] if lines is None else lines), tuple(transactions or ()), tuple(pickups or ())
    )
    order = order_of(remote, settings or {})
    assert order is not None
    return order


def test_a_plain_order() -> None:
    order = normalized()
    assert (order.external_id, order.number, order.currency) == ("250", "250", "EUR")
    assert order.placed_at == datetime(2026, 6, 3, 15, 26, 45, tzinfo=UTC)
    assert order.version == datetime(2026, 6, 4, 8, tzinfo=UTC)
    assert (order.total_minor, order.outstanding_minor, order.payment) == (18290, 0, Payment.PAID)
    assert (order.lifecycle, order.handover, order.pickup_location) == (Lifecycle.OPEN, Handover.DELIVERY, "")
    (line,) = order.lines
    assert (line.external_id, line.sku, line.quantity, line.variant_id, line.barcode) == (
        "7",
        "MAR-TS-M",
        3,
        "500",
        "2000000000022",
    )
    assert (line.unit_price_minor, line.total_minor, line.kind, line.fulfilled) == (5900, 17700, LineKind.PHYSICAL, 0)
    assert (order.customer.name, order.customer.email, order.customer.external_id) == ("Zoé Arnal", "zoe@example.com", "12")
    assert (order.shipping.name, order.shipping.city, order.shipping.country) == ("Zoé Arnal", "Marseille", "FR")
    assert (order.note, order.shipping_method, order.platform_status) == ("Sonner deux fois", "Colissimo", "Awaiting Fulfillment")
    assert order.attention == ()


@pytest.mark.parametrize(
    ("status_id", "lifecycle"),
    [
        *((number, Lifecycle.OPEN) for number in (3, 7, 8, 9, 11, 14)),
        *((number, Lifecycle.COMPLETED) for number in (2, 10)),
        *((number, Lifecycle.CANCELLED) for number in (4, 5, 6)),
        *((number, Lifecycle.ON_HOLD) for number in (12, 13, 15, 99)),
    ],
)
def test_statuses(status_id: int, lifecycle: Lifecycle) -> None:
    order = normalized(status_id=status_id, status="Whatever the merchant calls it")
    assert order.lifecycle is lifecycle
    assert ("unknown_status" in order.attention) == (status_id > 14)


@pytest.mark.parametrize("changes", [{"status_id": 0}, {"status_id": 1}, {"is_deleted": True}])
def test_what_is_no_order_yet_or_no_more(changes: dict[str, Any]) -> None:
    assert order_of(Remote({**ORDER, **changes}, (LINE,)), {}) is None


# ---------------------------------------------------------------------------------------------------------------------
# Money


def paid(event: str, amount: float, **more: Any) -> dict[str, Any]:
    return {"event": event, "amount": amount, "status": "ok", "gateway": "stripe", **more}


@pytest.mark.parametrize(
    ("word", "status_id", "payment", "owed"),
    [
        ("captured", 11, Payment.PAID, 0),
        ("paid", 11, Payment.PAID, 0),
        ("Paid", 11, Payment.PAID, 0),
        ("authorized", 11, Payment.AUTHORIZED, 18290),
        ("authorized", 7, Payment.AUTHORIZED, 18290),
        ("capture pending", 7, Payment.AUTHORIZED, 18290),
        ("held for review", 12, Payment.AUTHORIZED, 18290),
        ("partially refunded", 14, Payment.PARTLY_REFUNDED, 0),
        ("refunded", 4, Payment.REFUNDED, 0),
        ("declined", 6, Payment.UNPAID, 18290),
        ("void", 5, Payment.UNPAID, 18290),
        ("pending", 7, Payment.UNPAID, 18290),
        ("pending", 9, Payment.UNPAID, 18290),
        ("", 7, Payment.UNPAID, 18290),
        ("captured", 7, Payment.UNPAID, 18290),
        # Offline methods: the merchant moved the order on, and that is all there is to see.
        ("", 11, Payment.PAID, 0),
        ("", 10, Payment.PAID, 0),
        ("", 12, Payment.UNPAID, 18290),
        ("", 14, Payment.PARTLY_REFUNDED, 0),
        ("a word of next year", 7, Payment.UNPAID, 18290),
        ("a word of next year", 11, Payment.PAID, 0),
        (None, 7, Payment.UNPAID, 18290),
    ],
)
def test_payment_without_transactions(word: str | None, status_id: int, payment: Payment, owed: int) -> None:
    order = normalized(payment_status=word, status_id=status_id)
    assert (order.payment, order.outstanding_minor) == (payment, owed)


@pytest.mark.parametrize(
    ("transactions", "payment", "owed"),
    [
        ([paid("purchase", 182.9)], Payment.PAID, 0),
        ([paid("purchase", 100.0)], Payment.PARTLY_PAID, 8290),
        ([paid("purchase", 182.9, status="error")], Payment.UNPAID, 18290),
        ([paid("authorization", 182.9)], Payment.AUTHORIZED, 18290),
        ([paid("authorization", 182.9), paid("capture", 182.9)], Payment.PAID, 0),
        ([paid("purchase", 182.9), paid("refund", 20)], Payment.PARTLY_REFUNDED, 0),
        ([paid("purchase", 182.9), paid("refund", 182.9)], Payment.REFUNDED, 0),
        ([paid("purchase", 50, gateway="giftcertificate")], Payment.UNPAID, 18290),
        ([paid("a new event", 182.9)], Payment.UNPAID, 18290),
    ],
)
def test_payment_by_transactions(transactions: list[dict[str, Any]], payment: Payment, owed: int) -> None:
    order = normalized(payment_status="", status_id=7, transactions=transactions)
    assert (order.payment, order.outstanding_minor) == (payment, owed)


def test_credit_and_gift_certificates_are_money() -> None:
    part = normalized(payment_status="pending", status_id=7, store_credit_amount="10.0000", gift_certificate_amount="72.9000")
    assert part.outstanding_minor == 10000
    whole = normalized(payment_status="", status_id=7, gift_certificate_amount="182.9000")
    assert (whole.payment, whole.outstanding_minor) == (Payment.PAID, 0)


def test_an_order_that_costs_nothing_is_paid() -> None:
    assert normalized(payment_status="", status_id=7, total_inc_tax="0.0000").payment is Payment.PAID


def test_money_without_decimals() -> None:
    order = normalized(default_currency_code="JPY", total_inc_tax="18290.0000")
    assert order.total_minor == 18290


# ---------------------------------------------------------------------------------------------------------------------
# Handover

PICKUP = {"id": 5, "pickup_method_id": 11, "location": {"id": 2, "name": "Boutique"}, "line_items": [LINE]}


def shipping(*methods: str) -> dict[str, Any]:
    return {"pickups": [], "shipping": [{**SHIPPING, "shipping_method": method} for method in methods]}


def test_a_pickup_consignment_names_the_place() -> None:
    order = normalized(consignments={"pickups": [PICKUP], "shipping": []})
    assert (order.handover, order.pickup_location) == (Handover.PICKUP, "2")
    assert "no_address" not in order.attention


@pytest.mark.parametrize(
    ("settings", "method", "handover"),
    [
        ({}, "Pickup in Store", Handover.PICKUP),
        ({}, "  pickup IN store ", Handover.PICKUP),
        ({}, "Retrait", Handover.DELIVERY),
        ({"pickup_rate_names": ["Retrait", "Click & Collect"]}, "retrait", Handover.PICKUP),
        ({"pickup_rate_names": ["Retrait"]}, "Pickup in Store", Handover.DELIVERY),
        ({"pickup_rate_names": []}, "Pickup in Store", Handover.DELIVERY),
        ({"pickup_rate_names": "nonsense"}, "Pickup in Store", Handover.PICKUP),
    ],
)
def test_a_shipping_rate_may_mean_pickup(settings: dict[str, object], method: str, handover: Handover) -> None:
    order = normalized(settings=settings, consignments=shipping(method))
    assert order.handover is handover
    assert order.pickup_location == (method.strip() if handover is Handover.PICKUP else "")


def test_one_of_two_addresses_at_a_pickup_rate_is_a_delivery_to_look_at() -> None:
    order = normalized(consignments=shipping("Pickup in Store", "Colissimo"))
    assert order.handover is Handover.DELIVERY
    assert {"several_addresses", "mixed_handover"} <= set(order.attention)
    assert order.shipping_method == "Pickup in Store, Colissimo"


@pytest.mark.parametrize("kinds", [("digital",), ("giftcertificate",), ("digital", "giftcertificate")])
def test_nothing_to_hand_over(kinds: tuple[str, ...]) -> None:
    order = normalized(lines=[{**LINE, "type": kind} for kind in kinds], consignments={"pickups": [], "shipping": []})
    assert order.handover is Handover.NONE
    assert "no_address" not in order.attention


# ---------------------------------------------------------------------------------------------------------------------
# Lines


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, LineKind.PHYSICAL),
        ({"type": "digital"}, LineKind.DIGITAL),
        ({"type": "giftcertificate", "product_id": 0, "variant_id": 0}, LineKind.GIFT_CARD),
        ({"product_id": 0, "variant_id": 0}, LineKind.CUSTOM),
        ({"product_id": 0, "variant_id": None}, LineKind.CUSTOM),
        ({"variant_id": 0}, LineKind.PHYSICAL),
        ({"type": "hologram"}, LineKind.PHYSICAL),
    ],
)
def test_kinds_of_lines(changes: dict[str, Any], kind: LineKind) -> None:
    order = normalized(lines=[{**LINE, **changes}])
    assert order.lines[0].kind is kind
    assert ("unknown_line_kind" in order.attention) == (changes.get("type") == "hologram")


@pytest.mark.parametrize(
    ("ordered", "refunded", "shipped", "wanted"),
    [(3, 0, 0, 3), (3, 1, 0, 2), (3, 3, 0, 0), (3, 0, 2, 3), (3, 2, 3, 3), (3, 2, 2, 2), ("3", "1.0", 0, 2)],
)
def test_what_was_refunded_before_it_left_is_not_wanted(ordered: Any, refunded: Any, shipped: int, wanted: int) -> None:
    order = normalized(lines=[{**LINE, "quantity": ordered, "quantity_refunded": refunded, "quantity_shipped": shipped}])
    assert (order.lines[0].quantity, order.lines[0].fulfilled) == (wanted, shipped)


def test_what_was_collected_has_left() -> None:
    item = {"id": 1, "order_product_id": 7, "quantity": 2, "status": "COLLECTED", "collected_at": "2026-06-05T10:00:00Z"}
    waiting = {**item, "quantity": 1, "status": "AWAITING_COLLECTION", "collected_at": None}
    order = normalized(consignments={"pickups": [PICKUP]}, pickups=[{"id": 1, "pickup_items": [item, waiting]}])
    assert order.lines[0].fulfilled == 2


def test_the_same_product_twice_stays_two_lines() -> None:
    assert [line.external_id for line in normalized(lines=[LINE, {**LINE, "id": 8}]).lines] == ["7", "8"]


def test_bundles_are_to_be_looked_at() -> None:
    assert "bundle" in normalized(lines=[LINE, {**LINE, "id": 8, "parent_order_product_id": 7}]).attention


# ---------------------------------------------------------------------------------------------------------------------
# Side-loaded lines: all of them, or none


def test_side_loaded_lines_are_taken_where_they_are_all() -> None:
    assert side_loaded_lines(ORDER) == [LINE]


@pytest.mark.parametrize(
    "changes",
    [
        {"items_total": 4},
        {"consignments": {**ORDER["consignments"], "__warning__": {"line_items": "truncated"}}},
        {"consignments": {"shipping": [{**SHIPPING, "__warning__": {}}]}},
        {
            "consignments": {"shipping": [{**SHIPPING, "line_items": [{"url": "…", "resource": "/orders/250/products/7"}]}]},
            "items_total": 0,
        },
        {"consignments": {"shipping": [{**SHIPPING, "line_items": [{**LINE, "quantity": 1}] * 50}]}, "items_total": 50},
        {"consignments": {"url": "…", "resource": "/orders/250/consignments"}},
        {"consignments": [{"old": "shape"}]},
    ],
)
def test_side_loaded_lines_are_not_trusted_otherwise(changes: dict[str, Any]) -> None:
    assert side_loaded_lines({**ORDER, **changes}) is None


# ---------------------------------------------------------------------------------------------------------------------
# Awkward values


def test_nobody_and_nowhere() -> None:
    order = normalized(billing_address={}, customer_id=0, consignments={}, lines=[])
    assert (order.customer.name, order.customer.external_id) == ("", "")
    assert {"no_lines", "no_customer", "no_address"} <= set(order.attention)


def test_odd_characters_are_replaced_and_marked() -> None:
    order = normalized(customer_message="a\x00b\ud800c", lines=[{**LINE, "name": "x\x07"}])
    assert (order.note, order.lines[0].title) == ("a\ufffdb\ufffdc", "x\ufffd")
    assert "odd_characters" in order.attention
    assert "odd_characters" not in normalized(customer_message="🦀 <b>'\u202e\n").attention


def test_dates_with_an_offset() -> None:
    assert normalized(date_modified="Thu, 04 Jun 2026 10:00:00 +0200").version == datetime(2026, 6, 4, 8, tzinfo=UTC)
    assert normalized(date_modified="Thu, 04 Jun 2026 08:00:00 -0000").version == datetime(2026, 6, 4, 8, tzinfo=UTC)


def test_dates_that_are_not_set() -> None:
    order = normalized(date_modified="")
    assert order.version == order.placed_at
    with pytest.raises(Malformed):
        normalized(date_created="")


@pytest.mark.parametrize("changes", [{"quantity": "three"}, {"quantity": "NaN"}, {"quantity": {}}, {"total_inc_tax": "free"}])
def test_nonsense_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        normalized(lines=[{**LINE, **changes}])


def test_unknown_fields_and_missing_ones_are_borne() -> None:
    row = {name: ORDER[name] for name in ("id", "status_id", "date_created")}
    order = order_of(Remote({**row, "brand_new": [1]}, ({"id": 1, "quantity": 1, "new": {}},)), {})
    assert order is not None
    assert order.lines[0].quantity == 1
