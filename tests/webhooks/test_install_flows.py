"""Each platform's own way in, over real HTTP against the sandbox: install, see it linked, remove, install again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connector.db import installs, shop_views
from connector.flow import shops
from jobs.environment import now
from sandbox.catalogue import CREDENTIALS
from tests.serving import wait_until
from tests.webhooks.town import Browser, Town, town


@pytest.fixture
def place(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    with town(tmp_path, database_url, redis_url) as built:
        yield built


@pytest.fixture
def browser() -> Browser:
    return Browser()


def _by_grant(place: Town, browser: Browser) -> None:
    browser.open(f"{place.base}/install/shopify/start?shop=maree-haute")
    assert "/shopify/admin/oauth/authorize" in browser.page.url
    browser.submit()


def _embedded(place: Town, browser: Browser) -> None:
    browser.open(f"{place.shops_at}/shopify/admin")
    browser.submit()
    browser.open(browser.frame())


def _approved(place: Town, browser: Browser) -> None:
    browser.open(f"{place.base}/install")
    browser.submit(1, url=f"{place.shops_at}/woocommerce/")
    browser.submit()


def _by_hand(place: Town, browser: Browser) -> None:
    browser.open(f"{place.base}/install")
    browser.submit(2, url=f"{place.shops_at}/woocommerce", key="ck_sandbox", secret="cs_sandbox")


def _one_click(place: Town, browser: Browser) -> None:
    browser.open(f"{place.shops_at}/bigcommerce/manage")
    browser.submit()
    browser.open(browser.frame())


WAYS = {
    "grant": ("shopify", _by_grant),
    "embedded": ("shopify", _embedded),
    "approved": ("woocommerce", _approved),
    "by hand": ("woocommerce", _by_hand),
    "one click": ("bigcommerce", _one_click),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_store_is_installed_and_its_steps_are_shown(place: Town, browser: Browser, way: str) -> None:
    platform, install = WAYS[way]
    install(place, browser)
    assert browser.page.status_code == 200, browser.page.text
    assert 'data-step="webhooks" data-state="waiting"' in browser.page.text
    place.work()
    shop = place.shop(platform)
    assert place.steps(shop) == dict.fromkeys(("webhooks", "locations", "settings", "catalogue"), "done")
    view = browser.page.text.split('data-view="')[1].split('"')[0]
    shown = requests.get(f"{place.base}/install/progress", headers={"Authorization": f"Bearer {view}"}, timeout=10)
    assert shown.status_code == 200
    assert 'data-standing="done"' in shown.text
    with place.engine.connect() as conn:
        assert [event.code for event in installs.events(conn, shop.id)] == ["linked"]


def test_shopifys_tokens_end_and_are_exchanged_in_time(place: Town, browser: Browser) -> None:
    _by_grant(place, browser)
    first = place.shop("shopify")
    assert first.credentials["refresh_token"].startswith("shprt_")
    assert "app_secret" not in first.credentials
    requests.put(f"{place.shops_at}/sandbox/connector", json={"token_seconds": 3600}, timeout=10)
    platform = place.environment.platforms["shopify"]
    assert platform.check(first).external_id == "maree-haute.myshopify.com"
    assert place.shop("shopify").credentials["token"] == first.credentials["token"]


def test_removed_and_installed_again_a_shopify_store_keeps_its_history(place: Town, browser: Browser) -> None:
    _embedded(place, browser)
    place.work()
    before = place.shop("shopify")
    browser.open(f"{place.shops_at}/shopify/admin")
    browser.submit(1)
    wait_until(lambda: (place.work(), place.linked() == [("shopify", "uninstalled")])[1])
    assert "token" not in place.shop("shopify").credentials
    _embedded(place, browser)
    place.work()
    after = place.shop("shopify")
    assert (after.id, after.key) == (before.id, before.key)
    assert place.linked() == [("shopify", "linked")]
    with place.engine.connect() as conn:
        assert [event.code for event in installs.events(conn, after.id)] == ["linked", "uninstalled", "linked_again"]


def test_a_late_word_of_removal_does_not_part_a_store_that_was_linked_again(place: Town, browser: Browser) -> None:
    _embedded(place, browser)
    place.work()
    browser.open(f"{place.shops_at}/shopify/admin")
    requests.put(f"{place.shops_at}/sandbox/shopify/knobs", json={"webhook_duplicate": 1.0}, timeout=10)
    browser.submit(1)
    wait_until(lambda: (place.work(), place.linked() == [("shopify", "uninstalled")])[1])
    _embedded(place, browser)
    place.work()
    requests.put(f"{place.shops_at}/sandbox/shopify/knobs", json={"webhook_duplicate": 0}, timeout=10)
    shopfront = place.sandbox.extensions["sandbox"].shopfronts["shopify"]
    shopfront.webhooks.emit("app/uninstalled", {"id": 548380009, "late": True})
    with place.engine.connect() as conn:
        count = len(shop_views.list_shops(conn))
    assert count == 1
    wait_until(lambda: place.sandbox.extensions["sandbox"].sender.waiting() == 0)
    place.work()
    assert place.linked() == [("shopify", "linked")]


def test_bigcommerce_calls_when_a_user_or_the_app_is_removed(place: Town, browser: Browser) -> None:
    _one_click(place, browser)
    place.work()
    browser.open(f"{place.shops_at}/bigcommerce/manage")
    as_staff = browser.link("Open it as another user")
    browser.open(as_staff)
    before = browser.frame()
    assert browser.open(before).status_code == 200, browser.page.text
    shop = place.shop("bigcommerce")
    with place.engine.connect() as conn:
        assert installs.users(conn, shop.id) == ["24654", "24655"]
    browser.open(f"{place.shops_at}/bigcommerce/manage")
    browser.submit(2)
    assert "answered 200" in browser.page.text
    with place.engine.connect() as conn:
        assert installs.users(conn, shop.id) == ["24654"]
    assert browser.open(before).status_code == 403
    browser.open(f"{place.shops_at}/bigcommerce/manage")
    browser.submit(1)
    assert "answered 200" in browser.page.text
    assert place.linked() == [("bigcommerce", "uninstalled")]
    _one_click(place, browser)
    assert browser.page.status_code == 200
    assert place.linked() == [("bigcommerce", "linked")]


def test_a_second_bigcommerce_consent_takes_the_place_of_the_first(place: Town, browser: Browser) -> None:
    _one_click(place, browser)
    first = place.shop("bigcommerce").credentials["token"]
    _one_click(place, browser)
    again = place.shop("bigcommerce")
    assert again.credentials["token"] != first
    with place.engine.connect() as conn:
        assert installs.users(conn, again.id) == ["24654"]
    place.work()
    assert set(place.steps(again).values()) == {"done"}


def test_a_store_linked_by_hand_before_is_linked_by_the_app_when_it_is_opened(place: Town, browser: Browser) -> None:
    typed = {**CREDENTIALS["shopify"], "api_url": f"{place.shops_at}/shopify"}
    platform = place.environment.platforms["shopify"]
    before, _ = shops.add(place.engine, place.seal, platform, typed, place.base, now())
    assert before.credentials["token"] == "shpat_sandbox"
    _embedded(place, browser)
    after = place.shop("shopify")
    assert after.id == before.id
    assert set(after.credentials) == {"token", "refresh_token", "token_expires_at", "refresh_expires_at"}
    assert after.credentials["token"] != "shpat_sandbox"
    place.work()
    assert set(place.steps(after).values()) == {"done"}
    _embedded(place, browser)
    assert place.shop("shopify").credentials["token"] == after.credentials["token"]


def test_a_merchant_who_says_no_is_told_that_nothing_was_linked(place: Town, browser: Browser) -> None:
    browser.open(f"{place.base}/install")
    browser.submit(1, url=f"{place.shops_at}/woocommerce/")
    browser.open(browser.link("No, thanks"))
    assert browser.page.status_code == 400
    assert "You did not approve" in browser.page.text
    assert place.linked() == []
