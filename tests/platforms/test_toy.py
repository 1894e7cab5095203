"""Adding a fourth platform: its folder and one line in the registry. The contract and the stories know it unasked."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask
import pytest
from sqlalchemy import Engine, select

import platforms
from connector.db.sealed import Seal
from connector.db.tables import fulfillment_orders, orders
from connector.domain.fulfillment import Step
from connector.flow import deliver, fulfill, ingest, linking, publish_stock, receive
from connector.flow import shops as shop_flow
from connector.flow import stock as stock_flow
from connector.flow.stock import StockLine
from connector.platform import Kind, Shop
from platforms import registry
from platforms.http import Http
from tests.platforms import contract
from tests.serving import serve

_FOLDER = Path(__file__).parent / "toyshop"


@pytest.fixture
def fourth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder, copied beside the others, and the line in the registry."""
    shutil.copytree(_FOLDER, tmp_path / "toyshop", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(platforms, "__path__", [*platforms.__path__, str(tmp_path)])
    toyshop = importlib.import_module("platforms.toyshop")
    monkeypatch.setattr(registry, "_BUILDERS", (*registry._BUILDERS, toyshop.build))
    yield
    del sys.modules["platforms.toyshop"]


@dataclass
class Remote:
    """The toy shop itself."""

    stock: dict[tuple[str, str], int] = field(default_factory=lambda: {("pen", "L1"): 50})
    words: list[str] = field(default_factory=list)
    orders: list[list[int]] = field(default_factory=list)

    def app(self) -> flask.Flask:
        app = flask.Flask("toy shop")
        answers = {
            "shop": lambda: {"name": "Toys"},
            "goods": lambda: {"goods": [["pen", "pen", "PEN", "", "A pen", True]]},
            "locations": lambda: {"locations": [["L1", "Here", True]]},
            "stock": lambda: {"stock": [[*spot, units] for spot, units in self.stock.items()]},
            "orders": lambda: {"orders": self.orders},
        }

        @app.get("/<name>")
        def read(name: str) -> flask.Response:
            return flask.jsonify(answers[name]())

        @app.get("/orders/<int:number>")
        def order(number: int) -> flask.Response:
            return flask.jsonify({"id": number, "changed": self.orders[number - 1][1], "lines": [["pen", 3]]})

        @app.put("/stock")
        def put_stock() -> flask.Response:
            self.stock.update({(unit, place): units for unit, place, units in flask.request.get_json()["stock"]})
            return flask.jsonify({})

        @app.put("/hook")
        def hook() -> flask.Response:
            return flask.jsonify({})

        @app.post("/orders/<int:number>/word")
        def word(number: int) -> flask.Response:
            self.words.append(flask.request.get_json()["word"])
            return flask.jsonify({})

        return app


def test_the_contract_runs_on_it_unasked(fourth: None) -> None:
    mine = [(platform, check) for platform, check in contract.cases() if platform.name == "toyshop"]
    assert len(mine) == len(contract.CHECKS)
    for platform, check in mine:
        check(platform)


def test_its_orders_go_the_whole_way_and_its_stock_is_published(fourth: None, engine: Engine, seal: Seal) -> None:
    platform = registry.platforms(Http(private_allowed=True))["toyshop"]
    remote = Remote()
    start = datetime.now(UTC)
    stock_flow.add_location(engine, code="here", name="Here")
    stock_flow.add_items(engine, [{"sku": "PEN", "title": "A pen", "barcode": ""}], start)
    stock_flow.change(engine, [StockLine("PEN", "here", 20)], start, key="opening", reason="receipt", actor="t")
    with serve(remote.app()) as url:
        shop, _ = shop_flow.add(engine, seal, platform, {"url": url, "secret": "s"}, "https://c.example", start)
        linking.read_places(engine, platform, shop)
        linking.link_location(engine, shop.id, "L1", ["here"], start)
        assert linking.read_catalogue(engine, platform, shop, start).linked == 1
        linking.change_settings(engine, platform, shop, {"publish_stock": "yes"}, start)
        _sell(engine, seal, remote, shop, start)
        ingest.drain(engine, seal, platform, shop, start)
        with engine.connect() as conn:
            part = conn.execute(select(fulfillment_orders.c.id)).scalar_one()
        fulfill.move(engine, part, Step.PACK, start, actor="t")
        assert fulfill.move(engine, part, Step.SHIP, start, actor="t").order_state == "completed"
        deliver.drain(engine, platform, shop, lambda: start, lambda: 0.5)
        later = start + timedelta(seconds=10)
        shop = shop_flow.by_id(engine, seal, shop.id)
        publish_stock.drain(engine, seal, platform, shop, lambda: later, lambda: "key")
    assert remote.words[-1] == "shipped"
    assert remote.stock == {("pen", "L1"): 17}
    with engine.connect() as conn:
        assert conn.execute(select(orders.c.number, orders.c.state)).one() == ("T1", "completed")


def _sell(engine: Engine, seal: Seal, remote: Remote, shop: Shop, at: datetime) -> None:
    remote.orders.append([1, int(time.time())])
    platform = registry.platforms(Http())["toyshop"]
    delivery = platform.parse({}, b'{"order": 1}')
    assert delivery.kind is Kind.ORDER
    receive.receive(engine, seal, shop, delivery, b'{"order": 1}', at)
