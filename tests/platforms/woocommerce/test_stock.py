"""Products and stock of the sandbox WooCommerce: variations, silent 200s, batches with errors inside."""

from __future__ import annotations

import pytest

from connector.platform import WHOLE_SHOP, Change, Goods, Level, Spot, Written
from platforms.woocommerce import catalogue
from tests.platforms.woocommerce.world import World

MUG, SHIRT = Spot("114", WHOLE_SHOP), Spot("99/101", WHOLE_SHOP)


@pytest.fixture
def goods(world: World) -> Goods:
    assert world.platform.goods is not None
    return world.platform.goods


def _change_product(world: World, number: str, **changes: object) -> None:
    product = world.store.get("woocommerce.product", number)
    assert product is not None
    world.store.put("woocommerce.product", number, {**product, **changes})


def test_products_and_variations_are_listed_with_the_unit_that_keeps_their_quantity(world: World, goods: Goods) -> None:
    _change_product(world, "102", manage_stock="parent", stock_quantity=None)
    page = goods.variants(world.shop, "")
    found = {variant.external_id: variant for variant in page.variants}
    assert (found["114"].unit_id, found["114"].sku, found["114"].tracked) == ("114", "MUG-PHARE", True)
    assert (found["101"].unit_id, found["101"].sku, found["101"].title) == ("99/101", "MAR-TS-S", "Marinière, S")
    assert found["102"].unit_id == "99"
    assert "99" not in found
    assert not found["91"].tracked


def test_a_variation_shows_its_own_picture_else_its_products_first(world: World, goods: Goods) -> None:
    found = {variant.external_id: variant.image_url for variant in goods.variants(world.shop, "").variants}
    root = world.shop.address.removesuffix("/woocommerce")
    assert (found["101"], found["114"], found["91"]) == (f"{root}/pictures/1.svg", f"{root}/pictures/14.svg", "")


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        (
            [{"id": 1, "src": "https://shop.example/1.jpg"}, {"id": 2, "src": "https://shop.example/2.jpg"}],
            "https://shop.example/1.jpg",
        ),
        ([], ""),
        (None, ""),
        (False, ""),
        ([{"id": 0}], ""),
        ([{"id": 0, "src": None}], ""),
        ([{"id": 0, "src": ["https://shop.example/1.jpg"]}], ""),
        (["https://shop.example/1.jpg"], ""),
        ({"src": "https://shop.example/1.jpg"}, ""),
    ],
)
def test_pictures_of_any_other_shape_are_none(images: object, shown: str) -> None:
    assert catalogue._first_picture({"images": images}) == shown


def test_levels_of_products_and_variations(world: World, goods: Goods) -> None:
    _change_product(world, "115", manage_stock=False, stock_quantity=None)
    soap, gone, orphan = (Spot(unit, WHOLE_SHOP) for unit in ("115", "999", "998/999"))
    found = goods.levels(world.shop, [MUG, SHIRT, soap, gone, orphan])
    assert (found[MUG], found[SHIRT]) == (Level(640), Level(420))
    assert "Track stock quantity" in found[soap].obstacle
    assert gone not in found
    assert orphan not in found


def test_quantities_are_set_and_read_back(world: World, goods: Goods) -> None:
    ends = goods.publish(world.shop, "k", [Change(MUG, 3, 640), Change(SHIRT, 4, 420)])
    assert ends == {MUG: (Written.DONE, ""), SHIRT: (Written.DONE, "")}
    assert goods.levels(world.shop, [MUG, SHIRT]) == {MUG: Level(3), SHIRT: Level(4)}


def test_a_silent_200_is_not_taken_for_success(world: World, goods: Goods) -> None:
    _change_product(world, "115", manage_stock=False, stock_quantity=None)
    soap = Spot("115", WHOLE_SHOP)
    ends = goods.publish(world.shop, "k", [Change(soap, 3, 1), Change(MUG, 3, 640)])
    assert ends[MUG] == (Written.DONE, "")
    assert ends[soap][0] is Written.REFUSED
    assert "Track stock quantity" in ends[soap][1]


def test_an_error_inside_a_batch_is_that_items_own(world: World, goods: Goods) -> None:
    gone = Spot("999", WHOLE_SHOP)
    ends = goods.publish(world.shop, "k", [Change(gone, 3, 1), Change(MUG, 3, 640)])
    assert ends[gone] == (Written.REFUSED, "WooCommerce says: Invalid ID.")
    assert ends[MUG] == (Written.DONE, "")


def test_the_shops_own_statuses_are_what_a_setting_may_name(world: World) -> None:
    assert "processing" in world.platform.choices(world.shop, "status_packed")
    assert world.platform.choices(world.shop, "stock_buffer") == ()
