"""What staff do: a move in the state table, its movements and announcements, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db import changes, events, goods, orders, outbox, refills, stock, tasks
from connector.db.orders import Head, LineRow
from connector.db.tables import fulfillment_orders, payments, shops
from connector.db.tables import orders as orders_table
from connector.domain.differences import HeldPart
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import ENDED, GONE, Standing, State, Step, after, order_state
from connector.domain.orders import Handover, Lifecycle, owed_minor
from connector.domain.settings import value
from connector.domain.stock import departure
from connector.domain.tasks import TASKS
from connector.flow.announcements import announce_due
from connector.flow.replan import replan, units_by_item
from connector.flow.wake import EVERYWHERE, Wake
from connector.platform import Tracking


@dataclass(frozen=True, slots=True)
class Moved:
    """The part's new state, the order's new state, and what to wake."""

    state: str
    order_state: str
    wakes: tuple[Wake, ...] = ()


def move(
    engine: Engine,
    fulfillment_order_id: int,
    step: Step,
    now: datetime,
    *,
    actor: str,
    tracking: Tracking | None = None,
) -> Moved:
    """Move one part. NotFound where it does not exist, Rejected with what is missing where the step is not allowed."""
    with engine.begin() as conn:
        return take_step(conn, fulfillment_order_id, step, now, actor=actor, tracking=tracking)


def take_step(
    conn: Connection, part_id: int, step: Step, now: datetime, *, actor: str, tracking: Tracking | None = None
) -> Moved:
    """`move`, in the transaction of the caller."""
    head, settings = locked_order(conn, part_id)
    lines = orders.lines_of(conn, [head.id])[head.id]
    parts = orders.parts_of(conn, [head.id])[head.id]
    part = next(part for part in parts if part.id == part_id)
    state = after(step, standing(head, settings, part.state))
    _leave_shelf(conn, head, lines, part, state, actor, now)
    parts = [replace(one, state=state) if one is part else one for one in parts]
    _write(conn, head, part, state, step, actor, tracking, now)
    whole = _order_after(conn, head, lines, parts, now)
    told = outbox.told(conn, [head.id]).get(head.id, set())
    telling = announce_due(conn, head, settings, lines, parts, told, now)
    wakes = (Wake("deliver", head.shop_id),) if telling else ()
    return Moved(state.value, whole, (*wakes, *_settled_again(conn, lines, part, step)))


def _settled_again(conn: Connection, lines: Sequence[LineRow], part: HeldPart, step: Step) -> tuple[Wake, ...]:
    """Goods taken out of their parcel may be given to an earlier order, or not be there at all: a count or a sale said so while
    they were packed, when nothing could be taken from the part."""
    if step is not Step.UNPACK:
        return ()
    units = units_by_item(part, {line.id: line.item_id for line in lines if line.item_id is not None})
    short = {item for item in units if part.location_id in refills.short(conn, item)}
    refills.note(conn, short)
    return (Wake("refill", EVERYWHERE),) if short else ()


def standing(head: Head, settings: Mapping[str, Any], state: State) -> Standing:
    """What a part's next move depends on."""
    authorized = bool(value(settings, "accept_authorized"))
    return Standing(
        state=state,
        handover=Handover(head.handover),
        owed_minor=owed_minor(head.payment, head.outstanding_minor, head.recorded_minor, accept_authorized=authorized),
        currency=head.currency,
        on_hold=head.lifecycle == Lifecycle.ON_HOLD or "held_by_tag" in head.attention,
        pay_first=bool(value(settings, "pay_first")),
    )


def locked_order(conn: Connection, part_id: int) -> tuple[Head, dict[str, Any]]:
    order_id = conn.execute(select(fulfillment_orders.c.order_id).where(fulfillment_orders.c.id == part_id)).scalar_one_or_none()
    if order_id is None:
        raise NotFound(f"There is no fulfillment order {part_id}.", "`connector orders show` names those of an order.")
    head = orders.lock_by_ids(conn, [order_id])[order_id]
    settings = conn.execute(select(shops.c.settings).where(shops.c.id == head.shop_id)).scalar_one()
    return head, settings


def _leave_shelf(
    conn: Connection, head: Head, lines: Sequence[LineRow], part: HeldPart, state: State, actor: str, now: datetime
) -> None:
    """Goods that leave are no longer on hand, and no longer promised."""
    if state not in GONE:
        return
    items = {line.id: line.item_id for line in lines if line.item_id is not None}
    units = units_by_item(part, items)
    stock.lock(conn, units)
    stock.post(conn, departure(head.id, part.id, part.location_id, units, state.value, actor), now)
    again = [line for line in lines if line.taken_back and part.lines.get(line.id)]
    changes.set_counts(conn, [(line.id, line.elsewhere, max(0, line.taken_back - part.lines[line.id])) for line in again])


