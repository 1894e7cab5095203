"""A figure is a ratio of two things measured in one run, in turns, so that a busy machine slows both alike."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


def number(name: str, usual: int) -> int:
    """A setting of the benchmarks from the environment, such as BENCH_ROUNDS."""
    return int(os.environ.get(name, usual))


def rounds() -> int:
    """How often each thing is measured (BENCH_ROUNDS)."""
    return number("BENCH_ROUNDS", 5)


def order_count() -> int:
    """How many orders the fast forms get (BENCH_ORDERS); the slow ones get a part of it."""
    return number("BENCH_ORDERS", 5_000)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ratio` is the median of `samples`; `goal` is what it should at least be, `most` at most."""

    name: str
    ratio: float
    goal: float
    samples: tuple[float, ...]
    note: str
    most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the goal is."""
        return self.ratio <= self.goal if self.most else self.ratio >= self.goal

    def entry(self) -> dict[str, Any]:
        """As it stands in build/bench.json."""
        fields = asdict(self)
        return {name: fields[name] for name in ("ratio", "goal", "samples", "note")}


def figure(name: str, goal: float, samples: Sequence[float], note: str, *, most: bool = False) -> Figure:
    """A figure from its samples, rounded as it is shown."""
    shown = tuple(round(sample, 4) for sample in samples)
    return Figure(name, round(statistics.median(samples), 4), goal, shown, note, most)


Sample = Callable[[], float]


def in_turns(forms: Mapping[str, Sample], times: int | None = None) -> dict[str, list[float]]:
    """Measure every form once, then every form again, and so on; every other round backwards."""
    found: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(times or rounds()):
        names = list(forms)
        for name in names if turn % 2 == 0 else reversed(names):
            found[name].append(forms[name]())
    return found


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round."""
    return [one / other for one, other in zip(above, below, strict=True)]


def median(samples: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(samples)


def spread(samples: Sequence[float], unit: str = "/s") -> str:
    """Median and range, for a note."""
    return f"{statistics.median(samples):,.0f}{unit} ({min(samples):,.0f}-{max(samples):,.0f})"
