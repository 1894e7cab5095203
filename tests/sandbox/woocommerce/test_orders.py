"""The sandbox's WooCommerce shop reads and writes orders as the real one was seen to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sandbox.woocommerce import orders
from tests.platforms.woocommerce.world import World
from tests.sandbox.woocommerce.calls import call, error, get, inside, make, put

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
