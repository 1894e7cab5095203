"""Reading from the sandbox over real HTTP: orders with all their pages, the poll, locations, the store, subscriptions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.orders import Handover, Lifecycle, LineKind, Payment
from connector.platform import Act, AuthLost, Platform, Refused, Retryable, Throttled, Told
from platforms import shopify
from platforms.http import Http
from platforms.shopify import documents, reading
from platforms.shopify.subscriptions import NAME, TOPICS
from sandbox.catalogue import ITEMS
from sandbox.shopify import granting, placing
from tests.platforms.shopify.conftest import CANEBIERE, CUSTOMER, DEPOT, VIEUX_PORT, Linked, announcement

EVERYTHING = ("custom_line", "unknown_sku", "gift_card", "digital", "no_customer", "no_address", "odd_characters")


def test_an_order_as_placed(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2), ("SAC-VOILE", 1), note="ring twice")
    assert order.external_id.startswith("gid://shopify/Order/6100000000")
    assert (order.number, order.total_minor, order.outstanding_minor, order.currency) == ("#1001", 17900, 0, "EUR")
    assert (order.payment, order.lifecycle, order.handover) == (Payment.PAID, Lifecycle.OPEN, Handover.DELIVERY)
    assert order.customer.email == CUSTOMER["email"]
    assert (order.shipping.city, order.shipping.country, order.note) == ("Marseille", "FR", "ring twice")
    assert [(line.sku, line.quantity, line.assigned_location) for line in order.lines] == [
        ("ESP-41", 2, DEPOT),
        ("SAC-VOILE", 1, DEPOT),
    ]
    assert all(line.barcode for line in order.lines)


def test_an_unpaid_order_and_its_payment(linked: Linked) -> None:
    order = linked.place(("ESP-41", 2), paid=False)
    assert (order.payment, order.outstanding_minor) == (Payment.UNPAID, 9000)
    linked.remote.pay(order.external_id)
    paid = linked.read(order.external_id)
    assert (paid.payment, paid.outstanding_minor) == (Payment.PAID, 0)


@pytest.mark.parametrize("handover", ["delivery", "pickup"])
def test_everything_awkward_at_once_is_kept(linked: Linked, handover: str) -> None:
    order = linked.place(("ESP-41", 1), handover=handover, pickup="canebiere", extra=EVERYTHING)
    kinds = [line.kind for line in order.lines]
    assert kinds == [LineKind.PHYSICAL, LineKind.CUSTOM, LineKind.PHYSICAL, LineKind.GIFT_CARD, LineKind.DIGITAL]
    assert order.handover == handover
    assert order.pickup_location == (CANEBIERE if handover == "pickup" else "")
    assert (order.customer.name, order.customer.email, order.shipping.street) == ("", "", "")
    assert set(order.attention) == {"custom_line", "no_customer"} | ({"no_address"} if handover == "delivery" else set())


@pytest.mark.parametrize("extra", ["gift_card", "digital"])
def test_an_order_without_goods_needs_no_handover(linked: Linked, extra: str) -> None:
    order = linked.place(extra=(extra,), paid=False)
    assert (order.handover, order.lifecycle) == (Handover.NONE, Lifecycle.OPEN)
    linked.remote.pay(order.external_id)
    assert linked.read(order.external_id).lifecycle is Lifecycle.COMPLETED


@pytest.mark.parametrize("order_id", ["gid://shopify/Order/1", "1", "nonsense", "", "gid://shopify/Product/1"])
def test_an_unknown_order_is_none(linked: Linked, order_id: str) -> None:
    assert linked.platform.fetch_order(linked.shop, order_id) is None


def test_life_on_the_platform_is_seen(linked: Linked) -> None:
    order = linked.place(("ESP-41", 3), ("SAC-VOILE", 1))
    linked.remote.edit(order.external_id, {"ESP-41": 2, "BONNET-ROUGE": 1})
    edited = linked.read(order.external_id)
    assert [(line.sku, line.quantity) for line in edited.lines] == [("ESP-41", 2), ("SAC-VOILE", 1), ("BONNET-ROUGE", 1)]
    linked.remote.refund(order.external_id, {"SAC-VOILE": 1}, restock=True)
    refunded = linked.read(order.external_id)
    assert (refunded.lines[1].quantity, refunded.payment) == (0, Payment.PARTLY_REFUNDED)
    linked.remote.hold(order.external_id)
    assert linked.read(order.external_id).lifecycle is Lifecycle.ON_HOLD
    linked.remote.cancel(order.external_id)
    assert linked.read(order.external_id).lifecycle is Lifecycle.CANCELLED


def test_units_that_came_back_still_count_as_handed_over(linked: Linked) -> None:
    order = linked.place(("ESP-41", 3))
    linked.platform.announce(linked.shop, announcement(Act.SHIPPED, order, {"ESP-41": 2}, last=False))
    linked.remote.refund(order.external_id, {"ESP-41": 2}, restock=True)  # takes the one still here, then one that left
    read = linked.read(order.external_id)
    assert (read.lines[0].quantity, read.lines[0].fulfilled) == (2, 2)


# --- routing ---------------------------------------------------------------------------------------------------------


def _at(linked: Linked, now: Callable[[], datetime]) -> Platform:
    return shopify.build(Http(private_allowed=True), now)


def _unrouted(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(linked.remote, "_routing_seconds", 3600.0)
    return linked.remote.place(placing.Wanted((("ESP-41", 1),), "pickup", "canebiere", customer=CUSTOMER))


def test_late_routing_cannot_lose_a_pickup(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = _unrouted(linked, monkeypatch)
    with pytest.raises(Retryable, match="not yet said which location") as caught:
        linked.platform.fetch_order(linked.shop, order_id)
    assert 0 < (caught.value.retry_after_seconds or 0) < 30
    later = time.time() + 3700
    monkeypatch.setattr("sandbox.shopify.shop.time.time", lambda: later)
    order = linked.read(order_id)
    assert (order.handover, order.pickup_location) == (Handover.PICKUP, CANEBIERE)


def test_routing_is_not_awaited_for_ever(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = _unrouted(linked, monkeypatch)
    order = _at(linked, lambda: datetime.now(UTC) + timedelta(minutes=10)).fetch_order(linked.shop, order_id)
    assert order is not None
    assert order.attention == ("not_routed", "no_address")
    with pytest.raises(Refused, match="no fulfillment order"):
        linked.platform.announce(linked.shop, announcement(Act.PICKED_UP, order, handover=Handover.PICKUP))


# --- long orders -----------------------------------------------------------------------------------------------------


def test_a_long_order_is_read_to_its_last_page(linked: Linked) -> None:
    linked.bucket.per_second = 1e6
    lines = tuple((item.sku, 1) for item in ITEMS) * 13
    order = linked.place(*lines)
    assert len(order.lines) == len(lines) == 286
    assert all(line.assigned_location for line in order.lines)
    assert len({line.external_id for line in order.lines}) == 286


def test_a_long_order_waits_for_the_bucket_in_place(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        linked.bucket.take(-seconds * linked.bucket.per_second)

    monkeypatch.setattr("platforms.shopify.reading.time.sleep", sleep)
    monkeypatch.setattr(linked.platform_http.pace, "_wait", lambda *_: 0)  # as if other apps had emptied the bucket
    order = linked.place(*tuple((item.sku, 1) for item in ITEMS) * 13)
    assert len(order.lines) == 286
    assert slept
    assert sum(slept) <= 20


def test_a_bucket_that_stays_empty_ends_the_reading(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("platforms.shopify.reading.time.sleep", slept.append)
    faults = iter([""])  # the first page is read, then every call is throttled
    monkeypatch.setattr(linked.knobs, "call_fault", lambda platform: next(faults, "throttle"))
    order_id = linked.remote.place(placing.Wanted(tuple((item.sku, 1) for item in ITEMS) * 2, "delivery"))
    with pytest.raises(Throttled):
        linked.platform.fetch_order(linked.shop, order_id)
    assert 0 < sum(slept) <= 20


def test_many_fulfillments_are_read_to_the_last(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    linked.bucket.per_second = 1e6
    monkeypatch.setattr(documents, "SHIPMENTS_AT_ONCE", 3)
    lines = tuple((item.sku, 2) for item in ITEMS if item.sku not in ("CARTE-COTES", "LAMPE-CUIVRE", "COUTEAU-MARIN"))
    order = linked.place(*lines)
    targets = {sku: 1 for sku, _ in lines}
    assert linked.platform.announce(linked.shop, announcement(Act.SHIPPED, order, targets, last=False)).told is Told.APPLIED
    for sku, _ in lines[:5]:
        outcome = linked.platform.announce(linked.shop, announcement(Act.SHIPPED, order, {sku: 2}, last=False))
        assert outcome.told is Told.APPLIED
    assert len(linked.shipments(order)) == 6
    fulfilled = {line.sku: line.fulfilled for line in linked.read(order.external_id).lines}
    assert fulfilled == targets | {sku: 2 for sku, _ in lines[:5]}


# --- the poll, places, the store -------------------------------------------------------------------------------------


def test_changed_orders_page_by_page_oldest_first(linked: Linked) -> None:
    placed = [linked.remote.place(placing.Wanted((("ESP-41", 1),), "delivery")) for _ in range(130)]
    since = datetime.now(UTC) - timedelta(minutes=5)
    first = linked.platform.changed_orders(linked.shop, since, "")
    second = linked.platform.changed_orders(linked.shop, since, first.next)
    seen = [*first.order_ids, *second.order_ids]
    assert [order_id.rpartition("/")[2] for order_id, _ in seen] == placed
    assert [at for _, at in seen] == sorted(at for _, at in seen)
    assert (len(first.order_ids), first.next != "", second.next) == (100, True, "")
    assert linked.platform.changed_orders(linked.shop, datetime.now(UTC) + timedelta(minutes=5), "").order_ids == ()


def test_locations(linked: Linked) -> None:
    found = {place.external_id: place.name for place in linked.platform.locations(linked.shop)}
    assert found == {VIEUX_PORT: "Boutique Vieux-Port", CANEBIERE: "Boutique Canebière", DEPOT: "Dépôt Arenc"}


def test_check_names_the_store(linked: Linked) -> None:
    account = linked.platform.check(linked.shop)
    assert (account.external_id, account.name, account.currency) == ("maree-haute.myshopify.com", "Marée Haute", "EUR")


def test_check_refuses_another_store_and_a_wrong_token(linked: Linked) -> None:
    with pytest.raises(AuthLost, match="belongs to maree-haute"):
        linked.platform.check(replace(linked.shop, external_id="other.myshopify.com"))
    with pytest.raises(AuthLost, match="refuses the access token"):
        linked.platform.check(replace(linked.shop, credentials={"token": "shpat_wrong"}))


def test_check_names_missing_permissions(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granting, "SCOPES", ("write_orders", "read_products", "read_locations"))
    with pytest.raises(AuthLost, match=r"permissions read_customers, write_inventory, write_merchant_managed_fulfillment_order"):
        linked.platform.check(linked.shop)


def test_writing_includes_reading_but_not_the_other_way() -> None:
    granted = {scope.replace("read_", "write_") for scope in reading.SCOPES}
    assert reading.missing_scopes(granted) == ()
    assert reading.missing_scopes(set(reading.NEEDED)) == (), "a store goes on without the permission to cancel"
    assert reading.missing_scopes({scope.replace("write_", "read_") for scope in reading.SCOPES}) == (
        "write_inventory",
        "write_merchant_managed_fulfillment_orders",
    )


# --- subscriptions ---------------------------------------------------------------------------------------------------


def _standing(linked: Linked) -> list[tuple[str, str]]:
    return sorted((found["topic"], found["uri"]) for found in linked.remote.webhooks.standing())


def test_subscribing_is_repeatable_and_moves_with_the_address(linked: Linked) -> None:
    old, new = "https://old.example/webhooks/shopify", "https://new.example/webhooks/shopify"
    assert linked.platform.subscribe(linked.shop, old).topics == TOPICS
    linked.platform.subscribe(linked.shop, old)
    assert _standing(linked) == sorted((topic, old) for topic in TOPICS)
    linked.platform.subscribe(linked.shop, new)
    assert _standing(linked) == sorted((topic, new) for topic in TOPICS)


def test_a_removed_subscription_is_made_again_and_others_are_left_alone(linked: Linked) -> None:
    address = "https://new.example/webhooks/shopify"
    linked.remote.webhooks.add("ORDERS_CREATE", "https://somebody.example/hook", "theirs")
    linked.platform.subscribe(linked.shop, address)
    ours = next(found for found in linked.remote.webhooks.standing() if found["name"] == NAME)
    linked.remote.webhooks.remove(str(ours["number"]))
    linked.platform.subscribe(linked.shop, address)
    assert len(_standing(linked)) == len(TOPICS) + 1
    assert ("ORDERS_CREATE", "https://somebody.example/hook") in _standing(linked)
