"""The sandbox's WooCommerce shop behaves as the real one was seen to: its API, its stock, its webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import requests
from requests import Response
from woocommerce.oauth import OAuth

from connector.domain.errors import Rejected
from sandbox.catalogue import CREDENTIALS
from sandbox.woocommerce import orders
from sandbox.woocommerce.auth import READ_KEY
from sandbox.woocommerce.hooks import WEBHOOK
from sandbox.woocommerce.shop import Shop
from tests.platforms.woocommerce.world import Received, Receiver, World, opened, receiving

OWN = CREDENTIALS["woocommerce"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as world:
        yield world


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def call(
    world: World, method: str, path: str, body: object = None, key: dict[str, str] = OWN, **params: str | list[str]
) -> Response:
    pairs = [(name, value) for name, values in params.items() for value in ([values] if isinstance(values, str) else values)]
    oauth = {"consumer_key": key["key"], "timestamp": str(int(time.time())), "nonce": os.urandom(8).hex()}
    pairs += [(f"oauth_{name}", value) for name, value in {**oauth, "signature_method": "HMAC-SHA256"}.items()]
    url = f"{world.api}/{path}"
    parameters = "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs))
    text = "&".join((method, quote(url, safe=""), quote(parameters, safe="")))
    signature = base64.b64encode(hmac.digest(f"{key['secret']}&".encode(), text.encode(), "sha256")).decode()
    return requests.request(method, url, params=[*pairs, ("oauth_signature", signature)], json=body, timeout=5)


def get(world: World, path: str, **params: str | list[str]) -> Any:
    answer = call(world, "GET", path, None, OWN, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make(world: World, **wanted: Any) -> dict[str, Any]:
    wanted = {"line_items": [{"product_id": 114, "quantity": 5}], "payment_method": "bacs", **wanted}
    answer = call(world, "POST", "orders", wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def put(world: World, order: dict[str, Any], **changes: Any) -> Any:
    answer = call(world, "PUT", f"orders/{order['id']}", changes)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stock(world: World, sku: str = "MUG-PHARE") -> int:
    return world.front.stock()[sku][""]


def hook(world: World, receiver: Receiver, topic: str, **wanted: Any) -> int:
    body = {"topic": topic, "delivery_url": receiver.url, "secret": "whsec", **wanted}
    answer = call(world, "POST", "webhooks", body)
    assert answer.status_code == 201
    number: int = answer.json()["id"]
    return number


def inside(world: World) -> Shop:
    """The shop with the events it raises."""
    return world.front.shop


def error(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# --- authentication --------------------------------------------------------------------------------------------------

REFUSED, UNKNOWN = "woocommerce_rest_authentication_error", "woocommerce_rest_cannot_view"


def test_a_signature_is_accepted_and_a_wrong_one_refused(world: World) -> None:
    assert call(world, "GET", "orders").status_code == 200
    assert error(call(world, "GET", "orders", key={"key": OWN["key"], "secret": "cs_wrong"})) == (401, REFUSED)
    assert error(call(world, "GET", "orders", key={"key": "ck_wrong", "secret": OWN["secret"]})) == (401, REFUSED)
    signed = OAuth(f"{world.api}/orders?page=1", OWN["key"], OWN["secret"], version="wc/v3", method="GET").get_oauth_url()
    assert error(requests.get(signed.replace("page=1", "page=2"), timeout=5)) == (401, REFUSED)
    assert error(requests.post(signed, json={}, timeout=5)) == (401, REFUSED)
    assert requests.get(signed, timeout=5).status_code == 200
    assert "nonce" in requests.get(signed, timeout=5).json()["message"]


def test_an_old_signature_is_refused(world: World) -> None:
    old = OAuth(f"{world.api}/orders", OWN["key"], OWN["secret"], version="wc/v3", method="GET", oauth_timestamp=1_000_000_000)
    answer = requests.get(old.get_oauth_url(), timeout=5)
    assert error(answer) == (401, REFUSED)
    assert "timestamp" in answer.json()["message"]


def test_over_http_basic_is_as_good_as_nothing(world: World) -> None:
    assert error(requests.get(f"{world.api}/orders", auth=(OWN["key"], OWN["secret"]), timeout=5)) == (401, UNKNOWN)
    assert error(requests.get(f"{world.api}/orders", timeout=5)) == (401, UNKNOWN)


@pytest.mark.parametrize(
    ("key", "secret", "method", "expected"),
    [
        (OWN["key"], OWN["secret"], "GET", (200, "")),
        ("ck_unknown", OWN["secret"], "GET", (401, UNKNOWN)),
        (OWN["key"], "cs_wrong", "GET", (401, REFUSED)),
        (READ_KEY["key"], READ_KEY["secret"], "GET", (200, "")),
        (READ_KEY["key"], READ_KEY["secret"], "POST", (401, REFUSED)),
    ],
)
def test_over_https_basic_and_query(world: World, key: str, secret: str, method: str, expected: tuple[int, str]) -> None:
    client = world.app.test_client()
    token = base64.b64encode(f"{key}:{secret}".encode()).decode()
    path, base = "/woocommerce/wp-json/wc/v3/orders", "https://shop.test"
    by_header = client.open(path, method=method, base_url=base, headers={"Authorization": f"Basic {token}"})
    keys = {"consumer_key": key, "consumer_secret": secret}
    by_query = client.open(path, method=method, base_url=base, query_string=keys)
    for answer in (by_header, by_query):
        assert answer.status_code == expected[0]
        assert expected[1] in answer.get_data(as_text=True)


def test_the_index_is_open_and_unknown_routes_say_so(world: World) -> None:
    index = requests.get(f"{world.base}/woocommerce/wp-json/", timeout=5).json()
    assert "wc/v3" in index["namespaces"]
    assert error(requests.get(f"{world.base}/woocommerce/wp-json/wc/v9/x", timeout=5)) == (404, "rest_no_route")


# --- reading ---------------------------------------------------------------------------------------------------------


# Not JSON Schema's own, or not what the shop keeps to: an image without a picture has "" for its whole-number id.
_UNTRUE = ("required", "context", "readonly", "enum", "image")


def _draft_4(schema: Any) -> Any:
    """WordPress writes types JSON Schema does not have; a date is text; texts may be null, as in the recorded orders."""
    if isinstance(schema, list):
        return [_draft_4(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _draft_4(value) for name, value in schema.items() if name not in _UNTRUE}
    known = {"date-time": ["string", "null"], "string": ["string", "null"], "mixed": None}
    if isinstance(kept.get("type"), str) and kept["type"] in known:
        kept["type"] = known[kept["type"]]
    return {name: value for name, value in kept.items() if value is not None}


def test_orders_are_as_the_real_shops_schema_says(world: World, shared: Path) -> None:
    file = shared / "contracts/woocommerce/orders_schema.json"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    schema = json.loads(file.read_text())["schema"]
    validator = jsonschema.Draft4Validator(_draft_4(schema))
    validator.validate(json.loads((file.parent / "order_created_checkout_pickup_location.body").read_bytes()))
    for order_id in (
        world.place(),
        world.place(pickup="vieux-port", paid=False),
        world.place(("MAR-TS-S", 1), extra=("digital",)),
    ):
        document = get(world, f"orders/{order_id}")
        validator.validate(document)
        readable = {name for name, field in schema["properties"].items() if "view" in field["context"]}
        assert readable - set(document) == set()


def test_an_order_has_the_fields_of_a_recorded_one(world: World, shared: Path) -> None:
    file = shared / "contracts/woocommerce/order_created_checkout_pickup_location.body"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    recorded = json.loads(file.read_bytes())
    document = get(world, f"orders/{world.place(('MAR-TS-S', 1), pickup='vieux-port')}")
    assert set(document) == set(recorded)
    for part in ("line_items", "shipping_lines"):
        assert set(document[part][0]) == set(recorded[part][0])
    meta = {entry["key"] for entry in document["shipping_lines"][0]["meta_data"]}
    assert meta == {"pickup_location", "pickup_address", "pickup_details", "Items"}


def test_pages(world: World) -> None:
    ids = [int(world.place()) for _ in range(5)]
    answer = call(world, "GET", "orders", per_page="2", page="3", orderby="id", order="asc")
    assert [order["id"] for order in answer.json()] == ids[4:]
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == ("5", "3")
    past = call(world, "GET", "orders", per_page="2", page="4")
    assert (past.json(), past.headers["X-WP-Total"]) == ([], "0")
    assert [order["id"] for order in get(world, "orders")] == ids[::-1]
    assert error(call(world, "GET", "orders", per_page="101")) == (400, "rest_invalid_param")


def test_filters(world: World) -> None:
    first, second, third = (world.place(paid=paid) for paid in (True, False, True))
    orders.trash(inside(world), int(third))

    def ids(**params: str | list[str]) -> set[str]:
        return {str(order["id"]) for order in get(world, "orders", **params)}

    assert ids() == {first, second}
    assert ids(status="on-hold") == {second}
    assert ids(status="on-hold,trash") == {second, third}
    assert ids(**{"status[]": ["on-hold", "processing"]}) == {first, second}
    assert ids(include=f"{first},{second}") == {first, second}
    assert ids(include=[first, second]) == {second}  # of a repeated parameter only the last counts
    assert error(call(world, "GET", "orders", status="packed")) == (400, "rest_invalid_param")


def test_an_order_in_a_status_that_went_with_its_plugin_drops_out_of_lists(world: World) -> None:
    world.settings(statuses={"packed": "Packed"})
    order_id = world.place()
    put(world, {"id": order_id}, status="packed")
    assert {"slug": "packed", "name": "Packed"} in get(world, "orders/statuses")
    world.settings(statuses={})
    assert get(world, "orders") == []
    assert get(world, f"orders/{order_id}")["status"] == "packed"


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"modified_after": "2026-11-22T21:19:59", "dates_are_gmt": "true"}, True),
        ({"modified_after": "2026-11-22T21:20:00", "dates_are_gmt": "true"}, False),  # exclusive
        ({"modified_after": "2026-11-22T21:20:00Z"}, False),
        ({"modified_after": "2026-11-22T22:19:59+01:00"}, True),
        ({"modified_after": "2026-11-22T21:20:00Z", "dates_are_gmt": "true"}, True),  # the trap: five hours too early
        ({"modified_after": "2026-11-22T16:19:59"}, True),  # the shop's local time
        ({"modified_after": "2026-11-22T16:20:00"}, False),
        ({"modified_before": "2026-11-22T21:20:01", "dates_are_gmt": "true"}, True),
    ],
)
def test_what_the_shop_takes_a_time_for(world: World, params: dict[str, str], found: bool) -> None:
    order_id = world.place()
    record = world.store.get("woocommerce.order", order_id)
    assert record is not None
    world.store.put("woocommerce.order", order_id, record | {"date_modified_gmt": "2026-11-22T21:20:00"})
    assert bool(get(world, "orders", **params)) is found


# --- writing ---------------------------------------------------------------------------------------------------------


def test_put_merges(world: World) -> None:
    order = make(world, meta_data=[{"key": "a", "value": {"x": 1}}], billing={"first_name": "Ada"})
    changed = put(
        world, order, meta_data=[{"key": "a", "value": [2]}, {"key": "b", "value": "3"}], number="99", billing={"city": "Nice"}
    )
    assert {meta["key"]: meta["value"] for meta in changed["meta_data"]} == {"a": [2], "b": "3"}
    assert (changed["number"], changed["billing"]["first_name"], changed["billing"]["city"]) == (str(order["id"]), "Ada", "Nice")
    assert call(world, "PUT", f"orders/{order['id']}", {"billing": {"email": ""}}).status_code == 400


@pytest.mark.parametrize("word", ["packed", "wc-completed", "trash"])
def test_unknown_statuses_name_the_known_ones(world: World, word: str) -> None:
    answer = call(world, "PUT", f"orders/{make(world)['id']}", {"status": word})
    assert error(answer) == (400, "rest_invalid_param")
    assert "processing" in answer.json()["data"]["params"]["status"]


def test_any_status_can_follow_any(world: World) -> None:
    order = make(world)
    for word in ("completed", "pending", "cancelled", "processing", "checkout-draft", "refunded"):
        assert put(world, order, status=word)["status"] == word


def test_odd_orders_are_taken_and_a_zero_breaks_the_shop(world: World) -> None:
    order = make(world, line_items=[{"product_id": 4711}, {"product_id": 99}])
    assert [(line["product_id"], line["sku"]) for line in order["line_items"]] == [(0, None), (99, "MAR-TS")]
    answer = call(world, "POST", "orders", {"line_items": [{"product_id": 114, "quantity": 0}]})
    assert error(answer) == (500, "internal_server_error")
    assert "<p>" in answer.json()["message"]


def test_notes(world: World) -> None:
    order = make(world)
    before = get(world, f"orders/{order['id']}")
    for text, customer in (("for us", False), ("for you & yours", True)):
        assert call(world, "POST", f"orders/{order['id']}/notes", {"note": text, "customer_note": customer}).status_code == 201
    assert [note["note"] for note in get(world, f"orders/{order['id']}/notes", type="customer")] == ["for you &amp; yours"]
    assert len(get(world, f"orders/{order['id']}/notes")) == 2
    assert get(world, f"orders/{order['id']}") == before


def test_refunds(world: World) -> None:
    order = make(world, set_paid=True)
    line = order["line_items"][0]["id"]
    path = f"orders/{order['id']}/refunds"
    lines = [{"id": line, "quantity": 2, "refund_total": 36}]
    assert call(world, "POST", path, {"line_items": lines}).status_code == 500  # the gateway cannot
    assert call(world, "POST", path, {"amount": "5000", "api_refund": False}).json()["message"] == "Invalid refund amount."
    made = call(world, "POST", path, {"line_items": lines, "api_refund": False}).json()
    assert (made["amount"], made["line_items"][0]["quantity"]) == ("36.00", -2)
    assert made["line_items"][0]["meta_data"][0]["value"] == str(line)
    shown = get(world, f"orders/{order['id']}")
    assert [refund["total"] for refund in shown["refunds"]] == ["-36.00"]
    assert shown["line_items"][0]["quantity"] == 5


def test_the_status_refunded_refunds_the_whole_by_itself(world: World) -> None:
    order = make(world, set_paid=True)
    refunded = put(world, order, status="refunded")
    assert [refund["total"] for refund in refunded["refunds"]] == ["-90.00"]
    assert get(world, f"orders/{order['id']}/refunds")[0]["line_items"] == []


def test_cash_on_delivery_is_not_paid_in_processing(world: World) -> None:
    order = make(world, payment_method="cod", status="processing")
    assert order["date_paid_gmt"] is None
    assert put(world, order, status="completed")["date_paid_gmt"]
    assert make(world, status="processing")["date_paid_gmt"]


def test_local_dates_have_no_offset_and_are_not_utc(world: World) -> None:
    order = make(world)
    local, gmt = (datetime.fromisoformat(order[name]) for name in ("date_created", "date_created_gmt"))
    assert (gmt - local).total_seconds() == 5 * 3600
    assert abs((datetime.now(UTC).replace(tzinfo=None) - gmt).total_seconds()) < 60


# --- stock -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "left"),
    [
        (("pending",), 0),
        (("on-hold",), -5),
        (("processing",), -5),
        (("completed",), -5),
        (("processing", "completed", "on-hold"), -5),
        (("processing", "cancelled"), 0),
        (("processing", "pending"), 0),
        (("processing", "failed"), -5),
        (("processing", "refunded"), -5),
        (("packed",), 0),
        (("processing", "packed", "completed"), -5),
        (("processing", "packed", "cancelled"), 0),
        (("processing", "cancelled", "cancelled", "processing"), -5),
    ],
)
def test_what_a_status_does_to_stock(world: World, moves: tuple[str, ...], left: int) -> None:
    world.settings(statuses={"packed": "Packed"})
    before = stock(world)
    order = make(world)
    for word in moves:
        order = put(world, order, status=word)
    assert stock(world) - before == left
    reduced = [meta["value"] for meta in order["line_items"][0]["meta_data"] if meta["key"] == "_reduced_stock"]
    assert reduced == (["5"] if left else [])


def test_refund_with_restock_then_cancel_nets_to_nothing(world: World) -> None:
    before = stock(world)
    order_id = world.place(("MUG-PHARE", 5))
    world.front.refund(order_id, {"MUG-PHARE": 2}, restock=True)
    assert stock(world) == before - 3
    world.front.cancel(order_id)
    assert stock(world) == before


def test_edits_move_stock_by_the_difference(world: World) -> None:
    before = stock(world)
    order_id = world.place(("MUG-PHARE", 5), ("SAVON-OLIVE", 1))
    world.front.edit(order_id, {"MUG-PHARE": 2})
    assert stock(world) == before - 2
    world.front.edit(order_id, {"MUG-PHARE": 0})
    assert stock(world) == before
    put(world, {"id": order_id}, line_items=[{"product_id": 114, "quantity": 4}])
    assert stock(world) == before - 4


def test_edits_of_an_order_that_took_nothing_move_nothing(world: World) -> None:
    before = stock(world)
    order = make(world, status="pending")
    put(world, order, line_items=[{"id": order["line_items"][0]["id"], "quantity": 2}])
    assert stock(world) == before


@pytest.mark.parametrize("gone", [orders.trash, orders.delete])
def test_trash_and_deletion_leave_stock_taken(world: World, gone: Any) -> None:
    before = stock(world)
    gone(inside(world), int(world.place(("MUG-PHARE", 5))))
    assert stock(world) == before - 5


def test_products(world: World) -> None:
    found = get(world, "products", sku="MAR-TS-S,MUG-PHARE")
    assert {(product["sku"], product["type"], product["parent_id"]) for product in found} == {
        ("MAR-TS-S", "variation", 99),
        ("MUG-PHARE", "simple", 0),
    }
    assert "variation" not in {product["type"] for product in get(world, "products", per_page="100")}
    assert call(world, "PUT", "products/101", {"stock_quantity": 3}).status_code == 404
    assert call(world, "PUT", "products/99/variations/101", {"stock_quantity": 3}).json()["stock_quantity"] == 3
    assert stock(world, "MAR-TS-S") == 3
    assert call(world, "PUT", "products/114", {"inventory_delta": -1}).json()["stock_quantity"] == 639
    assert call(world, "PUT", "products/114", {"stock_quantity": "12"}).json()["stock_quantity"] == 12
    assert call(world, "PUT", "products/114", {"stock_quantity": "abc"}).status_code == 400
    assert call(world, "PUT", "products/91", {"stock_quantity": 5}).json()["stock_quantity"] is None


# --- webhooks --------------------------------------------------------------------------------------------------------


def delivered(one: Received) -> bool:
    return bool(one.topic)


def test_updated_and_created_have_one_body_and_updated_comes_first(world: World, receiver: Receiver) -> None:
    for topic in ("order.created", "order.updated"):
        hook(world, receiver, topic)
    world.place()
    one, other = receiver.wait_for(delivered, 2)
    assert (one.topic, other.topic) == ("order.updated", "order.created")
    assert one.body == other.body
    assert b"\\/" in one.body
    expected = base64.b64encode(hmac.digest(b"whsec", one.body, hashlib.sha256)).decode()
    assert one.headers["x-wc-webhook-signature"] == expected


def test_changes_that_wait_together_leave_as_one_with_the_last_state(world: World, receiver: Receiver) -> None:
    hook(world, receiver, "order.updated")
    order_id = world.place()
    for word in ("on-hold", "cancelled", "completed"):
        put(world, {"id": order_id}, status=word)
    other = world.place()
    (last,) = receiver.wait_for(lambda one: delivered(one) and json.loads(one.body)["id"] == int(other))
    found = [json.loads(one.body) for one in receiver.got if delivered(one)]
    assert [body["status"] for body in found if body["id"] == int(order_id)] == ["completed"]
    assert len({one.headers["x-wc-webhook-delivery-id"] for one in receiver.got if delivered(one)}) <= 2
    assert last.topic == "order.updated"


def test_a_ping_that_is_not_answered_200_is_repeated(world: World, receiver: Receiver) -> None:
    receiver.status = 201
    number = hook(world, receiver, "order.updated")
    assert [one.body for one in receiver.got] == [b"webhook_id=%d" % number]
    assert receiver.got[0].headers["content-type"] == "application/x-www-form-urlencoded"
    world.place()
    receiver.wait_for(lambda one: not delivered(one), 2)
    receiver.status = 200
    world.place()
    receiver.wait_for(lambda one: not delivered(one), 3)


def test_an_idle_shop_delivers_when_somebody_calls(world: World, receiver: Receiver) -> None:
    hook(world, receiver, "order.updated")
    world.settings(idle=True)
    world.place()
    assert world.sender.waiting() == 0
    assert not any(delivered(one) for one in receiver.got)
    requests.get(f"{world.base}/woocommerce/wp-json/", timeout=5)
    receiver.wait_for(delivered)


def test_deletions(world: World, receiver: Receiver) -> None:
    for topic in ("order.deleted", "order.restored", "order.updated", "action.woocommerce_delete_order"):
        hook(world, receiver, topic)
    first, second = (world.place() for _ in range(2))
    receiver.wait_for(lambda one: one.topic == "order.updated", 2)
    call(world, "DELETE", f"orders/{first}")
    (one,) = receiver.wait_for(lambda one: one.topic == "order.deleted")
    assert json.loads(one.body) == {"id": int(first)}
    orders.restore(inside(world), int(first))
    receiver.wait_for(lambda one: one.topic == "order.restored")
    call(world, "DELETE", f"orders/{second}", force="true")
    (gone,) = receiver.wait_for(lambda one: one.topic.startswith("action."))
    assert json.loads(gone.body) == {"action": "woocommerce_delete_order", "arg": int(second)}
    assert len([one for one in receiver.got if one.topic == "order.updated"]) == 2


def test_a_draft_is_updated_before_it_is_an_order(world: World, receiver: Receiver) -> None:
    hook(world, receiver, "order.updated")
    hook(world, receiver, "order.created")
    wanted = {"status": "checkout-draft", "line_items": [{"product_id": 114}]}
    draft = orders.create(inside(world), wanted, via="store-api")
    (one,) = receiver.wait_for(delivered)
    assert (one.topic, json.loads(one.body)["status"]) == ("order.updated", "checkout-draft")
    orders.place_draft(inside(world), draft["id"])
    (made,) = receiver.wait_for(lambda one: one.topic == "order.created")
    assert json.loads(made.body)["status"] == "processing"


def test_error_objects_are_signed_too(world: World, receiver: Receiver) -> None:
    hook(world, receiver, "order.created")
    world.settings(owner_may_read=False)
    world.place()
    (one,) = receiver.wait_for(delivered)
    assert json.loads(one.body)["data"] == {"status": 403}
    world.settings(owner_may_read=True)
    orders.delete(inside(world), int(world.place()))
    _, other = receiver.wait_for(delivered, 2)
    assert json.loads(other.body)["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_the_seventh_failure_disables_and_active_again_keeps_the_count(world: World, receiver: Receiver) -> None:
    number = hook(world, receiver, "product.updated")
    receiver.status = 500
    for place in range(1, 8):
        call(world, "PUT", f"products/{101 + place + 3}", {"stock_quantity": place})
    receiver.wait_for(delivered, 7)
    while world.sender.waiting():
        time.sleep(0.02)
    assert get(world, f"webhooks/{number}")["status"] == "disabled"
    assert "secret" not in get(world, f"webhooks/{number}")
    call(world, "PUT", f"webhooks/{number}", {"status": "active"})
    record = world.store.get(WEBHOOK, str(number))
    assert record is not None
    assert (record["status"], record["failures"]) == ("active", 7)


def test_what_a_webhook_cannot_be(world: World, receiver: Receiver) -> None:
    refused = [
        ({"topic": "order.frozen", "delivery_url": receiver.url}, "invalid_topic"),
        ({"topic": "order.created", "delivery_url": "ftp://x"}, "invalid_delivery_url"),
    ]
    for body, word in refused:
        assert call(world, "POST", "webhooks", body).json()["code"].endswith(word)
    number = hook(world, receiver, "order.created")
    assert call(world, "DELETE", f"webhooks/{number}").status_code == 501
    assert call(world, "DELETE", f"webhooks/{number}", force="true").status_code == 200
    assert call(world, "GET", f"webhooks/{number}").status_code == 404


# --- the front -------------------------------------------------------------------------------------------------------


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
