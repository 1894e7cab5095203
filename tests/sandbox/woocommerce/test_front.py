"""What the front of the sandbox's WooCommerce shop shows and does."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from connector.domain.errors import Rejected
from tests.platforms.woocommerce.world import World, opened
from tests.sandbox.woocommerce.calls import put


def test_the_words_the_admin_shows(world: World) -> None:
    order_id = world.place(paid=False)
    words = []
    for word in ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft"):
        put(world, {"id": order_id}, status=word)
        shown = world.front.shown(order_id)
        assert shown is not None
        words.append(shown.status)
    assert words == ["Pending payment", "Processing", "On hold", "Completed", "Cancelled", "Refunded", "Failed", "Draft"]


def test_placing_paying_cancelling(world: World) -> None:
    order_id = world.place(("MUG-PHARE", 2), pickup="vieux-port", paid=False)
    shown = world.front.shown(order_id)
    assert shown is not None
    assert (shown.status, shown.payment, shown.handover, shown.pickup) == ("On hold", "Unpaid", "pickup", "vieux-port")
    assert (shown.lines, shown.total, shown.customer) == ((("MUG-PHARE", 2),), "36.00 EUR", "Camille Roux")
    world.front.pay(order_id)
    shown = world.front.shown(order_id)
    assert shown is not None
    assert (shown.status, shown.payment) == ("Processing", "Paid by Virement bancaire")
    world.front.cancel(order_id)
    with pytest.raises(Rejected):
        world.front.cancel(order_id)
    assert [order.id for order in world.front.listing()] == [order_id]
    assert world.front.shown("999999") is None


def test_the_shop_keeps_everything_over_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as world:
        order_id = world.place(("MUG-PHARE", 2))
        before = (world.front.shown(order_id), world.front.stock())
    with opened(tmp_path) as world:
        assert (world.front.shown(order_id), world.front.stock()) == before
        assert int(world.place()) > int(order_id)


def test_settings_are_checked(world: World) -> None:
    url = f"{world.base}/woocommerce/sandbox"
    assert requests.put(url, json={"idle": "yes"}, timeout=5).status_code == 400
    assert requests.put(url, json={"nothing": True}, timeout=5).status_code == 400
    world.settings(idle=True)
    assert requests.get(url, timeout=5).json()["idle"] is True
