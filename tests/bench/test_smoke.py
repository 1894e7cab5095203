"""Every benchmark still runs: the smallest form of each, whose figures say nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from tests.bench import __main__ as bench
from tests.bench import environment
from tests.bench import stage as stages
from tests.bench.measuring import Figure
from tests.bench.stage import Stage

_SMALL = {
    "BENCH_ROUNDS": "1",
    "BENCH_ORDERS": "40",
    "BENCH_STEADY_SECONDS": "1",
    "BENCH_GROWTH": "2000",
    "BENCH_MEMORY": "80",
    "BENCH_PUSHES": "4",
}
_QUICK = ("B3", "B7")  # the others start web servers and workers, and take as long as those do
_FORMS = [pytest.param(name, marks=() if name in _QUICK else pytest.mark.long) for name in bench.MEASURES if name != "B2"]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with stages.stage() as ready:
        yield ready


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _SMALL.items():
        monkeypatch.setenv(name, value)


def _sound(found: list[Figure], name: str) -> None:
    assert found[0].name.startswith(name)
    assert all(math.isfinite(sample) and sample >= 0 for one in found for sample in one.samples)
    assert all(one.note for one in found)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", _FORMS)
def test_it_runs(stage: Stage, name: str) -> None:
    _sound(bench.MEASURES[name](stage), name)


@pytest.mark.timeout(600)
@pytest.mark.long
def test_the_peers_run(stage: Stage) -> None:
    if not environment.is_made():
        pytest.skip("The peers are not installed: `python -m tests.bench B2` installs them.")
    _sound(bench.MEASURES["B2"](stage), "B2")


def test_figures_are_kept_beside_those_of_other_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """One table, and a file that a single benchmark's run adds to."""
    result = tmp_path / "build" / "bench.json"  # type: ignore[operator]
    monkeypatch.setattr(bench, "_RESULT", result)
    monkeypatch.setattr(bench, "stage", _no_stage)
    for name, ratio in (("B1", 0.5), ("B7", 0.97)):
        figure = Figure(name, ratio, 0.9, (ratio,), "a note")
        monkeypatch.setattr(bench, "MEASURES", {name: lambda ready, figure=figure: [figure]})
        outcome = CliRunner().invoke(bench.main, [name])
        assert outcome.exit_code == 0, outcome.output
        assert name in outcome.output
    kept = json.loads(result.read_text())
    assert kept["B1"] == {"ratio": 0.5, "goal": 0.9, "samples": [0.5], "note": "a note"}
    assert kept["B7"]["ratio"] == 0.97


class _NoStage:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _no_stage() -> _NoStage:
    return _NoStage()
