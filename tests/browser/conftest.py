"""A real browser on the desk: the system's Chromium, driven by Playwright, on loopback only.

Without Chromium these tests are skipped with the way to get it; where CI=true they fail instead.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine
from werkzeug.serving import make_server

from connector.db.sealed import Seal
from tests.desk import seeding
from tests.desk.conftest import Rung, make_app

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
_REMEDY = "No Chromium found. Get it with `apt-get install chromium`, or name one in CHROMIUM; the browser tests did not run."
# As strict as the application's own policy may ever be: nothing inline, nothing from elsewhere.
_POLICY = "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def chromium() -> str:
    """The system's Chromium; the test is skipped, or where CI=true fails, with the way to get one."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    return found or (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(_REMEDY)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def town(engine: Engine, seal: Seal) -> seeding.Town:
    return seeding.build(engine, seal)


@pytest.fixture
def address(engine: Engine, seal: Seal) -> Iterator[str]:
    """The desk on a free port."""
    app = make_app(engine, seal, Rung())
    app.after_request(_with_policy)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page at a till's size; an error in the script or a broken policy fails the test."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900}, locale="en")
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Content Security Policy" in message.text else None)
    yield page
    context.close()
    assert troubles == []


def _with_policy(response: Any) -> Any:
    response.headers["Content-Security-Policy"] = _POLICY
    return response
