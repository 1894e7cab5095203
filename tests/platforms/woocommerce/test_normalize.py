"""From WooCommerce's representation to the normalized order, rule by rule."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from connector.domain.errors import Malformed
from connector.domain.orders import Handover, Lifecycle, LineKind, Order, Payment, digest
from connector.platform import Shop
from platforms.woocommerce.normalize import normalize, order_from

LINE = {"id": 1, "name": "Mug", "product_id": 10, "variation_id": 0, "quantity": 2, "total": "20.00", "total_tax": "4.00"}
ORDER: dict[str, Any] = {
    "id": 5,
    "number": "A-5",
    "status": "processing",
    "currency": "EUR",
    "date_created_gmt": "2026-11-22T21:18:44",
    "date_modified_gmt": "2026-11-22T21:18:45",
    "date_paid_gmt": "2026-11-22T21:18:45",
    "total": "28.90",
    "billing": {"first_name": "Ada", "last_name": "Roux", "email": "ada@example.test", "address_1": "Rue 1", "city": "Nice"},
    "shipping": {"first_name": "Ada", "last_name": "Roux", "address_1": "Quai 2", "city": "Nice", "postcode": "06000"},
    "line_items": [{**LINE, "sku": "MUG-1"}],
    "shipping_lines": [{"method_id": "flat_rate", "instance_id": "1", "method_title": "Livraison"}],
    "refunds": [],
    "needs_processing": True,
}


def normal(shop: Shop, *, objects: tuple[dict[str, Any], ...] = (), **changes: Any) -> Order:
    return order_from(shop, {**ORDER, **changes}, objects)


def lines(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**LINE, "id": number, **change} for number, change in enumerate(changes, 1)]


def pickup(**line: Any) -> list[dict[str, Any]]:
    return [{"method_title": "Retrait", **line}]


@pytest.mark.parametrize(
    ("status", "lifecycle"),
    [
        ("pending", Lifecycle.OPEN),
        ("on-hold", Lifecycle.OPEN),
        ("processing", Lifecycle.OPEN),
        ("packed", Lifecycle.OPEN),
        ("completed", Lifecycle.COMPLETED),
        ("cancelled", Lifecycle.CANCELLED),
        ("refunded", Lifecycle.CANCELLED),
        ("failed", Lifecycle.CANCELLED),
        ("trash", Lifecycle.CANCELLED),
    ],
)
def test_statuses(shop: Shop, status: str, lifecycle: Lifecycle) -> None:
    order = normal(shop, status=status)
    assert (order.lifecycle, order.platform_status) == (lifecycle, status)
    assert [line.fulfilled for line in order.lines] == [2 if lifecycle is Lifecycle.COMPLETED else 0]


@pytest.mark.parametrize(
    ("changes", "payment", "owed"),
    [
        ({}, Payment.PAID, 0),
        ({"date_paid_gmt": None, "payment_method": "cod"}, Payment.UNPAID, 2890),
        ({"date_paid_gmt": None, "status": "on-hold", "payment_method": "bacs"}, Payment.UNPAID, 2890),
        ({"date_paid_gmt": None, "total": "0.00"}, Payment.PAID, 0),
        ({"refunds": [{"id": 9, "total": "-5.00"}]}, Payment.PARTLY_REFUNDED, 0),
        ({"refunds": [{"id": 9, "total": "-5.00"}], "date_paid_gmt": None}, Payment.UNPAID, 2390),
        ({"refunds": [{"id": 8, "total": "-5.00"}, {"id": 9, "total": "-23.90"}]}, Payment.REFUNDED, 0),
    ],
)
def test_payment(shop: Shop, changes: dict[str, Any], payment: Payment, owed: int) -> None:
    order = normal(shop, **changes)
    assert (order.payment, order.outstanding_minor) == (payment, owed)


@pytest.mark.parametrize(
    ("shipping_lines", "handover", "place"),
    [
        (pickup(method_id="flat_rate"), Handover.DELIVERY, ""),
        (pickup(method_id="local_pickup", instance_id="2"), Handover.PICKUP, ""),
        (
            pickup(method_id="pickup_location", meta_data=[{"key": "pickup_location", "value": "Port &amp; Quai"}]),
            Handover.PICKUP,
            "Port & Quai",
        ),
        (pickup(method_id="pickup_location", meta_data=[]), Handover.PICKUP, ""),
        (pickup(method_id="flat_rate") + pickup(method_id="local_pickup"), Handover.PICKUP, ""),
        ([], Handover.DELIVERY, ""),
    ],
)
def test_handover(shop: Shop, shipping_lines: list[dict[str, Any]], handover: Handover, place: str) -> None:
    order = normal(shop, shipping_lines=shipping_lines)
    assert (order.handover, order.pickup_location) == (handover, place)


def test_a_merchant_maps_methods_to_places(shop: Shop) -> None:
    mapped = replace(shop, settings={"pickup_methods": {"local_pickup:2": "Vieux-Port", "locker": "Gare", "flat_rate:9": ""}})
    found = [
        normal(mapped, shipping_lines=pickup(method_id=method, instance_id=instance))
        for method, instance in (
            ("local_pickup", "2"),
            ("local_pickup", "3"),
            ("locker", "1"),
            ("flat_rate", "9"),
            ("flat_rate", "1"),
        )
    ]
    assert [(str(order.handover), order.pickup_location) for order in found] == [
        ("pickup", "Vieux-Port"),
        ("pickup", ""),
        ("pickup", "Gare"),
        ("pickup", ""),
        ("delivery", ""),
    ]


def test_nothing_to_hand_over(shop: Shop) -> None:
    order = normal(shop, shipping_lines=[], needs_processing=False)
    assert (order.handover, order.lines[0].kind) == (Handover.NONE, LineKind.DIGITAL)
    assert "no_address" not in order.attention


def test_lines(shop: Shop) -> None:
    order = normal(
        shop,
        line_items=lines(
            {
                "name": "Tee &ndash; S",
                "product_id": 13,
                "variation_id": 14,
                "sku": " TEE-S ",
                "global_unique_id": "2000000000015",
            },
            {"product_id": 0, "sku": None, "name": "Gone"},
            {"quantity": 1.5, "sku": "ROPE"},
            {"quantity": 0, "total": "0"},
            {"quantity": -1},
        ),
    )
    first, gone, rope, none, less = order.lines
    assert (first.title, first.variant_id, first.sku, first.barcode) == ("Tee – S", "14", "TEE-S", "2000000000015")
    assert (first.unit_price_minor, first.total_minor) == (1200, 2400)
    assert (gone.title, gone.variant_id, gone.sku, gone.kind) == ("Gone", "", "", LineKind.PHYSICAL)
    assert (rope.quantity, none.quantity, less.quantity) == (2, 0, 0)
    assert order.attention == ("fractional_quantity", "negative_quantity", "product_deleted")


def test_the_same_product_on_two_lines_stays_two_lines(shop: Shop) -> None:
    order = normal(shop, line_items=lines({"sku": "MUG-1"}, {"sku": "MUG-1"}))
    assert [line.external_id for line in order.lines] == ["1", "2"]


def test_line_ids_are_unique_whatever_the_shop_sends(shop: Shop) -> None:
    order = normal(shop, line_items=lines({"id": 4}, {"id": 4}, {"id": None}))
    assert len({line.external_id for line in order.lines}) == 3


def test_refunded_units_are_not_wanted_any_more(shop: Shop) -> None:
    refunds = (
        {"line_items": [{"quantity": -1, "meta_data": [{"key": "_refunded_item_id", "value": "1"}]}]},
        {"line_items": [{"quantity": -3, "meta_data": [{"key": "_refunded_item_id", "value": 2}]}]},
        {"line_items": []},
    )
    order = normal(shop, line_items=lines({}, {}, {}), objects=refunds)
    assert [line.quantity for line in order.lines] == [1, 0, 2]


def test_people_and_places(shop: Shop) -> None:
    order = normal(shop, customer_id=12)
    assert (order.customer.name, order.customer.external_id) == ("Ada Roux", "12")
    assert (order.shipping.street, order.billing.street) == ("Quai 2", "Rue 1")
    assert normal(shop, shipping={}).shipping.street == "Rue 1"
    bare = normal(shop, billing={}, shipping=None, line_items=[])
    assert bare.attention == ("no_address", "no_customer", "no_lines")


def test_what_no_database_keeps_is_taken_out_and_noted(shop: Shop) -> None:
    order = normal(shop, customer_note="a\x00b\ud800c", billing={"first_name": "Zo\x00ë"})
    assert (order.note, order.customer.name) == ("abc", "Zoë")
    assert "odd_characters" in order.attention
    assert "odd_characters" not in normal(shop, customer_note="é 🐟 <b>").attention


def test_times_are_utc_whatever_the_shops_zone(shop: Shop) -> None:
    order = normal(shop, date_created="2026-11-22T16:18:44", date_created_gmt="2026-11-22T21:18:44")
    assert order.placed_at.isoformat() == "2026-11-22T21:18:44+00:00"
    assert normal(shop, date_created_gmt="2026-11-22T22:18:44+01:00").placed_at == order.placed_at


def test_the_number_is_the_shops(shop: Shop) -> None:
    assert normal(shop).number == "A-5"
    assert normal(shop, number=None).number == "5"


@pytest.mark.parametrize(
    "changes",
    [
        {"total": "1,00"},
        {"total": float("nan")},
        {"total": "1e400"},
        {"date_created_gmt": None},
        {"date_modified_gmt": "yesterday"},
        {"line_items": [{**LINE, "quantity": "many"}]},
        {"line_items": [{**LINE, "quantity": 10**10}]},
        {"line_items": [{**LINE, "quantity": float("inf")}]},
    ],
)
def test_what_makes_no_sense_is_malformed(shop: Shop, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        normal(shop, **changes)


def test_money_of_other_currencies(shop: Shop) -> None:
    assert normal(shop, currency="jpy", total="1500", line_items=[]).total_minor == 1500
    assert normal(shop, currency="KWD", total="1.234", line_items=[]).total_minor == 1234


@pytest.mark.parametrize(
    "changes", [{"refunds": [{"id": 1, "total": "-1.00"}]}, {"line_items": None}, {"date_modified_gmt": None}]
)
def test_a_body_that_is_not_the_whole_order_is_read_by_id(shop: Shop, changes: dict[str, Any]) -> None:
    assert normalize(shop, json.dumps({**ORDER, **changes}).encode()) is None


def test_a_body_and_an_answer_are_the_same_order(shop: Shop) -> None:
    carried = normalize(shop, json.dumps(ORDER).encode())
    assert carried is not None
    assert digest(carried) == digest(normal(shop))


def test_a_deeply_nested_order_is_malformed_not_a_crash(shop: Shop) -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(Malformed):
        normal(shop, meta_data=nested)
