"""Three shops sell the same few things at once and are kept showing what is available, over real HTTP."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
import redis
from sqlalchemy import Engine, func, select

from connector.db import publications, stock_views
from connector.db import stock as ledger
from connector.db.sealed import Seal
from connector.db.tables import items, order_lines, orders, outbox
from connector.domain.errors import Rejected
from connector.flow import deliver, ingest, linking, publish_stock, reconcile
from connector.flow import shops as shop_flow
from connector.flow import stock as stock_flow
from connector.flow.cancel import cancel
from connector.flow.stock import StockLine
from connector.platform import WHOLE_SHOP, Platform, Shop
from jobs.pace import SharedBuckets
from platforms import registry
from platforms.http import Http
from platforms.pace import Pace
from sandbox import bigcommerce, shopify, woocommerce
from sandbox.assembly import assemble, close
from sandbox.catalogue import LOCATIONS
from sandbox.linking import DemoShop, demo
from sandbox.running import Sandbox
from sandbox.shopfront import Wanted
from tests.serving import serve

_CODES = tuple(place.code for place in LOCATIONS)
_CUSTOMER = {"name": "Zoé", "street": "1 quai du Port", "city": "Marseille", "postcode": "13002", "country": "FR"}
_SOLD = ("MAR-TS-S", "MUG-PHARE", "PULL-NAVY-M")


@dataclass
class Counting:
    """A WSGI app around another that counts the answers of each platform by status."""

    app: WSGIApplication
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        platform = environ["PATH_INFO"].split("/")[1]

        def counted(status: str, *rest: Any) -> Any:
            self.answers[platform, status[:3]] += 1
            return start_response(status, *rest)

        body = b"".join(self.app(environ, counted))
        self.answers[platform, "throttled"] += b'"THROTTLED"' in body
        return [body]


@dataclass
class Market:
    """The three sandbox shops, linked to one connector."""

    engine: Engine
    seal: Seal
    sandbox: Sandbox
    counting: Counting
    platforms: dict[str, Platform]
    ids: dict[str, int]

    def shop(self, name: str) -> Shop:
        return shop_flow.by_id(self.engine, self.seal, self.ids[name])

    def work(self, name: str, at: datetime | None = None) -> None:
        """What the workers do for a shop: the poll, the intake, the publication; now or at another time."""
        platform, shop = self.platforms[name], self.shop(name)
        reconcile.poll(self.engine, platform, shop, at or datetime.now(UTC))
        ingest.drain(self.engine, self.seal, platform, shop, at or datetime.now(UTC))
        self.publish(name, at)

    def publish(self, name: str, at: datetime | None = None) -> None:
        """A pass of publishing alone."""
        platform, shop = self.platforms[name], self.shop(name)
        publish_stock.drain(self.engine, self.seal, platform, shop, lambda: at or datetime.now(UTC), lambda: str(uuid.uuid4()))

    def due(self, *names: str) -> bool:
        """Whether anything of these shops, or of any, still waits to be compared, whenever that is."""
        wanted = {self.ids[name] for name in names or self.ids}
        with self.engine.connect() as conn:
            return not wanted.isdisjoint(publications.due_shops(conn, datetime.now(UTC) + timedelta(minutes=5)))

    def available(self) -> dict[str, dict[str, int]]:
        with self.engine.connect() as conn:
            skus = list(conn.execute(select(items.c.sku)).scalars())
            return {sku: {row.location: row.available for row in stock_views.levels_of(conn, sku)} for sku in skus}

    def sell(self, name: str, rnd: random.Random, orders: int) -> None:
        front = self.sandbox.shopfronts[name]
        for _ in range(orders):
            lines = tuple((sku, rnd.randint(1, 3)) for sku in rnd.sample(_SOLD, 2))
            try:
                placed = front.place(Wanted(lines, "delivery", "", True, _CUSTOMER))
                if rnd.random() < 0.2:
                    front.cancel(placed)
            except Rejected:
                continue
            time.sleep(rnd.random() / 50)


@pytest.fixture
def market(engine: Engine, seal: Seal, redis_url: str, tmp_path: Path) -> Iterator[Market]:
    app = assemble(tmp_path, (shopify.build, woocommerce.build, bigcommerce.build))
    counting = Counting(app)
    connection = redis.Redis.from_url(redis_url)
    http = Http(private_allowed=True, pace=Pace(SharedBuckets(connection)))
    with serve(counting) as url:
        wanted = demo(url)
        now = datetime.now(UTC)
        for place in wanted.locations:
            stock_flow.add_location(engine, code=str(place["code"]), name=str(place["name"]), priority=int(place["priority"]))
        stock_flow.add_items(engine, wanted.items, now)
        lines = [StockLine(*line) for line in wanted.stock]
        stock_flow.change(engine, lines, now, key="opening", reason="receipt", actor="t")
        platforms = dict(registry.platforms(http))
        ids = {shop.platform: _linked(engine, seal, platforms[shop.platform], shop) for shop in wanted.shops}
        yield Market(engine, seal, app.extensions["sandbox"], counting, platforms, ids)
    close(app)
    connection.close()


def _linked(engine: Engine, seal: Seal, platform: Platform, wanted: DemoShop) -> int:
    now = datetime.now(UTC)
    shop, _ = shop_flow.add(engine, seal, platform, wanted.options, "http://127.0.0.1:1", now, name=wanted.name)
    for external_id, code in wanted.location_links:
        stock_flow.link_location(engine, shop.id, external_id, code)
    linking.read_places(engine, platform, shop)
    if wanted.stock_of:
        linking.link_location(engine, shop.id, WHOLE_SHOP, wanted.stock_of, now)
    linked = linking.read_catalogue(engine, platform, shop, now)
    assert linked.linked >= 22
    linking.change_settings(engine, platform, shop, {"publish_stock": "yes"}, now)
    return shop.id


def _all(acts: Iterable[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_after_the_dust_settles_every_shop_shows_what_is_available(market: Market) -> None:
    selling = threading.Event()
    selling.set()
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            while selling.is_set() or market.due():
                market.work(name)
                time.sleep(0.05)
        except BaseException as error:
            failures.append(error)
            raise

    workers = [threading.Thread(target=work, args=(name,)) for name in market.ids]
    for worker in workers:
        worker.start()
    _all([lambda name=name: market.sell(name, random.Random(name), 25) for name in market.ids])  # type: ignore[misc]
    selling.clear()
    for worker in workers:
        worker.join()
    assert failures == []
    for name in market.ids:  # the last orders of one shop may have come after the last look of its worker
        market.work(name)
    while market.due():
        for name in market.ids:
            market.work(name)
        time.sleep(0.2)
    available = market.available()
    assert _shown(market, "shopify") == available
    assert {sku: sum(row.values()) for sku, row in available.items()} == {
        sku: row[""] for sku, row in _shown(market, "woocommerce").items() if sku in available
    }
    assert _shown(market, "bigcommerce") == available
    with market.engine.connect() as conn:
        assert ledger.unbalanced(conn) == []
        assert conn.execute(select(func.sum(order_lines.c.quantity))).scalar() > 100
    _nobody_was_refused(market)


def _nobody_was_refused(market: Market) -> None:
    answers = market.counting.answers
    assert {key: count for key, count in answers.items() if count and key[1] not in ("200", "201", "204")} == {}


def test_no_more_is_sold_than_the_buffer_allows(market: Market) -> None:
    """Three shops sell the last ones of an article; between two publications each sells at most two."""
    sku, buffer, each = "PADDLE-11", 6, 2
    stock_flow.count(market.engine, [StockLine(sku, "depot", 32)], datetime.now(UTC), key="few", actor="t")
    market.sandbox.store.put("bigcommerce.settings", "shop", {"stock_delay_seconds": 0})
    for name in market.ids:
        buffered = {"stock_buffer": str(buffer)}
        linking.change_settings(market.engine, market.platforms[name], market.shop(name), buffered, datetime.now(UTC))
    clock = datetime.now(UTC)
    sold = 0
    for _ in range(8):
        for _ in range(2):  # what one shop's orders change is published to the others in the second round
            clock += timedelta(seconds=20)
            for name in market.ids:
                market.work(name, clock)
        for name in market.ids:
            if sum(_shown(market, name)[sku].values()) >= each:
                market.sandbox.shopfronts[name].place(Wanted(((sku, each),), "delivery", "", True, _CUSTOMER))
                sold += each
    for name in market.ids:
        market.work(name, clock + timedelta(seconds=60))
    assert 32 - buffer <= sold + each
    assert sold <= 32 - buffer + each * (len(market.ids) - 1)
    assert sum(market.available()[sku].values()) == 32 - sold >= 0
    with market.engine.connect() as conn:
        assert conn.execute(select(func.sum(order_lines.c.backordered))).scalar() == 0
    _nobody_was_refused(market)


def test_an_order_we_ask_shopify_to_cancel_comes_back_once(market: Market) -> None:
    """Shopify puts its own count back, our ledger ours; publishing finds nothing to add."""
    market.work("shopify")
    at_start = market.available()
    placed = market.sandbox.shopfronts["shopify"].place(Wanted((("MUG-PHARE", 3),), "delivery", "", True, _CUSTOMER))
    _work_until(market, lambda: market.available() != at_start)
    with market.engine.connect() as conn:
        order_id = conn.execute(select(orders.c.id)).scalar_one()
    cancel(market.engine, order_id, datetime.now(UTC), actor="t", possible=market.platforms["shopify"].cancels)
    shop = market.shop("shopify")
    deliver.drain(market.engine, market.platforms["shopify"], shop, lambda: datetime.now(UTC), random.random)
    _work_until(market, lambda: market.available() == at_start)
    _work_until(market, lambda: not market.due("shopify"))
    assert _shown(market, "shopify") == at_start
    with market.engine.connect() as conn:
        assert ledger.unbalanced(conn) == []
        assert conn.execute(select(outbox.c.outcome)).scalars().all() == ["applied"]
    shown = market.sandbox.shopfronts["shopify"].shown(placed)
    assert shown is not None
    assert (shown.status, shown.payment) == ("Cancelled", "Paid"), "nobody's money has moved"


def _work_until(market: Market, true: Callable[[], bool]) -> None:
    """Work for Shopify until it is so; AssertionError where it does not become so."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        market.work("shopify")
        time.sleep(0.1)


def _shown(market: Market, name: str) -> dict[str, dict[str, int]]:
    return market.sandbox.shopfronts[name].stock()


def test_woocommerce_products_without_stock_management_are_reported_and_bigcommerces_behaviour_is_heeded(market: Market) -> None:
    bigcommerce_settings = market.sandbox.store.get("bigcommerce.settings", "shop") or {}
    wrong = {**bigcommerce_settings, "update_stock_behavior": "order_completed_or_shipped"}
    market.sandbox.store.put("bigcommerce.settings", "shop", wrong)
    product = market.sandbox.store.get("woocommerce.product", "114")
    assert product is not None
    market.sandbox.store.put("woocommerce.product", "114", {**product, "manage_stock": False, "stock_quantity": None})
    time.sleep(1.1)
    for name in ("woocommerce", "bigcommerce"):
        market.publish(name)
    with market.engine.connect() as conn:
        (row,) = publications.listed(conn, market.ids["woocommerce"], obstacles=True)
        refused = publications.listed(conn, market.ids["bigcommerce"], obstacles=True)
    assert (row.sku, "Track stock quantity" in row.obstacle) == ("MUG-PHARE", True)
    assert {"subtracted" in row.obstacle for row in refused} == {True}
