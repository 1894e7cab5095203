"""An order whose customer was taken out is still found by what is nobody's: its number and its articles."""

from __future__ import annotations

from sqlalchemy import Engine

from connector.db import order_views, privacy
from connector.db.order_views import OrderFilter
from connector.db.sealed import Seal
from connector.domain.orders import Customer
from tests.desk import seeding
from tests.desk.seeding import order


def found(engine: Engine, words: str) -> list[int]:
    with engine.connect() as conn:
        return [row.id for row in order_views.list_orders(conn, OrderFilter(search=words))]


def test_a_redacted_order_is_found_by_its_number_and_articles_and_by_no_name(engine: Engine, seal: Seal) -> None:
    town = seeding.build(engine, seal)
    person = Customer(name="Éloïse Ménard", email="eloise@example.test")
    taken = town.place(seeding.replace(order(("BK-001", 1), note="ring twice"), number="#48151", customer=person))
    assert found(engine, "48151") == found(engine, "eloise") == [taken]
    with engine.begin() as conn:
        privacy.blank_orders(conn, [taken], seal.seal_json({}))
    assert found(engine, "48151") == found(engine, "bk-001") == [taken]
    assert found(engine, "eloise") == found(engine, "menard") == []


def test_an_order_without_lines_and_one_that_is_not_there_are_no_trouble(engine: Engine, seal: Seal) -> None:
    town = seeding.build(engine, seal)
    bare = town.place(seeding.replace(order(), number="#7", lines=()))
    with engine.begin() as conn:
        privacy.blank_orders(conn, [bare, 987654], seal.seal_json({}))
    assert found(engine, "#7") == [bare]
