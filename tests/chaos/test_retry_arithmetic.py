"""When it is tried again: bounds, growth, chance and the end, over ten thousand cases."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain import retry
from connector.domain.retry import JITTER, OUTBOX_WAITS_SECONDS, READ_WAITS_SECONDS, Trouble, band, next_try

_CASES = 10_000
_HOURS_48 = 48 * 3600
_chance = st.floats(0, 1, exclude_max=True, allow_nan=False)


def _wait(tries: int, rnd: float, **more: float | bool | Trouble) -> float:
    seconds = next_try(tries, OUTBOX_WAITS_SECONDS, rnd, **more).seconds  # type: ignore[arg-type]
    assert seconds is not None
    return seconds


@settings(max_examples=1000, deadline=None)
@given(st.lists(_chance, min_size=len(OUTBOX_WAITS_SECONDS), max_size=len(OUTBOX_WAITS_SECONDS)))
def test_waits_grow_and_never_pass_48_hours_together(chances: list[float]) -> None:
    waits = [_wait(tries, rnd) for tries, rnd in enumerate(chances, start=1)]
    assert all(sooner < later for sooner, later in itertools.pairwise(waits))
    assert sum(waits) <= _HOURS_48


def test_the_longest_chance_of_all_still_ends_within_48_hours() -> None:
    assert sum(_wait(tries, 1 - 2**-53) for tries in range(1, len(OUTBOX_WAITS_SECONDS) + 1)) <= _HOURS_48


@pytest.mark.parametrize("tries", range(1, len(OUTBOX_WAITS_SECONDS) + 1))
def test_the_chance_uses_the_whole_band_and_never_leaves_it(tries: int) -> None:
    shortest, longest = band(tries, OUTBOX_WAITS_SECONDS)
    step = OUTBOX_WAITS_SECONDS[tries - 1]
    assert step * (1 - JITTER) == shortest < longest <= step * (1 + JITTER)
    rnd = random.Random(tries)
    waits = [_wait(tries, rnd.random()) for _ in range(_CASES)]
    assert shortest <= min(waits)
    assert max(waits) <= longest
    assert max(waits) - min(waits) >= 0.9 * (longest - shortest)


@settings(max_examples=1000, deadline=None)
@given(st.integers(1, len(OUTBOX_WAITS_SECONDS)), _chance, st.floats(-(10.0**9), 10.0**9))
def test_what_the_platform_asks_for_is_honoured_within_its_bounds(tries: int, rnd: float, asked: float) -> None:
    bounded = min(max(asked, 1.0), 3600.0)
    assert _wait(tries, rnd, asked_seconds=asked) == max(bounded, _wait(tries, rnd))


@settings(max_examples=500, deadline=None)
@given(st.integers(1, len(OUTBOX_WAITS_SECONDS)), _chance)
def test_after_a_time_out_never_sooner_than_a_minute(tries: int, rnd: float) -> None:
    assert _wait(tries, rnd, trouble=Trouble.SLOW) == max(60.0, _wait(tries, rnd))


@settings(max_examples=500, deadline=None)
@given(st.integers(1, 10_000), _chance)
def test_past_the_last_step_it_is_over_unless_it_is_endless(tries: int, rnd: float) -> None:
    over = next_try(tries, READ_WAITS_SECONDS, rnd).seconds is None
    assert over == (tries > len(READ_WAITS_SECONDS))
    endless = next_try(tries, READ_WAITS_SECONDS, rnd, endless=True).seconds
    assert endless is not None
    assert endless <= READ_WAITS_SECONDS[-1] * (1 + JITTER)


def test_the_usual_patience_is_the_one_the_guide_names() -> None:
    usual = retry.USUAL
    assert usual.outbox_waits_seconds == (5, 30, 120, 600, 1800, 7200, 21600, 43200, 86400)
    assert (len(usual.inbox_waits_seconds), usual.slow_down_seconds) == (3, 60)
    assert (usual.breaker_failures, usual.breaker_after_seconds, usual.breaker_probe_seconds) == (10, 300, 120)
