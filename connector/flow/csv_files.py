"""Items, counts and links as CSV files: read whole and checked whole before anything is written, or not at all.

Spreadsheets write these files, so a BOM, semicolons, spaces and odd line ends are taken. What we write can be opened in
one: a text that a spreadsheet would take for a formula begins with an apostrophe, which reading takes off again.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, func, select

from connector.db import goods, links
from connector.db.tables import item_links, items, levels, locations, suppliers
from connector.domain.errors import Rejected
from connector.flow import linking, stock
from connector.flow.stock import StockLine

_MOST_BYTES = 20 * 1024 * 1024
_MOST_ROWS = 200_000
_LONGEST_CELL = 500
_MOST_UNITS = 1_000_000
_MOST_TOLD = 50
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # some spreadsheets read the wide ones too

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of a file; lines are counted from 1, the header's. Without a column: the whole line."""

    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A file after it was read: its rows with their lines, and everything that is wrong with it."""

    rows: tuple[tuple[int, Row], ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do: rows in the file, and of them what changes something."""

    rows: int
    changed: int
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of a kind of file; the first `needed` must not be empty, and `unique` names a row."""

    columns: tuple[str, ...]
    needed: int
    unique: int


LAYOUTS: Mapping[str, _Layout] = {
    "items": _Layout(("sku", "title", "barcode", "supplier"), 1, 1),
    "levels": _Layout(("sku", "location", "on_hand"), 3, 2),
    "links": _Layout(("variant", "item", "sku", "barcode", "title"), 1, 1),
}


# --- reading ---------------------------------------------------------------------------------------------------------


def read(kind: str, content: bytes) -> Checked:
    """The rows of a file of this kind and every fault of its form; nothing is looked up yet."""
    layout = LAYOUTS[kind]
    text, fault = _decoded(content)
    if fault:
        return Checked((), (fault,))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        return Checked((), (Fault(reader.line_num, "", f"This is no CSV: {error}."),))
    return _table(layout, lines)


def _decoded(content: bytes) -> tuple[str, Fault | None]:
    if len(content) > _MOST_BYTES:
        return "", Fault(0, "", f"The file is over {_MOST_BYTES // 2**20} MiB: divide it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return "", Fault(line, "", "The file is not UTF-8: save it as “CSV UTF-8”.")
    if "\x00" in text:
        return "", Fault(
            text[: text.index("\x00")].count("\n") + 1, "", "There is a NUL character: save the file as “CSV UTF-8”."
        )
    return text, None


def _delimiter(text: str) -> str:
    """Of the header's line: spreadsheets of half of Europe divide by semicolons."""
    header = text.lstrip().partition("\n")[0]
    return max((",", ";", "\t"), key=header.count)


def _table(layout: _Layout, lines: Sequence[tuple[int, list[str]]]) -> Checked:
    header = [cell.strip().lower() for cell in lines[0][1]] if lines else []
    missing = [name for name in layout.columns[: layout.needed] if name not in header]
    if missing:
        remedy = f"The first line must name the columns {', '.join(layout.columns)}."
        return Checked((), tuple(Fault(1, name, f"There is no such column. {remedy}") for name in missing))
    if len(lines) - 1 > _MOST_ROWS:
        return Checked((), (Fault(_MOST_ROWS, "", f"There are over {_MOST_ROWS} rows: divide the file."),))
    rows = tuple((number, _row(layout, header, cells)) for number, cells in lines[1:])
    faults = [
        Fault(number, "", f"There are {len(cells)} cells for {len(header)} columns.")
        for number, cells in lines[1:]
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :])
    ]
    return Checked(rows, (*faults, *_form_faults(layout, rows)))


def _row(layout: _Layout, header: Sequence[str], cells: Sequence[str]) -> Row:
    given = dict(zip(header, cells, strict=False))
    return {name: _unquoted(given.get(name, "").strip()) for name in layout.columns}


def _unquoted(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:2] in _FORMULA else cell


