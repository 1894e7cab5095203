"""The API keeps its document: each answer is checked against openapi.yaml, refusals included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_core import Config, OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIResponse
from openapi_core.testing import MockRequest
from openapi_schema_validator import OAS31Validator
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

import desk
from connector.db.sealed import Seal
from connector.db.tables import api_answers, api_tokens, events, fulfillment_orders, movements, payments
from connector.domain.events import TYPES
from connector.domain.fulfillment import Step
from connector.flow import access, fulfill
from connector.flow.wake import Wake
from tests.flow.toy import START, World, order, unpaid, world

DOCUMENT = OpenAPI.from_file_path(
    str(Path(desk.__file__).parent / "api/openapi.yaml"),
    config=Config(extra_media_type_deserializers={"application/problem+json": json.loads}),
)
EVERYTHING = tuple(access.SCOPES)


class Api:
    """A caller with a token."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = token

    def call(self, method: str, path: str, body: Any = None, key: str = "", **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        if body is not None:
            more = {"data": json.dumps(body), "content_type": "application/json"} | more
        answer = self.client.open("/api/v1" + path, method=method, headers=headers, **more)
        if answer.status_code != 404 or answer.mimetype == "application/problem+json":
            keeps_the_document(answer)
        return answer


def keeps_the_document(answer: TestResponse) -> None:
    assert answer.status_code < 500
    asked = MockRequest("http://localhost", answer.request.method.lower(), answer.request.path)
    DOCUMENT.validate_response(asked, WerkzeugOpenAPIResponse(answer))


@pytest.fixture
def rung() -> list[Wake]:
    return []


@pytest.fixture
def at(engine: Engine, seal: Seal) -> World:
    return world(engine, seal, {("PEN", "quay"): 9, ("INK", "depot"): 9})


@pytest.fixture
def app(engine: Engine, seal: Seal, rung: list[Wake]) -> Flask:
    app = Flask("tests")
    app.secret_key = "a key of the tests that is long enough"
    desk.register(app, engine=engine, seal=seal, ring=rung.extend)
    return app


@pytest.fixture
def api(app: Flask, at: World) -> Callable[..., Api]:
    names = iter(range(99))
    return lambda *scopes: Api(app, access.add(at.engine, f"t{next(names)}", scopes or EVERYTHING, START))


def test_orders_are_listed_page_by_page_and_shown_whole(at: World, api: Callable[..., Api]) -> None:
    at.take(*(order(str(number), [("PEN", 1)]) for number in range(5)))
    caller, seen, cursor = api("orders:read"), [], ""
    while cursor is not None:
        page = caller.call("GET", f"/orders?limit=2&cursor={cursor}").json
        seen += [one["external_id"] for one in page["orders"]]
        cursor = page["next"]
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    found = caller.call("GET", "/orders?search=elise&location=quay").json["orders"]
    assert len(found) == 5
    whole = caller.call("GET", f"/orders/{found[0]['id']}").json
    assert whole["person"]["customer"]["email"] == "elise@example.test"
    assert whole["lines"][0]["sku"] == "PEN"


def test_a_part_is_moved_and_refused_with_what_is_missing(at: World, api: Callable[..., Api], rung: list[Wake]) -> None:
    at.take(unpaid(order()))
    caller = api("orders:read", "orders:write")
    [found] = caller.call("GET", "/orders").json["orders"]
    path = f"/fulfillment-orders/{found['fulfillment_orders'][0]['id']}/moves"
    assert caller.call("POST", path, {"step": "pack"}).json["state"] == "packed"
    assert rung == [Wake("deliver", at.shop.id)]
    refused = caller.call("POST", path, {"step": "ship"})
    assert (refused.status_code, refused.mimetype) == (409, "application/problem+json")
    assert "10.00 EUR is still owed" in refused.json["detail"]
    paid = caller.call("POST", f"/orders/{found['id']}/payments", {"method": "till"})
    assert (paid.status_code, paid.json) == (201, {"recorded_minor": 1000, "owed_minor": 0, "currency": "EUR"})
    shipped = caller.call("POST", path, {"step": "ship", "tracking": {"number": "AB", "carrier": "UPS"}})
    assert shipped.json["order_state"] == "completed"
    assert caller.call("GET", f"/orders/{found['id']}").json["fulfillment_orders"][0]["tracking"] == "AB"


def test_a_repeated_key_gives_the_first_answer_and_does_nothing_new(at: World, api: Callable[..., Api]) -> None:
    at.take(unpaid(order()))
    caller = api()
    [found] = caller.call("GET", "/orders").json["orders"]
    body = {"amount_minor": 300}
    first = caller.call("POST", f"/orders/{found['id']}/payments", body, key="k1")
    again = caller.call("POST", f"/orders/{found['id']}/payments", body, key="k1")
    assert (first.status_code, first.json) == (again.status_code, again.json) == (201, {**first.json, "owed_minor": 700})
    assert len(at.rows(payments)) == 1
    other = caller.call("POST", f"/orders/{found['id']}/payments", {"amount_minor": 400}, key="k1")
    assert (other.status_code, "another request" in other.json["detail"]) == (422, True)


def test_a_refused_request_frees_its_key(at: World, api: Callable[..., Api]) -> None:
    caller = api()
    lines = {"reason": "receipt", "lines": [{"sku": "NEW", "location": "quay", "quantity": 3}]}
    assert caller.call("POST", "/stock/changes", lines, key="bl-1").status_code == 409
    assert caller.call("PUT", "/items", {"items": [{"sku": "NEW", "title": "New"}]}).json == {"items": 1}
    assert caller.call("POST", "/stock/changes", lines, key="bl-1").json == {"movements": 1}
    assert caller.call("GET", "/items/NEW/stock").json["locations"][0]["on_hand"] == 3


def test_stock_is_booked_once_by_its_key_and_names_who_did_it(at: World, api: Callable[..., Api]) -> None:
    caller = api("stock:write", "stock:read")
    sale = {"reason": "till_sale", "lines": [{"sku": "PEN", "location": "quay", "quantity": -2}]}
    for _ in range(2):
        assert caller.call("POST", "/stock/changes", sale, key="receipt-9").json == {"movements": 1}
    assert at.stock("PEN") == {"quay": (7, 0)}
    assert at.rows(movements, reason="till_sale")[0]["actor"] == "api:t0"
    count = {"lines": [{"sku": "PEN", "location": "quay", "quantity": 5}]}
    assert caller.call("POST", "/stock/counts", count, key="c").json == {"movements": 1}
    assert at.stock("PEN") == {"quay": (5, 0)}
    keyless = caller.call("POST", "/stock/changes", sale)
    assert (keyless.status_code, "Idempotency-Key" in keyless.json["detail"]) == (400, True)


def test_items_are_listed_by_cursor(at: World, api: Callable[..., Api]) -> None:
    caller = api("stock:read")
    first = caller.call("GET", "/items?limit=1").json
    assert ([item["sku"] for item in first["items"]], first["next"]) == (["INK"], "INK")
    assert caller.call("GET", "/items?limit=9&cursor=INK").json["next"] is None
    assert [place["code"] for place in caller.call("GET", "/locations").json["locations"]] == ["quay", "depot"]


def test_no_token_no_scope_no_entry(app: Flask, at: World, api: Callable[..., Api]) -> None:
    routes = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.") and rule.endpoint != "api.openapi"]
    assert len(routes) >= 10
    narrow = {scope: api(scope) for scope in EVERYTHING}
    for rule in routes:
        needed = app.view_functions[rule.endpoint].needs_scope  # type: ignore[attr-defined]
        path = app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, 1)).removeprefix("/api/v1")
        for method in rule.methods - {"HEAD", "OPTIONS"}:  # type: ignore[operator]
            assert Api(app, "oc_1_wrong").call(method, path).status_code == 401
            for scope, caller in narrow.items():
                assert (caller.call(method, path).status_code == 403) == (scope != needed)


