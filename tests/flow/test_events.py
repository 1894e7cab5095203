"""Outgoing events over real loopback HTTP: written with their change, signed, tried again, given up, replayed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from connector.db import events as rows
from connector.db.event_views import Sought, attempts_of, list_endpoints, list_sends
from connector.db.tables import endpoints, event_sends, events, fulfillment_orders, orders
from connector.domain.errors import NotFound, Rejected
from connector.domain.events import TYPES
from connector.domain.fulfillment import Step
from connector.domain.orders import Lifecycle
from connector.flow import events as story
from connector.flow import fulfill, stock, tell
from connector.flow.due import due
from connector.flow.stock import StockLine
from connector.flow.tell import KEPT, PAUSED_AFTER
from connector.flow.wake import Wake
from connector.platform import Tracking
from platforms import outgoing
from platforms.http import Http
from tests.flow.conftest import Make
from tests.flow.toy import START, World, order
from tests.serving import Received, Receiver, serve

_TOLERANCE_SECONDS = 300


def verified(secret: str, received: Received, now: datetime) -> dict[str, Any]:
    """The Standard Webhooks rule as its specification words it, written without a look at ours; AssertionError where it fails."""
    message_id, stamp = received.headers["webhook-id"], received.headers["webhook-timestamp"]
    assert abs(now.timestamp() - int(stamp)) <= _TOLERANCE_SECONDS
    key = base64.b64decode(secret[len("whsec_") :])
    wanted = base64.b64encode(hmac.digest(key, f"{message_id}.{stamp}.".encode() + received.body, hashlib.sha256)).decode()
    given = [one.split(",", 1) for one in received.headers["webhook-signature"].split(" ")]
    assert any(version == "v1" and hmac.compare_digest(signature, wanted) for version, signature in given), "not signed by this"
    found: dict[str, Any] = json.loads(received.body)
    return found


class Listener:
    """An endpoint of ours at a receiving server."""

    def __init__(self, at: World, base: str, receiver: Receiver, types: tuple[str, ...] = tuple(TYPES)) -> None:
        self.at, self.receiver = at, receiver
        self.http = Http(private_allowed=True, total_seconds=1)
        made = story.add(
            at.engine, at.seal, base + "/hooks?erp=1", types, START, check=partial(outgoing.check_endpoint, self.http), actor="t"
        )
        self.id, self.secret = made.id, made.secret

    def drain(self) -> int:
        """Send what is due now; how many were sent."""
        post = partial(outgoing.post, self.http)
        return tell.drain(
            self.at.engine, self.at.seal, self.id, post, lambda: self.at.now, random.Random(1).random, seconds=60
        ).finished

    def told(self) -> list[dict[str, Any]]:
        """The messages as a receiver reads them, each verified."""
        return [verified(self.secret, received, self.at.now) for received in self.receiver.received]

    def sends(self, **sought: Any) -> list[Any]:
        with self.at.engine.connect() as conn:
            return list_sends(conn, Sought(endpoint_id=self.id, **sought))

    def stands(self) -> Any:
        with self.at.engine.connect() as conn:
            return next(row for row in list_endpoints(conn) if row.id == self.id)


Listen = Callable[..., Listener]


@pytest.fixture
def at(make: Make) -> World:
    return make({("PEN", "quay"): 9, ("INK", "depot"): 9})


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def listen(at: World, receiver: Receiver) -> Iterator[Listen]:
    with serve(receiver) as base:
        yield lambda *types: Listener(at, base, receiver, types or tuple(TYPES))


def _part(at: World) -> int:
    with at.engine.connect() as conn:
        return int(conn.execute(select(fulfillment_orders.c.id)).scalar_one())


def _move(at: World, *steps: Step) -> None:
    for step in steps:
        fulfill.move(
            at.engine, _part(at), step, at.now, actor="tests", tracking=Tracking("AB1", "UPS") if step is Step.SHIP else None
        )


def test_an_order_s_way_is_told_step_by_step_signed_and_without_a_person(at: World, listen: Listen) -> None:
    listener = listen()
    at.take(order())
    assert listener.drain() == 2
    received, moved = sorted(listener.told(), key=lambda one: one["type"])
    assert (received["type"], moved["type"]) == ("order.received", "stock.changed")
    assert received["timestamp"] == START.isoformat()
    told = received["data"]
    assert (told["number"], told["external_id"], told["state"], told["previous_state"]) == ("#1001", "1001", "new", None)
    assert [(one["location"], one["state"]) for one in told["fulfillment_orders"]] == [("quay", "new")]
    assert moved["data"] == {"sku": "PEN", "location": "quay", "on_hand": 9, "committed": 2, "available": 7}
    _move(at, Step.PACK, Step.SHIP)
    assert listener.drain() == 5
    later = listener.told()[2:]
    assert [one["type"] for one in later].count("stock.changed") == 1
    parts = [one["data"] for one in later if one["type"] == "fulfillment_order.state_changed"]
    assert [(one["previous_state"], one["state"], one["tracking"]) for one in parts] == [
        ("new", "packed", ""),
        ("packed", "shipped", "AB1"),
    ]
    states = [one["data"] for one in later if one["type"] == "order.state_changed"]
    assert [(one["previous_state"], one["state"]) for one in states] == [("new", "packed"), ("packed", "completed")]
    said = b"".join(received.body for received in listener.receiver.received).decode().lower()
    assert not any(word in said for word in ("lise", "example.test", "street", "phone", "postcode"))


def test_an_endpoint_hears_what_it_has_chosen_and_nobody_listening_writes_nothing(at: World, listen: Listen) -> None:
    at.take(order("1"))
    assert at.rows(events) == []
    listener = listen("stock.changed")
    at.take(order("2"))
    stock.change(at.engine, [StockLine("INK", "depot", 5)], at.now, key="k", reason="receipt", actor="tests")
    listener.drain()
    assert [(one["type"], one["data"]["sku"]) for one in listener.told()] == [("stock.changed", "PEN"), ("stock.changed", "INK")]
    assert {row["type"] for row in at.rows(events)} == {"stock.changed"}


def test_another_merchant_s_endpoint_hears_nothing_whoever_writes(at: World, listen: Listen) -> None:
    """The house writes past the walls between merchants; what it writes is told to the order's merchant all the same."""
    listener, other = listen(), listen()
    with at.engine.begin() as conn:
        conn.execute(text("INSERT INTO merchants (id, name) VALUES (2, 'second') ON CONFLICT DO NOTHING"))
        conn.execute(text("UPDATE endpoints SET merchant_id = 2 WHERE id = :id"), {"id": other.id})
    at.take(order())
    _move(at, Step.PACK)
    stock.change(at.engine, [StockLine("INK", "depot", 5)], at.now, key="k", reason="receipt", actor="tests")
    assert (listener.drain(), other.drain()) == (5, 0)
    assert story.send_test(at.engine, other.id, at.now)[0]
    assert other.drain() == 1
    assert {row["merchant_id"] for row in at.rows(event_sends, endpoint_id=other.id)} == {2}


