"""Pictures of goods through the reading of a catalogue: new, changed, gone, hostile; and which one an order's line shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.db import pictures
from connector.db.tables import items, order_lines
from connector.domain.linking import Variant
from connector.flow import linking
from connector.platform import CataloguePage
from tests.domain.test_pictures import HOSTILE
from tests.flow.conftest import Make
from tests.flow.toy import World, order, world

PEN = {("PEN", "quay"): 9}


def read(at: World, *variants: Variant) -> linking.Linked:
    at.now += timedelta(minutes=1)
    at.toy.catalogue = [CataloguePage(variants)]
    return linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)


def pen(picture: str, number: int = 1, sku: str = "PEN") -> Variant:
    return Variant(f"v{number}", f"u{number}", sku, image_url=picture)


def of_items(at: World) -> list[str]:
    with at.engine.connect() as conn:
        return list(pictures.of_items(conn, [row["id"] for row in at.rows(items)]).values())


def of_lines(at: World) -> list[str]:
    with at.engine.connect() as conn:
        found = pictures.of_lines(conn, [row["id"] for row in at.rows(order_lines)])
    return [found.get(row["id"], "") for row in at.rows(order_lines)]


def test_a_picture_comes_changes_and_goes_with_the_catalogue(make: Make) -> None:
    at = make(PEN)
    read(at, pen("https://cdn.example/1.png"))
    assert of_items(at) == ["https://cdn.example/1.png"]
    read(at, pen("https://cdn.example/2.png"))
    assert of_items(at) == ["https://cdn.example/2.png"]
    linking.match_again(at.engine, at.shop.id, at.now)
    assert of_items(at) == ["https://cdn.example/2.png"], "matching again asks no shop and forgets nothing"
    read(at, pen(""))
    assert of_items(at) == []
    read(at, pen("https://cdn.example/3.png"))
    read(at)
    assert of_items(at) == [], "a variant that left the catalogue shows no picture any more"


@pytest.mark.parametrize("given", HOSTILE, ids=lambda given: str(given)[:40])
def test_what_is_no_picture_is_dropped_and_the_article_linked_all_the_same(make: Make, given: str) -> None:
    at = make(PEN)
    assert read(at, pen(given)).linked == 1
    assert of_items(at) == []


def test_a_line_shows_what_was_sold_before_what_is_the_same_item(make: Make) -> None:
    at = make(PEN)
    read(at, pen("https://cdn.example/other.png"), pen("https://cdn.example/sold.png", 2, "PEN-BLUE"))
    sold = order()
    at.take(replace(sold, lines=(replace(sold.lines[0], variant_id="v2"),)), order("1002"))
    assert of_lines(at) == ["https://cdn.example/sold.png", "https://cdn.example/other.png"]


def test_a_line_shows_its_own_shops_picture_before_another_shops(make: Make) -> None:
    first = make(PEN)
    second = world(first.engine, first.seal, PEN, "second")
    read(first, pen("https://cdn.example/first.png"))
    second.take(order())
    assert of_lines(second) == ["https://cdn.example/first.png"]
    both = [pen("https://cdn.example/second-b.png", 2, "PEN-B"), pen("https://cdn.example/second-a.png", 1)]
    read(second, *both)
    linking.link_item(second.engine, second.shop.id, "v2", "PEN", second.now)
    assert of_lines(second) == ["https://cdn.example/second-a.png"], "of two that are the item, always the same one"
    read(second, pen("", 1), pen("", 2, "PEN-B"))
    assert of_lines(second) == ["https://cdn.example/first.png"]
    assert of_items(second) == ["https://cdn.example/first.png"]


def test_where_the_pictures_come_from_the_most_frequent_first(make: Make) -> None:
    at = make(PEN)
    shop = replace(at.shop, address="http://127.0.0.1:9000/shop")
    at.shop = shop
    seen = ["https://b.example/1.png", "https://a.example/1.png?2", "https://a.example/2.png", "http://127.0.0.1:9000/1.png", ""]
    read(at, *(pen(picture, number, f"S{number}") for number, picture in enumerate(seen)))
    with at.engine.connect() as conn:
        assert pictures.origins(conn, 9) == ["https://a.example", "http://127.0.0.1:9000", "https://b.example"]
        assert pictures.origins(conn, 1) == ["https://a.example"]
