"""An order of each platform goes all the way, by the commands of the README, and the shop shows the platform's own word."""

from __future__ import annotations

import re

import pytest

from tests.whole.conftest import Whole, wait_until

PLATFORMS = ("shopify", "woocommerce", "bigcommerce")

# What the shop's admin shows: before anything, after packing, after leaving. Packing is told to BigCommerce alone.
DELIVERY = {
    "shopify": ("Unfulfilled", "Unfulfilled", "Fulfilled"),
    "woocommerce": ("Processing", "Processing", "Completed"),
    "bigcommerce": ("Awaiting Fulfillment", "Awaiting Shipment", "Completed"),
}
PICKUP = {
    "shopify": ("Unfulfilled", "Unfulfilled", "Fulfilled"),
    "woocommerce": ("Processing", "Processing", "Completed"),
    "bigcommerce": ("Awaiting Fulfillment", "Awaiting Pickup", "Completed"),
}
# Some of these two are in no location together (sandbox/catalogue.py), so that an order of both is divided.
APART = (("CARTE-COTES", 1), ("MALLE-OSIER", 1))
PLAIN = (("SAVON-OLIVE", 2),)


def held(whole: Whole, sku: str) -> tuple[int, int]:
    """(on hand, committed) over all locations."""
    levels = whole.ask("stock", "show", sku)["locations"]
    return sum(level["on_hand"] for level in levels), sum(level["committed"] for level in levels)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_delivery(whole: Whole, platform: str) -> None:
    on_hand, committed = held(whole, "SAVON-OLIVE")
    placed, order = whole.place(platform, *PLAIN)
    before, packed, left = DELIVERY[platform]
    assert whole.shown(platform, placed)["status"] == before
    assert held(whole, "SAVON-OLIVE") == (on_hand, committed + 2)
    [part] = order["fulfillment_orders"]
    assert part["reason"]
    whole.run("fulfill", str(part["id"]), "pack")
    whole.told()
    whole.shows(platform, placed, status=packed)
    whole.run("fulfill", str(part["id"]), "ship", "--tracking", "6A0042", "--carrier", "Colissimo")
    shown = whole.shows(platform, placed, status=left)
    assert any("6A0042" in one for one in shown["tracking"])
    assert held(whole, "SAVON-OLIVE") == (on_hand - 2, committed)
    assert whole.ask("orders", "show", str(order["id"]))["state"] == "completed"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_pickup(whole: Whole, platform: str) -> None:
    placed, order = whole.place(platform, *PLAIN, handover="pickup", pickup="canebiere")
    before, packed, left = PICKUP[platform]
    assert order["delivery"] == "pickup"
    [part] = order["fulfillment_orders"]
    assert (part["location"], whole.shown(platform, placed)["status"]) == ("canebiere", before)
    whole.run("fulfill", str(part["id"]), "pack")
    whole.told()
    whole.shows(platform, placed, status=packed)
    whole.run("fulfill", str(part["id"]), "ready")
    whole.told()
    assert whole.shown(platform, placed)["status"] == packed
    whole.run("fulfill", str(part["id"]), "pick-up")
    whole.shows(platform, placed, status=left)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_split_order_stays_unfulfilled_until_its_last_part_has_left(whole: Whole, platform: str) -> None:
    placed, order = whole.place(platform, *APART)
    first, second = (str(part["id"]) for part in order["fulfillment_orders"])
    assert all("fewest" in part["reason"] or "assigned" in part["reason"] for part in order["fulfillment_orders"])
    whole.run("fulfill", first, "pack")
    whole.run("fulfill", first, "ship", "--tracking", "ONE", "--carrier", "UPS")
    whole.told()
    assert whole.shown(platform, placed)["status"] == DELIVERY[platform][0]
    whole.run("fulfill", second, "pack")
    whole.run("fulfill", second, "ship", "--tracking", "TWO", "--carrier", "UPS")
    shown = whole.shows(platform, placed, status=DELIVERY[platform][2])
    assert {number for one in shown["tracking"] for number in re.findall("ONE|TWO", one)} == {"ONE", "TWO"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_unpaid_order_is_packed_but_leaves_only_once_paid(whole: Whole, platform: str) -> None:
    placed, order = whole.place(platform, *PLAIN, paid=False)
    assert order["payment"] == "unpaid"
    part = str(order["fulfillment_orders"][0]["id"])
    whole.run("fulfill", part, "pack")
    refused = whole.run("fulfill", part, "ship", fails=True)
    assert re.search(r"\d+\.\d\d EUR is still owed", refused)
    assert whole.ask("orders", "show", str(order["id"]))["fulfillment_orders"][0]["state"] == "packed"
    whole.run("orders", "pay", str(order["id"]), "--method", "till")
    whole.run("fulfill", part, "ship", "--tracking", "PAID1")
    whole.shows(platform, placed, status=DELIVERY[platform][2])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_cancel_in_the_shop_gives_back_exactly_what_was_taken(whole: Whole, platform: str) -> None:
    before = held(whole, "SAVON-OLIVE")
    placed, order = whole.place(platform, *PLAIN)
    assert held(whole, "SAVON-OLIVE") == (before[0], before[1] + 2)
    whole.sandbox("POST", f"{platform}/orders/{placed}/cancel", {})
    wait_until(lambda: whole.ask("orders", "show", str(order["id"]))["state"] == "cancelled")
    assert held(whole, "SAVON-OLIVE") == before


def test_all_is_well_in_the_end(whole: Whole) -> None:
    assert [row for row in whole.ask("outbox", "list") if row["state"] == "dead"] == []
    assert [row for row in whole.ask("inbox", "list") if row["state"] == "dead"] == []
