"""What a person does at the desk, in a real browser."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from connector.domain.fulfillment import Step
from connector.flow import events, stock
from tests.desk import seeding
from tests.desk.seeding import Town, order


def test_filter_open_and_pack_in_three_clicks(page: Page, town: Town) -> None:
    seeded = seeding.morning(town)
    page.goto("/orders")
    page.get_by_label("Type").select_option("pickup")  # the list follows at once
    expect(page.locator(".orders tbody")).to_have_count(2)
    page.get_by_label("Type").select_option("")
    page.get_by_role("searchbox").fill("menard")
    page.get_by_role("searchbox").press("Enter")
    page.locator(f"[data-order='{seeded['plain']}'] .articles").click()  # anywhere in the row
    page.get_by_role("button", name="Mark packed").click()
    expect(page.get_by_role("status").first).to_contain_text("packed.")
    expect(page.locator(".coming")).to_contain_text("Next: give the parcel to the carrier")


def test_blocked_by_payment_then_recorded_then_shipped_with_tracking(page: Page, town: Town) -> None:
    order_id = town.place(order(("BK-004", 3), paid=False))
    town.move(town.parts(order_id)[0], Step.PACK)
    page.goto(f"/orders/{order_id}")
    blocked = page.get_by_role("button", name="Mark shipped")
    expect(blocked).to_have_attribute("aria-disabled", "true")
    blocked.focus()
    expect(blocked).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("€29.70 is still owed.")).to_be_visible()
    expect(page.get_by_label("Amount (EUR)")).to_be_focused()
    page.get_by_role("button", name="Record payment").click()
    page.get_by_label("Tracking number").fill("6A1")
    page.get_by_label("Tracking link").fill("https://example.org/6A1")
    page.get_by_role("button", name="Mark shipped").click()
    expect(page.get_by_role("link", name="6A1")).to_have_attribute("href", "https://example.org/6A1")


def test_a_new_order_appears_by_itself_and_keeps_the_place_of_the_keyboard(page: Page, town: Town) -> None:
    first = town.place(order(("BK-001", 1)))
    page.clock.install()
    page.goto("/orders")
    page.keyboard.press("j")
    expect(page.locator(f"[data-order='{first}'] .open")).to_be_focused()
    with page.expect_response("**/orders"):
        page.clock.run_for(9_000)
    town.place(order(("BK-002", 1), minutes_ago=0))
    page.clock.run_for(9_000)
    expect(page.locator(".orders tbody")).to_have_count(2)
    expect(page.locator(f"[data-order='{first}'] .open")).to_be_focused()


def test_without_script_everything_works(page: Page, town: Town, address: str) -> None:
    town.place(order(("BK-001", 1)))
    context = page.context.browser.new_context(java_script_enabled=False, base_url=address)  # type: ignore[union-attr]
    plain = context.new_page()
    plain.goto("/orders")
    plain.get_by_label("Type").select_option("delivery")
    plain.get_by_role("button", name="Filter").click()
    plain.locator(".open").first.click()
    plain.get_by_role("button", name="Mark packed").click()
    expect(plain.get_by_role("status").first).to_contain_text("packed.")
    context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_fit_and_have_no_serious_fault(page: Page, town: Town, language: str, width: int) -> None:
    seeded = seeding.morning(town)
    page.set_viewport_size({"width": width, "height": 844})
    paths = ["/orders", "/orders/history", "/orders?q=nobody", "/orders/4711"]
    paths += [f"/orders/{seeded[name]}" for name in ("split", "packed_unpaid", "packed", "ready", "unknown", "shipped")]
    part = town.parts(seeded["split"])[0]
    paths += ["/picking", f"/orders/{seeded['split']}/parts/{part}/pick", "/health", "/health/outbox", "/staff"]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in paths if scheme == "light" else paths[:1] + paths[5:6] + paths[-4:-3]:
            page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}", wait_until="networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert page.locator("html").get_attribute("lang") == language
            found = Axe().run(page).response["violations"]
            serious = [(fault["id"], [node["html"] for node in fault["nodes"]][:3]) for fault in found]
            assert serious == [], f"{path} {scheme}"


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_of_operators_fit_and_have_no_serious_fault(page: Page, town: Town, language: str, width: int) -> None:
    seeded = seeding.morning(town)
    listens = {"check": str, "actor": "tests", "name": "ERP"}
    events.add(town.engine, town.seal, "https://erp.example/hooks", ["order.received"], seeding.NOW, **listens)  # type: ignore[arg-type]
    stock.add_items(town.engine, [{"sku": "BK-005", "title": "Atlas", "supplier": "Gallimard"}], seeding.NOW)
    town.place(order(("BK-001", 1)))
    page.set_viewport_size({"width": width, "height": 844})
    shop = town.shops["shopify"].id
    paths = [
        "/dashboard",
        "/components",
        "/health/endpoints",
        "/health/messages",
        "/health/messages/1",
        "/suppliers",
        "/stock/BK-005",
    ]
    paths += [f"/orders/{seeded['plain']}/person", f"/shops/{shop}/links"]
    for path in paths:
        page.goto(f"{path}?lang={language}", wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], [node["html"] for node in fault["nodes"]][:3]) for fault in found] == [], path


PAYLOADS = (
    "<script>window.hurt=1</script>",
    "<img src=x onerror=window.hurt=1>",
    '"><svg onload=window.hurt=1>',
    "' autofocus onfocus=window.hurt=1 x='",
    "</textarea><iframe srcdoc='<script>parent.hurt=1</script>'>",
    "{{constructor.constructor('window.hurt=1')()}}",
    "javascript:window.hurt=1",
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_customers_type_runs_nothing(page: Page, town: Town, payload: str) -> None:
    line = seeding.replace(seeding.item("BK-001", 1), title=payload)
    person = seeding.Customer(name=payload, email=payload, phone=payload)
    order_id = town.place(seeding.replace(order(note=payload), lines=(line,), number=payload, customer=person))
    for path in ("/orders", f"/orders/{order_id}"):
        page.goto(path, wait_until="networkidle")
        assert payload in re.sub(r"\s+", " ", page.inner_text("body"))
        assert page.evaluate("window.hurt") is None
