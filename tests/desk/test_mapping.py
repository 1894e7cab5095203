"""The page on which a shop's places and articles are linked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select

from connector.db import goods, links
from connector.db.tables import shops
from connector.domain.linking import Variant, match
from connector.flow.wake import Wake
from tests.desk.conftest import Reader, Rung
from tests.desk.seeding import Town


@pytest.fixture
def shop_id(engine: Engine, town: Town) -> int:
    """A shop whose catalogue was read: one variant is not known here."""
    with engine.begin() as conn:
        shop = conn.execute(select(shops.c.id).order_by(shops.c.id)).scalars().first()
        assert shop is not None
        variants = [Variant("v1", "u1", "BK-004"), Variant("v2", "u2", "NEW-1", "", "<b>New</b> 100%")]
        skus = goods.item_ids(conn, ["BK-004"])
        links.store(conn, shop, match(variants, skus, [], {}), datetime.now(UTC))
        goods.note_remote_locations(conn, shop, [("L9", "Far place")], stocked={"L9"})
    return shop


def test_shops_are_listed_with_what_needs_a_person(reader: Reader, shop_id: int) -> None:
    reader.get("/shops")
    assert "1 of 2 articles are linked." in reader.page
    assert "1 need you." in reader.page
    reader.get("/shops?lang=fr")
    assert "1 articles liés sur 2." in reader.page


def test_a_variant_and_a_place_are_linked(reader: Reader, shop_id: int, rung: Rung, engine: Engine) -> None:
    reader.get(f"/shops/{shop_id}/links")
    assert "&lt;b&gt;New&lt;/b&gt; 100%" in reader.page
    assert "No item here has this SKU or barcode." in reader.page
    reader.send("links/items", variant="v2", sku="BK-004")
    assert "Saved." in reader.page
    assert "Every article is linked." in reader.page
    assert Wake("publish", shop_id) in rung.wakes
    with engine.connect() as conn:
        code = next(iter(goods.location_ids(conn)))
    reader.send("links/places", place="L9", location=code)
    with engine.connect() as conn:
        assert goods.linked_locations(conn, shop_id)["L9"] == goods.location_ids(conn)[code]


def test_what_is_refused_says_why(reader: Reader, shop_id: int) -> None:
    reader.get(f"/shops/{shop_id}/links")
    reader.send("links/items", variant="v2", sku="NOPE")
    assert "Not known here: NOPE." in reader.page
    reader.get(f"/shops/{shop_id}/links")
    reader.send("links/places", place="L9", location="nowhere")
    assert "There is no location" in reader.page


def test_an_unknown_shop_has_no_page(reader: Reader, shop_id: int) -> None:
    assert reader.get("/shops/99999/links").status_code == 404
    assert reader.client.post(f"/shops/{shop_id}/links/items", data={"variant": "v2"}).status_code == 400
