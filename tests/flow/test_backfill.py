"""Bringing in the past: figures that balance, checkpoints, stock policies, and lists that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from connector.db import backfills, tables
from connector.db.backfills import Backfill
from connector.db.tables import movements, orders
from connector.domain.backfill import StockPolicy
from connector.domain.errors import Malformed, Rejected
from connector.domain.orders import Lifecycle, Order
from connector.flow import backfill, due
from connector.flow.wake import Wake
from connector.platform import AuthLost, OrderPage, Refused, Retryable, Shop, Throttled
from tests.flow.conftest import Make
from tests.flow.toy import MINUTE, START, World, order

PLENTY = {("PEN", "quay"): 1000}
DAY = timedelta(days=1)


def past(at: World, count: int, *, ended: int = 0) -> list[Order]:
    """Orders of the last days on the platform, the first `ended` of them completed there."""
    made = []
    for number in range(count):
        lifecycle = Lifecycle.COMPLETED if number < ended else Lifecycle.OPEN
        placed = START - DAY + number * timedelta(seconds=30)
        made.append(replace(order(str(2000 + number)), placed_at=placed, version=placed, lifecycle=lifecycle))
    at.toy.held.update({one.external_id: one for one in made})
    return made


def begin(at: World, *, stock: StockPolicy = StockPolicy.APPLY, dry_run: bool = False) -> Backfill:
    return backfill.start(at.engine, at.shop, START - 30 * DAY, None, at.now, stock=stock, dry_run=dry_run)


def one_step(at: World) -> bool:
    return backfill.step(at.engine, at.seal, at.toy.platform(), at.shop, lambda: at.now).more


def run(at: World) -> Backfill:
    """Step until it rests, and say how it stands."""
    while one_step(at):
        pass
    return newest(at.engine)


def newest(engine: Engine) -> Backfill:
    with engine.connect() as conn:
        return backfills.newest(conn, limit=1)[0][0]


def facts(at: World) -> int:
    with at.engine.connect() as conn:
        return int(
            conn.execute(select(func.count()).select_from(movements).where(movements.c.order_id.is_not(None))).scalar_one()
        )


def test_open_orders_take_stock_and_old_ones_do_not(make: Make) -> None:
    at = make(PLENTY)
    past(at, 25, ended=15)
    begin(at)
    done = run(at)
    assert (done.state, done.read, done.expected, done.new, done.pages) == ("finished", 25, 25, 25, 3)
    assert at.stock("PEN") == {"quay": (1000, 20)}
    ended = at.rows(orders, external_id="2000")[0]
    assert (ended["state"], ended["open"], ended["history"]) == ("completed", False, True)


def test_a_second_run_finds_everything_the_same(make: Make) -> None:
    at = make(PLENTY)
    past(at, 12, ended=2)
    begin(at)
    run(at)
    before = facts(at)
    begin(at)
    done = run(at)
    assert (done.same, done.new, done.changed) == (12, 0, 0)
    assert facts(at) == before


def test_skip_keeps_open_orders_as_a_record_for_good(make: Make) -> None:
    at = make(PLENTY)
    made = past(at, 3)
    begin(at, stock=StockPolicy.SKIP)
    run(at)
    assert at.stock("PEN") == {"quay": (1000, 0)}
    at.now += MINUTE
    at.take(replace(made[0], version=START, lifecycle=Lifecycle.COMPLETED))
    assert at.stock("PEN") == {"quay": (1000, 0)}
    assert not at.rows(tables.fulfillment_orders)
    assert [row["open"] for row in at.rows(orders)] == [False, False, False]


def test_units_that_had_left_before_are_no_work(make: Make) -> None:
    at = make(PLENTY)
    first = past(at, 1)[0]
    at.toy.held["2000"] = replace(first, lines=(replace(first.lines[0], quantity=5, fulfilled=3),))
    begin(at)
    run(at)
    assert at.stock("PEN") == {"quay": (1000, 2)}


def test_a_dry_run_writes_nothing_but_its_report(make: Make) -> None:
    at = make(PLENTY)
    made = past(at, 5)
    at.take(made[0])
    begin(at, dry_run=True)
    done = run(at)
    assert (done.new, done.same, done.read) == (4, 1, 5)
    assert len(at.rows(orders)) == 1


def test_a_poisoned_order_stops_nothing(make: Make) -> None:
    at = make(PLENTY)
    made = past(at, 12)
    at.toy.held["2003"] = replace(made[3], total_minor=10**30)  # no column takes it
    at.toy.drafts.add("2001")
    at.toy.unreadable.add("2002")
    begin(at)
    done = run(at)
    assert (done.state, done.new, done.skipped, done.failed, done.read) == ("finished", 9, 1, 2, 12)
    with at.engine.connect() as conn:
        told = {miss.external_id: (miss.kind, miss.reason) for miss in backfills.misses(conn, done.id, limit=10)}
    assert told["2001"] == ("skipped", "a draft")
    assert told["2002"] == ("failed", "no date")
    assert "report it" in told["2003"][1]


@pytest.mark.parametrize(
    "leads", [lambda cursor: cursor, lambda cursor: "a" if cursor == "b" else "b"], ids=["to itself", "in a circle"]
)
def test_a_list_that_repeats_itself_ends_with_a_reason(make: Make, leads: Callable[[str], str]) -> None:
    at = make(PLENTY)
    made = past(at, 30)
    asked: list[str] = []

    def page(cursor: str) -> OrderPage:
        asked.append(cursor)
        return OrderPage((made[len(asked)],), next=leads(cursor or "a"))

    at.toy.list_hook = page
    begin(at)
    done = run(at)
    assert done.state == "stopped"
    assert "repeats itself" in done.reason
    assert len(asked) < 5


def test_a_page_that_comes_twice_under_two_cursors_ends_with_a_reason(make: Make) -> None:
    at = make(PLENTY)
    made = past(at, 3)
    at.toy.list_hook = lambda cursor: OrderPage(tuple(made), next=f"{cursor}x")
    begin(at)
    done = run(at)
    assert (done.state, done.read) == ("stopped", 3)


def test_it_goes_on_behind_the_last_page_that_was_written(make: Make) -> None:
    at = make(PLENTY)
    past(at, 35)
    begin(at)
    assert one_step(at)
    assert one_step(at)
    assert newest(at.engine).read == 20  # here the program is killed; another one goes on
    done = run(at)
    assert (done.state, done.read, done.new) == ("finished", 35, 35)
    assert at.stock("PEN") == {"quay": (1000, 70)}


def test_two_workers_at_one_page_write_it_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    at = make(PLENTY)
    past(at, 25)
    begin(at)
    platform = at.toy.platform()

    def overtaken(shop: Shop, *window: object) -> OrderPage:
        page = platform.list_orders(shop, *window)  # type: ignore[arg-type]
        one_step(at)
        return page

    slow = replace(platform, list_orders=overtaken)
    assert backfill.step(at.engine, at.seal, slow, at.shop, lambda: at.now).finished == 0
    done = run(at)
    assert (done.read, done.new) == (25, 25)


def test_pause_resume_and_cancel(make: Make) -> None:
    at = make(PLENTY)
    past(at, 25)
    number = begin(at).id
    one_step(at)
    assert backfill.steer(at.engine, number, "pause", at.now).state == "paused"
    assert not one_step(at)
    assert newest(at.engine).read == 10
    backfill.steer(at.engine, number, "resume", at.now)
    assert run(at).read == 25
    with pytest.raises(Rejected, match="is finished"):
        backfill.steer(at.engine, number, "cancel", at.now)


def test_only_one_at_a_time_and_a_cancelled_one_makes_room(make: Make) -> None:
    at = make(PLENTY)
    number = begin(at).id
    with pytest.raises(Rejected, match="has not ended"):
        begin(at)
    backfill.steer(at.engine, number, "cancel", at.now)
    begin(at)


def test_a_shop_that_does_not_answer_is_asked_again_later(make: Make) -> None:
    at = make(PLENTY)
    past(at, 5)
    begin(at)
    troubles: list[Exception] = [Retryable("away", "wait"), Throttled("slow", "wait", retry_after_seconds=30)]

    def away(cursor: str) -> OrderPage | None:
        if troubles:
            raise troubles.pop(0)
        return None

    at.toy.list_hook = away
    assert run(at).due_at > at.now
    assert Wake("backfill", at.shop.id) not in due.due(at.engine, at.now)
    at.now += MINUTE
    assert run(at).tries == 2
    at.now += 2 * MINUTE
    assert Wake("backfill", at.shop.id) in due.due(at.engine, at.now)
    assert run(at).state == "finished"


@pytest.mark.parametrize("error", [Refused("no", "ask"), Malformed("odd", "report")])
def test_what_will_not_get_better_stops_it_with_the_reason(make: Make, error: Exception) -> None:
    at = make(PLENTY)

    def refuses(cursor: str) -> OrderPage:
        raise error

    at.toy.list_hook = refuses
    begin(at)
    assert (run(at).state, newest(at.engine).reason) == ("stopped", str(error))


def test_lost_credentials_pause_the_shop_and_keep_the_checkpoint(make: Make) -> None:
    at = make(PLENTY)
    past(at, 15)
    begin(at)
    one_step(at)

    def refuses(cursor: str) -> OrderPage:
        raise AuthLost("401", "link again")

    at.toy.list_hook = refuses
    with pytest.raises(AuthLost):
        one_step(at)
    assert at.rows(tables.shops)[0]["state"] == "paused"
    at.toy.list_hook = lambda cursor: None
    at.now += 15 * MINUTE
    assert run(at).read == 15


def test_a_platform_that_prepares_its_list_is_waited_for(make: Make) -> None:
    at = make(PLENTY)
    past(at, 2)
    calls: list[str] = []

    def prepares(cursor: str) -> OrderPage | None:
        calls.append(cursor)
        return OrderPage(next="0", wait_seconds=5) if len(calls) < 4 else None

    at.toy.list_hook = prepares
    begin(at)
    for _ in range(4):
        run(at)
        at.now += MINUTE
    assert (newest(at.engine).state, newest(at.engine).read) == ("finished", 2)


def test_live_deliveries_and_edits_beside_it_move_nothing_twice(make: Make) -> None:
    at = make(PLENTY)
    made = past(at, 20)
    begin(at)
    one_step(at)
    at.take(replace(made[3], version=START, lines=(replace(made[3].lines[0], quantity=7),)), made[15])
    done = run(at)
    assert (done.new, done.same) == (19, 1)
    assert at.stock("PEN") == {"quay": (1000, 45)}


@pytest.mark.parametrize(("days", "until"), [(0, None), (-1, None), (366 * 40, None), (1, -2)])
def test_an_impossible_window_is_refused(make: Make, days: int, until: int | None) -> None:
    at = make(PLENTY)
    end = None if until is None else at.now + until * DAY
    with pytest.raises(Rejected):
        backfill.start(at.engine, at.shop, at.now - days * DAY, end, at.now, stock=StockPolicy.APPLY)
