"""A day in the shop, in a real browser: find, pick by scanning, print, get paid, ship, and what happens without network."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from connector.db.tables import fulfillment_lines, fulfillment_orders
from connector.domain.orders import Customer, Handover
from connector.domain.staff import Role
from connector.flow import staff, stock
from tests.desk import seeding
from tests.desk.seeding import NOW, Town, order

WORDS = {
    "en": {
        "pick": "Pick by scanning",
        "scan": "Scan or type a barcode or SKU",
        "wrong": "Wrong article",
        "why": "Not everything is picked. What is missing, and why?",
        "pack": "Mark packed",
        "rest": "missing, ",
        "ship": "Mark shipped",
        "record": "Record payment",
        "owed": "is still owed",
        "ready": "Tell the customer it is ready",
        "picked_up": "Mark picked up",
        "all": "All shown",
        "do": "Do it",
        "done": "10 done",
        "tracking": "Tracking number",
    },
    "fr": {
        "pick": "Prélever en scannant",
        "scan": "Scannez ou saisissez un code-barres ou un SKU",
        "wrong": "Mauvais article",
        "why": "Tout n’est pas prélevé. Que manque-t-il, et pourquoi ?",
        "pack": "Marquer emballée",
        "rest": "manquant(s), ",
        "ship": "Marquer expédiée",
        "record": "Enregistrer le paiement",
        "owed": "à payer",
        "ready": "Prévenir le client qu’elle est prête",
        "picked_up": "Marquer retirée",
        "all": "Toutes les affichées",
        "do": "Exécuter",
        "done": "10 faites",
        "tracking": "Numéro de suivi",
    },
}


@pytest.fixture
def shelved(town: Town) -> Town:
    """The books have barcodes."""
    rows = [
        {"sku": sku, "title": title, "barcode": f"978000000{number:04}"} for number, (sku, title, _) in enumerate(seeding.ITEMS)
    ]
    stock.add_items(town.engine, rows, NOW)
    return town


def picked(town: Town, order_id: int) -> list[int]:
    lines = fulfillment_lines.join(fulfillment_orders, fulfillment_orders.c.id == fulfillment_lines.c.fulfillment_order_id)
    with town.engine.connect() as conn:
        wanted = select(fulfillment_lines.c.picked).select_from(lines).where(fulfillment_orders.c.order_id == order_id)
        return sorted(conn.execute(wanted).scalars())


def scan(page: Page, code: str) -> None:
    """As a keyboard-wedge scanner does: types fast, then Enter. Not before the page is there."""
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def test_a_delivery_from_search_to_shipping(page: Page, shelved: Town, language: str) -> None:
    words = WORDS[language]
    order_id = shelved.place(order(("BK-003", 2), ("BK-004", 1), paid=False, customer=Customer(name="Zoë Lefèvre")))
    shelved.place(order(("BK-001", 1)))
    page.goto(f"/orders?lang={language}")
    page.get_by_role("searchbox").fill("?lefev")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".orders tbody")).to_have_count(1)
    page.locator(".open").click()
    page.get_by_role("link", name=words["pick"]).click()
    expect(page.get_by_label(words["scan"])).to_be_focused()
    scan(page, "9780000000002")
    expect(page.locator("[data-verdict]")).to_have_class("verdict right")
    scan(page, "9780000000000")
    expect(page.locator("[data-verdict]")).to_contain_text(words["wrong"])
    expect(page.locator("[data-verdict]")).to_have_class("verdict not-right")
    scan(page, "bk-004")
    expect(page.locator(".walk .complete")).to_have_count(1)
    expect(page.locator("[data-waiting]")).to_be_hidden()
    expect(page.locator("[data-left='0']")).to_be_attached(timeout=15_000)
    assert picked(shelved, order_id) == [1, 1]
    page.get_by_label(words["why"]).fill("1 abîmé")
    page.get_by_role("button", name=words["pack"]).click()
    expect(page.get_by_role("status").first).to_contain_text(words["rest"])
    expect(page.locator(".timeline").first).to_contain_text("1 abîmé")
    blocked = page.get_by_role("button", name=words["ship"])
    expect(blocked).to_have_attribute("aria-disabled", "true")
    expect(page.locator(".callout.owed").first).to_contain_text(words["owed"])
    page.get_by_role("button", name=words["record"]).click()
    page.get_by_label(words["tracking"]).fill("6A0815")
    page.get_by_role("button", name=words["ship"]).click()
    expect(page.locator(".tracking").first).to_contain_text("6A0815")


def test_a_pickup_is_announced_and_handed_over(page: Page, shelved: Town, language: str) -> None:
    words = WORDS[language]
    pickup = order(("BK-003", 1), handover=Handover.PICKUP, pickup_location="place-canebiere")
    page.goto(f"/orders/{shelved.place(pickup)}?lang={language}")
    for step in ("pack", "ready", "picked_up"):
        page.get_by_role("button", name=words[step]).click()
    expect(page.get_by_role("button", name=words["picked_up"])).to_have_count(0)


def test_what_was_picked_by_mistake_goes_back_and_the_rest_to_a_colleague(page: Page, shelved: Town) -> None:
    for name in ("Inès", "Paul"):
        staff.add(shelved.engine, name, Role.OPERATOR, "correct horse battery")
    order_id = shelved.place(order(("BK-003", 2)))
    page.goto(f"/orders/{order_id}/parts/{shelved.parts(order_id)[0]}/pick")
    page.get_by_label("Name").fill("Inès")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#code")).to_be_focused()
    scan(page, "BK-003")
    expect(page.locator("[data-verdict]")).to_have_class("verdict right")
    expect(page.locator("[data-left='0']")).to_be_attached(timeout=15_000)
    assert picked(shelved, order_id) == [1]
    page.locator("[data-units]").fill("0")
    page.get_by_role("button", name="Set picked of").click()
    expect(page.locator("[data-count]")).to_have_text("0")
    assert picked(shelved, order_id) == [0]
    page.get_by_label("Hand over to").select_option(label="Paul")
    page.get_by_role("button", name="Hand over").click()
    expect(page.get_by_role("status").first).to_contain_text("Assigned to Paul.")


def test_ten_orders_are_packed_at_once(page: Page, shelved: Town, language: str) -> None:
    words = WORDS[language]
    for _ in range(10):
        shelved.place(order(("BK-001", 1)))
    page.goto(f"/orders?lang={language}")
    page.get_by_label(words["all"]).check()
    page.get_by_role("button", name=words["do"]).click()
    expect(page.get_by_role("status").first).to_contain_text(words["done"])
    expect(page.locator(".results li.done")).to_have_count(10)


def test_scans_without_network_are_kept_sent_later_and_counted_once(page: Page, shelved: Town) -> None:
    order_id = shelved.place(order(("BK-003", 3)))
    part = shelved.parts(order_id)[0]
    page.goto(f"/orders/{order_id}/parts/{part}/pick")
    page.context.set_offline(True)
    for _ in range(2):
        scan(page, "BK-003")
    expect(page.locator("[data-waiting]")).to_contain_text("2")
    expect(page.locator("[data-count]")).to_have_text("2")
    assert picked(shelved, order_id) == [0]
    page.context.set_offline(False)
    expect(page.locator("[data-waiting]")).to_be_hidden(timeout=15_000)
    assert picked(shelved, order_id) == [2]


def test_an_answer_that_gets_lost_counts_no_scan_twice(page: Page, shelved: Town) -> None:
    order_id = shelved.place(order(("BK-003", 3)))
    page.goto(f"/orders/{order_id}/parts/{shelved.parts(order_id)[0]}/pick")
    lost = []

    def lose(route: object) -> None:
        """The server does it, and the device never hears of it."""
        if not lost:
            lost.append(route.fetch())  # type: ignore[attr-defined]
            route.abort()  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route("**/scans", lose)
    scan(page, "BK-003")
    expect(page.locator("[data-left='0']")).to_be_attached(timeout=15_000)
    assert lost
    assert picked(shelved, order_id) == [1]