def test_a_change_that_is_undone_tells_nothing_and_a_repeated_one_tells_once(at: World, listen: Listen) -> None:
    at.take(order("0"))
    listen("order.received", "order.state_changed")
    with at.engine.connect() as conn:
        order_id = at.rows(orders)[0]["id"]
        rows.note_orders(conn, [(order_id, "new", "packed")], START)
        conn.rollback()
    assert at.rows(event_sends) == []
    for _ in range(3):
        at.send(order(), key="same")
        at.drain()
    at.take(order(lifecycle=Lifecycle.CANCELLED, minute=1))
    at.take(order(lifecycle=Lifecycle.CANCELLED, minute=1))
    assert [(row["type"], row["facts"]["state"]) for row in at.rows(events)] == [
        ("order.received", "new"),
        ("order.state_changed", "cancelled"),
    ]


def test_while_a_secret_is_exchanged_both_verify_and_after_a_day_the_old_one_does_not(at: World, listen: Listen) -> None:
    listener = listen("order.received")
    fresh = story.rotate(at.engine, at.seal, listener.id, at.now)
    at.take(order("1"))
    listener.drain()
    for secret in (listener.secret, fresh):
        verified(secret, listener.receiver.received[-1], at.now)
    at.now += timedelta(hours=25)
    at.take(order("2"))
    listener.drain()
    verified(fresh, listener.receiver.received[-1], at.now)
    with pytest.raises(AssertionError, match="not signed by this"):
        verified(listener.secret, listener.receiver.received[-1], at.now)


