"""Items sold as one and made of others: what they are made of, also for orders that wait already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine

from connector.db import changes, goods
from connector.domain.errors import Rejected
from connector.flow.lines import open_bundles
from connector.flow.replan import replan


def set_bundle(engine: Engine, sku: str, components: Mapping[str, int], now: datetime) -> int:
    """Say what one of `sku` is made of (SKU -> how many); nothing makes it an ordinary item again. Repeatable.

    From now on an order of it takes the stock of its components. Orders of it of which nothing has left yet change as well;
    returns how many. Rejected for unknown SKUs, quantities below 1, and bundles of bundles.
    """
    with engine.begin() as conn:
        items = goods.item_ids(conn, {sku, *components})
        unknown = sorted({sku, *components} - items.keys())
        if unknown:
            raise Rejected(f"Not known here: {', '.join(unknown[:10])}.", "Add the items first.")
        if any(count < 1 for count in components.values()) or sku in components:
            raise Rejected("A bundle is made of at least one of each other item.", "Give quantities from 1.")
        inside = {items[name]: count for name, count in components.items()}
        if changes.components(conn, set(inside)) or (inside and changes.is_component(conn, items[sku])):
            raise Rejected("A bundle cannot be made of bundles.", "Name the single items.")
        changes.set_bundle(conn, items[sku], inside)
        concerned = open_bundles(conn, items[sku]) if inside else []
        if concerned:
            replan(conn, concerned, now)
    return len(concerned)
