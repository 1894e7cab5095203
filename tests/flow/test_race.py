"""The last units, wanted by many at once, over real threads and connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, func, select, update

from connector.db import engine as engines
from connector.db import stock as ledger
from connector.db.tables import fulfillment_lines, fulfillment_orders, levels, order_lines, orders
from connector.domain.orders import Lifecycle, Order
from connector.flow import settle, stock, verify
from connector.flow.intake import Arrival, take_in
from connector.flow.stock import StockLine
from connector.platform import Shop
from tests.flow.conftest import Make
from tests.flow.toy import MINUTE, START, World, order

_THREADS = 10


@dataclass(frozen=True)
class Crowd:
    """Many doors on one database."""

    at: World
    engine: Engine
    shops: Sequence[Shop]

    def take(self, given: Order, shop: Shop) -> None:
        """One order, in its own transaction and connection."""
        with self.engine.begin() as conn:
            take_in(conn, self.at.seal, shop, [Arrival(given, fetched=True)], START)

    def together(self, acts: Sequence[Callable[[], object]]) -> None:
        """All acts, started at one moment; every error is raised."""
        gate = threading.Barrier(_THREADS)
        shares = [acts[number::_THREADS] for number in range(_THREADS)]

        def run(share: Sequence[Callable[[], object]]) -> None:
            gate.wait(timeout=30)
            for act in share:
                act()

        with ThreadPoolExecutor(_THREADS) as pool:
            for done in [pool.submit(run, share) for share in shares]:
                done.result()


@pytest.fixture
def crowd(make: Make) -> Iterator[Crowd]:
    at = make({("PEN", "quay"): 0, ("PEN", "depot"): 0, ("INK", "quay"): 0, ("INK", "depot"): 0, ("CUP", "depot"): 0})
    url = at.engine.url.render_as_string(hide_password=False)
    engine = engines.create(url, pool_size=_THREADS, name="crowd")
    # One intake a shop at a time is the rule; shops of their own let the orders meet at the levels.
    with engine.begin() as conn:
        for number in range(_THREADS):
            _shop_row(conn, at, number)
    shops = [Shop(number, "k", "toy", "T", f"s{number}", "", {}) for number in _shop_ids(engine)]
    yield Crowd(at, engine, shops)
    engine.dispose()


def _shop_row(conn: object, at: World, number: int) -> None:
    from connector.db import shops as rows

    words = {"key": f"k{number}", "platform": "toy", "external_id": f"s{number}", "name": f"S{number}"}
    rows.store(conn, **words, address="", currency="EUR", sealed_credentials=at.seal.seal_json({}), now=START)  # type: ignore[arg-type]


def _shop_ids(engine: Engine) -> list[int]:
    from connector.db.tables import shops

    with engine.connect() as conn:
        return list(conn.execute(select(shops.c.id).where(shops.c.external_id.like("s%"))).scalars())


def _given(engine: Engine) -> tuple[int, int]:
    """Units given, units waiting."""
    with engine.connect() as conn:
        held = select(func.coalesce(func.sum(fulfillment_lines.c.quantity), 0)).join(fulfillment_orders)
        given = conn.execute(held.where(fulfillment_orders.c.state != "cancelled")).scalar_one()
        waits = conn.execute(select(func.coalesce(func.sum(order_lines.c.backordered), 0))).scalar_one()
        assert conn.execute(select(func.count()).where(levels.c.available < 0)).scalar_one() == 0
        return int(given), int(waits)


def _end_all(crowd: Crowd) -> None:
    """The next round begins with nothing promised and nothing there."""
    with crowd.engine.connect() as conn:
        open_orders = conn.execute(select(orders.c.id).where(orders.c.open)).scalars().all()
    from connector.flow.replan import replan

    with crowd.engine.begin() as conn:
        conn.execute(update(orders).where(orders.c.id.in_(open_orders)).values(lifecycle=Lifecycle.CANCELLED.value))
        replan(conn, open_orders, START)
    settle.settle(crowd.engine, START)


def _last_units(crowd: Crowd, rounds: int) -> None:
    for number in range(rounds):
        stock.count(crowd.engine, [StockLine("PEN", "quay", 6), StockLine("PEN", "depot", 4)], START, key=f"{number}", actor="t")
        wanted = [order(f"{number}-{one}", [("PEN", 1)]) for one in range(50)]
        acts = [lambda o=one, i=i: crowd.take(o, crowd.shops[i % _THREADS]) for i, one in enumerate(wanted)]  # type: ignore[misc]
        crowd.together(acts)
        assert _given(crowd.engine) == (10, 40)
        _end_all(crowd)
        assert _given(crowd.engine) == (0, 0)


def test_fifty_orders_for_ten_units_get_exactly_ten(crowd: Crowd) -> None:
    _last_units(crowd, 20)


@pytest.mark.long
def test_fifty_orders_for_ten_units_get_exactly_ten_two_hundred_times(crowd: Crowd) -> None:
    _last_units(crowd, 200)


def test_without_the_lock_more_are_promised_than_there_are(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race is real: this is what the lock is for."""

    def unlocked(conn: object, item_ids: set[int]) -> dict[tuple[int, int], int]:
        columns = (levels.c.item_id, levels.c.location_id, levels.c.available)
        rows = conn.execute(select(*columns).where(levels.c.item_id.in_(item_ids)))  # type: ignore[attr-defined]
        return {(row.item_id, row.location_id): row.available for row in rows}

    stock.receive(crowd.engine, [StockLine("PEN", "quay", 10)], START, key="r", actor="t")
    monkeypatch.setattr(ledger, "lock", unlocked)
    wanted = [order(f"{one}", [("PEN", 1)]) for one in range(50)]
    crowd.together([lambda o=one, i=i: crowd.take(o, crowd.shops[i % _THREADS]) for i, one in enumerate(wanted)])  # type: ignore[misc]
    with crowd.engine.connect() as conn:
        oversold = conn.execute(select(func.count()).where(levels.c.available < 0)).scalar_one()
    monkeypatch.undo()
    assert oversold
    settle.settle(crowd.engine, START)  # and settling mends even that
    assert _given(crowd.engine) == (10, 40)


def test_mixed_orders_edits_cancels_and_receipts_meet_without_deadlock(crowd: Crowd) -> None:
    skus = ("PEN", "INK", "CUP")
    acts: list[Callable[[], object]] = []
    for number in range(100):
        lines = [(skus[(number + step) % 3], 1 + (number + step) % 3) for step in range(1 + number % 3)]
        shop = crowd.shops[number % _THREADS]
        first, edited = order(f"m{number}", lines), order(f"m{number}", lines[::-1], minute=1)
        acts.append(lambda o=first, s=shop: crowd.take(o, s))  # type: ignore[misc]
        acts.append(lambda o=edited, s=shop: crowd.take(o, s))  # type: ignore[misc]
        if number % 5 == 0:
            place = StockLine(skus[number % 3], "depot", 9)
            acts.append(lambda n=number, p=place: stock.receive(crowd.engine, [p], START + MINUTE, key=f"r{n}", actor="t"))  # type: ignore[misc]
    crowd.together(acts)
    settle.settle(crowd.engine, START)
    assert verify.verify(crowd.engine, START).found == ()
    given, waits = _given(crowd.engine)
    with crowd.engine.connect() as conn:
        assert given + waits == conn.execute(select(func.sum(order_lines.c.quantity))).scalar_one()
        left = conn.execute(select(func.sum(levels.c.available)).where(levels.c.available > 0)).scalar() or 0
    assert given + left == 180