def _form_faults(layout: _Layout, rows: Sequence[tuple[int, Row]]) -> Iterable[Fault]:
    first: dict[tuple[str, ...], int] = {}
    for number, row in rows:
        for place, name in enumerate(layout.columns):
            if place < layout.needed and not row[name]:
                yield Fault(number, name, "It is empty.")
            if len(row[name]) > _LONGEST_CELL:
                yield Fault(number, name, f"It is longer than {_LONGEST_CELL} characters.")
        key = tuple(row[name] for name in layout.columns[: layout.unique])
        if first.setdefault(key, number) != number:
            yield Fault(number, layout.columns[layout.unique - 1], f"The same is said on line {first[key]} already.")
        if "on_hand" in row and row["on_hand"] and not _is_count(row["on_hand"]):
            yield Fault(number, "on_hand", f"{row['on_hand'][:20]!r} is no number of units from 0 to {_MOST_UNITS}.")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= _MOST_UNITS


# --- importing -------------------------------------------------------------------------------------------------------


def import_file(
    engine: Engine, kind: str, content: bytes, now: datetime, *, shop_id: int = 0, dry_run: bool = False, actor: str = "csv"
) -> Imported:
    """Take a file in whole, or say everything that is wrong with it and change nothing. `links` are those of a shop.

    The same file again changes nothing. `dry_run` only counts.
    """
    checked = read(kind, content)
    looked_up, changed = ((), 0) if checked.faults else _LOOKS[kind](engine, checked.rows, shop_id)
    faults = (*checked.faults, *looked_up)
    if not faults and not dry_run:
        _WRITES[kind](engine, [row for _, row in checked.rows], now, shop_id, actor)
    return Imported(len(checked.rows), 0 if faults else changed, faults[:_MOST_TOLD])


Look = tuple[tuple[Fault, ...], int]


_ITEMS = (
    select(items.c.sku, items.c.title, items.c.barcode, func.coalesce(suppliers.c.name, "").label("supplier"))
    .outerjoin(suppliers, suppliers.c.id == items.c.supplier_id)
    .order_by(items.c.sku)
)


def _look_items(engine: Engine, rows: Sequence[tuple[int, Row]], shop_id: int) -> Look:
    known = _known_items(engine)
    return (), sum(known.get(row["sku"]) != _item(row, known) for _, row in rows)


def _known_items(engine: Engine) -> dict[str, Row]:
    with engine.connect() as conn:
        return {row.sku: dict(row._mapping) for row in conn.execute(_ITEMS)}


def _item(row: Row, known: Mapping[str, Row]) -> Row:
    """An empty cell, or a column that is not there, leaves what is known."""
    return {**known.get(row["sku"], row), **{name: cell for name, cell in row.items() if cell}}


def _look_levels(engine: Engine, rows: Sequence[tuple[int, Row]], shop_id: int) -> Look:
    with engine.connect() as conn:
        known = goods.item_ids(conn, {row["sku"] for _, row in rows})
        places = goods.location_ids(conn)
        held = levels.c.item_id, levels.c.location_id, levels.c.on_hand
        on_hand = {(row.item_id, row.location_id): row.on_hand for row in conn.execute(select(*held))}
    faults = [Fault(number, "sku", f"There is no item {row['sku']!r}.") for number, row in rows if row["sku"] not in known]
    faults += [
        Fault(number, "location", f"There is no location {row['location']!r}; there are {', '.join(sorted(places))}.")
        for number, row in rows
        if row["location"] not in places
    ]
    if faults:
        return tuple(sorted(faults, key=lambda fault: fault.line)), 0
    pairs = [((known[row["sku"]], places[row["location"]]), int(row["on_hand"])) for _, row in rows]
    return (), sum(on_hand.get(pair, 0) != units for pair, units in pairs)


