"""Picking: every scan counts once, nothing is picked that is not wanted, and edits keep what was picked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from connector.db import picking as rows
from connector.db.sealed import Seal
from connector.db.tables import fulfillment_lines, fulfillment_notes, fulfillment_orders
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Lifecycle
from connector.flow import picking, reroute, stock
from connector.flow.intake import Arrival, take_in
from tests.desk import seeding
from tests.desk.seeding import NOW, Town, order


@pytest.fixture
def town(engine: Engine, seal: Seal) -> Town:
    return seeding.build(engine, seal)


def scan(town: Town, part: int, code: str, key: str) -> str:
    return picking.scan(town.engine, part, code, NOW, actor="Inès", key=key).outcome


def picked(town: Town, part: int) -> list[int]:
    with town.engine.connect() as conn:
        wanted = select(fulfillment_lines.c.picked).where(fulfillment_lines.c.fulfillment_order_id == part)
        return list(conn.execute(wanted.order_by(fulfillment_lines.c.order_line_id)).scalars())


def state(town: Town, part: int) -> str:
    with town.engine.connect() as conn:
        return str(conn.execute(select(fulfillment_orders.c.state).where(fulfillment_orders.c.id == part)).scalar_one())


def notes(town: Town) -> list[str]:
    with town.engine.connect() as conn:
        return list(conn.execute(select(fulfillment_notes.c.text).order_by(fulfillment_notes.c.id)).scalars())


@pytest.fixture
def part(town: Town) -> int:
    stock.add_items(town.engine, [{"sku": "BK-003", "title": "Les Misérables, tome 1", "barcode": "9782070409228"}], NOW)
    return town.parts(town.place(order(("BK-003", 2), ("BK-004", 1))))[0]


class TestScanning:
    def test_until_the_quantity_is_reached_by_barcode_or_sku_in_any_case(self, town: Town, part: int) -> None:
        codes = ("9782070409228", "bk-003", "BK-003", "bk-004")
        assert [scan(town, part, code, str(at)) for at, code in enumerate(codes)] == ["picked", "picked", "full", "picked"]
        assert picked(town, part) == [2, 1]

    def test_the_first_scan_starts_the_part(self, town: Town, part: int) -> None:
        assert state(town, part) == "new"
        scan(town, part, "nothing", "1")
        assert state(town, part) == "new"
        scan(town, part, "BK-003", "2")
        assert state(town, part) == "in_progress"

    def test_a_wrong_article_is_named(self, town: Town, part: int) -> None:
        known = picking.scan(town.engine, part, "BK-001", NOW, actor="Inès", key="1")
        assert (known.outcome, known.article) == ("wrong", "Le Petit Prince")
        assert scan(town, part, "", "2") == "wrong"
        assert picked(town, part) == [0, 0]

    def test_the_same_scan_again_changes_nothing(self, town: Town, part: int) -> None:
        assert [scan(town, part, "BK-003", "same") for _ in range(3)] == ["picked"] * 3
        assert picked(town, part) == [1, 0]

    def test_many_at_once_are_counted_one_by_one(self, town: Town, part: int) -> None:
        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda key: scan(town, part, "BK-003", str(key % 6)), range(12)))
        assert picked(town, part) == [2, 0]
        assert outcomes.count("full") == 8  # four of the six scans, each sent twice

    def test_nothing_is_picked_of_what_has_been_packed_or_is_held(self, town: Town, part: int) -> None:
        town.move(part, Step.PACK)
        assert scan(town, part, "BK-003", "1") == "closed"
        held = town.parts(town.place(order(("BK-003", 1), lifecycle=Lifecycle.ON_HOLD)))[0]
        with pytest.raises(Rejected, match="holds this order"):
            scan(town, held, "BK-003", "2")
        assert picked(town, held) == [0]
        with pytest.raises(NotFound):
            scan(town, 987654, "BK-003", "3")


class TestByHand:
    def test_fewer_again_with_a_reason(self, town: Town, part: int) -> None:
        scan(town, part, "BK-003", "1")
        line = _lines(town, part)[0]
        picking.set_picked(town.engine, part, line, 0, NOW, actor="Inès", reason=" torn ")
        assert picked(town, part) == [0, 0]
        assert notes(town) == ["Les Misérables, tome 1: 0/2 – torn"]

    @pytest.mark.parametrize("units", [-1, 3])
    def test_only_what_is_wanted(self, town: Town, part: int, units: int) -> None:
        with pytest.raises(Rejected, match="not wanted"):
            picking.set_picked(town.engine, part, _lines(town, part)[0], units, NOW, actor="Inès")

    def test_short_only_with_a_reason_which_is_noted(self, town: Town, part: int) -> None:
        scan(town, part, "BK-003", "1")
        with pytest.raises(Rejected, match="Not everything is picked"):
            picking.pack(town.engine, part, NOW, actor="Inès", reason="  ")
        assert state(town, part) == "in_progress"
        done = picking.pack(town.engine, part, NOW, actor="Inès", reason="not on the shelf")
        assert state(town, part) == "packed"
        assert picked(town, part) == [1]  # what is packed is what was picked, and no more
        assert (done.here, done.missing, bool(done.elsewhere) or done.waiting > 0) == (True, 2, True)
        assert notes(town) == ["Les Misérables, tome 1 1/2, Marius et Fanny 0/1 – not on the shelf"]

    def test_nothing_picked_and_packed_short_is_a_refusal_of_the_whole(self, town: Town, part: int) -> None:
        done = picking.pack(town.engine, part, NOW, actor="Inès", reason="the shelf is empty")
        assert (done.here, done.missing) == (False, 3)
        assert state(town, part) == "cancelled"

    def test_short_does_what_the_command_does(self, town: Town, part: int) -> None:
        twin = town.parts(town.place(order(("BK-003", 2), ("BK-004", 1))))[0]
        scan(town, part, "BK-003", "1")
        by_scanning = picking.pack(town.engine, part, NOW, actor="Inès", reason="torn")
        by_command = reroute.pack_short(town.engine, twin, {"BK-003": 1}, NOW, actor="Inès", note="torn")
        assert state(town, part) == state(town, twin) == "packed"
        assert by_scanning.missing == 2
        assert [place for _, place, state_, _ in by_command.parts if state_ == "new"] == list(by_scanning.elsewhere)


def _lines(town: Town, part: int) -> list[int]:
    with town.engine.connect() as conn:
        return sorted(line.line_id for line in rows.lines_of(conn, part))


def test_an_edit_on_the_platform_keeps_what_was_picked_as_far_as_it_is_still_wanted(town: Town) -> None:
    before = order(("BK-003", 3), ("BK-004", 1))
    part = town.parts(town.place(before))[0]
    for key in "123":
        scan(town, part, "BK-003", key)
    lines = (replace(before.lines[0], quantity=2), replace(before.lines[1], quantity=4))
    after = replace(before, lines=lines, version=NOW + timedelta(minutes=1))
    with town.engine.begin() as conn:
        take_in(conn, town.seal, town.shops["shopify"], [Arrival(after, fetched=True)], NOW)
    assert picked(town, part) == [2, 0]


def test_the_walk_goes_along_the_shelves(town: Town) -> None:
    for sku, shelf in (("BK-001", "B2"), ("BK-002", "B10")):
        picking.set_shelf(town.engine, "vieux-port", sku, shelf)
    for sku in ("BK-001", "BK-002", "BK-001"):
        town.place(order((sku, 1)))
    town.place(order(("BK-003", 1)))
    with town.engine.connect() as conn:
        walk = rows.by_shelf(rows.waiting_lines(conn))
    assert [(row.shelf, row.sku, row.quantity, len(row.lines)) for row in walk] == [
        ("B2", "BK-001", 2, 2),
        ("B10", "BK-002", 1, 1),
        ("", "BK-003", 1, 1),
    ]
    with pytest.raises(NotFound):
        picking.set_shelf(town.engine, "vieux-port", "nothing", "A")
