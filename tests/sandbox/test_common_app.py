"""The three real sandbox shops behind the control API and the pages: the same calls work on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from sandbox.app import close, create_app
from sandbox.catalogue import ITEM_BY_SKU, STOCK
from sandbox.faults import PLATFORMS
from sandbox.shopfront import EXTRAS
from sandbox.traffic import nth_order
from tests.serving import serve

each_platform = pytest.mark.parametrize("platform", PLATFORMS)
MUGS = {"lines": [{"sku": "MUG-PHARE", "quantity": 3}, {"sku": "SAVON-OLIVE", "quantity": 1}]}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(tmp_path)
    yield app
    close(app)


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serve(app) as base:
        yield base


def call(method: str, url: str, expected: int = 200, **body: Any) -> Any:
    answer = requests.request(method, url, json=body or None, timeout=30)
    assert answer.status_code == expected, answer.text
    return answer.json()


def place(url: str, platform: str, **order: Any) -> str:
    said = call("POST", f"{url}/sandbox/{platform}/orders", 201, **{**MUGS, **order})
    return f"{url}/sandbox/{platform}/orders/{said['id']}"


def left(url: str, platform: str, sku: str = "MUG-PHARE") -> int:
    return int(sum(call("GET", f"{url}/sandbox/{platform}/stock")[sku].values()))


@each_platform
def test_every_shop_starts_with_the_catalogues_stock(url: str, platform: str) -> None:
    stock = call("GET", f"{url}/sandbox/{platform}/stock")
    for sku in ITEM_BY_SKU:
        assert sum(stock[sku].values()) == sum(quantity for (of, _), quantity in STOCK.items() if of == sku)


@each_platform
def test_an_order_is_placed_paid_and_cancelled_and_its_stock_comes_back(url: str, platform: str) -> None:
    before = left(url, platform)
    order = place(url, platform, paid=False, handover="delivery")
    unpaid = call("GET", order)
    assert unpaid["lines"] == [["MUG-PHARE", 3], ["SAVON-OLIVE", 1]]
    assert call("POST", f"{order}/pay")["payment"] != unpaid["payment"]
    assert left(url, platform) == before - 3
    call("POST", f"{order}/cancel")
    assert left(url, platform) == before


@each_platform
def test_a_pickup_names_its_place(url: str, platform: str) -> None:
    shown = call("GET", place(url, platform, handover="pickup", pickup="canebiere"))
    assert shown["handover"] == "pickup"
    assert "ebi" in shown["pickup"]


@each_platform
def test_an_order_is_edited_and_refunded(url: str, platform: str) -> None:
    order = place(url, platform)
    assert ["MUG-PHARE", 1] in call("POST", f"{order}/edit", quantities={"MUG-PHARE": 1})["lines"]
    call("POST", f"{order}/refund", quantities={"SAVON-OLIVE": 1}, restock=True)


@each_platform
@pytest.mark.parametrize("extra", EXTRAS)
def test_awkward_orders_are_taken_and_shown(url: str, platform: str, extra: str) -> None:
    order = place(url, platform, extra=[extra])
    assert call("GET", order)["number"]
    assert requests.get(f"{url}/shops/{platform}", timeout=30).status_code == 200


@each_platform
def test_unknown_orders_are_not_found(url: str, platform: str) -> None:
    for path in ("/999999", "/nothing"):
        said = call("GET", f"{url}/sandbox/{platform}/orders{path}", 404)
        assert said["remedy"]
        call("POST", f"{url}/sandbox/{platform}/orders{path}/pay", 404)


@each_platform
def test_the_traffics_orders_are_all_taken(app: Flask, platform: str) -> None:
    shop = app.extensions["sandbox"].shopfronts[platform]
    ids = [shop.place(nth_order(platform, number)) for number in range(90)]
    assert len(set(ids)) == 90
    listing = shop.listing(90)
    assert [order.id for order in listing] == ids[::-1]
    assert sum(order.handover == "pickup" for order in listing) == 23


@each_platform
def test_what_a_shop_was_told_is_there_after_a_restart(tmp_path: Path, platform: str) -> None:
    first = create_app(tmp_path / "kept")
    with serve(first) as url:
        path = place(url, platform).removeprefix(url)
        shown, stock = call("GET", url + path), left(url, platform)
    close(first)
    second = create_app(tmp_path / "kept")
    with serve(second) as url:
        assert call("GET", url + path) == shown
        assert left(url, platform) == stock
    close(second)
