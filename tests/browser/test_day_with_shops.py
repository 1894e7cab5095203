"""The same day with the shops beside it: what staff do at the desk is seen in the shop's own admin, in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from jobs import demo
from sandbox.catalogue import ITEMS
from sandbox.linking import demo as demo_of
from tests.browser.shops import FIRST, at_work, ordered
from tests.browser.test_day import WORDS, scan
from tests.desk.test_paper import codes
from tests.webhooks.town import Town

_COUNT_CLICKS = "addEventListener('click', () => { sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1; }, true)"
_MOST_CLICKS = 3


@pytest.fixture
def place(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    """The retailer of the sandbox: places, stock, and its three shops, linked."""
    with at_work(tmp_path, database_url, redis_url) as built:
        demo.furnish(built.environment.of(FIRST), demo_of(built.shops_at))
        yield built


@pytest.fixture
def till(browser: Browser, place: Town) -> Iterator[Page]:
    """The browser at the till."""
    context = browser.new_context(base_url=place.base, viewport={"width": 1440, "height": 900}, locale="en")
    page = context.new_page()
    page.add_init_script(_COUNT_CLICKS)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert troubles == []


def row_of(page: Page, place: Town, platform: str, number: str) -> Locator:
    """The order's row on the shop's own page."""
    page.goto(f"{place.shops_at}/shops/{platform}")
    return page.locator("tr", has=page.get_by_text(number, exact=True))


def says(page: Page, place: Town, platform: str, number: str, word: str) -> None:
    """Wait until the shop's page says it."""
    for _ in range(60):
        row = row_of(page, place, platform, number)
        if row.locator("td[data-name=Status]").inner_text().strip() == word:
            return
        page.wait_for_timeout(500)
    expect(row.locator("td[data-name=Status]")).to_have_text(word)


def arrived(page: Page, words: str, language: str) -> None:
    """The order is found by these words, as soon as it is here."""
    for _ in range(60):
        page.goto(f"/orders?lang={language}&q={words}")
        if page.locator(".orders .open").count():
            return
        page.wait_for_timeout(500)
    expect(page.locator(".orders .open")).to_have_count(1)


def test_a_delivery_is_picked_printed_and_shipped_and_the_shop_says_fulfilled(till: Page, place: Town, language: str) -> None:
    words = WORDS[language]
    item = next(one for one in ITEMS if one.sku == "MAR-TS-M")
    number = ordered(place, "shopify", "Éloïse Ménard")
    arrived(till, "eloise", language)
    says_of_shop = row_of(till.context.new_page(), place, "shopify", number)
    expect(says_of_shop.locator("td[data-name=Status]")).to_have_text("Unfulfilled")
    till.locator(".orders .articles").first.click()
    slip = till.request.get(f"{till.url.split('/orders')[0]}/print/slip.pdf?ids={re.findall(r'/orders/([0-9]+)', till.url)[0]}")
    assert codes(slip.body()) == [[number]]
    till.get_by_role("link", name=words["pick"]).click()
    scan(till, "0000000000000")
    expect(till.locator("[data-verdict]")).to_have_class("verdict not-right")
    scan(till, item.barcode)
    expect(till.locator(".walk .complete")).to_have_count(1)
    expect(till.locator("[data-left='0']")).to_be_attached(timeout=15_000)
    till.get_by_role("button", name=words["pack"]).click()
    till.get_by_label(words["tracking"]).fill("6A0815")
    till.get_by_role("button", name=words["ship"]).click()
    expect(till.locator(".tracking").first).to_contain_text("6A0815")
    says(till, place, "shopify", number, "Fulfilled")
    expect(row_of(till, place, "shopify", number).locator("td[data-name=Tracking]")).to_contain_text("6A0815")


def test_a_pickup_is_made_ready_and_handed_over_and_the_shop_says_completed(till: Page, place: Town, language: str) -> None:
    words = WORDS[language]
    number = ordered(place, "woocommerce", "Zoé Retrait", handover="pickup", pickup="vieux-port")
    arrived(till, "zoe", language)
    till.locator(".orders .open").first.click()
    for step in ("pack", "ready", "picked_up"):
        till.get_by_role("button", name=words[step]).click()
    expect(till.get_by_role("button", name=words["picked_up"])).to_have_count(0)
    says(till, place, "woocommerce", number, "Completed")


def test_from_the_orders_page_to_packed_takes_three_clicks_at_most(till: Page, place: Town) -> None:
    """Somebody who has never seen it: the list, a click on the order, and the button that stands out."""
    number = ordered(place, "bigcommerce", "Paul Premier")
    arrived(till, "premier", "en")
    till.evaluate("sessionStorage.clicks = 0")
    till.locator(".orders .articles").first.click()
    main = till.locator("main .button.main").first
    expect(main).to_have_text("Mark packed")
    main.click()
    expect(till.get_by_role("status").first).to_contain_text("packed.")
    clicks = int(till.evaluate("sessionStorage.clicks"))
    assert 0 < clicks <= _MOST_CLICKS
    says(till, place, "bigcommerce", number, "Awaiting Shipment")
