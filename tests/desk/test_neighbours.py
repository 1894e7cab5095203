"""Two merchants with the same SKUs, places and order numbers: by no page and no call does one learn of the other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, Table, select

from connector.db import merchants, staff, tables
from connector.db.tables import HOUSE, metadata
from connector.domain.errors import Rejected
from connector.domain.staff import Role
from connector.flow import access
from connector.flow import staff as story
from tests.desk.conftest import Reader
from tests.desk.neighbours import PASSWORD, Neighbour
from tests.desk.seeding import NOW

Two = tuple[Neighbour, Neighbour]
LISTS = (
    "/orders",
    "/orders/history",
    "/orders?state=new",
    "/orders?search=BK-001",
    "/orders?search=menard",
    "/picking",
    "/tasks",
    "/past",
    "/dashboard",
    "/suppliers",
    "/stock",
    "/stock/BK-001",
    "/shops",
    "/health",
    "/health/inbox",
    "/health/outbox",
    "/health/endpoints",
    "/health/messages",
    "/staff",
)
CALLS = ("/orders", "/orders?state=all", "/items", "/locations", "/shops", "/items/BK-001/stock", "/endpoints", "/events")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def reader_of(app: Flask, one: Neighbour) -> Reader:
    """A browser in which the merchant's owner is signed in."""
    reader = Reader(app.test_client())
    reader.get("/sign-in")
    reader.send("/sign-in", name=one.owner, password=PASSWORD)
    return reader


def call(app: Flask, one: Neighbour, method: str, path: str, body: Any = None) -> tuple[int, str]:
    client: FlaskClient = app.test_client()
    answer = client.open(
        "/api/v1" + path,
        method=method,
        headers={"Authorization": f"Bearer {one.token}"},
        data=None if body is None else json.dumps(body),
        content_type="application/json",
    )
    return answer.status_code, answer.get_data(as_text=True)


