"""60 payloads through the orders of all three platforms, notes, views and names of staff: each is shown, and none runs."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from connector.db import saved_views, staff
from connector.db.saved_views import MOST_VIEWS
from connector.domain.orders import Address
from connector.domain.staff import Role
from connector.flow import picking
from tests.browser.payloads import PAYLOADS
from tests.desk import seeding
from tests.desk.seeding import NOW, Town, order

PLATFORMS = ("shopify", "woocommerce", "bigcommerce")


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture
def planted(town: Town) -> dict[str, list[int]]:
    """Each payload as a customer's name, address, article and note at each platform; and as what staff write and are called."""
    orders: dict[str, list[int]] = {platform: [] for platform in PLATFORMS}
    for at, payload in enumerate(PAYLOADS):
        platform = PLATFORMS[at % 3]
        line = seeding.replace(seeding.item("BK-001", 1), title=payload)
        person = seeding.Customer(name=payload, email=payload, phone=payload)
        street = Address(name=payload, street=payload, city=payload, postcode=payload, country="FR")
        made = seeding.replace(order(note=payload), lines=(line,), number=payload, customer=person, shipping=street)
        orders[platform].append(town.place(made, platform))
    for platform in PLATFORMS:  # and every payload at every platform
        everything = order(("BK-002", 1), note="\n".join(PAYLOADS))
        orders[platform].append(town.place(everything, platform))
        for payload in PAYLOADS:
            picking.note(town.engine, orders[platform][-1], payload, NOW, author=payload)
    with town.engine.begin() as conn:
        for at, payload in enumerate(PAYLOADS):
            staff.add(conn, f"{payload} {at}", Role.PICKER, "")
        for payload in PAYLOADS[:MOST_VIEWS]:
            saved_views.save(conn, None, payload, "state=new", history=False)
    return orders


@pytest.fixture
def watched(page: Page) -> Iterator[Page]:
    """A dialog, or a script that ran, fails the test."""
    opened: list[str] = []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    yield page
    assert opened == []


def test_there_are_sixty_and_no_two_alike() -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) == 60


def test_no_payload_runs_and_each_is_shown_as_it_was_typed(watched: Page, town: Town, planted: dict[str, list[int]]) -> None:
    shown: dict[str, str] = {}

    def look(path: str) -> None:
        watched.goto(path)
        shown[path] = plain(watched.inner_text("body"))
        assert watched.evaluate("window.hurt") is None, path

    look("/orders")
    look("/staff")
    for platform in PLATFORMS:
        one, *_, all_ = planted[platform]
        for order_id in (one, all_):
            look(f"/orders/{order_id}")
            look(f"/orders/{order_id}/parts/{town.parts(order_id)[0]}/pick")
        assert all(plain(payload) in shown[f"/orders/{all_}"] for payload in PAYLOADS), platform
    assert all(plain(payload) in shown["/staff"] for payload in PAYLOADS)
    assert all(plain(payload) in shown["/orders"] for payload in PAYLOADS[:MOST_VIEWS])
    watched.goto("/picking")
    assert watched.evaluate("window.hurt") is None
    _events_of_the_page_run_nothing(watched)
    _each_order_s_own_page_holds_its_payload_as_text_only(watched, planted)


def _events_of_the_page_run_nothing(page: Page) -> None:
    """Nothing that a payload could have made is in the page at all: no attribute that runs, no address that runs."""
    made = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter((each) => [...each.attributes].some((one) =>
            one.name.startsWith('on')
            || (['href', 'src', 'action', 'formaction'].includes(one.name) && /^\\s*(javascript|data:text)/i.test(one.value))
        )).map((each) => each.outerHTML.slice(0, 200))"""
    )
    assert made == []


def _each_order_s_own_page_holds_its_payload_as_text_only(page: Page, planted: dict[str, list[int]]) -> None:
    """All 60 in name, address, article, number and note: their pages are read whole, without a browser's help."""
    for platform in PLATFORMS:
        for order_id in planted[platform]:
            body = page.request.get(f"/orders/{order_id}").text()
            tags = re.findall(r"<[a-zA-Z][^>]*>", body)
            assert not [tag for tag in tags if "window.hurt" in html.unescape(re.sub(r'"[^"]*"', "", tag))], order_id
            assert not re.search(r"<script[^>]*>[^<]*hurt", body)
