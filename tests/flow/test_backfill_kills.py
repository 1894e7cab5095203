"""The past of the three sandbox shops is brought in while orders arrive and the worker is killed at random moments.

The small form runs always; `-m long` runs the full figures. BACKFILL_ORDERS and BACKFILL_KILLS change its size.
"""

from __future__ import annotations

import json
import os
import re
import time
from functools import partial
from pathlib import Path
from random import Random

import pytest
from cryptography.fernet import Fernet

from connector.flow import backfill
from jobs.environment import now
from tests.desk.conftest import Rung, make_app
from tests.flow.past import Past, killed_until, live_orders, past
from tests.flow.terminal import shown_in_terminal
from tests.serving import wait_until

_MOST_BYTES = 300 * 2**20
_MANY = 100
_ROWS_OF_A_PAGE = 75  # at most, of any platform


def _brought_in(at: Past, *, orders_each: int, kills: int, seconds: float) -> tuple[list[int], int]:
    numbers = at.begin()
    apart = max(1, 3 * orders_each // _ROWS_OF_A_PAGE // (kills + 1))
    with live_orders(at, every_seconds=2 + orders_each / 1000):
        look = partial(_tell_the_same, at, numbers, terminal=orders_each >= _MANY)
        killed = killed_until(at, numbers, kills, Random(11), seconds, apart, min(1.0, orders_each / 1000), look)
    assert killed == kills or (orders_each < _MANY and killed)  # so few pages may be written before the second one
    wait_until(at.drained, seconds=seconds)
    return numbers, killed


def _tell_the_same(at: Past, numbers: list[int], *, terminal: bool) -> None:
    """While one is paused, the terminal's bar and the page show the same figures of it, and they are those of its rows.

    The small form leaves the terminal out: starting a command takes as long as the rest of it.
    """
    number = max(numbers, key=lambda one: at.state(one).state == "running")
    env = at.environment
    backfill.steer(env.engine, number, "pause", now())
    held = at.state(number)
    page = make_app(env.engine, env.seal, Rung()).test_client().get("/past").get_data(as_text=True)
    card = page[page.index(f'id="backfill-{number}"') :]
    assert re.search(r'data-read="(\d+)" data-expected="(\d*)"', card).groups() == (str(held.read), str(held.expected or ""))  # type: ignore[union-attr]
    if terminal:
        bar = shown_in_terminal(env.settings.environment(), "backfill", "show", str(number), "--wait")
        assert re.search(rf"paused .*?\s{held.read}/{held.expected or '[?]'}", bar), bar
    backfill.steer(env.engine, number, "resume", now())


def _balanced(at: Past, numbers: list[int], orders_each: int) -> None:
    for number in numbers:
        done = at.state(number)
        assert (done.state, done.read, done.expected, done.failed) == ("finished", orders_each, orders_each, 0), done
        assert done.new + done.changed + done.same + done.skipped == orders_each
    for platform in at.shops:
        ours, theirs = at.ids(platform)
        assert ours == theirs, platform
    assert at.ledger() == []
    assert at.largest_bytes < _MOST_BYTES


def _unchanged_by_another(at: Past, seconds: float) -> None:
    """A dry run over everything finds each order as the platform has it."""
    numbers = at.begin(dry_run=True)
    wait_until(lambda: all(at.state(number).state != "running" for number in numbers), seconds=seconds)
    for number in numbers:
        done = at.state(number)
        assert (done.state, done.new, done.changed, done.same) == ("finished", 0, 0, done.read - done.skipped)


def _show(directory: Path, database_url: str, redis_url: str, *, orders_each: int, kills: int, seconds: float) -> None:
    key = Fernet.generate_key().decode()
    with past(directory, database_url, redis_url, key, orders_each=orders_each) as at:
        began = time.monotonic()
        numbers, killed = _brought_in(at, orders_each=orders_each, kills=kills, seconds=seconds)
        took = time.monotonic() - began
        _balanced(at, numbers, orders_each)
        figures = {
            "orders": 3 * orders_each,
            "seconds": round(took, 1),
            "per_second": round(3 * orders_each / took, 1),
            "kills": killed,
            "worker_mib": round(at.largest_bytes / 2**20, 1),
            "orders_in_all": sum(len(at.ids(platform)[0]) for platform in at.shops),
        }
        print(json.dumps(figures))  # noqa: T201 - shown where the test fails, and with -s
        _unchanged_by_another(at, seconds)


@pytest.mark.timeout(900)
def test_three_shops_come_in_through_kills(tmp_path: Path, database_url: str, redis_url: str) -> None:
    _show(tmp_path, database_url, redis_url, orders_each=60, kills=2, seconds=400)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_thirty_thousand_orders_come_in_through_twenty_kills(tmp_path: Path, database_url: str, redis_url: str) -> None:
    orders_each, kills = int(os.environ.get("BACKFILL_ORDERS", "10000")), int(os.environ.get("BACKFILL_KILLS", "20"))
    _show(tmp_path, database_url, redis_url, orders_each=orders_each, kills=kills, seconds=2400)
