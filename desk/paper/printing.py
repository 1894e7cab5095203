"""Setting blocks on paper with fpdf2: A4 sheets, or one long piece of an 80 mm roll for each document.

The font is DejaVu Sans Mono, which the package python-barcode carries (Bitstream Vera licence, free to embed): it has
Latin, Greek and Cyrillic letters. Barcodes are drawn as bars, not as pictures, so that they stay sharp on every printer.
"""

from __future__ import annotations

import io
import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import barcode
import segno
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos
from fpdf.fonts import TTFFont

FONT = Path(barcode.__file__).parent / "fonts" / "DejaVuSansMono.ttf"
_A4_MM = (210.0, 297.0)
_ROLL_MM = 80.0
_ROLL_ENDLESS_MM = 100_000.0
_ROLL_LONGEST_MM = 5000.0  # ISO 32000-1, annex C: a page has at most 14,400 points
_MODULE_MM = {"a4": 0.4, "80mm": 0.33}  # the narrowest bar; hand scanners read from 0.25 on
_BAR_MM = 13.0
_QUIET_MODULES = 10  # ISO/IEC 15417: the empty space on both sides
_QR_MM = 24.0
_PICTURE_MM = (50.0, 18.0)  # the most a logo may take
_LONGEST_CODE_128 = 20  # longer ones are set as QR, which is square
_LEADING = 1.35 * 0.3528  # millimetres of a line per point of its size

logging.getLogger("fpdf").setLevel(logging.ERROR)  # a letter the font lacks is shown as a box, without a line in the log
logging.getLogger("fontTools").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph; `size` in points."""

    text: str
    size: float = 10


@dataclass(frozen=True, slots=True)
class Columns:
    """A text and, at the right edge, what belongs to it."""

    left: str
    right: str
    size: float = 10


@dataclass(frozen=True, slots=True)
class Code:
    """A barcode with its text below."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, set as large as its place allows; `width` and `height` in pixels."""

    png: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Empty space."""

    mm: float = 3


Block = Words | Columns | Code | Picture | Rule | Gap
Document = Sequence[Block]


def printed(documents: Iterable[Document], size: str, title: str) -> bytes:
    """One PDF with every document on a page of its own (on several A4 pages where it is long)."""
    roll = size == "80mm"
    pdf = _paper(size, title)
    scratch = _paper(size, title) if roll else pdf
    for document in documents:
        pieces = _roll_pieces(scratch, document, size) if roll else [(document, _A4_MM)]
        for piece, sheet in pieces:
            pdf.add_page(format=sheet)
            _set(pdf, piece, size)
    try:
        return bytes(pdf.output())
    finally:
        for paper in {pdf, scratch}:
            _close(paper)


def _close(pdf: FPDF) -> None:
    """fpdf2 keeps the font's file open as long as the document lives."""
    for font in pdf.fonts.values():
        if isinstance(font, TTFFont):
            font.ttfont.close()


def _paper(size: str, title: str) -> FPDF:
    pdf = FPDF(unit="mm", format=_A4_MM)
    pdf.add_font("body", fname=FONT)
    pdf.set_title(title)
    pdf.set_margin(4 if size == "80mm" else 15)
    pdf.set_auto_page_break(size != "80mm", 15)
    return pdf


def _roll_pieces(scratch: FPDF, document: Document, size: str) -> list[tuple[Document, tuple[float, float]]]:
    """The document with the length of roll it needs, in halves where it is longer than a PDF page can be."""
    length = _length(scratch, document, size)
    if length <= _ROLL_LONGEST_MM or len(document) < 2:
        return [(document, (_ROLL_MM, length))]
    middle = len(document) // 2
    halves = (document[:middle], document[middle:])
    return [piece for half in halves for piece in _roll_pieces(scratch, half, size)]


def _length(scratch: FPDF, document: Document, size: str) -> float:
    """How long the roll is to be: the document is set once on an endless one."""
    scratch.add_page(format=(_ROLL_MM, _ROLL_ENDLESS_MM))
    _set(scratch, document, size)
    return float(scratch.get_y()) + 8


