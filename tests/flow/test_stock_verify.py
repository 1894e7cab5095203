"""The proof that stock adds up finds what was damaged by hand, names it, and mends it with movements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from connector.db import ledger
from connector.db.sealed import Seal
from connector.db.tables import movements, stock_checks, stock_documents
from connector.flow import due, verify
from connector.flow.verify import Finding
from connector.flow.wake import EVERYWHERE, Wake
from tests.flow.toy import World, order, world

DAMAGES = {
    "a level was changed": (
        "UPDATE levels SET on_hand = on_hand + 3 WHERE on_hand > 0",
        [Finding("on_hand", "PEN", "quay", 12, 9)],
    ),
    "a promise of a level was changed": (
        "UPDATE levels SET committed = 0 WHERE committed > 0",
        [Finding("committed", "PEN", "quay", 0, 2)],
    ),
    "a level was lost": (
        "DELETE FROM levels",
        [Finding("on_hand", "PEN", "quay", 0, 9), Finding("committed", "PEN", "quay", 0, 2)],
    ),
    "a part was changed behind the ledger": (
        "UPDATE fulfillment_lines SET quantity = 1",
        [Finding("promise", "PEN", "quay", 2, 1, ("#1001",)), Finding("undivided", "PEN", "", 1, 2, ("#1001",))],
    ),
    "a part was cancelled without a release": (
        "UPDATE fulfillment_orders SET state = 'cancelled'; UPDATE order_lines SET backordered = 2",
        [Finding("promise", "PEN", "quay", 2, 0, ("#1001",))],
    ),
    "a movement was deleted": (
        "DELETE FROM movements WHERE reason = 'commit'",
        [Finding("committed", "PEN", "quay", 2, 0), Finding("promise", "PEN", "quay", 0, 2, ("#1001",))],
    ),
    "a promise belongs to no order": (
        "INSERT INTO movements (item_id, location_id, committed_delta, reason, effect_key)"
        " SELECT item_id, location_id, 1, 'odd', 'odd' FROM levels; UPDATE levels SET committed = committed + 1",
        [Finding("promise", "PEN", "quay", 1, 0)],
    ),
}


@pytest.fixture
def at(engine: Engine, seal: Seal) -> World:
    made = world(engine, seal, {("PEN", "quay"): 9})
    made.take(order())
    return made


def test_what_is_in_order_is_found_so(at: World) -> None:
    assert verify.verify(at.engine, at.now).found == ()
    assert verify.repair(at.engine, at.now, key="r", actor="ann") == verify.Verdict(())
    assert not at.rows(stock_documents, kind="repair")


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_named_and_mended(at: World, damage: str) -> None:
    statement, expected = DAMAGES[damage]
    with at.engine.begin() as conn:
        conn.execute(text(statement))
    assert list(verify.verify(at.engine, at.now).found) == expected
    before = len(at.rows(movements))
    done = verify.repair(at.engine, at.now, key="r", actor="ann")
    assert list(done.found) == expected
    assert done.left == ()
    promised = [one for one in expected if one.kind == "promise"]
    written = [row for row in at.rows(movements)[before:] if row["reason"] == "repair"]
    assert [(row["reason"], row["actor"], row["committed_delta"]) for row in written] == [
        ("repair", "ann", one.expected - one.found) for one in promised
    ]
    after = len(at.rows(movements))
    assert verify.verify(at.engine, at.now).found == ()
    assert verify.repair(at.engine, at.now, key="r", actor="ann") == verify.Verdict(())
    assert len(at.rows(movements)) == after


def test_the_clock_checks_every_hour_and_keeps_the_result(at: World) -> None:
    rung = Wake("verify", EVERYWHERE)
    assert rung in due.due(at.engine, at.now)
    verify.hourly(at.engine, at.now)
    with at.engine.begin() as conn:
        conn.execute(text("UPDATE levels SET on_hand = 1"))
    assert rung not in due.due(at.engine, at.now + timedelta(minutes=59))
    verify.hourly(at.engine, at.now + timedelta(minutes=59))
    assert len(at.rows(stock_checks)) == 1
    later = at.now + timedelta(hours=1)
    assert rung in due.due(at.engine, later)
    verify.hourly(at.engine, later)
    with at.engine.connect() as conn:
        last = ledger.last_check(conn)
    assert last is not None
    assert (last.at, last.differences, last.found[0]["kind"]) == (later, 1, "on_hand")
    verify.verify(at.engine, at.now + timedelta(days=40))
    assert len(at.rows(stock_checks)) == 1
