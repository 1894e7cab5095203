"""Reading the store over real HTTP: orders, changed orders, places, hooks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from connector.domain.errors import Rejected
from connector.domain.orders import Handover, Lifecycle, LineKind, Payment
from connector.platform import Act, AuthLost, CallError, Refused, Throttled
from platforms import bigcommerce
from platforms.http import Http
from tests.platforms.bigcommerce.conftest import Bench
from tests.serving import Receiver, serve, wait_until

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def fetch(bench: Bench, order_id: str) -> Any:
    return bench.platform.fetch_order(bench.shop, order_id)


def test_an_order_as_the_store_tells_it(bench: Bench) -> None:
    order = fetch(bench, bench.place(("MAR-TS-M", 2), ("MUG-PHARE", 1), note="Merci"))
    assert [(line.sku, line.quantity, line.unit_price_minor) for line in order.lines] == [
        ("MAR-TS-M", 2, 5900),
        ("MUG-PHARE", 1, 1800),
    ]
    assert (order.total_minor, order.outstanding_minor, order.payment) == (14190, 0, Payment.PAID)
    assert (order.customer.name, order.shipping.city, order.note) == ("Zoé Arnal", "Marseille", "Merci")
    assert (order.handover, order.platform_status, order.attention) == (Handover.DELIVERY, "Awaiting Fulfillment", ())


def test_a_small_paid_order_costs_one_call(bench: Bench) -> None:
    order_id = bench.place(("MAR-TS-M", 2))
    fetch(bench, order_id)
    assert len(bench.recorder.calls) == 1


@pytest.mark.parametrize("number", [49, 50, 51, 120])
def test_every_line_of_a_long_order_is_read(bench: Bench, number: int) -> None:
    assert len(fetch(bench, bench.place(*[("MAR-TS-M", 1)] * number)).lines) == number


def test_awkward_lines(bench: Bench) -> None:
    extra = ("custom_line", "unknown_sku", "gift_card", "digital", "odd_characters")
    order = fetch(bench, bench.place(("MAR-TS-M", 1), extra=extra))
    kinds = [line.kind for line in order.lines]
    assert kinds == [LineKind.PHYSICAL, LineKind.CUSTOM, LineKind.PHYSICAL, LineKind.GIFT_CARD, LineKind.DIGITAL]
    assert order.lines[2].sku == "RETIRE-2019"
    assert "odd_characters" in order.attention
    nobody = fetch(bench, bench.place(("MAR-TS-M", 1), extra=("no_customer", "no_address")))
    assert {"no_customer", "no_address"} == set(nobody.attention)


def test_pickups_of_both_kinds(bench: Bench) -> None:
    consigned = fetch(bench, bench.place(("MAR-TS-M", 1), pickup="canebiere"))
    assert (consigned.handover, consigned.pickup_location) == (Handover.PICKUP, "2")
    by_rate = fetch(bench, bench.place(("MAR-TS-M", 1), handover="pickup"))
    assert (by_rate.handover, by_rate.pickup_location) == (Handover.PICKUP, "Pickup in Store")


def test_unpaid_then_paid(bench: Bench) -> None:
    for extra in ((), ("offline_payment",)):
        order_id = bench.place(("MAR-TS-M", 1), paid=False, extra=extra)
        unpaid = fetch(bench, order_id)
        assert (unpaid.payment, unpaid.outstanding_minor) == (Payment.UNPAID, unpaid.total_minor)
        bench.front.pay(order_id)
        assert (fetch(bench, order_id).payment, fetch(bench, order_id).outstanding_minor) == (Payment.PAID, 0)


def test_edited_cancelled_refunded(bench: Bench) -> None:
    order_id = bench.place(("MAR-TS-M", 3), ("MUG-PHARE", 1))
    bench.front.edit(order_id, {"MAR-TS-M": 2, "MUG-PHARE": 0})
    assert [(line.sku, line.quantity) for line in fetch(bench, order_id).lines] == [("MAR-TS-M", 2)]
    bench.front.refund(order_id, {"MAR-TS-M": 1}, restock=False)
    part = fetch(bench, order_id)
    assert (part.lifecycle, part.payment, part.lines[0].quantity) == (Lifecycle.OPEN, Payment.PARTLY_REFUNDED, 1)
    bench.front.refund(order_id, {"MAR-TS-M": 1}, restock=False)
    assert (fetch(bench, order_id).lifecycle, fetch(bench, order_id).payment) == (Lifecycle.CANCELLED, Payment.REFUNDED)
    other = bench.place(("MAR-TS-M", 3))
    bench.front.cancel(other)
    assert fetch(bench, other).lifecycle is Lifecycle.CANCELLED


@pytest.mark.parametrize("order_id", ["9999", "", "../store", "1?x=", "١"])
def test_an_unknown_order_does_not_exist(bench: Bench, order_id: str) -> None:
    assert fetch(bench, order_id) is None


def test_incomplete_and_archived_orders_do_not_exist(bench: Bench) -> None:
    order_id = bench.place(("MAR-TS-M", 1))
    for changes in ({"status_id": 0}, {"status_id": 1}, {"status_id": 11, "is_deleted": True}):
        bench.change(order_id, **changes)
        assert fetch(bench, order_id) is None


# ---------------------------------------------------------------------------------------------------------------------
# Changed orders


def all_changed(bench: Bench, since: datetime) -> list[str]:
    found, cursor = [], ""
    for _ in range(50):
        page = bench.platform.changed_orders(bench.shop, since, cursor)
        found += [order_id for order_id, _ in page.order_ids]
        if not (cursor := page.next):
            return found
    raise AssertionError("the pages do not end")


def test_nothing_changed_is_an_empty_page(bench: Bench) -> None:
    assert all_changed(bench, LONG_AGO) == []


def test_changed_since(bench: Bench) -> None:
    early, late, abandoned = (bench.place(("MUG-PHARE", 1)) for _ in range(3))
    now = int(datetime.now(UTC).timestamp())
    bench.change(early, date_modified=now - 600)
    bench.change(abandoned, status_id=0)
    assert all_changed(bench, LONG_AGO) == [early, late]
    assert all_changed(bench, datetime.fromtimestamp(now - 599, UTC)) == [late]
    assert all_changed(bench, datetime.fromtimestamp(now - 600, UTC).astimezone()) == [early, late]


@pytest.mark.parametrize("seconds_apart", [0, 1])
def test_many_changed_orders_are_all_found_once_or_more(bench: Bench, seconds_apart: int) -> None:
    """Also where hundreds share one second, as after a bulk edit in the control panel."""
    pattern = bench.document(bench.place(("MUG-PHARE", 1)))
    with bench.sandbox.store.together():
        for number in range(600):
            row = {**pattern, "id": 5000 + number, "date_modified": 1_700_000_000 + number * seconds_apart}
            bench.sandbox.store.put("bigcommerce.order", str(row["id"]), row)
    found = all_changed(bench, LONG_AGO)
    assert {str(5000 + number) for number in range(600)} < set(found)
    assert len(found) < 900  # a full page in one second is read twice


def test_an_order_that_moves_while_we_page_hides_no_other(bench: Bench) -> None:
    pattern = bench.document(bench.place(("MUG-PHARE", 1)))
    for number in range(300):
        row = {**pattern, "id": 5000 + number, "date_modified": 1_700_000_000 + number}
        bench.sandbox.store.put("bigcommerce.order", str(row["id"]), row)
    first = bench.platform.changed_orders(bench.shop, LONG_AGO, "")
    bench.change("5000", date_modified=1_800_000_000)
    second = bench.platform.changed_orders(bench.shop, LONG_AGO, first.next)
    found = {order_id for page in (first, second) for order_id, _ in page.order_ids}
    assert {str(5000 + number) for number in range(300)} <= found


def test_an_ignored_filter_is_noticed(bench: Bench) -> None:
    with responses.RequestsMock() as mock:
        row = {"id": 1, "status_id": 11, "date_modified": "Wed, 03 Jun 2015 15:26:45 +0000"}
        mock.add("GET", f"{bench.shop.address}/v2/orders", json=[row])
        with pytest.raises(Refused, match="ignored the filter"):
            bench.platform.changed_orders(bench.shop, LONG_AGO, "")


# ---------------------------------------------------------------------------------------------------------------------
# The store


def test_check_names_the_store_and_proves_the_token(bench: Bench) -> None:
    account = bench.platform.check(bench.shop)
    assert (account.external_id, account.name, account.currency) == ("sandbox1", "Marée Haute", "EUR")
    with pytest.raises(AuthLost):
        bench.platform.check(replace(bench.shop, credentials={"token": "wrong"}))


def test_locations(bench: Bench) -> None:
    found = [(place.external_id, place.name, place.active) for place in bench.platform.locations(bench.shop)]
    assert found == [("1", "Boutique Vieux-Port", True), ("2", "Boutique Canebière", True), ("3", "Dépôt Arenc", True)]


def test_an_empty_quota_says_when_to_come_back(bench: Bench) -> None:
    bench.settings(quota=3, quota_window_ms=60_000)
    for _ in range(3):
        bench.platform.check(bench.shop)
    with pytest.raises(Throttled) as raised:
        bench.platform.check(bench.shop)
    assert 0 < (raised.value.retry_after_seconds or 0) <= 60


def test_throttled_by_the_platforms_load_says_nothing(bench: Bench) -> None:
    bench.sandbox.knobs.set("bigcommerce", {"throttle": 1.0})
    with pytest.raises(Throttled) as raised:
        bench.platform.check(bench.shop)
    assert raised.value.retry_after_seconds is None


HERE = "https://connector.example/webhooks/bigcommerce/key"


def test_subscribing_is_repeatable(bench: Bench) -> None:
    subscriptions = bench.platform.subscribe(bench.shop, HERE)
    hooks = bench.sandbox.store.all("bigcommerce.hook")
    assert sorted(hook["scope"] for hook in hooks) == ["store/app/uninstalled", "store/order/*", "store/shipment/*"]
    secret = subscriptions.secrets["webhook_secret"]
    assert len(secret) >= 32
    assert all(hook["headers"] == {"X-Connector-Secret": secret} and hook["destination"] == HERE for hook in hooks)
    linked = replace(bench.shop, credentials={**bench.shop.credentials, **subscriptions.secrets})
    before = len(bench.recorder.written())
    assert bench.platform.subscribe(linked, HERE) == subscriptions
    assert len(bench.recorder.written()) == before
    assert bench.sandbox.store.all("bigcommerce.hook") == hooks


def test_subscribing_mends_what_stands(bench: Bench) -> None:
    """An inactive hook, one with another secret, one of ours at an old address; a stranger's hook is left alone."""
    secret = bench.platform.subscribe(bench.shop, HERE).secrets["webhook_secret"]
    linked = replace(bench.shop, credentials={**bench.shop.credentials, "webhook_secret": secret})
    bench.platform.subscribe(linked, "https://old.example/webhooks/bigcommerce/key")
    assert {hook["destination"] for hook in bench.sandbox.store.all("bigcommerce.hook")} == {
        "https://old.example/webhooks/bigcommerce/key"
    }
    stranger = {"id": 9, "scope": "store/order/*", "destination": "https://other.example", "headers": {}, "is_active": True}
    bench.sandbox.store.put("bigcommerce.hook", "9", stranger)
    bench.platform.subscribe(linked, HERE)
    first, second, *_ = (hook for hook in bench.sandbox.store.all("bigcommerce.hook") if hook["id"] != 9)
    bench.sandbox.store.put("bigcommerce.hook", str(first["id"]), {**first, "is_active": False})
    bench.sandbox.store.put("bigcommerce.hook", str(second["id"]), {**second, "headers": {"X-Connector-Secret": "stale"}})
    bench.platform.subscribe(linked, HERE)
    hooks = bench.sandbox.store.all("bigcommerce.hook")
    ours = [hook for hook in hooks if hook["id"] != 9]
    assert len(ours) == 3
    assert all(
        hook["is_active"] and hook["headers"]["X-Connector-Secret"] == secret and hook["destination"] == HERE for hook in ours
    )
    assert stranger in hooks


