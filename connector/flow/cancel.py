"""Asking the shop to cancel an order. Nothing changes here until the shop says so itself: then stock comes back by the same path
as for every other word of the shop."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from connector.db import orders, outbox
from connector.db.orders import Head
from connector.db.tables import outbox as outbox_table
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import GONE
from connector.domain.orders import Handover, Lifecycle
from connector.flow.wake import Wake
from connector.platform import Act, Announcement, Told, Tracking

# What stood against it may have gone since: a permission was granted, a fulfillment cancelled.
_NOTHING_WRITTEN = frozenset({Told.WITHHELD, Told.UNSUPPORTED})


def cancel(engine: Engine, order_id: int, now: datetime, *, actor: str, possible: bool) -> tuple[Wake, ...]:
    """Ask the order's shop to cancel it; what to wake. `possible`: whether its platform can be asked (`Platform.cancels`).

    NotFound where there is no such order; Rejected where it has ended, something of it has left, or it was asked before.
    """
    with engine.begin() as conn:
        head = orders.lock_by_ids(conn, [order_id]).get(order_id)
        if head is None:
            raise NotFound(f"There is no order {order_id}.", "`connector orders list` shows them.")
        _judge(conn, head, possible=possible)
        _ask(conn, head, now)
        orders.note_events(conn, [(order_id, "cancel_asked", {}, actor)], now)
    return (Wake("deliver", head.shop_id),)


def _judge(conn: Connection, head: Head, *, possible: bool) -> None:
    if head.lifecycle == Lifecycle.CANCELLED or head.state == "cancelled":
        raise Rejected("The order is cancelled already.", "Nothing needs to be done.")
    if head.state == "completed":
        raise Rejected("The order is completed.", "Refund it in the shop's own admin.")
    if any(part.state in GONE for part in orders.parts_of(conn, [head.id]).get(head.id, [])):
        raise Rejected("Something of the order has left.", "Take the handover back first, or refund it in the shop's own admin.")
    if not possible:
        raise Rejected(
            "This platform is not asked to cancel.", "Cancel it in the shop's own admin: there you decide about the refund."
        )


def _ask(conn: Connection, head: Head, now: datetime) -> None:
    key = f"tell:{Act.CANCELLED}:{head.id}"
    earlier = conn.execute(
        select(outbox_table.c.id, outbox_table.c.state, outbox_table.c.outcome).where(outbox_table.c.effect_key == key)
    ).first()
    if earlier is not None and (earlier.state == "dead" or earlier.outcome in _NOTHING_WRITTEN):
        outbox.replay(conn, [earlier.id], now, ended=("dead", "delivered"))
        return
    if earlier is not None:
        said = "asked already" if earlier.state == "waiting" else f"asked already, and it ended as {earlier.outcome}"
        raise Rejected(f"The shop was {said}.", "See what it was told on the order's page.")
    announcement = Announcement(
        key=key,
        act=Act.CANCELLED,
        order_id=head.external_id,
        number=head.number,
        handover=Handover(head.handover),
        lines=(),
        last=True,
        at=now,
        tracking=Tracking(),
        external_location="",
        location_name="",
    )
    told = {**dataclasses.asdict(announcement), "at": now.isoformat()}
    row = {"shop_id": head.shop_id, "order_id": head.id, "fulfillment_order_id": None, "act": Act.CANCELLED.value}
    outbox.add(conn, [{**row, "effect_key": key, "announcement": told, "created_at": now, "due_at": now}])
