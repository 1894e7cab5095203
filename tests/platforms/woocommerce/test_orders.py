"""Reading, linking and subscribing against the sandbox shop, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.orders import Handover, Lifecycle, Payment, digest
from connector.platform import AuthLost, Kind, Refused, Retryable, Shop, Throttled
from platforms.woocommerce import client
from platforms.woocommerce import orders as ours
from sandbox.woocommerce import orders
from sandbox.woocommerce.auth import READ_KEY
from sandbox.woocommerce.hooks import WEBHOOK
from sandbox.woocommerce.shop import Shop as SandboxShop
from tests.platforms.woocommerce.world import Receiver, World, linked

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def direct(world: World) -> SandboxShop:
    """The shop from inside, raising no events."""
    return SandboxShop(world.store, lambda *_: None)


def stamp(world: World, order_id: str, modified: str) -> None:
    document = world.store.get("woocommerce.order", order_id)
    assert document is not None
    world.store.put("woocommerce.order", order_id, document | {"date_modified_gmt": modified})


def walked(world: World, since: datetime) -> list[str]:
    found, cursor = [], ""
    while True:
        page = world.platform.changed_orders(world.shop, since, cursor)
        found += [order_id for order_id, _ in page.order_ids]
        if not page.next:
            return found
        cursor = page.next


def test_an_order_as_it_stands(world: World) -> None:
    order_id = world.place(("MAR-TS-S", 2), ("SAVON-OLIVE", 1), note="Sonnez deux fois")
    order = world.platform.fetch_order(world.shop, order_id)
    assert order is not None
    assert (order.external_id, order.lifecycle, order.payment) == (order_id, Lifecycle.OPEN, Payment.PAID)
    assert [(line.sku, line.quantity, line.variant_id) for line in order.lines] == [
        ("MAR-TS-S", 2, "101"),
        ("SAVON-OLIVE", 1, "115"),
    ]
    assert (order.total_minor, order.handover, order.note) == (2 * 5900 + 650 + 490, Handover.DELIVERY, "Sonnez deux fois")
    assert order.customer.name == "Camille Roux"


def test_a_pickup_names_its_place_and_places_are_learned_from_orders(world: World) -> None:
    assert world.platform.locations(world.shop) == ()
    order_id = world.place(pickup="canebiere")
    order = world.platform.fetch_order(world.shop, order_id)
    assert order is not None
    assert (order.handover, order.pickup_location) == (Handover.PICKUP, "Boutique Canebière")
    assert [(place.external_id, place.name) for place in world.platform.locations(world.shop)] == [("Boutique Canebière",) * 2]


def test_refunded_units_come_off_the_lines(world: World) -> None:
    order_id = world.place(("MUG-PHARE", 5), ("SAVON-OLIVE", 1))
    world.front.refund(order_id, {"MUG-PHARE": 2}, restock=True)
    order = world.platform.fetch_order(world.shop, order_id)
    assert order is not None
    assert [(line.sku, line.quantity) for line in order.lines] == [("MUG-PHARE", 3), ("SAVON-OLIVE", 1)]
    assert (order.payment, order.lifecycle) == (Payment.PARTLY_REFUNDED, Lifecycle.OPEN)


def test_what_is_gone_or_a_draft_is_no_order(world: World) -> None:
    order_id = world.place()
    trashed = world.place()
    draft = orders.create(direct(world), {"status": "checkout-draft", "line_items": [{"product_id": 114}]})
    orders.delete(direct(world), int(order_id))
    orders.trash(direct(world), int(trashed))
    assert world.platform.fetch_order(world.shop, order_id) is None
    assert world.platform.fetch_order(world.shop, str(draft["id"])) is None
    assert world.platform.fetch_order(world.shop, "../webhooks") is None
    order = world.platform.fetch_order(world.shop, trashed)
    assert order is not None
    assert order.lifecycle is Lifecycle.CANCELLED


def test_a_deleted_product_keeps_its_line(world: World) -> None:
    order_id = world.place(("MUG-PHARE", 1), ("MAR-TS-M", 1))
    world.store.delete("woocommerce.product", "114")
    world.store.delete("woocommerce.product", "102")
    order = world.platform.fetch_order(world.shop, order_id)
    assert order is not None
    gone, fallen_back = order.lines
    assert (gone.title, gone.sku, gone.variant_id, gone.quantity) == ("Mug émaillé « Phare »", "", "", 1)
    assert (fallen_back.sku, fallen_back.variant_id) == ("MAR-TS", "99")  # the parent's: a valid, different item
    assert "product_deleted" in order.attention


@pytest.mark.parametrize(
    "extra", ["custom_line", "unknown_sku", "gift_card", "digital", "no_customer", "no_address", "odd_characters"]
)
def test_awkward_orders_are_read_whole(world: World, extra: str) -> None:
    order_id = world.place(("MUG-PHARE", 1), extra=(extra,))
    order = world.platform.fetch_order(world.shop, order_id)
    assert order is not None
    assert len(order.lines) == (2 if extra in ("custom_line", "unknown_sku", "gift_card", "digital") else 1)
    expected = {"custom_line": "product_deleted"}.get(extra, extra)
    assert (expected in order.attention) == (extra not in ("unknown_sku", "gift_card", "digital"))
    assert not any("\x00" in text for text in (order.note, order.customer.name))


def test_a_digital_order_has_nothing_to_hand_over(world: World) -> None:
    created = orders.create(direct(world), {"set_paid": True, "line_items": [{"product_id": 93}]})
    order = world.platform.fetch_order(world.shop, str(created["id"]))
    assert order is not None
    assert order.handover is Handover.NONE


# --- the poll --------------------------------------------------------------------------------------------------------


def test_changed_orders_are_at_or_after_the_moment_and_without_drafts(world: World) -> None:
    ids = [world.place() for _ in range(4)]
    times = ["2026-11-22T21:19:59", "2026-11-22T21:20:00", "2026-11-22T21:20:01"]
    for order_id, time in zip(ids, times, strict=False):
        stamp(world, order_id, time)
    draft = orders.create(direct(world), {"status": "checkout-draft", "line_items": [{"product_id": 114}]})
    moment = datetime(2026, 11, 22, 21, 20, tzinfo=UTC)
    assert walked(world, moment) == ids[1:]
    assert walked(world, moment.astimezone(tz=datetime.now().astimezone().tzinfo)) == ids[1:]
    assert str(draft["id"]) not in walked(world, LONG_AGO)


def test_pages_without_loss(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "PER_PAGE", 3)
    ids = [world.place() for _ in range(11)]
    for place, order_id in enumerate(ids):
        stamp(world, order_id, f"2026-11-22T21:20:{place // 2:02}")
    assert list(dict.fromkeys(walked(world, LONG_AGO))) == ids


def test_a_second_with_more_orders_than_a_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "PER_PAGE", 3)
    ids = [world.place() for _ in range(8)]
    for order_id in ids:
        stamp(world, order_id, "2026-11-22T21:20:00")
    assert list(dict.fromkeys(walked(world, LONG_AGO))) == ids


def test_an_order_that_moves_while_we_read_hides_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "PER_PAGE", 3)
    ids = [world.place() for _ in range(7)]
    for place, order_id in enumerate(ids):
        stamp(world, order_id, f"2026-11-22T21:20:{place:02}")
    first = world.platform.changed_orders(world.shop, LONG_AGO, "")
    stamp(world, ids[0], "2026-11-22T21:21:00")
    seen = {order_id for order_id, _ in first.order_ids}
    cursor = first.next
    while cursor:
        page = world.platform.changed_orders(world.shop, LONG_AGO, cursor)
        seen |= {order_id for order_id, _ in page.order_ids}
        cursor = page.next
    assert seen == set(ids)


def test_the_trap_is_real_in_the_sandbox(world: World) -> None:
    order_id = world.place()
    stamp(world, order_id, "2026-11-22T21:20:00")

    def found(**params: str) -> bool:
        answer = client.read_list(ours_http(), world.shop, "orders", {"_fields": "id", **params})
        return any(str(entry["id"]) == order_id for entry in answer)

    later = "2026-11-22T21:30:00"
    assert not found(modified_after=later, dates_are_gmt="true")
    assert not found(modified_after=f"{later}Z")
    assert not found(modified_after=later)  # the shop's local time: 02:30 UTC on the next day
    assert found(modified_after="2026-11-22T16:10:00")
    with pytest.raises(ValueError, match="modified_after"):
        found(modified_after=f"{later}Z", dates_are_gmt="true")


def ours_http() -> Any:
    from platforms.http import Http

    return Http(private_allowed=True)


# --- linking ---------------------------------------------------------------------------------------------------------


def test_check(world: World) -> None:
    account = world.platform.check(world.shop)
    assert (account.external_id, account.currency) == (world.shop.external_id, "EUR")
    assert "Marée Haute" in account.name


@pytest.mark.parametrize(
    ("credentials", "word"),
    [({"secret": "cs_wrong"}, "secret"), ({"key": "ck_wrong"}, "new Read/Write key")],
)
def test_wrong_keys_are_refused(world: World, credentials: dict[str, str], word: str) -> None:
    with pytest.raises(AuthLost) as raised:
        world.platform.check(linked(world.platform, world.base, **credentials))
    assert word in raised.value.remedy


def test_a_key_that_may_only_read_cannot_subscribe(world: World, receiver: Receiver) -> None:
    reader = linked(world.platform, world.base, **READ_KEY)
    assert world.platform.check(reader)
    with pytest.raises(AuthLost, match="may only read"):
        world.platform.subscribe(reader, receiver.url)


def test_an_address_that_is_no_woocommerce(world: World) -> None:
    with pytest.raises(Refused):
        world.platform.check(replace(world.shop, address=f"{world.base}/elsewhere"))


@pytest.mark.parametrize(("knob", "kind"), [("server_error", Retryable), ("throttle", Throttled)])
def test_a_shop_in_trouble(world: World, knob: str, kind: type[Exception]) -> None:
    world.knobs.set("woocommerce", {knob: 1.0})
    with pytest.raises(kind) as raised:
        world.platform.fetch_order(world.shop, "5")
    assert "<" not in str(raised.value)


# --- webhooks --------------------------------------------------------------------------------------------------------


def hooks(world: World) -> list[tuple[str, str, str]]:
    return [(hook["topic"], hook["status"], hook["delivery_url"]) for hook in world.store.all(WEBHOOK)]


def subscribed(world: World, url: str, shop: Shop | None = None) -> Shop:
    shop = shop or world.shop
    found = world.platform.subscribe(shop, url)
    return replace(shop, credentials={**shop.credentials, **found.secrets})


def test_subscribing_twice_changes_nothing(world: World, receiver: Receiver) -> None:
    shop = subscribed(world, receiver.url)
    assert len(shop.credentials["webhook_secret"]) >= 32
    before = hooks(world)
    assert len(before) == 5
    assert subscribed(world, receiver.url, shop).credentials == shop.credentials
    assert hooks(world) == before
    assert all(world.platform.is_ping(ping.headers, ping.body) for ping in receiver.got)
    assert len(receiver.got) == 5


def test_a_lost_secret_makes_all_of_them_anew(world: World, receiver: Receiver) -> None:
    first = subscribed(world, receiver.url)
    second = subscribed(world, receiver.url)
    assert first.credentials["webhook_secret"] != second.credentials["webhook_secret"]
    assert len(hooks(world)) == 5


def test_a_new_address_replaces_the_old_one_and_others_stay(world: World, receiver: Receiver) -> None:
    client.write(ours_http(), world.shop, "POST", "webhooks", {"topic": "order.created", "delivery_url": "https://other.test/x"})
    shop = subscribed(world, receiver.url.replace("/webhooks/", "/old/"))
    subscribed(world, receiver.url, shop)
    assert {url for _, _, url in hooks(world)} == {receiver.url, "https://other.test/x"}
    assert len(hooks(world)) == 6


def test_seven_failures_disable_and_subscribing_repairs(world: World, receiver: Receiver) -> None:
    shop = subscribed(world, receiver.url)
    receiver.status = 500
    disabled = next(hook for hook in world.store.all(WEBHOOK) if hook["topic"] == "order.updated")
    world.store.put(WEBHOOK, str(disabled["id"]), disabled | {"failures": 6})
    world.place()
    receiver.wait_for(lambda one: one.topic == "order.updated")
    receiver.wait_for(lambda one: one.topic == "order.created")
    assert ("order.updated", "disabled", receiver.url) in hooks(world)
    receiver.status = 200
    subscribed(world, receiver.url, shop)
    assert ("order.updated", "active", receiver.url) in hooks(world)
    assert all(status == "active" for _, status, _ in hooks(world))
    assert len(hooks(world)) == 5


def test_an_order_arrives_as_the_same_order_it_is_read_as(world: World, receiver: Receiver) -> None:
    shop = subscribed(world, receiver.url)
    order_id = world.place()
    (one,) = receiver.wait_for(lambda one: one.topic == "order.created")
    assert world.platform.genuine(shop, one.headers, one.body)
    delivery = world.platform.parse(one.headers, one.body)
    assert (delivery.kind, delivery.order_id) == (Kind.ORDER, order_id)
    carried, read = world.platform.normalize(shop, one.body), world.platform.fetch_order(shop, order_id)
    assert carried is not None
    assert read is not None
    assert digest(carried) == digest(read)


def test_a_poll_reaches_back_in_time(world: World) -> None:
    order_id = world.place()
    now = datetime.now(UTC)
    assert walked(world, now - timedelta(minutes=10)) == [order_id]
    assert walked(world, now + timedelta(minutes=10)) == []
