"""The nightly comparison looks at the published stock as well; and a comparison speaks for a shop only where it was asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.db import drifts
from connector.db import shops as shop_rows
from connector.db.tables import drifts as drift_rows
from connector.domain.linking import Variant
from connector.flow import compare, linking, publish_stock
from connector.flow import shops as shop_flow
from connector.flow.compare import Compared
from connector.flow.wake import Wake
from connector.platform import CataloguePage, ChangedPage, OrderPage, Retryable, Spot
from tests.flow.conftest import Make
from tests.flow.toy import World, order, settings

QUAY, DEPOT = Spot("u-PEN", "L1"), Spot("u-PEN", "L2")
HOUR = timedelta(hours=1)


@pytest.fixture
def selling(make: Make) -> World:
    """A shop that shows what it should, and is published to."""
    at = make({("PEN", "quay"): 9, ("PEN", "depot"): 20})
    at.toy.catalogue = [CataloguePage((Variant("v-PEN", "u-PEN", "PEN"),))]
    at.toy.shown = {QUAY: 9, DEPOT: 20}
    linking.read_places(at.engine, at.toy.platform(), at.shop)
    linking.read_catalogue(at.engine, at.toy.platform(), at.shop, at.now)
    settings(at, publish_stock=True)
    at.shop = shop_flow.by_id(at.engine, at.seal, at.shop.id)
    _publish(at)
    at.now += HOUR
    return at


def _publish(at: World) -> None:
    at.now += timedelta(seconds=10)
    publish_stock.drain(at.engine, at.seal, at.toy.platform(), at.shop, lambda: at.now, lambda: f"k{at.now}")


def _compared(at: World, *, repair: bool = True) -> Compared:
    """The last step of a whole comparison."""
    compare.restart(at.engine, at.shop, at.now)
    while True:
        step = compare.step(at.engine, at.seal, at.toy.platform(), at.shop, at.now, repair=repair, begin=True)
        if not step.more:
            return step


def test_a_quantity_that_was_changed_in_the_shop_is_found_and_published_again(selling: World) -> None:
    at = selling
    assert _compared(at).found == ()
    at.toy.shown[QUAY] = 4
    step = _compared(at)
    assert [(one.kind, one.subject, one.ours, one.theirs) for one in step.found] == [
        ("stock", "PEN · Quay", {"available": 9}, {"available": 4})
    ]
    assert step.wakes == (Wake("publish", at.shop.id),)
    (row,) = at.rows(drift_rows)
    assert (row["state"], row["action"]) == ("repaired", "published again")
    _publish(at)
    assert at.toy.shown[QUAY] == 9
    at.now += HOUR
    assert _compared(at).found == ()


def test_a_dry_run_finds_it_and_changes_nothing(selling: World) -> None:
    at = selling
    at.toy.shown[DEPOT] = None
    step = _compared(at, repair=False)
    assert ([one.subject for one in step.found], step.wakes) == (["PEN · Depot"], ())
    _publish(at)
    assert at.toy.shown[DEPOT] is None
    at.toy.shown[DEPOT] = 20
    at.now += HOUR
    assert _compared(at, repair=False).found == ()
    with at.engine.connect() as conn:
        assert drifts.open_by_shop(conn) == {}


def test_what_the_shop_has_just_sold_is_no_drift(selling: World) -> None:
    """Its order is not taken in yet, and no delivery has come."""
    at = selling
    sold = order(minute=70)
    at.toy.held[sold.external_id] = sold
    at.toy.shown[QUAY] = 7
    at.toy.pages = [ChangedPage(((sold.external_id, sold.version),))]
    assert _compared(at).found == ()
    assert at.stock("PEN")["quay"] == (9, 2)


def test_a_shop_that_is_not_published_to_is_not_compared(selling: World) -> None:
    at = selling
    at.toy.shown[QUAY] = 4
    settings(at, publish_stock=False)
    at.shop = shop_flow.by_id(at.engine, at.seal, at.shop.id)
    assert _compared(at).found == ()
    settings(at, publish_stock=True)
    at.shop = shop_flow.by_id(at.engine, at.seal, at.shop.id)
    at.toy.obstacle = "It would be subtracted again."
    assert _compared(at).found == ()


def _failures(at: World) -> int:
    with at.engine.connect() as conn:
        return shop_rows.health(conn, at.shop.id).failures


def test_a_comparison_that_asks_nothing_forgets_no_failure(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    with at.engine.begin() as conn:
        for _ in range(2):
            shop_rows.failed(conn, at.shop.id, at.now, limit=10, after=HOUR, probe=HOUR)
    assert _compared(at).looked_at == 0, "the shop was linked just now: there is nothing to ask for"
    assert _failures(at) == 2


def test_a_comparison_that_fails_counts_and_one_that_is_answered_forgets(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.now += HOUR
    troubles = [Retryable("away", "wait")] * 2

    def fails(cursor: str) -> OrderPage | None:
        if troubles:
            raise troubles.pop()
        return None

    at.toy.list_hook = fails
    for expected in (1, 2):
        with pytest.raises(Retryable):
            _compared(at)
        assert _failures(at) == expected
    _compared(at)
    assert _failures(at) == 0
