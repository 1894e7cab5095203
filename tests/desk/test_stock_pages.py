"""The stock pages: figures that can be compared with the shelf, in both languages."""

from __future__ import annotations

from connector.flow import stock
from connector.flow.stock import StockLine
from tests.desk import seeding
from tests.desk.conftest import Reader
from tests.desk.seeding import Town, order


def test_the_page_of_an_item_names_who_holds_it_and_what_moved(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-004", 3)))
    sku = "BK-004"
    assert reader.get("/stock").status_code == 200
    assert f'href="/stock/{sku}"' in reader.page
    reader.get(f"/stock/{sku}")
    assert f'href="/orders/{order_id}' in reader.page
    assert "Promised to an order" in reader.page
    reader.get(f"/stock/{sku}?lang=fr")
    assert "Promis à une commande" in reader.page
    assert "En transit" in reader.page


def test_goods_on_the_way_and_what_orders_wait_for_are_shown(reader: Reader, town: Town) -> None:
    stock.add_location(town.engine, code="here", name="Here")
    stock.add_location(town.engine, code="there", name="There")
    stock.add_items(town.engine, [{"sku": "NEW/1", "title": "Slash"}], seeding.NOW)
    town.place(order(("NEW/1", 2)))
    reader.get("/stock/NEW/1")
    assert "Orders that wait for it" in reader.page
    stock.receive(town.engine, [StockLine("NEW/1", "here", 9)], seeding.NOW, key="r", actor="cli")
    stock.transfer(town.engine, "here", "there", {"NEW/1": 4}, seeding.NOW, key="van-1", actor="cli")
    reader.get("/stock/NEW/1")
    assert "Orders that wait for it" not in reader.page
    assert "van-1" in reader.page
    assert "4 × Here → There" in reader.page
    assert 'data-label="Location">Here</td>' in reader.page


def test_a_search_finds_and_an_unknown_item_is_not_found(reader: Reader, town: Town) -> None:
    reader.get("/stock?q=BK-004")
    assert "BK-004" in reader.page
    assert "BK-001" not in reader.page
    assert "No article is like this." in reader.get("/stock?q=%00zzz").get_data(as_text=True)
    assert reader.get("/stock/NONE").status_code == 404
    assert reader.get("/stock/BK-004?before=x").status_code == 200


def test_an_item_is_found_among_very_many_whose_names_hold_its_own(reader: Reader, town: Town) -> None:
    more = [{"sku": f"0-Z{number}", "title": "Sail"} for number in range(120)]
    stock.add_items(town.engine, [{"sku": "Z", "title": "Zinc"}, *more], seeding.NOW)
    assert reader.get("/stock/Z").status_code == 200
    assert "Zinc" in reader.page
