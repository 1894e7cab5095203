"""Every route that takes a number, asked with the neighbour's: generated from the application, so that a new one is asked too."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import Engine, Table

from connector.db import tables
from connector.flow import staff as story
from tests.desk.neighbours import Neighbour
from tests.desk.test_neighbours import _csrf, _part, call, reader_of, rows

Two = tuple[Neighbour, Neighbour]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
# Whose number stands for which argument of a route; a route with an argument of another name turns this test red.
TABLES: dict[str, Table] = {
    "shop_id": tables.shops,
    "task_id": tables.order_tasks,
    "view_id": tables.saved_views,
    "staff_id": tables.staff,
    "endpoint_id": tables.endpoints,
}
ROWS: dict[str, Table] = {
    "desk.inbox_row": tables.inbox,
    "desk.outbox_row": tables.outbox,
    "desk.message": tables.event_sends,
}
PLAIN: dict[str, str] = {"step": "pack", "way": "reject", "box": "inbox", "kind": "slip", "act": "remove"}
# By SKU, which both have, or without a number in the address: what they show is looked at in `test_neighbours`.
NO_NUMBER = {
    "desk.static",
    "desk.stock_item",
    "desk.set_supplier",
    "api.levels",
    "desk.replay",
    "desk.paper",
    "desk.replay_messages",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def values(endpoint: str, arguments: set[str], one: Neighbour) -> dict[str, Any]:
    """The neighbour's numbers for a route; KeyError for an argument nobody has said anything of."""
    order, part, line = _part(one)
    numbers = {"order_id": order, "part_id": part, "line_id": line}
    found: dict[str, Any] = {}
    for name in arguments:
        if name in numbers:
            found[name] = numbers[name]
        elif name in PLAIN:
            found[name] = PLAIN[name]
        else:
            found[name] = one.ids(TABLES[name] if name in TABLES else ROWS[endpoint])[0]
    return found


def numbered(app: Flask, one: Neighbour) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of every route of pages and API that takes a number, with the neighbour's."""
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        return [
            (rule.endpoint, method, adapter.build(rule.endpoint, values(rule.endpoint, set(rule.arguments), one)))
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith(("desk.", "api.")) and rule.arguments and rule.endpoint not in NO_NUMBER
            for method in sorted((rule.methods or set()) & METHODS)
        ]


def test_no_route_shows_or_changes_anything_by_the_neighbours_numbers(app: Flask, neighbours: Two, engine: Engine) -> None:
    here, there = neighbours
    before = rows(engine, there.merchant_id)
    reader = reader_of(app, here)
    token = _csrf(reader)
    asked = numbered(app, there)
    assert len(asked) > 30
    for endpoint, method, path in asked:
        if endpoint.startswith("api."):
            status, said = call(app, here, method, path.removeprefix("/api/v1"), {"method": "till", "step": "pack", "name": "x"})
        else:
            filled = {"csrf_token": token, "reason": "damaged", "role": "viewer", "choice": "keep", "text": "x", "units": "0"}
            answer = reader.client.open(path, method=method, data=filled if method != "GET" else None)
            status, said = answer.status_code, answer.get_data(as_text=True)
        assert status in (400, 403, 404), (endpoint, method, path, status)
        assert there.mark not in said, (endpoint, path)
    assert rows(engine, there.merchant_id) == before


def test_numbers_within_forms_lead_nowhere_either(app: Flask, neighbours: Two, engine: Engine) -> None:
    """Ticked orders, a colleague to hand over to, a place, a paper, of the neighbour's."""
    here, there = neighbours
    before = rows(engine, there.merchant_id)
    reader = reader_of(app, here)
    token, (order, part, _) = _csrf(reader), _part(here)
    for act in ("pack", "pay", "ship", "slips", "receipts"):
        answer = reader.client.post("/orders/bulk", data={"csrf_token": token, "act": act, "order": str(_part(there)[0])})
        assert there.mark not in answer.get_data(as_text=True)
        if answer.status_code == 303:
            assert reader.client.get(answer.location).status_code == 404
    colleague = str(there.ids(tables.staff)[0])
    answer = reader.client.post(f"/orders/{order}/parts/{part}/pick/assign", data={"csrf_token": token, "staff": colleague})
    assert there.mark not in reader.client.get(answer.location).get_data(as_text=True)
    for kind in ("slip", "receipt", "pick-list"):
        answer = reader.client.get(f"/print/{kind}.pdf?ids={_part(there)[0]}")
        assert answer.status_code == 404 or kind == "pick-list"
        assert there.mark.encode() not in answer.data
    assert rows(engine, there.merchant_id) == before
