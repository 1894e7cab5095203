"""Telling BigCommerce: the announce table. Every write is read, compare, write, read.

BigCommerce has one status for a whole order, mixing payment and fulfillment, so a status is written only when the last
part has come that far, and never over one that means more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector.domain.orders import Handover
from connector.platform import Act, Announcement, Outcome, Retryable, Shop, Told
from platforms.bigcommerce import client, orders, payment, pickups, shipments
from platforms.bigcommerce.normalize import STATUS_NAMES
from platforms.http import Http

CANCELLED = 5
SHIPPED, PARTIALLY_SHIPPED, AWAITING_PAYMENT, AWAITING_PICKUP, AWAITING_SHIPMENT, COMPLETED = 2, 3, 7, 8, 9, 10
PARTIALLY_REFUNDED = 14
_HANDED_OVER = frozenset({SHIPPED, PARTIALLY_SHIPPED, COMPLETED})
_NEVER_OVERWRITTEN = {
    4: "the money was given back",
    5: "the order is cancelled",
    6: "the payment was declined",
    12: "the order waits for verification",
    13: "the payment is disputed",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One announcement on its way: the client, the shop, what is told, and the order as it was just read."""

    http: Http
    shop: Shop
    told: Announcement
    order: client.Row


def announce(http: Http, shop: Shop, told: Announcement) -> Outcome:
    """Tell BigCommerce that a part reached an act. Raises the call errors; a lost answer heals on the next attempt."""
    row = _TABLE.get((told.act, told.handover))
    if row is None:
        return Outcome(Told.UNSUPPORTED, f"BigCommerce has no word for “{told.act.value.replace('_', ' ')}” on such an order.")
    order = orders.read_order(http, shop, told.order_id)
    if told.act is Act.CANCELLED and status_of(order) == CANCELLED:
        return Outcome(Told.ALREADY, "BigCommerce shows Cancelled already.")
    return _withheld(order) or row(Call(http, shop, told, order))


# ---------------------------------------------------------------------------------------------------------------------
# The rows


def _packed(status_id: int, further: frozenset[int]) -> Callable[[Call], Outcome]:
    def tell(call: Call) -> Outcome:
        if not call.told.last:
            return Outcome(Told.UNSUPPORTED, "BigCommerce has one status for the whole order: it is told with the last part.")
        if status_of(call.order) in further | {status_id}:
            return Outcome(Told.ALREADY, f"BigCommerce shows {name_of(call.order)} already.")
        if status_of(call.order) == AWAITING_PAYMENT and payment.word_of(call.order) == "":
            return _unpaid(status_id)
        _write_status(call, status_id)
        return Outcome(Told.APPLIED, f"Status {STATUS_NAMES[status_id]}.")

    return tell


def _unpaid(status_id: int) -> Outcome:
    """An offline payment has no other trace than this status: written over, the order would read as paid."""
    detail = f"BigCommerce shows Awaiting Payment and notes only there that it is unpaid: {STATUS_NAMES[status_id]} not written."
    return Outcome(Told.WITHHELD, detail)


def _ready(call: Call) -> Outcome:
    return pickups.ready(call.http, call.shop, call.told, call.order)


def _shipped(call: Call) -> Outcome:
    if status_of(call.order) == COMPLETED:
        return Outcome(Told.ALREADY, "BigCommerce shows Completed already.")
    done = shipments.ship(call.http, call.shop, call.told, call.order)
    return _moved_on(call, done, COMPLETED if call.told.last else PARTIALLY_SHIPPED)


def _picked_up(call: Call) -> Outcome:
    if status_of(call.order) == COMPLETED:
        return Outcome(Told.ALREADY, "BigCommerce shows Completed already.")
    done = pickups.collect(call.http, call.shop, call.told, call.order)
    if call.told.last:
        return _moved_on(call, done, COMPLETED)
    if not pickups.is_kept(call.order):
        return Outcome(Told.UNSUPPORTED, "BigCommerce keeps no pickups of this order: it is told with the last part.")
    return _outcome(done, "BigCommerce counts these as collected already.")


def _taken_back(call: Call) -> Outcome:
    """Delete what records the handover, then set the status back: BigCommerce leaves it where the shipment moved it."""
    told, before = call.told, status_of(call.order)
    undone, shared = shipments.undo(call.http, call.shop, told)
    undone += pickups.undo(call.http, call.shop, told, call.order)
    if shared and not undone:
        return Outcome(Told.WITHHELD, "BigCommerce's shipment of these goods holds others too: delete it in its control panel.")
    done = ["What recorded the handover was deleted in BigCommerce."] if undone else []
    if before not in _HANDED_OVER:
        return _outcome(done, "BigCommerce does not show these goods as handed over.")
    waiting = AWAITING_PICKUP if told.handover is Handover.PICKUP else AWAITING_SHIPMENT
    wanted = waiting if told.last else PARTIALLY_SHIPPED
    if wanted != before:
        _write_status(call, wanted)
        done = [*done, f"Status {STATUS_NAMES[wanted]}."]
    return _outcome(done, f"BigCommerce shows {STATUS_NAMES[wanted]} already.")


