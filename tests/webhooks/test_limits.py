"""How many calls each platform still allows, as several processes know it together."""

from __future__ import annotations

import re
from multiprocessing import get_context

import pytest

from connector.platform import Shop
from jobs.environment import Environment, connect_redis
from jobs.pace import SharedBuckets, standings
from platforms.pace import Limit, Pace
from tests.webhooks.conftest import Web


def _told(web: Web, name: str, shop: Shop) -> float | None:
    found = re.search(rf'^{name}{{platform="toy",shop="{shop.id}"}} (\S+)$', web.request("GET", "/metrics")[1], re.M)
    return float(found[1]) if found else None


def _take(url: str, shop: str, calls: int) -> None:
    """What a worker process does: calls that cost a point each, under way until somebody asks."""
    client = connect_redis(url)
    buckets = SharedBuckets(client)
    for _ in range(calls):
        assert buckets.take(shop, 1.0).booked
    client.close()


def test_a_shop_nobody_called_lately_has_no_figure(web: Web, toy_shop: Shop) -> None:
    assert _told(web, "connector_platform_limit_left", toy_shop) is None


@pytest.mark.parametrize("limit", [Limit(80, 100, per_second=0.001), Limit(80, 100, reset_seconds=600)])
def test_what_several_processes_used_up_is_one_figure(web: Web, environment: Environment, toy_shop: Shop, limit: Limit) -> None:
    with Pace(SharedBuckets(environment.redis)).turn(toy_shop.address) as heard:
        heard(limit)
    most = _told(web, "connector_platform_limit", toy_shop)
    left = _told(web, "connector_platform_limit_left", toy_shop)
    assert (most, left) == (98, pytest.approx(78, abs=0.1))  # a part is left to the shop's other apps
    spawning = get_context("spawn")
    workers = [spawning.Process(target=_take, args=(environment.redis_url, toy_shop.address, 7)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert _told(web, "connector_platform_limit_left", toy_shop) == pytest.approx(78 - 14, abs=0.1)


def test_points_come_back_in_the_figure_without_a_call(environment: Environment, toy_shop: Shop) -> None:
    pace, window = Pace(SharedBuckets(environment.redis)), "https://window.example"
    for shop, limit in ((toy_shop.address, Limit(0, 100, per_second=1e9)), (window, Limit(0, 100, reset_seconds=1e-6))):
        with pace.turn(shop) as heard:
            heard(limit)
    found = standings(environment.redis, [toy_shop.address, window, "https://unheard.example"])
    assert found == {toy_shop.address: (98, 98), window: (98, 98)}
