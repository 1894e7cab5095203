"""A shop whose link is broken is named in the head of every page, and on the page of health with what to do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, text

from connector.db import drifts, health_views
from connector.db import shops as shop_rows
from connector.db.drifts import Drift
from connector.db.tables import inbox
from connector.domain.drift import SUBSCRIPTION
from connector.flow import staff as story
from desk import words
from desk.blueprint import serve
from desk.health import lost_links
from tests.desk.conftest import Reader
from tests.desk.seeding import NOW, Town

DAY = timedelta(days=1)


def _break(town: Town, loss: str) -> None:
    shop = town.shops["bigcommerce"]
    with town.engine.begin() as conn:
        if loss == "paused":
            shop_rows.rest(conn, shop.id, NOW + DAY, "401", state="paused")
        elif loss == "uninstalled":
            shop_rows.uninstall(conn, shop.id, "The merchant removed the app.")
        else:
            drifts.note(conn, shop.id, [Drift(SUBSCRIPTION, "store/order/*")], "found only", NOW)


@pytest.mark.parametrize("path", ["/orders", "/stock", "/health"])
def test_nothing_is_said_while_all_is_well(reader: Reader, town: Town, path: str) -> None:
    assert "banner lost" not in reader.get(path).get_data(as_text=True)


@pytest.mark.parametrize("loss", list(words.LOST_LINKS))
def test_a_broken_link_is_named_on_every_page(reader: Reader, town: Town, loss: str) -> None:
    _break(town, loss)
    shop = town.shops["bigcommerce"]
    for path in ("/orders", "/stock", "/health"):
        page = reader.get(path).get_data(as_text=True)
        assert page.count("banner lost") == 1
        assert shop.name in page.partition("banner lost")[2].partition("</aside>")[0]
        assert f"/health#shop-{shop.id}" in page
    assert words.REMEDIES[loss].replace("'", "&#39;") in reader.page


def test_it_is_said_in_french(reader: Reader, town: Town) -> None:
    _break(town, "paused")
    assert "refuse nos identifiants" in reader.get("/orders?lang=fr").get_data(as_text=True)


def test_a_link_that_is_mended_is_not_named_any_more(reader: Reader, town: Town) -> None:
    _break(town, "paused")
    _break(town, "webhooks")
    with town.engine.begin() as conn:
        shop_rows.succeeded(conn, town.shops["bigcommerce"].id)
        drifts.gone(conn, town.shops["bigcommerce"].id, (SUBSCRIPTION,), NOW + DAY, NOW)
    assert "banner lost" not in reader.get("/orders").get_data(as_text=True)


def test_a_shop_that_was_removed_long_ago_is_not_named_for_ever(town: Town, engine: Engine) -> None:
    _break(town, "uninstalled")
    row = {"shop_id": town.shops["bigcommerce"].id, "dedup_key": "1", "kind": "uninstalled", "state": "done"}
    with engine.begin() as conn:
        conn.execute(insert(inbox).values(**row, received_at=NOW))
        assert [one.loss for one in health_views.lost_links(conn, NOW + 6 * DAY)] == ["uninstalled"]
        assert health_views.lost_links(conn, NOW + 8 * DAY) == []


def test_a_page_without_the_database_still_comes(app: Flask, reader: Reader, town: Town, engine: Engine) -> None:
    """The head of a page must not need what has failed."""
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE drifts RENAME TO drifts_away"))
    try:
        with app.test_request_context():
            assert lost_links() == [], "nor who asks"
            serve(1)
            assert lost_links() == []
    finally:
        with engine.begin() as conn:
            conn.execute(text("ALTER TABLE drifts_away RENAME TO drifts"))


def test_nobody_who_has_not_signed_in_learns_of_it(reader: Reader, town: Town) -> None:
    _break(town, "paused")
    story.add(town.engine, "Inès", story.Role("operator"), "a long password of hers")
    page = reader.get("/orders", follow_redirects=True).get_data(as_text=True)
    assert "banner lost" not in page
