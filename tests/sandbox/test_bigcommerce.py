"""The small BigCommerce store: its rules of order life, stock, answers and webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.domain.errors import NotFound, Rejected
from sandbox import bigcommerce
from sandbox.assembly import assemble, close
from sandbox.bigcommerce.hooks import RETRY_SECONDS
from sandbox.running import Sandbox
from sandbox.shopfront import DELIVERY, PICKUP, Shopfront, Wanted
from tests.serving import Receiver, serve, wait_until

TOKEN = "sandbox-token"
CUSTOMER = {"name": "Zoé Arnal", "email": "zoe@example.com", "street": "3 rue Sainte", "city": "Marseille", "country": "FR"}


@dataclass
class Store:
    """The store over HTTP and behind its counter."""

    url: str
    sandbox: Sandbox

    @property
    def front(self) -> Shopfront:
        return self.sandbox.shopfronts["bigcommerce"]

    def call(
        self, method: str, path: str, content: Any = None, *, token: str = TOKEN, host: str = "sandbox1"
    ) -> requests.Response:
        url = f"{self.url}/bigcommerce/stores/{host}/{path}"
        return requests.request(method, url, json=content, headers={"X-Auth-Token": token}, timeout=20)

    def order(self, order_id: str) -> Any:
        return self.call("GET", f"v2/orders/{order_id}").json()

    def place(self, *lines: tuple[str, int], pickup: str = "", **more: Any) -> str:
        return self.front.place(Wanted(lines, PICKUP if pickup else DELIVERY, pickup, customer=CUSTOMER, **more))

    def status(self, order_id: str) -> str:
        shown = self.front.shown(order_id)
        assert shown is not None
        return shown.status

    def settings(self, **changes: Any) -> None:
        before = self.sandbox.store.get("bigcommerce.settings", "shop") or {}
        self.sandbox.store.put("bigcommerce.settings", "shop", {**before, **changes})

    def onhand(self, sku: str) -> dict[str, int]:
        return self.front.stock()[sku]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    app = assemble(tmp_path, (bigcommerce.build,))
    with serve(app) as url:
        yield Store(url, app.extensions["sandbox"])
    close(app)


# ---------------------------------------------------------------------------------------------------------------------
# Answers


def test_the_token_and_the_store_are_checked_in_both_error_shapes(store: Store) -> None:
    v2 = store.call("GET", "v2/store", token="wrong")
    v3 = store.call("GET", "v3/hooks", token="")
    assert (v2.status_code, v2.json()[0]["status"], v3.status_code, v3.json()["status"]) == (401, 401, 401, 401)
    assert store.call("GET", "v2/store", host="other").status_code == 401


def test_lists_end_with_204_in_v2_and_with_no_rows_in_v3(store: Store) -> None:
    assert store.call("GET", "v2/orders").status_code == 204
    order = store.place(("MUG-PHARE", 1))
    assert store.call("GET", f"v2/orders/{order}/shipments").status_code == 204
    assert store.call("GET", "v2/orders?page=2").status_code == 204
    assert store.call("GET", "v3/hooks").json()["data"] == []
    assert store.call("GET", "v2/orders?limit=251").status_code == 413


def test_money_dates_and_labels(store: Store) -> None:
    order = store.order(store.place(("MUG-PHARE", 2)))
    assert (order["total_inc_tax"], order["date_shipped"], order["status"]) == ("41.9000", "", "Awaiting Fulfillment")
    assert order["custom_status"] == "À préparer"
    assert order["date_created"].endswith("+0000")
    labels = {row["id"]: row["custom_label"] for row in store.call("GET", "v2/order_statuses").json()}
    assert labels[9] != "Awaiting Shipment"


def test_filters_work_and_an_unreadable_one_is_ignored(store: Store) -> None:
    first, second = store.place(("MUG-PHARE", 1)), store.place(("MUG-PHARE", 1))

    def ids(query: str) -> list[str]:
        answer = store.call("GET", f"v2/orders?{query}")
        return [str(row["id"]) for row in answer.json()] if answer.status_code == 200 else []

    assert ids(f"min_id={second}") == [second]
    assert ids("sort=id:desc") == [second, first]
    assert ids("min_date_modified=Wed,%2001%20Jan%202098%2000:00:00%20%2B0000") == []
    assert ids("min_date_modified=2098-01-01T00:00:00") == []
    assert ids("min_date_modified=never") == [first, second]
    assert ids("min_date_modifed=2098-01-01") == [first, second]


def test_fifty_lines_come_with_the_order_and_a_warning(store: Store) -> None:
    order = store.place(*[("MUG-PHARE", 1)] * 51)
    query = "include=consignments,consignments.line_items&consignment_structure=object"
    consignments = store.call("GET", f"v2/orders/{order}?{query}").json()["consignments"]
    assert len(consignments["shipping"][0]["line_items"]) == 50
    assert "__warning__" in consignments
    assert len(store.call("GET", f"v2/orders/{order}/products").json()) == 50
    assert len(store.call("GET", f"v2/orders/{order}/products?page=2").json()) == 1


def test_the_quota_empties_for_everybody_and_comes_back(store: Store) -> None:
    store.settings(quota=2, quota_window_ms=300)
    first = store.call("GET", "v2/time")
    assert (first.headers["X-Rate-Limit-Requests-Quota"], first.headers["X-Rate-Limit-Requests-Left"]) == ("2", "1")
    wait_until(lambda: store.call("GET", "v3/hooks").status_code == 429)
    refused = store.call("GET", "v2/time")
    if refused.status_code == 429:
        assert int(refused.headers["X-Rate-Limit-Time-Reset-Ms"]) > 0
        assert refused.headers["X-Retry-After"]
    wait_until(lambda: store.call("GET", "v2/time").status_code == 200)


def test_a_429_for_the_platforms_load_has_no_headers(store: Store) -> None:
    store.sandbox.knobs.set("bigcommerce", {"throttle": 1.0})
    answer = store.call("GET", "v2/time")
    assert answer.status_code == 429
    assert not [name for name in answer.headers if name.lower().startswith(("x-rate", "x-retry"))]


def test_a_status_that_does_not_exist_is_refused(store: Store) -> None:
    order = store.place(("MUG-PHARE", 1))
    assert store.call("PUT", f"v2/orders/{order}", {"status_id": 77}).status_code == 400
    assert store.call("PUT", f"v2/orders/{order}", {"status_id": 9}).json()["status_id"] == 9
    assert store.call("PUT", "v2/orders/9999", {"status_id": 9}).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"order_address_id": 999},
        {"items": []},
        {"items": [{"order_product_id": 5, "quantity": 1}]},
        {"items": [{"order_product_id": 1001, "quantity": 3}]},
        {"items": [{"order_product_id": 1001, "quantity": 0}]},
        {"shipping_provider": "pigeon"},
        {"tracking_carrier": "La Poste"},
    ],
)
def test_shipments_that_cannot_be(store: Store, change: dict[str, Any]) -> None:
    order = store.place(("MUG-PHARE", 2))
    good = {"order_address_id": 301, "items": [{"order_product_id": 1001, "quantity": 2}], "shipping_provider": ""}
    assert store.call("POST", f"v2/orders/{order}/shipments", {**good, **change}).status_code == 400
    assert store.order(order)["items_shipped"] == 0
    assert store.call("POST", f"v2/orders/{order}/shipments", good).status_code == 201
    assert store.call("POST", f"v2/orders/{order}/shipments", good).status_code == 400


def test_shipments_move_the_status_and_their_deletion_does_not(store: Store) -> None:
    order = store.place(("MUG-PHARE", 2))
    for expected in ("Partially Shipped", "Shipped"):
        items = [{"order_product_id": 1001, "quantity": 1}]
        shipment = store.call("POST", f"v2/orders/{order}/shipments", {"order_address_id": 301, "items": items}).json()
        assert store.status(order) == expected
    assert store.call("DELETE", f"v2/orders/{order}/shipments/{shipment['id']}").status_code == 204
    assert (store.status(order), store.order(order)["items_shipped"]) == ("Shipped", 1)


# ---------------------------------------------------------------------------------------------------------------------
# Order life and stock


def test_stock_leaves_when_placed_and_paid(store: Store) -> None:
    before = store.onhand("MAR-TS-M")
    order = store.place(("MAR-TS-M", 3), paid=False)
    assert (store.status(order), store.onhand("MAR-TS-M")) == ("Awaiting Payment", before)
    store.front.pay(order)
    assert store.status(order) == "Awaiting Fulfillment"
    assert store.onhand("MAR-TS-M") == {**before, "vieux-port": before["vieux-port"] - 3}
    store.front.edit(order, {"MAR-TS-M": 1})
    assert store.onhand("MAR-TS-M")["vieux-port"] == before["vieux-port"] - 1
    store.front.cancel(order)
    assert (store.status(order), store.onhand("MAR-TS-M")) == ("Cancelled", before)


def test_stock_leaves_when_completed_where_the_merchant_wants_it_so(store: Store) -> None:
    store.call("PUT", "v3/settings/inventory", {"update_stock_behavior": "order_completed_or_shipped"})
    before = store.onhand("MAR-TS-M")
    order = store.place(("MAR-TS-M", 3))
    assert store.onhand("MAR-TS-M") == before
    store.call("PUT", f"v2/orders/{order}", {"status_id": 10})
    assert store.onhand("MAR-TS-M")["vieux-port"] == before["vieux-port"] - 3


def test_a_pickup_takes_from_its_place(store: Store) -> None:
    before = store.onhand("MAR-TS-M")
    store.place(("MAR-TS-M", 2), pickup="canebiere")
    assert store.onhand("MAR-TS-M") == {**before, "canebiere": before["canebiere"] - 2}


def test_what_the_default_location_lacks_comes_from_the_others_or_is_backordered(store: Store) -> None:
    before = store.onhand("PADDLE-11")
    order = store.place(("PADDLE-11", before["depot"] + 4))
    assert store.onhand("PADDLE-11")["depot"] == 0
    assert store.call("GET", f"v2/orders/{order}/products").json()[0]["quantity_backordered"] == 4
    store.settings(backorders=False)
    with pytest.raises(Rejected):
        store.place(("PADDLE-11", 1))
    assert len(store.front.listing()) == 1


def test_refunds(store: Store) -> None:
    before = store.onhand("MAR-TS-M")
    order = store.place(("MAR-TS-M", 2))
    store.front.refund(order, {"MAR-TS-M": 1}, restock=True)
    assert (store.status(order), store.onhand("MAR-TS-M")["vieux-port"]) == ("Partially Refunded", before["vieux-port"] - 2)
    store.front.refund(order, {"MAR-TS-M": 1}, restock=True)
    assert (store.status(order), store.onhand("MAR-TS-M")) == ("Refunded", before)
    with pytest.raises(Rejected):
        store.front.refund(order, {"MAR-TS-M": 1}, restock=True)
    with pytest.raises(NotFound):
        store.front.cancel("9999")


def test_digital_orders_are_completed_by_paying(store: Store) -> None:
    assert store.status(store.place(extra=("digital",))) == "Completed"


def test_adjustments_are_asynchronous_and_absolute_comes_first(store: Store) -> None:
    store.settings(stock_delay_seconds=0.2)
    relative = {"items": [{"location_id": 1, "sku": "PADDLE-11", "quantity": 5}]}
    refused = store.call("POST", "v3/inventory/adjustments/relative", relative)
    assert refused.status_code == 422
    assert "absolute" in json.dumps(refused.json()["errors"])
    absolute = {"items": [{"location_id": 1, "sku": "PADDLE-11", "quantity": 7}]}
    assert set(store.call("PUT", "v3/inventory/adjustments/absolute", absolute).json()) == {"transaction_id"}
    wait_until(lambda: store.onhand("PADDLE-11")["vieux-port"] == 7)
    assert store.call("POST", "v3/inventory/adjustments/relative", relative).status_code == 200
    wait_until(lambda: store.onhand("PADDLE-11")["vieux-port"] == 12)
    too_many = {"items": [{"location_id": 1, "sku": "PADDLE-11", "quantity": -13}]}
    assert store.call("POST", "v3/inventory/adjustments/relative", too_many).status_code == 422
    both = {"items": [{"location_id": 1, "sku": "PADDLE-11", "variant_id": 520, "quantity": 1}]}
    assert store.call("PUT", "v3/inventory/adjustments/absolute", both).status_code == 422


def test_pickups_that_cannot_be(store: Store) -> None:
    order = int(store.place(("MUG-PHARE", 2), pickup="vieux-port"))
    items = [{"order_product_id": 1001, "quantity": 2}]
    good = {"pickup_method_id": 11, "order_id": order, "ready_at": "2026-11-23T10:00:00Z", "pickup_items": items}
    for change in ({"pickup_method_id": 12}, {"order_id": 9}, {"ready_at": "soon"}, {"pickup_items": []}):
        assert store.call("POST", "v3/orders/pickups", [{**good, **change}]).status_code == 422
    assert store.call("POST", "v3/orders/pickups", [good]).status_code == 200
    assert store.call("POST", "v3/orders/pickups", [good]).status_code == 422
    assert store.call("PUT", "v3/orders/pickups", [{"pickup_id": 1, "collected_at": "2026-11-23T10:00:00Z"}]).status_code == 422
    assert (
        store.call("GET", f"v3/orders/pickups?order_id:in={order},5").json()["data"][0]["pickup_items"][0]["collected_at"] is None
    )


# ---------------------------------------------------------------------------------------------------------------------
# Webhooks


def hook(store: Store, url: str, scope: str = "store/order/*", **more: Any) -> Any:
    wanted = {"scope": scope, "destination": url, "is_active": True, "headers": {"X-Ours": "word"}, **more}
    return store.call("POST", "v3/hooks", wanted).json()["data"]


def test_messages_are_pointers_signed_and_carry_our_header(store: Store) -> None:
    receiver = Receiver()
    with serve(receiver) as url:
        hook(store, f"{url}/hooks")
        order = store.place(("MUG-PHARE", 1))
        wait_until(lambda: store.sandbox.sender.waiting() == 0)
    scopes = [json.loads(body)["scope"] for body in receiver.bodies()]
    assert {"store/order/created", "store/order/updated", "store/order/statusUpdated"} <= set(scopes)
    for received in receiver.received:
        message = json.loads(received.body)
        assert str(message["data"].get("id", message["data"].get("order_id"))) == order
        assert (message["producer"], isinstance(message["store_id"], str)) == ("stores/sandbox1", True)
        assert received.headers["x-ours"] == "word"
        content = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode() + received.body
        digest = hmac.new(b"sandbox-client-secret-0123456789", content, hashlib.sha256).digest()
        assert received.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_two_edits_share_a_hash(store: Store) -> None:
    receiver = Receiver()
    order = store.place(("MUG-PHARE", 1))
    with serve(receiver) as url:
        hook(store, url, "store/order/updated")
        store.front.edit(order, {"MUG-PHARE": 2})
        store.front.edit(order, {"MUG-PHARE": 3})
        wait_until(lambda: store.sandbox.sender.waiting() == 0)
    messages = [json.loads(body) for body in receiver.bodies()]
    assert len(messages) == 2
    assert messages[0]["hash"] == messages[1]["hash"]


def test_a_hook_is_deactivated_after_its_last_retry(store: Store) -> None:
    store.sandbox.knobs.set("bigcommerce", {"retry_scale": 0.0})
    receiver = Receiver(lambda _: 500)
    with serve(receiver) as url:
        registered = hook(store, url, "store/order/created")
        store.place(("MUG-PHARE", 1))
        wait_until(lambda: not store.call("GET", f"v3/hooks/{registered['id']}").json()["data"]["is_active"])
        assert len(receiver.received) == 1 + len(RETRY_SECONDS)
        assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
        store.place(("MUG-PHARE", 1))
        assert store.sandbox.sender.waiting() == 0


def test_hooks_that_cannot_be(store: Store) -> None:
    first = hook(store, "https://one.example")
    assert store.call("POST", "v3/hooks", {"scope": first["scope"], "destination": first["destination"]}).status_code == 422
    assert store.call("POST", "v3/hooks", {"scope": "store/order/*"}).status_code == 422
    assert store.call("POST", "v3/hooks", {"scope": "order", "destination": "https://one.example"}).status_code == 422
    assert store.call("GET", "v3/hooks?destination=https://two.example").json()["data"] == []
    assert store.call("DELETE", f"v3/hooks/{first['id']}").status_code == 200
    assert store.call("DELETE", f"v3/hooks/{first['id']}").status_code == 404


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    app = assemble(tmp_path, (bigcommerce.build,))
    front = app.extensions["sandbox"].shopfronts["bigcommerce"]
    order = front.place(Wanted((("MUG-PHARE", 2),), DELIVERY, customer=CUSTOMER))
    stock = front.stock()
    close(app)
    again = assemble(tmp_path, (bigcommerce.build,))
    front = again.extensions["sandbox"].shopfronts["bigcommerce"]
    assert front.shown(order).status == "Awaiting Fulfillment"
    assert front.stock() == stock
    assert front.place(Wanted((("MUG-PHARE", 2),), DELIVERY, customer=CUSTOMER)) != order
    close(again)
