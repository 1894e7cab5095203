"""Twenty-five canaries, secrets and personal data, planted on all three platforms: where they must never be found, and that
after a request to forget a person nothing of the person is in the database, sealed or not."""

from __future__ import annotations

import io
import logging
import re
import sys
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
import structlog
from sqlalchemy import select, text

from config import logging as logs
from connector.db import resealing, tables
from connector.domain.staff import Role
from connector.flow import access, picking, privacy, staff
from connector.flow import shops as shop_flow
from connector.installing import REDACT, Person, PrivacyRequest
from jobs.environment import now
from tests.security.conftest import SECRET, SPEECHES, House
from tests.security.odd_shops import Line, Sold
from tests.security.test_rotation import dump
from tests.serving import wait_until

_PERSON = {
    "name": "Canaria Personne",
    "street": "77 rue du Canari",
    "street2": "Escalier Kanarienvogel",
    "city": "Canariville",
    "postcode": "C4N4R1",
    "country": "FR",
    "phone": "+33499777111",
    "email": "canari.personne@example.test",
}
_NOTE, _STAFF_NOTE, _PARCEL, _REFERENCE = "canary order note", "canary packing note", "CANARYPARCEL77", "canary-payment-77"
_QUANTITY = "canary-quantity"  # quoted in the reason of a poison row; it names nobody
_SAID = "canari page of an error"
PERSONAL = (
    *(value for name, value in _PERSON.items() if name != "country"),
    _NOTE,
    _STAFF_NOTE,
    _PARCEL,
    _REFERENCE,
    _SAID,
)
_PASSWORD, _BEARER, _IN_QUERY = "canary password of staff", "canary-bearer-token", "canary-in-query"
PLANTED_SECRETS = (
    *(SECRET, "canary-shopify-token", "canary-woo-key", "canary-woo-secret", "canary-big-token", "canary-own-header"),
    *(_PASSWORD, _BEARER, _IN_QUERY),
)


@dataclass
class Seen:
    """Everything that came out while the canaries were about, by where it came out."""

    house: House
    log: str = ""
    pages: list[str] = field(default_factory=list)
    own_secrets: tuple[str, ...] = ()

    def everywhere(self) -> dict[str, str]:
        """Text by place."""
        env = self.house.environment
        client = self.house.app.test_client()
        own = [client.get(path).get_data(as_text=True) for path in ("/metrics", "/healthz", "/readyz")]
        return {"log": self.log, "metrics": "\n".join(own), "redis": redis_dump(env.redis), "error pages": "\n".join(self.pages)}


def redis_dump(client: redis.Redis) -> str:
    """Every key with all it holds, what is compressed opened."""
    reading = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "stream": lambda key: client.xrange(key),
    }
    found: list[str] = []
    for key in client.scan_iter():
        found.append(f"{key!r} {_opened(reading[client.type(key).decode()](key))}")
    return "\n".join(found)


