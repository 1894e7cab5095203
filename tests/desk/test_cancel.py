"""Cancelling on the pages and over the API: ticked orders are judged alone, each with its line."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine

import desk
from connector.db.sealed import Seal
from connector.domain.fulfillment import Step
from connector.flow import access
from connector.flow.wake import Wake
from tests.desk.conftest import TITLES, Reader, Rung
from tests.desk.seeding import NOW, Town, order


@pytest.fixture
def app(engine: Engine, seal: Seal, rung: Rung) -> Flask:
    app = Flask("desk-tests")
    app.secret_key = "not secret: tests"
    desk.register(app, engine=engine, seal=seal, ring=rung.wakes.extend, titles=TITLES)
    return app


def test_ticked_orders_are_cancelled_each_judged_alone(reader: Reader, town: Town, rung: Rung) -> None:
    good = town.place(order(("BK-001", 1)), "woocommerce")
    other = town.place(order(("BK-001", 1)), "bigcommerce")
    third = town.place(order(("BK-001", 1)), "shopify")
    left = town.place(order(("BK-001", 1)), "woocommerce")
    town.move(town.parts(left)[0], Step.PACK, Step.SHIP)
    reader.get("/orders")
    reader.send('"/orders/bulk"', act="cancel", order=[str(one) for one in (good, left, other, third)])  # type: ignore[arg-type]
    assert reader.page.count("The shop is asked to cancel it.") == 3
    assert reader.page.count("Money that was paid is given back in the shop&#39;s own admin.") == 3
    assert "The order is completed." in reader.page
    assert {wake.shop_id for wake in rung.wakes} == {town.shops[name].id for name in ("woocommerce", "bigcommerce", "shopify")}
    reader.get(f"/orders/{good}")
    assert "No money is given back by it" in reader.page
    assert "The shop was asked to cancel the order." in reader.page
    reader.send(f"/orders/{good}/cancel")
    assert "asked already" in reader.page


def test_over_the_api(app: Flask, town: Town, rung: Rung) -> None:
    placed = {name: town.place(order(("BK-001", 1)), name) for name in ("woocommerce", "shopify")}
    token = access.add(town.engine, "erp", ("orders:write",), NOW)
    statuses = [
        app.test_client().post(f"/api/v1/orders/{placed[name]}/cancel", headers={"Authorization": f"Bearer {token}"}).status_code
        for name in ("woocommerce", "woocommerce", "shopify")
    ]
    assert statuses == [202, 409, 202]
    assert rung.wakes == [Wake("deliver", town.shops[name].id) for name in ("woocommerce", "shopify")]
