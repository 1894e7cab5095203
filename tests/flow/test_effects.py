"""An effect has a name, and happens once, however often and by whomever it is written."""

from __future__ import annotations

from sqlalchemy import select

from connector.db import stock
from connector.db.tables import items, locations, movements
from connector.domain.stock import Movement
from tests.flow.conftest import Make


def test_an_effect_that_is_written_again_moves_nothing(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    with at.engine.connect() as conn:
        item = conn.execute(select(items.c.id).where(items.c.sku == "PEN")).scalar_one()
        place = conn.execute(select(locations.c.id).where(locations.c.code == "quay")).scalar_one()
    gone = Movement(item, place, -2, 0, "shipped", "gone:77:1")
    written = []
    for facts in ([gone], [gone], [gone, Movement(item, place, -1, 0, "shipped", "gone:78:1")]):
        with at.engine.begin() as conn:
            stock.lock(conn, [item])
            written.append(stock.post(conn, facts, at.now))
    assert written == [1, 0, 1]
    assert at.stock("PEN") == {"quay": (2, 0)}
    assert len(at.rows(movements, reason="shipped")) == 2
