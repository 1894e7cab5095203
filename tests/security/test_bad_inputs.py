"""Every bad input ends in a named state, on each platform; nothing is answered 5xx, and nothing else is lost or delayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from tests.security.bad_inputs import TABLE, Row
from tests.security.conftest import SPEECHES, House
from tests.security.odd_shops import Sold

_EVERY = 5  # after so many bad inputs comes a good one
_NOT_OURS = "in the connector; report it"  # how a reason ends that blames the connector


@dataclass(frozen=True)
class _Case:
    """A row with what became of its request: the answer, and the numbers of the deliveries stored because of it."""

    row: Row
    number: int
    answered: int
    stored: Sequence[int]


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 120
    assert len({row.name for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("platform", SPEECHES)
def test_each_bad_input_ends_in_a_named_state(house: House, platform: str, subtests: pytest.Subtests) -> None:
    numbers = {row.name: next(house.numbers) for row in TABLE}
    with capture_logs() as logs:
        for row in TABLE:
            if row.before is not None:
                assert house.send(house.delivery(platform, numbers[row.name], row.before)) == 200
        house.take_in(platform)
        cases, good = _sent(house, platform, numbers)
        house.take_in(platform)
        assert {house.ends()[number] for number in good} == {("done", "new")}, "a good order was lost or delayed"
        house.settle(platform)
    assert [entry for entry in logs if entry["log_level"] in ("error", "critical")] == []
    ends = house.ends()
    for case in cases:
        with subtests.test(case.row.name):
            _compare(_ended(house, platform, case, ends), case.row.end(platform))


def _sent(house: House, platform: str, numbers: dict[str, int]) -> tuple[list[_Case], list[int]]:
    """Every row's request sent, and a good one after every few; the cases, and the good deliveries."""
    cases, good = [], []
    for position, row in enumerate(TABLE):
        number = numbers[row.name]
        sent = house.delivery(platform, number, row.sold, row.body(number) if row.body else None)
        if row.answer is not None:
            house.odd.instead[platform, number] = row.answer
        before = house.newest()
        answered = house.send(row.turn(sent))
        cases.append(_Case(row, number, answered, [one for one in house.ends() if one > before]))
        if position % _EVERY == 0:
            assert house.send(house.delivery(platform, next(house.numbers), Sold())) == 200
            good.append(house.newest())
    return cases, good


def _ended(house: House, platform: str, case: _Case, ends: dict[int, tuple[str, str]]) -> str:
    """How it ended, in the words of the table."""
    if case.answered != 200:
        assert not case.stored
        return str(case.answered)
    if not case.stored:
        return "recorded"
    ((state, reason),) = (ends[number] for number in case.stored)
    if state != "done":
        return f"{state.replace('waiting', 'waits')}: {reason}"
    if reason in ("stale", "same"):
        return reason
    codes = ", ".join(house.attention(platform, case.number))
    return f"taken in: {codes}" if codes else "taken in"


def _compare(ended: str, wanted: str) -> None:
    """The kinds are equal; the codes of an order too, and a reason holds the words."""
    (kind, _, said), (wanted_kind, _, words) = ended.partition(": "), wanted.partition(": ")
    assert kind == wanted_kind, ended
    assert (said == words) if kind == "taken in" else (words in said), ended
    assert _NOT_OURS not in ended
    if kind == "dead":
        assert said.count(".") >= 2, f"no remedy: {ended}"


def test_the_runner_sees_what_it_must(house: House) -> None:
    for ended, wanted in (("dead: why. Do this.", "taken in"), ("taken in: a", "taken in"), ("taken in", "taken in: a")):
        with pytest.raises(AssertionError):
            _compare(ended, wanted)
    with pytest.raises(AssertionError):
        _compare("waits: KeyError in the connector; report it, then replay.", "waits: ")
