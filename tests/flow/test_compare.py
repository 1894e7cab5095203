"""The nightly comparison finds what was damaged in six ways, mends it, and finds nothing the second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update

from connector.db import drifts, tables
from connector.domain.orders import Lifecycle, Order
from connector.flow import compare, due, watchdog
from connector.flow.compare import Compared
from connector.flow.wake import Wake
from connector.platform import Flaw, OrderPage, Retryable
from tests.flow.conftest import Make
from tests.flow.toy import MINUTE, START, World, order

PLENTY = {("PEN", "quay"): 100_000}
URL = "https://connector.example"


def busy(at: World, count: int) -> list[Order]:
    """Orders that arrived one a second since the shop was linked; an hour has gone by since."""
    made = [order(str(5000 + number), minute=1) for number in range(count)]
    made = [replace(one, placed_at=START + timedelta(seconds=n)) for n, one in enumerate(made)]
    at.take(*made)
    at.now += 60 * MINUTE + count * timedelta(seconds=1)
    return made


def compared(at: World, *, repair: bool = True) -> list[Compared]:
    compare.restart(at.engine, at.shop, at.now)
    steps = []
    while not steps or steps[-1].more:
        steps.append(compare.step(at.engine, at.seal, at.toy.platform(), at.shop, at.now, repair=repair, begin=True))
    return steps


def kinds(steps: list[Compared]) -> dict[str, str]:
    return {one.subject: one.kind for step in steps for one in step.found}


def missing(at: World, external_id: str) -> None:
    """The order is not here, as if its webhook had been lost and the poll had not run."""
    with at.engine.begin() as conn:
        (number,) = conn.execute(select(tables.orders.c.id).where(tables.orders.c.external_id == external_id)).scalars()
        parts = select(tables.fulfillment_orders.c.id).where(tables.fulfillment_orders.c.order_id == number)
        conn.execute(
            text(
                "UPDATE levels l SET committed = l.committed - m.units FROM (SELECT item_id, location_id, sum(committed_delta)"
                " AS units FROM movements WHERE order_id = :id GROUP BY 1, 2) m"
                " WHERE m.item_id = l.item_id AND m.location_id = l.location_id"
            ),
            {"id": number},
        )
        conn.execute(delete(tables.movements).where(tables.movements.c.order_id == number))
        conn.execute(delete(tables.fulfillment_lines).where(tables.fulfillment_lines.c.fulfillment_order_id.in_(parts)))
        for table in (tables.fulfillment_orders, tables.order_lines, tables.order_events):
            conn.execute(delete(table).where(table.c.order_id == number))
        conn.execute(delete(tables.orders).where(tables.orders.c.id == number))


def extra(at: World, external_id: str) -> None:
    """The shop has deleted it, and we were not told."""
    del at.toy.held[external_id]


def stale(at: World, external_id: str) -> None:
    """It was completed on the platform, and we were not told."""
    before = at.toy.held[external_id]
    at.toy.held[external_id] = replace(before, version=START + 2 * MINUTE, lifecycle=Lifecycle.COMPLETED)


def status(at: World, external_id: str) -> None:
    """Our row says something else than what came."""
    with at.engine.begin() as conn:
        conn.execute(update(tables.orders).where(tables.orders.c.external_id == external_id).values(payment="unpaid"))


def quantity(at: World, external_id: str) -> None:
    """Our line says something else than what came."""
    with at.engine.begin() as conn:
        order_id = select(tables.orders.c.id).where(tables.orders.c.external_id == external_id).scalar_subquery()
        conn.execute(update(tables.order_lines).where(tables.order_lines.c.order_id == order_id).values(quantity=9))


def edited(at: World, external_id: str) -> None:
    """Units were added on the platform, and the webhook was lost."""
    before = at.toy.held[external_id]
    lines = (replace(before.lines[0], quantity=3),)
    at.toy.held[external_id] = replace(before, version=START + 3 * MINUTE, lines=lines)


DAMAGES: dict[str, Callable[[World, str], None]] = {
    "missing": missing,
    "extra": extra,
    "stale": stale,
    "status": status,
    "quantity": quantity,
    "stale again": edited,
}


def _damage(at: World, made: list[Order], each: int) -> dict[str, str]:
    """Damage so many orders in each of the six ways; what must be found, by order."""
    wanted = {}
    for place, (kind, damage) in enumerate(DAMAGES.items()):
        for one in made[place * each : (place + 1) * each]:
            damage(at, one.external_id)
            wanted[one.external_id] = kind.split()[0]
    return wanted


def _found_once(at: World, count: int, each: int) -> None:
    at.toy.per_page = 100
    made = busy(at, count)
    wanted = _damage(at, made, each)
    at.toy.flawed += [Flaw("order", "missing"), Flaw("refund", "disabled")]
    assert kinds(compared(at)) == wanted
    watched = watchdog.watch(at.engine, at.seal, at.toy.platform(), at.shop, URL, at.now)
    assert (len(watched.found), watched.left, watched.wakes) == (2, (), (Wake("poll", at.shop.id),))
    at.now += MINUTE
    assert kinds(compared(at)) == {}
    assert watchdog.watch(at.engine, at.seal, at.toy.platform(), at.shop, URL, at.now).found == ()
    rows = at.rows(tables.drifts)
    assert len(rows) == len(wanted) + 2
    assert {row["state"] for row in rows} == {"repaired"}


def test_a_hundredth_damaged_in_six_ways_is_found_and_mended_once(make: Make) -> None:
    at = make(PLENTY)
    _found_once(at, 300, 1)
    assert at.stock("PEN") == {"quay": (100_000 - 2, 2 * 300 - 2 - 2 + 1)}


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_hundredth_of_five_thousand(make: Make) -> None:
    _found_once(make(PLENTY), 5_000, 9)


def test_a_dry_run_finds_and_mends_nothing(make: Make) -> None:
    at = make(PLENTY)
    made = busy(at, 30)
    wanted = _damage(at, made, 2)
    quantity(at, made[9].external_id)
    before = at.rows(tables.movements)
    first = kinds(compared(at, repair=False))
    at.now += MINUTE
    assert first == kinds(compared(at, repair=False)) == wanted
    assert at.rows(tables.movements) == before
    with at.engine.connect() as conn:
        assert drifts.open_by_shop(conn) == {at.shop.id: len(wanted)}
    at.now += MINUTE
    compared(at)
    with at.engine.connect() as conn:
        assert drifts.open_by_shop(conn) == {}


def test_a_drift_that_mends_itself_is_closed(make: Make) -> None:
    at = make(PLENTY)
    made = busy(at, 5)
    edited(at, made[0].external_id)
    compared(at, repair=False)
    at.take(at.toy.held[made[0].external_id])
    at.now += 20 * MINUTE
    compared(at, repair=False)
    (row,) = at.rows(tables.drifts)
    assert (row["state"], row["ours"]["line 5000-0"], row["theirs"]["line 5000-0"]) == ("gone", 2, 3)


def test_what_is_still_on_its_way_is_no_drift(make: Make) -> None:
    at = make(PLENTY)
    busy(at, 3)
    young = replace(order("6000"), placed_at=at.now - MINUTE, version=at.now - MINUTE)
    announced = replace(order("6001"), placed_at=START + MINUTE, version=START + MINUTE)
    at.toy.held["6000"] = young
    at.send(announced)
    assert kinds(compared(at)) == {}


def test_orders_from_before_the_shop_was_linked_are_not_brought_in(make: Make) -> None:
    at = make(PLENTY)
    at.toy.held["1"] = replace(order("1"), placed_at=START - timedelta(days=3))
    busy(at, 3)
    assert kinds(compared(at)) == {}
    assert len(at.rows(tables.orders)) == 3


def test_it_goes_on_after_a_failure_where_it_stood(make: Make) -> None:
    at = make(PLENTY)
    made = busy(at, 25)
    missing(at, made[20].external_id)
    troubles: list[Exception] = [Retryable("away", "wait")]

    def fails_on_the_third(cursor: str) -> OrderPage | None:
        if cursor == "20" and troubles:
            raise troubles.pop()
        return None

    at.toy.list_hook = fails_on_the_third
    with pytest.raises(Retryable):
        compared(at)
    assert Wake("reconcile", at.shop.id) not in due.due(at.engine, at.now)
    at.now += 20 * MINUTE
    assert Wake("reconcile", at.shop.id) in due.due(at.engine, at.now)
    step = compare.step(at.engine, at.seal, at.toy.platform(), at.shop, at.now)
    assert (step.looked_at, [one.kind for one in step.found]) == (5, ["missing"])


def test_a_flaw_that_stays_stays_open(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    at = make(PLENTY)
    at.toy.flawed.append(Flaw("order", "disabled"))
    stubborn = replace(at.toy.platform(), flaws=lambda shop, url: (Flaw("order", "disabled"),))
    watched = watchdog.watch(at.engine, at.seal, stubborn, at.shop, URL, at.now)
    assert watched.left
    assert Wake("watch", at.shop.id) not in due.due(at.engine, at.now)
    assert Wake("watch", at.shop.id) in due.due(at.engine, at.now + 61 * MINUTE)
    with at.engine.connect() as conn:
        assert drifts.open_by_shop(conn) == {at.shop.id: 1}
