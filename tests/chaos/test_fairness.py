"""One shop's trouble is its own: what the healthy shops wait while another one lets every call time out."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import insert, select

from connector.db.tables import inbox, orders, outbox, shops
from connector.domain.orders import Order
from connector.flow import due, receive
from connector.flow import shops as shop_flow
from connector.platform import Announcement, ChangedPage, Delivery, Kind, Outcome, Platform, Shop, TimedOut, Told
from jobs import queue, tasks
from jobs.environment import Environment
from jobs.tasks import Workplace
from tests.flow.toy import Toy, order
from tests.webhooks.conftest import environment, settings

__all__ = ["environment", "settings"]

_HANG_SECONDS = 4.0
_ORDERS = 40
_PAUSE_SECONDS = 0.15


@dataclass
class _Shops:
    """Three shops on one platform: the first hangs in every call until `well` is set."""

    env: Environment
    toy: Toy
    shops: list[Shop]
    well: threading.Event
    hung: list[float]

    def send(self, shop: Shop, number: int) -> None:
        delivery = Delivery("orders", Kind.ORDER, f"d{number}", str(number))
        receive.receive(self.env.engine, self.env.seal, shop, delivery, json.dumps({"body": ""}).encode(), datetime.now(UTC))

    def waits(self, shop: Shop) -> list[float]:
        """Seconds from the arrival of each of the shop's deliveries to its end."""
        with self.env.engine.connect() as conn:
            rows = conn.execute(select(inbox.c.received_at, inbox.c.finished_at).where(inbox.c.shop_id == shop.id))
            return [(row.finished_at - row.received_at).total_seconds() if row.finished_at else 10**6 for row in rows]


def _three(env: Environment) -> _Shops:
    toy, well, hung = Toy(thin=True), threading.Event(), []
    known: list[Shop] = []

    def hang(shop: Shop) -> None:
        if shop.id == known[0].id and not well.is_set():
            began = time.monotonic()
            well.wait(_HANG_SECONDS)
            hung.append(time.monotonic() - began)
            raise TimedOut("no answer in time")

    def fetch(shop: Shop, external_id: str) -> Order:
        hang(shop)
        return order(external_id)

    def announce(shop: Shop, announcement: Announcement) -> Outcome:
        hang(shop)
        toy.told.append(announcement)
        return Outcome(Told.APPLIED, "told")

    def changed(shop: Shop, since: datetime, cursor: str) -> ChangedPage:
        hang(shop)
        return ChangedPage(())

    platform = replace(toy.platform(), fetch_order=fetch, announce=announce, changed_orders=changed)
    env = replace(env, platforms={"toy": platform})
    for name in ("dead", "second", "third"):
        opened = replace(platform, open_shop=lambda options, name=name: (name, f"https://{name}.example", {"token": "t"}))
        known.append(_linked(env, opened))
    return _Shops(env, toy, known, well, hung)


def _linked(env: Environment, platform: Platform) -> Shop:
    shop, _ = shop_flow.add(env.engine, env.seal, platform, {"token": "t"}, "https://connector.example", datetime.now(UTC))
    return shop


def _owe(at: _Shops, shop: Shop, count: int) -> None:
    """Announcements that the shop is still to be told, each of an order of its own."""
    for number in range(count):
        at.send(shop, 9000 + number)
    with at.env.engine.begin() as conn:
        now = datetime.now(UTC)
        row = {"shop_id": shop.id, "number": "x", "placed_at": now, "version": now, "digest": "x", "currency": "EUR"}
        row |= {"total_minor": 0, "outstanding_minor": 0, "payment": "paid", "lifecycle": "open", "handover": "delivery"}
        for number in range(count):
            made = conn.execute(insert(orders).values(**row, external_id=f"o{number}").returning(orders.c.id)).scalar_one()
            told = {"key": f"k{number}", "act": "packed", "order_id": "x", "number": "x", "handover": "delivery", "lines": []}
            told |= {"last": True, "at": now.isoformat(), "tracking": {}, "external_location": "", "location_name": ""}
            conn.execute(
                insert(outbox).values(shop_id=shop.id, order_id=made, act="packed", effect_key=f"k{number}", announcement=told)
            )


@contextmanager
def _workers(env: Environment, count: int) -> Iterator[None]:
    """So many workers and a clock, as threads: they take up what is due, the shop that waits longest first."""
    stopping, taking = threading.Event(), threading.Lock()
    place = Workplace(env, queue.Waker(env.redis), stopping)
    line: list[tuple[str, int]] = []

    def work() -> None:
        while not stopping.is_set():
            with taking:
                if not line:
                    line.extend((wake.task, wake.shop_id) for wake in due.due(env.engine, datetime.now(UTC)))
                found = line.pop(0) if line else None
            if found is None:
                stopping.wait(0.02)
            else:
                tasks._guarded(place, *found)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        place.waker.close()


def test_a_shop_that_hangs_delays_no_other_and_goes_on_in_sequence_when_it_is_well(environment: Environment) -> None:
    at = _three(environment)
    dead, *healthy = at.shops
    _owe(at, dead, 30)
    with _workers(at.env, at.env.settings.workers):
        while not at.hung:  # the first time-out tells that it is ill
            time.sleep(0.05)
        for number in range(_ORDERS):
            at.send(healthy[number % 2], number)
            time.sleep(_PAUSE_SECONDS)
        for _ in range(200):
            waits = [wait for shop in healthy for wait in at.waits(shop)]
            if max(waits) < 10**6:
                break
            time.sleep(0.1)
        waited, hung = statistics.quantiles(waits, n=20)[-1], statistics.median(at.hung)
        assert waited < 0.75 * hung, f"p95 of the healthy shops {waited:.2f} s, one time-out of the dead one {hung:.2f} s"
        at.well.set()
        _recovers(at, dead)


def _recovers(at: _Shops, dead: Shop) -> None:
    """Its waits made short, everything it was to be told arrives."""
    for _ in range(300):
        with at.env.engine.begin() as conn:
            conn.execute(shops.update().values(paused_until=None))
            for box in (inbox, outbox):
                conn.execute(box.update().where(box.c.state == "waiting").values(due_at=datetime.now(UTC)))
            left = conn.execute(select(outbox.c.id).where(outbox.c.state != "delivered")).first()
        if left is None and max(at.waits(dead)) < 10**6:
            return
        time.sleep(0.1)
    raise AssertionError("the shop that hung does not get through")
