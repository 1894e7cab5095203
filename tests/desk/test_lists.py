"""The list pages through a client without script."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from unittest import mock

import pytest
from sqlalchemy.exc import OperationalError

from connector.domain.fulfillment import Step
from connector.domain.orders import Customer
from tests.desk import seeding
from tests.desk.conftest import Reader
from tests.desk.seeding import Town, order


def shown(reader: Reader, path: str) -> list[str]:
    assert reader.get(path).status_code == 200
    return re.findall(r'class="open"[^>]*>([^<]+)<', reader.page)


def test_the_first_page_is_the_orders(reader: Reader) -> None:
    assert reader.get("/").location == "/orders"


def test_open_orders_say_everything_a_packer_needs(reader: Reader, town: Town) -> None:
    seeding.morning(town)
    shown(reader, "/orders")
    for words in (
        "Élise Ménard",
        "Delivery",
        "Pickup",
        "Boutique Canebière",
        "Unpaid",
        "€29.70",
        "BK-003",
        "WooCommerce",
        "Ready for pickup",
    ):
        assert words in reader.page
    assert "part 1 of 2" in reader.page
    assert "Needs attention" in reader.page
    assert "Backorder: 2" in reader.page
    assert "Sofia Russo" not in reader.page


def test_history_holds_what_has_ended(reader: Reader, town: Town) -> None:
    seeding.morning(town)
    assert len(shown(reader, "/orders/history")) == 2
    assert "Sofia Russo" in reader.page
    assert "Cancelled" in reader.page
    assert len(shown(reader, "/orders/history?state=cancelled")) == 1


def test_filters_by_location_state_type_and_search(reader: Reader, town: Town) -> None:
    seeding.morning(town)
    reader.get("/orders")
    depot = re.search(r'value="(\d+)"[^>]*>Dépôt Arenc', reader.page)
    assert depot is not None
    assert len(shown(reader, f"/orders?location={depot[1]}")) == 1
    assert len(shown(reader, "/orders?type=pickup")) == 2
    assert len(shown(reader, "/orders?state=ready")) == 1
    assert len(shown(reader, "/orders?q=lefevre")) == 1
    assert len(shown(reader, "/orders?payment=unpaid")) == 2


def test_a_location_sees_its_part_only(reader: Reader, town: Town) -> None:
    town.place(order(("BK-001", 2), ("BK-003", 1)))
    reader.get("/orders")
    canebiere = re.search(r'value="(\d+)"[^>]*>Boutique Canebière', reader.page)
    assert canebiere is not None
    shown(reader, f"/orders?location={canebiere[1]}")
    assert "Les Misérables" in reader.page
    assert "Le Petit Prince" not in reader.page
    assert "part 2 of 2" in reader.page


def test_the_next_page_continues_and_keeps_the_filter(reader: Reader, town: Town) -> None:
    for _ in range(53):
        town.place(order(("BK-002", 1)))
    first = shown(reader, "/orders?type=delivery")
    further = re.search(r'rel="next" href="([^"]+)"', reader.page)
    assert further is not None
    second = shown(reader, html.unescape(further[1]))
    assert (len(first), len(second), len({*first, *second})) == (50, 3, 53)
    assert "type=delivery" in further[1]


def test_empty_lists_say_what_to_do(reader: Reader, town: Town) -> None:
    assert shown(reader, "/orders") == []
    assert "Nothing to do" in reader.page
    shown(reader, "/orders?q=nobody")
    assert "No order fits this filter" in reader.page
    assert "/orders/history?q=nobody" in reader.page
    shown(reader, "/orders/history")
    assert "No finished orders yet" in reader.page


@pytest.mark.parametrize(
    "query",
    [
        "state=%00",
        "location=99999999999999999999",
        "location=-1",
        "location=²",
        "shop=x",
        "after=1_2_3",
        "after=nan_1",
        "after=1e400_1",
        "after=1_99999999999999999999",
        "q=%00%27%22",
        "q=%ed%a0%80",
        "type=robots",
        "attention=yes",
        "q=" + "a" * 5000,
    ],
)
@pytest.mark.parametrize("page", ["/orders", "/orders/history", "/orders/1"])
def test_no_address_breaks_a_page(reader: Reader, town: Town, page: str, query: str) -> None:
    town.place(order(("BK-001", 1)))
    assert reader.get(f"{page}?{query}").status_code in (200, 404)


def test_the_script_gets_the_list_alone(reader: Reader, town: Town) -> None:
    town.place(order(("BK-001", 1)))
    fragment = reader.get("/orders", headers={"X-Live": "1"})
    assert "<html" not in reader.page
    assert 'class="orders"' in reader.page
    assert "X-Live" in fragment.headers["Vary"]
    assert fragment.headers["Cache-Control"] == "no-store"


@pytest.fixture
def _no_database() -> Iterator[None]:
    broken = OperationalError("select", {}, Exception("connection refused"))
    with mock.patch("connector.db.order_views.list_orders", side_effect=broken):
        yield


@pytest.mark.usefixtures("_no_database")
def test_without_the_database_the_page_says_so_calmly(reader: Reader) -> None:
    answer = reader.get("/orders")
    assert answer.status_code == 503
    assert "Nothing is lost" in reader.page
    assert answer.headers["Retry-After"]


def test_an_unknown_address_and_an_unknown_order(reader: Reader, town: Town) -> None:
    for path in ("/nowhere", "/orders/4711", f"/orders/{2**70}"):
        assert reader.get(path, headers={"Accept": "text/html"}).status_code == 404
        assert "There is nothing here" in reader.page
    assert "There is nothing here" not in reader.get("/webhooks/nowhere").get_data(as_text=True)


XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"


def test_what_customers_type_is_shown_and_never_run(reader: Reader, town: Town) -> None:
    line = seeding.replace(seeding.item("BK-001", 1), title=XSS)
    address = seeding.replace(seeding.ADDRESS, name=XSS, phone='1" onmouseover="alert(1)', street=XSS)
    odd = seeding.replace(order(note=XSS), lines=(line,), number=XSS, customer=Customer(name=XSS, email=XSS), shipping=address)
    order_id = town.place(odd)
    part = town.parts(order_id)[0]
    town.move(part, Step.PACK, Step.SHIP, tracking=seeding.Tracking(XSS, XSS, "javascript:alert(1)"))
    for path in ("/orders", "/orders/history", f"/orders/{order_id}", f"/orders?q={XSS}"):
        reader.get(path)
        assert "<script>alert" not in reader.page
        assert "<img" not in reader.page
        assert 'href="javascript' not in reader.page
        assert not re.search(r'<[^>]*"\s+onmouseover=', reader.page)
        assert "49" not in re.findall(r"\{\{.*?\}\}|'49", reader.page)
    reader.get(f"/orders/{order_id}")
    assert html.escape("<script>alert(1)</script>") in reader.page
