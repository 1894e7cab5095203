"""Correcting a customer or an address here, and what becomes of it when the platform speaks again.

The rule: a correction stays over every update that brings the field as it was when it was corrected (a payment, a tag, the
customer's next click do not bring the wrong street back). Where the platform brings another value for a corrected field, its
word is the newer one: it counts, the timeline says so, and the order asks for a look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from connector.db import corrections, orders
from connector.db.corrections import Corrections
from connector.db.orders import Head
from connector.db.sealed import Seal
from connector.domain.addresses import faults
from connector.domain.distance import area
from connector.domain.errors import NotFound, Rejected
from connector.domain.orders import Address, Handover, Order
from connector.domain.text import storable
from connector.flow.replan import replan
from connector.flow.wake import Wake

FIELDS: Mapping[str, tuple[str, ...]] = {
    "customer": ("name", "email", "phone"),
    "shipping": ("name", "company", "street", "street2", "postcode", "city", "region", "country", "phone"),
    "billing": ("name", "company", "street", "street2", "postcode", "city", "region", "country", "phone"),
}
REPLACED = "correction_replaced"
LONGEST = 200
_SETTLED_BY = {"no_address": "shipping", "no_customer": "customer"}


@dataclass(frozen=True, slots=True)
class Corrected:
    """Which fields changed ("shipping.street"), and what to wake."""

    fields: tuple[str, ...]
    wakes: tuple[Wake, ...] = ()


def correct(
    engine: Engine, seal: Seal, order_id: int, changes: Mapping[str, Mapping[str, str]], now: datetime, *, actor: str
) -> Corrected:
    """Change fields of the customer or an address, by section; routes anew where the parcel goes elsewhere.

    NotFound where there is no such order. Rejected where it has ended, or where a parcel could not reach the address.
    """
    with engine.begin() as conn:
        head = orders.lock_by_ids(conn, [order_id]).get(order_id)
        if head is None:
            raise NotFound(f"There is no order {order_id}.", "`connector orders list` shows them.")
        if head.state in ("completed", "cancelled"):
            raise Rejected("The order has ended.", "What has left cannot be sent elsewhere.")
        before = corrections.person(conn, seal, order_id)
        after = {name: {**fields, **_given(name, changes.get(name, {}))} for name, fields in before.items()}
        changed = {name: [one for one in after[name] if after[name][one] != before[name].get(one, "")] for name in after}
        if not any(changed.values()):
            return Corrected(())
        _judge(head, after["shipping"], touched=bool(changed["shipping"]))
        _remember(conn, seal, order_id, before, after, changed, actor, now)
        return _write(conn, seal, head, after, changed, actor, now)


def _given(section: str, fields: Mapping[str, str]) -> dict[str, str]:
    given = {name: storable(text).strip()[:LONGEST] for name, text in fields.items() if name in FIELDS.get(section, ())}
    return given | ({"country": given["country"].upper()} if "country" in given else {})


def _judge(head: Head, shipping: Mapping[str, str], *, touched: bool) -> None:
    if not touched or head.handover != Handover.DELIVERY:
        return
    if wrong := faults(address_of(shipping)):
        named = ", ".join(f"{fault.field} ({fault.example})" if fault.example else fault.field for fault in wrong)
        raise Rejected(f"A parcel could not reach this address: {named}.", "Correct these fields.")


def address_of(fields: Mapping[str, str]) -> Address:
    """The address of stored or typed fields."""
    return Address(**{name: fields.get(name, "") for name in FIELDS["shipping"]})


def _remember(
    conn: Connection,
    seal: Seal,
    order_id: int,
    before: Mapping[str, Mapping[str, str]],
    after: Mapping[str, Mapping[str, str]],
    changed: Mapping[str, list[str]],
    actor: str,
    now: datetime,
) -> None:
    """Beside each corrected field what the platform says of it; one that is as the platform has it is no correction."""
    kept = corrections.of_orders(conn, seal, [order_id]).get(order_id, {})
    for section, names in changed.items():
        held = dict(kept.get(section, {}))
        for name in names:
            theirs = held[name][0] if name in held else before[section].get(name, "")
            held[name] = [theirs, after[section][name]]
        kept[section] = {name: pair for name, pair in held.items() if pair[0] != pair[1]}
    corrections.keep(conn, seal, order_id, kept, actor, now)


def _write(
    conn: Connection,
    seal: Seal,
    head: Head,
    after: Mapping[str, Mapping[str, str]],
    changed: Mapping[str, list[str]],
    actor: str,
    now: datetime,
) -> Corrected:
    name = next((after[one].get("name", "") for one in ("customer", "shipping", "billing") if after[one].get("name")), "")
    destination = area(after["shipping"].get("country", ""), after["shipping"].get("postcode", ""))
    settled = {code for code, section in _SETTLED_BY.items() if changed[section]}
    attention = [code for code in head.attention if code not in settled | {REPLACED}]
    corrections.write_person(conn, seal, head.id, after, name=name, destination=destination, attention=attention)
    fields = tuple(f"{section}.{one}" for section, names in changed.items() for one in names)
    orders.note_events(conn, [(head.id, "corrected", {"fields": list(fields)}, actor)], now)
    telling = replan(conn, [head.id], now) if destination != head.destination and not head.history else frozenset()
    return Corrected(fields, tuple(Wake("deliver", shop) for shop in sorted(telling)))


def as_it_counts(
    conn: Connection, seal: Seal, newest: Mapping[str, Order], known: Mapping[str, int], now: datetime
) -> dict[str, Order]:
    """The platform's orders with what was corrected here and still holds; `known` is external id -> id of those held already."""
    shown = dict(newest)
    keys = {known[key]: key for key in newest if key in known}
    for order_id, kept in corrections.of_orders(conn, seal, list(keys)).items():
        order = newest[keys[order_id]]
        standing = {section: _standing(asdict(getattr(order, section)), fields) for section, fields in kept.items()}
        lost = _lost(order, kept)
        if standing != kept:
            corrections.keep(conn, seal, order_id, standing, "platform", now)
        if lost:
            orders.note_events(conn, [(order_id, REPLACED, {"fields": lost}, "platform")], now)
        shown[keys[order_id]] = _over(order, standing, lost)
    return shown


def _standing(theirs: Mapping[str, str], fields: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {name: pair for name, pair in fields.items() if theirs.get(name, "") == pair[0]}


def _lost(order: Order, kept: Corrections) -> list[str]:
    """Corrected fields for which the platform now says a third thing; where it took ours over, nothing is lost."""
    return [
        f"{section}.{name}"
        for section, fields in kept.items()
        for name, pair in fields.items()
        if getattr(getattr(order, section), name) not in pair
    ]


def _over(order: Order, standing: Corrections, lost: list[str]) -> Order:
    parts: dict[str, Any] = {
        section: replace(getattr(order, section), **{name: ours for name, (_, ours) in fields.items()})
        for section, fields in standing.items()
        if fields
    }
    settled = {code for code, section in _SETTLED_BY.items() if section in parts}
    attention = tuple(code for code in order.attention if code not in settled)
    return replace(order, **parts, attention=(*attention, *([REPLACED] if lost else [])))
