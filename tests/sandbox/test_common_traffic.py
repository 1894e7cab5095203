"""Traffic: what the first orders of each shop are, the rate, and when it holds back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from sandbox import traffic as traffic_module
from sandbox.assembly import assemble, close
from sandbox.catalogue import LOCATIONS, STOCK
from sandbox.shopfront import EXTRAS, Wanted
from sandbox.traffic import MOST_WAITING, nth_order
from tests.sandbox.common_shop import SmallShop, small
from tests.serving import Receiver, serve, wait_until

PLATFORMS = ("shopify", "woocommerce", "bigcommerce")


def servable_from(wanted: Wanted) -> set[str]:
    """The places that had all of the order at the start."""
    return {at.code for at in LOCATIONS if all(STOCK[sku, at.code] >= quantity for sku, quantity in wanted.lines)}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_first_three_orders_of_a_shop_show_what_the_connector_does(platform: str) -> None:
    split, pickup, delivery = (nth_order(platform, number) for number in range(3))
    assert (split.handover, split.paid, servable_from(split)) == ("delivery", True, set())
    assert (pickup.handover, pickup.paid) == ("pickup", True)
    assert pickup.pickup in servable_from(pickup)
    assert (delivery.handover, delivery.paid) == ("delivery", True)
    assert servable_from(delivery)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_days_orders_are_of_every_kind(platform: str) -> None:
    orders = [nth_order(platform, number) for number in range(280)]
    assert sum(order.handover == "pickup" for order in orders) == 70
    assert {order.pickup for order in orders} == {"", "vieux-port", "canebiere"}
    assert {order.handover for order in orders if not order.paid} == {"delivery", "pickup"}
    assert {extra for order in orders for extra in order.extra} == set(EXTRAS)
    assert {len(order.lines) for order in orders} == {1, 2, 3, 4}
    assert all(len({sku for sku, _ in order.lines}) == len(order.lines) for order in orders)
    assert any("é" in order.customer["name"].lower() for order in orders)
    assert all(order.customer["email"].isascii() for order in orders)


def test_the_same_orders_come_every_time_and_differ_between_shops() -> None:
    assert [nth_order("shopify", number) for number in range(20)] == [nth_order("shopify", number) for number in range(20)]
    assert nth_order("shopify", 2) != nth_order("woocommerce", 2)


def test_stock_lasts_for_hours_at_the_usual_rate() -> None:
    hours, orders_per_minute = 2, 12
    orders = [nth_order(PLATFORMS[n % 3], n // 3) for n in range(hours * 60 * orders_per_minute)]
    wanted: dict[str, int] = {}
    for sku, quantity in itertools.chain.from_iterable(order.lines for order in orders):
        wanted[sku] = wanted.get(sku, 0) + quantity
    there: dict[str, int] = {}
    for (sku, _), quantity in STOCK.items():
        there[sku] = there.get(sku, 0) + quantity
    assert sum(wanted.values()) < 0.9 * sum(there.values())
    assert all(wanted.get(sku, 0) < there[sku] for sku in there)
    assert sum(wanted.values()) > 0.3 * sum(there.values())


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = assemble(tmp_path, tuple(small(platform) for platform in PLATFORMS))
    yield app
    close(app)


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serve(app) as base:
        yield base


def traffic(url: str, **body: Any) -> dict[str, Any]:
    answer = requests.request("PUT" if body else "GET", f"{url}/sandbox/traffic", json=body or None, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def placed(app: Flask) -> list[int]:
    return [len(shop.wanted) for shop in app.extensions["sandbox"].shopfronts.values()]


def test_no_order_comes_unasked(app: Flask, url: str) -> None:
    assert traffic(url) == {"orders_per_minute": 0, "placed": 0, "refused": 0, "held_up": False}
    assert placed(app) == [0, 0, 0]


def test_orders_go_round_the_shops_until_the_rate_is_0(app: Flask, url: str) -> None:
    traffic(url, orders_per_minute=1200)
    wait_until(lambda: sum(placed(app)) >= 9)
    traffic(url, orders_per_minute=0)
    counts = placed(app)
    assert max(counts) - min(counts) <= 1
    shops: dict[str, SmallShop] = app.extensions["sandbox"].shopfronts
    for platform, shop in shops.items():
        assert shop.wanted[:3] == [nth_order(platform, number) for number in range(3)]
    assert traffic(url)["orders_per_minute"] == 0


def test_a_shop_that_refuses_or_fails_does_not_end_the_traffic(app: Flask, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shops = app.extensions["sandbox"].shopfronts
    monkeypatch.setattr(shops["shopify"], "place", lambda wanted: 1 / 0)
    traffic(url, orders_per_minute=1200)
    wait_until(lambda: min(placed(app)[1:]) >= 3)
    assert traffic(url)["refused"] >= 3


def test_traffic_holds_back_while_too_many_webhooks_wait(app: Flask, url: str) -> None:
    over = threading.Event()

    def answer(_: object) -> int:
        over.wait(60)
        return 200

    sandbox = app.extensions["sandbox"]
    with serve(Receiver(answer)) as hook:
        requests.put(f"{url}/shopify/hook?url={hook}", timeout=30)
        for number in range(MOST_WAITING):
            sandbox.sender.queue("shopify", {"number": number}, delay_seconds=3600)
        traffic(url, orders_per_minute=6000)
        wait_until(lambda: bool(traffic(url)["held_up"]))
        before = placed(app)
        over.wait(0.3)
        assert placed(app) == before
        over.set()


def test_traffic_ends_when_it_was_enough_for_one_run(app: Flask, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_module, "MOST_PLACED", 5)
    traffic(url, orders_per_minute=6000)
    wait_until(lambda: bool(traffic(url)["held_up"]))
    assert sum(placed(app)) == 5
