"""Everything the doors' processes open at their start, in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine

from config import embedded
from config.embedded import Addresses
from config.settings import Settings
from connector.db import engine as database
from connector.db.sealed import Seal
from connector.flow import tokens
from connector.installing import App
from connector.platform import Platform
from jobs.pace import SharedBuckets
from platforms import registry
from platforms.http import Http
from platforms.pace import Pace

_REDIS_CONNECT_SECONDS = 1.0
_REDIS_ANSWER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Environment:
    """The opened services of one process. `redis_url` is for those who need a connection of their own kind."""

    settings: Settings
    engine: Engine
    seal: Seal
    platforms: Mapping[str, Platform]
    redis: redis.Redis
    redis_url: str
    http: Http

    def of(self, merchant_id: int) -> Environment:
        """The same services for the work of one merchant, whose rows alone it sees. This one's engine is the house's."""
        return replace(self, engine=database.of_merchant(self.engine, merchant_id))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
        self.redis.close()


def open_at(settings: Settings, addresses: Addresses, *, name: str, pool_size: int = 5) -> Environment:
    """Open what the settings name; `name` shows in the database's list of connections. Connects to nothing yet.

    ConnectorError where the settings cannot be used.
    """
    engine = database.create(addresses.database_url, pool_size=pool_size, name=f"connector {name}")
    seal = Seal(settings.fernet_keys)
    connection = connect_redis(addresses.redis_url)
    pace = Pace(SharedBuckets(connection))
    http = Http(private_allowed=settings.allow_private_shops, total_seconds=settings.call_seconds, pace=pace)
    platforms = registry.platforms(http, apps(settings), telling_seconds=settings.telling_seconds)
    return Environment(
        settings=settings,
        engine=engine,
        seal=seal,
        platforms={name: tokens.kept_fresh(engine, seal, platform, now) for name, platform in platforms.items()},
        redis=connection,
        redis_url=addresses.redis_url,
        http=http,
    )


def apps(settings: Settings) -> dict[str, App]:
    """What the connector is registered as, by platform. The development addresses count with ALLOW_PRIVATE_SHOPS only."""
    development = settings.allow_private_shops
    return {
        "shopify": App(
            settings.shopify_client_id,
            settings.shopify_client_secret.get_secret_value(),
            settings.shopify_previous_secret.get_secret_value(),
            settings.shopify_address if development else "",
        ),
        "bigcommerce": App(
            settings.bigcommerce_client_id,
            settings.bigcommerce_client_secret.get_secret_value(),
            address=settings.bigcommerce_address if development else "",
        ),
    }


@contextmanager
def opened(settings: Settings, *, name: str, pool_size: int = 5, start: bool = False) -> Iterator[Environment]:
    """An environment for the duration of a command; `start` runs the embedded services where they do not run already."""
    if not start:
        yield from _opened(settings, embedded.addresses(settings), name, pool_size)
        return
    with embedded.services(settings) as addresses:
        yield from _opened(settings, addresses, name, pool_size)


def _opened(settings: Settings, addresses: Addresses, name: str, pool_size: int) -> Iterator[Environment]:
    environment = open_at(settings, addresses, name=name, pool_size=pool_size)
    try:
        yield environment
    finally:
        environment.close()


def connect_redis(url: str) -> redis.Redis:
    """A client that gives up within seconds, because nobody may wait for Redis."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=_REDIS_CONNECT_SECONDS,
        socket_timeout=_REDIS_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=15,
    )


def now() -> datetime:
    """The time at the doors; everything further in is given it."""
    return datetime.now(UTC)
