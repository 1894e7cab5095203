"""Settling an item after its stock changed: promises beyond what is there go elsewhere, then the oldest orders are filled.

Whoever writes a movement that calls for it notes the item in the same statement; this story takes the note away only when all
orders concerned were looked at. So a crash between the two, or a story that forgets to call this, costs a round of the clock.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine

from connector.db import goods, orders, refills, stock
from connector.db.refills import Holding
from connector.flow.ingest import Drained
from connector.flow.replan import replan
from connector.flow.wake import Wake

_MOST_ORDERS = 200  # at once, in one transaction


def settle(engine: Engine, now: datetime) -> Drained:
    """Settle every noted item. `finished` is how many orders were looked at."""
    with engine.connect() as conn:
        noted = refills.waiting(conn)
    looked_at = 0
    telling: set[int] = set()
    for item_id, rises in noted.items():
        looked_at += _relieve(engine, item_id, now, telling)
        looked_at += _fill(engine, item_id, now, telling)
        with engine.begin() as conn:
            refills.settled(conn, item_id, rises)
    return Drained(looked_at, more=False, wakes=tuple(Wake("deliver", shop_id) for shop_id in sorted(telling)))


def _fill(engine: Engine, item_id: int, now: datetime, telling: set[int]) -> int:
    """Give what is available to the orders that wait for the item, the oldest first, until nothing is left."""
    looked_at = 0
    after: tuple[datetime, int] | None = None
    while True:
        with engine.begin() as conn:
            waiting = refills.orders_waiting(conn, item_id, after, limit=_MOST_ORDERS) if _left(conn, item_id) else []
            if not waiting:
                return looked_at
            telling |= replan(conn, [order_id for _, order_id in waiting], now)
        looked_at += len(waiting)
        after = waiting[-1]


def _left(conn: Connection, item_id: int) -> bool:
    return refills.any_available(conn, item_id)


def _relieve(engine: Engine, item_id: int, now: datetime, telling: set[int]) -> int:
    """Where more is promised than is there, the newest orders nobody has packed get it elsewhere, or wait."""
    with engine.connect() as conn:
        places = refills.short(conn, item_id)
    return sum(_relieve_place(engine, item_id, location_id, now, telling) for location_id in places)


def _relieve_place(engine: Engine, item_id: int, location_id: int, now: datetime, telling: set[int]) -> int:
    with engine.begin() as conn:
        # Orders before levels, as everywhere; what was seen before the locks is looked at again behind them.
        orders.lock_by_ids(conn, [held.order_id for held in refills.holdings(conn, item_id, location_id)])
        missing = -stock.lock(conn, [item_id]).get((item_id, location_id), 0)
        giving = _givers(refills.holdings(conn, item_id, location_id), missing)
        for held, units in giving:
            refills.give_back(conn, held, units, now)
        concerned = list(dict.fromkeys(held.order_id for held, _ in giving))
        facts = {"location": _name(conn, location_id)}
        events = [(held.order_id, "short_stock", {**facts, "units": units}, "connector") for held, units in giving]
        orders.note_events(conn, events, now)
        if concerned:
            telling |= replan(conn, concerned, now)
    return len(concerned)


def _givers(held: list[Holding], missing: int) -> list[tuple[Holding, int]]:
    giving = []
    for one in held:
        units = min(one.quantity, missing)
        if units <= 0:
            break
        giving.append((one, units))
        missing -= units
    return giving


def _name(conn: Connection, location_id: int) -> str:
    return next(place.name for place in goods.places(conn) if place.id == location_id)