def test_a_lost_answer_while_subscribing_heals(bench: Bench) -> None:
    bench.recorder.break_next = {("POST", "/hooks")}
    with pytest.raises(CallError):
        bench.platform.subscribe(bench.shop, HERE)
    bench.platform.subscribe(bench.shop, HERE)
    assert len(bench.sandbox.store.all("bigcommerce.hook")) == 3


def test_what_the_store_sends_is_genuine_and_names_its_order(bench: Bench) -> None:
    receiver = Receiver()
    with serve(receiver) as url:
        subscriptions = bench.platform.subscribe(bench.shop, url)
        order = bench.place(("MUG-PHARE", 1))
        bench.tell(Act.SHIPPED, order)
        wait_until(lambda: bench.sandbox.sender.waiting() == 0)
    strict = replace(bench.with_settings(require_signature=True), credentials={**bench.shop.credentials, **subscriptions.secrets})
    stranger = replace(strict, credentials={**strict.credentials, "client_secret": "other"})
    for received in receiver.received:
        assert bench.platform.genuine(strict, received.headers, received.body)
        assert not bench.platform.genuine(stranger, received.headers, received.body)
        assert bench.platform.parse(received.headers, received.body).order_id == order
    keys = {bench.platform.parse(received.headers, received.body).dedup_key for received in receiver.received}
    assert len(keys) == len(receiver.received) > 5