def rows(engine: Engine, merchant_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """Everything a merchant has, as the house sees it."""
    kept: dict[str, list[tuple[Any, ...]]] = {}
    with engine.connect() as conn:
        for name, table in metadata.tables.items():
            if name not in HOUSE:
                found = conn.execute(select(table).where(table.c.merchant_id == merchant_id))
                kept[name] = sorted((tuple(row) for row in found), key=repr)
    return kept


def test_the_lists_of_the_desk_show_the_merchants_own(app: Flask, neighbours: Two) -> None:
    for one, other in (neighbours, neighbours[::-1]):
        reader, own_shown = reader_of(app, one), 0
        for path in LISTS:
            answer = reader.get(path)
            assert answer.status_code == 200, path
            assert other.mark not in reader.page, path
            own_shown += one.mark in reader.page
        assert own_shown > len(LISTS) / 2  # the marks do show where they may


def test_the_lists_of_the_api_show_the_merchants_own(app: Flask, neighbours: Two) -> None:
    for one, other in (neighbours, neighbours[::-1]):
        for path in CALLS:
            status, said = call(app, one, "GET", path)
            assert status in (200, 400), (path, said)
            assert other.mark not in said, path


def test_the_others_numbers_lead_nowhere(app: Flask, neighbours: Two, engine: Engine) -> None:
    here, there = neighbours
    before = rows(engine, there.merchant_id)
    reader = reader_of(app, here)
    for path in _paths(there):
        assert reader.get(path).status_code == 404, path
        assert there.mark not in reader.page, path
    token = _csrf(reader)
    for path in _acts(there):
        answer = reader.client.post(path, data={"csrf_token": token, "reason": "damaged", "to": "depot"})
        assert answer.status_code in (303, 400, 404, 409, 422), path
        assert there.mark not in answer.get_data(as_text=True), path
    for method, path, body in _calls(there):
        status, said = call(app, here, method, path, body)
        assert status in (400, 404), (method, path, status, said)
        assert there.mark not in said, path
    assert rows(engine, there.merchant_id) == before


def _part(one: Neighbour) -> tuple[int, int, int]:
    """(order, part, line) of a part that is still to be packed."""
    with one.town.engine.connect() as conn:
        parts, lines = tables.fulfillment_orders, tables.fulfillment_lines
        found = select(parts.c.order_id, parts.c.id, lines.c.order_line_id).join(
            lines, lines.c.fulfillment_order_id == parts.c.id
        )
        return tuple(conn.execute(found.where(parts.c.state == "new").limit(1)).one())  # type: ignore[return-value]


def _first(one: Neighbour, table: Table) -> int:
    return one.ids(table)[0]


def _paths(one: Neighbour) -> list[str]:
    order, part, _ = _part(one)
    return [
        f"/orders/{order}",
        f"/orders/{order}/parts/{part}/pick",
        f"/orders/{order}/parts/{part}/other-way",
        f"/health/inbox/{_first(one, tables.inbox)}",
        f"/health/outbox/{_first(one, tables.outbox)}",
        f"/health/messages/{_first(one, tables.event_sends)}",
        f"/shops/{_first(one, tables.shops)}/links",
    ]


def _acts(one: Neighbour) -> list[str]:
    order, part, line = _part(one)
    return [
        f"/orders/{order}/parts/{part}/pack",
        f"/orders/{order}/parts/{part}/other-way/reject",
        f"/orders/{order}/payments",
        f"/orders/{order}/notes",
        f"/orders/{order}/parts/{part}/picked/{line}",
        f"/orders/{order}/parts/{part}/pick/done",
        f"/orders/{order}/parts/{part}/pick/assign",
        f"/tasks/{_first(one, tables.order_tasks)}",
        f"/views/{_first(one, tables.saved_views)}/remove",
        f"/staff/{_first(one, tables.staff)}",
        f"/shops/{_first(one, tables.shops)}/links/places",
        f"/health/endpoints/{_first(one, tables.endpoints)}/remove",
    ]


def _calls(one: Neighbour) -> list[tuple[str, str, Any]]:
    order, part, _ = _part(one)
    endpoint = _first(one, tables.endpoints)
    return [
        ("GET", f"/orders/{order}", None),
        ("POST", f"/orders/{order}/payments", {"method": "till"}),
        ("POST", f"/fulfillment-orders/{part}/moves", {"step": "pack"}),
        ("GET", f"/endpoints/{endpoint}", None),
        ("PATCH", f"/endpoints/{endpoint}", {"name": "stolen"}),
        ("DELETE", f"/endpoints/{endpoint}", None),
        ("POST", f"/endpoints/{endpoint}/secret", None),
        ("POST", f"/endpoints/{endpoint}/test", None),
    ]


def _csrf(reader: Reader) -> str:
    page = reader.client.get("/orders").get_data(as_text=True)
    return page.split('name="csrf_token" value="')[1].split('"')[0]


def test_staff_print_only_their_own_slips(app: Flask, neighbours: Two) -> None:
    here, there = neighbours
    reader = reader_of(app, here)
    for kind in ("slip", "receipt", "pick-list"):
        assert reader.client.get(f"/print/{kind}.pdf?ids={_part(here)[0]}").status_code == 200
        answer = reader.client.get(f"/print/{kind}.pdf?ids={_part(there)[0]}")
        assert answer.status_code == (200 if kind == "pick-list" else 404)  # an empty list to pick is a list, too


def test_replaying_everything_touches_only_ones_own(app: Flask, neighbours: Two, engine: Engine) -> None:
    here, there = neighbours
    before = rows(engine, there.merchant_id)
    token = _csrf(reader := reader_of(app, here))
    for box, table in (("inbox", tables.inbox), ("outbox", tables.outbox)):
        ids = [str(number) for number in there.ids(table)]
        reader.client.post(f"/health/{box}/replay", data={"csrf_token": token, "id": ids})
        reader.client.post(f"/health/{box}/replay", data={"csrf_token": token})
    assert rows(engine, there.merchant_id) == before


def test_a_name_of_staff_is_one_persons_over_all_merchants(neighbours: Two) -> None:
    """Who signs in says a name and no merchant; the one who adds is told that it is taken."""
    here, there = neighbours
    with pytest.raises(Rejected, match="taken"):
        story.add(there.town.engine, here.owner, Role.PICKER, PASSWORD)
    with there.town.engine.connect() as conn:
        assert [member.name for member in staff.members(conn)] == [there.owner]


def test_a_token_may_have_the_name_of_anothers_and_ends_alone(neighbours: Two, engine: Engine) -> None:
    here, there = neighbours
    access.revoke(here.town.engine, "till", NOW)
    assert access.holder(engine, here.token, NOW) is None
    assert access.holder(engine, there.token, NOW) is not None


def test_the_acts_are_on_the_merchants_own_record(app: Flask, neighbours: Two) -> None:
    here, there = neighbours
    counts = there.count(tables.audit)
    reader, known = reader_of(app, here), here.count(tables.audit)
    reader.client.post(f"/orders/{_part(here)[0]}/notes", data={"csrf_token": _csrf(reader), "text": "mine"})
    assert (here.count(tables.audit), there.count(tables.audit)) == (known + 1, counts)


def test_whose_request_it_is_must_be_said_before_anything_is_read(app: Flask) -> None:
    from desk.blueprint import desk

    with app.test_request_context("/orders"), pytest.raises(RuntimeError, match="whose"):
        desk()


def test_merchants_are_settled_apart(neighbours: Two, engine: Engine) -> None:
    assert [one.merchant_id for one in neighbours] == [merchants.FIRST, neighbours[1].merchant_id]
    for one in neighbours:
        numbers = {row[3] for row in rows(engine, one.merchant_id)["orders"]}
        assert len(numbers) == one.count(tables.orders) > 10
