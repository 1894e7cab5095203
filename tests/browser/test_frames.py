"""The desk within the admins of Shopify and BigCommerce: another site frames it, and the browser gives it no cookie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Request, expect

from jobs import demo
from sandbox.linking import demo as demo_of
from tests.browser.shops import FIRST, at_work, ordered
from tests.webhooks.town import Town


@pytest.fixture
def place(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    """The connector with the retailer's stock, the sandbox, and somebody at work behind them."""
    with at_work(tmp_path, database_url, redis_url) as built:
        demo.furnish(built.environment.of(FIRST), replace(demo_of(built.shops_at), shops=()))
        yield built


class Merchant:
    """A browser in which other sites' frames have no cookie, and what it sent to the connector from within the frame."""

    def __init__(self, browser: Browser, place: Town) -> None:
        self.place = place
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en")
        self.page = self.context.new_page()
        self.sent: list[Request] = []
        self.troubles: list[str] = []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", lambda said: self.troubles.append(said.text) if "Content Security" in said.text else None)

    def _note(self, request: Request) -> None:
        if request.url.startswith(self.place.base.replace("127.0.0.1", "localhost")):
            self.sent.append(request)

    @property
    def app(self) -> FrameLocator:
        return self.page.frame_locator("iframe[name=app]")


@pytest.fixture
def merchant(browser: Browser, place: Town) -> Iterator[Merchant]:
    found = Merchant(browser, place)
    yield found
    found.context.close()
    assert found.troubles == []


def _shopify(merchant: Merchant) -> None:
    merchant.page.goto(f"{merchant.place.shops_at}/shopify/admin")
    merchant.page.get_by_role("button", name="Install the connector").click()


def _bigcommerce(merchant: Merchant) -> None:
    merchant.page.goto(f"{merchant.place.shops_at}/bigcommerce/manage")
    merchant.page.get_by_role("button", name="Install the connector").click()


WAYS: dict[str, tuple[Callable[[Merchant], None], str]] = {
    "shopify": (_shopify, "/shopify/admin/apps/connector"),
    "bigcommerce": (_bigcommerce, "/bigcommerce/manage/app"),
}


@pytest.mark.parametrize("platform", WAYS)
def test_a_day_within_the_platforms_admin_without_any_cookie(place: Town, merchant: Merchant, platform: str) -> None:
    install, opened = WAYS[platform]
    install(merchant)
    app = merchant.app
    expect(app.get_by_text("The store is linked.")).to_be_visible(timeout=30_000)
    merchant.context.add_cookies([_cookie(place)])
    ordered(place, platform, "Inès Frame")
    merchant.page.goto(place.shops_at + opened)
    expect(app.get_by_role("heading", level=1)).to_have_text("Orders")
    expect(app.locator(".orders tbody")).to_have_count(1, timeout=30_000)
    app.locator(".orders .articles").first.click()  # anywhere in the row
    expect(app.get_by_role("heading", level=1)).to_contain_text("Order")
    app.get_by_role("button", name="Mark packed").click()
    expect(app.locator(".flash.done")).to_contain_text("packed.")
    for room, heading in (("Shops", "Shops"), ("Health", "Health"), ("Staff", "Staff")):
        app.locator("nav.rooms").get_by_role("link", name=room, exact=True).click()
        expect(app.get_by_role("heading", level=1)).to_have_text(heading)
    merchant.page.evaluate("history.back()")
    expect(app.get_by_role("heading", level=1)).to_have_text("Health")
    app.locator("nav.rooms").get_by_role("link", name="Orders", exact=True).click()
    app.locator(".orders .open").first.click()
    with merchant.page.expect_popup() as paper:  # a PDF, fetched with the same proof, opens beside the admin
        app.get_by_role("link", name="A4").first.click()
    assert paper.value.url.startswith("blob:")
    _loaded_again(merchant, platform)
    _sent_no_cookie_and_no_secret(merchant)


def _loaded_again(merchant: Merchant, platform: str) -> None:
    """The frame by itself: Shopify's script proves again who is there; at BigCommerce the control panel must open it anew."""
    merchant.page.frame("app").evaluate("location.reload()")  # type: ignore[union-attr]
    if platform == "shopify":
        expect(merchant.app.get_by_role("heading", level=1)).to_contain_text("Order")
    else:
        expect(merchant.app.get_by_role("alert")).to_contain_text("Open the connector again from the store's control panel.")


def _cookie(place: Town) -> Any:
    """One that would be sent along if this browser let other sites' frames have any."""
    return {"name": "third", "value": "party", "domain": "localhost", "path": "/", "secure": True, "sameSite": "None"}


def _sent_no_cookie_and_no_secret(merchant: Merchant) -> None:
    assert len(merchant.sent) > 10
    for request in merchant.sent:
        assert "cookie" not in request.all_headers(), request.url
        if "/install/" not in request.url:
            assert "token" not in request.url
            assert "jwt" not in request.url
            assert "session" not in request.url
    address = merchant.page.frame("app").url  # type: ignore[union-attr]
    assert "id_token" not in address
    assert "signed_payload" not in address
    # Opened by itself, the same site does get it: it is the frame that has none.
    merchant.sent.clear()
    merchant.page.goto(merchant.place.base.replace("127.0.0.1", "localhost") + "/healthz")
    assert "third=party" in merchant.sent[0].all_headers()["cookie"]
