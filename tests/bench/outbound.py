"""B7: telling a shop whose every answer takes 200 ms, beside the rate its platform allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sqlalchemy import text

from connector.domain.fulfillment import Step
from connector.flow import fulfill, intake, shops, stock
from connector.flow.intake import Arrival
from connector.flow.stock import StockLine
from connector.flow.wake import Wake
from connector.platform import Shop
from jobs import queue
from jobs.environment import connect_redis
from platforms import registry
from platforms.http import Http
from sandbox import catalogue
from sandbox.app import close, create_app
from sandbox.bigcommerce.shop import SETTINGS
from sandbox.linking import demo
from sandbox.shopfront import Wanted
from tests.bench import programs
from tests.bench.measuring import Figure, figure, in_turns, number, rounds
from tests.bench.stage import Stage, World
from tests.bench.whole import _wait, _wait_for_rq
from tests.serving import serve

_LATENCY_SECONDS = 0.2


@dataclass
class _Counted:
    """An application with its calls counted, and how many of them were told to slow down."""

    app: WSGIApplication
    calls: int = 0
    slowed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def started(status: str, *more: object) -> object:
            with self._lock:
                self.calls += 1
                self.slowed += status.startswith("429")
            return start_response(status, *more)  # type: ignore[arg-type]

        return self.app(environ, started)  # type: ignore[arg-type]


def measure(stage: Stage) -> list[Figure]:
    """Calls per second while parts are announced as shipped, over the calls per second BigCommerce allows."""
    slowed: list[int] = []
    rates: list[float] = []

    def share() -> float:
        calls, pushes, seconds, told_to_slow_down = _push(stage, number("BENCH_PUSHES", 60))
        slowed.append(told_to_slow_down)
        rates.append(pushes / seconds)
        allowed = int(SETTINGS["quota"]) * 1000 / int(SETTINGS["quota_window_ms"])
        return calls / seconds / allowed

    found = in_turns({"share": share}, rounds())["share"]
    note = (
        f"calls of one shop at {1000 * _LATENCY_SECONDS:.0f} ms; {min(rates):.2f}-{max(rates):.2f} pushes/s; 429: {sum(slowed)}"
    )
    return [figure("B7", 0.95, found, note), figure("B7_429", 0, slowed, "answers that asked us to slow down", most=True)]


def _push(stage: Stage, count: int) -> tuple[int, int, float, int]:
    """(calls, announcements, seconds, 429s) of announcing `count` orders as shipped."""
    sandbox = create_app(stage.directory / f"sandbox-{time.monotonic_ns()}")
    counted = _Counted(sandbox)
    try:
        with stage.world() as world, serve(counted) as url:
            shop = _with_parts(world, sandbox, url, count)
            sandbox.extensions["sandbox"].knobs.set("bigcommerce", {"hang": 1.0, "hang_seconds": _LATENCY_SECONDS})
            environment = {**world.environment(), "ALLOW_PRIVATE_SHOPS": "true"}
            with programs.running([programs.python("-m", "jobs.worker")], environment, stage.directory / "outbound.log"):
                _wait_for_rq(stage, 1)
                before, began = counted.calls, time.monotonic()
                queue.ring(connect_redis(stage.services.redis_url), [Wake("deliver", shop.id)])
                _wait(lambda: _told(world), count)
                seconds = time.monotonic() - began
            return counted.calls - before, count, seconds, counted.slowed
    finally:
        close(sandbox)


def _with_parts(world: World, sandbox: object, url: str, count: int) -> Shop:
    """A linked shop with so many orders that were shipped here and of which it has not heard yet."""
    platform = registry.platforms(Http(private_allowed=True))["bigcommerce"]
    wanted = next(shop for shop in demo(url).shops if shop.platform == platform.name)
    shop, _ = shops.add(world.engine, world.stage.seal, platform, wanted.options, "http://bench.example", _now())
    sku = catalogue.ITEMS[0].sku
    stock.add_items(world.engine, [{"sku": sku, "title": sku, "barcode": ""}], _now())
    stock.change(world.engine, [StockLine(sku, "depot", 10 * count)], _now(), key="b7", reason="receipt", actor="bench")
    front = sandbox.extensions["sandbox"].shopfronts[platform.name]  # type: ignore[attr-defined]
    people = {"name": "Élise Vincent", "email": "e@shop.example", "street": "1 rue", "city": "Marseille", "postcode": "13002"}
    ids = [front.place(Wanted(((sku, 1),), "delivery", customer={**people, "country": "FR"})) for _ in range(count)]
    arrivals = [Arrival(order, fetched=True) for one in ids if (order := platform.fetch_order(shop, one)) is not None]
    with world.engine.begin() as conn:
        intake.take_in(conn, world.stage.seal, shop, arrivals, _now())
        parts = list(conn.execute(text("SELECT id FROM fulfillment_orders ORDER BY id")).scalars())
    assert len(parts) == count
    for part in parts:
        for step in (Step.START, Step.PACK, Step.SHIP):
            fulfill.move(world.engine, part, step, _now(), actor="bench")
    with world.engine.begin() as conn:  # being packed is announced as well: only the last word is measured
        conn.execute(text("UPDATE outbox SET state = 'delivered' WHERE act <> 'shipped'"))
    return shop


def _told(world: World) -> int:
    with world.engine.connect() as conn:
        dead = conn.execute(text("SELECT reason FROM outbox WHERE state = 'dead'")).scalars().all()
        assert not dead, dead[0]
        return int(conn.execute(text("SELECT count(*) FROM outbox WHERE act = 'shipped' AND state = 'delivered'")).scalar_one())


def _now() -> datetime:
    return datetime.now(UTC)
