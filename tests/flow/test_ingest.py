"""From deliveries to orders, commitments and parts: duplicates, lateness, poison, splitting."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.db.tables import fulfillment_orders, inbox, movements, order_lines, orders, shops
from connector.domain.errors import Malformed
from connector.domain.explanation import in_words
from connector.domain.orders import Customer, Handover, Lifecycle, LineItem, Payment
from connector.flow import due, stock
from connector.flow.stock import StockLine
from connector.flow.wake import Wake
from connector.platform import AuthLost, Refused, Retryable, Throttled
from tests.flow.conftest import Make
from tests.flow.toy import MINUTE, custom, order, unpaid


def test_an_order_blocks_stock_where_the_first_location_has_everything(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 9})
    at.take(order(lines=[("PEN", 2)]))
    assert at.stock("PEN") == {"quay": (5, 2), "depot": (9, 0)}
    [part] = at.rows(fulfillment_orders)
    assert part["state"] == "new"
    assert in_words(part["reason"]) == "Quay has everything and comes first by priority."
    [row] = at.rows(inbox)
    assert (row["state"], row["reason"]) == ("done", "new")
    assert at.rows(shops)[0]["last_delivery_at"] == at.now


def test_an_order_is_split_without_dividing_a_line_and_says_why(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("INK", "depot"): 5})
    at.take(order(lines=[("PEN", 2), ("INK", 1)]))
    assert at.stock("PEN") == {"quay": (5, 2)}
    assert at.stock("INK") == {"depot": (5, 1)}
    first, second = at.rows(fulfillment_orders)
    assert "2 parts are the fewest without dividing a line" in in_words(first["reason"])
    assert "Quay gives 2 units" in in_words(first["reason"])
    assert "Depot gives 1 unit." in in_words(second["reason"])


def test_what_nobody_has_becomes_a_backorder_and_is_filled_when_stock_comes(make: Make) -> None:
    at = make({("PEN", "quay"): 1})
    at.take(order(lines=[("PEN", 3)]))
    [line] = at.rows(order_lines)
    assert (line["quantity"], line["backordered"]) == (3, 2)
    stock.change(at.engine, [StockLine("PEN", "depot", 2)], at.now, key="r1", reason="receipt", actor="tests")
    [line] = at.rows(order_lines)
    assert line["backordered"] == 0
    assert at.stock("PEN") == {"quay": (1, 1), "depot": (2, 2)}


def test_the_oldest_backorder_is_filled_first(make: Make) -> None:
    at = make({("PEN", "quay"): 0})
    late = replace(order("2", [("PEN", 1)]), placed_at=order().placed_at + MINUTE)
    at.take(late, order("1", [("PEN", 1)]))
    stock.change(at.engine, [StockLine("PEN", "quay", 1)], at.now, key="r1", reason="receipt", actor="tests")
    waiting = {row["external_id"]: row["id"] for row in at.rows(orders)}
    assert [line["order_id"] for line in at.rows(order_lines, backordered=1)] == [waiting["2"]]


def test_the_same_delivery_five_times_is_one_order(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    for _ in range(5):
        at.send(order(), key="same")
        at.drain()
    assert at.stock("PEN") == {"quay": (5, 2)}
    [row] = at.rows(inbox)
    assert row["repeats"] == 4
    assert len(at.rows(movements, reason="commit")) == 1


@pytest.mark.parametrize("arrival", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_created_paid_cancelled_end_alike_in_every_order_of_arrival(make: Make, arrival: tuple[int, ...], together: bool) -> None:
    at = make({("PEN", "quay"): 5})
    created = unpaid(order(minute=0))
    states = [created, order(minute=1), replace(order(minute=2), lifecycle=Lifecycle.CANCELLED)]
    for index in arrival:
        at.send(states[index])
        if not together:
            at.drain()
    at.drain()
    assert at.stock("PEN") == {"quay": (5, 0)}
    [row] = at.rows(orders)
    assert (row["state"], row["payment"], row["open"]) == ("cancelled", "paid", False)


def test_a_cancel_gives_back_exactly_what_was_taken(make: Make) -> None:
    at = make({("PEN", "quay"): 2, ("PEN", "depot"): 5})
    at.take(order(lines=[("PEN", 4), ("PEN", 2)]))
    assert at.stock("PEN") == {"quay": (2, 2), "depot": (5, 4)}
    at.take(replace(order(lines=[("PEN", 4), ("PEN", 2)], minute=1), lifecycle=Lifecycle.CANCELLED))
    assert at.stock("PEN") == {"quay": (2, 0), "depot": (5, 0)}
    assert {part["state"] for part in at.rows(fulfillment_orders)} == {"cancelled"}


def test_an_edit_moves_only_the_difference(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("INK", "quay"): 9})
    at.take(order(lines=[("PEN", 4), ("INK", 1)]), order(lines=[("PEN", 1), ("INK", 3)], minute=1))
    assert at.stock("PEN") == {"quay": (9, 1)}
    assert at.stock("INK") == {"quay": (9, 3)}
    at.take(order(lines=[("PEN", 1)], minute=2))
    assert at.stock("INK") == {"quay": (9, 0)}
    assert len(at.rows(fulfillment_orders)) == 1


def test_two_states_of_the_same_second_are_settled_by_reading_the_platform(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order(lines=[("PEN", 1)]))
    at.send(order(lines=[("PEN", 3)]))
    at.toy.held["1001"] = order(lines=[("PEN", 2)])
    at.drain()
    assert at.toy.fetched == ["1001"]
    assert at.stock("PEN") == {"quay": (9, 2)}


def test_thin_deliveries_of_one_order_are_read_once(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.thin = True
    at.take(order(), order(), order())
    assert at.toy.fetched == ["1001"]
    assert [row["state"] for row in at.rows(inbox)] == ["done"] * 3
    assert at.stock("PEN") == {"quay": (9, 2)}


def test_a_poisoned_row_never_takes_its_batch_down(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    at = make({("PEN", "quay"): 9})
    nonsense = order("13")

    def normalize(shop: object, body: bytes) -> object:
        found = original(shop, body)
        if found is nonsense:
            raise Malformed("The body makes no sense.")
        return found

    original = at.toy.normalize
    monkeypatch.setattr(at.toy, "normalize", normalize)
    at.take(order("1"), nonsense, order("2"))
    assert [row["state"] for row in at.rows(inbox)] == ["done", "dead", "done"]
    remedy = "Look at the order in the shop; once it is corrected there, replay."
    assert at.rows(inbox, state="dead")[0]["reason"] == f"The body makes no sense. {remedy}"
    assert at.stock("PEN") == {"quay": (9, 4)}


def test_an_order_the_database_refuses_is_found_alone(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    refused = replace(order("13"), total_minor=2**70)
    at.take(order("1"), refused, order("2"))
    for _ in range(4):
        at.now += timedelta(minutes=5)
        at.drain()
    dead = at.rows(inbox, state="dead")
    assert [row["external_id"] for row in dead] == ["13"]
    assert dead[0]["tries"] == 3
    assert at.stock("PEN") == {"quay": (9, 4)}


def test_text_the_database_refuses_is_cleaned_and_marked(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order(customer=Customer(name="Zo\x00é \ud800 \U0001f600")))
    [row] = at.rows(orders)
    assert row["customer_name"] == "Zoé  \U0001f600"
    assert row["attention"] == ["odd_characters"]


def test_an_unreachable_shop_only_delays_its_rows(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.thin = True
    at.toy.fail_fetch = [Retryable("no answer")] * 5
    at.send(order())
    for _ in range(20):
        at.drain()
        at.now += timedelta(hours=1, seconds=1)
    assert at.rows(inbox)[0]["state"] == "done"
    assert at.stock("PEN") == {"quay": (9, 2)}


def test_lost_credentials_pause_the_shop_and_lose_nothing(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.thin = True
    at.toy.fail_fetch = [AuthLost("401", "Link the shop again.")]
    at.take(order())
    [row] = at.rows(shops)
    assert (row["state"], row["state_reason"]) == ("paused", "401 Link the shop again.")
    at.take(order("2"))
    assert at.toy.fetched == ["1001"]
    at.now += timedelta(minutes=11)
    at.drain()
    assert at.rows(shops)[0]["state"] == "linked"
    assert at.stock("PEN") == {"quay": (9, 4)}


def test_a_throttling_shop_is_left_alone_as_long_as_it_asks(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.thin = True
    at.toy.fail_fetch = [Throttled("slow down", retry_after_seconds=120)]
    at.take(order())
    at.now += timedelta(seconds=100)
    at.drain()
    assert at.toy.fetched == ["1001"]
    at.now += timedelta(seconds=30)
    at.drain()
    assert at.rows(inbox)[0]["state"] == "done"


def test_what_the_platform_refuses_is_dead_with_its_reason(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.thin = True
    at.toy.fail_fetch = [Refused("no such field", "Report it.")]
    at.take(order())
    [row] = at.rows(inbox)
    assert (row["state"], row["reason"]) == ("dead", "no such field Report it.")


def test_an_order_that_vanished_gives_its_stock_back(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    at.toy.thin = True
    at.send(order(minute=1))
    del at.toy.held["1001"]
    at.drain()
    assert at.stock("PEN") == {"quay": (9, 0)}
    assert at.rows(orders)[0]["platform_status"] == "deleted"


def test_an_order_not_yet_visible_is_looked_for_a_minute(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.toy.thin = True
    at.send(order())
    at.toy.held.clear()
    at.drain()
    assert at.rows(inbox)[0]["state"] == "waiting"
    at.now += timedelta(seconds=61)
    at.drain()
    assert at.rows(inbox)[0]["state"] == "ignored"


def test_a_pickup_order_waits_for_the_place_the_customer_chose(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("PEN", "depot"): 1})
    at.take(order(lines=[("PEN", 2)], handover=Handover.PICKUP, pickup_location="L2"))
    assert at.stock("PEN") == {"quay": (9, 0), "depot": (1, 1)}
    assert at.rows(order_lines)[0]["backordered"] == 1


def test_an_unknown_collecting_place_is_shown_not_guessed(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order(handover=Handover.PICKUP, pickup_location="Harbour"))
    [row] = at.rows(orders)
    assert row["attention"] == ["pickup_unknown"]
    assert at.stock("PEN") == {"quay": (9, 0)}
    stock.link_location(at.engine, at.shop.id, "Harbour", "quay")
    at.take(order(handover=Handover.PICKUP, pickup_location="Harbour", minute=1))
    assert at.stock("PEN") == {"quay": (9, 2)}
    assert at.rows(orders)[0]["attention"] == []


def test_the_platforms_own_assignment_is_followed_where_there_is_stock(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("PEN", "depot"): 9})
    line = LineItem("1", "Pen", 2, sku="PEN", assigned_location="L2")
    at.take(order("1", lines=(), **{"minute": 0}))
    at.take(replace(order("2"), lines=(line,)))
    assert at.stock("PEN") == {"quay": (9, 0), "depot": (9, 2)}


def test_awkward_lines_are_kept_and_never_stop_the_order(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    lines = (*order(lines=[("PEN", 1), ("GHOST", 2), ("PEN", 3)]).lines, custom("Gift wrap"))
    at.take(replace(order(), lines=lines))
    assert at.stock("PEN") == {"quay": (9, 4)}
    assert [(line["sku"], line["backordered"]) for line in at.rows(order_lines)] == [
        ("PEN", 0), ("GHOST", 2), ("PEN", 0), ("", 0),
    ]  # fmt: skip
    assert at.rows(orders)[0]["attention"] == ["unmapped"]
    stock.add_items(at.engine, [{"sku": "GHOST", "title": "Ghost", "barcode": ""}], at.now)
    stock.change(at.engine, [StockLine("GHOST", "depot", 5)], at.now, key="g", reason="receipt", actor="tests")
    assert at.stock("GHOST") == {"depot": (5, 2)}
    assert at.rows(orders)[0]["attention"] == []


def test_an_order_without_lines_is_kept_and_shown(make: Make) -> None:
    at = make({})
    at.take(order(lines=()))
    [row] = at.rows(orders)
    assert (row["state"], row["attention"], row["open"]) == ("new", ["no_lines"], True)


def test_an_order_completed_on_the_platform_leaves_here_too(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order(), replace(order(minute=1), lifecycle=Lifecycle.COMPLETED))
    assert at.stock("PEN") == {"quay": (7, 0)}
    assert at.rows(orders)[0]["state"] == "completed"
    assert at.rows(fulfillment_orders)[0]["state"] == "shipped"
    at.deliver()
    assert at.toy.told == []


def test_replaying_every_row_changes_nothing(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(unpaid(order()), order(minute=1), order("2"))
    before = (at.stock("PEN"), at.rows(movements))
    from connector.db import inbox as inbox_rows

    with at.engine.begin() as conn:
        inbox_rows.replay(conn, [row["id"] for row in at.rows(inbox)], at.now)
    at.drain()
    assert (at.stock("PEN"), at.rows(movements)) == before
    assert {row["payment"] for row in at.rows(orders)} == {Payment.PAID}


def test_the_clock_finds_rows_whose_bell_was_lost_and_rows_of_a_dead_claimer(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.send(order())
    wake = Wake("ingest", at.shop.id)
    assert wake in due.due(at.engine, at.now)
    from connector.db import inbox as inbox_rows

    with at.engine.begin() as conn:
        claimed = inbox_rows.claim(conn, at.shop.id, at.now, lease=timedelta(seconds=45), limit=10)
    assert len(claimed) == 1
    assert wake not in due.due(at.engine, at.now)
    at.now += timedelta(seconds=46)
    assert wake in due.due(at.engine, at.now)


def test_a_swapped_line_may_take_what_its_predecessor_gives_back(make: Make) -> None:
    at = make({("PEN", "quay"): 2})
    at.take(order(lines=[("PEN", 2)]))
    swapped = LineItem("other", "Pen", 2, sku="PEN")
    at.take(replace(order(minute=1), lines=(swapped,)))
    assert at.stock("PEN") == {"quay": (2, 2)}
    assert sum(row["backordered"] for row in at.rows(order_lines)) == 0
