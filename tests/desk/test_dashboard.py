"""The dashboard: right figures, nothing that grows with finished orders, and a page that stands without a single order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, text

from connector.db import dashboard_views
from connector.db.tables import attempts, inbox, outbox
from desk import charts
from desk.charts import ceiling, stacked
from tests.desk import seeding
from tests.desk.conftest import Reader
from tests.desk.seeding import NOW, Town, order

HOUR = timedelta(hours=1)


def test_without_an_order_every_picture_says_so(reader: Reader, town: Town) -> None:
    assert reader.get("/dashboard").status_code == 200
    for words in ("No order in the last 24 hours.", "No delivery yet.", "Nothing waits", "No call failed in the last 24 hours."):
        assert words in reader.page
    assert "<rect" not in reader.page


def test_orders_of_the_day_are_counted_by_hour_and_shop_and_older_ones_are_not(town: Town) -> None:
    town.place(order(("BK-001", 1), minutes_ago=1))
    town.place(order(("BK-001", 1), minutes_ago=1), "woocommerce")
    town.place(order(("BK-001", 1), minutes_ago=60 * 30))
    with town.engine.connect() as conn:
        found = dashboard_views.orders_by_hour(conn, NOW - 24 * HOUR, NOW + HOUR)
    assert [(row.shop_id, row.orders) for row in found] == [
        (town.shops["shopify"].id, 1),
        (town.shops["woocommerce"].id, 1),
    ]
    assert {row.hour for row in found} == {(NOW - timedelta(minutes=1)).replace(minute=0, second=0, microsecond=0)}


def _delivered(conn: Connection, shop_id: int, at: datetime, seconds: list[float]) -> None:
    rows = [
        {
            "shop_id": shop_id,
            "dedup_key": f"{at}{number}",
            "kind": "order",
            "received_at": at,
            "state": "done",
            "finished_at": at + timedelta(seconds=waited),
        }
        for number, waited in enumerate(seconds)
    ]
    conn.execute(insert(inbox), rows)


def test_the_time_until_deliveries_are_taken_in(town: Town) -> None:
    at = NOW.replace(minute=0, second=0, microsecond=0)
    with town.engine.begin() as conn:
        _delivered(conn, town.shops["shopify"].id, at, [1.0, 2.0, 3.0])
        _delivered(conn, town.shops["shopify"].id, at - 40 * HOUR, [100.0])
        [row] = dashboard_views.taking_in(conn, at - 24 * HOUR)
    assert (row.hour, row.deliveries, row.half_seconds) == (at, 3, 2.0)
    assert 2.8 < row.most_seconds <= 3.0


def test_failed_calls_are_counted_by_kind_and_what_went_well_is_none(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1)))
    with town.engine.begin() as conn:
        row = {"act": "packed", "effect_key": "k", "announcement": {}, "shop_id": town.shops["shopify"].id, "order_id": order_id}
        made = conn.execute(insert(outbox).values(**row).returning(outbox.c.id)).scalar_one()
        for outcome in ("timedout", "timedout", "refused", "applied", "already"):
            conn.execute(insert(attempts).values(outbox_id=made, outcome=outcome, at=NOW))
        conn.execute(insert(attempts).values(outbox_id=made, outcome="retryable", at=NOW - 30 * HOUR))
        found = dashboard_views.failures(conn, NOW - 24 * HOUR)
    assert [(row.to, row.kind, row.tries) for row in found] == [("shopify", "timedout", 2), ("shopify", "refused", 1)]
    reader.get("/dashboard")
    assert "too slow, Shopify: 2" in reader.page


def test_each_picture_has_its_table_and_no_style_of_its_own(reader: Reader, town: Town) -> None:
    seeding.morning(town)
    reader.get("/dashboard")
    assert reader.page.count("<svg viewBox") == reader.page.count("<summary>As a table") >= 1
    assert "style=" not in reader.page, "the policy of the pages forbids it"
    for language, word in (("fr", "Tableau de bord"), ("en", "Dashboard")):
        reader.get(f"/dashboard?lang={language}")
        assert f"<h1>{word}</h1>" in reader.page


@pytest.mark.parametrize(("most", "end"), [(0, 4), (1, 2), (3, 4), (4, 4), (7, 8), (21, 40), (161, 200), (0.003, 0.004)])
def test_an_axis_ends_at_a_round_number(most: float, end: float) -> None:
    assert ceiling(most) == pytest.approx(end)
    assert ceiling(most) >= most


def test_bars_stand_on_each_other_and_inside_the_drawing() -> None:
    chart = stacked(["a", "b"], [[(3, 0, ""), (5, 1, "")], [(0, 0, "")]])
    first, second, third = chart.bars
    assert first.y + first.height == pytest.approx(chart.bottom)
    assert second.y + second.height == pytest.approx(first.y)
    assert third.height == 0
    assert all(chart.left <= bar.x and bar.x + bar.width <= charts.WIDTH and bar.y >= 0 for bar in chart.bars)


@pytest.fixture
def statements(engine: Engine) -> Any:
    """The statements the page sends."""
    sent: list[tuple[str, Any]] = []

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_no_query_of_the_page_reads_all_orders(reader: Reader, town: Town, statements: list[tuple[str, Any]]) -> None:
    seeding.many(town, 5000)
    with town.engine.begin() as conn:
        conn.execute(text("UPDATE orders SET placed_at = placed_at - interval '30 days' WHERE id % 50 <> 0"))
    with town.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE orders"))
    statements.clear()
    reader.get("/dashboard")
    asked = [(statement, given) for statement, given in statements if "FROM orders" in statement]
    assert asked
    with town.engine.connect() as conn:
        for statement, given in asked:
            plan = "\n".join(conn.exec_driver_sql("EXPLAIN " + statement, given).scalars())
            assert "Seq Scan on orders" not in plan, plan
