"""Killed before any statement, commit or call of a day, and begun again: the day ends as if nothing had happened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine

from connector.db import engine as engines
from connector.db.sealed import Seal
from tests.chaos import findings, steps
from tests.chaos.conftest import Empty
from tests.chaos.steps import Day
from tests.flow.toy import world

_STOCK = {("PEN", "quay"): 9, ("INK", "depot"): 9}
_FEWEST_POINTS = 40


def _day(engine: Engine, playing: Engine, seal: Seal, directory: Path, number: int) -> Day:
    return Day(playing, seal, world(engine, seal, _STOCK).shop, directory / f"told{number}")


def _outcome(engine: Engine, day: Day) -> tuple[str, list[str]]:
    """The state of trade, and what the shop was told; the numbers of parts differ from day to day."""
    with engine.connect() as conn:
        assert findings.faults(conn) == {}
        assert findings.dead(conn) == []
        assert findings.counted(conn)["inbox waiting"] == findings.counted(conn)["outbox waiting"] == 0
        told = [re.sub(r":\d+", "", key) for key in steps.told(day.journal)]
        assert len(set(steps.told(day.journal))) == len(told)
        return findings.state_hash(conn), sorted(told)


def _check(engine: Engine, seal: Seal, directory: Path, empty: Empty, points: int | None) -> None:
    playing = engines.create(engine.url.render_as_string(hide_password=False), name="steps")
    day = _day(engine, playing, seal, directory, 0)
    whole = steps.whole(day)
    wanted = _outcome(engine, day)
    assert len(wanted[1]) == 6, wanted  # three parts packed, three shipped
    chosen = range(1, whole + 1) if points is None else [1 + number * (whole - 1) // (points - 1) for number in range(points)]
    assert len(set(chosen)) >= _FEWEST_POINTS
    for last in chosen:
        empty()
        day = _day(engine, playing, seal, directory, last)
        assert steps.dies(day, last), f"step {last} of {whole} was never reached"
        steps.whole(day, hours=1)
        assert _outcome(engine, day) == wanted, f"killed before step {last} of {whole}"
    playing.dispose()


@pytest.mark.timeout(600)
def test_a_day_killed_at_any_of_many_steps_converges(engine: Engine, seal: Seal, tmp_path: Path, empty: Empty) -> None:
    _check(engine, seal, tmp_path, empty, _FEWEST_POINTS)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_day_killed_at_every_single_step_converges(engine: Engine, seal: Seal, tmp_path: Path, empty: Empty) -> None:
    _check(engine, seal, tmp_path, empty, None)
