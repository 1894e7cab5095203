"""The merchant's pages fit a phone and a till, say everything in the reader's language, and have no fault axe can find."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from connector.db import installs, staff
from connector.domain.staff import Role
from connector.flow.linking_steps import CODES
from tests.desk import seeding
from tests.desk.seeding import NOW, Town


def test_they_fit_and_have_no_serious_fault(page: Page, town: Town, language: str) -> None:
    seeding.morning(town)
    shop = town.shops["shopify"].id
    with town.engine.begin() as conn:
        installs.plan_steps(conn, shop, CODES, NOW)
        installs.note_step(conn, shop, CODES[0], state="failed", reason="auth", detail="401", due_at=NOW)
        installs.note_event(conn, shop, "linked", {}, NOW)
        staff.add(conn, "Shopify 42 (1)", Role.PICKER, "")  # from the shop's admin: the desk stays open on this machine
    for path in (
        "/shops",
        f"/shops/{shop}",
        f"/shops/{shop}/links",
        f"/shops/{shop}/settings",
        "/staff",
        "/tasks",
        "/stock/BK-001",
    ):
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(f"{path}?lang={language}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], [node["html"] for node in fault["nodes"]][:3]) for fault in found] == [], path
