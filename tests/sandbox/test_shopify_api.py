"""The sandbox's Admin API over real HTTP: token, version, cost, throttling, the rules of fulfilling; and its webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import requests
from graphql import parse

from connector.platform import Kind
from connector.platform import Shop as Linked
from platforms.shopify import documents, webhook
from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Wanted
from sandbox.shopify import api, cost, granting
from sandbox.shopify.cost import Bucket
from sandbox.shopify.orders import gid
from sandbox.shopify.shop import Shop
from sandbox.shopify.webhooks import RETRY_SECONDS
from sandbox.store import Store
from tests.serving import Receiver, serve, wait_until

PATH = "/shopify/admin/api/2026-10/graphql.json"
TOKEN = {"X-Shopify-Access-Token": "shpat_sandbox"}
LINKED = Linked(1, "k", "shopify", "n", "d", "a", {"app_secret": "sandbox-shopify-app-secret-0123456789"})


class World:
    """A sandbox shop, its API's address and its bucket."""

    def __init__(self, shop: Shop, bucket: Bucket, sender: Sender, knobs: Knobs, url: str) -> None:
        self.shop, self.bucket, self.sender, self.knobs, self.url = shop, bucket, sender, knobs, url

    def post(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(self.url + PATH, headers=TOKEN, json={"query": query, "variables": variables}, timeout=10)
        assert answer.status_code == 200
        return dict(answer.json())

    def fulfill(self, *parts: tuple[dict[str, Any], int | None]) -> list[str]:
        """The userErrors of fulfilling so many units (None: all) of these fulfillment orders."""
        entries = []
        for part, units in parts:
            entry: dict[str, Any] = {"fulfillmentOrderId": gid("FulfillmentOrder", part["id"])}
            if units is not None:
                line = gid("FulfillmentOrderLineItem", part["lines"][0]["id"])
                entry["fulfillmentOrderLineItems"] = [{"id": line, "quantity": units}]
            entries.append(entry)
        said = self.post(documents.FULFILL.text, fulfillment={"lineItemsByFulfillmentOrder": entries})
        return [error["message"] for error in said["data"]["fulfillmentCreate"]["userErrors"]]

    def parts(self, order_id: str) -> list[dict[str, Any]]:
        order = self.shop.order(order_id)
        assert order is not None
        return list(order["parts"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store(tmp_path / "journal")
    knobs = Knobs()
    sender = Sender(store, knobs)
    shop, bucket = Shop(store, sender, routing_seconds=0.0), Bucket()
    app = flask.Flask("sandbox")
    app.register_blueprint(api.blueprint(shop, knobs, bucket))
    with serve(app) as url:
        yield World(shop, bucket, sender, knobs, url)
    sender.stop()
    store.close()


# --- the door --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (PATH, {}, 401),
        (PATH, {"X-Shopify-Access-Token": "shpat_other"}, 401),
        (PATH.replace("2026-10", "2025-01"), TOKEN, 404),
        (PATH, TOKEN, 200),
    ],
)
def test_token_and_version(world: World, path: str, headers: dict[str, str], status: int) -> None:
    answer = requests.post(world.url + path, headers=headers, json={"query": "{ shop { name } }"}, timeout=10)
    assert answer.status_code == status
    assert answer.headers["X-Shopify-API-Version"] == "2026-10"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"query": 5}'])
def test_what_is_no_graphql_request_is_400(world: World, body: bytes) -> None:
    headers = {**TOKEN, "Content-Type": "application/json"}
    assert requests.post(world.url + PATH, headers=headers, data=body, timeout=10).status_code == 400


@pytest.mark.parametrize("query", ["{", "{ nonsense }", "{ shop { name } } fragment A on Shop { name }"])
def test_a_wrong_document_is_an_error_in_a_200(world: World, query: str) -> None:
    assert world.post(query)["errors"]


def test_a_connection_needs_first(world: World) -> None:
    assert "first or last" in world.post("{ locations { nodes { id } } }")["errors"][0]["message"]


# --- cost ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", documents.ALL, ids=lambda document: document.text.split()[1].split("(")[0])
def test_each_document_fits_one_query(document: documents.Document) -> None:
    assert 0 < cost.requested(parse(document.text), {"first": documents.SHIPMENTS_AT_ONCE}) <= cost.MOST_FOR_ONE_QUERY


