"""Two web servers, two workers and two clocks on one PostgreSQL and one Redis: whichever is killed, everything goes on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from config.embedded import Addresses
from config.settings import load
from connector.db.tables import attempts, heartbeats, inbox
from jobs import demo as furnishing
from jobs.environment import open_at
from sandbox import bigcommerce, shopify, woocommerce
from sandbox.assembly import assemble, close
from sandbox.linking import demo
from sandbox.running import Sandbox
from sandbox.shopfront import Wanted
from tests.chaos import findings
from tests.chaos.pairs import Balancer, Program, free_port, one_for_each
from tests.chaos.trade import Placed, Staff
from tests.serving import serve, wait_until

_MOST_SECONDS = 10  # that anything may stand still
_PAUSE_SECONDS = 0.4
_LOOK_SECONDS = 0.1
_KNOWN_AS = {"shopify": "gid://shopify/Order/{}", "woocommerce": "{}", "bigcommerce": "{}"}
_CUSTOMER = {"name": "Zoé", "street": "1 quai du Port", "city": "Marseille", "postcode": "13002", "country": "FR"}
_TWIN = {f"{kind} {number}": f"{kind} {1 - number}" for kind in ("web", "worker", "clock") for number in (0, 1)}
_SOLD = ("MAR-TS-S", "MUG-PHARE", "PULL-NAVY-M")


class Watch(threading.Thread):
    """Notes when each activity was last seen to move, and how long it ever stood still."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="watch", daemon=True)
        self._engine = engine
        self._over = threading.Event()
        self.last: dict[str, float] = {}
        self.longest: dict[str, float] = {}

    def end(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        seen: dict[str, object] = {}
        while not self._over.wait(_LOOK_SECONDS):
            with suppress(SQLAlchemyError):
                self._look(seen)

    def _look(self, seen: dict[str, object]) -> None:
        for name, mark in _marks(self._engine).items():
            at = time.monotonic()
            self.longest[name] = max(self.longest.get(name, 0.0), at - self.last.get(name, at))
            if seen.get(name) != mark:
                seen[name] = mark
                self.last[name] = at


def _marks(engine: Engine) -> dict[str, object]:
    """What changes with each delivery acknowledged, each one taken in, each telling, and each look of the clock."""
    beat = select(heartbeats.c.at).where(heartbeats.c.name == "clock").scalar_subquery()
    with engine.connect() as conn:
        row = conn.execute(
            select(
                select(func.sum(1 + inbox.c.repeats)).scalar_subquery().label("acknowledging"),
                select(func.count()).select_from(inbox).where(inbox.c.state == "done").scalar_subquery().label("taking in"),
                select(func.count()).select_from(attempts).scalar_subquery().label("telling"),
                beat.label("looking"),
            )
        ).one()
    return dict(row._mapping)


@dataclass
class Place:
    """The pairs, the shops, and what was ordered."""

    engine: Engine
    sandbox: Sandbox
    programs: list[Program]
    placed: list[Placed] = field(default_factory=list)

    def program(self, name: str) -> Program:
        return next(program for program in self.programs if program.name == name)

    @contextmanager
    def trading(self) -> Iterator[None]:
        """Customers order at all three shops, without an end."""
        over = threading.Event()

        def order(platform: str) -> None:
            front, rnd = self.sandbox.shopfronts[platform], random.Random(platform)
            while not over.wait(2 * _PAUSE_SECONDS):
                sku = rnd.choice(_SOLD)
                found = front.place(Wanted(((sku, 1),), "delivery", "", True, _CUSTOMER))
                self.placed.append(Placed(platform, _KNOWN_AS[platform].format(found), ((sku, 1),), "delivery", "handed over"))

        threads = [threading.Thread(target=order, args=(name,), daemon=True) for name in self.sandbox.shopfronts]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()


@pytest.fixture
def place(tmp_path: Path, services: Addresses, database_url: str, redis_url: str) -> Iterator[Place]:
    ports = [free_port(), free_port()]
    app = assemble(tmp_path, (shopify.build, woocommerce.build, bigcommerce.build))
    with serve(app) as shops_at, serve(Balancer(ports)) as front:
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SEAL_KEYS": Fernet.generate_key().decode(),
            "SECRET_KEY": "s" * 32,
            "PUBLIC_URL": front,
            "WEB_PROCESSES": "1",
            "ALLOW_PRIVATE_SHOPS": "true",
        }
        env = open_at(
            load({name.lower(): value for name, value in settings.items()}), Addresses(database_url, redis_url), name="t"
        )
        furnishing.furnish(env, demo(shops_at))
        with one_for_each(tmp_path, settings, ports) as programs:
            yield Place(env.engine, app.extensions["sandbox"], programs)
        env.close()
    close(app)


def _leader(place: Place) -> str:
    """The clock that leads, by its own words; two would be one too many."""
    [leader] = [name for name in ("clock 0", "clock 1") if "the clock leads" in place.program(name).log]
    return leader


@pytest.mark.long
def test_whichever_is_killed_nothing_stands_still(place: Place) -> None:
    watch = Watch(place.engine)
    staff = Staff(place, lambda: list(place.placed))
    with place.trading(), staff.at_work():
        watch.start()
        wait_until(lambda: len(watch.last) == 4)
        leader = _leader(place)
        for name in (leader, "web 0", "worker 0", _TWIN[leader], "web 1", "worker 1"):
            _survives(place, watch, name)
        watch.end()
    print(f"stood still at most, in seconds: {watch.longest}")  # noqa: T201 - shown where the test fails, and with -s
    assert max(watch.longest.values()) <= _MOST_SECONDS
    _all_is_well(place)


def _survives(place: Place, watch: Watch, name: str) -> None:
    """With its twin at work and this one dead everything moves on; then it is started again."""
    killed, twin = place.program(name), place.program(_TWIN[name])
    twin.wait()
    led = "the clock leads" in killed.log
    killed.kill()
    at = time.monotonic()
    moving = _wait_for(lambda: all(last > at for last in watch.last.values()), 3 * _MOST_SECONDS)
    still = [activity for activity, last in watch.last.items() if last <= at]
    assert moving, f"{name} was killed and {still} stands still; {[program.log[-1500:] for program in place.programs]}"
    if led:
        assert "the clock leads" in twin.log
    killed.start()


def _wait_for(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it became true within so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _all_is_well(place: Place) -> None:
    def at_rest() -> bool:
        with place.engine.connect() as conn:
            rows, known = findings.counted(conn), findings.known(conn)
        there = all(known.get((one.platform, one.external_id)) == "completed" for one in place.placed)
        return there and not rows["inbox waiting"] and not rows["outbox waiting"]

    with Staff(place, lambda: place.placed).at_work():
        wait_until(at_rest, seconds=90)
    with place.engine.connect() as conn:
        assert findings.faults(conn) == {}
        assert findings.dead(conn) == []
        assert set(findings.known(conn)) == {(one.platform, one.external_id) for one in place.placed}
