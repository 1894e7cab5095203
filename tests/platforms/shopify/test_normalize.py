"""Every awkward kind of order, from Shopify's document to the normalized order."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.errors import Malformed
from connector.domain.orders import Address, Handover, Lifecycle, LineKind, Payment
from platforms.shopify.normalize import awaits_routing, to_order
from tests.platforms.shopify.remote_orders import DEPOT, SHOP, document, line, money, part


def test_an_ordinary_order() -> None:
    postal = {
        "name": "Zoé",
        "company": None,
        "address1": "1 quai du Port",
        "address2": "",
        "city": "Marseille",
        "provinceCode": None,
        "zip": "13002",
        "countryCodeV2": "FR",
        "phone": None,
    }
    order = to_order(
        document(
            customer={"id": "C1", "displayName": "Zoé Martin"},
            email="zoe@example.com",
            shippingAddress=postal,
            shippingLine={"title": "Colissimo"},
            note="ring twice\nplease",
            totalOutstandingSet=money("19.00"),
            displayFinancialStatus="PENDING",
        )
    )
    assert order.external_id == "gid://shopify/Order/1"
    assert order.tags == ("Gift", "wait")
    assert (order.number, order.currency, order.total_minor, order.outstanding_minor) == ("#1001", "EUR", 1900, 1900)
    assert order.placed_at == datetime(2026, 11, 23, 7, 59, tzinfo=UTC)
    assert order.version == datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)
    assert (order.payment, order.lifecycle, order.handover) == (Payment.UNPAID, Lifecycle.OPEN, Handover.DELIVERY)
    assert order.shipping == Address(name="Zoé", street="1 quai du Port", city="Marseille", postcode="13002", country="FR")
    assert (order.customer.name, order.customer.email) == ("Zoé Martin", "zoe@example.com")
    assert (order.note, order.shipping_method, order.platform_status) == ("ring twice\nplease", "Colissimo", "Unfulfilled")
    [only] = order.lines
    assert (only.quantity, only.fulfilled, only.unit_price_minor, only.total_minor) == (2, 0, 1000, 1900)
    assert (only.kind, only.assigned_location, only.sku) == (LineKind.PHYSICAL, DEPOT, "SKU-1")
    assert order.attention == ()


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("PENDING", Payment.UNPAID),
        ("EXPIRED", Payment.UNPAID),
        ("VOIDED", Payment.UNPAID),
        ("AUTHORIZED", Payment.AUTHORIZED),
        ("PARTIALLY_PAID", Payment.PARTLY_PAID),
        ("PAID", Payment.PAID),
        ("PARTIALLY_REFUNDED", Payment.PARTLY_REFUNDED),
        ("REFUNDED", Payment.REFUNDED),
        (None, Payment.PAID),
        ("SOMETHING_NEW", Payment.UNPAID),
    ],
)
def test_payment(said: str | None, means: Payment) -> None:
    order = to_order(document(displayFinancialStatus=said))
    assert order.payment is means
    assert ("unknown_payment" in order.attention) is (said == "SOMETHING_NEW")


def test_no_financial_status_and_not_paid_is_unpaid() -> None:
    assert to_order(document(displayFinancialStatus=None, fullyPaid=False)).payment is Payment.UNPAID


def test_a_credit_is_not_owed() -> None:
    assert to_order(document(totalOutstandingSet=money("-5.00"))).outstanding_minor == 0


@pytest.mark.parametrize(
    ("change", "means"),
    [
        ({"cancelledAt": "2026-11-23T09:00:00Z", "displayFulfillmentStatus": "FULFILLED"}, Lifecycle.CANCELLED),
        ({"displayFulfillmentStatus": "FULFILLED", "fulfillmentOrders": [], "fulfilled": {"L1": 2}}, Lifecycle.COMPLETED),
        ({"fulfillmentOrders": [part(("L1", 2), status="ON_HOLD")]}, Lifecycle.ON_HOLD),
        ({"fulfillmentOrders": [part(("L1", 2), status="SCHEDULED")]}, Lifecycle.ON_HOLD),
        ({"fulfillmentOrders": [part(("L1", 1), status="ON_HOLD"), part(("L1", 1))]}, Lifecycle.OPEN),
        ({"fulfillmentOrders": [part(("L1", 1), status="ON_HOLD"), part(("L1", 1), status="CLOSED")]}, Lifecycle.ON_HOLD),
        ({"lineItems": [line(currentQuantity=0)], "fulfillmentOrders": []}, Lifecycle.CANCELLED),
        ({"displayFinancialStatus": "REFUNDED"}, Lifecycle.CANCELLED),
        ({"displayFinancialStatus": "REFUNDED", "fulfilled": {"L1": 1}, "fulfillmentOrders": [part(("L1", 1))]}, Lifecycle.OPEN),
        (
            {"displayFulfillmentStatus": "PARTIALLY_FULFILLED", "fulfilled": {"L1": 1}, "fulfillmentOrders": [part(("L1", 1))]},
            Lifecycle.OPEN,
        ),
        (
            {
                "lineItems": [line(currentQuantity=1)],
                "displayFulfillmentStatus": "PARTIALLY_FULFILLED",
                "fulfilled": {"L1": 1},
                "fulfillmentOrders": [],
            },
            Lifecycle.COMPLETED,
        ),
        ({}, Lifecycle.OPEN),
    ],
)
def test_lifecycle(change: dict[str, Any], means: Lifecycle) -> None:
    assert to_order(document(**change)).lifecycle is means


@pytest.mark.parametrize(
    ("method", "means", "place"),
    [
        ("SHIPPING", Handover.DELIVERY, ""),
        ("LOCAL", Handover.DELIVERY, ""),
        ("PICKUP_POINT", Handover.DELIVERY, ""),
        ("PICK_UP", Handover.PICKUP, SHOP),
        ("NONE", Handover.NONE, ""),
        (None, Handover.DELIVERY, ""),
    ],
)
def test_handover(method: str | None, means: Handover, place: str) -> None:
    order = to_order(document(fulfillmentOrders=[part(("L1", 2), method=method, place=SHOP)]))
    assert (order.handover, order.pickup_location) == (means, place)


def test_a_collected_order_stays_one_after_it_was_collected() -> None:
    parts = [part(("L1", 0), method="PICK_UP", status="CLOSED", place=SHOP)]
    order = to_order(document(fulfillmentOrders=parts, fulfilled={"L1": 2}, displayFulfillmentStatus="FULFILLED"))
    assert (order.handover, order.lifecycle) == (Handover.PICKUP, Lifecycle.COMPLETED)


def test_a_split_cart_keeps_both_places_and_calls_for_a_person() -> None:
    parts = [part(("L1", 2), method="PICK_UP", place=SHOP), part(("L2", 2))]
    order = to_order(document(lineItems=[line(), line(2)], fulfillmentOrders=parts))
    assert order.handover is Handover.DELIVERY
    assert [item.assigned_location for item in order.lines] == [SHOP, DEPOT]
    assert order.attention == ("mixed_handover",)


def test_an_assigned_location_that_was_deleted() -> None:
    order = to_order(document(fulfillmentOrders=[part(("L1", 2), method="PICK_UP", place=None)]))
    assert (order.handover, order.pickup_location, order.lines[0].assigned_location) == (Handover.PICKUP, "", "")


def test_a_divided_line_is_assigned_where_most_of_it_is() -> None:
    parts = [part(("L1", 1)), part(("L1", 3), place=SHOP), part(("L1", 9), status="CANCELLED")]
    order = to_order(document(lineItems=[line(quantity=4, currentQuantity=4)], fulfillmentOrders=parts))
    assert order.lines[0].assigned_location == SHOP


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"isGiftCard": True, "requiresShipping": False}, LineKind.GIFT_CARD),
        ({"requiresShipping": False}, LineKind.DIGITAL),
        ({"requiresShipping": False, "variant": None, "sku": None}, LineKind.SERVICE),
        ({"requiresShipping": False, "variant": None, "sku": None, "nonFulfillableQuantity": 1}, LineKind.SERVICE),
        ({"requiresShipping": False, "variant": None, "sku": None, "nonFulfillableQuantity": 2}, LineKind.TIP),
        (
            {"requiresShipping": False, "variant": None, "sku": None, "nonFulfillableQuantity": 2, "currentQuantity": 0},
            LineKind.SERVICE,
        ),
        ({"requiresShipping": False, "nonFulfillableQuantity": 2}, LineKind.DIGITAL),
        ({"variant": None, "sku": None}, LineKind.CUSTOM),
        ({"variant": None, "sku": ""}, LineKind.CUSTOM),
        ({"variant": None}, LineKind.PHYSICAL),
        ({"sku": None}, LineKind.PHYSICAL),
    ],
)
def test_kinds_of_lines(change: dict[str, Any], kind: LineKind) -> None:
    order = to_order(document(lineItems=[line(**change)]))
    assert order.lines[0].kind is kind
    assert ("custom_line" in order.attention) is (kind is LineKind.CUSTOM)


@pytest.mark.parametrize(
    ("current", "fulfilled", "waiting", "quantity"),
    [(3, 0, 3, 3), (2, 0, 2, 2), (3, 2, 1, 3), (2, 2, 1, 3), (1, 2, 0, 2), (3, 0, 0, 3)],
    ids=["untouched", "one removed", "two left", "two left, one came back", "two left, one removed, one back", "no part seen"],
)
def test_wanted_units(current: int, fulfilled: int, waiting: int, quantity: int) -> None:
    """What came back after it had left is still wanted and handed over; what was taken off before is not."""
    parts = [part(("L1", waiting))] if waiting else []
    order = to_order(
        document(
            lineItems=[line(quantity=3, currentQuantity=current)],
            fulfillmentOrders=parts,
            fulfilled={"L1": fulfilled} if fulfilled else {},
        )
    )
    assert (order.lines[0].quantity, order.lines[0].fulfilled) == (quantity, fulfilled)


def test_the_same_product_twice_stays_two_lines() -> None:
    order = to_order(document(lineItems=[line(1, sku="A"), line(2, sku="A")], fulfillmentOrders=[part(("L1", 2), ("L2", 2))]))
    assert [(item.external_id, item.sku) for item in order.lines] == [("L1", "A"), ("L2", "A")]


def test_an_order_without_lines_is_kept() -> None:
    order = to_order(document(lineItems=[], fulfillmentOrders=[]))
    assert (order.lines, order.attention, order.lifecycle, order.handover) == ((), ("no_lines",), Lifecycle.OPEN, Handover.NONE)


def test_a_test_order_is_work_and_says_so() -> None:
    order = to_order(document(test=True))
    assert (order.lifecycle, order.attention) == (Lifecycle.OPEN, ("test_order",))


@pytest.mark.parametrize("parts", [[], [part(("L1", 2), method="RETAIL")]])
def test_a_sale_at_the_till_is_no_work(parts: list[dict[str, Any]]) -> None:
    order = to_order(document(retailLocation={"id": SHOP}, fulfillmentOrders=parts))
    assert (order.lifecycle, order.handover, order.attention) == (Lifecycle.COMPLETED, Handover.NONE, ("point_of_sale",))


def test_a_sale_at_the_till_to_be_shipped_is_work() -> None:
    order = to_order(document(retailLocation={"id": SHOP}))
    assert (order.lifecycle, order.handover, order.attention) == (Lifecycle.OPEN, Handover.DELIVERY, ("point_of_sale",))


def test_odd_characters_are_replaced_and_said() -> None:
    order = to_order(document(note="a\x00b\ud800c\td\n", lineItems=[line(name="x\x1by")]))
    assert (order.note, order.lines[0].title) == ("a\ufffdb\ufffdc\td\n", "x\ufffdy")
    assert order.attention == ("odd_characters",)
    assert to_order(document(note="Zoë 🐚 \u202eאבג")).attention == ()


def test_the_shops_currency_counts_and_its_decimals() -> None:
    bag = {"shopMoney": {"amount": "1200"}, "presentmentMoney": {"amount": "7.41"}}
    order = to_order(document(currencyCode="JPY", currentTotalPriceSet=bag, totalOutstandingSet=bag))
    assert (order.total_minor, order.outstanding_minor) == (1200, 1200)


@pytest.mark.parametrize("change", [{"currentTotalPriceSet": money("x")}, {"currentTotalPriceSet": None}, {"updatedAt": "soon"}])
def test_what_cannot_be_read_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        to_order(document(**change))


def test_routing_is_awaited_for_goods_only() -> None:
    unrouted = document(fulfillmentOrders=[])
    assert awaits_routing(unrouted)
    assert to_order(unrouted).attention == ("not_routed",)
    assert to_order(unrouted).handover is Handover.DELIVERY
    for settled in (
        {"lineItems": [line(requiresShipping=False)]},
        {"lineItems": [line(currentQuantity=0)]},
        {"cancelledAt": "2026-11-23T09:00:00Z"},
        {"displayFulfillmentStatus": "FULFILLED"},
        {"retailLocation": {"id": SHOP}},
        {"fulfilled": {"L1": 2}},
        {"fulfillmentOrders": [part(("L1", 2))]},
    ):
        assert not awaits_routing({**unrouted, **settled})
    assert awaits_routing(document(lineItems=[line(), line(2)]))


def test_the_document_is_left_as_it_was() -> None:
    given = document(note="a\x00")
    before = deepcopy(given)
    to_order(given)
    assert given == before