@pytest.mark.parametrize(
    "presented", ["", "oc_1", "oc_999999999999999999_" + "a" * 43, "oc_1_" + "é" * 43, "Basic abc", "oc_-1_" + "a" * 43]
)
def test_odd_tokens_are_refused(app: Flask, at: World, presented: str) -> None:
    headers = {"Authorization": f"Bearer {presented}"}
    answer = app.test_client().get("/api/v1/orders", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_revoked_token_opens_nothing_and_secrets_are_not_stored(at: World, app: Flask) -> None:
    token = access.add(at.engine, "till", ["orders:read"], START)
    assert Api(app, token).call("GET", "/orders").status_code == 200
    [row] = at.rows(api_tokens)
    assert token.rpartition("_")[2].encode() not in bytes(row["secret_hash"])
    assert row["last_used_at"] is not None
    access.revoke(at.engine, "till", START)
    assert Api(app, token).call("GET", "/orders").status_code == 401


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("step", "tracking", "amount_minor", "method", "reason", "lines", "items", "sku", "location", "quantity")
BODIES = ODD | st.dictionaries(st.sampled_from(NAMES), ODD | st.lists(st.dictionaries(st.sampled_from(NAMES), ODD), max_size=2))
WRITES = [
    ("POST", "/orders/1/payments"), ("POST", "/fulfillment-orders/1/moves"), ("POST", f"/orders/{2**70}/payments"),
    ("PUT", "/items"), ("POST", "/stock/changes"), ("POST", "/stock/counts"),
]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=st.sampled_from(WRITES), body=BODIES)
def test_odd_bodies_are_refused_as_documented(at: World, api: Callable[..., Api], call: tuple[str, str], body: Any) -> None:
    caller = api.__dict__.setdefault("caller", None) or api()
    api.__dict__["caller"] = caller
    assert caller.call(*call, body, key="k" if "stock" in call[1] else "").status_code in (200, 201, 400, 404, 409, 422)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/orders", "/items"]),
    name=st.sampled_from(["cursor", "limit", "shop", "location", "history", "search", "state"]),
    value=st.text(max_size=30),
)
def test_odd_queries_are_refused_as_documented(at: World, api: Callable[..., Api], path: str, name: str, value: str) -> None:
    caller = api.__dict__.setdefault("caller", None) or api()
    api.__dict__["caller"] = caller
    assert caller.call("GET", path, query_string={name: value}).status_code in (200, 400, 404)


