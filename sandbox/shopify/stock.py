"""The shop's own stock: `available` falls and `committed` rises when an order is placed; fulfilling lowers `committed`."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.catalogue import ITEM_BY_SKU, LOCATIONS, STOCK
from sandbox.store import Store

_KIND = "shopify.stock"


class Stock:
    """Levels in the store. `changed` is told (sku, location code, available) of every change of what is available."""

    def __init__(self, store: Store, changed: Callable[[str, str, int], None]) -> None:
        self._store = store
        self._changed = changed
        if store.count(_KIND) == 0:
            with store.together():
                for sku in ITEM_BY_SKU:
                    levels = {place.code: {"available": STOCK[sku, place.code], "committed": 0} for place in LOCATIONS}
                    store.put(_KIND, sku, {"sku": sku, "levels": levels})

    def available(self, sku: str, code: str) -> int:
        """What can still be sold there; without bound for what the shop keeps no stock of."""
        found = self._store.get(_KIND, sku)
        return 1_000_000 if found is None else int(found["levels"].get(code, {"available": 0})["available"])

    def commit(self, sku: str, code: str, units: int) -> None:
        """Units were sold (below zero: given back)."""
        self._add(sku, code, available=-units, committed=units)

    def leave(self, sku: str, code: str, units: int) -> None:
        """Committed units were handed over."""
        self._add(sku, code, available=0, committed=-units)

    def write_off(self, sku: str, code: str, units: int) -> None:
        """Committed units are wanted no more, and do not come back to what can be sold."""
        self._add(sku, code, available=0, committed=-units)

    def bring_back(self, sku: str, code: str, units: int) -> None:
        """Units that had left were returned."""
        self._add(sku, code, available=units, committed=0)

    def level(self, sku: str, code: str) -> int | None:
        """What is available there; None where the shop does not stock it there."""
        level = self._level(sku, code)
        return None if level is None else int(level["available"])

    def set(self, sku: str, code: str, available: int) -> None:
        """Somebody says how many can be sold there; a place that did not stock it does from now on."""
        with self._store.together():
            if self._level(sku, code) is None:
                found = self._store.get(_KIND, sku) or {"sku": sku, "levels": {}}
                found["levels"][code] = {"available": 0, "committed": 0}
                self._store.put(_KIND, sku, found)
            self._add(sku, code, available=available - (self.level(sku, code) or 0), committed=0)

    def unstock(self, sku: str, code: str) -> None:
        """The place stocks it no more."""
        with self._store.together():
            found = self._store.get(_KIND, sku)
            if found is not None:
                found["levels"].pop(code, None)
                self._store.put(_KIND, sku, found)

    def _level(self, sku: str, code: str) -> dict[str, int] | None:
        found = self._store.get(_KIND, sku)
        return None if found is None else found["levels"].get(code)

    def levels(self) -> dict[str, dict[str, int]]:
        """What is available, by SKU and location code."""
        return {
            found["sku"]: {code: level["available"] for code, level in found["levels"].items()}
            for found in self._store.all(_KIND)
        }

    def _add(self, sku: str, code: str, *, available: int, committed: int) -> None:
        with self._store.together():
            found = self._store.get(_KIND, sku)
            if found is None:
                return
            level = found["levels"].setdefault(code, {"available": 0, "committed": 0})
            level["available"] += available
            level["committed"] += committed
            self._store.put(_KIND, sku, found)
            if available:
                self._changed(sku, code, level["available"])
