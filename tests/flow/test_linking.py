"""Which of our places and items a shop's own are, and what a later answer sets free."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.db import links
from connector.db.tables import order_lines, orders
from connector.domain.errors import ConnectorError, NotFound, Rejected
from connector.domain.linking import Problem, Variant, canonical, match
from connector.domain.orders import Handover
from connector.flow import linking, stock
from connector.platform import CataloguePage
from tests.flow.conftest import Make
from tests.flow.toy import START, World, order


def read(at: World, *variants: Variant) -> linking.Linked:
    at.toy.catalogue = [CataloguePage(variants)]
    linking.read_places(at.engine, at.toy.platform(), at.shop)
    return linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)


def rows(at: World, *, problems: bool = False) -> list[links.LinkRow]:
    with at.engine.connect() as conn:
        return links.listed(conn, at.shop.id, problems=problems)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("978-2-07-036822-8", "9782070368228"),
        ("2-07-036822-X", "9782070368228"),
        ("036000291452", "0036000291452"),
        (" abc-1 ", "ABC1"),
        ("", ""),
        ("0000000000", "9780000000002"),
    ],
)
def test_one_spelling_of_a_barcode(given: str, same: str) -> None:
    assert canonical(given) == same


def test_matching_believes_the_hand_then_the_sku_then_the_barcode_and_never_guesses() -> None:
    variants = [
        Variant("1", "u1", "PEN", "111"),
        Variant("2", "u2", "", "222"),
        Variant("3", "u3", "TWICE"),
        Variant("4", "u4", "TWICE"),
        Variant("5", "u5"),
        Variant("6", "u6", "NEW", "999"),
        Variant("7", "u7", "INK", "111"),
        Variant("8", "u8", "", "333"),
        Variant("9", "u9", "PEN-OLD"),
        Variant("10", "u10", "CAP", tracked=False),
    ]
    by_sku = {"PEN": 1, "INK": 7, "TWICE": 3, "CAP": 10}
    found = match(variants, by_sku, [("111", 1), ("222", 2), ("333", 4), ("333", 5)], {"9": 1})
    assert [(one.item_id, one.by, one.problem) for one in found] == [
        (1, "sku", ""),
        (2, "barcode", ""),
        (None, "", Problem.DUPLICATE_SKU),
        (None, "", Problem.DUPLICATE_SKU),
        (None, "", Problem.NO_CODE),
        (None, "", Problem.UNKNOWN),
        (7, "sku", Problem.CONTRADICTION),
        (None, "", Problem.AMBIGUOUS_BARCODE),
        (1, "hand", ""),
        (10, "sku", Problem.UNTRACKED),
    ]


def test_variants_of_different_items_that_share_a_quantity_are_not_published() -> None:
    found = match([Variant("1", "u", "PEN"), Variant("2", "u", "INK"), Variant("3", "v", "PEN2")], {"PEN": 1, "INK": 2}, [], {})
    assert [one.problem for one in found] == [Problem.SHARED_STOCK, Problem.SHARED_STOCK, Problem.UNKNOWN]


def test_a_line_goes_by_its_variant_before_its_sku(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("INK", "quay"): 9})
    read(at, Variant("v1", "u1", "OTHER"))
    linking.link_item(at.engine, at.shop.id, "v1", "INK", at.now)
    given = order()
    at.take(replace(given, lines=(replace(given.lines[0], variant_id="v1"),)))
    assert at.stock("INK")["quay"] == (9, 2)
    assert at.stock("PEN")["quay"] == (9, 0)


def test_a_later_link_allocates_the_lines_that_waited(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    given = order(lines=(("STYLO", 2),))
    at.take(replace(given, lines=(replace(given.lines[0], variant_id="v1"),)))
    assert at.rows(orders)[0]["attention"] == ["unmapped"]
    assert read(at, Variant("v1", "u1", "STYLO", title="Stylo")).problems == 1
    assert rows(at, problems=True)[0].remedy
    linked = linking.link_item(at.engine, at.shop.id, "v1", "PEN", at.now)
    assert (linked.orders, linked.problems) == (1, 0)
    assert at.stock("PEN")["quay"] == (9, 2)
    assert at.rows(orders)[0]["attention"] == []
    assert at.rows(order_lines)[0]["backordered"] == 0


def test_a_barcode_links_what_has_another_sku(make: Make) -> None:
    at = make({})
    stock.add_items(at.engine, [{"sku": "ISBN", "title": "A book", "barcode": "9782070368228"}], START)
    assert read(at, Variant("v1", "u1", "folio-1", "2-07-036822-X")).linked == 1


def test_missing_items_are_made_from_the_shops_catalogue(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    read(at, Variant("v1", "u1", "PEN"), Variant("v2", "u2", "INK", "222", "Ink"), Variant("v3", "u3", "", "", "Nameless"))
    assert [item.sku for item in linking.missing_items(at.engine, at.shop.id)] == ["INK"]
    assert [item.title for item in linking.import_items(at.engine, at.shop.id, at.now)] == ["Ink"]
    assert {row.external_id: row.item for row in rows(at)} == {"v1": "PEN", "v2": "INK", "v3": ""}
    assert linking.import_items(at.engine, at.shop.id, at.now) == []


def test_what_left_the_catalogue_is_listed_no_more_and_keeps_its_link(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    read(at, Variant("v1", "u1", "PEN"), Variant("v2", "u2", "PEN-2"))
    at.now = at.now.replace(hour=10)
    read(at, Variant("v2", "u2", "PEN-2"))
    assert [row.external_id for row in rows(at)] == ["v2"]
    with at.engine.connect() as conn:
        assert set(links.items_of(conn, at.shop.id, ["v1", "v2"])) == {"v1"}


def test_a_hand_made_link_is_taken_back_and_an_unknown_sku_or_variant_is_refused(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("INK", "quay"): 9})
    read(at, Variant("v1", "u1", "PEN"))
    linking.link_item(at.engine, at.shop.id, "v1", "INK", at.now)
    read(at, Variant("v1", "u1", "PEN"))
    assert rows(at)[0].item == "INK"
    linking.link_item(at.engine, at.shop.id, "v1", "", at.now)
    assert (rows(at)[0].item, rows(at)[0].matched_by) == ("PEN", "sku")
    with pytest.raises(Rejected, match="NOPE"):
        linking.link_item(at.engine, at.shop.id, "v1", "NOPE", at.now)
    with pytest.raises(NotFound, match="v9"):
        linking.link_item(at.engine, at.shop.id, "v9", "PEN", at.now)


def test_a_catalogue_that_repeats_itself_changes_nothing(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.catalogue = [CataloguePage((Variant("v1", "u1", "PEN"),), "1"), CataloguePage((Variant("v2", "u2", "X"),), "1")]
    with pytest.raises(ConnectorError, match="repeats itself"):
        linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)
    assert rows(at) == []


def test_a_pickup_place_that_is_linked_later_allocates_the_orders_that_waited(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order(handover=Handover.PICKUP, pickup_location="Harbour shop"))
    assert at.rows(orders)[0]["attention"] == ["pickup_unknown"]
    assert linking.link_location(at.engine, at.shop.id, "Harbour shop", ["quay"], at.now) == 1
    assert at.stock("PEN")["quay"] == (9, 2)
    assert at.rows(orders)[0]["attention"] == []
    with pytest.raises(Rejected, match="'nowhere'"):
        linking.link_location(at.engine, at.shop.id, "Harbour shop", ["nowhere"], at.now)


def test_settings_are_checked_by_our_table_and_by_the_shop(make: Make) -> None:
    at = make({})
    platform = replace(at.toy.platform(), choices=lambda shop, name: ("blue", "red") if name == "report_parts" else ())
    with pytest.raises(Rejected, match="one of whole, each"):
        linking.change_settings(at.engine, platform, at.shop, {"report_parts": "half"}, at.now)
    with pytest.raises(Rejected, match="blue, red"):
        linking.change_settings(at.engine, platform, at.shop, {"report_parts": "each"}, at.now)
    with pytest.raises(Rejected, match="There are report_parts"):
        linking.change_settings(at.engine, platform, at.shop, {"colour": "blue"}, at.now)
    assert linking.change_settings(at.engine, platform, at.shop, {"stock_buffer": "3"}, at.now) == {"stock_buffer": 3}
