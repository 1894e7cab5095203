"""What a connector is told of the sandbox fits the catalogue and the platforms' own names of places."""

from __future__ import annotations

from sandbox.catalogue import ITEMS, STOCK
from sandbox.linking import demo


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
