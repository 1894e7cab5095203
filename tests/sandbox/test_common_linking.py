"""What a connector is told of the sandbox fits the catalogue and the platforms' own names of places."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

from connector.domain.orders import Order
from connector.platform import Kind, Platform, Retryable, Shop
from platforms.http import Http
from platforms.registry import platforms
from sandbox.app import close, create_app
from sandbox.catalogue import ITEMS, STOCK
from sandbox.linking import demo
from tests.serving import Receiver, serve, wait_until


def test_stock_items_and_locations_fit_together() -> None:
    data = demo("http://127.0.0.1:8100/")
    codes, skus = {str(at["code"]) for at in data.locations}, {item["sku"] for item in data.items}
    assert len(codes) == 3
    assert len(skus) == len(ITEMS)
    assert sum(quantity for _, _, quantity in data.stock) == sum(STOCK.values())
    assert {sku for sku, _, _ in data.stock} == skus
    assert {code for _, code, _ in data.stock} == codes


def test_every_shop_is_reached_in_the_sandbox_and_linked_to_known_places() -> None:
    data = demo("http://127.0.0.1:8100/")
    shops = {shop.platform: shop for shop in data.shops}
    assert shops["shopify"].options["api_url"] == "http://127.0.0.1:8100/shopify"
    assert shops["woocommerce"].options["url"] == "http://127.0.0.1:8100/woocommerce"
    assert shops["bigcommerce"].options["api_url"] == "http://127.0.0.1:8100/bigcommerce"
    assert shops["shopify"].location_links[0] == ("gid://shopify/Location/1001", "vieux-port")
    assert shops["woocommerce"].location_links == (("Boutique Vieux-Port", "vieux-port"), ("Boutique Canebière", "canebiere"))
    assert shops["bigcommerce"].location_links[2] == ("3", "depot")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(tmp_path)
    yield app
    close(app)


@pytest.mark.parametrize("number", range(3), ids=["shopify", "woocommerce", "bigcommerce"])
def test_the_connector_links_a_shop_by_it_and_hears_of_an_order(app: Flask, number: int) -> None:
    """The whole way with the connector's own clients: open, prove, subscribe, and a signed webhook of an order that is there."""
    receiver = Receiver()
    with serve(app) as url, serve(receiver) as hook:
        given = demo(url).shops[number]
        platform = platforms(Http(private_allowed=True))[given.platform]
        external_id, address, credentials = platform.open_shop(given.options)
        shop = Shop(1, "k3y", platform.name, given.name, external_id, address, credentials)
        assert platform.check(shop).currency == "EUR"
        known = {at.external_id for at in platform.locations(shop)}
        places = {external for external, _ in given.location_links} - {"Pickup in Store"}  # a rate's name, no place
        assert places <= known or not known
        subscribed = platform.subscribe(shop, f"{hook}/webhooks/{platform.name}/k3y")
        shop = dataclasses.replace(shop, credentials={**credentials, **subscribed.secrets})

        wanted = {"lines": [["CARTE-COTES", 1], ["PADDLE-11", 2]], "handover": "pickup", "pickup": "vieux-port"}
        order_id = requests.post(f"{url}/sandbox/{platform.name}/orders", json=wanted, timeout=30).json()["id"]
        wait_until(lambda: bool(orders_heard_of(platform, shop, receiver)))
        order = as_read(platform, shop, orders_heard_of(platform, shop, receiver)[0])
        assert [(line.sku, line.quantity) for line in order.lines] == [("CARTE-COTES", 1), ("PADDLE-11", 2)]
        assert (order.handover, dict(given.location_links).get(order.pickup_location)) == ("pickup", "vieux-port")
        assert order_id


def as_read(platform: Platform, shop: Shop, order_id: str) -> Order:
    """The order, read again while the platform is still working on it."""
    for _ in range(100):
        try:
            order = platform.fetch_order(shop, order_id)
        except Retryable:
            time.sleep(0.1)
        else:
            assert order is not None
            return order
    raise AssertionError("the order could not be read in time")


def orders_heard_of(platform: Platform, shop: Shop, receiver: Receiver) -> list[str]:
    """The ids in the genuine deliveries about orders; every delivery but a greeting must be genuine."""
    signed = [each for each in receiver.received if not platform.is_ping(each.headers, each.body)]
    assert all(platform.genuine(shop, each.headers, each.body) for each in signed)
    deliveries = [platform.parse(each.headers, each.body) for each in signed]
    return [delivery.order_id for delivery in deliveries if delivery.kind is Kind.ORDER]
