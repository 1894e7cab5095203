"""What a failure says of the shop, and how long one telling may take."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from flask import Flask

from connector.db.tables import fulfillment_orders, outbox, shops
from connector.domain.fulfillment import Step
from connector.domain.retry import USUAL
from connector.flow import fulfill
from connector.platform import Announcement, NotYet, Outcome, Shop, TimedOut, Told
from platforms import http
from platforms.http import Http, bounded
from tests.flow.conftest import Make
from tests.flow.toy import Toy, order
from tests.serving import serve


def test_a_shop_that_is_only_not_so_far_is_not_called_ill(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.thin = True
    at.toy.fail_fetch = [NotYet("not routed", retry_after_seconds=3)] * 4
    at.send(order())
    for _ in range(40):
        at.drain()
        at.now += timedelta(minutes=1)
        assert at.rows(shops)[0]["failures"] == 0
    assert at.stock("PEN") == {"quay": (9, 2)}


def test_after_a_time_out_a_shop_has_a_minute(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    at.toy.fail_announce = [TimedOut("no answer in time")]
    [part] = at.rows(fulfillment_orders)
    fulfill.move(at.engine, part["id"], Step.PACK, at.now, actor="tests")
    at.deliver()
    assert at.rows(outbox)[0]["due_at"] == at.now + timedelta(seconds=60)


def test_a_silent_shop_is_a_time_out() -> None:
    app = Flask("silent")
    app.add_url_rule("/", view_func=lambda: time.sleep(0.6) or "late")
    with serve(app) as base, pytest.raises(TimedOut):
        Http(private_allowed=True, total_seconds=0.2).call("GET", base)


def test_one_telling_ends_before_its_lease_however_slow_each_call_is() -> None:
    app = Flask("slow")
    app.add_url_rule("/", view_func=lambda: time.sleep(0.1) or "{}")
    calls: list[int] = []

    def announce(shop: Shop, announcement: Announcement) -> Outcome:
        while True:
            client.call("GET", base)
            calls.append(1)

    client = Http(private_allowed=True)
    toy = Toy()
    toy.announce = announce  # type: ignore[method-assign]
    shop = Shop(1, "k", "toy", "Toy", "toy", "https://toy.example", {})
    with serve(app) as base, pytest.raises(TimedOut):
        bounded(toy.platform(), seconds=0.5).announce(shop, None)  # type: ignore[arg-type]
    assert 1 <= len(calls) <= 5
    longest_overrun = http._CONNECT_SECONDS + http._READ_SECONDS + http._READ_SECONDS
    assert http.TELLING_SECONDS + longest_overrun <= USUAL.outbox_lease_seconds


def test_without_a_bound_nothing_changes() -> None:
    shop = Shop(1, "k", "toy", "Toy", "toy", "https://toy.example", {})
    assert bounded(Toy().platform()).announce(shop, None).told is Told.APPLIED  # type: ignore[arg-type]
