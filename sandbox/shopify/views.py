"""The shop's state as GraphQL objects: dicts by field name, callables where a field takes arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError

from sandbox.catalogue import CREDENTIALS, CURRENCY, LOCATION_BY_CODE, LOCATIONS
from sandbox.shopify import orders
from sandbox.shopify.orders import Line, Order, Part, gid
from sandbox.shopify.shop import Shop
from sandbox.shopify.webhooks import VERSION

View = dict[str, Any]

_COUNTRIES = frozenset(["AT", "BE", "CH", "DE", "ES", "FR", "GB", "IE", "IT", "LU", "MC", "NL", "PT", "US"])
# Least permissions first named by the app, as the merchant granted them.
SCOPES = (
    "read_orders",
    "write_orders",
    "read_customers",
    "read_products",
    "read_locations",
    "write_inventory",
    "write_merchant_managed_fulfillment_orders",
)
_MOST_AT_ONCE = 250
_METHOD_NAMES = {"SHIPPING": "Colissimo", orders.PICKUP: "Retrait en boutique", "NONE": None}


EVERYTHING = object()  # the context of a bulk operation, whose connections have no pages


def connection(nodes: Sequence[Any], view: Callable[[Any], Any] = lambda node: node) -> Callable[..., View]:
    """A connection over these nodes, of which only those asked for are made a `view`; cursors are positions."""

    def page(info: Any, first: int | None = None, after: str | None = None, **_: object) -> View:
        if info.context is EVERYTHING:
            return {"edges": ({"node": view(node)} for node in nodes)}
        if first is None:
            raise GraphQLError("you must provide one of first or last")
        if not 0 <= first <= _MOST_AT_ONCE:
            raise GraphQLError(f"first cannot exceed {_MOST_AT_ONCE}")
        start = int(after) if after and after.isdigit() else 0
        end = start + first
        shown = [view(node) for node in nodes[start:end]]
        return {
            "nodes": shown,
            "edges": [{"cursor": str(place), "node": node} for place, node in enumerate(shown, start + 1)],
            "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(min(end, len(nodes))) if nodes else None},
        }

    return page


def order_view(shop: Shop, order: Order) -> View:
    """An Order."""
    parts = [part_view(order, part) for part in shop.routed_parts(order)]
    shipments = [shipment_view(order, shipment) for shipment in order["shipments"]]
    customer = order["customer"]
    return {
        "id": gid("Order", order["id"]),
        "name": order["name"],
        "createdAt": order["created_at"],
        "processedAt": order["created_at"],
        "updatedAt": order["updated_at"],
        "cancelledAt": order["cancelled_at"],
        "test": False,
        "sourceName": "web",
        "tags": list(order.get("tags", ())),
        "note": order["note"] or None,
        "email": (customer or {}).get("email") or None,
        "phone": (customer or {}).get("phone") or None,
        "currencyCode": CURRENCY,
        "displayFinancialStatus": orders.financial_status(order),
        "displayFulfillmentStatus": orders.fulfillment_status(order),
        "fullyPaid": orders.outstanding_minor(order) <= 0,
        "paymentGatewayNames": ["bogus"],
        "retailLocation": None,
        "customer": customer and {"id": gid("Customer", customer["id"]), "displayName": customer["name"]},
        "shippingAddress": _postal(order["address"]),
        "billingAddress": _postal(order["address"]),
        "currentTotalPriceSet": money(orders.total_minor(order)),
        "taxesIncluded": True,
        "currentShippingPriceSet": money(0),
        "currentTotalTaxSet": money(0),
        "currentTotalDutiesSet": None,
        "currentTotalAdditionalFeesSet": None,
        "totalTipReceivedSet": money(sum(line["price_minor"] * line["current"] for line in order["lines"] if line.get("tip"))),
        "refunds": lambda info, first=None: [refund_view(order, made) for made in order.get("refunds", ())][:first],
        "totalOutstandingSet": money(orders.outstanding_minor(order)),
        "shippingLine": {"title": _METHOD_NAMES[orders.PICKUP if order["handover"] == "pickup" else "SHIPPING"]},
        "fulfillmentsCount": {"count": len(shipments)},
        "fulfillments": lambda info, first=None: shipments[:first],
        "lineItems": connection([line_view(line) for line in order["lines"]]),
        "fulfillmentOrders": connection(parts),
    }


def line_view(line: Line) -> View:
    """A LineItem."""
    return {
        "id": gid("LineItem", line["id"]),
        "name": line["title"],
        "sku": line["sku"] or None,
        "quantity": line["quantity"],
        "currentQuantity": line["current"],
        "requiresShipping": line["ships"],
        "isGiftCard": line["gift_card"],
        "nonFulfillableQuantity": line["quantity"] if line.get("tip") else line["quantity"] - line["current"],
        "variant": line["variant"] and {"id": gid("ProductVariant", line["variant"]), "barcode": line["barcode"] or None},
        "originalUnitPriceSet": money(line["price_minor"]),
        "discountedUnitPriceAfterAllDiscountsSet": money(line["price_minor"]),
    }


def part_view(order: Order, part: Part) -> View:
    """A FulfillmentOrder."""
    return {
        "id": gid("FulfillmentOrder", part["id"]),
        "orderId": gid("Order", order["id"]),
        "status": part["status"],
        "assignedLocation": {
            "name": LOCATION_BY_CODE[part["location"]].name,
            "location": {"id": orders.location_gid(part["location"])},
        },
        "deliveryMethod": {"methodType": part["method"], "presentedName": _METHOD_NAMES[part["method"]]},
        "supportedActions": [{"action": action} for action in _actions(part)],
        "locationsForMove": lambda info, **given: connection(_movable(part, given.get("locationIds")))(
            info, first=given.get("first")
        ),
        "lineItems": connection([_part_line_view(order, line) for line in part["lines"]]),
    }


def shipment_view(order: Order, shipment: View) -> View:
    """A Fulfillment."""
    return {
        "id": gid("Fulfillment", shipment["id"]),
        "name": shipment["name"],
        "status": shipment["status"],
        "totalQuantity": sum(line["quantity"] for line in shipment["lines"]),
        "trackingInfo": lambda info, first=None: [shipment["tracking"]] if shipment["tracking"] else [],
        "fulfillmentLineItems": connection(
            [
                {
                    "id": gid("FulfillmentLineItem", line["id"]),
                    "quantity": line["quantity"],
                    "lineItem": line_view(orders.line_of(order, line["line"])),
                }
                for line in shipment["lines"]
            ]
        ),
    }


def refund_view(order: Order, made: View) -> View:
    """A Refund."""
    lines = [
        {
            "quantity": line["quantity"],
            "restockType": line["restock_type"].upper(),
            "location": {"id": orders.location_gid(line["location"])},
            "lineItem": line_view(orders.line_of(order, line["line_item_id"])),
        }
        for line in made["lines"]
    ]
    return {"id": gid("Refund", made["id"]), "refundLineItems": connection(lines)}


def subscription_view(subscription: View) -> View:
    """A WebhookSubscription."""
    return {**subscription, "id": gid("WebhookSubscription", subscription["number"]), "apiVersion": {"handle": VERSION}}


def location_views() -> list[View]:
    """All Locations."""
    return [{"id": orders.location_gid(place.code), "name": place.name, "isActive": True} for place in LOCATIONS]


def shop_view() -> View:
    """The Shop."""
    return {"myshopifyDomain": CREDENTIALS["shopify"]["domain"], "name": "Marée Haute", "currencyCode": CURRENCY}


def money(minor: int) -> View:
    """A MoneyBag; the sandbox shop has one currency."""
    amount = {"amount": orders.text(minor), "currencyCode": CURRENCY}
    return {"shopMoney": amount, "presentmentMoney": amount}


def _part_line_view(order: Order, line: View) -> View:
    return {
        "id": gid("FulfillmentOrderLineItem", line["id"]),
        "totalQuantity": line["total"],
        "remainingQuantity": line["remaining"],
        "lineItem": line_view(orders.line_of(order, line["line"])),
    }


def _movable(part: Part, wanted: list[str] | None) -> list[View]:
    """Every other location, as the shop stocks everything everywhere."""
    return [
        {"movable": place["id"] != orders.location_gid(part["location"]), "message": None, "location": place}
        for place in location_views()
        if wanted is None or place["id"] in wanted
    ]


def _actions(part: Part) -> tuple[str, ...]:
    progress = ("REPORT_PROGRESS",) if part["method"] == "SHIPPING" else ()
    return {
        "OPEN": ("CREATE_FULFILLMENT", *progress, "MOVE", "SPLIT", "HOLD"),
        "IN_PROGRESS": ("CREATE_FULFILLMENT", *progress, "MARK_AS_OPEN"),
        "ON_HOLD": ("RELEASE_HOLD",),
    }.get(part["status"], ())


def _postal(address: dict[str, str] | None) -> View | None:
    if address is None:
        return None
    country = address["country"].upper()
    return {
        "name": address["name"] or None,
        "company": None,
        "address1": address["street"] or None,
        "address2": None,
        "city": address["city"] or None,
        "provinceCode": None,
        "zip": address["postcode"] or None,
        "countryCodeV2": country if country in _COUNTRIES else None,
        "phone": address["phone"] or None,
    }
