"""An order's life in this store: placed, paid, edited, refunded, cancelled; and how its admin shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connector.domain.errors import NotFound, Rejected
from connector.domain.money import to_text
from sandbox.bigcommerce.documents import money
from sandbox.bigcommerce.drafting import PICKUP_RATE, catalogue_line, draft, with_total
from sandbox.bigcommerce.merchant import ACTS, CANNOT, Act
from sandbox.bigcommerce.shop import PLATFORM, STATUSES, Shop
from sandbox.catalogue import CURRENCY, ITEMS, LOCATIONS
from sandbox.shopfront import DELIVERY, PICKUP, Shown, Wanted

_FIRST_IDS = {"order": 101, "line": 1001, "address": 301, "consignment": 51, "transaction": 1, "fee": 1}
_INCOMPLETE, _CANCELLED, _AWAITING_PAYMENT, _COMPLETED, _PAID = 0, 5, 7, 10, 11


class BigCommerceFront:
    """The shop's front: the acts of customers and merchants."""

    platform = PLATFORM
    title = "BigCommerce"
    acts: Mapping[str, Act] = ACTS
    cannot = CANNOT

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def place(self, wanted: Wanted) -> str:
        """Place an order: it exists as Incomplete first, then awaits payment or fulfillment."""
        with self.shop.store.together():
            order = draft(wanted, self._next_id)
            self.shop.hooks.emit("store/order/created", {"type": "order", "id": order["id"]})
            if wanted.paid:
                self._take_money(order)
            else:
                # An offline payment leaves no word: only the order's status says that the money is missing.
                order.update(status_id=_AWAITING_PAYMENT, payment_status="" if "offline_payment" in wanted.extra else "pending")
            self.shop.keep(order, _INCOMPLETE)
        return str(order["id"])

    def pay(self, order_id: str) -> None:
        """Pay what is owed."""
        with self._changing(order_id) as order:
            if order["status_id"] != _AWAITING_PAYMENT and order["payment_status"] in ("captured", ""):
                raise Rejected(f"Order {order_id} is not waiting for a payment.")
            self._take_money(order)

    def cancel(self, order_id: str) -> None:
        """Cancel the order; the stock comes back where the store's settings say so."""
        with self._changing(order_id) as order:
            if order["status_id"] == _CANCELLED:
                raise Rejected(f"Order {order_id} is cancelled already.")
            order["status_id"] = _CANCELLED

    def edit(self, order_id: str, quantities: Mapping[str, int]) -> None:
        """Give lines new quantities; 0 removes one, a new SKU adds one."""
        with self._changing(order_id) as order:
            for sku, quantity in quantities.items():
                self._edit_line(order, sku, quantity)
            order.update(with_total(order))
            if order["stock_taken"] is not None and self.shop.settings()["edit_order_stock_adjustment"]:
                self.shop.stock.give_back(order)
                self.shop.stock.take(order, backorders=self.shop.settings()["backorders"])

    def refund(self, order_id: str, quantities: Mapping[str, int], *, restock: bool, location: str = "") -> None:
        """Refund units. The whole order: status Refunded, and its stock may come back; a part: stock never does."""
        with self._changing(order_id) as order:
            amount = sum(self._refund_line(order, sku, units) for sku, units in quantities.items())
            whole = all(line["quantity_refunded"] >= line["quantity"] for line in order["lines"])
            amount += order["shipping_minor"] if whole else 0
            order["refunded_minor"] += amount
            order["payment_status"] = "refunded" if whole else "partially refunded"
            if whole and not restock:
                order["stock_taken"] = []
            order["status_id"] = 4 if whole else 14
            number = self._transaction(order, "refund", amount)
        refunded = {"type": "order", "id": int(order_id), "refund": {"refund_id": number}}
        self.shop.hooks.emit("store/order/refund/created", refunded)

    def shown(self, order_id: str) -> Shown | None:
        """The order as the control panel shows it."""
        order = self.shop.order(order_id)
        return None if order is None else self._as_shown(order)

    def listing(self, limit: int = 100) -> list[Shown]:
        """The newest orders first."""
        return [self._as_shown(order) for order in self.shop.orders()[: -limit - 1 : -1]]

    def stock(self) -> dict[str, dict[str, int]]:
        """On hand by SKU and location."""
        level = self.shop.stock.level
        return {item.sku: {place.code: level(item.sku, place.number)["onhand"] for place in LOCATIONS} for item in ITEMS}

    # -----------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _changing(self, order_id: str) -> Iterator[dict[str, Any]]:
        with self.shop.changing(order_id) as order:
            yield order

    def _next_id(self, kind: str) -> int:
        return self.shop.store.next_id(f"bigcommerce.{kind}", _FIRST_IDS[kind])

    def _take_money(self, order: dict[str, Any]) -> None:
        """A paid order awaits fulfillment; one with nothing to send is completed. A transfer leaves no transaction."""
        physical = any(line["type"] == "physical" for line in order["lines"])
        if order["status_id"] in (_INCOMPLETE, _AWAITING_PAYMENT):
            order["status_id"] = _PAID if physical else _COMPLETED
        if order["payment_method"] != "Bank Deposit":
            order["payment_status"] = "captured"
            self._transaction(order, "purchase", order["total_minor"])

    def _transaction(self, order: dict[str, Any], event: str, amount_minor: int) -> int:
        number = self._next_id("transaction")
        order["transactions"].append(
            {
                "id": number,
                "order_id": str(order["id"]),
                "event": event,
                "method": "credit_card",
                "amount": float(money(amount_minor)),
                "currency": CURRENCY,
                "gateway": "stripe_upe",
                "gateway_transaction_id": f"sandbox_{number}",
                "status": "ok",
                "test": True,
                "fraud_review": False,
                "reference_transaction_id": None,
                "date_created": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )
        pointed = {"type": "transaction", "order_id": str(order["id"]), "transaction_id": str(number), "transaction_status": "ok"}
        self.shop.hooks.emit("store/order/transaction/created", {**pointed, "transaction_type": event})
        return number

    def _edit_line(self, order: dict[str, Any], sku: str, quantity: int) -> None:
        line = next((line for line in order["lines"] if line["sku"] == sku), None)
        if line is None:
            first = order["lines"][0]
            places = {name: first[name] for name in ("order_address_id", "order_pickup_method_id")}
            fresh = {"type": "physical", "quantity_shipped": 0, "quantity_refunded": 0, **places, **catalogue_line(sku, quantity)}
            order["lines"].append({"id": self._next_id("line"), **fresh})
        elif quantity < line["quantity_shipped"]:
            raise Rejected(f"{line['quantity_shipped']} of {sku} have been shipped already.")
        elif quantity == 0:
            order["lines"].remove(line)
        else:
            line["quantity"] = quantity

    def _refund_line(self, order: dict[str, Any], sku: str, units: int) -> int:
        line = next((line for line in order["lines"] if line["sku"] == sku), None)
        if line is None:
            raise NotFound(f"The order has no line {sku[:40]!r}.")
        if not 1 <= units <= line["quantity"] - line["quantity_refunded"]:
            raise Rejected(f"{units} of {sku} cannot be refunded.")
        line["quantity_refunded"] += units
        return int(line["price_minor"] * units)

    def _as_shown(self, order: dict[str, Any]) -> Shown:
        shipments = self.shop.shipments(order["id"])
        places = {place.number: place.code for place in LOCATIONS}
        at_rate = any(place["shipping_method"] == PICKUP_RATE for place in order["addresses"])
        return Shown(
            id=str(order["id"]),
            number=str(order["id"]),
            placed_at=datetime.fromtimestamp(order["date_created"], UTC).isoformat(),
            customer=f"{order['billing']['first_name']} {order['billing']['last_name']}".strip(),
            total=to_text(order["total_minor"], CURRENCY),
            payment=order["payment_status"].capitalize(),
            status=STATUSES.get(order["status_id"], ("Unknown", ""))[0],
            tracking=tuple(row["tracking_number"] for row in shipments if row["tracking_number"]),
            handover=PICKUP if order["pickup"] or at_rate else DELIVERY,
            pickup=places[order["pickup"]["location"]] if order["pickup"] else "",
            notes=tuple(note for note in (order["customer_message"], order["staff_notes"], *_comments(shipments)) if note),
            lines=tuple((line["sku"] or line["name"], line["quantity"]) for line in order["lines"]),
        )


def _comments(shipments: list[dict[str, Any]]) -> Iterator[str]:
    return (row["comments"] for row in shipments)
