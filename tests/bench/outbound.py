"""B7: telling shops whose every answer takes 200 ms, beside the rate their platforms allow.

All three platforms at once, a shop of each, by as many workers. What counts is the steady state: what a shop allows at first
(a full bucket, a whole window) is used up before, and left out.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import flask
import redis
from sqlalchemy import text

from connector.domain.fulfillment import Step
from connector.domain.orders import Order
from connector.flow import fulfill, intake, shops, stock
from connector.flow.intake import Arrival
from connector.flow.stock import StockLine
from connector.flow.wake import Wake
from connector.platform import Platform, Shop
from jobs import queue
from jobs.environment import connect_redis
from platforms import registry
from platforms.http import Http
from sandbox import app as sandboxes
from sandbox import catalogue, shopify
from sandbox.assembly import assemble, close
from sandbox.bigcommerce.shop import SETTINGS
from sandbox.faults import Knobs
from sandbox.linking import demo
from sandbox.sending import Sender
from sandbox.shopfront import Shopfront, Wanted
from sandbox.shopify import api, install, merchant
from sandbox.shopify.cost import Bucket
from sandbox.shopify.shop import Shop as ShopifyShop
from sandbox.store import Store
from tests.bench import programs
from tests.bench.measuring import Figure, figure, number, rounds
from tests.bench.stage import Stage, World
from tests.bench.whole import _wait_for_rq
from tests.serving import serve

_LATENCY_SECONDS = 0.2
_SLICE_SECONDS = 10.0  # of the platforms without windows
_MOST_SECONDS = 400.0
_BOUNDLESS = 10**9
_LOOK_SECONDS = 0.2
_ROUTED_SECONDS = 3.0  # Shopify says only after a moment which location fulfills an order
_RING_SECONDS = 2.0  # as the clock does
_QUOTA, _WINDOW_SECONDS = int(SETTINGS["quota"]), int(SETTINGS["quota_window_ms"]) / 1000
_PEOPLE = {"name": "Élise Vincent", "email": "e@shop.example", "street": "1 rue", "city": "Marseille", "postcode": "13002"}


@dataclass(frozen=True, slots=True)
class _Call:
    """A call as the shop saw it: when it arrived, whether it was told to slow down, what it says of the limit."""

    at: float
    slowed: bool
    left: float
    points: float = 1.0
    rate: float = 0.0


@dataclass
class _Slow:
    """An application as far away as the internet is, and what was called, by platform."""

    app: WSGIApplication
    latency_seconds: float = 0.0
    calls: dict[str, list[_Call]] = field(default_factory=lambda: {name: [] for name in _READ})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answered: list[tuple[str, Mapping[str, str]]] = []

        def started(status: str, headers: Sequence[tuple[str, str]], *more: object) -> object:
            answered.append((status, {name.lower(): value for name, value in headers}))
            return start_response(status, list(headers), *more)  # type: ignore[arg-type]

        time.sleep(self.latency_seconds / 2)
        at = time.monotonic()
        body = b"".join(self.app(environ, started))  # type: ignore[arg-type]
        platform = environ["PATH_INFO"].split("/")[1]
        if self.latency_seconds and platform in self.calls:
            with self._lock:
                self.calls[platform].append(_READ[platform](at, *answered[-1], body))
        time.sleep(self.latency_seconds / 2)
        return [body]


def _shopify_call(at: float, status: str, headers: Mapping[str, str], body: bytes) -> _Call:
    cost = json.loads(body)["extensions"]["cost"]
    bucket = cost["throttleStatus"]
    slowed = status.startswith("429") or b'"THROTTLED"' in body
    return _Call(at, slowed, bucket["currentlyAvailable"], cost["actualQueryCost"] or 0, bucket["restoreRate"])


def _bigcommerce_call(at: float, status: str, headers: Mapping[str, str], body: bytes) -> _Call:
    return _Call(at, status.startswith("429"), float(headers["x-rate-limit-requests-left"]))


def _woocommerce_call(at: float, status: str, headers: Mapping[str, str], body: bytes) -> _Call:
    return _Call(at, status.startswith("429"), 0.0)


_READ: Mapping[str, Callable[[float, str, Mapping[str, str], bytes], _Call]] = {
    "bigcommerce": _bigcommerce_call,
    "shopify": _shopify_call,
    "woocommerce": _woocommerce_call,
}


def measure(stage: Stage) -> list[Figure]:
    """Calls per second while parts are announced as shipped, over the calls per second each platform allows."""
    pushes = number("BENCH_PUSHES", 410)  # some 7 calls each: six windows and a bit
    counts = {"bigcommerce": pushes, "shopify": max(2, pushes // 3), "woocommerce": max(2, pushes // 4)}
    calls, told = _told(stage, counts)
    found = {name: _SHARES[name](seen)[: rounds()] or [_of_all(seen)] for name, seen in calls.items()}
    slowed = {name: sum(call.slowed for call in seen) for name, seen in calls.items()}
    rates = ", ".join(f"{name} {per_second:.1f} orders/s" for name, per_second in told.items())
    note = (
        f"one BigCommerce shop, {1000 * _LATENCY_SECONDS:.0f} ms a call, {_QUOTA} calls in {_WINDOW_SECONDS:.0f} s; told: {rates}"
    )
    return [
        figure("B7", 0.95, found["bigcommerce"], f"{note}; a sample is a whole window after the first"),
        figure("B7_shopify", 0.95, found["shopify"], f"points/s over those that come back; a sample is {_SLICE_SECONDS:.0f} s"),
        figure(
            "B7_woocommerce", 0.8, found["woocommerce"], f"over one call each {1000 * _LATENCY_SECONDS:.0f} ms: never two at once"
        ),
        figure("B7_429", 0, list(slowed.values()), f"answers that asked us to slow down: {slowed}", most=True),
    ]


def _windows(calls: Sequence[_Call]) -> list[float]:
    """The share of its quota that each window saw, the time between it and the next one counted in; not the first."""
    starts = [place for place, call in enumerate(calls) if call.left == _QUOTA - 1]
    allowed = _QUOTA / _WINDOW_SECONDS
    return [(end - begin) / (calls[end].at - calls[begin].at) / allowed for begin, end in pairwise(starts[1:])]


def _slices(calls: Sequence[_Call]) -> list[float]:
    """Points used in equal times, over those that came back; from when the bucket was down to a quarter."""
    low = next((call.at for call in calls if call.left < max(one.left for one in calls) / 4), calls[-1].at)
    return [sum(one.points for one in some) / _SLICE_SECONDS / some[0].rate for some in _sliced(calls, low)]


def _one_by_one(calls: Sequence[_Call]) -> list[float]:
    return [len(some) / _SLICE_SECONDS * _LATENCY_SECONDS for some in _sliced(calls, calls[0].at)]


def _of_all(calls: Sequence[_Call]) -> float:
    """Where there were too few for a steady state: the calls per second."""
    return len(calls) / max(1.0, calls[-1].at - calls[0].at)


def _sliced(calls: Sequence[_Call], begin: float) -> list[list[_Call]]:
    whole = int((calls[-1].at - begin) / _SLICE_SECONDS)
    starts = [begin + place * _SLICE_SECONDS for place in range(whole)]
    return [[call for call in calls if start <= call.at < start + _SLICE_SECONDS] for start in starts]


_SHARES: Mapping[str, Callable[[Sequence[_Call]], list[float]]] = {
    "bigcommerce": _windows,
    "shopify": _slices,
    "woocommerce": _one_by_one,
}


def _told(stage: Stage, counts: Mapping[str, int]) -> tuple[dict[str, list[_Call]], dict[str, float]]:
    """What each shop was called, and how many orders a second it was told of."""
    bucket = Bucket(_BOUNDLESS, _BOUNDLESS)
    builders = [partial(_shopify, bucket) if build is shopify.build else build for build in sandboxes.BUILDERS]
    sandbox = assemble(stage.directory / f"sandbox-{time.monotonic_ns()}", builders)
    slow = _Slow(sandbox)
    try:
        with stage.world() as world, serve(slow) as url:
            store: Store = sandbox.extensions["sandbox"].store
            store.put("bigcommerce.settings", "shop", {"quota": _BOUNDLESS, "quota_window_ms": 1})
            known = {name: _with_parts(world, sandbox, url, name, count) for name, count in counts.items()}
            store.put("bigcommerce.settings", "shop", {})
            bucket.most, bucket.per_second = Bucket().most, Bucket().per_second
            slow.latency_seconds = _LATENCY_SECONDS
            environment = {**world.environment(), "ALLOW_PRIVATE_SHOPS": "true"}
            workers = [programs.python("-m", "jobs.worker", "deliver")] * len(counts)
            with programs.running(workers, environment, stage.directory / "outbound.log"):
                _wait_for_rq(stage, len(workers))
                seconds = _until_told(world, connect_redis(stage.services.redis_url), known, counts)
            rates = {name: count / seconds[name] for name, count in counts.items()}
            return {name: sorted(seen, key=lambda call: call.at) for name, seen in slow.calls.items()}, rates
    finally:
        close(sandbox)


def _shopify(bucket: Bucket, store: Store, sender: Sender, knobs: Knobs) -> tuple[Shopfront, list[flask.Blueprint]]:
    """As the sandbox builds it, with a bucket that can be changed: preparing thousands of orders is not what is measured."""
    shop = ShopifyShop(store, sender)
    shop.acts = merchant.ACTS
    return shop, [api.blueprint(shop, knobs, bucket), install.blueprint(shop)]


def _until_told(world: World, connection: redis.Redis, known: Mapping[str, Shop], counts: Mapping[str, int]) -> dict[str, float]:
    """Ring as the clock does until every shop has heard everything; how many seconds each took."""
    began, seconds, rung = time.monotonic(), {}, 0.0
    while len(seconds) < len(known):
        now = time.monotonic()
        assert now - began < _MOST_SECONDS, f"only {list(seconds)} were told everything in {_MOST_SECONDS:.0f} s"
        if now - rung > _RING_SECONDS:
            queue.ring(connection, [Wake("deliver", shop.id) for name, shop in known.items() if name not in seconds])
            rung = now
        for name, shop in known.items():
            if name not in seconds and _delivered(world, shop) >= counts[name]:
                seconds[name] = now - began
        time.sleep(_LOOK_SECONDS)
    return seconds


def _with_parts(world: World, sandbox: flask.Flask, url: str, name: str, count: int) -> Shop:
    """A linked shop with so many orders that were shipped here and of which it has not heard yet."""
    platform = registry.platforms(Http(private_allowed=True))[name]
    wanted = next(shop for shop in demo(url).shops if shop.platform == name)
    shop, _ = shops.add(world.engine, world.stage.seal, platform, wanted.options, "http://bench.example", _now())
    sku = catalogue.ITEMS[0].sku
    stock.add_items(world.engine, [{"sku": sku, "title": sku, "barcode": ""}], _now())
    stock.change(world.engine, [StockLine(sku, "depot", 10 * count)], _now(), key=name, reason="receipt", actor="bench")
    front = sandbox.extensions["sandbox"].shopfronts[name]
    for _ in range(count):
        front.place(Wanted(((sku, 1),), "delivery", customer={**_PEOPLE, "country": "FR"}))
    time.sleep(_ROUTED_SECONDS)
    arrivals = [Arrival(order, fetched=True) for order in _listed(platform, shop)]
    assert len(arrivals) >= count, f"{name} lists {len(arrivals)} of {count} orders"
    with world.engine.begin() as conn:
        intake.take_in(conn, world.stage.seal, shop, arrivals[-count:], _now())
        ids = conn.execute(_PARTS, {"shop": shop.id}).scalars().all()
    assert len(ids) == count
    for part in ids:
        for step in (Step.START, Step.PACK, Step.SHIP):
            fulfill.move(world.engine, part, step, _now(), actor="bench")
    with world.engine.begin() as conn:  # being packed is announced as well: only the last word is measured
        conn.execute(text("UPDATE outbox SET state = 'delivered' WHERE act <> 'shipped'"))
    return shop


_PARTS = text("SELECT f.id FROM fulfillment_orders f JOIN orders o ON o.id = f.order_id WHERE o.shop_id = :shop ORDER BY f.id")


def _listed(platform: Platform, shop: Shop) -> list[Order]:
    found: list[Order] = []
    cursor, began = "", _now() - timedelta(hours=1)
    while True:
        page = platform.list_orders(shop, began, _now() + timedelta(hours=1), cursor)
        time.sleep(page.wait_seconds)
        found += page.orders
        if not (cursor := page.next):
            return sorted(found, key=lambda order: order.external_id)


def _delivered(world: World, shop: Shop) -> int:
    with world.engine.connect() as conn:
        of_shop: dict[str, Any] = {"shop": shop.id}
        dead = conn.execute(text("SELECT reason FROM outbox WHERE state = 'dead' AND shop_id = :shop"), of_shop).scalars().all()
        assert not dead, dead[0]
        done = text("SELECT count(*) FROM outbox WHERE act = 'shipped' AND state = 'delivered' AND shop_id = :shop")
        return int(conn.execute(done, of_shop).scalar_one())


def _now() -> datetime:
    return datetime.now(UTC)
