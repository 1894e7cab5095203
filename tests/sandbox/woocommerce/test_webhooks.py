"""The webhooks of the sandbox's WooCommerce shop, as the real one was seen to send them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import requests

from sandbox.woocommerce import orders
from sandbox.woocommerce.hooks import WEBHOOK
from tests.platforms.woocommerce.world import Received, Receiver, World
from tests.sandbox.woocommerce.calls import call, get, hook, inside, put


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