def _opened(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            return zlib.decompress(value).decode("utf-8", "replace")
        except zlib.error:
            return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return " ".join(f"{_opened(name)}={_opened(entry)}" for name, entry in value.items())
    return " ".join(map(_opened, value)) if isinstance(value, list | tuple | set) else str(value)


@pytest.fixture(scope="module")
def seen(house: House) -> Seen:
    """The canaries planted, everything done to them that is done to orders, and all that goes wrong gone wrong."""
    written, kept, root = io.StringIO(), structlog.get_config(), logging.getLogger()
    handlers, level, stdout = root.handlers[:], root.level, sys.stdout
    sys.stdout = written
    try:
        logs.configure(house.environment.settings.model_copy(update={"log_level": "DEBUG"}))
        found = Seen(house)
        for platform in SPEECHES:
            _life(found, platform)
        _trouble(found)
        wait_until(lambda: bool(house.environment.redis.keys("rq:job:*")))
    finally:
        sys.stdout = stdout
        structlog.configure(**kept)
        root.handlers[:], root.level = handlers, level
    found.log = written.getvalue()
    settings = house.environment.settings
    found.own_secrets = (settings.secret_key.get_secret_value(), settings.seal_keys.get_secret_value(), *found.own_secrets)
    return found


def _life(seen: Seen, platform: str) -> None:
    """One order unpaid, noted, paid, packed, shipped; one that is poison; one whose shop answers a page about the person."""
    house, env = seen.house, seen.house.environment
    first, poison, broken = (next(house.numbers) for _ in range(3))
    sold = Sold(person=_PERSON, note=_NOTE, paid=False)
    assert house.send(house.delivery(platform, first, sold)) == 200
    assert house.send(house.delivery(platform, poison, Sold(lines=(Line(quantity=_QUANTITY),), person=_PERSON))) == 200
    body = b'{"id": %d, "scope": "store/order/created", "data": {"type": "order", "id": %d}}' % (broken, broken)
    sent = house.delivery(platform, broken, Sold(person=_PERSON), body)
    house.odd.instead[platform, broken] = f"<h1>{_SAID}</h1>{_PERSON['email']}".encode()
    assert house.send(sent) == 200
    house.take_in(platform)
    order_id = SPEECHES[platform].order_id.format(first)
    with env.engine.connect() as conn:
        order = conn.execute(select(tables.orders.c.id).where(tables.orders.c.external_id == order_id)).scalar_one()
        part = conn.execute(
            select(tables.fulfillment_orders.c.id).where(tables.fulfillment_orders.c.order_id == order)
        ).scalar_one()
    picking.note(env.engine, order, _STAFF_NOTE, now(), author="Zoé")
    token = access.add(env.engine, f"till {platform}", ["orders:read", "orders:write"], now())
    seen.own_secrets += (token, token.split("_", 2)[2])
    client = house.app.test_client()

    def act(path: str, given: dict[str, Any], key: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{platform}-{key}"}
        assert client.post(f"/api/v1/{path}", json=given, headers=headers).status_code in (200, 201)

    act(f"orders/{order}/payments", {"method": "cash", "reference": _REFERENCE}, "pay")
    act(f"fulfillment-orders/{part}/moves", {"step": "pack"}, "pack")
    tracking = {"number": _PARCEL, "carrier": "c", "url": f"https://track.example/{_PARCEL}"}
    act(f"fulfillment-orders/{part}/moves", {"step": "ship", "tracking": tracking}, "ship")


def _trouble(seen: Seen) -> None:
    """Refused and broken requests that carry canaries in their headers, addresses and bodies."""
    house, client = seen.house, seen.house.app.test_client()
    for platform in SPEECHES:
        sent = house.delivery(platform, next(house.numbers), Sold(person=_PERSON, note=_NOTE))
        house.send(sent.having(sent.signature, SECRET.encode()))
        house.send(sent.having("Authorization", _BEARER.encode()).having(sent.signature))
    asked = {"q": _PERSON["email"], "token": _IN_QUERY, "cursor": _PERSON["email"]}
    for path in (
        "/nothing",
        "/orders/999999999",
        "/api/v1/orders",
        "/api/v1/nothing",
        "/webhooks/none",
        "/install/shopify/callback",
    ):
        with client.get(path, query_string=asked, headers={"Authorization": f"Bearer {_BEARER}"}) as answer:
            seen.pages.append(f"{answer.status} {answer.headers} {answer.get_data(as_text=True)}")
    staff.add(house.environment.engine, "canary-keeper", Role.OWNER, _PASSWORD)
    page = client.get("/sign-in").get_data(as_text=True)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    for password in (_PASSWORD + "!", _PASSWORD):
        with client.post("/sign-in", data={"csrf_token": token, "name": "canary-keeper", "password": password}) as answer:
            seen.pages.append(answer.get_data(as_text=True))
    _without_a_table(seen)


def _without_a_table(seen: Seen) -> None:
    """The database refuses: what is logged then holds no parameters."""
    house, engine = seen.house, seen.house.environment.engine
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE inbox RENAME TO away"))
    try:
        sent = house.delivery("woocommerce", next(house.numbers), Sold(person=_PERSON, note=_NOTE))
        assert house.send(sent) == 503
    finally:
        with engine.begin() as conn:
            conn.execute(text("ALTER TABLE away RENAME TO inbox"))


def _hits(places: dict[str, str], canaries: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(place, canary) for place, found in places.items() for canary in canaries if canary in found]


def test_there_are_twenty_five(seen: Seen) -> None:
    assert len({*PERSONAL, *PLANTED_SECRETS, *seen.own_secrets}) >= 25


def test_they_were_really_about(seen: Seen) -> None:
    held = opened_dump(seen.house)
    assert [canary for canary in (*PERSONAL, *PLANTED_SECRETS[:6]) if canary not in held and canary != _SAID] == []
    places = seen.everywhere()
    assert all(places.values())
    assert "not take a delivery" in places["log"]
    assert "ingest shop" in places["redis"]


def test_none_is_in_logs_metrics_redis_or_error_pages(seen: Seen) -> None:
    secrets = (*PLANTED_SECRETS, *seen.own_secrets)
    assert _hits(seen.everywhere(), (*PERSONAL, _QUANTITY, *secrets)) == []


def test_no_secret_is_in_a_dump(seen: Seen) -> None:
    assert _hits({"dump": dump(seen.house.environment.engine)}, (*PLANTED_SECRETS, *seen.own_secrets)) == []


def opened_dump(house: House) -> str:
    """Every value of every table as text, what is sealed opened; JSON's escapes are undone."""
    env, found = house.environment, [dump(house.environment.engine)]
    with env.engine.connect() as conn:
        for place in resealing.places():
            found += [
                env.seal.open(sealed).decode("utf-8", "replace") for _, sealed in resealing.page(conn, place, None, limit=10**6)
            ]
    text = "\n".join(found)
    return text + re.sub(r"\\u([0-9a-f]{4})", lambda letter: chr(int(letter[1], 16)), text)


def _forget(house: House, platform: str, at: datetime) -> None:
    env = house.environment
    shop = shop_flow.by_id(env.engine, env.seal, house.shops[platform].id)
    privacy.drain(env.engine, env.seal, shop, at)


def test_after_a_request_to_forget_nothing_of_the_person_is_left(seen: Seen) -> None:
    env = seen.house.environment
    for platform in SPEECHES:
        shop = seen.house.shops[platform]
        person = Person("", _PERSON["email"], _PERSON["phone"])
        privacy.receive(
            env.engine, env.seal, env.platforms[platform], PrivacyRequest(REDACT, shop.external_id, platform, person), now()
        )
        _forget(seen.house, platform, now())
    left = _hits({"database": opened_dump(seen.house)}, PERSONAL)
    assert {canary for _, canary in left} <= {_PARCEL, _PERSON["email"], _PERSON["phone"]}  # the request itself, which waits
    with env.engine.begin() as conn:  # the platforms have been told of the parcels
        conn.execute(text("UPDATE outbox SET state = 'delivered'"))
    for platform in SPEECHES:
        _forget(seen.house, platform, now() + timedelta(hours=1))
    assert _hits({"database": opened_dump(seen.house)}, PERSONAL) == []
    with env.engine.connect() as conn:
        states = conn.execute(select(tables.privacy_requests.c.state, tables.privacy_requests.c.facts)).all()
    assert [(state, facts["orders"] >= 1) for state, facts in states] == [("done", True)] * 3
