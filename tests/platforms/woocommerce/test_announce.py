"""What each act becomes in the shop, over real HTTP against the sandbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.orders import Handover
from connector.platform import Act, AnnouncedLine, Announcement, Outcome, Retryable, Shop, Told, Tracking
from platforms.woocommerce.tracking import META_KEY
from sandbox.woocommerce import orders
from sandbox.woocommerce.shop import Shop as SandboxShop
from tests.platforms.woocommerce.world import World

TRACKING = Tracking("6A12345", "Colissimo", "https://track.example/6A12345?a=1&b=2")


def announcement(world: World, order_id: str, act: Act, **changes: Any) -> Announcement:
    lines = tuple(AnnouncedLine(str(line["id"]), line["quantity"], line["quantity"]) for line in _document(world, order_id))
    handover = Handover.PICKUP if act in (Act.READY, Act.PICKED_UP) else Handover.DELIVERY
    at = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    plain = Announcement(f"part:1:{act}", act, order_id, order_id, handover, lines, True, at, location_name="Boutique Vieux-Port")
    return replace(plain, **changes)


def _document(world: World, order_id: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = world.document(order_id)["line_items"]
    return lines


def tell(world: World, order_id: str, act: Act, shop: Shop | None = None, **changes: Any) -> Outcome:
    return world.platform.announce(shop or world.shop, announcement(world, order_id, act, **changes))


def status(world: World, order_id: str) -> str:
    shown = world.front.shown(order_id)
    assert shown is not None
    return shown.status


def set_status(world: World, order_id: str, word: str) -> None:
    orders.update(SandboxShop(world.store, lambda *_: None), int(order_id), {"status": word})


def notes(world: World, order_id: str) -> tuple[str, ...]:
    shown = world.front.shown(order_id)
    assert shown is not None
    return shown.notes


@pytest.mark.parametrize("pickup", [{}, {"pickup": "vieux-port"}])
def test_packed_has_no_word(world: World, pickup: dict[str, str]) -> None:
    order_id = world.place(**pickup)
    outcome = tell(world, order_id, Act.PACKED)
    assert outcome.told is Told.UNSUPPORTED
    assert "status_packed" in outcome.detail
    assert status(world, order_id) == "Processing"


def test_shipped_is_completed_with_tracking(world: World) -> None:
    order_id = world.place()
    outcome = tell(world, order_id, Act.SHIPPED, tracking=TRACKING)
    assert outcome.told is Told.APPLIED
    shown = world.front.shown(order_id)
    assert shown is not None
    assert (shown.status, shown.tracking) == ("Completed", ("6A12345",))
    assert shown.notes == (f"Your order {order_id} is on its way: Colissimo 6A12345 {TRACKING.url}",)


def test_shipped_again_changes_nothing(world: World) -> None:
    order_id = world.place()
    tell(world, order_id, Act.SHIPPED, tracking=TRACKING)
    before = world.document(order_id)
    again = tell(world, order_id, Act.SHIPPED, tracking=TRACKING)
    assert again.told is Told.ALREADY
    assert world.document(order_id) == before
    assert len(notes(world, order_id)) == 1


@pytest.mark.parametrize(("namespace", "name"), [("wc-shipment-tracking/v3", "Shipment"), ("wc-ast/v3", "Advanced")])
def test_tracking_goes_to_an_extension_where_there_is_one(world: World, namespace: str, name: str) -> None:
    world.settings(namespaces=[namespace])
    order_id = world.place()
    outcome = tell(world, order_id, Act.SHIPPED, tracking=TRACKING)
    assert name in outcome.detail
    tell(world, order_id, Act.SHIPPED, tracking=TRACKING)
    (items,) = [meta["value"] for meta in world.document(order_id)["meta_data"] if "tracking_items" in meta["key"]]
    kept = {"tracking_number": "6A12345", "custom_tracking_provider": "Colissimo", "date_shipped": "2026-11-23"}
    assert [{name: item[name] for name in kept} for item in items] == [kept]
    assert items[0]["custom_tracking_link"] == TRACKING.url
    assert notes(world, order_id) == ()


def test_two_parts_and_the_status_with_the_last(world: World) -> None:
    order_id = world.place(("CARTE-COTES", 1), ("PADDLE-11", 1))
    first, second = (AnnouncedLine(str(line["id"]), 1, 1) for line in _document(world, order_id))
    one = tell(world, order_id, Act.SHIPPED, key="part:1", last=False, lines=(first,), tracking=TRACKING)
    assert one.told is Told.APPLIED
    assert status(world, order_id) == "Processing"
    assert notes(world, order_id)[0].startswith("A part of your order")
    other = replace(TRACKING, number="6A99999")
    two = tell(world, order_id, Act.SHIPPED, key="part:2", last=True, lines=(second,), tracking=other)
    assert two.told is Told.APPLIED
    shown = world.front.shown(order_id)
    assert shown is not None
    assert (shown.status, set(shown.tracking)) == ("Completed", {"6A12345", "6A99999"})
    (kept,) = [meta["value"] for meta in world.document(order_id)["meta_data"] if meta["key"] == META_KEY]
    lines = [(part["key"], part["lines"]) for part in kept]
    assert lines == [
        ("part:1", [{"line": first.external_id, "quantity": 1}]),
        ("part:2", [{"line": second.external_id, "quantity": 1}]),
    ]


def test_a_part_told_twice_is_already(world: World) -> None:
    order_id = world.place()
    assert tell(world, order_id, Act.SHIPPED, last=False).told is Told.APPLIED
    assert tell(world, order_id, Act.SHIPPED, last=False).told is Told.ALREADY
    assert status(world, order_id) == "Processing"


def test_a_corrected_part_replaces_itself(world: World) -> None:
    order_id = world.place()
    tell(world, order_id, Act.SHIPPED, tracking=TRACKING)
    tell(world, order_id, Act.SHIPPED, tracking=replace(TRACKING, number="6A77777"))
    shown = world.front.shown(order_id)
    assert shown is not None
    assert shown.tracking == ("6A77777",)


@pytest.mark.parametrize("paid", [True, False])
def test_pickup_ready_then_picked_up(world: World, paid: bool) -> None:
    order_id = world.place(pickup="vieux-port", paid=paid)
    ready = tell(world, order_id, Act.READY)
    assert ready.told is Told.APPLIED
    assert tell(world, order_id, Act.READY).told is Told.ALREADY
    text = f"Your order {order_id} is ready for pickup at Boutique Vieux-Port."
    assert notes(world, order_id) == (text,)
    assert status(world, order_id) == ("Processing" if paid else "On hold")
    assert tell(world, order_id, Act.PICKED_UP).told is Told.APPLIED
    assert status(world, order_id) == "Completed"
    assert tell(world, order_id, Act.READY).told is Told.ALREADY
    assert len(notes(world, order_id)) == 1


def test_the_ready_notice_is_the_merchants_and_survives_the_shops_cleaning(world: World) -> None:
    order_id = world.place(pickup="vieux-port")
    shop = world.with_settings(ready_notice="Bons & beaux : {number} vous attend, {location} <ici>")
    assert tell(world, order_id, Act.READY, shop).told is Told.APPLIED
    assert tell(world, order_id, Act.READY, shop).told is Told.ALREADY
    assert notes(world, order_id) == (f"Bons & beaux : {order_id} vous attend, Boutique Vieux-Port <ici>",)


@pytest.mark.parametrize("word", ["cancelled", "refunded", "failed"])
@pytest.mark.parametrize("act", [Act.READY, Act.SHIPPED, Act.PICKED_UP])
def test_what_means_more_is_not_overwritten(world: World, word: str, act: Act) -> None:
    order_id = world.place()
    set_status(world, order_id, word)
    outcome = tell(world, order_id, act, tracking=TRACKING)
    assert outcome.told is Told.WITHHELD
    assert word in outcome.detail
    assert status(world, order_id).lower() == word
    assert notes(world, order_id) == ()


def test_an_order_in_the_trash_or_gone_is_withheld(world: World) -> None:
    order_id = world.place()
    orders.trash(SandboxShop(world.store, lambda *_: None), int(order_id))
    act = announcement(world, order_id, Act.SHIPPED)
    assert world.platform.announce(world.shop, act).told is Told.WITHHELD
    assert world.platform.announce(world.shop, replace(act, order_id="999999")).told is Told.WITHHELD


def test_completed_elsewhere_still_gets_our_tracking(world: World) -> None:
    order_id = world.place()
    set_status(world, order_id, "completed")
    outcome = tell(world, order_id, Act.SHIPPED, tracking=TRACKING)
    assert outcome.told is Told.ALREADY
    shown = world.front.shown(order_id)
    assert shown is not None
    assert shown.tracking == ("6A12345",)


def test_a_lost_answer_heals_by_reading_first(world: World) -> None:
    order_id = world.place()
    act = announcement(world, order_id, Act.SHIPPED, tracking=TRACKING)
    world.knobs.set("woocommerce", {"applied_then_error": 1.0})
    with pytest.raises(Retryable):
        world.platform.announce(world.shop, act)
    world.knobs.set("woocommerce", {"applied_then_error": 0.5, "seed": 3})
    for _ in range(100):
        try:
            told = world.platform.announce(world.shop, act).told
            break
        except Retryable:
            continue
    assert told in (Told.APPLIED, Told.ALREADY)
    world.knobs.set("woocommerce", {"applied_then_error": 0.0})
    assert world.platform.announce(world.shop, act).told is Told.ALREADY
    shown = world.front.shown(order_id)
    assert shown is not None
    assert (shown.status, shown.tracking, len(shown.notes)) == ("Completed", ("6A12345",), 1)


def test_a_status_of_the_shops_own(world: World) -> None:
    world.settings(statuses={"packed": "Packed", "en-route": "En route"})
    shop = world.with_settings(status_packed="packed", status_shipped="en-route")
    order_id = world.place()
    assert tell(world, order_id, Act.PACKED, shop, last=False).told is Told.UNSUPPORTED
    assert status(world, order_id) == "Processing"
    assert tell(world, order_id, Act.PACKED, shop).told is Told.APPLIED
    assert status(world, order_id) == "Packed"
    assert tell(world, order_id, Act.PACKED, shop).told is Told.ALREADY
    assert tell(world, order_id, Act.SHIPPED, shop).told is Told.APPLIED
    assert status(world, order_id) == "En route"
    assert tell(world, order_id, Act.PACKED, shop).told is Told.WITHHELD
    assert status(world, order_id) == "En route"


def test_an_unknown_status_falls_back_and_says_so(world: World) -> None:
    shop = world.with_settings(status_packed="packed", status_shipped="gone")
    order_id = world.place()
    packed = tell(world, order_id, Act.PACKED, shop)
    assert packed.told is Told.UNSUPPORTED
    assert "status_packed" in packed.detail
    assert status(world, order_id) == "Processing"
    shipped = tell(world, order_id, Act.SHIPPED, shop, tracking=TRACKING)
    assert shipped.told is Told.APPLIED
    assert "'gone'" in shipped.detail
    assert "status_shipped" in shipped.detail
    assert status(world, order_id) == "Completed"


def test_a_status_of_its_own_never_skips_the_shops_stock(world: World) -> None:
    world.settings(statuses={"packed": "Packed"})
    order_id = world.place(paid=False)
    set_status(world, order_id, "pending")
    outcome = tell(world, order_id, Act.PACKED, world.with_settings(status_packed="packed"))
    assert outcome.told is Told.WITHHELD
    assert "pending" in outcome.detail
    assert status(world, order_id) == "Pending payment"


def test_cancelled_is_the_status_once_and_never_over_one_that_means_more(world: World) -> None:
    order_id = world.place()
    assert tell(world, order_id, Act.CANCELLED, lines=()).told is Told.APPLIED
    assert status(world, order_id) == "Cancelled"
    assert tell(world, order_id, Act.CANCELLED, lines=()).told is Told.ALREADY
    for word in ("completed", "refunded"):
        other = world.place()
        set_status(world, other, word)
        assert tell(world, other, Act.CANCELLED, lines=()).told is Told.WITHHELD
        assert status(world, other) == word.capitalize()