def test_a_changed_body_or_id_or_time_verifies_no_more(at: World, listen: Listen) -> None:
    listener = listen("order.received")
    at.take(order())
    listener.drain()
    [good] = listener.receiver.received
    verified(listener.secret, good, at.now)
    forged = [
        Received(good.path, good.headers, good.body + b" ", 0),
        Received(good.path, {**good.headers, "webhook-id": "evt_0"}, good.body, 0),
        Received(good.path, {**good.headers, "webhook-timestamp": str(int(at.now.timestamp()) + 1)}, good.body, 0),
    ]
    for one in forged:
        with pytest.raises(AssertionError):
            verified(listener.secret, one, at.now)


def test_it_is_tried_again_with_the_patience_of_the_outbox_then_given_up_and_replayed(
    at: World, listen: Listen, receiver: Receiver
) -> None:
    receiver.answer = lambda _: 500
    listener = listen("order.received")
    at.take(order())
    waits = []
    for _ in range(10):
        assert listener.drain() == 1
        [send] = listener.sends()
        waits.append((send.due_at - at.now).total_seconds())
        at.now = send.due_at
        story.resume(at.engine, listener.id)  # a breaker is not what this is about
    [send] = listener.sends()
    assert (send.state, send.tries) == ("dead", 10)
    assert send.reason.startswith("The endpoint answered 500.")
    assert waits[:9] == sorted(waits[:9])
    assert 4 <= waits[0] <= 6
    assert sum(waits[:9]) <= 48 * 3600
    bodies = {received.body for received in receiver.received}
    assert len(bodies) == len({received.headers["webhook-id"] for received in receiver.received}) == 1
    receiver.answer = lambda _: 204
    assert story.replay(at.engine, Sought(ids=[send.id], limit=9), at.now, dry_run=True) == story.Replayed(1)
    assert listener.drain() == 0
    assert story.replay(at.engine, Sought(ids=[send.id], limit=9), at.now) == story.Replayed(1, (Wake("events", listener.id),))
    assert listener.drain() == 1
    assert [one.state for one in listener.sends()] == ["delivered"]
    with at.engine.connect() as conn:
        assert [one.status for one in attempts_of(conn, send.id)] == [500] * 10 + [204]


def test_many_are_replayed_by_endpoint_state_and_time(at: World, listen: Listen) -> None:
    listener, other = listen("order.received"), listen("order.received")
    for hour in range(4):
        at.now = START + timedelta(hours=hour)
        at.take(order(str(hour)))
    assert (listener.drain(), other.drain()) == (4, 4)
    window = Sought(endpoint_id=listener.id, since=START + timedelta(hours=1), until=START + timedelta(hours=3), limit=100)
    assert story.replay(at.engine, window, at.now, dry_run=True).messages == 2
    assert story.replay(at.engine, Sought(state="dead", limit=100), at.now).messages == 0
    assert story.replay(at.engine, window, at.now).messages == 2
    assert (listener.drain(), other.drain()) == (2, 0)
    again = [received.headers["webhook-id"] for received in listener.receiver.received]
    assert len(again) == 10
    assert len(set(again)) == 4, "one id for each order"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(302, "It moved"), (404, "answered 404"), (429, "answered 429"), (0, "did not answer in time")],
)
def test_what_is_not_a_yes_waits_with_its_reason(at: World, listen: Listen, receiver: Receiver, answer: int, reason: str) -> None:
    def late(_: Received) -> int:
        time.sleep(1.2)
        return 200

    receiver.answer = late if not answer else (lambda _: answer)
    listener = listen("order.received")
    at.take(order())
    listener.drain()
    [send] = listener.sends()
    assert (send.state, send.tries) == ("waiting", 1)
    assert reason in send.reason
    least = 48 if answer in (0, 429) else 4
    assert (send.due_at - at.now).total_seconds() >= least


def test_an_endpoint_that_keeps_failing_rests_and_is_paused_and_keeps_what_happens(
    at: World, listen: Listen, receiver: Receiver
) -> None:
    receiver.answer = lambda _: 503
    listener = listen("order.received")
    for number in range(11):
        at.take(order(str(number), [("PEN", 1)] if number < 9 else [("INK", 1)]))
    listener.drain()
    at.now += timedelta(minutes=6)
    assert listener.drain() == 1, "one probe, then it rests"
    assert listener.drain() == 0
    assert due(at.engine, at.now) is not None
    assert Wake("events", listener.id) not in due(at.engine, at.now)
    at.now += timedelta(minutes=3)
    assert Wake("events", listener.id) in due(at.engine, at.now)
    at.now = START + PAUSED_AFTER
    listener.drain()
    stands = listener.stands()
    assert stands.state == "paused"
    assert "Nothing arrived since 2026-11-23 09:00 UTC" in stands.state_reason
    assert "resume" in stands.state_reason
    at.take(order("later", [("INK", 1)]))
    assert listener.drain() == 0
    receiver.answer = lambda _: 200
    assert story.resume(at.engine, listener.id)[1] == (Wake("events", listener.id),)
    at.now += timedelta(days=2)
    listener.drain()
    newest = [verified(listener.secret, received, at.now)["data"]["external_id"] for received in receiver.received[-12:]]
    assert set(newest) == {*map(str, range(11)), "later"}
    assert listener.stands().failing_since is None


