"""Suppliers: given by page, file and API, found by, summed up on paper; and the logo at the head of a shop's papers."""

from __future__ import annotations

import io
import random
import re
import zlib
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from connector.db import order_views, suppliers
from connector.db.order_views import OrderFilter
from connector.db.tables import shop_logos
from connector.domain.errors import Rejected
from connector.flow import csv_files, logos, stock
from desk import papers
from desk.paper import printing
from tests.desk import seeding
from tests.desk.conftest import Reader
from tests.desk.seeding import NOW, Town, order
from tests.desk.test_paper import pages

SUPPLIER = "Éditions Gallimard"


@pytest.fixture
def bought(town: Town) -> dict[str, int]:
    """Two of the books come from one supplier; orders by what they hold."""
    stock.add_items(
        town.engine, [{"sku": sku, "title": seeding.TITLES[sku], "supplier": SUPPLIER} for sku in ("BK-001", "BK-005")], NOW
    )
    return {
        "stocked": town.place(order(("BK-001", 2))),
        "waiting": town.place(order(("BK-005", 6), ("BK-002", 1))),
        "other": town.place(order(("BK-002", 1))),
    }


def _found(town: Town, **wanted: Any) -> set[int]:
    with town.engine.connect() as conn:
        return {row.id for row in order_views.list_orders(conn, OrderFilter(**wanted))}


def _id(town: Town) -> int:
    with town.engine.connect() as conn:
        found = suppliers.known(conn, SUPPLIER)
    assert found is not None
    return found


@pytest.mark.parametrize("words", ["gallimard", "EDITIONS galli", "?allim", "éditions"])
def test_orders_are_found_by_their_supplier_in_any_spelling(town: Town, bought: dict[str, int], words: str) -> None:
    assert _found(town, search=words) == {bought["stocked"], bought["waiting"]}


def test_a_supplier_s_word_and_an_order_s_word_together(town: Town, bought: dict[str, int]) -> None:
    assert _found(town, search="gallimard étranger") == {bought["waiting"]}
    assert _found(town, search="gallimard zzz") == set()
    with town.engine.connect() as conn:
        assert order_views.counts(conn, [OrderFilter(search="gallimard"), OrderFilter(supplier_id=_id(town))]) == [2, 2]


def test_the_list_is_filtered_by_supplier(reader: Reader, town: Town, bought: dict[str, int]) -> None:
    reader.get(f"/orders?supplier={_id(town)}")
    assert reader.page.count('class="open"') == 2
    assert SUPPLIER in reader.page
    assert _found(town, supplier_id=_id(town), history=True) == set()


def test_one_supplier_however_it_is_spelled(town: Town, bought: dict[str, int]) -> None:
    stock.add_items(town.engine, [{"sku": "BK-002", "title": "L’Étranger", "supplier": " editions GALLIMARD "}], NOW)
    with town.engine.connect() as conn:
        assert [(row.name, row.items, row.backordered) for row in suppliers.list_suppliers(conn)] == [(SUPPLIER, 3, 2)]


def test_the_file_brings_and_takes_suppliers_and_without_the_column_changes_none(town: Town) -> None:
    given = "sku,title,barcode,supplier\r\nBK-001,Le Petit Prince,,Gallimard\r\nBK-002,L’Étranger,,\r\n".encode()
    assert csv_files.import_file(town.engine, "items", given, NOW).changed == 1
    assert csv_files.import_file(town.engine, "items", given, NOW).changed == 0
    assert "BK-001,Le Petit Prince,,Gallimard\r\n" in csv_files.export_file(town.engine, "items")
    csv_files.import_file(town.engine, "items", b"sku,title\r\nBK-001,Le petit prince\r\n", NOW)
    assert "BK-001,Le petit prince,,Gallimard\r\n" in csv_files.export_file(town.engine, "items")


