"""What a person may have to decide, in words; and stock facts as movements."""

from __future__ import annotations

import pytest

from connector.domain.errors import Rejected
from connector.domain.stock import Movement, below_zero, commitment_changes, counted, departure, returning, taken_back
from connector.domain.tasks import CANCELLED, CHANGED, MOVED, TASKS, WITHDRAWN, choice, goods, in_words

LINES = [{"line": 1, "sku": "PEN", "title": "Pen", "units": 2}, {"line": 2, "sku": "", "title": "Engraving", "units": 1}]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (CANCELLED, "The order was cancelled, but 2 × PEN, 1 × Engraving had left Quay already."),
        (CHANGED, "The order was reduced, but 2 × PEN, 1 × Engraving had left Quay already."),
        (MOVED, "The platform moved 2 × PEN, 1 × Engraving to Depot, but Quay has started on them."),
        (WITHDRAWN, "The platform took back the handover of 2 × PEN, 1 × Engraving, which had left Quay."),
        ("some_new_code", "some new code"),
    ],
)
def test_questions_in_words(code: str, says: str) -> None:
    assert in_words(code, {"lines": LINES, "location": "Quay", "to": "Depot"}) == says


def test_a_question_without_facts_is_still_a_sentence() -> None:
    assert in_words(MOVED, {}) == "The platform moved  to , but  has started on them."
    assert goods([]) == ""


def test_the_choices_of_each_task() -> None:
    found = {code: [(one.code, one.act, one.place) for one in kind.choices] for code, kind in TASKS.items()}
    after = [("came_back", "restock", True), ("lost", "", False), ("keep", "", False)]
    assert found == {
        CANCELLED: after,
        CHANGED: after,
        MOVED: [("follow", "move", False), ("stay", "", False)],
        WITHDRAWN: [("unship", "unship", False), ("keep", "", False)],
    }
    assert all(one.words.endswith(".") for kind in TASKS.values() for one in kind.choices)


def test_only_what_the_task_offers_can_be_chosen() -> None:
    assert choice(MOVED, "follow").act == "move"
    with pytest.raises(Rejected) as refused:
        choice(MOVED, "lost")
    assert str(refused.value) == "'lost' is no way to decide this. Choose one of: follow, stay."
    with pytest.raises(Rejected) as refused:
        choice("nothing", "lost")
    assert str(refused.value) == "'lost' is no way to decide this. Choose one of: none."


# --- stock facts -----------------------------------------------------------------------------------------------------


def test_only_what_differs_is_committed_or_released_each_by_its_own_key() -> None:
    changes = commitment_changes(7, 3, {(1, 1): 5, (2, 1): 1, (3, 1): 2}, {(1, 1): 2, (2, 1): 1, (1, 2): 4})
    assert changes == [
        Movement(1, 1, 0, 3, "commit", "commit:7:3:1:1", 7),
        Movement(1, 2, 0, -4, "release", "release:7:3:1:2", 7),
        Movement(3, 1, 0, 2, "commit", "commit:7:3:3:1", 7),
    ]
    assert commitment_changes(7, 3, {}, {}) == []


def test_a_count_moves_the_difference() -> None:
    assert counted({(1, 1): 5, (2, 1): 3, (3, 2): 0}, {(1, 1): 2, (2, 1): 3, (3, 2): 4}, "night", "ann") == [
        Movement(1, 1, 3, 0, "count", "count:night:1:1", None, "night", "ann"),
        Movement(3, 2, -4, 0, "count", "count:night:3:2", None, "night", "ann"),
    ]
    assert counted({(1, 1): 5}, {}, "k", "ann") == [Movement(1, 1, 5, 0, "count", "count:k:1:1", None, "k", "ann")]
    assert counted({(1, 1): 0}, {}, "k", "ann") == []


def test_where_a_change_would_take_more_than_there_is() -> None:
    stock = {(1, 1): 3, (2, 1): 0}
    assert below_zero(stock, {(1, 1): -3, (2, 1): 1, (3, 1): 0}) == []
    assert below_zero(stock, {(1, 1): -4, (2, 1): -1, (3, 1): -1}) == [(1, 1), (2, 1), (3, 1)]
    assert below_zero({(1, 1): -5}, {(1, 1): 2}) == []


def test_goods_that_leave_and_come_back() -> None:
    assert departure(7, 4, 1, {2: 3, 1: 1}, "shipped", "ann") == [
        Movement(1, 1, -1, -1, "shipped", "gone:4:1", 7, "", "ann"), Movement(2, 1, -3, -3, "shipped", "gone:4:2", 7, "", "ann")
    ]  # fmt: skip
    assert taken_back(7, 4, 1, {2: 3, 1: 1}, "ann") == [
        Movement(1, 1, 1, 1, "unshipped", "back:4:1", 7, "", "ann"), Movement(2, 1, 3, 3, "unshipped", "back:4:2", 7, "", "ann")
    ]  # fmt: skip
    assert returning(7, 10, 2, 1, 3, "refund@L1", 4) == (
        Movement(2, 1, 3, 0, "returned", "returned:10:refund@L1:4", 7, "refund@L1", "platform")
    )  # fmt: skip
