"""Requests about personal data: what we hold of a person is handed out, or a person or a whole store is forgotten.

Quantities, money and the ledger of stock stay as they are: they name nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from connector.db import installs, shops
from connector.db import privacy as rows
from connector.db.privacy import RequestRow
from connector.db.sealed import Seal
from connector.domain.errors import ConnectorError, NotFound
from connector.domain.orders import Address, Customer
from connector.flow.ingest import Drained
from connector.flow.install import behind_its_wall
from connector.flow.wake import Wake
from connector.installing import EXPORT, REDACT, REDACT_SHOP, Person, PrivacyRequest
from connector.platform import Platform, Shop

_LEASE = timedelta(minutes=5)
_LATER = timedelta(minutes=10)
_LONGEST_PHONE_DIGITS = 9  # the end of a number: national and international forms share it
_EXPORT_READY = "data_request"

NOT_HELD = "We hold nothing of this store."
_STILL_TO_TELL = "Forgotten, but for parcels the platform has still to be told of: their numbers are forgotten after that."
STILL_LINKED = "The store is linked again: its data is in use."


def receive(engine: Engine, seal: Seal, platform: Platform, request: PrivacyRequest, now: datetime) -> Wake | None:
    """Keep a request, committed; whom to wake, None for a repeat or where nothing of the store is held."""
    shop_id, engine = behind_its_wall(engine, platform, request.store)
    with engine.begin() as conn:
        asked = {"person": asdict(request.person), "order_ids": list(request.order_ids)}
        new = rows.add(
            conn,
            shop_id=shop_id,
            platform=platform.name,
            topic=request.topic,
            dedup_key=request.dedup_key,
            sealed_request=None if shop_id is None else seal.seal_json(asked),
            state="done" if shop_id is None else "waiting",
            reason=NOT_HELD if shop_id is None else "",
            now=now,
        )
    return Wake("privacy", shop_id) if new and shop_id is not None else None


def drain(engine: Engine, seal: Seal, shop: Shop, now: datetime) -> Drained:
    """Answer every request of the shop that is due, each in its own transaction; what fails is tried again."""
    with engine.begin() as conn:
        due = rows.claim(conn, shop.id, now, until=now + _LEASE)
    return Drained(sum(_answered(engine, seal, shop, request, now) for request in due), more=False)


def _answered(engine: Engine, seal: Seal, shop: Shop, request: RequestRow, now: datetime) -> bool:
    try:
        with engine.begin() as conn:
            _ANSWERS[request.topic](conn, seal, shop, request, now)
    except ConnectorError as error:
        with engine.begin() as conn:
            rows.put_off(conn, request.id, now + _LATER, str(error))
        return False
    return True


# --- the three answers -----------------------------------------------------------------------------------------------


def _export(conn: Connection, seal: Seal, shop: Shop, request: RequestRow, now: datetime) -> None:
    """Everything held of the person, sealed, for the merchant to hand on (`connector privacy export`)."""
    person, order_ids = _asked(seal, request)
    found = _orders_of(conn, seal, shop, person, order_ids)
    written = [_told(seal, row) for row in rows.written_about(conn, list(found))]
    export = {"store": shop.external_id, "customer": asdict(person), "orders": written}
    rows.finish(conn, request.id, {"orders": len(found)}, now, sealed_export=seal.seal_json(export))
    installs.notify(
        conn,
        shop.id,
        f"{_EXPORT_READY}:{request.id}",
        "A customer asked what is held about them; the answer is ready.",
        f"`connector privacy export {request.id}` writes it; hand it to the customer within 30 days.",
        now,
    )


def _redact(conn: Connection, seal: Seal, shop: Shop, request: RequestRow, now: datetime) -> None:
    person, order_ids = _asked(seal, request)
    found = _orders_of(conn, seal, shop, person, order_ids)
    rows.blank_orders(conn, list(found), _nobody(seal))
    named = [row.id for row in rows.bodies(conn, shop.id) if _names(seal.open(row.sealed_body), person)]
    bodies = rows.blank_bodies(conn, shop.id, named, [*found.values(), *order_ids])
    exported = ((row.id, seal.open_json(row.sealed_export)) for row in rows.exports(conn, shop.id))
    rows.forget_exports(conn, [number for number, export in exported if _is(export, person)])
    if rows.still_to_tell(conn, list(found)):
        # A parcel's number must still reach the platform, and is forgotten then; by that time nobody knows whose it was.
        again = {"person": asdict(person), "order_ids": sorted({*order_ids, *found.values()})}
        rows.put_off(conn, request.id, now + _LATER, _STILL_TO_TELL, sealed_request=seal.seal_json(again))
        return
    rows.finish(conn, request.id, {"orders": len(found), "deliveries": bodies}, now)


def _redact_shop(conn: Connection, seal: Seal, shop: Shop, request: RequestRow, now: datetime) -> None:
    """Forget everybody of a store that was uninstalled; one that is linked again keeps its data, and the request says so."""
    if shops.health(conn, shop.id).state != "uninstalled":
        rows.finish(conn, request.id, {"kept": STILL_LINKED}, now)
        return
    found = {row.id: row.external_id for row in rows.people(conn, shop.id)}
    rows.blank_orders(conn, list(found), _nobody(seal))
    bodies = rows.blank_bodies(conn, shop.id, [row.id for row in rows.bodies(conn, shop.id)], ())
    shops.set_credentials(conn, shop.id, seal.seal_json({}))
    rows.forget_exports(conn, [row.id for row in rows.exports(conn, shop.id)])
    installs.forget_users(conn, shop.id)
    rows.finish(conn, request.id, {"orders": len(found), "deliveries": bodies}, now)


_ANSWERS = {EXPORT: _export, REDACT: _redact, REDACT_SHOP: _redact_shop}


def written_export(engine: Engine, seal: Seal, request_id: int, now: datetime) -> str:
    """The export of a request as JSON for a person to read; NotFound where there is none. With it the merchant has been told."""
    with engine.begin() as conn:
        found = rows.export(conn, request_id)
        if found is not None:
            installs.end_notice(conn, found.shop_id, f"{_EXPORT_READY}:{request_id}", now)
    if found is None:
        raise NotFound(f"Request {request_id} has no export.", "`connector privacy list` shows those that have one.")
    sealed = found.sealed_export
    return json.dumps(seal.open_json(sealed), ensure_ascii=False, indent=2)


# --- who is meant ----------------------------------------------------------------------------------------------------


def _asked(seal: Seal, request: RequestRow) -> tuple[Person, tuple[str, ...]]:
    said = seal.open_json(request.sealed_request) or {"person": {}, "order_ids": []}
    return Person(**said["person"]), tuple(said["order_ids"])


def _orders_of(conn: Connection, seal: Seal, shop: Shop, person: Person, order_ids: tuple[str, ...]) -> dict[int, str]:
    """Id -> external id of the orders named, and of all others that are the person's."""
    named = set(order_ids)
    return {
        row.id: row.external_id
        for row in rows.people(conn, shop.id)
        if row.external_id in named or _is(seal.open_json(row.sealed_person), person)
    }