def _write(
    conn: Connection,
    head: Head,
    part: HeldPart,
    state: State,
    step: Step,
    actor: str,
    tracking: Tracking | None,
    now: datetime,
) -> None:
    followed = tracking or Tracking()
    more = {"tracking_number": followed.number, "carrier": followed.carrier, "tracking_url": followed.url}
    orders.set_part_states(conn, {part.id: state}, now, **(more if step is Step.SHIP else {}))
    names = {place.id: place.name for place in goods.places(conn)}
    facts = {"part": part.id, "location": names[part.location_id], "step": step.value, "state": state.value}
    orders.note_events(conn, [(head.id, "moved", {**facts, "tracking": followed.number}, actor)], now)


def _order_after(conn: Connection, head: Head, lines: Sequence[LineRow], parts: Sequence[HeldPart], now: datetime) -> str:
    backordered = any(line.backordered for line in lines)
    state = order_state([part.state for part in parts], backordered=backordered, cancelled=head.state == "cancelled")
    waiting = _still_asked(conn, head, parts, now)
    attention = [code for code in head.attention if code not in TASKS] + waiting
    opened = state not in ("completed", "cancelled") or bool(waiting)
    orders.update_many(conn, [{"id": head.id, "state": state, "open": opened, "attention": attention}])
    events.note_orders(conn, [(head.id, head.state, state)], now)
    return state


def _still_asked(conn: Connection, head: Head, parts: Sequence[HeldPart], now: datetime) -> list[str]:
    """Codes of the order's open questions; those about where a part is prepared end when it has left."""
    if not TASKS.keys() & set(head.attention):
        return []
    ended = {part.id for part in parts if part.state in ENDED}
    asked = [task for task in tasks.of_orders(conn, [head.id])[head.id] if task.state == "open"]
    past = [task.id for task in asked if task.facts.get("part") in ended]
    tasks.end(conn, past, now)
    return sorted({task.code for task in asked if task.id not in past})


@dataclass(frozen=True, slots=True)
class Recorded:
    """A payment as it stands after recording: what was recorded now and what is still owed, in minor units."""

    amount_minor: int
    owed_minor: int
    currency: str


def record_payment(
    engine: Engine,
    order_id: int,
    now: datetime,
    *,
    actor: str,
    amount_minor: int | None = None,
    method: str = "",
    reference: str = "",
    key: str = "",
) -> Recorded:
    """Note that money was taken elsewhere; charges nobody. Without an amount all that is owed. `key` makes it once only.

    NotFound where there is no such order; Rejected where nothing is owed or the amount is not between 1 and what is owed.
    """
    with engine.begin() as conn:
        head = orders.lock_by_ids(conn, [order_id]).get(order_id)
        if head is None:
            raise NotFound(f"There is no order {order_id}.", "`connector orders list` shows them.")
        settings = conn.execute(select(shops.c.settings).where(shops.c.id == head.shop_id)).scalar_one()
        owed = standing(head, settings, State.NEW).owed_minor
        effect_key = f"payment:{order_id}:{key}" if key else f"payment:{order_id}:#{_payments(conn, order_id) + 1}"
        if conn.execute(select(payments.c.id).where(payments.c.effect_key == effect_key)).first():
            return Recorded(0, owed, head.currency)
        amount = _acceptable(owed, amount_minor)
        row = {"order_id": order_id, "amount_minor": amount, "method": method, "reference": reference}
        conn.execute(insert(payments).values(**row, actor=actor, effect_key=effect_key, at=now))
        recorded = orders_table.c.recorded_minor + amount
        conn.execute(update(orders_table).where(orders_table.c.id == order_id).values(recorded_minor=recorded))
        facts = {"amount_minor": amount, "currency": head.currency, "method": method, "reference": reference}
        orders.note_events(conn, [(order_id, "payment_recorded", facts, actor)], now)
        if value(settings, "commit_when") == "paid":
            replan(conn, [order_id], now)
    return Recorded(amount, owed - amount, head.currency)


def _payments(conn: Connection, order_id: int) -> int:
    count = select(func.count()).select_from(payments).where(payments.c.order_id == order_id)
    return int(conn.execute(count).scalar_one())


def _acceptable(owed: int, amount_minor: int | None) -> int:
    if owed <= 0:
        raise Rejected("Nothing is owed on this order.", "No payment needs to be recorded.")
    amount = owed if amount_minor is None else amount_minor
    if not 0 < amount <= owed:
        raise Rejected("The amount is not between nothing and what is owed.", "Record at most what is owed.")
    return amount
