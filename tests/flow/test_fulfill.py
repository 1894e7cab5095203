"""What staff do: moves, the payment gate, and what the platform is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.db import outbox as outbox_rows
from connector.db.tables import attempts, fulfillment_orders, order_events, orders, outbox, payments, shops
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Handover, Lifecycle, Payment
from connector.flow import fulfill, settle, stock
from connector.flow.stock import StockLine
from connector.flow.wake import EVERYWHERE, Wake
from connector.platform import AuthLost, Refused, Retryable, Throttled, Tracking
from tests.flow.conftest import Make
from tests.flow.toy import MINUTE, World, custom, order, settings, unpaid

SPLIT = {("PEN", "quay"): 9, ("INK", "depot"): 9}


def do(at: World, part: int, *steps: Step, **more: object) -> fulfill.Moved:
    for step in steps:
        moved = fulfill.move(at.engine, part, step, at.now, actor="ann", **more)  # type: ignore[arg-type]
    return moved


def parts(at: World) -> list[int]:
    return [row["id"] for row in at.rows(fulfillment_orders)]


def told(at: World) -> list[tuple[str, bool]]:
    return [(one.act.value, one.last) for one in at.toy.told]


def test_a_delivery_goes_all_the_way(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    [part] = parts(at)
    do(at, part, Step.START, Step.PACK)
    moved = do(at, part, Step.SHIP, tracking=Tracking("AB12", "Colissimo", "https://track.example/AB12"))
    assert (moved.state, moved.order_state, moved.wakes) == ("shipped", "completed", (Wake("deliver", at.shop.id),))
    assert at.stock("PEN") == {"quay": (7, 0)}
    at.deliver()
    assert told(at) == [("packed", True), ("shipped", True)]
    shipped = at.toy.told[-1]
    assert (shipped.tracking.number, shipped.external_location, shipped.number) == ("AB12", "L1", "#1001")
    assert [(line.external_id, line.quantity, line.target) for line in shipped.lines] == [("1001-0", 2, 2)]
    assert [row["outcome"] for row in at.rows(attempts)] == ["applied", "applied"]
    assert at.rows(orders)[0]["open"] is False


def test_a_pickup_is_made_ready_and_picked_up(make: Make) -> None:
    at = make({("PEN", "depot"): 9})
    at.take(order(handover=Handover.PICKUP, pickup_location="L2"))
    [part] = parts(at)
    do(at, part, Step.PACK, Step.READY, Step.PICK_UP)
    at.deliver()
    assert told(at) == [("packed", True), ("ready", True), ("picked_up", True)]
    assert at.stock("PEN") == {"depot": (7, 0)}


def test_the_platform_hears_of_a_split_order_only_when_its_last_part_has_left(make: Make) -> None:
    at = make(SPLIT)
    at.take(order(lines=[("PEN", 2), ("INK", 1)]))
    first, second = parts(at)
    do(at, first, Step.PACK, Step.SHIP)
    at.deliver()
    assert at.toy.told == []
    assert at.rows(orders)[0]["state"] == "in_progress"
    do(at, second, Step.PACK, Step.SHIP)
    at.deliver()
    assert told(at) == [("packed", False), ("packed", True), ("shipped", False), ("shipped", True)]


def test_a_shop_that_wants_each_part_hears_of_each(make: Make) -> None:
    at = make(SPLIT)
    settings(at, report_parts="each")
    at.take(order(lines=[("PEN", 2), ("INK", 1)]))
    first, second = parts(at)
    do(at, second, Step.PACK, Step.SHIP)
    at.deliver()
    assert told(at) == [("packed", False), ("shipped", False)]
    do(at, first, Step.PACK, Step.SHIP)
    at.deliver()
    assert told(at)[2:] == [("packed", True), ("shipped", True)]


def test_two_parts_of_one_line_carry_targets_that_add_up(make: Make) -> None:
    at = make({("PEN", "quay"): 1, ("PEN", "depot"): 1})
    at.take(order(lines=[("PEN", 2)]))
    for part in parts(at):
        do(at, part, Step.PACK, Step.SHIP)
    at.deliver()
    shipped = [one for one in at.toy.told if one.act == "shipped"]
    assert [[(line.quantity, line.target) for line in one.lines] for one in shipped] == [[(1, 1)], [(1, 2)]]


def test_lines_typed_in_by_hand_travel_with_the_last_part(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(replace(order(), lines=(*order().lines, custom("Wrap", 3))))
    do(at, parts(at)[0], Step.PACK, Step.SHIP)
    at.deliver()
    assert ("c-Wrap", 3, 3) in [(line.external_id, line.quantity, line.target) for line in at.toy.told[-1].lines]


def test_an_unpaid_order_can_be_packed_but_not_leave_and_the_refusal_names_the_amount(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(unpaid(order()))
    [part] = parts(at)
    do(at, part, Step.PACK)
    with pytest.raises(Rejected, match=r"10\.00 EUR is still owed"):
        do(at, part, Step.SHIP)
    assert at.stock("PEN") == {"quay": (9, 2)}
    recorded = fulfill.record_payment(at.engine, at.rows(orders)[0]["id"], at.now, actor="ann", method="till")
    assert (recorded.amount_minor, recorded.owed_minor) == (1000, 0)
    do(at, part, Step.SHIP)
    assert at.stock("PEN") == {"quay": (7, 0)}


def test_payments_add_up_once_each_and_never_over_what_is_owed(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(unpaid(order()))
    order_id = at.rows(orders)[0]["id"]

    def pay(amount: int | None, key: str) -> int:
        return fulfill.record_payment(at.engine, order_id, at.now, actor="ann", amount_minor=amount, key=key).owed_minor

    assert pay(400, "a") == 600
    assert pay(400, "a") == 600
    with pytest.raises(Rejected, match="at most what is owed"):
        pay(601, "b")
    assert pay(None, "c") == 0
    with pytest.raises(Rejected, match="Nothing is owed"):
        pay(1, "d")
    assert [row["amount_minor"] for row in at.rows(payments)] == [400, 600]


def test_the_stricter_gate_forbids_preparation_before_payment(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    settings(at, pay_first=True)
    at.take(unpaid(order()))
    with pytest.raises(Rejected, match="still owed"):
        do(at, parts(at)[0], Step.START)


def test_an_authorized_payment_counts_only_where_the_merchant_says_so(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(replace(unpaid(order()), payment=Payment.AUTHORIZED))
    [part] = parts(at)
    do(at, part, Step.PACK)
    with pytest.raises(Rejected, match="still owed"):
        do(at, part, Step.SHIP)
    settings(at, accept_authorized=True)
    do(at, part, Step.SHIP)


def test_steps_out_of_turn_are_refused_with_what_is_missing(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    [part] = parts(at)
    with pytest.raises(Rejected, match="must be packed"):
        do(at, part, Step.SHIP)
    with pytest.raises(Rejected, match="delivery order"):
        do(at, part, Step.PICK_UP)
    do(at, part, Step.PACK, Step.UNPACK, Step.PACK, Step.SHIP)
    with pytest.raises(Rejected, match="The part is shipped"):
        do(at, part, Step.PACK)
    with pytest.raises(NotFound, match="no fulfillment order 987654"):
        do(at, 987654, Step.PACK)


def test_a_held_order_keeps_its_stock_and_is_not_packed(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(replace(order(), lifecycle=Lifecycle.ON_HOLD))
    assert at.stock("PEN") == {"quay": (9, 2)}
    with pytest.raises(Rejected, match="holds this order"):
        do(at, parts(at)[0], Step.PACK)


def test_a_cancel_after_the_goods_have_left_is_for_a_person(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    do(at, parts(at)[0], Step.PACK, Step.SHIP)
    at.take(replace(order(minute=1), lifecycle=Lifecycle.CANCELLED))
    assert at.stock("PEN") == {"quay": (7, 0)}
    [row] = at.rows(orders)
    assert (row["attention"], row["open"]) == (["cancelled_after_handover"], True)


def test_a_backorder_keeps_the_order_from_being_reported(make: Make) -> None:
    at = make({("PEN", "quay"): 1})
    at.take(order(lines=[("PEN", 2)]))
    do(at, parts(at)[0], Step.PACK, Step.SHIP)
    at.deliver()
    assert at.toy.told == []
    stock.change(at.engine, [StockLine("PEN", "quay", 1)], at.now, key="r", reason="receipt", actor="tests")
    do(at, parts(at)[1], Step.PACK, Step.SHIP)
    at.deliver()
    assert told(at)[-1] == ("shipped", True)


def test_a_telling_that_fails_is_tried_again_in_sequence(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    at.toy.fail_announce = [Retryable("time-out"), Throttled("slow", retry_after_seconds=90)]
    do(at, parts(at)[0], Step.PACK, Step.SHIP)
    at.deliver()
    assert at.toy.told == []
    at.now += timedelta(seconds=6)
    at.deliver()
    at.now += timedelta(seconds=60)
    at.deliver()
    assert at.toy.told == []
    at.now += timedelta(seconds=31)
    at.deliver()
    assert told(at) == [("packed", True), ("shipped", True)]
    assert [row["tries"] for row in at.rows(outbox)] == [1, 0]
    assert [row["outcome"] for row in at.rows(attempts)] == ["retryable", "throttled", "applied", "applied"]


def test_a_refused_telling_is_dead_with_its_reason_and_does_not_hold_up_the_next(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    at.toy.fail_announce = [Refused("no such status", "Report it.")]
    do(at, parts(at)[0], Step.PACK, Step.SHIP)
    at.deliver()
    first, second = at.rows(outbox)
    assert (first["state"], first["reason"], second["state"]) == ("dead", "no such status Report it.", "delivered")
    assert "not_told" in [row["code"] for row in at.rows(order_events)]


def test_a_telling_that_never_succeeds_ends_dead_after_its_last_step(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    at.toy.fail_announce = [Retryable("down")] * 50
    do(at, parts(at)[0], Step.PACK)
    for _ in range(12):
        at.deliver()
        at.now += timedelta(hours=30)
    [row] = at.rows(outbox)
    assert (row["state"], row["tries"]) == ("dead", 9)
    assert len(at.rows(attempts)) == 10


def test_lost_credentials_stop_the_tellings_until_they_are_back(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    at.toy.fail_announce = [AuthLost("401")]
    do(at, parts(at)[0], Step.PACK)
    at.deliver()
    assert at.rows(shops)[0]["state"] == "paused"
    at.now += timedelta(minutes=9)
    at.deliver()
    assert at.toy.told == []
    at.now += 2 * MINUTE
    at.deliver()
    assert told(at) == [("packed", True)]
    assert at.rows(shops)[0]["state"] == "linked"


def test_a_failing_shop_is_left_alone_between_probes(make: Make) -> None:
    at = make({("PEN", "quay"): 99})
    for number in range(12):
        at.take(order(str(number)))
    at.toy.fail_announce = [Retryable("down")] * 12
    for part in parts(at):
        do(at, part, Step.PACK)
    at.deliver()
    at.now += 6 * MINUTE
    at.toy.fail_announce = [Retryable("down")] * 12
    at.deliver()
    [shop] = at.rows(shops)
    assert shop["failures"] > 10
    assert shop["paused_until"] > at.now
    tries = len(at.rows(attempts))
    at.now += MINUTE
    at.deliver()
    assert len(at.rows(attempts)) == tries
    at.toy.fail_announce = []
    at.now += 3 * MINUTE
    at.deliver()
    assert at.rows(shops)[0]["failures"] == 0


def test_a_claim_that_was_taken_over_can_no_longer_end_its_row(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    do(at, parts(at)[0], Step.PACK)
    lease = timedelta(seconds=50)
    with at.engine.begin() as conn:
        [late] = outbox_rows.claim(conn, at.shop.id, at.now, lease=lease, limit=1)
        [mine] = outbox_rows.claim(conn, at.shop.id, at.now + lease, lease=lease, limit=1)
        assert outbox_rows.end(conn, late, "dead", "", "too late", at.now) is False
        assert outbox_rows.end(conn, mine, "delivered", "applied", "told", at.now) is True
    assert [row["state"] for row in at.rows(outbox)] == ["delivered"]


def test_what_was_packed_and_is_not_there_waits_again_once_it_is_unpacked(make: Make) -> None:
    at = make({("PEN", "quay"): 3})
    at.take(order("1", [("PEN", 3)]))
    part = at.rows(fulfillment_orders)[0]["id"]
    fulfill.move(at.engine, part, Step.PACK, at.now, actor="ann")
    stock.count(at.engine, [StockLine("PEN", "quay", 1)], at.now, key="c-1", actor="ann")
    settle.settle(at.engine, at.now)
    assert at.stock("PEN") == {"quay": (1, 3)}
    moved = fulfill.move(at.engine, part, Step.UNPACK, at.now, actor="ann")
    assert Wake("refill", EVERYWHERE) in moved.wakes
    settle.settle(at.engine, at.now)
    assert at.stock("PEN") == {"quay": (1, 1)}
