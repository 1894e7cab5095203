"""Many rows at once: added by COPY, changed from arrays, with SQLAlchemy's errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from connector.db import many
from connector.db.tables import locations, orders, shops

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
ODD = ['a"b', "back\\slash", "{brace}", "comma, NULL", "", "é\t\n"]


def _order(order_id: int, shop_id: int, **more: Any) -> dict[str, Any]:
    return {
        "id": order_id,
        "shop_id": shop_id,
        "external_id": str(order_id),
        "number": f"#{order_id}",
        "placed_at": NOW,
        "version": NOW,
        "digest": "d",
        "currency": "EUR",
        "total_minor": 2**40,
        "outstanding_minor": 0,
        "payment": "paid",
        "lifecycle": "open",
        "handover": "delivery",
        "sealed_person": b"\x00\xff\\",
        "attention": ODD,
        "reason": [{"code": "short", "location": 'Dépôt "A"\\', "quantity": 2}],
        **more,
    }


@pytest.fixture
def shop_id(engine: Engine) -> int:
    row = {"key": "k", "platform": "toy", "external_id": "x", "name": "X", "address": "a", "sealed_credentials": b"s"}
    with engine.begin() as conn:
        return int(conn.execute(insert(shops).values(row).returning(shops.c.id)).scalar_one())


def _stored(engine: Engine, *names: str) -> list[tuple[Any, ...]]:
    with engine.connect() as conn:
        return [tuple(row) for row in conn.execute(select(*(orders.c[name] for name in names)).order_by(orders.c.id))]


def test_what_is_added_comes_back_as_it_was(engine: Engine, shop_id: int) -> None:
    rows = [_order(1, shop_id), _order(2, shop_id, sealed_person=None, attention=[])]
    with engine.begin() as conn:
        many.add(conn, orders, rows)
    for row, stored in zip(rows, _stored(engine, *rows[0]), strict=True):
        assert dict(zip(row, stored, strict=True)) == row


def test_what_is_changed_is_changed_and_nothing_else(engine: Engine, shop_id: int) -> None:
    changes = [
        {"id": 1, "attention": ODD[::-1], "reason": [], "open": False, "revision": 7, "version": NOW.replace(year=2027)},
        {"id": 3, "attention": [], "reason": [{"code": "é"}], "open": True, "revision": 8, "version": NOW},
    ]
    with engine.begin() as conn:
        many.add(conn, orders, [_order(number, shop_id) for number in (1, 2, 3)])
        many.change(conn, orders, changes)
    found = _stored(engine, *changes[0])
    assert [dict(zip(changes[0], row, strict=True)) for row in (found[0], found[2])] == changes
    assert found[1][1:5] == (ODD, _order(2, shop_id)["reason"], True, 0)


def test_nothing_is_nothing(engine: Engine) -> None:
    with engine.begin() as conn:
        many.add(conn, orders, [])
        many.change(conn, orders, [])


def test_a_broken_constraint_is_an_integrity_error_and_leaves_nothing(engine: Engine, shop_id: int) -> None:
    with pytest.raises(IntegrityError), engine.begin() as conn:
        many.add(conn, orders, [_order(1, shop_id), _order(1, shop_id)])
    assert _stored(engine, "id") == []


def test_errors_show_no_values(engine: Engine, shop_id: int) -> None:
    with pytest.raises(IntegrityError) as caught, engine.begin() as conn:
        many.add(conn, orders, [_order(1, shop_id, customer_name="Élise", state="nonsense")])
    assert "[SQL: COPY orders]" in str(caught.value)
    assert caught.value.params is None


def test_a_lost_connection_is_the_database_s_fault_not_a_row_s(engine: Engine, shop_id: int) -> None:
    with engine.connect() as conn:
        pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with engine.begin() as other:
            other.exec_driver_sql("SELECT pg_terminate_backend(%s)", (pid,))
        with pytest.raises(OperationalError):
            many.add(conn, orders, [_order(1, shop_id)])
        conn.invalidate()  # nothing is left of it that could be rolled back


def test_among_takes_any_number_of_values(engine: Engine) -> None:
    with engine.begin() as conn:
        many.add(conn, locations, [{"code": f"c{number}", "name": "N"} for number in range(5)])
        for wanted in ([], ["c1"], ["c1", "c3", "none"]):
            found = conn.execute(select(locations.c.code).where(many.among(locations.c.code, wanted))).scalars()
            assert set(found) == set(wanted) - {"none"}