def _set(pdf: FPDF, document: Document, size: str) -> None:
    for block in document:
        _SETTING[type(block)](pdf, block, size)


def _words(pdf: FPDF, block: Words, size: str) -> None:
    pdf.set_font("body", size=_points(block.size, size))
    pdf.multi_cell(0, block.size * _LEADING, block.text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _columns(pdf: FPDF, block: Columns, size: str) -> None:
    points = _points(block.size, size)
    pdf.set_font("body", size=points)
    right = pdf.get_string_width(block.right) + 3
    height = points * _LEADING
    left = pdf.epw - right
    tall = pdf.multi_cell(left, height, block.left, align="L", dry_run=True, output=MethodReturnValue.HEIGHT)
    if isinstance(tall, float) and pdf.will_page_break(tall):
        pdf.add_page(format=_A4_MM)
    top, sheet = pdf.get_y(), pdf.page
    pdf.multi_cell(left, height, block.left, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    below = pdf.get_y()
    if pdf.page == sheet:
        pdf.set_xy(pdf.w - pdf.r_margin - right, top)
        pdf.cell(right, height, block.right, align="R")
        pdf.set_xy(pdf.l_margin, below)


def _code(pdf: FPDF, block: Code, size: str) -> None:
    height = _QR_MM if _is_qr(block.text) else _BAR_MM
    if pdf.will_page_break(height + 8):
        pdf.add_page(format=_A4_MM)
    top = pdf.get_y() + 1
    draw = _square if _is_qr(block.text) else _bars
    draw(pdf, block.text, pdf.l_margin, top, size)
    pdf.set_xy(pdf.l_margin, top + height + 1)
    _words(pdf, Words(block.text, 8), size)


def _is_qr(text: str) -> bool:
    return len(text) > _LONGEST_CODE_128 or not text.isascii() or not text.isprintable()


def _bars(pdf: FPDF, text: str, left: float, top: float, size: str) -> None:
    """Code 128: runs of black modules as rectangles."""
    modules = barcode.Code128(text).build()[0]
    quiet = 2 * _QUIET_MODULES
    width = min(_MODULE_MM[size], pdf.epw / (len(modules) + quiet))
    at = left + _QUIET_MODULES * width
    for black, run in itertools.groupby(modules):
        length = len(list(run)) * width
        if black == "1":
            pdf.rect(at, top, length, _BAR_MM, style="F")
        at += length


def _square(pdf: FPDF, text: str, left: float, top: float, size: str) -> None:
    """QR: one rectangle for each run of black modules in a row."""
    rows = list(segno.make(text, micro=False, error="m").matrix_iter(border=4))
    side = _QR_MM / len(rows)
    for line, row in enumerate(rows):
        at = left
        for black, run in itertools.groupby(row):
            length = len(list(run)) * side
            if black:
                pdf.rect(at, top + line * side, length, side, style="F")
            at += length


def _picture(pdf: FPDF, block: Picture, _size: str) -> None:
    scale = min(_PICTURE_MM[0] / block.width, _PICTURE_MM[1] / block.height)
    wide, tall = block.width * scale, block.height * scale
    pdf.image(io.BytesIO(block.png), pdf.l_margin, pdf.get_y(), wide, tall)
    pdf.set_xy(pdf.l_margin, pdf.get_y() + tall + 2)


def _rule(pdf: FPDF, _block: Rule, _size: str) -> None:
    at = pdf.get_y() + 1
    pdf.line(pdf.l_margin, at, pdf.w - pdf.r_margin, at)
    pdf.set_xy(pdf.l_margin, at + 1.5)


def _gap(pdf: FPDF, block: Gap, _size: str) -> None:
    pdf.set_xy(pdf.l_margin, pdf.get_y() + block.mm)


def _points(points: float, size: str) -> float:
    return points if size != "80mm" else min(points, 13) * 0.88


_SETTING: dict[type, Callable[[FPDF, Any, str], None]] = {
    Words: _words,
    Columns: _columns,
    Code: _code,
    Picture: _picture,
    Rule: _rule,
    Gap: _gap,
}
