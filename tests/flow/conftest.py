"""The worlds of the flow's tests; after every test the ledger must add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from sqlalchemy import Engine, text

from connector.db import stock
from connector.db.sealed import Seal
from tests.flow.toy import World, world

Make = Callable[[Mapping[tuple[str, str], int]], World]

PROMISED = text(
    """
    SELECT l.item_id, l.location_id, l.committed, coalesce(p.units, 0)
    FROM levels l LEFT JOIN (
        SELECT ol.item_id, fo.location_id, sum(fl.quantity) AS units
        FROM fulfillment_lines fl
        JOIN fulfillment_orders fo ON fo.id = fl.fulfillment_order_id
        JOIN order_lines ol ON ol.id = fl.order_line_id
        WHERE fo.state NOT IN ('shipped', 'picked_up', 'cancelled')
        GROUP BY ol.item_id, fo.location_id
    ) p ON p.item_id = l.item_id AND p.location_id = l.location_id
    WHERE l.committed <> coalesce(p.units, 0)
    """
)


@pytest.fixture
def make(engine: Engine, seal: Seal) -> Iterator[Make]:
    """Builds a world; afterwards every level is the sum of its movements, and every promise is held by a part."""
    yield lambda given: world(engine, seal, given)
    with engine.connect() as conn:
        assert stock.unbalanced(conn) == []
        assert conn.execute(PROMISED).all() == []
