"""A connector with real workers beside the three sandbox shops, whose past is brought in while the workers are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psutil
import time_machine
from sqlalchemy import select, text

from config.embedded import Addresses
from config.settings import load
from connector.db import backfills, inbox, stock
from connector.db.backfills import Backfill
from connector.db.tables import orders
from connector.domain.backfill import StockPolicy
from connector.flow import backfill, shops
from connector.platform import Shop
from jobs import clock
from jobs.demo import furnish
from jobs.environment import Environment, open_at
from sandbox.app import create_app
from sandbox.assembly import close
from sandbox.linking import demo
from sandbox.running import Sandbox
from sandbox.traffic import nth_order
from tests.flow.conftest import PROMISED
from tests.serving import serve
from webhooks.app import build

_ROOT = Path(__file__).parents[2]
_LIVE_FROM = 1_000_000  # numbers of the live orders, beyond those of the past
_PAST = timedelta(days=360)
_YOUNGEST = timedelta(hours=1)


@dataclass
class Past:
    """The connector, its shops by platform, and the sandbox behind them."""

    environment: Environment
    sandbox: Sandbox
    shops: dict[str, Shop]
    log: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    largest_bytes: int = 0

    def start(self, name: str) -> None:
        """Run the worker as a process of its own."""
        chosen = self.environment.settings.environment()
        with self.log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"jobs.{name}"], cwd=_ROOT, env={**os.environ, **chosen}, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """kill -9."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def measure(self) -> None:
        """Note the memory of the worker and all its children."""
        worker = psutil.Process(self.processes["worker"].pid)
        used = sum(one.memory_info().rss for one in (worker, *worker.children(recursive=True)))
        self.largest_bytes = max(self.largest_bytes, used)

    def pages(self, numbers: list[int]) -> int:
        """How many pages all these backfills have written."""
        return sum(self.state(number).pages for number in numbers)

    def begin(self, **options: Any) -> list[int]:
        """Begin a backfill of every shop."""
        since = datetime.now(UTC) - _PAST - timedelta(days=1)
        env = self.environment
        given = {"stock": StockPolicy.APPLY, **options}
        return [backfill.start(env.engine, shop, since, None, datetime.now(UTC), **given).id for shop in self.shops.values()]

    def state(self, number: int) -> Backfill:
        with self.environment.engine.connect() as conn:
            return backfills.by_id(conn, number)

    def drained(self) -> bool:
        """Whether nothing waits any more, here and in the sandbox."""
        with self.environment.engine.connect() as conn:
            waiting = any(inbox.more_due(conn, shop.id, datetime.now(UTC) + timedelta(hours=1)) for shop in self.shops.values())
        return not waiting and not self.sandbox.sender.waiting()

    def ids(self, platform: str) -> tuple[set[str], set[str]]:
        """(ids of our orders, ids of the shop's), as numbers."""
        shop_id = self.shops[platform].id
        with self.environment.engine.connect() as conn:
            ours = conn.execute(select(orders.c.external_id).where(orders.c.shop_id == shop_id)).scalars()
            held = {external_id.rpartition("/")[2] for external_id in ours}
        return held, {shown.id for shown in self.sandbox.shopfronts[platform].listing(limit=10**6)}

    def ledger(self) -> list[Any]:
        """What does not add up: levels against movements, promises against parts, parts and backorders against lines."""
        with self.environment.engine.connect() as conn:
            uneven = [*stock.unbalanced(conn), *conn.execute(PROMISED)]
            return uneven + list(conn.execute(_UNSERVED))


_UNSERVED = text(
    """
    SELECT o.external_id, ol.sku, ol.quantity, ol.backordered, coalesce(sum(fl.quantity), 0) AS given
    FROM orders o JOIN order_lines ol ON ol.order_id = o.id
    LEFT JOIN (fulfillment_lines fl JOIN fulfillment_orders fo ON fo.id = fl.fulfillment_order_id AND fo.state <> 'cancelled')
        ON fl.order_line_id = ol.id
    WHERE ol.kind = 'physical' AND NOT o.history AND o.lifecycle <> 'cancelled'
    GROUP BY o.external_id, ol.id HAVING ol.quantity - ol.left_before <> ol.backordered + coalesce(sum(fl.quantity), 0)
    """
)