def test_an_endpoint_that_says_gone_is_asked_no_more(at: World, listen: Listen, receiver: Receiver) -> None:
    receiver.answer = lambda _: 410
    listener = listen("order.received")
    at.take(order("1"), order("2"))
    assert listener.drain() == 1
    assert listener.stands().state == "paused"
    assert listener.stands().state_reason.startswith("It says that it is gone.")


def test_a_removed_endpoint_hears_nothing_and_keeps_no_secret(at: World, listen: Listen) -> None:
    listener = listen("order.received")
    at.take(order("1"))
    story.remove(at.engine, at.seal, listener.id, at.now)
    at.take(order("2"))
    assert listener.drain() == 0
    assert [(one.state, one.reason) for one in listener.sends()] == [("dead", "The endpoint was removed.")]
    [row] = at.rows(endpoints)
    assert (row["types"], at.seal.open_json(row["sealed_secrets"])) == ([], [])
    with pytest.raises(NotFound):
        story.rotate(at.engine, at.seal, listener.id, at.now)
    assert story.replay(at.engine, Sought(endpoint_id=listener.id, limit=9), at.now).messages == 0


def test_a_claim_that_was_taken_over_cannot_end_the_message(at: World, listen: Listen) -> None:
    listener = listen("order.received")
    at.take(order())
    with at.engine.begin() as conn:
        first = _claimed(conn, listener, at.now)
    with at.engine.begin() as conn:
        assert rows.claim(conn, listener.id, at.now, lease=timedelta(seconds=50)) is None
        second = _claimed(conn, listener, at.now + timedelta(seconds=51))
        rows.end(conn, first, "delivered", "", at.now)
    assert [one.state for one in listener.sends()] == ["waiting"]
    with at.engine.begin() as conn:
        rows.end(conn, second, "delivered", "", at.now)
    assert [one.state for one in listener.sends()] == ["delivered"]


def _claimed(conn: Connection, listener: Listener, now: datetime) -> rows.Send:
    send = rows.claim(conn, listener.id, now, lease=timedelta(seconds=50))
    assert send is not None
    return send


def test_what_ended_a_month_ago_is_forgotten(at: World, listen: Listen) -> None:
    listener = listen("order.received")
    at.take(order("1"))
    listener.drain()
    at.now += KEPT + timedelta(days=1)
    at.take(order("2"))
    listener.drain()
    assert [row["facts"]["external_id"] for row in at.rows(events)] == ["2"]


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example/hooks",
        "https://erp.example:8443/hooks",
        "https://10.0.0.7/hooks",
        "https://[::1]/hooks",
        "https://localhost/hooks",
        "https://user:word@erp.example/",
        "https://erp.example/#part",
        "ftp://erp.example/",
        "erp.example",
        "",
    ],
)
def test_an_address_that_may_not_be_called_is_refused_at_once(at: World, url: str) -> None:
    check = partial(outgoing.check_endpoint, Http())
    with pytest.raises(Rejected):
        story.add(at.engine, at.seal, url, ["stock.changed"], START, check=check, actor="tests")
    assert check("https://erp.example/hooks?key=1") == "https://erp.example/hooks?key=1"


def test_a_name_that_leads_inside_is_not_called_whatever_it_was_at_registration(at: World, listen: Listen) -> None:
    listener = listen("order.received")
    listener.http = Http()  # without the exception for development
    with at.engine.begin() as conn:
        conn.execute(text("UPDATE endpoints SET url = 'https://localhost/hooks'"))
    at.take(order())
    listener.drain()
    [send] = listener.sends()
    assert send.state == "waiting"
    assert "not a public address" in send.reason


def test_types_that_do_not_exist_are_refused(at: World) -> None:
    for types in ([], ["order.deleted"]):
        with pytest.raises(Rejected, match="Not a type of event"):
            story.add(at.engine, at.seal, "https://erp.example", types, START, check=lambda url: url, actor="tests")
