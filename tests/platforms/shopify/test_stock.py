"""Variants and stock of the sandbox Shopify: compare-and-set, keys, untracked items, places that do not stock yet."""

from __future__ import annotations

import pytest

from connector.platform import Change, Goods, Level, Spot, Written
from platforms.shopify import catalogue, goods_documents
from platforms.shopify.client import UserErrors, tell
from platforms.shopify.stock import levels
from tests.platforms.shopify.conftest import DEPOT, VIEUX_PORT, Linked

SHIRT, CARD, BUNDLE = (f"gid://shopify/InventoryItem/{number}" for number in (7001, 7090, 7091))
AT = Spot(SHIRT, DEPOT)


@pytest.fixture
def goods(linked: Linked) -> Goods:
    assert linked.platform.goods is not None
    return linked.platform.goods


def _seen(linked: Linked, goods: Goods, spot: Spot = AT) -> Level:
    return goods.levels(linked.shop, [spot])[spot]


def test_variants_have_their_stock_unit_and_whether_it_is_tracked(linked: Linked, goods: Goods) -> None:
    page = goods.variants(linked.shop, "")
    assert page.next == ""
    first = page.variants[0]
    assert (first.external_id, first.unit_id, first.sku) == ("gid://shopify/ProductVariant/5001", SHIRT, "MAR-TS-S")
    assert [variant.sku for variant in page.variants if not variant.tracked] == ["CARTE-CADEAU"]


def test_a_variant_shows_its_own_picture_else_its_products_in_a_small_size(linked: Linked, goods: Goods) -> None:
    found = {variant.sku: variant.image_url for variant in goods.variants(linked.shop, "").variants}
    root = linked.shop.address.removesuffix("/shopify")
    assert (found["MAR-TS-S"], found["MUG-PHARE"]) == (f"{root}/pictures/1.svg", f"{root}/pictures/14.svg")
    assert found["CARTE-CADEAU"] == ""
    assert goods_documents.VARIANTS.text.count("transform: {maxWidth: 160, maxHeight: 160}") == 2


@pytest.mark.parametrize(
    ("media", "featured", "shown"),
    [
        ([{"preview": {"image": {"url": "own"}}}], {"preview": {"image": {"url": "product"}}}, "own"),
        ([], {"preview": {"image": {"url": "product"}}}, "product"),
        ([{"preview": {"image": None}}], {"preview": {"image": {"url": "product"}}}, "product"),
        ([{"preview": None}], None, ""),
    ],
)
def test_what_has_no_preview_yet_shows_nothing(media: list[object], featured: object, shown: str) -> None:
    assert catalogue._picture({"media": {"nodes": media}, "product": {"featuredMedia": featured}}) == shown


def test_levels_are_read_by_place_and_what_does_not_exist_is_left_out(linked: Linked, goods: Goods) -> None:
    linked.remote.inventory.unstock("MAR-TS-M", "depot")
    wanted = [
        AT,
        Spot(SHIRT, VIEUX_PORT),
        Spot("gid://shopify/InventoryItem/7002", DEPOT),
        Spot("gid://shopify/InventoryItem/1", DEPOT),
    ]
    found = goods.levels(linked.shop, [*wanted, Spot(CARD, DEPOT)])
    assert [found.get(spot) for spot in wanted] == [Level(300), Level(60), Level(None), None]
    assert "Track quantity" in found[Spot(CARD, DEPOT)].obstacle


def test_a_quantity_is_set_where_it_is_still_what_was_read(linked: Linked, goods: Goods) -> None:
    assert goods.publish(linked.shop, "k1", [Change(AT, 12, 300)]) == {AT: (Written.DONE, "")}
    assert _seen(linked, goods) == Level(12)
    other = Change(Spot(SHIRT, VIEUX_PORT), 1, 60)
    ends = goods.publish(linked.shop, "k2", [Change(AT, 5, 300), other])
    assert ends == {AT: (Written.STALE, ""), other.spot: (Written.SKIPPED, "")}
    assert (_seen(linked, goods), _seen(linked, goods, other.spot)) == (Level(12), Level(60))


def test_a_key_has_its_effect_once_and_only_with_the_same_figures(linked: Linked, goods: Goods) -> None:
    goods.publish(linked.shop, "k1", [Change(AT, 12, 300)])
    linked.remote.inventory.set("MAR-TS-S", "depot", 300)
    assert goods.publish(linked.shop, "k1", [Change(AT, 12, 300)]) == {AT: (Written.DONE, "")}
    assert _seen(linked, goods) == Level(300)
    with pytest.raises(UserErrors, match="Other parameters"):
        goods.publish(linked.shop, "k1", [Change(AT, 13, 300)])


def test_a_place_that_does_not_stock_the_item_is_activated(linked: Linked, goods: Goods) -> None:
    linked.remote.inventory.unstock("MAR-TS-S", "depot")
    assert goods.publish(linked.shop, "k1", [Change(AT, 4, None)]) == {AT: (Written.DONE, "")}
    assert _seen(linked, goods) == Level(4)


def test_one_that_cannot_be_set_is_named_with_shopifys_words(linked: Linked, goods: Goods) -> None:
    bundle = Spot(BUNDLE, DEPOT)
    ends = goods.publish(linked.shop, "k1", [Change(AT, 1, 300), Change(bundle, 1, 0)])
    assert ends[AT] == (Written.SKIPPED, "")
    assert ends[bundle][0] is Written.REFUSED
    assert "components" in ends[bundle][1]


def test_the_sandbox_insists_on_what_shopify_insists_on(linked: Linked) -> None:
    quantities = [{"inventoryItemId": SHIRT, "locationId": DEPOT, "quantity": 1}]
    wanted = {"name": "available", "reason": "correction", "quantities": quantities}
    with pytest.raises(Exception, match="changeFromQuantity"):
        tell(linked.platform_http, linked.shop, goods_documents.SET_QUANTITIES, input=wanted, key="k")


def test_many_items_are_read_in_few_calls(linked: Linked, goods: Goods, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr("platforms.shopify.stock.ask", lambda *_, ids, location: calls.append(len(ids)) or {"nodes": []})
    spots = [Spot(f"gid://shopify/InventoryItem/{number}", DEPOT) for number in range(250)]
    assert levels(linked.platform_http, linked.shop, spots) == {}
    assert calls == [100, 100, 50]