def test_the_document_is_served_and_can_be_read(app: Flask, at: World) -> None:
    client = app.test_client()
    served = client.get("/api/v1/openapi.yaml")
    assert served.status_code == 200
    assert served.text.startswith("openapi: 3.1.0")
    page = client.get("/api")
    assert page.status_code == 200
    assert "/api/v1/stock/counts" in page.text


def test_endpoints_and_events_over_the_api(at: World, api: Callable[..., Api], rung: list[Wake]) -> None:
    caller = api()
    made = caller.call("POST", "/endpoints", {"url": "https://erp.example/hooks", "name": "ERP"}, key="once")
    assert made.status_code == 201
    assert made.json["secret"].startswith("whsec_")
    assert caller.call("POST", "/endpoints", {"url": "https://erp.example/hooks", "name": "ERP"}, key="once").json == made.json
    with at.engine.connect() as conn:
        kept = conn.execute(select(api_answers.c.answer)).scalars().all()
    assert made.json["secret"] not in json.dumps(kept), "a secret is not remembered in the clear"
    path = f"/endpoints/{made.json['id']}"
    assert [one["state"] for one in caller.call("GET", "/endpoints").json["endpoints"]] == ["active"]
    at.take(order())
    page = caller.call("GET", "/events?limit=1").json
    assert (page["messages"][0]["type"], page["messages"][0]["state"]) == ("order.received", "waiting")
    older = caller.call("GET", f"/events?limit=1&cursor={page['next']}").json
    assert older["messages"][0]["data"]["sku"] == "PEN"
    assert caller.call("POST", "/events/replay", {"endpoint": made.json["id"], "dry_run": True}).json == {"messages": 0}
    assert caller.call("PATCH", path, {"state": "paused", "types": ["stock.changed"]}).json["types"] == ["stock.changed"]
    assert caller.call("POST", path + "/test").status_code == 409
    assert caller.call("PATCH", path, {"state": "active"}).json["state_reason"] == ""
    assert caller.call("POST", path + "/test").status_code == 201
    assert rung == [Wake("events", made.json["id"])] * 2
    assert caller.call("POST", path + "/secret").json["secret"] != made.json["secret"]
    assert caller.call("DELETE", path).json == {"removed": made.json["id"]}
    assert caller.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/endpoints", {"url": "https://10.0.0.1/hooks"}, 409),
        ("POST", "/endpoints", {"url": "http://erp.example/"}, 409),
        ("POST", "/endpoints", {"url": ""}, 400),
        ("POST", "/endpoints", {"url": "https://erp.example", "types": "all"}, 400),
        ("POST", "/endpoints", {"url": "https://erp.example", "types": ["order.deleted"]}, 409),
        ("PATCH", "/endpoints/9", {"state": "gone"}, 400),
        ("PATCH", "/endpoints/99999999999999999999", {}, 404),
        ("GET", "/events?cursor=x", None, 400),
        ("GET", "/events?since=yesterday", None, 400),
        ("GET", "/events?endpoint=-1", None, 400),
        ("POST", "/events/replay", {}, 400),
        ("POST", "/events/replay", {"ids": ["a"]}, 400),
        ("POST", "/events/replay", {"ids": [1], "dry_run": "no"}, 400),
    ],
)
def test_what_the_api_refuses_of_endpoints(
    at: World, api: Callable[..., Api], method: str, path: str, body: Any, status: int
) -> None:
    assert api().call(method, path, body).status_code == status


