"""The store's inventory: levels per (SKU, location), asynchronous adjustments, and what orders take from it."""

from __future__ import annotations

import time
from typing import Any

from connector.domain.errors import Rejected
from sandbox.catalogue import ITEM_BY_SKU, LOCATIONS, STOCK
from sandbox.store import Store

DEFAULT_LOCATION = 1


class Stock:
    """Levels in the durable store. Adjustments are accepted at once and applied a little later, as on the platform."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seed(self) -> None:
        """Give a new store the catalogue's quantities; where nothing lies, nothing was ever counted."""
        if self._store.count("bigcommerce.level"):
            return
        numbers = {location.code: location.number for location in LOCATIONS}
        with self._store.together():
            for (sku, code), quantity in STOCK.items():
                if quantity:
                    self._put(sku, numbers[code], quantity)

    def level(self, sku: str, location: int) -> dict[str, Any]:
        """The level as it stands now: {onhand, safety_stock, counted}."""
        self._apply_due()
        return self._get(sku, location)

    def adjust(self, items: list[tuple[str, int, int]], *, absolute: bool, delay_seconds: float) -> list[str]:
        """Plan adjustments of (SKU, location, quantity); the reasons of refusal where one item is refused: then none is done.

        A relative one is refused until an absolute one has counted the item at that location, and where it would leave
        less than the safety stock.
        """
        self._apply_due()
        reasons = [] if absolute else [reason for item in items if (reason := self._refusal(*item))]
        if not reasons:
            number = self._store.next_id("bigcommerce.adjustment")
            plan = {"number": number, "due": time.time() + delay_seconds, "absolute": absolute, "items": items}
            self._store.put("bigcommerce.adjustment", str(number), plan)
        return reasons

    def take(self, order: dict[str, Any], *, backorders: bool) -> None:
        """Debit the order: a pickup from its location; else the default location first, then the others in turn."""
        self._apply_due()
        order["stock_taken"] = [taken for line in _stocked(order) for taken in self._take_line(order, line, backorders)]

    def give_back(self, order: dict[str, Any]) -> None:
        """Put back what the order took."""
        for sku, location, units in order["stock_taken"] or []:
            self._put(sku, location, self._get(sku, location)["onhand"] + units)
        order["stock_taken"] = None

    def _take_line(self, order: dict[str, Any], line: dict[str, Any], backorders: bool) -> list[list[Any]]:
        wanted, taken = line["quantity"], []
        for location in _places(order):
            units = min(wanted, max(0, self._get(line["sku"], location)["onhand"]))
            if units:
                self._put(line["sku"], location, self._get(line["sku"], location)["onhand"] - units)
                taken.append([line["sku"], location, units])
                wanted -= units
        if wanted and not backorders:
            raise Rejected(f"{line['sku']} is out of stock.", "Put some on stock, or allow backorders.")
        line["quantity_backordered"] = wanted
        return taken

    def _refusal(self, sku: str, location: int, quantity: int) -> str:
        level = self._get(sku, location)
        if not level["counted"]:
            return f"{sku}: requires absolute adjustment before relative"
        if quantity < 0 and level["onhand"] + quantity < level["safety_stock"]:
            return f"{sku}: the adjustment would leave less than the safety stock"
        return ""

    def _apply_due(self) -> None:
        now = time.time()
        with self._store.together():
            for plan in self._store.all("bigcommerce.adjustment"):
                if plan["due"] <= now:
                    self._store.delete("bigcommerce.adjustment", str(plan["number"]))
                    for sku, location, quantity in plan["items"]:
                        before = 0 if plan["absolute"] else self._get(sku, location)["onhand"]
                        self._put(sku, location, before + quantity)

    def _get(self, sku: str, location: int) -> dict[str, Any]:
        nothing = {"onhand": 0, "safety_stock": 0, "counted": False}
        return self._store.get("bigcommerce.level", f"{sku}@{location}") or nothing

    def _put(self, sku: str, location: int, onhand: int) -> None:
        level = {**self._get(sku, location), "onhand": onhand, "counted": True}
        self._store.put("bigcommerce.level", f"{sku}@{location}", level)


def _stocked(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [line for line in order["lines"] if line["type"] == "physical" and line["sku"] in ITEM_BY_SKU]


def _places(order: dict[str, Any]) -> list[int]:
    if order["pickup"]:
        return [order["pickup"]["location"]]
    others = [location.number for location in LOCATIONS if location.number != DEFAULT_LOCATION]
    return [DEFAULT_LOCATION, *others]