def _cancelled(call: Call) -> Outcome:
    """The status alone: whether stock comes back is the store's own setting, and no money is given back by it."""
    if status_of(call.order) in _HANDED_OVER:
        return Outcome(Told.WITHHELD, f"BigCommerce shows {name_of(call.order)}: decide in its control panel.")
    _write_status(call, CANCELLED)
    return Outcome(Told.APPLIED, "Status Cancelled. Money that was paid is given back in the control panel.")


_TABLE: dict[tuple[Act, Handover], Callable[[Call], Outcome]] = {
    (Act.PACKED, Handover.DELIVERY): _packed(AWAITING_SHIPMENT, frozenset({SHIPPED, PARTIALLY_SHIPPED, COMPLETED})),
    (Act.PACKED, Handover.PICKUP): _packed(AWAITING_PICKUP, frozenset({SHIPPED, COMPLETED})),
    (Act.READY, Handover.PICKUP): _ready,
    (Act.SHIPPED, Handover.DELIVERY): _shipped,
    (Act.PICKED_UP, Handover.PICKUP): _picked_up,
    (Act.TAKEN_BACK, Handover.DELIVERY): _taken_back,
    (Act.TAKEN_BACK, Handover.PICKUP): _taken_back,
    **{(Act.CANCELLED, handover): _cancelled for handover in Handover},
}


# ---------------------------------------------------------------------------------------------------------------------
# The order's status


def status_of(order: client.Row) -> int:
    """The status id; -1 where it is missing."""
    status_id = order.get("status_id")
    return status_id if isinstance(status_id, int) else -1


def name_of(order: client.Row) -> str:
    """The status in BigCommerce's own words, not the merchant's label."""
    return STATUS_NAMES.get(status_of(order), f"a status unknown here ({status_of(order)})")


def _withheld(order: client.Row) -> Outcome | None:
    """Why nothing may be written on this order, or None where it may."""
    status_id, name = status_of(order), name_of(order)
    if order.get("is_deleted") is True:
        return Outcome(Told.WITHHELD, "The order is archived in BigCommerce: nothing was written.")
    if status_id in _NEVER_OVERWRITTEN:
        return Outcome(Told.WITHHELD, f"BigCommerce shows {name}: {_NEVER_OVERWRITTEN[status_id]}, so nothing was written.")
    if status_id == PARTIALLY_REFUNDED:
        return Outcome(
            Told.WITHHELD, f"BigCommerce shows {name}, and another status would hide the refund. Set it there if you want it so."
        )
    if status_id not in STATUS_NAMES or status_id in (0, 1):
        return Outcome(Told.WITHHELD, f"BigCommerce shows {name}: nothing was written.")
    return None


def _moved_on(call: Call, done: list[str], wanted: int) -> Outcome:
    """Read the status back after the shipment or pickup, which may have moved it, and write only what is missing."""
    order = orders.read_order(call.http, call.shop, call.told.order_id) if done else call.order
    withheld = _withheld(order)
    if withheld is not None:
        return Outcome(Told.APPLIED, " ".join([*done, withheld.detail])) if done else withheld
    far_enough = {COMPLETED} if wanted == COMPLETED else {PARTIALLY_SHIPPED, SHIPPED, COMPLETED}
    if status_of(order) not in far_enough:
        _write_status(call, wanted)
        done = [*done, f"Status {STATUS_NAMES[wanted]}."]
    return _outcome(done, f"BigCommerce shows {name_of(order)} already.")


def _outcome(done: list[str], otherwise: str) -> Outcome:
    return Outcome(Told.APPLIED, " ".join(done)) if done else Outcome(Told.ALREADY, otherwise)


def _write_status(call: Call, status_id: int) -> None:
    """PUT the status alone (anything else in the body would change lines and discounts), then look whether it stands."""
    client.write(call.http, call.shop, "PUT", f"v2/orders/{call.told.order_id}", {"status_id": status_id})
    order = orders.read_order(call.http, call.shop, call.told.order_id)
    if status_of(order) != status_id:
        raise Retryable(
            f"BigCommerce took the status {STATUS_NAMES[status_id]} but shows {name_of(order)}.",
            "It is tried again by itself; if it lasts, look for another app that sets the status.",
            effect_unknown=True,
        )