def test_cost_is_told_and_what_was_not_used_is_given_back(world: World) -> None:
    told = world.post("{ locations(first: 100) { nodes { id } } }")["extensions"]["cost"]
    assert (told["requestedQueryCost"], told["throttleStatus"]["maximumAvailable"]) == (101, 2000)
    assert told["actualQueryCost"] < 10
    assert told["throttleStatus"]["currentlyAvailable"] > 1980


def test_the_bucket_empties_and_refills() -> None:
    now = 0.0
    bucket = Bucket(100, 10, lambda: now)
    assert bucket.take(80)
    assert not bucket.take(30)
    now = 1.0
    assert bucket.take(30)
    now = 1000.0
    assert not bucket.take(101)
    assert bucket.cost(1, 1)["throttleStatus"]["currentlyAvailable"] == 100


def test_a_larger_plan_has_a_larger_bucket() -> None:
    now = 0.0
    bucket = Bucket(100, 10, lambda: now)
    bucket.scale = 10
    assert bucket.cost(1, 1)["throttleStatus"]["maximumAvailable"] == 1000
    assert bucket.take(100)
    now = 1.0
    assert bucket.take(100)
    assert not bucket.take(1)


def test_an_empty_bucket_throttles_in_a_200(world: World) -> None:
    while world.bucket.take(50):
        pass
    said = world.post("{ locations(first: 100) { nodes { id } } }")
    assert said["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert said["extensions"]["cost"]["requestedQueryCost"] == 101


def test_a_query_over_the_limit_is_refused(world: World) -> None:
    said = world.post("{ orders(first: 250) { nodes { lineItems(first: 10) { nodes { id } } } } }")
    assert said["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


# --- fulfilling ------------------------------------------------------------------------------------------------------


def test_one_fulfillment_is_of_one_location(world: World) -> None:
    first, second = world.parts(world.shop.place(Wanted((("CARTE-COTES", 1), ("MALLE-OSIER", 1)), "delivery")))
    assert world.fulfill((first, None), (second, None)) == ["All fulfillment orders must be assigned to a single location."]
    assert world.fulfill((first, None)) == []
    assert world.fulfill((second, None)) == []


def test_one_fulfillment_is_of_one_order_and_one_method(world: World) -> None:
    one = world.parts(world.shop.place(Wanted((("ESP-41", 1),), "delivery")))[0]
    other = world.parts(world.shop.place(Wanted((("ESP-41", 1),), "delivery")))[0]
    assert world.fulfill((one, None), (other, None)) == ["All fulfillment orders must belong to the same order."]
    goods, digital = world.parts(world.shop.place(Wanted((("ESP-41", 1),), "delivery", paid=False, extra=("digital",))))
    assert world.fulfill((goods, None), (digital, None)) == ["All fulfillment orders must have the same delivery method."]


@pytest.mark.parametrize("units", [0, -1, 3])
def test_no_more_than_remains(world: World, units: int) -> None:
    order_id = world.shop.place(Wanted((("ESP-41", 2),), "delivery"))
    part = world.parts(order_id)[0]
    assert world.fulfill((part, units)) == ["Invalid fulfillment order line item quantity requested."]
    assert world.fulfill((part, 2), (part, 2)) == ["A fulfillment order line item is named twice."]
    assert world.fulfill((part, 2)) == []
    assert "unfulfillable status" in world.fulfill((part, 1))[0]


def test_marking_as_paid(world: World) -> None:
    order_id = world.shop.place(Wanted((("ESP-41", 1),), "delivery", paid=False))
    mutation = "mutation($in: OrderMarkAsPaidInput!) { orderMarkAsPaid(input: $in) { order { id } userErrors { message } } }"
    for errors in ([], [{"message": "Order cannot be marked as paid."}]):
        said = world.post(mutation, **{"in": {"id": gid("Order", order_id)}})
        assert said["data"]["orderMarkAsPaid"]["userErrors"] == errors


# --- cancelling ------------------------------------------------------------------------------------------------------

CANCEL = """mutation Cancel($id: ID!, $restock: Boolean!, $back: Boolean) {
  orderCancel(orderId: $id, reason: CUSTOMER, restock: $restock, refundMethod: {originalPaymentMethodsRefund: $back}) {
    job { id done } orderCancelUserErrors { code message }
  }
}"""


def _ask_to_cancel(world: World, order_id: str, *, restock: bool = True, back: bool = False) -> tuple[str, list[str]]:
    """The job's id, and the codes of what was refused."""
    said = world.post(CANCEL, id=gid("Order", order_id), restock=restock, back=back)["data"]["orderCancel"]
    return (said["job"] or {}).get("id", ""), [error["code"] for error in said["orderCancelUserErrors"]]


@pytest.mark.parametrize(("back", "payment"), [(True, "Refunded"), (False, "Paid")])
@pytest.mark.parametrize(("restock", "units"), [(True, 0), (False, 2)])
def test_a_cancelling_is_a_job(world: World, restock: bool, units: int, back: bool, payment: str) -> None:
    at_start = world.shop.stock()["ESP-41"]["depot"]
    order_id = world.shop.place(Wanted((("ESP-41", 2),), "delivery"))
    world.shop.jobs.seconds = 3600.0
    job, refused = _ask_to_cancel(world, order_id, restock=restock, back=back)
    assert refused == []
    assert world.post(documents.JOB.text, id=job)["data"]["job"]["done"] is False
    assert (world.shop.order(order_id) or {})["cancelled_at"] is None
    assert _ask_to_cancel(world, order_id) == ("", ["INVALID"]), "it is being cancelled"
    world.shop.jobs.finish()
    assert world.post(documents.JOB.text, id=job)["data"]["job"]["done"] is True
    shown = world.shop.shown(order_id)
    assert shown is not None
    assert (shown.status, shown.payment) == ("Cancelled", payment)
    assert at_start - world.shop.stock()["ESP-41"]["depot"] == units
    assert _ask_to_cancel(world, order_id) == ("", ["INVALID"]), "it is cancelled"


def test_what_was_fulfilled_or_is_not_there_is_not_cancelled(world: World) -> None:
    order_id = world.shop.place(Wanted((("ESP-41", 2),), "delivery"))
    world.fulfill((world.parts(order_id)[0], 1))
    assert _ask_to_cancel(world, order_id) == ("", ["INVALID"])
    assert _ask_to_cancel(world, "1") == ("", ["NOT_FOUND"])
    assert world.post(documents.JOB.text, id=gid("Job", 1))["data"]["job"] is None


def test_a_token_without_the_permission_may_not_cancel(world: World) -> None:
    order_id = world.shop.place(Wanted((("ESP-41", 2),), "delivery"))
    token = granting.new_pair(world.shop.store, "read_orders,write_inventory")["access_token"]
    asked = {"query": CANCEL, "variables": {"id": gid("Order", order_id), "restock": True}}
    said = requests.post(world.url + PATH, headers={"X-Shopify-Access-Token": token}, json=asked, timeout=10).json()
    assert [error["extensions"]["code"] for error in said["errors"]] == ["ACCESS_DENIED"]
    installation = {"query": documents.INSTALLATION.text}
    said = requests.post(world.url + PATH, headers={"X-Shopify-Access-Token": token}, json=installation, timeout=10).json()
    granted = said["data"]["currentAppInstallation"]["accessScopes"]
    assert [scope["handle"] for scope in granted] == ["read_orders", "write_inventory"]


def test_a_cancelling_by_an_app_is_told_when_its_job_ends(hooked: World, receiver: Receiver) -> None:
    order_id = hooked.shop.place(Wanted((("ESP-41", 2),), "delivery"))
    hooked.shop.jobs.seconds = 0.2
    _ask_to_cancel(hooked, order_id)
    wait_until(lambda: {"orders/cancelled", "refunds/create"} <= set(_topics(receiver)))
    said = next(found for found in receiver.received if found.headers["x-shopify-topic"] == "orders/cancelled")
    assert webhook.parse(said.headers, said.body).order_id == gid("Order", order_id)
    assert json.loads(said.body)["cancelled_at"]


# --- webhooks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hooked(world: World, receiver: Receiver) -> Iterator[World]:
    with serve(receiver) as url:
        for topic in ("ORDERS_CREATE", "ORDERS_PAID", "ORDERS_CANCELLED", "ORDERS_FULFILLED", "FULFILLMENTS_CREATE"):
            world.shop.webhooks.add(topic, f"{url}/hook", "ours")
        for topic in ("REFUNDS_CREATE", "INVENTORY_LEVELS_UPDATE", "ORDERS_EDITED"):
            world.shop.webhooks.add(topic, f"{url}/hook", "ours")
        world.sender.start()
        yield world
        world.sender.stop()


def _topics(receiver: Receiver) -> list[str]:
    return sorted(received.headers["x-shopify-topic"] for received in receiver.received)


def test_webhooks_are_what_the_connector_takes_for_genuine(hooked: World, receiver: Receiver) -> None:
    order_id = hooked.shop.place(Wanted((("ESP-41", 2),), "delivery", customer={"name": "Zoë"}))
    hooked.fulfill((hooked.parts(order_id)[0], None))
    receiver.wait_for(5)
    expected = ["fulfillments/create", "inventory_levels/update", "orders/create", "orders/fulfilled", "orders/paid"]
    wait_until(lambda: _topics(receiver) == expected)
    for received in receiver.received:
        assert webhook.shop_named_by(received.headers) == "maree-haute.myshopify.com"
        assert webhook.genuine(LINKED, received.headers, received.body)
        assert not webhook.genuine(LINKED, received.headers, received.body + b" ")
        said = webhook.parse(received.headers, received.body)
        if said.topic == "inventory_levels/update":
            assert said.kind is Kind.IGNORED
        else:
            assert (said.kind, said.order_id) == (Kind.ORDER, gid("Order", order_id))


def test_cancelling_an_edited_order_says_so(hooked: World, receiver: Receiver) -> None:
    order_id = hooked.shop.place(Wanted((("ESP-41", 2),), "delivery"))
    hooked.shop.edit(order_id, {"ESP-41": 1})
    hooked.shop.cancel(order_id)
    wait_until(lambda: {"orders/edited", "orders/cancelled", "refunds/create"} <= set(_topics(receiver)))
    for received in receiver.received:
        if received.headers["x-shopify-topic"].startswith(("orders/", "refunds/")):
            assert webhook.parse(received.headers, received.body).order_id == gid("Order", order_id)


def test_retries_carry_the_original_body_and_then_the_subscription_goes(world: World, receiver: Receiver) -> None:
    receiver.answer = lambda _: 500
    world.knobs.set("shopify", {"retry_scale": 0.00001})
    with serve(receiver) as url:
        world.shop.webhooks.add("ORDERS_CREATE", f"{url}/hook", "ours")
        world.sender.start()
        order_id = world.shop.place(Wanted((("ESP-41", 2),), "delivery", paid=False))
        world.shop.pay(order_id)
        wait_until(lambda: not world.shop.webhooks.standing())
        world.sender.stop()
    assert len(receiver.received) == 1 + len(RETRY_SECONDS) == 9
    assert len(set(receiver.bodies())) == 1
    assert json.loads(receiver.bodies()[0])["financial_status"] == "pending"
    assert len({received.headers["x-shopify-webhook-id"] for received in receiver.received}) == 1


def test_a_success_between_failures_keeps_the_subscription(world: World, receiver: Receiver) -> None:
    answers = iter([500] * 8 + [200] * 100)
    receiver.answer = lambda _: next(answers)
    world.knobs.set("shopify", {"retry_scale": 0.00001})
    with serve(receiver) as url:
        world.shop.webhooks.add("ORDERS_CREATE", f"{url}/hook", "ours")
        world.sender.start()
        world.shop.place(Wanted((("ESP-41", 1),), "delivery"))
        receiver.wait_for(9)
        wait_until(lambda: world.sender.waiting() == 0)
        world.sender.stop()
    assert len(world.shop.webhooks.standing()) == 1
    assert world.shop.store.count("shopify.failed") == 0


def test_eight_retries_take_four_hours() -> None:
    assert len(RETRY_SECONDS) == 8
    assert sum(RETRY_SECONDS) == 4 * 3600
    assert list(RETRY_SECONDS) == sorted(RETRY_SECONDS)


def test_no_topic_goes_to_one_address_twice(world: World) -> None:
    subscription = {"uri": "https://a.example/hook", "format": "JSON"}
    for errors in ([], ["Address for this topic has already been taken"]):
        said = world.post(documents.SUBSCRIBE.text, topic="ORDERS_CREATE", subscription=subscription)
        found = said["data"]["webhookSubscriptionCreate"]
        assert [error["message"] for error in found["userErrors"]] == errors
        assert (found["webhookSubscription"] is None) is bool(errors)
