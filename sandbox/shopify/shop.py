"""The sandbox shop: what customers and the merchant do in it, each act one change of the store with its webhooks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connector.domain.errors import NotFound, Rejected
from sandbox.sending import Sender
from sandbox.shopfront import Shown, Wanted
from sandbox.shopify import orders, placing, webhooks
from sandbox.shopify.jobs import Jobs
from sandbox.shopify.orders import Line, Order, Part
from sandbox.shopify.stock import Stock
from sandbox.shopify.webhooks import Webhooks
from sandbox.store import Store

_KIND = "shopify.order"
_OWNER = "shopify.owner"  # which order a fulfillment order or fulfillment belongs to
_ROUTING_SECONDS = 0.5
_JOB_SECONDS = 0.5
_FIRST_SHIPMENT = 5_500_000_000_001
_FIRST_REFUND = 9_600_000_000_001


def _head(order: Order) -> Order:
    return {name: order[name] for name in ("id", "created_at", "updated_at")}


class Shop:
    """A Shopfront. `fulfill`, `hold` and `release` are what its API and its merchant do beyond that."""

    platform = "shopify"
    title = "Marée Haute (Shopify)"

    def __init__(
        self, store: Store, sender: Sender, routing_seconds: float = _ROUTING_SECONDS, job_seconds: float = _JOB_SECONDS
    ) -> None:
        self.store = store
        self.webhooks = Webhooks(store, sender)
        self.inventory = Stock(store, self._level_changed)
        self._routing_seconds = routing_seconds
        self.acts: Mapping[str, Callable[..., None]] = {}  # what the control API lets a merchant do besides
        self.cannot: Mapping[str, str] = {}  # and why the admin has no other
        self.jobs = Jobs(store, job_seconds, self._carry_out)

    # --- customers ---------------------------------------------------------------------------------------------------

    def place(self, wanted: Wanted) -> str:
        """See Shopfront."""
        with self.store.together():
            order = placing.new_order(self.store, wanted, self.inventory.available, self._routing_seconds)
            self._commit(order, order["parts"])
            order["paid_minor"] = orders.total_minor(order) if wanted.paid else 0
            self._emit("orders/create", order)
            if wanted.paid:
                self._paid(order)
            self._save(order)
        return str(order["id"])

    def pay(self, order_id: str) -> None:
        """See Shopfront. Digital goods and gift cards are delivered by the shop itself once they are paid."""
        with self.changing(order_id) as order:
            if order["cancelled_at"]:
                raise Rejected(f"{order['name']} is cancelled.", "")
            order["paid_minor"] += max(0, orders.outstanding_minor(order))
            self._paid(order)

    # --- the merchant ------------------------------------------------------------------------------------------------

    def cancel(self, order_id: str, *, restock: bool = True, refund: bool = True, notice: str = "") -> None:
        """See Shopfront: in the admin the money and the stock are given back. `notice` is what is noted on the timeline."""
        with self.changing(order_id) as order:
            if why := orders.not_cancellable(order):
                raise Rejected(why, "Refund it instead.")
            lines = orders.lines_to_cancel(order, restock=restock)
            for line in order["lines"]:
                self._take_off(order, line, line["current"], restock=restock)
            order["cancelled_at"] = orders.stamp()
            order["refunded_minor"] = order["paid_minor"] if refund else order["refunded_minor"]
            order["notes"] += [notice] * bool(notice)
            self._emit("orders/cancelled", order)
            self._emit_refund(order, lines)

    def edit(self, order_id: str, quantities: Mapping[str, int]) -> None:
        """See Shopfront."""
        with self.changing(order_id) as order:
            for sku, quantity in quantities.items():
                self._edit_line(order, sku, quantity)
            self.webhooks.emit("orders/edited", {"order_edit": {"order_id": order["id"], "created_at": orders.stamp()}})

    def refund(self, order_id: str, quantities: Mapping[str, int], *, restock: bool, location: str = "") -> None:
        """See Shopfront. Units still here are taken off first, then units that had left: those come back to `location`."""
        with self.changing(order_id) as order:
            lines = []
            for sku, units in quantities.items():
                line = self._one_line(order, sku)
                if not 0 < units <= line["current"]:
                    raise Rejected(f"{units} of {sku} cannot be refunded.", f"At most {line['current']} can.")
                paid = min(units * line["price_minor"], order["paid_minor"] - order["refunded_minor"])
                back = self._take_off(order, line, units, restock=restock, location=location)
                order["refunded_minor"] += paid
                place = location or order["parts"][0]["location"]
                for count, kind in ((units - back, "cancel"), (back, "return")):
                    restocked = kind if restock else "no_restock"
                    lines += [
                        {"line_item_id": line["id"], "quantity": count, "restock_type": restocked, "location": place}
                    ] * bool(count)
            self._emit_refund(order, lines)

    def hold(self, order_id: str) -> None:
        """Put the order's open fulfillment orders on hold."""
        self._restate(order_id, {"OPEN": "ON_HOLD", "IN_PROGRESS": "ON_HOLD"})

    def release(self, order_id: str) -> None:
        """Release them again."""
        self._restate(order_id, {"ON_HOLD": "OPEN"})

    # --- what is seen ------------------------------------------------------------------------------------------------

    def shown(self, order_id: str) -> Shown | None:
        """See Shopfront."""
        order = self.order(order_id)
        return None if order is None else orders.shown(order)

    def listing(self, limit: int = 100) -> list[Shown]:
        """See Shopfront."""
        return [orders.shown(order) for order in self.orders()[: -limit - 1 : -1]]

    def stock(self) -> dict[str, dict[str, int]]:
        """See Shopfront."""
        return self.inventory.levels()

    def order(self, order_id: str) -> Order | None:
        """The order by its number or global id."""
        return self.store.get(_KIND, order_id.rpartition("/")[2])

    def owner(self, number: int) -> Order | None:
        """The order of a fulfillment order or fulfillment with this number."""
        owner = self.store.get(_OWNER, str(number))
        return self.order(str(owner["order"])) if owner else None

    def orders(self) -> list[Order]:
        """All orders, oldest first."""
        return self.store.all(_KIND)

    def order_heads(self) -> list[Order]:
        """What orders are searched and sorted by, oldest first."""
        return self.store.heads(_KIND, _head)

    # --- the API -----------------------------------------------------------------------------------------------------

    def fulfill(self, order_id: str, units: list[tuple[int, int, int]], tracking: dict[str, str]) -> dict[str, Any]:
        """A fulfillment of units by (fulfillment order, its line, quantity); the caller has checked the rules."""
        with self.changing(order_id) as order:
            chosen = []
            for part_id, line_id, count in units:
                part = next(part for part in order["parts"] if part["id"] == part_id)
                chosen.append((part, next(line for line in part["lines"] if line["id"] == line_id), count))
            return self._ship(order, chosen, tracking)

    def mark(self, order_id: str, part_id: int, *, note: str = "", **fields: object) -> None:
        """Change a fulfillment order's own fields, with a note on the order's timeline."""
        with self.changing(order_id) as order:
            next(part for part in order["parts"] if part["id"] == part_id).update(fields)
            if note:
                order["notes"].append(note)

    def _carry_out(self, job: Mapping[str, Any]) -> None:
        """The job of a cancelling."""
        notice = "The customer was told that it is cancelled" if job["notify"] else ""
        self.cancel(str(job["order"]), restock=job["restock"], refund=job["refund"], notice=notice)

    # --- parts of the acts -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def changing(self, order_id: str) -> Iterator[Order]:
        """Change an order: it is stored and its webhook queued afterwards."""
        with self.store.together():
            order = self.order(order_id)
            if order is None:
                raise NotFound(f"The sandbox shop has no order {order_id[:40]!r}.", "GET its orders lists them.")
            order["updated_at"] = orders.stamp()
            yield order
            self._save(order)
            self._emit("orders/updated", order)

    def _save(self, order: Order) -> None:
        self.store.put(_KIND, str(order["id"]), order)
        for owned in (*order["parts"], *order["shipments"]):
            if self.store.get(_OWNER, str(owned["id"])) is None:
                self.store.put(_OWNER, str(owned["id"]), {"order": order["id"]})

    def _emit(self, topic: str, order: Order) -> None:
        self.webhooks.emit(topic, webhooks.order_body(order))

    def _paid(self, order: Order) -> None:
        self._emit("orders/paid", order)
        for part in order["parts"]:
            if part["method"] == "NONE" and part["status"] == "OPEN":
                self._ship(order, [(part, line, line["remaining"]) for line in part["lines"]], {})

    def _emit_refund(self, order: Order, lines: list[dict[str, Any]]) -> None:
        number = self.store.next_id("shopify.refund", _FIRST_REFUND)
        order.setdefault("refunds", []).append({"id": number, "lines": lines})
        self.webhooks.emit("refunds/create", webhooks.refund_body(order, number, lines))

    def _level_changed(self, sku: str, code: str, available: int) -> None:
        self.webhooks.emit("inventory_levels/update", webhooks.level_body(sku, code, available))

    def _commit(self, order: Order, parts: list[Part]) -> None:
        for part in parts:
            for line in part["lines"]:
                self.inventory.commit(orders.line_of(order, line["line"])["sku"], part["location"], line["remaining"])

    def _one_line(self, order: Order, sku: str) -> Line:
        found = orders.lines_of(order, sku)
        if not found:
            raise NotFound(f"{order['name']} has no line of {sku[:40]!r}.", "")
        return found[-1]

    def _edit_line(self, order: Order, sku: str, quantity: int) -> None:
        if quantity < 0:
            raise Rejected("A quantity cannot be below zero.", "")
        line = next(iter(orders.lines_of(order, sku)), None)
        if line is None:
            line = placing.new_line(self.store, sku, 0)
            line["pickup"] = next((part["location"] for part in order["parts"] if part["method"] == orders.PICKUP), "")
            order["lines"].append(line)
        more = quantity - line["current"]
        if more < 0:
            gone = orders.fulfilled_units(order)[line["id"]]
            if quantity < gone:
                raise Rejected(f"{gone} of {sku} have been fulfilled.", "Refund them instead.")
            self._take_off(order, line, -more, restock=True)
        elif more > 0:
            line["quantity"] += more
            line["current"] += more
            added = placing.parts_for(self.store, [{**line, "current": more}], self.inventory.available)
            self._commit(order, added)
            order["parts"] += added

    def _take_off(self, order: Order, line: Line, units: int, *, restock: bool, location: str = "") -> int:
        """Units are wanted no more: first those still here, then those that had left, whose number is the answer."""
        line["current"] -= units
        rest = units
        back = self.inventory.commit if restock else None
        for part, entry in ((p, e) for p in order["parts"] for e in p["lines"] if e["line"] == line["id"]):
            count = min(rest, entry["remaining"])
            entry["remaining"] -= count
            entry["total"] -= count
            rest -= count
            if back is not None:
                back(line["sku"], part["location"], -count)
            else:
                self.inventory.write_off(line["sku"], part["location"], count)
            if part["status"] in orders.ALIVE and not orders.remaining(part):
                part["status"] = "CLOSED"
        if rest and restock:
            self.inventory.bring_back(line["sku"], location or order["parts"][0]["location"], rest)
        return rest

    def _ship(self, order: Order, chosen: list[tuple[Part, dict[str, Any], int]], tracking: dict[str, str]) -> dict[str, Any]:
        number = len(order["shipments"]) + 1
        shipment: dict[str, Any] = {
            "id": self.store.next_id("shopify.shipment", _FIRST_SHIPMENT),
            "name": f"{order['name']}-F{number}",
            "status": "SUCCESS",
            "created_at": orders.stamp(),
            "tracking": tracking,
            "location": chosen[0][0]["location"],
            "method": chosen[0][0]["method"],
            "goods": any(part["method"] != "NONE" for part, _, _ in chosen),
            "lines": [],
        }
        for part, entry, count in chosen:
            entry["remaining"] -= count
            shipment["lines"].append({"id": entry["id"], "line": entry["line"], "quantity": count})
            self.inventory.leave(orders.line_of(order, entry["line"])["sku"], part["location"], count)
            part["status"] = part["status"] if orders.remaining(part) else "CLOSED"
        order["shipments"].append(shipment)
        whole = orders.fulfillment_status(order) == "FULFILLED"
        self.webhooks.emit("fulfillments/create", webhooks.fulfillment_body(order, shipment))
        self._emit("orders/fulfilled" if whole else "orders/partially_fulfilled", order)
        return shipment

    def _restate(self, order_id: str, states: Mapping[str, str]) -> None:
        with self.changing(order_id) as order:
            for part in order["parts"]:
                part["status"] = states.get(part["status"], part["status"])

    def routed_parts(self, order: Order) -> list[Part]:
        """The fulfillment orders that exist by now."""
        return orders.parts_seen(order, time.time())