def test_a_token_hears_only_of_what_it_may_read_itself(at: World, api: Callable[..., Api]) -> None:
    reader = api("events:read", "events:write", "stock:read")
    url = {"url": "https://erp.example/hooks"}
    assert reader.call("POST", "/endpoints", {**url, "types": ["order.received"]}).status_code == 403
    assert reader.call("POST", "/endpoints", url).json["types"] == ["stock.changed"]
    whole = api().call("POST", "/endpoints", url).json
    for method, path, body in (
        ("PATCH", f"/endpoints/{whole['id']}", {"url": "https://elsewhere.example"}),
        ("POST", f"/endpoints/{whole['id']}/secret", None),
    ):
        assert reader.call(method, path, body).status_code == 403
    at.take(order())
    seen = reader.call("GET", "/events").json["messages"]
    assert {one["type"]: one["data"] is not None for one in seen} == {
        "stock.changed": True,
        "order.received": False,
    }


def test_what_is_sent_is_what_the_document_says(at: World, api: Callable[..., Api]) -> None:
    api().call("POST", "/endpoints", {"url": "https://erp.example/hooks"})
    at.take(order())
    part = at.rows(fulfillment_orders)[0]["id"]
    fulfill.move(at.engine, part, Step.PACK, START, actor="tests")
    document = yaml.safe_load((Path(desk.__file__).parent / "api/openapi.yaml").read_text())
    assert set(document["webhooks"]) == set(TYPES)
    told = at.rows(events)
    assert {row["type"] for row in told} == set(TYPES)
    for row in told:
        said = document["webhooks"][row["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
        name = said["properties"]["data"]["$ref"].rpartition("/")[2]
        schema = {**document["components"]["schemas"][name], "additionalProperties": False}
        OAS31Validator(schema).validate(row["facts"])
