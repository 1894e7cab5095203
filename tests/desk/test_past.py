"""The page of backfills and differences tells what the terminal tells."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from connector.db import backfills, drifts
from connector.db.drifts import Drift
from connector.flow import backfill_report
from tests.desk.conftest import Reader
from tests.desk.seeding import Town

NOW = datetime.now(UTC)


def _running(engine: Engine, shop_id: int) -> int:
    with engine.begin() as conn:
        since = NOW - timedelta(days=90)
        number = backfills.start(conn, shop_id, since, NOW, NOW, stock="apply", dry_run=False, actor="cli").id
        backfills.change(conn, number, NOW, started_at=NOW, expected=400)
        for page in range(4):
            backfills.add_page(conn, number, str(page), f"f{page}", 50, NOW + page * timedelta(seconds=5))
            backfills.count(conn, number, {"new": 40, "same": 9, "skipped": 1})
        backfills.add_misses(conn, number, [backfills.Miss("7", "skipped", "a draft <b>")], NOW)
        drifts.note(conn, shop_id, [Drift("missing", "4711")], "read again", NOW)
    return number


def test_nothing_yet_says_how_to_begin(reader: Reader) -> None:
    assert reader.get("/past").status_code == 200
    assert "connector backfill SHOP" in reader.page


def test_the_page_and_the_report_say_the_same(reader: Reader, town: Town, engine: Engine) -> None:
    with engine.connect() as conn:
        shop_id = int(conn.exec_driver_sql("SELECT min(id) FROM shops").scalar_one())
    number = _running(engine, shop_id)
    with engine.connect() as conn:
        told = backfill_report.report(conn, number)
    assert (told.backfill.read, told.progress.share, told.progress.per_second, told.progress.left_seconds) == (200, 0.5, 10, 20)
    assert reader.get("/past").status_code == 200
    assert re.findall(r'data-read="(\d+)" data-expected="(\d+)"', reader.page) == [("200", "400")]
    assert "10.0 a second." in reader.page
    assert "a draft &lt;b&gt;" in reader.page
    assert "4711: The order was missing here." in reader.page


def test_it_speaks_french(reader: Reader, town: Town, engine: Engine) -> None:
    assert "Commandes passées" in (reader.get("/past?lang=fr") and reader.page)
