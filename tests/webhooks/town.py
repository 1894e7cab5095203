"""The connector and the sandbox shops side by side over real HTTP, each knowing where the other is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import requests
from flask import Flask
from sqlalchemy import Engine, select

from config.embedded import Addresses
from config.settings import load
from connector.db import installs
from connector.db.sealed import Seal
from connector.db.tables import shops as shops_table
from connector.flow import due, linking_steps, privacy
from connector.flow import shops as shop_flow
from connector.flow.ingest import drain as ingest
from connector.platform import Shop
from jobs.environment import Environment, now, open_at
from sandbox import registration
from sandbox.app import close, create_app
from sandbox.catalogue import CREDENTIALS
from tests.serving import serve
from webhooks.app import build


class Later:
    """A WSGI app that is known only once its address is."""

    app: WSGIApplication

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.app(environ, start_response)


@dataclass(frozen=True)
class Town:
    """Both addresses, what runs behind them, and short words for what happens."""

    base: str
    shops_at: str
    environment: Environment
    app: Flask
    sandbox: Flask

    @property
    def engine(self) -> Engine:
        return self.environment.engine

    @property
    def seal(self) -> Seal:
        return self.environment.seal

    def work(self) -> None:
        """Do all that is due: steps, personal data, deliveries."""
        for wake in due.due(self.engine, now()):
            if wake.task not in ("install", "privacy", "ingest"):
                continue
            shop = shop_flow.by_id(self.engine, self.seal, wake.shop_id)
            platform = self.environment.platforms[shop.platform]
            own = self.environment.of(shop.merchant_id).engine
            if wake.task == "install":
                linking_steps.drain(own, self.seal, platform, shop, now, self.environment.settings.public_url)
            if wake.task == "privacy":
                privacy.drain(own, self.seal, shop, now())
            if wake.task == "ingest":
                ingest(own, self.seal, platform, shop, now())

    def shop(self, platform: str) -> Shop:
        """The one shop of the platform."""
        with self.engine.connect() as conn:
            number = conn.execute(select(shops_table.c.id).where(shops_table.c.platform == platform)).scalar_one()
        return shop_flow.by_id(self.engine, self.seal, int(number))

    def linked(self) -> list[tuple[str, str]]:
        """(platform, state) of every shop."""
        with self.engine.connect() as conn:
            return [tuple(row) for row in conn.execute(select(shops_table.c.platform, shops_table.c.state))]  # type: ignore[misc]

    def steps(self, shop: Shop) -> dict[str, str]:
        """Code -> state."""
        with self.engine.connect() as conn:
            return {step.code: step.state for step in installs.steps(conn, shop.id)}


@contextmanager
def town(directory: Path, database_url: str, redis_url: str, **more: Any) -> Iterator[Town]:
    """A town for the time of the block."""
    sandbox, later = create_app(directory / "sandbox"), Later()
    with serve(sandbox) as shops_at, serve(later) as base:
        settings = load(
            {
                "data_dir": directory,
                "public_url": base,
                "allow_private_shops": True,
                "shopify_client_id": registration.SHOPIFY_CLIENT_ID,
                "shopify_client_secret": CREDENTIALS["shopify"]["app_secret"],
                "shopify_address": f"{shops_at}/shopify",
                "bigcommerce_client_id": registration.BIGCOMMERCE_CLIENT_ID,
                "bigcommerce_client_secret": CREDENTIALS["bigcommerce"]["client_secret"],
                "bigcommerce_address": f"{shops_at}/bigcommerce",
                **more,
            }
        )
        environment = open_at(settings, Addresses(database_url, redis_url), name="tests", pool_size=20)
        later.app = app = build(environment)
        requests.put(f"{shops_at}/sandbox/connector", json={"url": base}, timeout=10).raise_for_status()
        try:
            yield Town(base, shops_at, environment, app, sandbox)
        finally:
            app.extensions["waker"].close()
            environment.close()
            close(sandbox)


class Browser:
    """A merchant's browser as far as forms, links and cookies go."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.headers["Accept"] = "text/html"
        self.page = requests.Response()

    def open(self, address: str, *, follow: bool = True) -> requests.Response:
        """Go to an address."""
        self.page = self.session.get(address, allow_redirects=follow, timeout=30)
        return self.page

    def submit(self, number: int = 0, **typed: str) -> requests.Response:
        """Send the page's form with this number."""
        form = re.findall(r"<form[^>]*>.*?</form>", self.page.text, re.DOTALL)[number]
        action = re.search(r'<form[^>]*action="([^"]*)"', form)
        hidden = re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', form)
        fields = {**{name: unescape(value) for name, value in hidden}, **typed}
        address = urljoin(self.page.url, unescape(action[1]) if action else "")
        method = "GET" if 'method="get"' in form else "POST"
        sent = {"params": fields} if method == "GET" else {"data": fields}
        self.page = self.session.request(method, address, timeout=30, **sent)  # type: ignore[arg-type]
        return self.page

    def frame(self) -> str:
        """The address of the page's frame."""
        found = re.search(r'<iframe[^>]*src="([^"]*)"', self.page.text)
        assert found, self.page.text
        return unescape(found[1])

    def link(self, text: str) -> str:
        """The address behind a link."""
        found = re.search(rf'<a href="([^"]*)">{text}', self.page.text)
        assert found, self.page.text
        return urljoin(self.page.url, unescape(found[1]))
