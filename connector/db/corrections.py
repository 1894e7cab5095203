"""What staff corrected of customers and addresses, sealed beside the orders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.many import among
from connector.db.sealed import Seal
from connector.db.tables import order_corrections, order_lines, order_words, orders
from connector.domain.text import fold, grams

# Section ("shipping") -> field ("street") -> [what the platform said when it was corrected, what counts here].
Corrections = dict[str, dict[str, list[str]]]


def of_orders(conn: Connection, seal: Seal, order_ids: Collection[int]) -> dict[int, Corrections]:
    """Order id -> what is corrected."""
    rows = select(order_corrections.c.order_id, order_corrections.c.sealed_person).where(
        among(order_corrections.c.order_id, order_ids)
    )
    return {row.order_id: seal.open_json(row.sealed_person) for row in conn.execute(rows)}


def keep(conn: Connection, seal: Seal, order_id: int, corrections: Corrections, actor: str, now: datetime) -> None:
    """From now on these count; none are none."""
    if not any(corrections.values()):
        conn.execute(delete(order_corrections).where(order_corrections.c.order_id == order_id))
        return
    values = {"sealed_person": seal.seal_json(corrections), "actor": actor, "at": now}
    row = insert(order_corrections).values(order_id=order_id, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["order_id"], set_=values))


def person(conn: Connection, seal: Seal, order_id: int) -> dict[str, dict[str, str]]:
    """Customer, shipping and billing of an order as they count here."""
    sealed = conn.execute(select(orders.c.sealed_person).where(orders.c.id == order_id)).scalar_one()
    held = seal.open_json(sealed) or {}
    return {section: dict(held.get(section) or {}) for section in ("customer", "shipping", "billing")}


def write_person(
    conn: Connection, seal: Seal, order_id: int, whole: Mapping[str, Any], *, name: str, destination: str, attention: list[str]
) -> None:
    """The person of an order, the name it is found by, and the area it goes to."""
    values = {"customer_name": name, "customer_folded": fold(name), "destination": destination, "attention": attention}
    conn.execute(update(orders).where(orders.c.id == order_id).values(sealed_person=seal.seal_json(whole), **values))
    number = conn.execute(select(orders.c.number).where(orders.c.id == order_id)).scalar_one()
    lines = select(order_lines.c.sku, order_lines.c.barcode, order_lines.c.title).where(order_lines.c.order_id == order_id)
    words = [word for row in conn.execute(lines.order_by(order_lines.c.position, order_lines.c.id)) for word in row]
    folded = fold("\n".join(dict.fromkeys(word for word in (number, name, *words) if word)))
    row = insert(order_words).values(order_id=order_id, folded=folded, grams=grams(folded))
    found_by = {"folded": row.excluded.folded, "grams": row.excluded.grams}
    conn.execute(row.on_conflict_do_update(index_elements=["order_id"], set_=found_by))
