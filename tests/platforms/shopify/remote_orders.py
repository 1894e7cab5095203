"""Orders as Shopify answers them, with all pages read."""

from __future__ import annotations

from typing import Any

DEPOT, SHOP = "gid://shopify/Location/1003", "gid://shopify/Location/1001"


POSTAL = {
    "name": "Zoé Martin",
    "company": None,
    "address1": "1 quai du Port",
    "address2": None,
    "city": "Marseille",
    "provinceCode": None,
    "zip": "13002",
    "countryCodeV2": "FR",
    "phone": None,
}


def money(amount: object) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount}}


def line(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"L{number}",
        "name": f"Article {number}",
        "sku": f"SKU-{number}",
        "quantity": 2,
        "currentQuantity": 2,
        "requiresShipping": True,
        "isGiftCard": False,
        "variant": {"id": f"V{number}", "barcode": None},
        "originalUnitPriceSet": money("10.00"),
        "discountedUnitPriceAfterAllDiscountsSet": money("9.50"),
        **more,
    }


def part(
    *lines: tuple[str, int], method: str | None = "SHIPPING", status: str = "OPEN", place: str | None = DEPOT
) -> dict[str, Any]:
    return {
        "id": "F1",
        "status": status,
        "assignedLocation": {"name": "x", "location": place and {"id": place}},
        "deliveryMethod": method and {"methodType": method, "presentedName": None},
        "supportedActions": [{"action": "CREATE_FULFILLMENT"}],
        "lineItems": [
            {"id": f"FL{name}", "totalQuantity": units, "remainingQuantity": units, "lineItem": {"id": name}}
            for name, units in lines
        ],
    }


def document(**more: Any) -> dict[str, Any]:
    return {
        "id": "gid://shopify/Order/1",
        "name": "#1001",
        "createdAt": "2026-11-23T08:00:00Z",
        "processedAt": "2026-11-23T07:59:00Z",
        "updatedAt": "2026-11-23T08:00:05Z",
        "cancelledAt": None,
        "test": False,
        "sourceName": "web",
        "tags": ["Gift", "wait"],
        "note": None,
        "email": None,
        "phone": None,
        "currencyCode": "EUR",
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "fullyPaid": True,
        "paymentGatewayNames": ["shopify_payments"],
        "retailLocation": None,
        "customer": {"id": "gid://shopify/Customer/1", "displayName": "Zoé Martin"},
        "shippingAddress": POSTAL,
        "billingAddress": None,
        "currentTotalPriceSet": money("19.00"),
        "totalOutstandingSet": money("0.0"),
        "shippingLine": None,
        "fulfillmentsCount": {"count": 0},
        "lineItems": [line()],
        "fulfillmentOrders": [part(("L1", 2))],
        "fulfilled": {},
        **more,
    }
