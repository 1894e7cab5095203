"""Whose a store becomes: its merchant's from before, that of the staff who began, or what NEW_MERCHANTS says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from connector.db import merchants, shop_views
from connector.db.engine import of_merchant
from connector.domain.staff import Role
from connector.flow import staff as story
from jobs.environment import now
from tests.serving import wait_until
from tests.webhooks.town import Browser, Town, town

PASSWORD = "correct horse battery"
Open = Callable[..., AbstractContextManager[Town]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def opened(tmp_path: Path, database_url: str, redis_url: str) -> Open:
    def begin(**more: Any) -> AbstractContextManager[Town]:
        return town(tmp_path, database_url, redis_url, **more)

    return begin


@pytest.fixture
def place(opened: Open) -> Iterator[Town]:
    with opened() as built:
        yield built


def add_merchant(place: Town, name: str) -> int:
    """A merchant with an owner of the same name."""
    with place.engine.begin() as conn:
        merchant_id = merchants.add(conn, name, now())
    assert merchant_id is not None
    story.add(of_merchant(place.engine, merchant_id), name, Role.OWNER, PASSWORD)
    return merchant_id


def from_the_platform(place: Town, browser: Browser) -> None:
    """As from the platform's list of apps: nobody is signed in here."""
    browser.open(f"{place.shops_at}/bigcommerce/manage")
    browser.submit()
    browser.open(browser.frame())


def from_the_desk(place: Town, browser: Browser, name: str) -> None:
    """A member of staff begins it."""
    browser.open(f"{place.base}/sign-in")
    browser.submit(name=name, password=PASSWORD)
    browser.open(f"{place.base}/install/shopify/start?shop=maree-haute")
    browser.submit()


def test_a_house_with_one_merchant_links_stores_for_it(place: Town) -> None:
    from_the_platform(place, Browser())
    assert place.shop("bigcommerce").merchant_id == merchants.FIRST


def test_with_several_merchants_a_store_that_nobody_claims_is_refused(place: Town) -> None:
    add_merchant(place, "second")
    browser = Browser()
    from_the_platform(place, browser)
    assert browser.page.status_code == 400
    assert "none of the merchants" in browser.page.text
    assert place.linked() == []


def test_what_staff_begin_is_their_merchants_with_all_that_follows(place: Town) -> None:
    second = add_merchant(place, "second")
    from_the_desk(place, Browser(), "second")
    shop = place.shop("shopify")
    assert shop.merchant_id == second
    with of_merchant(place.engine, second).connect() as conn:
        assert [row.id for row in shop_views.list_shops(conn)] == [shop.id]
        assert [event.code for event in place_events(conn, shop.id)] == ["linked"]
    with of_merchant(place.engine, merchants.FIRST).connect() as conn:
        assert shop_views.list_shops(conn) == []
        assert place_events(conn, shop.id) == []


def place_events(conn: Any, shop_id: int) -> Any:
    from connector.db import installs

    return installs.events(conn, shop_id)


def test_staff_of_one_merchant_cannot_take_the_store_of_another(place: Town) -> None:
    add_merchant(place, "second")
    add_merchant(place, "third")
    from_the_desk(place, Browser(), "second")
    before, browser = place.shop("shopify"), Browser()
    from_the_desk(place, browser, "third")
    assert browser.page.status_code == 400
    assert "another merchant" in browser.page.text
    assert place.shop("shopify") == before


def test_where_each_store_is_a_merchant_of_its_own_it_stays_that_ones(opened: Open) -> None:
    with opened(new_merchants="each") as place:
        browser = Browser()
        from_the_platform(place, browser)
        shop = place.shop("bigcommerce")
        assert shop.merchant_id != merchants.FIRST
        with place.engine.connect() as conn:
            assert [one.name for one in merchants.everyone(conn)][1:] == [shop.external_id]
        place.work()
        browser.open(f"{place.shops_at}/bigcommerce/manage")
        browser.submit(1)  # removed there
        wait_until(lambda: (place.work(), place.linked() == [("bigcommerce", "uninstalled")])[1])
        from_the_platform(place, browser)
        assert place.linked() == [("bigcommerce", "linked")]
        assert place.shop("bigcommerce").merchant_id == shop.merchant_id
        with place.engine.connect() as conn:
            assert len(merchants.everyone(conn)) == 2
