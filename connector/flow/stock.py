"""Stock facts that no order causes: receipts and counts, each once only by its caller's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many units (>= 0 for a count, any sign for a change) of an item at a location."""

    sku: str
    location_code: str
    quantity: int


def change(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, reason: str, actor: str) -> int:
    """Add to on hand by `quantity` (a receipt, a till sale, a write-off). Returns the movements written: 0 on a repeat."""
    raise NotImplementedError


def count(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, actor: str) -> int:
    """Set on hand to what was counted, by the difference. Returns the movements written."""
    raise NotImplementedError


def add_location(engine: Engine, *, code: str, name: str, kind: str = "shop", priority: int = 100) -> int:
    """A place that keeps stock; repeatable by `code`. Returns its id."""
    raise NotImplementedError


def add_items(engine: Engine, items: Sequence[Mapping[str, str]]) -> int:
    """Add or rename items ({sku, title, barcode}); waiting order lines with these SKUs are mapped. Returns how many."""
    raise NotImplementedError


def link_location(engine: Engine, shop_id: int, external_id: str, location_code: str) -> None:
    """Say which of our locations a shop's location is."""
    raise NotImplementedError
