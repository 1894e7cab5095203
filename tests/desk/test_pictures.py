"""Pictures of goods on the pages of an order, of picking and of components, and in the API."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import Engine

from connector.db import goods, links
from connector.domain.linking import Variant, match
from connector.flow import staff as story
from tests.desk.conftest import Reader
from tests.desk.neighbours import PASSWORD, Neighbour
from tests.desk.seeding import Town, order

PRINCE = "https://cdn.example/prince.jpg?v=1&width=160"


def picture(engine: Engine, shop_id: int, **pictures: str) -> None:
    """The shop's catalogue is read: SKU (with _ for -) -> where its picture lies."""
    skus = {name.replace("_", "-"): url for name, url in pictures.items()}
    variants = [Variant(f"v-{sku}", f"u-{sku}", sku, image_url=url) for sku, url in skus.items()]
    with engine.begin() as conn:
        links.store(conn, shop_id, match(variants, goods.item_ids(conn, skus), [], {}), datetime.now(UTC))


def images(page: str) -> list[str]:
    return [tag for tag in re.findall(r"<img[^>]*>", page) if "icon.svg" not in tag]


IMAGE = (
    '<img src="https://cdn.example/prince.jpg?v=1&amp;width=160" data-letter="L" alt="" width="56" height="56" '
    'loading="lazy" decoding="async" referrerpolicy="no-referrer">'
)


def test_each_line_of_an_order_has_its_picture_or_its_letter(reader: Reader, town: Town, engine: Engine) -> None:
    picture(engine, town.shops["shopify"].id, BK_001=PRINCE, BK_003="")
    order_id = town.place(order(("BK-001", 1), ("BK-002", 1), ("BK-003", 1)))
    reader.get(f"/orders/{order_id}")
    assert images(reader.page) == [IMAGE, IMAGE], "among what is to be taken, and among the lines"
    letters = re.findall(r'<span class="thumbnail" data-letter="(.)">', reader.page)
    assert letters == ["L"] * 6, "Le Petit Prince, L’Étranger, Les Misérables: with a picture or without"
    assert "style=" not in reader.page


def test_the_scan_page_and_the_pick_list_show_it_too(reader: Reader, town: Town, engine: Engine) -> None:
    picture(engine, town.shops["shopify"].id, BK_001=PRINCE)
    order_id = town.place(order(("BK-001", 2), ("BK-002", 1)))
    town.place(order(("BK-001", 1)))
    reader.get(f"/orders/{order_id}/parts/{town.parts(order_id)[0]}/pick")
    assert images(reader.page) == [IMAGE]
    assert reader.page.count('class="thumbnail"') == 2
    reader.get("/picking")
    assert images(reader.page) == [IMAGE], "once for an article on its shelf, however many orders want it"
    assert reader.page.count('class="thumbnail"') == 2


def test_nothing_of_a_title_or_an_address_becomes_markup(reader: Reader, town: Town, engine: Engine) -> None:
    """Addresses are refused before they are kept; a page relies on that in nothing."""
    picture(engine, town.shops["shopify"].id, BK_001='x" onerror="alert(1)')
    order_id = town.place(order(("BK-001", 1)))
    reader.get(f"/orders/{order_id}")
    assert 'src="x&#34; onerror=&#34;alert(1)"' in reader.page
    assert ' onerror="' not in reader.page


def test_the_api_names_it_for_items_and_for_lines(app: Flask, neighbours: tuple[Neighbour, Neighbour]) -> None:
    nord, _ = neighbours
    picture(nord.town.engine, nord.town.shops["shopify"].id, BK_001=PRINCE)
    client, headers = app.test_client(), {"Authorization": f"Bearer {nord.token}"}
    listed = json.loads(client.get("/api/v1/items", headers=headers).data)["items"]
    assert {item["sku"]: item["image_url"] for item in listed if item["sku"] < "BK-003"} == {"BK-001": PRINCE, "BK-002": ""}
    whole = json.loads(client.get(f"/api/v1/orders/{nord.orders['plain']}", headers=headers).data)
    assert {line["sku"]: line["image_url"] for line in whole["lines"]} == {"BK-001": PRINCE, "BK-002": ""}


def test_another_merchants_picture_is_not_shown(
    app: Flask, neighbours: tuple[Neighbour, Neighbour], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sell the same SKU, and orders name the same variant; only one's catalogue has a picture of it."""
    monkeypatch.setattr(story, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    nord, sud = neighbours
    picture(nord.town.engine, nord.town.shops["shopify"].id, BK_001=PRINCE)
    seen = {}
    for one in neighbours:
        reader = Reader(app.test_client())
        reader.get("/sign-in")
        reader.send("/sign-in", name=one.owner, password=PASSWORD)
        pages = ("/picking", f"/orders/{one.orders['plain']}")
        seen[one.mark] = [len(images(reader.get(page).get_data(as_text=True))) for page in pages]
        listed = app.test_client().get("/api/v1/items", headers={"Authorization": f"Bearer {one.token}"})
        seen[one.mark].append(listed.get_data(as_text=True).count("prince.jpg"))
    assert seen == {nord.mark: [1, 2, 1], sud.mark: [0, 0, 0]}
