"""What has left is never silently undone: a person is asked, the decision is recorded, does what it says, and stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.db import tasks as task_rows
from connector.db.tables import fulfillment_orders, order_events, order_tasks, orders
from connector.domain import tasks as rules
from connector.domain.errors import NotFound, Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Handover, Lifecycle, LineItem, Order
from connector.flow import fulfill, tasks
from connector.platform import Act
from tests.flow.conftest import Make
from tests.flow.test_changes import lines_with, replayed, shipped, states
from tests.flow.toy import World, order


def cancelled(minute: int = 1) -> Order:
    return replace(order(minute=minute), lifecycle=Lifecycle.CANCELLED)


def asked(at: World) -> list[tuple[str, str]]:
    return [(task["code"], task["state"]) for task in at.rows(order_tasks)]


def cancelled_after_shipping(make: Make) -> World:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 1})
    at.take(order())
    shipped(at)
    at.take(cancelled())
    return at


def test_a_cancel_after_shipping_undoes_nothing_and_asks(make: Make) -> None:
    at = cancelled_after_shipping(make)
    assert at.stock("PEN")["quay"] == (3, 0)
    assert states(at) == ["shipped"]
    [row] = at.rows(orders)
    assert (row["state"], row["attention"], row["open"]) == ("cancelled", ["cancelled_after_handover"], True)
    with at.engine.connect() as conn:
        [task] = task_rows.list_tasks(conn)
    assert rules.in_words(task.code, task.facts) == "The order was cancelled, but 2 × PEN had left Quay already."
    replayed(at)


def test_goods_that_came_back_are_put_on_the_shelf_where_they_are_once(make: Make) -> None:
    at = cancelled_after_shipping(make)
    [task] = at.rows(order_tasks)
    for _ in range(2):
        tasks.decide(at.engine, task["id"], "came_back", at.now, actor="ann", location_code="depot", note="unopened")
    assert at.stock("PEN") == {"quay": (3, 0), "depot": (3, 0)}
    [row] = at.rows(orders)
    assert (row["attention"], row["open"]) == ([], False)
    [task] = at.rows(order_tasks)
    assert (task["state"], task["decision"], task["actor"], task["note"]) == ("decided", "came_back", "ann", "unopened")
    [event] = [event for event in at.rows(order_events) if event["code"] == "decided"]
    assert (event["actor"], event["facts"]["decision"]) == ("ann", "came_back")
    replayed(at)


@pytest.mark.parametrize("decision", ["lost", "keep"])
def test_goods_that_are_lost_or_kept_move_nothing_and_are_not_asked_about_again(make: Make, decision: str) -> None:
    at = cancelled_after_shipping(make)
    tasks.decide(at.engine, at.rows(order_tasks)[0]["id"], decision, at.now, actor="ann")
    at.take(replace(cancelled(2), note="changed again"))
    assert at.stock("PEN")["quay"] == (3, 0)
    assert asked(at) == [("cancelled_after_handover", "decided")]
    assert (at.rows(orders)[0]["attention"], at.rows(orders)[0]["open"]) == ([], False)
    replayed(at)


def test_a_task_ends_by_itself_when_its_cause_goes_away_and_is_asked_again_when_it_is_back(make: Make) -> None:
    at = cancelled_after_shipping(make)
    at.take(order(minute=2))
    assert asked(at) == [("cancelled_after_handover", "ended")]
    assert (at.rows(orders)[0]["attention"], at.rows(orders)[0]["state"]) == ([], "completed")
    with pytest.raises(Rejected, match="its cause went away"):
        tasks.decide(at.engine, at.rows(order_tasks)[0]["id"], "keep", at.now, actor="ann")
    at.take(cancelled(3))
    assert asked(at) == [("cancelled_after_handover", "open")]
    replayed(at)


def test_an_edit_after_shipping_asks_for_the_difference_only_and_each_further_edit_anew(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order(lines=[("PEN", 3)]))
    shipped(at)
    at.take(order(lines=[("PEN", 2)], minute=1))
    [task] = at.rows(order_tasks)
    assert [(line["sku"], line["units"]) for line in task["facts"]["lines"]] == [("PEN", 1)]
    tasks.decide(at.engine, task["id"], "keep", at.now, actor="ann")
    at.take(order(lines=[("PEN", 1)], minute=2))
    assert asked(at) == [("changed_after_handover", "decided"), ("changed_after_handover", "open")]
    at.take(order(lines=[("PEN", 3)], minute=3))
    assert [state for _, state in asked(at)] == ["decided", "ended"]


def test_a_line_that_vanished_after_it_left_asks_too(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("INK", "quay"): 5})
    at.take(order(lines=[("PEN", 1), ("INK", 1)]))
    shipped(at)
    at.take(order(lines=[("PEN", 1)], minute=1))
    assert asked(at) == [("changed_after_handover", "open")]
    assert at.stock("INK") == {"quay": (4, 0)}


def test_a_decision_needs_a_known_choice_and_where_the_goods_are(make: Make) -> None:
    at = cancelled_after_shipping(make)
    [task] = at.rows(order_tasks)
    with pytest.raises(Rejected, match="Choose one of: came_back, lost, keep"):
        tasks.decide(at.engine, task["id"], "burn", at.now, actor="ann")
    with pytest.raises(Rejected, match="where are the goods now"):
        tasks.decide(at.engine, task["id"], "came_back", at.now, actor="ann")
    with pytest.raises(NotFound):
        tasks.decide(at.engine, 10**9, "keep", at.now, actor="ann")
    tasks.decide(at.engine, task["id"], "keep", at.now, actor="ann")
    with pytest.raises(Rejected, match="decided: keep"):
        tasks.decide(at.engine, task["id"], "lost", at.now, actor="bob")


# --- moved by the platform -------------------------------------------------------------------------------------------


def assigned(place: str, *, minute: int = 0, units: int = 2) -> Order:
    line = LineItem("1001-0", "Pen", units, sku="PEN", assigned_location=place)
    return replace(order(minute=minute), lines=(line,))


def test_a_part_nobody_has_started_follows_the_platforms_move(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    at.take(assigned("L1"))
    assert at.stock("PEN") == {"quay": (5, 2), "depot": (5, 0)}
    at.take(assigned("L2", minute=1))
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (5, 2)}
    assert asked(at) == []
    replayed(at)


@pytest.mark.parametrize(("decision", "at_depot"), [("follow", 2), ("stay", 0)])
def test_a_part_somebody_has_started_stays_until_a_person_decides(make: Make, decision: str, at_depot: int) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    at.take(assigned("L1"))
    fulfill.move(at.engine, at.rows(fulfillment_orders)[0]["id"], Step.START, at.now, actor="ann")
    at.take(assigned("L2", minute=1))
    assert at.stock("PEN") == {"quay": (5, 2), "depot": (5, 0)}
    assert asked(at) == [("moved_on_platform", "open")]
    at.take(replace(assigned("L2", minute=2), note="again"))
    assert asked(at) == [("moved_on_platform", "open")]
    tasks.decide(at.engine, at.rows(order_tasks)[0]["id"], decision, at.now, actor="ann")
    assert at.stock("PEN")["depot"] == (5, at_depot)
    assert asked(at) == [("moved_on_platform", "decided")]
    assert at.rows(orders)[0]["attention"] == []
    replayed(at)


def test_the_question_ends_when_the_part_has_left_or_the_platform_moves_it_back(make: Make) -> None:
    at = make({("PEN", "quay"): 9, ("PEN", "depot"): 9})
    at.take(assigned("L1"))
    part = at.rows(fulfillment_orders)[0]["id"]
    fulfill.move(at.engine, part, Step.PACK, at.now, actor="ann")
    at.take(assigned("L2", minute=1))
    at.take(assigned("L1", minute=2))
    assert asked(at) == [("moved_on_platform", "ended")]
    at.take(assigned("L2", minute=3))
    assert asked(at) == [("moved_on_platform", "open")]
    fulfill.move(at.engine, part, Step.SHIP, at.now, actor="ann")
    assert asked(at) == [("moved_on_platform", "ended")]
    assert (at.rows(orders)[0]["attention"], at.rows(orders)[0]["open"]) == ([], False)


def test_a_collecting_place_that_changes_asks_about_what_was_started(make: Make) -> None:
    at = make({("PEN", "quay"): 5, ("PEN", "depot"): 5})
    at.take(order(handover=Handover.PICKUP, pickup_location="L1"))
    fulfill.move(at.engine, at.rows(fulfillment_orders)[0]["id"], Step.PACK, at.now, actor="ann")
    at.take(order(handover=Handover.PICKUP, pickup_location="L2", minute=1))
    assert asked(at) == [("moved_on_platform", "open")]
    tasks.decide(at.engine, at.rows(order_tasks)[0]["id"], "follow", at.now, actor="ann")
    assert at.stock("PEN") == {"quay": (5, 0), "depot": (5, 2)}


# --- handovers the platform took back --------------------------------------------------------------------------------


@pytest.mark.parametrize(("decision", "level", "state"), [("unship", (5, 2), "packed"), ("keep", (3, 0), "completed")])
def test_a_handover_the_platform_took_back_is_a_question(make: Make, decision: str, level: tuple[int, int], state: str) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    shipped(at)
    for _ in range(3):
        at.deliver()
    at.take(lines_with(order(minute=1), {"fulfilled": 2}))
    at.take(order(minute=2))
    assert asked(at) == [("handover_withdrawn", "open")]
    assert at.stock("PEN") == {"quay": (3, 0)}
    tasks.decide(at.engine, at.rows(order_tasks)[0]["id"], decision, at.now, actor="ann")
    assert at.stock("PEN") == {"quay": level}
    assert at.rows(orders)[0]["state"] == state
    at.deliver()
    assert Act.TAKEN_BACK not in [told.act for told in at.toy.told]
    replayed(at)


def test_that_question_ends_when_the_platform_counts_them_again(make: Make) -> None:
    at = make({("PEN", "quay"): 5})
    at.take(order())
    shipped(at)
    at.take(lines_with(order(minute=1), {"fulfilled": 2}))
    at.take(order(minute=2))
    at.take(lines_with(order(minute=3), {"fulfilled": 2}))
    assert asked(at) == [("handover_withdrawn", "ended")]


def test_every_kind_of_task_can_be_asked_and_answered_in_words() -> None:
    facts = {"lines": [{"sku": "PEN", "title": "Pen", "units": 2}], "location": "Quay", "to": "Depot"}
    for code, kind in rules.TASKS.items():
        assert "2 × PEN" in rules.in_words(code, facts)
        assert len(kind.choices) >= 2
        assert all(rules.choice(code, one.code) is one for one in kind.choices)