def test_the_page_of_an_article_says_who_it_is_bought_from(reader: Reader, town: Town, bought: dict[str, int]) -> None:
    reader.get("/stock/BK-002")
    reader.send("/stock/BK-002/supplier", supplier="Folio")
    assert 'value="Folio"' in reader.page
    reader.get("/suppliers")
    assert "Folio" in reader.page
    reader.get("/stock/BK-002")
    reader.send("/stock/BK-002/supplier", supplier="")
    assert "Folio" not in reader.get("/stock?q=BK-002").get_data(as_text=True)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of what is printed: glyphs of an embedded font cannot be read back."""
    found: list[str] = []

    def noting(documents: Any, size: str, title: str) -> bytes:
        blocks = [block for document in documents for block in document]
        found[:] = [str(getattr(block, name)) for block in blocks for name in ("text", "left", "right") if hasattr(block, name)]
        return printing.printed(documents, size, title)

    monkeypatch.setattr(papers, "printed", noting)
    return found


@pytest.mark.parametrize("size", ["a4", "80mm"])
def test_the_summary_says_what_to_bring_for_which_orders_and_names_no_customer(
    reader: Reader, town: Town, bought: dict[str, int], said: list[str], size: str
) -> None:
    path = f"/print/supplier.pdf?supplier={_id(town)}&size={size}"
    pdf = reader.client.get(path)
    assert (pdf.status_code, pdf.mimetype) == (200, "application/pdf")
    whole = "\n".join(said)
    for words in (SUPPLIER, "2 units wait for stock", "Atlas des calanques\n2 ×", "Le Petit Prince\n–", "(6)"):
        assert words in whole
    assert "Ménard" not in whole
    assert "Étranger" not in whole
    reader.client.get(path + "&only=backorders")
    assert "Atlas des calanques" in said
    assert "Le Petit Prince" not in said
    assert reader.client.get("/print/supplier.pdf?supplier=99999").status_code == 404


def test_what_has_left_is_not_asked_for_again(town: Town, bought: dict[str, int]) -> None:
    with town.engine.connect() as conn:
        assert sum(line.allocated for line in suppliers.wanted_of(conn, _id(town))) == 2 + 4
    town.move(town.parts(bought["stocked"])[0], seeding.Step.PACK, seeding.Step.SHIP)
    with town.engine.connect() as conn:
        assert [(line.sku, line.allocated, line.backordered) for line in suppliers.wanted_of(conn, _id(town))] == [
            ("BK-005", 4, 2)
        ]


# --- logos -----------------------------------------------------------------------------------------------------------


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind)
    return out.getvalue()


def _bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few KB: only its head is true."""
    header = (30_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(40),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        picture()[:50],
        picture()[:8] + bytes(500_001),
        _bomb(),
        random.Random(1).randbytes(900),
    ],
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(content: bytes) -> None:
    with pytest.raises(Rejected):
        logos.checked(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_written_anew_without_what_it_carries(kind: str) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.new("RGB", (3000, 1000)).save(out, kind, exif=exif)
    logo = logos.checked(out.getvalue())
    assert (logo.width, logo.height) == (1200, 400)
    assert logo.picture.startswith(b"\x89PNG")
    assert b"taken at home" not in logo.picture


def test_the_logo_is_on_the_shop_s_papers_and_on_no_other_s(reader: Reader, town: Town) -> None:
    mine, other = town.place(order(("BK-001", 1))), town.place(order(("BK-001", 1)), "woocommerce")
    shop = town.shops["shopify"].id
    plain = len(reader.client.get(f"/print/slip.pdf?ids={mine}").data)
    reader.get(f"/shops/{shop}/links")
    answer = reader.client.post(
        f"/shops/{shop}/logo", data={"csrf_token": _token(reader), "logo": (io.BytesIO(picture()), "logo.png")}
    )
    assert answer.status_code == 303
    assert reader.client.get(f"/shops/{shop}/logo.png").mimetype == "image/png"
    for kind in ("slip", "receipt"):
        for size in ("a4", "80mm"):
            with_logo = reader.client.get(f"/print/{kind}.pdf?ids={mine}&size={size}").data
            assert b"/Subtype /Image" in with_logo
            assert b"/Subtype /Image" not in reader.client.get(f"/print/{kind}.pdf?ids={other}&size={size}").data
            assert len(pages(with_logo)) == 1
    assert len(reader.client.get(f"/print/slip.pdf?ids={mine}").data) > plain
    reader.client.post(f"/shops/{shop}/logo", data={"csrf_token": _token(reader), "remove": "1"})
    assert b"/Subtype /Image" not in reader.client.get(f"/print/slip.pdf?ids={mine}").data
    with town.engine.connect() as conn:
        assert conn.execute(select(shop_logos)).all() == []


def test_what_is_no_picture_is_refused_on_the_page(reader: Reader, town: Town) -> None:
    shop = town.shops["shopify"].id
    reader.get(f"/shops/{shop}/links")
    data = {"csrf_token": _token(reader), "logo": (io.BytesIO(b"<svg/>"), "logo.png")}
    refused = reader.client.post(f"/shops/{shop}/logo", data=data, follow_redirects=True)
    assert "This is no PNG or JPEG picture." in refused.get_data(as_text=True)


def _token(reader: Reader) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', reader.page)
    assert found is not None
    return found[1]
