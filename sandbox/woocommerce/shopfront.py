"""The shop as a customer and the merchant use it: placing, paying, cancelling, editing and refunding orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector.domain.errors import NotFound, Rejected
from sandbox.catalogue import CURRENCY, LOCATIONS
from sandbox.shopfront import PICKUP, Shown, Wanted
from sandbox.woocommerce import orders, products
from sandbox.woocommerce.merchant import ACTS, CANNOT, Act
from sandbox.woocommerce.records import FLAT_RATE, pickup_rate, refunded, total, trackings
from sandbox.woocommerce.shop import PLATFORM, Order, Refusal, Shop

_PAID = {"payment_method": "stripe", "payment_method_title": "Carte bancaire"}
_TO_BE_PAID = {"payment_method": "bacs", "payment_method_title": "Virement bancaire"}
_ODD_NAME = "Zoë “O’Hara” <b>& Søn</b> 🐟\x00"
_ODD_NOTE = " \x00\ud83d \u202esic"
_CANCELLABLE = frozenset({"pending", "on-hold", "processing", "failed"})


class WooCommerceShop:
    """The sandbox's WooCommerce shop for its pages, the control API and the traffic."""

    platform = PLATFORM
    title = "WooCommerce"
    acts: Mapping[str, Act] = ACTS
    cannot = CANNOT

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def place(self, wanted: Wanted) -> str:
        """An order from the block checkout; its webhooks and stock follow by the shop's rules."""
        paid = {"status": "processing", "set_paid": True, **_PAID} if wanted.paid else {"status": "on-hold", **_TO_BE_PAID}
        address = _address(wanted)
        email = "" if "no_customer" in wanted.extra else wanted.customer.get("email", "")
        checkout = {
            **paid,
            "billing": {**address, **({"email": email} if email else {})},
            "shipping": address,
            "customer_note": wanted.note + (_ODD_NOTE if "odd_characters" in wanted.extra else ""),
            "line_items": [*self._lines(wanted.lines), *self._extra_lines(wanted)],
            "shipping_lines": _shipping_lines(wanted),
        }
        order = orders.create(self.shop, checkout, via="store-api")
        return str(order["id"])

    def pay(self, order_id: str) -> None:
        """The payment arrives: bank transfers and declined cards go on to processing."""
        order = self._found(order_id)
        if order["date_paid_gmt"]:
            return
        if order["status"] not in ("pending", "on-hold", "failed"):
            raise Rejected(f"An order that is {order['status']} cannot be paid.", "")
        orders.update(self.shop, order["id"], {"set_paid": True})

    def cancel(self, order_id: str) -> None:
        """Cancel in the admin; stock that was taken comes back."""
        order = self._found(order_id)
        if order["status"] not in _CANCELLABLE:
            raise Rejected(f"An order that is {order['status']} is not cancelled.", "Refund it instead.")
        orders.update(self.shop, order["id"], {"status": "cancelled"})

    def edit(self, order_id: str, quantities: Mapping[str, int]) -> None:
        """Give lines new quantities, and add articles; the stock follows."""
        lines = self._line_ids(order_id)
        changes = [{"id": lines[sku], "quantity": quantity} for sku, quantity in quantities.items() if sku in lines]
        added = tuple((sku, quantity) for sku, quantity in quantities.items() if sku not in lines)
        orders.update(self.shop, int(order_id), {"line_items": [*changes, *self._lines(added)]})

    def refund(self, order_id: str, quantities: Mapping[str, int], *, restock: bool, location: str = "") -> None:
        """Refund units by hand, outside the gateway."""
        order, ids = self._found(order_id), self._line_ids(order_id)
        prices = {line["id"]: Decimal(line["total"]) / line["quantity"] for line in order["line_items"]}
        lines = [
            {"id": ids[sku], "quantity": quantity, "refund_total": f"{prices[ids[sku]] * quantity:.2f}"}
            for sku, quantity in quantities.items()
            if sku in ids
        ]
        try:
            orders.refund(self.shop, order["id"], {"line_items": lines, "api_refund": False, "api_restock": restock})
        except Refusal as refusal:
            raise Rejected(str(refusal), "Refund no more than was paid.") from None

    def shown(self, order_id: str) -> Shown | None:
        """The order in the words of the WooCommerce admin."""
        order = orders.find(self.shop, int(order_id)) if order_id.isdigit() else None
        return None if order is None else self._as_shown(order)

    def listing(self, limit: int = 100) -> list[Shown]:
        """The newest orders, newest first, without the trash."""
        kept = [order for order in orders.every(self.shop) if order["status"] != "trash"]
        return [self._as_shown(order) for order in reversed(kept[-limit:])]

    def stock(self) -> dict[str, dict[str, int]]:
        """One quantity per SKU: WooCommerce has no locations."""
        return {
            product["sku"]: {"": product["stock_quantity"]}
            for product in products.every(self.shop)
            if product["manage_stock"] is True
        }

    def _found(self, order_id: str) -> Order:
        order = orders.find(self.shop, int(order_id)) if order_id.isdigit() else None
        if order is None:
            raise NotFound(f"There is no order {order_id[:20]!r}.")
        return order

    def _lines(self, wanted: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
        found = []
        for sku, quantity in wanted:
            product = products.by_sku(self.shop, sku)
            if product is None or quantity < 1:
                raise Rejected(f"{quantity} of {sku!r} cannot be ordered here.", "Use a SKU of the catalogue.")
            found.append({"product_id": product["id"], "quantity": quantity})
        return found

    def _extra_lines(self, wanted: Wanted) -> list[dict[str, Any]]:
        sold = [{"product_id": products.ODD_IDS[extra], "quantity": 1} for extra in wanted.extra if extra in products.ODD_IDS]
        custom = {"name": "Gravure sur mesure", "quantity": 1, "total": "15.00"}
        return [*sold, custom] if "custom_line" in wanted.extra else sold

    def _line_ids(self, order_id: str) -> dict[str, int]:
        """Line ids by SKU."""
        lines = self._found(order_id)["line_items"]
        found = ((products.find(self.shop, line["variation_id"] or line["product_id"]), line["id"]) for line in lines)
        return {product["sku"]: number for product, number in found if product}

    def _as_shown(self, order: Order) -> Shown:
        pickup = next((line for line in order["shipping_lines"] if line["method_id"] == "pickup_location"), None)
        place = next((meta["value"] for meta in pickup["meta_data"] if meta["key"] == "pickup_location"), "") if pickup else ""
        billing = order["billing"]
        named = ((products.find(self.shop, line["variation_id"] or line["product_id"]), line) for line in order["line_items"])
        return Shown(
            id=str(order["id"]),
            number=str(order["id"]),
            placed_at=order["date_created_gmt"] + "Z",
            customer=f"{billing['first_name']} {billing['last_name']}".strip(),
            total=f"{total(order):.2f} {CURRENCY}",
            payment=_payment(order),
            status=orders.statuses(self.shop).get(order["status"], order["status"].capitalize()),
            tracking=_tracking(order),
            handover="pickup" if pickup else "delivery" if order["shipping_lines"] else "none",
            pickup=next((location.code for location in LOCATIONS if location.name == place), place),
            notes=tuple(note["note"] for note in order["notes"]),
            lines=tuple((product["sku"] if product else line["name"], line["quantity"]) for product, line in named),
        )


def _address(wanted: Wanted) -> dict[str, str]:
    customer = wanted.customer
    name = "" if "no_customer" in wanted.extra else customer.get("name", "")
    first, _, last = name.partition(" ")
    person = {"first_name": first, "last_name": last, "phone": "" if "no_customer" in wanted.extra else customer.get("phone", "")}
    if "odd_characters" in wanted.extra:
        person |= {"first_name": _ODD_NAME}
    if "no_address" in wanted.extra:
        return person
    place = {"address_1": "street", "city": "city", "postcode": "postcode", "country": "country"}
    return person | {name: customer.get(source, "") for name, source in place.items()}


def _shipping_lines(wanted: Wanted) -> list[dict[str, Any]]:
    if wanted.handover != PICKUP:
        return [FLAT_RATE] if wanted.lines or set(wanted.extra) - {"digital"} else []
    return [pickup_rate(wanted.pickup)]


def _payment(order: Order) -> str:
    if order["refunds"] and refunded(order) >= total(order):
        return "Refunded"
    return f"Paid by {order['payment_method_title']}" if order["date_paid_gmt"] else "Unpaid"


def _tracking(order: Order) -> tuple[str, ...]:
    """From the tracking extension, and from lists of shipments that other software keeps in the order's meta data."""
    kept = [
        meta["value"] for meta in order["meta_data"] if meta["key"].endswith("_shipments") and isinstance(meta["value"], list)
    ]
    others = [entry.get("tracking") for entries in kept for entry in entries if isinstance(entry, dict)]
    numbers = [entry["tracking_number"] for entry in trackings(order)]
    numbers += [str(found.get("number", "")) for found in others if isinstance(found, dict)]
    return tuple(dict.fromkeys(number for number in numbers if number))