# ---------------------------------------------------------------------------------------------------------------------
# Linking

GOOD = {"store_hash": "abc123xyz", "token": "t0ken", "client_secret": "s3cret"}


def test_open_shop() -> None:
    platform = bigcommerce.build(Http())
    external_id, address, credentials = platform.open_shop(GOOD)
    assert (external_id, address) == ("abc123xyz", "https://api.bigcommerce.com/stores/abc123xyz")
    assert credentials == {"token": "t0ken", "client_secret": "s3cret"}
    assert set(platform.credentials) == set(GOOD)
    assert (platform.name, platform.shared_address) == ("bigcommerce", False)
    assert platform.shop_named_by({"x": "y"}) == ""
    assert not platform.is_ping({}, b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"store_hash": ""},
        {"store_hash": "../v2"},
        {"store_hash": "ABC 123"},
        {"store_hash": "https://api.bigcommerce.com/stores/abc123/v3/"},
        {"token": ""},
        {"token": "two words"},
        {"token": "x\nX-Evil: 1"},
        {"client_secret": " "},
        {"api_url": "http://127.0.0.1:5000/bigcommerce"},
        {"api_url": "nonsense"},
    ],
)
def test_unusable_options_name_their_remedy(changes: dict[str, str]) -> None:
    with pytest.raises(Rejected) as raised:
        bigcommerce.build(Http()).open_shop({**GOOD, **changes})
    assert raised.value.remedy


def test_the_window_of_a_cursor_is_not_lost(bench: Bench) -> None:
    """A cursor carries its own start: the `since` given with it does not count any more."""
    order_id = bench.place(("MUG-PHARE", 1))
    start = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    page = bench.platform.changed_orders(bench.shop, datetime(2090, 1, 1, tzinfo=UTC), f"{start}/1")
    assert [found for found, _ in page.order_ids] == [order_id]
