"""Hundreds of short lives, each decided by its seed: after every one the books are right. A failing seed is kept below."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, event

from connector.db.sealed import Seal
from tests.chaos.conftest import Empty, empty
from tests.flow.toy import world
from tests.model.simulation import PLACES, SKUS, Life

__all__ = ["empty"]

_FIRST = int(os.environ.get("SIMULATION_SEED", 1))
_FEW, _MANY = 200, 10_000
_KEPT: tuple[int, ...] = ()  # seeds that once failed

Run = Callable[[int], Life]


@pytest.fixture
def run(engine: Engine, seal: Seal, empty: Empty) -> Run:
    """Lives a seed's life on an empty database, and checks it."""

    # A power cut is not what is tried here, and waiting for the disk at each commit would be most of the time.
    event.listen(engine, "connect", lambda connection, _: connection.execute("SET synchronous_commit = off"))
    engine.dispose()

    def lived(seed: int) -> Life:
        empty()
        life = Life(world(engine, seal, {(sku, place): 4 for sku in SKUS for place in PLACES}), seed)
        try:
            life.live()
            life.check()
        except AssertionError as error:
            raise AssertionError(f"SIMULATION_SEED={seed}: {error}\n" + "\n".join(life.trace)) from error
        return life

    return lived


@pytest.mark.timeout(600)
def test_every_life_ends_with_the_books_right(run: Run) -> None:
    for seed in (*_KEPT, *range(_FIRST, _FIRST + _FEW)):
        run(seed)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_ten_thousand_lives(run: Run) -> None:
    for seed in range(_FIRST, _FIRST + _MANY):
        run(seed)


def test_the_same_seed_is_the_same_life(run: Run) -> None:
    for seed in range(_FIRST, _FIRST + 3):
        first, second = run(seed), run(seed)
        assert first.trace == second.trace
        assert first.digest() == run(seed).digest() == second.digest()
