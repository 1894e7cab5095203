"""From where a page may load pictures: its content security policy, to the letter."""

from __future__ import annotations

import pytest
from flask import Flask

from connector.db import goods
from jobs.environment import Environment
from tests.desk import seeding
from tests.desk.seeding import Town, order
from tests.desk.test_pictures import picture

_BASE = "http://127.0.0.1:8000"


def policy(pictures: str = "") -> str:
    return (
        f"default-src 'self'; img-src 'self' data:{pictures}; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


@pytest.fixture
def town(environment: Environment) -> Town:
    """Pictures of two shops at two hosts."""
    own = environment.of(1).engine
    built = seeding.build(own, environment.seal)
    picture(own, built.shops["shopify"].id, BK_001="https://cdn.shopify.com/1.jpg", BK_002="https://cdn.shopify.com/2.jpg")
    picture(
        own, built.shops["woocommerce"].id, BK_001="https://librairie.example/1.jpg", BK_003="https://librairie.example/3.jpg"
    )
    return built


def said(app: Flask, path: str) -> str:
    answer = app.test_client().get(path, base_url=_BASE)
    assert answer.status_code == 200
    return answer.headers["Content-Security-Policy"]


def test_a_page_that_shows_goods_names_the_hosts_of_what_it_shows_and_no_others(app: Flask, town: Town) -> None:
    of_one, of_both = town.place(order(("BK-001", 1), ("BK-002", 1))), town.place(order(("BK-001", 1), ("BK-003", 1)))
    plain = town.place(order(("BK-004", 1)))
    shopify, both = " https://cdn.shopify.com", " https://cdn.shopify.com https://librairie.example"
    assert said(app, f"/orders/{of_one}") == policy(shopify)
    assert said(app, f"/orders/{of_both}") == policy(both)
    assert said(app, f"/orders/{plain}") == policy()
    assert said(app, f"/orders/{of_one}/parts/{town.parts(of_one)[0]}/pick") == policy(shopify)
    assert said(app, "/picking") == policy(shopify), "what the quay picks"
    assert said(app, f"/picking?location={_place(town, 'canebiere')}") == policy(" https://librairie.example")


def _place(town: Town, code: str) -> int:
    with town.engine.connect() as conn:
        return goods.location_ids(conn)[code]


@pytest.mark.parametrize("path", ["/orders", "/orders/history", "/stock", "/stock/BK-001", "/components", "/health", "/tasks"])
def test_every_other_page_loads_its_own_only(app: Flask, town: Town, path: str) -> None:
    town.place(order(("BK-001", 1)))
    assert said(app, path) == policy()


def test_what_one_page_may_the_next_answer_of_the_same_process_may_not(app: Flask, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1)))
    assert "cdn.shopify.com" in said(app, f"/orders/{order_id}")
    assert said(app, "/orders") == policy()
