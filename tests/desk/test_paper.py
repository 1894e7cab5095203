"""Printed papers: what stands on them, and that their barcodes are read back by a decoder.

The bars are drawn as rectangles, so the test paints the rectangles of the PDF itself and lets a decoder read the picture.
"""

from __future__ import annotations

import re
import zlib

import pytest
import zxingcpp
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw

from connector.flow import picking, stock
from desk.paper import printing
from desk.paper.printing import Code, Columns, Words, printed
from tests.desk import seeding
from tests.desk.conftest import Reader
from tests.desk.seeding import NOW, Town, order

_DOTS_PER_POINT = 203 / 72  # a thermal printer's resolution
_NUMBER = rb"(-?[\d.]+)"
_RECTANGLE = re.compile(rb" ".join([_NUMBER] * 4) + rb" re f")


def pages(pdf: bytes) -> list[bytes]:
    """The drawing of each page."""
    streams = [
        zlib.decompressobj().decompress(raw) for raw in re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    ]
    return [drawing for drawing in streams if b"BT" in drawing and b"2 J" in drawing]


def box(written: bytes) -> tuple[float, float]:
    """Width and height in points; nothing where the page has those of all."""
    found = re.search(rb"/MediaBox \[0 0 " + _NUMBER + rb" " + _NUMBER + rb"\]", written)
    return (float(found[1]), float(found[2])) if found else ()  # type: ignore[return-value]


def codes(pdf: bytes) -> list[list[str]]:
    """What a decoder reads on each page."""
    objects = re.findall(rb"obj\s*<<(.*?)>>\s*endobj", pdf, re.S)
    default = next(box(one) for one in objects if b"/Type /Pages" in one)
    boxes = [box(one) or default for one in objects if re.search(rb"/Type /Page\s", one)]
    found = []
    for at, drawing in enumerate(pages(pdf)):
        width, height = boxes[at]
        picture = Image.new("L", (round(width * _DOTS_PER_POINT), round(height * _DOTS_PER_POINT)), 255)
        brush = ImageDraw.Draw(picture)
        for left, top, wide, tall in (map(float, found) for found in _RECTANGLE.findall(drawing)):
            edges = (left, height - top, left + wide, height - top - tall)
            x0, y0, x1, y1 = (round(edge * _DOTS_PER_POINT) for edge in edges)
            brush.rectangle((min(x0, x1), min(y0, y1), max(x0, x1) - 1, max(y0, y1) - 1), fill=0)
        found.append([code.text for code in zxingcpp.read_barcodes(picture)])
    return found


@pytest.mark.parametrize("size", ["a4", "80mm"])
@pytest.mark.parametrize("text", ["#1001", "9782070409228", "BK-003", "R", "Nº 12/é", "X" * 60])
def test_a_barcode_is_read_back(text: str, size: str) -> None:
    assert codes(printed([[Words("Bonjour"), Code(text)]], size, "test")) == [[text]]


@pytest.mark.parametrize("size", ["a4", "80mm"])
def test_a_long_list_leaves_nothing_out(size: str) -> None:
    document = [block for at in range(60) for block in (Columns(f"Article {at}", "1 ×"), Code(f"SKU-{at}"))]
    read = [code for page in codes(printed([document], size, "test")) for code in page]
    assert sorted(read) == sorted(f"SKU-{at}" for at in range(60))


def test_the_font_has_the_letters_of_europe() -> None:
    with TTFont(printing.FONT) as font:
        known = font.getBestCmap()
    assert all(ord(letter) in known for letter in "ÀÉÈÊËÎÏÔŒÙÛÜŸàéèêëîïôœùûüÿçß€–’«»☐×Łødžαжя")


class TestPages:
    @pytest.mark.parametrize("size", ["a4", "80mm"])
    @pytest.mark.parametrize("kind", ["slip", "receipt"])
    def test_several_orders_in_one_file_each_with_its_number(self, reader: Reader, town: Town, kind: str, size: str) -> None:
        placed = seeding.morning(town)
        ids = [placed[name] for name in ("split", "pickup", "unknown")]
        answer = reader.client.get(f"/print/{kind}.pdf?ids={','.join(map(str, ids))}&size={size}")
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        numbers = [number for page in codes(answer.data) for number in page]
        assert len(numbers) == len(set(numbers)) == 3
        assert all(number.startswith("#") for number in numbers)

    def test_a_pick_list_has_the_barcode_of_each_article(self, reader: Reader, town: Town) -> None:
        stock.add_items(town.engine, [{"sku": "BK-001", "title": "Le Petit Prince", "barcode": "9782070612758"}], NOW)
        picking.set_shelf(town.engine, "vieux-port", "BK-001", "A1")
        order_id = town.place(order(("BK-001", 1), ("BK-002", 1)))
        answer = reader.client.get(f"/print/pick-list.pdf?ids={order_id}")
        assert codes(answer.data) == [["9782070612758", "BK-002"]]

    def test_what_is_for_the_customer_is_in_the_shop_s_language(self, town: Town, reader: Reader) -> None:
        order_id = town.place(order(("BK-001", 1)))
        here = reader.client.get(f"/print/slip.pdf?ids={order_id}").data
        town.set_shop("shopify", language="fr")
        theirs = reader.client.get(f"/print/slip.pdf?ids={order_id}").data
        chosen = reader.client.get(f"/print/slip.pdf?ids={order_id}&language=en").data
        assert pages(here) == pages(chosen) != pages(theirs)

    @pytest.mark.parametrize("path", ["slip.pdf?ids=987654", "slip.pdf", "slip.pdf?ids=x&size=a3", "other.pdf?ids=1"])
    def test_what_does_not_exist_is_said(self, reader: Reader, path: str) -> None:
        assert reader.client.get(f"/print/{path}").status_code == 404

    def test_signs_a_font_lacks_break_nothing(self, reader: Reader, town: Town) -> None:
        strange = order(("BK-001", 1), note="你好 🎁 שלום \u200f\ufeff")
        assert reader.client.get(f"/print/slip.pdf?ids={town.place(strange)}&size=80mm").status_code == 200
