"""The desk over a seeded database, its forms answered by the real stories."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

import desk
from connector.db.sealed import Seal
from connector.flow.wake import Wake
from tests.desk import seeding
from tests.desk.neighbours import Neighbour, settle

TITLES = {"shopify": "Shopify", "woocommerce": "WooCommerce", "bigcommerce": "BigCommerce"}


@dataclass
class Rung:
    """What the desk asked to wake."""

    wakes: list[Wake] = field(default_factory=list)


def make_app(engine: Engine, seal: Seal, rung: Rung) -> Flask:
    """An application with nothing but the desk."""
    app = Flask("desk-tests")
    app.secret_key = "not secret: tests"
    desk.register(app, engine=engine, seal=seal, ring=lambda wakes: rung.wakes.extend(wakes), titles=TITLES)
    return app


@dataclass
class Reader:
    """A browser without script: follows links and sends the forms of the page it is on."""

    client: FlaskClient
    page: str = ""

    def get(self, path: str, **options: object) -> TestResponse:
        """Open a page."""
        return self._kept(self.client.get(path, **options))  # type: ignore[arg-type]

    def send(self, action: str, **fields: str) -> TestResponse:
        """Send the form of the open page that goes to `action`, with its hidden fields, and follow the redirect."""
        form = next(form for form in re.findall(r"<form[^>]*>.*?</form>", self.page, re.S) if action in form)
        target = re.search(r'action="([^"]+)"', form)
        assert target is not None
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        return self._kept(self.client.post(target[1].replace("&amp;", "&"), data={**hidden, **fields}, follow_redirects=True))

    def _kept(self, response: TestResponse) -> TestResponse:
        self.page = response.get_data(as_text=True)
        return response


@pytest.fixture
def rung() -> Rung:
    return Rung()


@pytest.fixture
def app(engine: Engine, seal: Seal, rung: Rung) -> Flask:
    return make_app(engine, seal, rung)


@pytest.fixture
def reader(app: Flask) -> Reader:
    return Reader(app.test_client())


@pytest.fixture
def neighbours(engine: Engine, seal: Seal) -> tuple[Neighbour, Neighbour]:
    """Two merchants with the same morning: same SKUs, places and order numbers."""
    return settle(engine, seal, "nord"), settle(engine, seal, "sud")


@pytest.fixture
def town(engine: Engine, seal: Seal) -> seeding.Town:
    return seeding.build(engine, seal)
