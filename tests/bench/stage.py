"""What every benchmark stands on: embedded PostgreSQL and Valkey of this run, and for each sample a fresh database."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import redis
from cryptography.fernet import Fernet
from psycopg import sql
from sqlalchemy import Engine, make_url

from config import embedded
from config.embedded import Addresses
from config.settings import Settings
from connector.db import engine as engines
from connector.db import migrate, shops
from connector.db.sealed import Seal
from connector.flow import stock
from connector.flow.stock import StockLine
from tests.bench import orders

LOCATIONS = ("vieux-port", "canebiere", "depot")
UNITS = 1_000_000  # of each item at each location: no order of a benchmark waits for stock
_TEMPLATE = "bench_template"


@dataclass(frozen=True)
class Stage:
    """The services of the run. `key` seals what is stored in all its databases."""

    services: Addresses
    key: str
    directory: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def seal(self) -> Seal:
        """Seals with the run's key."""
        return Seal([self.key])

    @contextmanager
    def world(self, template: str = _TEMPLATE) -> Iterator[World]:
        """A database with shops, items and stock (a copy of `template`) and an empty Redis, dropped afterwards."""
        name = f"bench_{next(self._numbers)}"
        self.copy(template, name)
        try:
            with self.existing(name) as world:
                yield world
        finally:
            self.drop(name)

    @contextmanager
    def existing(self, name: str) -> Iterator[World]:
        """A database as it is, and an empty Redis."""
        with redis.Redis.from_url(self.services.redis_url) as client:
            client.flushall()
        engine = engines.create(self.url(name), name="bench", pool_size=5)
        try:
            yield World(self, self.url(name), engine)
        finally:
            engine.dispose()

    def url(self, name: str) -> str:
        """The address of a database."""
        return make_url(self.services.database_url).set(database=name).render_as_string(hide_password=False)

    def copy(self, template: str, name: str) -> None:
        """Make a database from another one, and leave no checkpoint of it to fall into a measurement."""
        with psycopg.connect(self.services.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
            connection.execute("CHECKPOINT")

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        with psycopg.connect(self.services.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True)
class World:
    """One sample's database, as the connector has it."""

    stage: Stage
    url: str
    engine: Engine

    def environment(self) -> dict[str, str]:
        """What the connector's own processes are started with."""
        return {
            **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
            "DATABASE_URL": self.url,
            "REDIS_URL": self.stage.services.redis_url,
            "SEAL_KEYS": self.stage.key,
            "SECRET_KEY": "bench-" * 8,
            "DATA_DIR": str(self.stage.directory),
            "LOG_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
        }


@contextmanager
def stage() -> Iterator[Stage]:
    """The services, in a temporary directory, with a template database. What the environment names is not touched."""
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        directory = Path(made)
        directory.chmod(0o711)
        with embedded.services(Settings(data_dir=directory, database_url=None, redis_url=None)) as services:
            ready = Stage(services, Fernet.generate_key().decode(), directory)
            ready.drop(_TEMPLATE)
            with psycopg.connect(services.database_url, autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
            _furnish(ready, engines.create(ready.url(_TEMPLATE), name="bench"))
            yield ready


def _furnish(ready: Stage, engine: Engine) -> None:
    """The first tables, three locations, the catalogue, its stock, and the shops."""
    now = datetime.now(UTC)
    migrate.upgrade(engine)
    for place, code in enumerate(LOCATIONS, 1):
        stock.add_location(engine, code=code, name=code.title(), kind="shop", priority=place)
    skus = [orders.sku(number) for number in range(1, orders.ITEMS + 1)]
    stock.add_items(engine, [{"sku": sku, "title": sku, "barcode": ""} for sku in skus], now)
    opening = [StockLine(sku, code, UNITS) for sku in skus for code in LOCATIONS]
    stock.change(engine, opening, now, key="opening", reason="receipt", actor="bench")
    with engine.begin() as conn:
        for number in range(orders.SHOPS):
            credentials = {"key": "ck_bench", "secret": "cs_bench", "webhook_secret": orders.SECRET}
            shops.store(
                conn,
                key=orders.key(number),
                platform="woocommerce",
                external_id=f"https://bench{number}.example",
                name=f"Bench {number}",
                address=f"https://bench{number}.example",
                currency="EUR",
                sealed_credentials=ready.seal.seal_json(credentials),
                now=now,
            )
    engine.dispose()
