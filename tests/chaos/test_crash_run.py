"""The whole connector under kill -9 of everything, with shops that fail: nothing is lost, nothing happens twice.

The small form runs always; `-m long` runs the full figures. CHAOS_SEED repeats a run's choices, CHAOS_ORDERS and
CHAOS_KILLS set its size. (The machine's own timing is not in the seed: a failing seed may need a few runs.)
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sandbox.catalogue import STOCK
from tests.chaos import findings
from tests.chaos.killer import TARGETS, Killer
from tests.chaos.trade import Customers, Placed, Staff, expected_stock
from tests.chaos.whole import PLATFORMS, Whole, running

_FAULTS = {"server_error": 0.15, "throttle": 0.1, "applied_then_error": 0.05, "hang": 0.05, "hang_seconds": 9}
_DOUBLED = {"webhook_duplicate": 0.3, "webhook_reorder": 0.2, "retry_scale": 0.0005}
_SECONDS_A_KILL = 1.4
_POLLED_SECONDS = 13
_GIVE_UP_SECONDS = 120
_ENDS = {"handed over": "completed", "cancelled": "cancelled"}


@dataclass(frozen=True)
class _Size:
    orders: int
    kills: int


SMALL = _Size(orders=int(os.environ.get("CHAOS_ORDERS", 30)), kills=int(os.environ.get("CHAOS_KILLS", 14)))
FULL = _Size(orders=int(os.environ.get("CHAOS_ORDERS", 500)), kills=int(os.environ.get("CHAOS_KILLS", 100)))


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_done_twice_while_everything_is_killed(tmp_path: Path) -> None:
    _crash_run(tmp_path, SMALL)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_done_twice_in_a_hundred_kills(tmp_path: Path) -> None:
    _crash_run(tmp_path, FULL)


def _crash_run(directory: Path, size: _Size) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed} CHAOS_ORDERS={size.orders} CHAOS_KILLS={size.kills}")  # noqa: T201 - shown where the test fails
    with running(directory, {"WORKERS": "2", "WEB_PROCESSES": "2"}) as whole:
        for number, platform in enumerate(PLATFORMS):
            whole.ask("PUT", f"{platform}/knobs", {**_FAULTS, **_DOUBLED, "seed": seed + number})
        placed, killed = _trade_under_fire(whole, size, seed)
        seconds = _come_to_rest(whole, placed)
        _report(seed, killed, placed, whole, seconds)
        _compare(whole, placed)
        before = whole.patiently(_state)
        assert whole.stop() == 0
        whole.start()
        assert whole.wait_until(lambda: _at_rest(whole, placed), _GIVE_UP_SECONDS)
        assert whole.patiently(_state) == before
        _compare(whole, placed)


def _trade_under_fire(whole: Whole, size: _Size, seed: int) -> tuple[list[Placed], list[str]]:
    """Customers order, staff hands over, while everything is killed; until staff has nothing left to do."""
    customers = Customers(whole, size.orders, size.kills * _SECONDS_A_KILL * 0.8, seed)
    staff = Staff(whole, lambda: list(customers.placed))
    killer = Killer(whole, size.kills, seed)
    for thread in (customers, staff, killer):
        thread.start()
    customers.join()
    killer.join()
    assert customers.failed is None, customers.failed
    assert len(killer.killed) == size.kills, killer.killed
    if size.kills >= len(TARGETS):
        assert set(killer.killed) == set(TARGETS)
    whole.turn(**dict.fromkeys(_FAULTS, 0))  # with the last kill the shops recover
    placed = customers.placed
    try:
        left = whole.wait_until(lambda: whole.patiently(lambda engine: _all_left(engine, placed)), _GIVE_UP_SECONDS)
        assert left, whole.patiently(lambda engine: _unfinished(engine, placed))
    finally:
        staff.stopping.set()
        staff.join()
    return placed, killer.killed


def _come_to_rest(whole: Whole, placed: list[Placed]) -> float:
    """Seconds until nothing waited any more; left alone then for a poll, which finds what lost webhooks did not say."""
    began = time.monotonic()
    while time.monotonic() - began < 2 * _GIVE_UP_SECONDS:
        assert whole.wait_until(lambda: _at_rest(whole, placed), _GIVE_UP_SECONDS), _why_not(whole, placed)
        seconds, state = time.monotonic() - began, whole.patiently(_state)
        time.sleep(_POLLED_SECONDS)
        if _at_rest(whole, placed) and whole.patiently(_state) == state:
            return seconds
    raise AssertionError("it does not come to rest")


def _unfinished(engine: Engine, placed: list[Placed]) -> dict[Placed, str | None]:
    states = _known(engine)
    found = {one: states.get((one.platform, one.external_id)) for one in placed}
    return {one: state for one, state in found.items() if state != _ENDS.get(one.fate, state)}


def _all_left(engine: Engine, placed: list[Placed]) -> bool:
    return not _unfinished(engine, placed)


def _at_rest(whole: Whole, placed: list[Placed]) -> bool:
    """Every order is there, no webhook is on its way, nothing waits in either box."""
    if whole.ask("GET", "waiting")["webhooks"]:
        return False
    standing = whole.patiently(_standing)
    known = whole.patiently(_known)
    present = all((one.platform, one.external_id) in known for one in placed)
    return present and not standing["inbox waiting"] and not standing["outbox waiting"]


def _why_not(whole: Whole, placed: list[Placed]) -> dict[str, object]:
    """What keeps it from coming to rest."""
    known = whole.patiently(_known)
    missing = [one for one in placed if (one.platform, one.external_id) not in known]
    sending = whole.ask("GET", "waiting")["webhooks"]
    return {**whole.patiently(_standing), "webhooks on their way": sending, "missing": missing, "log": whole.log[-4000:]}


def _standing(engine: Engine) -> Counter[str]:
    with engine.connect() as conn:
        return findings.counted(conn)


def _known(engine: Engine) -> dict[tuple[str, str], str]:
    with engine.connect() as conn:
        return findings.known(conn)


def _state(engine: Engine) -> dict[str, object]:
    with engine.connect() as conn:
        return findings.state(conn)


def _compare(whole: Whole, placed: list[Placed]) -> None:
    with whole.engine.connect() as conn:
        assert findings.faults(conn) == {}
        assert findings.dead(conn) == []
        states, totals = findings.known(conn), findings.totals(conn)
    assert set(states) == {(one.platform, one.external_id) for one in placed}
    opening: Counter[str] = Counter()
    for (sku, _), units in STOCK.items():
        opening[sku] += units
    assert totals == expected_stock(placed, opening)
    assert _handed_over(whole) == {
        (one.platform, one.external_id): dict(one.units) if one.fate == "handed over" else {} for one in placed
    }


def _handed_over(whole: Whole) -> dict[tuple[str, str], dict[str, int]]:
    """From a copy of the shops' own journal, because the original belongs to the running sandbox."""
    copy = whole.directory / "journal" / "sandbox.journal"
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(whole.directory / "data" / "sandbox" / "sandbox.journal", copy)
    return {key: dict(units) for key, units in findings.handed_over(copy).items()}


def _report(seed: int, killed: list[str], placed: list[Placed], whole: Whole, seconds: float) -> None:
    figures = {
        "seed": seed,
        "orders": len(placed),
        "kills": dict(Counter(killed)),
        "fates": dict(Counter(one.fate for one in placed)),
        "rest_after_last_departure_seconds": round(seconds, 1),
        "rows": dict(whole.patiently(_standing)),
    }
    print(json.dumps(figures))  # noqa: T201 - shown where the test fails, and with -s
