"""What is found after a crash run: in the connector's database, and in the shops themselves."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, text

from connector.db import stock
from connector.db.tables import inbox, items, levels, orders, outbox, shops
from platforms.woocommerce.tracking import META_KEY
from sandbox.store import Store
from tests.flow.conftest import PROMISED

# What an order has become, without the numbers and times that chance gives.
_STATE = text(
    """
    SELECT s.platform, o.external_id, o.state, o.lifecycle, o.open, o.units, o.outstanding_minor,
           (SELECT count(*) FROM order_lines l WHERE l.order_id = o.id),
           (SELECT coalesce(sum(l.backordered), 0) FROM order_lines l WHERE l.order_id = o.id),
           (SELECT coalesce(json_agg(p ORDER BY p)::text, '') FROM (
               SELECT f.state || ' ' || sum(fl.quantity) AS p FROM fulfillment_orders f
               JOIN fulfillment_lines fl ON fl.fulfillment_order_id = f.id
               WHERE f.order_id = o.id GROUP BY f.id, f.state) parts),
           (SELECT coalesce(json_agg(x.act || ' ' || x.state ORDER BY x.act, x.state)::text, '')
            FROM outbox x WHERE x.order_id = o.id)
    FROM orders o JOIN shops s ON s.id = o.shop_id ORDER BY 1, 2
    """
)
_DOUBLE = text("SELECT shop_id, external_id FROM orders GROUP BY 1, 2 HAVING count(*) > 1")


def counted(conn: Connection) -> Counter[str]:
    """Open work: rows that wait and rows that are dead, in both boxes."""
    found: Counter[str] = Counter()
    for name, box in (("inbox", inbox), ("outbox", outbox)):
        for state, rows in conn.execute(select(box.c.state, func.count()).group_by(box.c.state)):
            found[f"{name} {state}"] = rows
    return found


def dead(conn: Connection) -> list[str]:
    """Why rows are dead; nobody should be."""
    reasons = list(conn.execute(select(inbox.c.reason).where(inbox.c.state == "dead")).scalars())
    return reasons + list(conn.execute(select(outbox.c.reason).where(outbox.c.state == "dead")).scalars())


def known(conn: Connection) -> dict[tuple[str, str], str]:
    """(platform, the shop's id of the order) -> its state here."""
    rows = select(shops.c.platform, orders.c.external_id, orders.c.state).join(shops, shops.c.id == orders.c.shop_id)
    return {(row.platform, row.external_id): row.state for row in conn.execute(rows)}


def totals(conn: Connection) -> dict[str, tuple[int, int]]:
    """SKU -> (on hand, committed) over all locations."""
    sums = select(items.c.sku, func.sum(levels.c.on_hand), func.sum(levels.c.committed)).select_from(levels.join(items))
    return {sku: (on_hand, committed) for sku, on_hand, committed in conn.execute(sums.group_by(items.c.sku))}


def faults(conn: Connection) -> dict[str, list[Any]]:
    """What must never be: levels that are no sums, promises without a part, an order that is there twice."""
    found = {
        "levels that are not the sum of their movements": stock.unbalanced(conn),
        "promises that no part holds": list(conn.execute(PROMISED)),
        "orders that are there twice": list(conn.execute(_DOUBLE)),
    }
    return {name: rows for name, rows in found.items() if rows}


def state(conn: Connection) -> dict[str, object]:
    """The whole state of trade; equal for equal states, whatever was repeated on the way."""
    rows = [[str(value) for value in row] for row in conn.execute(_STATE)]
    return {"orders": rows, "stock": sorted(totals(conn).items())}


def state_hash(conn: Connection) -> str:
    """The same in one word."""
    return hashlib.sha256(json.dumps(state(conn)).encode()).hexdigest()


# --- in the shops ----------------------------------------------------------------------------------------------------


def handed_over(journal: Path) -> dict[tuple[str, str], Counter[str]]:
    """(platform, order id) -> units by SKU that the shop counts as handed over; read from a copy of the sandbox's journal."""
    store = Store(journal)
    try:
        return {**_shopify(store), **_woocommerce(store), **_bigcommerce(store)}
    finally:
        store.close()


def _shopify(store: Store) -> dict[tuple[str, str], Counter[str]]:
    found = {}
    for order in store.all("shopify.order"):
        skus = {line["id"]: line["sku"] for line in order["lines"]}
        units: Counter[str] = Counter()
        for entry in (entry for shipment in order["shipments"] for entry in shipment["lines"]):
            units[skus[entry["line"]]] += entry["quantity"]
        found["shopify", f"gid://shopify/Order/{order['id']}"] = units
    return found


def _woocommerce(store: Store) -> dict[tuple[str, str], Counter[str]]:
    """WooCommerce counts no units: our own note of what left, where each part may stand once only."""
    found = {}
    sold = {product["id"]: product["sku"] for product in store.all("woocommerce.product")}
    for order in store.all("woocommerce.order"):
        skus = {str(line["id"]): sold[line["variation_id"] or line["product_id"]] for line in order["line_items"]}
        noted = next((meta["value"] for meta in order["meta_data"] if meta["key"] == META_KEY), [])
        units: Counter[str] = Counter()
        for entry in (entry for shipment in noted for entry in shipment["lines"]):
            units[skus[str(entry["line"])]] += entry["quantity"]
        found["woocommerce", str(order["id"])] = units
    return found


def _bigcommerce(store: Store) -> dict[tuple[str, str], Counter[str]]:
    found: dict[tuple[str, str], Counter[str]] = {}
    skus: dict[int, str] = {}
    for order in store.all("bigcommerce.order"):
        skus.update({line["id"]: line["sku"] for line in order["lines"]})
        found["bigcommerce", str(order["id"])] = Counter()
    shipped = [(row["order_id"], item) for row in store.all("bigcommerce.shipment") for item in row["items"]]
    collected = [
        (row["order_id"], item)
        for row in store.all("bigcommerce.pickup")
        for item in row["pickup_items"]
        if item["status"] == "COLLECTED"
    ]
    for order_id, item in shipped + collected:
        found["bigcommerce", str(order_id)][skus[item["order_product_id"]]] += item["quantity"]
    return found
