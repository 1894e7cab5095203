"""The web process over real HTTP, on real services, with the toy platform beside the others."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from config.embedded import Addresses
from config.settings import Settings, load
from connector.db.tables import inbox
from connector.flow import shops
from connector.platform import Platform, Shop
from jobs.environment import Environment, open_at
from tests.serving import serve, serve_on_loop
from tests.webhooks.toy import SECRET, SHARED_TOY, TOY
from webhooks import front
from webhooks.app import build
from webhooks.directory import Directory, Known
from webhooks.rsgi import Served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a development machine."""
    return load({"data_dir": tmp_path, "public_url": "http://shop.example", "allow_private_shops": True})


@pytest.fixture
def environment(settings: Settings, database_url: str, redis_url: str) -> Iterator[Environment]:
    """The services, with the toy platforms registered."""
    opened = open_at(settings, Addresses(database_url, redis_url), name="tests")
    opened = replace(opened, platforms={**opened.platforms, "toy": TOY, "sharedtoy": SHARED_TOY})
    yield opened
    opened.close()


@pytest.fixture
def app(environment: Environment) -> Iterator[Flask]:
    """The web application."""
    app = build(environment)
    yield app
    app.extensions["waker"].close()


@pytest.fixture
def toy_shop(environment: Environment) -> Shop:
    """A linked shop of the toy platform."""
    return link(environment, TOY, domain="first", secret=SECRET)


def link(environment: Environment, platform: Platform, **options: str) -> Shop:
    """Link a shop."""
    shop, _ = shops.add(environment.engine, environment.seal, platform, options, "http://shop.example", datetime.now(UTC))
    return shop


@dataclass(frozen=True)
class Web:
    """The running web process."""

    base: str
    engine: Engine

    def post(self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Send a body as it is; (status, text)."""
        return self.request("POST", path, body, headers)

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """One request over a new connection."""
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(kind, state, reason, external id) of everything stored, oldest first."""
        with self.engine.connect() as conn:
            found = conn.execute(select(inbox.c.kind, inbox.c.state, inbox.c.reason, inbox.c.external_id).order_by(inbox.c.id))
            return [tuple(row) for row in found]


@dataclass(frozen=True)
class _Asking:
    """Knows every shop at once, so that every delivery that can be is answered without a thread."""

    directory: Directory

    def kept(self, platform: Platform, name: str) -> Known | None:
        return self.directory.find(platform, name)


@pytest.fixture
def web(app: Flask, engine: Engine, request: pytest.FixtureRequest) -> Iterator[Web]:
    """The web application over real HTTP: each request in a thread, or, with the parameter "loop", on an event loop where it
    can be."""
    if getattr(request, "param", "threads") == "threads":
        with serve(app) as base:
            yield Web(base, engine)
        return
    door = app.extensions["door"]
    quick = front.quickly(replace(door, directory=_Asking(door.directory)), secure=False)
    with serve_on_loop(Served(app, threads=4, quick=quick)) as base:
        yield Web(base, engine)


each_way = pytest.mark.parametrize("web", ["threads", "loop"], indirect=True)
