"""The past of the three sandbox shops is brought in while orders arrive and the worker is killed at random moments."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.flow.past import Past, killed_until, live_orders, past
from tests.serving import wait_until

_MOST_BYTES = 300 * 2**20


def _brought_in(at: Past, *, kills: int, seconds: float) -> list[int]:
    numbers = at.begin()
    with live_orders(at):
        killed = killed_until(at, numbers, kills, random.Random(11), seconds)
    assert killed >= min(kills, 1)
    wait_until(at.drained, seconds=seconds)
    return list(numbers)


def _balanced(at: Past, numbers: list[int], orders_each: int) -> None:
    for number in numbers:
        done = at.state(number)
        assert (done.state, done.read, done.expected, done.failed) == ("finished", orders_each, orders_each, 0), done
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
        _balanced(at, _brought_in(at, kills=kills, seconds=seconds), orders_each)
        _unchanged_by_another(at, seconds)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_three_shops_come_in_through_kills(tmp_path: Path, database_url: str, redis_url: str) -> None:
    _show(tmp_path, database_url, redis_url, orders_each=300, kills=5, seconds=800)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_thirty_thousand_orders_come_in_through_twenty_kills(tmp_path: Path, database_url: str, redis_url: str) -> None:
    _show(tmp_path, database_url, redis_url, orders_each=10_000, kills=20, seconds=1500)
