"""Real services for every test: PostgreSQL and Valkey, embedded in a temporary directory, or those the environment names.

One database serves a process's whole run: it is migrated once and emptied before each test that asks for it (about 2 ms; a
database per test from a template costs 100 times that). Only loopback and unix sockets can be reached.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from cryptography.fernet import Fernet
from psycopg import sql
from pytest_socket import socket_allow_hosts
from sqlalchemy import Engine, make_url

from config import embedded
from config.settings import Settings
from connector.db import engine as engines
from connector.db import migrate, tables
from connector.db.sealed import Seal

_DATABASE = f"connector_test_{os.getpid()}"
_QUEUE_NUMBER = 15 - int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # of the Redis database this process uses and flushes


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Addresses]:
    """The services of the whole run."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("services"))
    with embedded.services(settings) as addresses:
        yield addresses


@pytest.fixture
def new_database(services: embedded.Addresses) -> Iterator[str]:
    """The address of an empty database of the test's own, without tables: for tests of the migrations (about 0.2 s)."""
    with _database(services, f"{_DATABASE}_own") as url:
        yield url


@pytest.fixture(scope="session")
def _migrated(services: embedded.Addresses) -> Iterator[str]:
    with _database(services, _DATABASE, os.environ.get("TEST_DATABASE_TEMPLATE", "template1")) as url:
        engine = engines.create(url)
        migrate.upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture
def database_url(_migrated: str) -> str:
    """The address of a migrated database without a row."""
    empty(_migrated)
    return _migrated


@pytest.fixture(scope="module")
def module_database_url(_migrated: str) -> str:
    """The same for all tests of a module, which see each other's rows. They use this one alone."""
    empty(_migrated)
    return _migrated


def empty(url: str) -> None:
    """Delete every row."""
    with psycopg.connect(url, autocommit=True) as connection:
        _disconnect_others(connection)
        connection.execute(b"SET session_replication_role = replica")  # no foreign keys, no triggers
        connection.execute(without_rows())


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the empty database."""
    engine = engines.create(database_url, name="tests")
    yield engine
    engine.dispose()


@pytest.fixture
def redis_url(services: embedded.Addresses) -> str:
    """The address of a Redis database without a key."""
    return _flushed(services)


@pytest.fixture(scope="module")
def module_redis_url(services: embedded.Addresses) -> str:
    """The same for all tests of a module."""
    return _flushed(services)


def _flushed(services: embedded.Addresses) -> str:
    url = _queue(services.redis_url)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="session")
def seal() -> Seal:
    """Seals with a key of this run."""
    return Seal([Fernet.generate_key().decode()])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of recorded requests and schemas beside the checkout; the test is skipped where it is absent."""
    directory = Path(os.environ.get("SHARED_DIR") or Path(__file__).parents[1] / "../shared").resolve()
    if not directory.is_dir():
        pytest.skip(f"{directory} is absent (SHARED_DIR names another place)")
    return directory


def without_rows() -> sql.Composed:
    """The statement that takes every row away, but for the first merchant, whom a migration made."""
    names = [sql.Identifier(table.name) for table in tables.metadata.sorted_tables if table.name != "merchants"]
    deletes = [sql.SQL("DELETE FROM {}").format(name) for name in names]
    return sql.SQL("; ").join([*deletes, sql.SQL("DELETE FROM merchants WHERE id > 1")])


@contextmanager
def _database(services: embedded.Addresses, name: str, template: str = "template1") -> Iterator[str]:
    quoted = sql.Identifier(name)
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(quoted, sql.Identifier(template)))
    yield make_url(services.database_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))


def _disconnect_others(connection: psycopg.Connection) -> None:
    """What an earlier test left connected must neither hold locks nor write any more."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _queue(url: str) -> str:
    return url.partition("?")[0] + f"?db={_QUEUE_NUMBER}"
