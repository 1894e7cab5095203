"""Products and stock of the small BigCommerce store: absolute writes that settle late, one bad item, safety stock."""

from __future__ import annotations

import pytest

from connector.platform import Change, Goods, Level, Refused, Spot, Written
from platforms.bigcommerce import catalogue
from platforms.bigcommerce.stock import Channels, obstacle
from platforms.http import Http
from tests.platforms.bigcommerce.conftest import Bench
from tests.serving import wait_until

SHIRT = Spot("501", "3")


@pytest.fixture
def goods(bench: Bench) -> Goods:
    assert bench.platform.goods is not None
    return bench.platform.goods


def test_variants_have_their_codes_and_whether_stock_is_kept(bench: Bench, goods: Goods) -> None:
    page = goods.variants(bench.shop, "")
    first = page.variants[0]
    assert (first.external_id, first.unit_id, first.sku, first.title) == ("501", "501", "MAR-TS-S", "Marinière, S")
    assert len(first.barcode) == 13
    assert [variant.sku for variant in page.variants if not variant.tracked] == ["EMBALLAGE"]


def test_a_product_tracked_as_a_whole_is_one_unit_for_all_its_variants() -> None:
    rows = [{"id": number, "sku": f"S{number}", "option_values": [{"label": f"size {number}"}]} for number in (1, 2)]
    product = {"id": 7, "name": "Shirt", "inventory_tracking": "product", "variants": rows}
    found = catalogue._variants(product)
    assert [(one.external_id, one.unit_id, one.title) for one in found] == [
        ("1", "product/7", "Shirt, size 1"),
        ("2", "product/7", "Shirt, size 2"),
    ]


def test_a_variant_shows_its_own_picture_else_its_products_in_a_small_size(bench: Bench, goods: Goods) -> None:
    found = {variant.sku: variant.image_url for variant in goods.variants(bench.shop, "").variants}
    assert found["MUG-PHARE"].endswith("/pictures/14.svg")
    assert found["EMBALLAGE"] == ""
    primary = {"url_zoom": "zoom", "url_standard": "standard", "url_thumbnail": "thumbnail", "url_tiny": "tiny"}
    rows = [{"id": 1, "image_url": "own"}, {"id": 2, "image_url": ""}, {"id": 3}]
    pictured = catalogue._variants({"id": 7, "name": "Shirt", "variants": rows, "primary_image": primary})
    assert [one.image_url for one in pictured] == ["own", "thumbnail", "thumbnail"]


@pytest.mark.parametrize("primary", [None, [], "https://cdn.example/1.jpg", {}, {"url_thumbnail": None}])
def test_a_product_without_a_picture_has_none(primary: object) -> None:
    [variant] = catalogue._variants({"id": 7, "name": "Shirt", "variants": [{"id": 1}], "primary_image": primary})
    assert variant.image_url == ""


def test_what_can_be_sold_is_on_hand_less_the_safety_stock(bench: Bench, goods: Goods) -> None:
    level = bench.sandbox.store.get("bigcommerce.level", "MAR-TS-S@3")
    assert level is not None
    bench.sandbox.store.put("bigcommerce.level", "MAR-TS-S@3", {**level, "safety_stock": 10})
    whole, gone = Spot("product/101", "3"), Spot("9999", "3")
    found = goods.levels(bench.shop, [SHIRT, whole, gone, Spot("501", "9")])
    assert found == {SHIRT: Level(290, held_back=10), whole: Level(290, held_back=10)}


def test_an_absolute_write_shows_after_a_while(bench: Bench, goods: Goods) -> None:
    bench.settings(stock_delay_seconds=0.2)
    assert goods.publish(bench.shop, "k", [Change(SHIRT, 5, 300, held_back=2)]) == {SHIRT: (Written.DONE, "")}
    assert goods.levels(bench.shop, [SHIRT]) == {SHIRT: Level(300)}
    assert goods.settles_seconds > 0
    wait_until(lambda: goods.levels(bench.shop, [SHIRT]) == {SHIRT: Level(7)})


def test_one_bad_item_refuses_the_whole(bench: Bench, goods: Goods) -> None:
    with pytest.raises(Refused, match="422"):
        goods.publish(bench.shop, "k", [Change(SHIRT, 5, 300), Change(Spot("9999", "3"), 5, 300)])
    assert goods.levels(bench.shop, [SHIRT]) == {SHIRT: Level(300)}


def test_stock_that_would_be_subtracted_again_is_an_obstacle(bench: Bench, goods: Goods) -> None:
    assert goods.obstacle(bench.shop) == ""
    bench.settings(update_stock_behavior="order_completed_or_shipped")
    assert "subtracted again" in goods.obstacle(bench.shop)


def test_a_channel_with_a_setting_of_its_own_is_an_obstacle_too(bench: Bench, goods: Goods) -> None:
    own = {"update_stock_behavior": "order_completed_or_shipped"}
    bench.settings(channels={"2": own, "3": {"update_stock_behavior": None}})
    assert goods.obstacle(bench.shop) == "", "nothing was sold there"
    order_id = bench.place(("MAR-TS-S", 1))
    bench.change(order_id, channel_id=2)
    assert goods.obstacle(bench.shop) == "", "its channels are remembered"
    channels = Channels(lambda: 0.0)
    reason = obstacle(Http(private_allowed=True), channels, bench.shop)
    assert ("for orders of channel 2 " in reason, "Settings > Inventory of channel 2." in reason) == (True, True)
    bench.settings(channels={"2": {"update_stock_behavior": "order_placed"}})
    assert obstacle(Http(private_allowed=True), channels, bench.shop) == ""


def test_the_channels_are_read_again_after_an_hour(bench: Bench) -> None:
    now = [0.0]
    channels, http = Channels(lambda: now[0]), Http(private_allowed=True)
    assert channels.of(http, bench.shop) == (1,)
    bench.change(bench.place(("MAR-TS-S", 1)), channel_id=7)
    assert channels.of(http, bench.shop) == (1,)
    now[0] = 3600.0
    assert channels.of(http, bench.shop) == (1, 7)
