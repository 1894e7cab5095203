"""Files of spreadsheets: taken in whole, or refused whole with every fault by line and column."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import select

from connector.db import links
from connector.db.tables import items
from connector.domain.errors import Rejected
from connector.domain.linking import Variant
from connector.flow import csv_files, linking
from connector.flow.csv_files import Fault, import_file
from connector.platform import CataloguePage
from tests.flow.conftest import Make
from tests.flow.toy import World, order


def _items(at: World) -> dict[str, tuple[str, str]]:
    with at.engine.connect() as conn:
        return {row.sku: (row.title, row.barcode) for row in conn.execute(select(items))}


@pytest.mark.parametrize(
    "content",
    [
        "sku,title,barcode\r\nPEN,A pen,1\r\nINK,Ink,\r\n",
        "\ufeffsku;title;barcode\nPEN;A pen;1\n\nINK;Ink;\n",
        'Barcode\tSKU\tTitle\n1\tPEN\t"A pen"\n\tINK\tInk',
        " sku , title , barcode , colour\n PEN , A pen , 1 , red\nINK,Ink\n",
    ],
)
def test_what_spreadsheets_write_is_read(make: Make, content: str) -> None:
    at = make({})
    assert import_file(at.engine, "items", content.encode(), at.now).changed == 2
    assert _items(at) == {"PEN": ("A pen", "1"), "INK": ("Ink", "")}
    assert import_file(at.engine, "items", content.encode(), at.now).changed == 0


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", [(1, "sku")]),
        (b"name,title\nPEN,x\n", [(1, "sku")]),
        (b"sku,title\nPEN,a\n,b\nPEN,c\n", [(3, "sku"), (4, "sku")]),
        ("sku,title\nPEN,Stylo bleu é\n".encode("latin-1"), [(2, "")]),
        (b"sku,title\nPEN,a\x00\n", [(2, "")]),
        (b'sku,title\nPEN,"a\n', [(2, "")]),
        (b"sku,title\nPEN,a,b,c\n", [(2, "")]),
        (b"sku,title\n" + b"X" * 501 + b",a\n", [(2, "sku")]),
    ],
)
def test_every_fault_is_told_by_line_and_column_and_nothing_is_changed(
    make: Make, content: bytes, faults: list[tuple[int, str]]
) -> None:
    at = make({})
    done = import_file(at.engine, "items", content, at.now)
    assert [(fault.line, fault.column) for fault in done.faults] == faults
    assert all(fault.message for fault in done.faults)
    assert _items(at) == {}


def test_counts_are_set_and_the_same_file_twice_counts_once(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    content = b"sku;location;on_hand\nPEN;quay;7\nPEN;depot;3\n"
    assert import_file(at.engine, "levels", content, at.now, dry_run=True).changed == 2
    assert at.stock("PEN")["quay"] == (9, 2)
    assert import_file(at.engine, "levels", content, at.now).changed == 2
    assert at.stock("PEN") == {"quay": (7, 2), "depot": (3, 0)}
    assert import_file(at.engine, "levels", content, at.now).changed == 0


def test_one_wrong_line_keeps_all_counts_back(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    content = b"sku,location,on_hand\nPEN,quay,7\nPEN,nowhere,1\nNOPE,quay,1\n"
    done = import_file(at.engine, "levels", content, at.now)
    assert done.faults == (
        Fault(3, "location", "There is no location 'nowhere'; there are depot, quay."),
        Fault(4, "sku", "There is no item 'NOPE'."),
    )
    wrong = b"sku,location,on_hand\nPEN,quay,-7\nPEN,depot,1.5\nPEN,x,\n"
    assert [(fault.line, fault.column) for fault in import_file(at.engine, "levels", wrong, at.now).faults] == [
        (2, "on_hand"),
        (3, "on_hand"),
        (4, "on_hand"),
    ]
    assert at.stock("PEN") == {"quay": (9, 0)}


def test_links_are_imported_and_exported(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.catalogue = [CataloguePage((Variant("v1", "u1", "STYLO"), Variant("v2", "u2", "PEN")))]
    linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)
    text = csv_files.export_file(at.engine, "links", shop_id=at.shop.id)
    assert text.splitlines() == ["variant,item,sku,barcode,title", "v1,,STYLO,,", "v2,PEN,PEN,,"]
    mended = text.replace("v1,,", "v1,PEN,").encode()
    assert import_file(at.engine, "links", mended, at.now, shop_id=at.shop.id).changed == 1
    with at.engine.connect() as conn:
        assert {row.external_id: row.matched_by for row in links.listed(conn, at.shop.id)} == {"v1": "hand", "v2": "sku"}
    wrong = b"variant,item\nv9,PEN\nv1,NOPE\n"
    done = import_file(at.engine, "links", wrong, at.now, shop_id=at.shop.id)
    assert [(fault.line, fault.column) for fault in done.faults] == [(2, "variant"), (3, "item")]


@pytest.mark.parametrize("title", ["=1+1", "+33 4", "-5", "@SUM(A1)", "\tx", "plain", "it's", 'a,b;"c"\nd'])
def test_no_cell_is_a_formula_and_what_is_written_is_read_back(make: Make, title: str) -> None:
    at = make({})
    import_file(at.engine, "items", b"sku,title\nPEN,x\n", at.now)
    with at.engine.begin() as conn:
        conn.execute(items.update().values(title=title))
    text = csv_files.export_file(at.engine, "items")
    (_, row) = csv.reader(io.StringIO(text, newline=""))
    assert row[1][0] not in "=+-@\t\r"
    done = import_file(at.engine, "items", text.encode(), at.now)
    assert (done.faults, done.rows) == ((), 1)
    assert _items(at)["PEN"][0].strip() == title.strip()


def test_an_empty_cell_leaves_what_is_known(make: Make) -> None:
    at = make({})
    import_file(at.engine, "items", b"sku,title,barcode\nPEN,A pen,123\n", at.now)
    import_file(at.engine, "items", b"sku,title\nPEN,Blue pen\n", at.now)
    assert _items(at) == {"PEN": ("Blue pen", "123")}


def test_an_unknown_kind_is_refused(make: Make) -> None:
    at = make({})
    with pytest.raises(Rejected, match="items, levels, links"):
        csv_files.export_file(at.engine, "orders")
