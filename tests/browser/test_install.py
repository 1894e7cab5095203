"""A merchant in a real browser: install on each platform by its own way, see it linked, remove it, install again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, expect

from connector.db import installs
from jobs.environment import now
from tests.webhooks.town import Town, town


@pytest.fixture
def place(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    """The connector and the sandbox, with somebody at work behind them."""
    with town(tmp_path, database_url, redis_url) as built:
        ending = threading.Event()
        worker = threading.Thread(target=_work, args=(built, ending))
        worker.start()
        try:
            yield built
        finally:
            ending.set()
            worker.join()


def _work(place: Town, ending: threading.Event) -> None:
    while not ending.wait(0.3):
        place.work()


@pytest.fixture
def merchant(browser: Browser) -> Iterator[Page]:
    """A merchant's browser; a script that fails or a broken policy fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en")
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Content Security Policy" in message.text else None)
    yield page
    context.close()
    assert troubles == []


Seen = Page | FrameLocator


def _shopify_embedded(place: Town, page: Page) -> Seen:
    page.goto(f"{place.shops_at}/shops/shopify")
    page.get_by_role("link", name="install or remove").click()
    page.get_by_role("button", name="Install the connector").click()
    return page.frame_locator("iframe[name=app]")


def _shopify_by_link(place: Town, page: Page) -> Seen:
    page.goto(f"{place.shops_at}/shopify/admin")
    page.get_by_role("link", name="by its install link").click()
    page.get_by_role("button", name="Approve").click()
    return page


def _woocommerce(place: Town, page: Page) -> Seen:
    page.goto(f"{place.base}/install")
    page.locator("input[name=url]").first.fill(f"{place.shops_at}/woocommerce")
    page.get_by_role("button", name="Go to WooCommerce").click()
    page.get_by_role("button", name="Approve").click()
    return page


def _bigcommerce(place: Town, page: Page) -> Seen:
    page.goto(f"{place.shops_at}/bigcommerce/manage")
    page.get_by_role("button", name="Install the connector").click()
    return page.frame_locator("iframe[name=app]")


def _removed(place: Town, page: Page, admin: str, button: str) -> None:
    page.goto(place.shops_at + admin)
    page.get_by_role("button", name=button).click()
    expect(page.locator(".said.done")).to_be_visible()


WAYS: dict[str, tuple[str, Callable[[Town, Page], Seen], str, str]] = {
    "shopify embedded": ("shopify", _shopify_embedded, "/shopify/admin", "uninstalled"),
    "shopify by link": ("shopify", _shopify_by_link, "/shopify/admin", "uninstalled"),
    "woocommerce": ("woocommerce", _woocommerce, "/woocommerce/wp-admin", "linked"),  # tells nobody that keys were revoked
    "bigcommerce": ("bigcommerce", _bigcommerce, "/bigcommerce/manage", "uninstalled"),
}


def _seen_linked(seen: Seen) -> None:
    for step in ("webhooks", "locations", "settings", "catalogue"):
        expect(seen.locator(f"[data-step={step}]")).to_have_attribute("data-state", "done", timeout=30_000)
    expect(seen.get_by_text("The store is linked.")).to_be_visible()


@pytest.mark.parametrize("way", WAYS)
def test_install_remove_and_install_again(place: Town, merchant: Page, way: str) -> None:
    platform, install, admin, then = WAYS[way]
    _seen_linked(install(place, merchant))
    before = place.shop(platform)
    _removed(place, merchant, admin, "Remove the connector")
    for _ in range(100):
        if place.linked() == [(platform, then)]:
            break
        merchant.wait_for_timeout(100)
    assert place.linked() == [(platform, then)]
    seen = install(place, merchant)
    _seen_linked(seen)
    after = place.shop(platform)
    assert (after.id, after.key) == (before.id, before.key)
    assert place.linked() == [(platform, "linked")]
    with place.engine.connect() as conn:
        codes = [event.code for event in installs.events(conn, after.id)]
    assert codes == ["linked", *(["uninstalled"] if then == "uninstalled" else []), "linked_again"]
    expect(seen.get_by_text("Installed again")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_install_pages_are_accessible_and_translated(place: Town, merchant: Page, language: str) -> None:
    merchant.goto(f"{place.base}/install?lang={language}")
    found = Axe().run(merchant)
    assert found.response["violations"] == [], found.generate_report()
    expect(merchant.get_by_role("heading", level=1)).to_have_text(
        {"en": "Install the connector", "fr": "Installer le connecteur"}[language]
    )
    merchant.goto(f"{place.base}/install/shopify/callback?shop=evil.example")
    expect(merchant.get_by_role("heading", level=1)).to_have_text({"en": "Not installed", "fr": "Non installé"}[language])
    assert Axe().run(merchant).response["violations"] == []


def test_a_step_that_failed_says_what_to_do_and_is_tried_again_on_the_merchants_word(place: Town, merchant: Page) -> None:
    _seen_linked(_shopify_by_link(place, merchant))
    shop = place.shop("shopify")
    with place.engine.begin() as conn:
        installs.note_step(conn, shop.id, "webhooks", state="failed", reason="auth", detail="401", due_at=now())
    merchant.reload()
    expect(merchant.locator("[data-step=webhooks]")).to_contain_text("The store refuses our access")
    merchant.get_by_role("button", name="Try again").click()
    _seen_linked(merchant)