def _look_links(engine: Engine, rows: Sequence[tuple[int, Row]], shop_id: int) -> Look:
    with engine.connect() as conn:
        known = goods.item_ids(conn, {row["item"] for _, row in rows if row["item"]})
        variants = {row.external_id: row.item for row in links.listed(conn, shop_id, limit=10_000_000)}
    faults = [
        Fault(number, "variant", f"The shop has no variant {row['variant']!r}.")
        for number, row in rows
        if row["variant"] not in variants
    ]
    faults += [
        Fault(number, "item", f"There is no item {row['item']!r}.")
        for number, row in rows
        if row["item"] and row["item"] not in known
    ]
    if faults:
        return tuple(sorted(faults, key=lambda fault: fault.line)), 0
    return (), len(_changed_links(variants, [row for _, row in rows]))


def _changed_links(variants: Mapping[str, str], rows: Sequence[Row]) -> dict[str, str]:
    return {row["variant"]: row["item"] for row in rows if variants[row["variant"]] != row["item"]}


def _write_items(engine: Engine, rows: Sequence[Row], now: datetime, shop_id: int, actor: str) -> None:
    known = _known_items(engine)
    stock.add_items(engine, [_item(row, known) for row in rows], now)
    linking.match_all_again(engine, now)


def _write_levels(engine: Engine, rows: Sequence[Row], now: datetime, shop_id: int, actor: str) -> None:
    """One count of all. Its key is the file and the minute: sent twice by mistake it counts once, a later stocktaking anew."""
    lines = [StockLine(row["sku"], row["location"], int(row["on_hand"])) for row in rows]
    said = hashlib.sha256(repr(sorted((line.sku, line.location_code, line.quantity) for line in lines)).encode()).hexdigest()
    stock.count(engine, lines, now, key=f"csv:{said[:24]}:{now:%Y%m%d%H%M}", actor=actor)


def _write_links(engine: Engine, rows: Sequence[Row], now: datetime, shop_id: int, actor: str) -> None:
    with engine.connect() as conn:
        variants = {row.external_id: row.item for row in links.listed(conn, shop_id, limit=10_000_000)}
    linking.link_items(engine, shop_id, _changed_links(variants, rows))
    linking.match_again(engine, shop_id, now)


_LOOKS: Mapping[str, Callable[[Engine, Sequence[tuple[int, Row]], int], Look]] = {
    "items": _look_items,
    "levels": _look_levels,
    "links": _look_links,
}
_WRITES: Mapping[str, Callable[[Engine, Sequence[Row], datetime, int, str], None]] = {
    "items": _write_items,
    "levels": _write_levels,
    "links": _write_links,
}


# --- exporting -------------------------------------------------------------------------------------------------------


def export_file(engine: Engine, kind: str, *, shop_id: int = 0) -> str:
    """All items, all levels, or a shop's links, as a file that `import_file` takes back unchanged."""
    if kind not in LAYOUTS:
        raise Rejected(f"There are no files of {kind!r}.", f"There are {', '.join(LAYOUTS)}.")
    with engine.connect() as conn:
        rows = [tuple(row) for row in conn.execute(_QUERIES[kind](shop_id))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(LAYOUTS[kind].columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


_LEVELS = (
    select(items.c.sku, locations.c.code, levels.c.on_hand)
    .join(items, items.c.id == levels.c.item_id)
    .join(locations, locations.c.id == levels.c.location_id)
    .order_by(items.c.sku, locations.c.code)
)
_LINKS = (
    select(item_links.c.external_id, items.c.sku, item_links.c.sku, item_links.c.barcode, item_links.c.title)
    .outerjoin(items, items.c.id == item_links.c.item_id)
    .where(~item_links.c.gone)
    .order_by(item_links.c.external_id)
)
_QUERIES: Mapping[str, Callable[[int], Select[Any]]] = {
    "items": lambda shop_id: _ITEMS,
    "levels": lambda shop_id: _LEVELS,
    "links": lambda shop_id: _LINKS.where(item_links.c.shop_id == shop_id),
}
