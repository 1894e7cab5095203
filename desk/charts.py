"""Bars as a drawing: what stands where, in units of the drawing. Pure; the template writes it as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 6, 14, 28
_GAP = 0.22  # of a column's width
_STEPS = (1, 2, 5)
_LINES = 4
SERIES = 6  # as many colours as there are; further series share the last one


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `series` is the number of its colour, `label` what it says to who points at it."""

    x: float
    y: float
    width: float
    height: float
    series: int
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A word at an axis: at `at` along it."""

    at: float
    word: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over columns, with what stands at its axes."""

    bars: tuple[Bar, ...]
    columns: tuple[Mark, ...]
    lines: tuple[Mark, ...]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


def stacked(
    columns: Sequence[str], stacks: Sequence[Sequence[tuple[float, int, str]]], *, every: int = 1, unit: str = ""
) -> Chart:
    """A column for each stack of (value, series, label). Every `every`-th column has its name under it."""
    top = ceiling(max((sum(value for value, _, _ in stack) for stack in stacks), default=0))
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(columns))
    scale = (HEIGHT - _TOP - _BOTTOM) / top
    bars = []
    for at, stack in enumerate(stacks):
        floor = float(HEIGHT - _BOTTOM)
        for value, series, label in stack:
            height = value * scale
            floor -= height
            bars.append(Bar(_LEFT + (at + _GAP / 2) * step, floor, step * (1 - _GAP), height, min(series, SERIES - 1), label))
    named = tuple(Mark(_LEFT + (at + 0.5) * step, name) for at, name in enumerate(columns) if at % every == 0)
    lines = tuple(
        Mark(HEIGHT - _BOTTOM - part * top / _LINES * scale, _short(part * top / _LINES, unit)) for part in range(_LINES + 1)
    )
    return Chart(tuple(bars), named, lines)


def ceiling(most: float) -> float:
    """The end of an axis that holds `most`: 4, 20, 40, 100 … so that its quarters are round."""
    if most <= 0:
        return 4.0
    size = 10.0 ** math.floor(math.log10(most / _LINES)) if most > 0 else 1.0
    return next(_LINES * step * size for step in (*_STEPS, 10) if _LINES * step * size >= most * 0.999999)


def _short(value: float, unit: str) -> str:
    return f"{value:g}{unit}"