def _is(held: Mapping[str, Any] | None, person: Person) -> bool:
    """Whether an order's customer is the person: by the platform's number, the address of mail, or the telephone."""
    customer = (held or {}).get("customer") or {}
    number = str(customer.get("external_id") or "").rpartition("/")[2]
    mail, phone = str(customer.get("email") or "").strip().casefold(), _digits(str(customer.get("phone") or ""))
    wanted_number = person.external_id.rpartition("/")[2]
    return (
        (bool(wanted_number) and number not in ("", "0") and number == wanted_number)
        or (bool(person.email) and mail == person.email.strip().casefold())
        or (len(_digits(person.phone)) >= _LONGEST_PHONE_DIGITS and phone == _digits(person.phone))
    )


def _names(body: bytes, person: Person) -> bool:
    """Whether a stored delivery mentions the person's mail or telephone."""
    text = body.decode("utf-8", "replace").casefold()
    mail = person.email.strip().casefold()
    return (bool(mail) and mail in text) or (len(person.phone) > _LONGEST_PHONE_DIGITS and person.phone.casefold() in text)


def _digits(phone: str) -> str:
    return re.sub(r"\D", "", phone)[-_LONGEST_PHONE_DIGITS:]


def _told(seal: Seal, row: Any) -> dict[str, Any]:
    return {
        "number": row.number,
        "placed_at": row.placed_at.isoformat(),
        "currency": row.currency,
        "total_minor": row.total_minor,
        "payment": row.payment,
        "state": row.state,
        "note": row.note,
        "person": seal.open_json(row.sealed_person),
    }


def _nobody(seal: Seal) -> bytes:
    blank = {"customer": asdict(Customer()), "shipping": asdict(Address()), "billing": asdict(Address())}
    return seal.seal_json(blank)