@contextmanager
def past(directory: Path, database_url: str, redis_url: str, key: str, *, orders_each: int) -> Iterator[Past]:
    """Shops with so many orders of the past each, linked to a connector with a worker and a clock."""
    with ExitStack() as stack:
        app = create_app(directory / "sandbox")
        stack.callback(close, app)
        sandbox: Sandbox = app.extensions["sandbox"]
        _place_the_past(sandbox, orders_each)
        sandbox_url = stack.enter_context(serve(app))
        environment, url = _environment(stack, database_url, redis_url, key)
        environment = replace(environment, settings=environment.settings.model_copy(update={"public_url": url}))
        furnish(environment, demo(sandbox_url))
        linked = {shop.platform: shop for shop in _linked(environment)}
        made = Past(environment, sandbox, linked, directory / "processes.log")
        _keep_time(stack, environment)
        made.start("worker")
        stack.callback(lambda: [made.kill(name) for name in made.processes])
        yield made


def _place_the_past(sandbox: Sandbox, orders_each: int) -> None:
    """A year of orders in each shop, the last one an hour ago: older than what a poll looks back for."""
    apart = _PAST / max(1, orders_each)
    with time_machine.travel(datetime.now(UTC) - _PAST - _YOUNGEST, tick=False) as at:
        for number in range(orders_each):
            for platform, front in sandbox.shopfronts.items():
                front.place(nth_order(platform, number))
            at.shift(apart)


def _keep_time(stack: ExitStack, environment: Environment) -> None:
    """The clock, in a thread: nobody kills it here."""
    stopping = threading.Event()
    thread = threading.Thread(target=clock.run, args=(environment, stopping), daemon=True)
    stack.callback(thread.join)
    stack.callback(stopping.set)
    thread.start()


def _environment(stack: ExitStack, database_url: str, redis_url: str, key: str) -> tuple[Environment, str]:
    given = {"database_url": database_url, "redis_url": redis_url, "seal_keys": key, "secret_key": "s" * 32}
    chosen = load({**given, "allow_private_shops": True, "clock_seconds": 0.5, "workers": 1})
    environment = open_at(chosen, Addresses(database_url, redis_url), name="tests", pool_size=10)
    stack.callback(environment.close)
    web = build(environment)
    stack.callback(web.extensions["waker"].close)
    return environment, stack.enter_context(serve(web))


def _linked(environment: Environment) -> Iterator[Shop]:
    with environment.engine.connect() as conn:
        numbers = list(conn.execute(text("SELECT id FROM shops ORDER BY id")).scalars())
    for number in numbers:
        yield shops.by_id(environment.engine, environment.seal, number)


@contextmanager
def live_orders(at: Past, *, every_seconds: float) -> Iterator[None]:
    """Orders that arrive by webhook during the block, one at each shop every so many seconds."""
    stopping = threading.Event()

    def place() -> None:
        number = _LIVE_FROM
        while not stopping.wait(every_seconds):  # not at once: the second in which a backfill begins may belong to it
            number += 1
            for platform, front in at.sandbox.shopfronts.items():
                front.place(nth_order(platform, number))

    thread = threading.Thread(target=place, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def killed_until(
    at: Past, numbers: list[int], kills: int, rnd: Random, seconds: float, apart: int, lives: float, halfway: Callable[[], None]
) -> int:
    """Kill the worker at random moments of its work until all is done; how often it was killed. From one kill to the next it
    writes `apart` pages at most, and lives `lives` seconds at most beyond them. `halfway` is called once between two kills."""
    deadline = time.monotonic() + seconds
    done, due = 0, rnd.randint(1, apart)
    while any(at.state(number).state in ("running", "paused") for number in numbers):
        assert time.monotonic() < deadline, [at.state(number) for number in numbers]
        at.measure()
        if done < kills and at.pages(numbers) >= due:
            time.sleep(rnd.uniform(0, lives))
            at.kill("worker")
            at.start("worker")
            done, due = done + 1, at.pages(numbers) + rnd.randint(1, apart)
            if done == (kills + 1) // 2:
                halfway()
        time.sleep(0.05)
    return done
