"""Requests about personal data: what is held is handed out, and what is forgotten is nowhere any more."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from connector.db import inbox, installs, orders, outbox, stock, tables
from connector.db import privacy as rows
from connector.flow import ingest, privacy
from jobs.environment import now
from sandbox.shopify import install as shopify
from sandbox.shopify.webhooks import signature
from tests.serving import wait_until
from tests.webhooks.town import Browser, Town, town

_MAIL = "canary.mail@maree-haute.test"
_CANARIES = ("canary.mail", "Canary Name", "12 rue du Canary", "+33491999777", "canary note", "canary detail", "CANARYPARCEL")
_OTHER = "other.person@maree-haute.test"


@pytest.fixture
def place(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    with town(tmp_path, database_url, redis_url) as built:
        browser = Browser()
        browser.open(f"{built.base}/install/shopify/start?shop=maree-haute")
        browser.submit()
        built.work()
        yield built


def _person(mail: str, name: str, street: str, phone: str) -> dict[str, str]:
    return {
        "name": name,
        "email": mail,
        "phone": phone,
        "street": street,
        "city": "Marseille",
        "postcode": "13002",
        "country": "FR",
    }


def _order(place: Town, customer: dict[str, str], note: str) -> None:
    wanted = {"lines": [["MAR-TS-M", 2]], "handover": "delivery", "paid": True, "customer": customer, "note": note}
    answer = requests.post(f"{place.shops_at}/sandbox/shopify/orders", json=wanted, timeout=10)
    assert answer.status_code == 201, answer.text


def _taken_in(place: Town, wanted: int) -> None:
    def there() -> bool:
        shop = place.shop("shopify")
        at = _later()
        ingest.drain(place.engine, place.seal, place.environment.platforms["shopify"], shop, at)
        with place.engine.connect() as conn:
            return bool(conn.execute(text("SELECT count(*) FROM orders")).scalar() == wanted)

    wait_until(there)


def _later() -> datetime:
    """When whatever waits a moment for the platform is due."""
    return now() + timedelta(minutes=2)


def _planted(place: Town) -> None:
    """Two orders of the canary, one of somebody else, and words about the canary wherever words are kept."""
    canary = _person(_MAIL, "Canary Name", "12 rue du Canary", "+33491999777")
    _order(place, canary, "canary note")
    _order(place, canary, "canary note")
    _order(place, _person(_OTHER, "Other Person", "1 rue de l'Autre", "+33491000111"), "other note")
    _taken_in(place, 3)
    with place.engine.begin() as conn:
        mine = conn.execute(text("SELECT id, shop_id FROM orders WHERE customer_name = 'Canary Name' ORDER BY id")).first()
        assert mine is not None
        inbox.add(
            conn,
            merchant_id=1,
            shop_id=mine.shop_id,
            dedup_key="dead",
            topic="orders/updated",
            kind="order",
            external_id="gid://shopify/Order/404",
            sealed_body=place.seal.seal(json.dumps({"email": _MAIL, "name": "Canary Name"}).encode()),
            state="dead",
            reason="canary detail",
            now=_later(),
        )
        outbox.add(conn, [_announced(mine.shop_id, mine.id)])
        number = conn.execute(text("SELECT id FROM outbox")).scalar_one()
        outbox.note_attempt(conn, number, "refused", "canary detail: Canary Name", 5, _later())
        conn.execute(text("UPDATE outbox SET state = 'dead', reason = 'canary detail'"))
        orders.note_events(conn, [(mine.id, "not_told", {"act": "shipped", "reason": "canary detail"}, "connector")], _later())
        conn.execute(text("UPDATE fulfillment_orders SET tracking_number = 'CANARYPARCEL' WHERE order_id = :id"), {"id": mine.id})


def _announced(shop_id: int, order_id: int) -> dict[str, Any]:
    announcement = {"key": "k", "act": "shipped", "order_id": "1", "number": "#1", "tracking": {"number": "CANARYPARCEL"}}
    return {
        "shop_id": shop_id,
        "order_id": order_id,
        "act": "shipped",
        "effect_key": "canary",
        "announcement": announcement,
        "created_at": _later(),
        "due_at": _later(),
    }


def _dump(place: Town) -> str:
    """Every value of every table as text; what is sealed is opened."""
    found: list[str] = []
    with place.engine.connect() as conn:
        for table in tables.metadata.sorted_tables:
            for row in conn.execute(table.select()):
                found += [_opened(place, value) for value in row]
    return "\n".join(found)


def _opened(place: Town, value: Any) -> str:
    if not isinstance(value, bytes | memoryview):
        return json.dumps(value, default=str, ensure_ascii=False)
    try:
        return place.seal.open(bytes(value)).decode("utf-8", "replace")
    except Exception:  # noqa: BLE001 - a hash, not a sealed column
        return zlib.crc32(bytes(value)).__str__()


def _ledger(place: Town) -> list[tuple[Any, ...]]:
    names = "SELECT item_id, location_id, on_hand_delta, committed_delta, effect_key FROM movements ORDER BY id"
    quantities = "SELECT order_id, quantity, backordered, total_minor, 0 FROM order_lines ORDER BY id"
    with place.engine.connect() as conn:
        assert stock.unbalanced(conn) == []
        return [tuple(row) for sentence in (names, quantities) for row in conn.execute(text(sentence))]


def _hits(place: Town) -> dict[str, int]:
    dump = _dump(place)
    return {canary: dump.count(canary) for canary in _CANARIES if canary in dump}


def _ask(place: Town, topic: str, mail: str = _MAIL) -> int:
    sandbox = place.sandbox.extensions["sandbox"]
    return shopify.send_privacy(sandbox.shopfronts["shopify"], topic, mail)


def test_after_a_redaction_no_canary_is_left_and_the_ledger_is_as_it_was(place: Town) -> None:
    _planted(place)
    assert set(_hits(place)) == set(_CANARIES)
    before = _ledger(place)
    assert _ask(place, "customers/data_request") == 200
    assert _ask(place, "customers/redact") == 200
    place.work()
    assert _hits(place) == {}
    assert _ledger(place) == before
    dump = _dump(place)
    assert "Other Person" in dump
    assert _OTHER in dump


def test_what_is_held_of_a_person_is_handed_out_for_the_merchant(place: Town) -> None:
    _planted(place)
    assert _ask(place, "customers/data_request") == 200
    place.work()
    with place.engine.connect() as conn:
        (request,) = rows.requests(conn)
        assert [notice.code for notice in installs.notices(conn, place.shop("shopify").id)] == [f"data_request:{request.id}"]
    assert (request.state, request.facts) == ("done", {"orders": 2})
    export = json.loads(privacy.written_export(place.engine, place.seal, request.id, now()))
    assert [order["person"]["customer"]["email"] for order in export["orders"]] == [_MAIL, _MAIL]
    assert _OTHER not in json.dumps(export)
    with place.engine.connect() as conn:
        assert installs.notices(conn, place.shop("shopify").id) == []


def test_a_repeated_request_is_one(place: Town) -> None:
    body = json.dumps({"shop_id": 1, "shop_domain": "maree-haute.myshopify.com"}).encode()
    assert [_send(place, "shop/redact", body) for _ in range(3)] == [200, 200, 200]
    with place.engine.connect() as conn:
        assert len(rows.requests(conn)) == 1


def _send(place: Town, topic: str, body: bytes, secret: str = shopify._SECRET) -> int:
    headers = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": signature(secret, body)}
    return requests.post(f"{place.base}/privacy/shopify", data=body, headers=headers, timeout=10).status_code


def test_requests_that_are_not_genuine_are_refused(place: Town) -> None:
    shop, customer = {"shop_id": 1, "shop_domain": "maree-haute.myshopify.com"}, {"id": 1, "email": _MAIL}
    whole = json.dumps(shop).encode()
    redact = json.dumps({**shop, "customer": customer, "orders_to_redact": []}).encode()
    assert _send(place, "shop/redact", whole, "another-secret") == 401
    assert _send(place, "shop/redact", redact) == 400  # signed for another topic
    assert _send(place, "customers/redact", whole) == 400
    assert _send(place, "orders/create", whole) == 400
    assert _send(place, "shop/redact", b"not json") == 400
    assert requests.post(f"{place.base}/privacy/woocommerce", data=whole, timeout=10).status_code == 404
    with place.engine.connect() as conn:
        assert rows.requests(conn) == []


def test_a_store_that_left_is_forgotten_and_one_that_is_linked_is_not(place: Town) -> None:
    _planted(place)
    before = _ledger(place)
    assert _ask(place, "shop/redact") == 200
    place.work()
    assert set(_hits(place)) == set(_CANARIES)
    shopify.uninstall(place.sandbox.extensions["sandbox"].shopfronts["shopify"])
    wait_until(lambda: (place.work(), place.linked() == [("shopify", "uninstalled")])[1])
    body = json.dumps({"shop_id": 2, "shop_domain": "maree-haute.myshopify.com"}).encode()
    assert _send(place, "shop/redact", body) == 200
    place.work()
    assert _hits(place) == {}
    assert "Other Person" not in _dump(place)
    assert dict(place.shop("shopify").credentials) == {}
    assert _ledger(place) == before


def test_a_store_we_never_knew_is_answered_and_nothing_is_kept_of_the_person(place: Town) -> None:
    shop = {"shop_id": 1, "shop_domain": "unknown-store.myshopify.com"}
    body = json.dumps({**shop, "customer": {"id": 7, "email": "canary.mail@x.test"}, "orders_to_redact": [1]}).encode()
    assert _send(place, "customers/redact", body) == 200
    assert _hits(place) == {}
    with place.engine.connect() as conn:
        assert [(request.state, request.reason) for request in rows.requests(conn)] == [("done", privacy.NOT_HELD)]
