"""`python -m tests.bench [B1 …]`: measures, prints one table, writes build/bench.json. Takes half an hour when all is asked for.

BENCH_ROUNDS (5) how often each thing is measured; BENCH_ORDERS (5000) how many orders the fast forms get; BENCH_GROWTH
(100000) how many orders the base of B4 holds; BENCH_MEMORY (50000) how many orders B8 takes in; BENCH_PUSHES (60) how many
parts B7 announces; BENCH_STEADY_SECONDS (10) how long B1 sends at a steady rate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import click
from rich.console import Console
from rich.table import Table

from tests.bench import draining, growth, memory, outbound, receiving, whole
from tests.bench.measuring import Figure
from tests.bench.programs import ROOT
from tests.bench.stage import Stage, stage

MEASURES: Mapping[str, Callable[[Stage], list[Figure]]] = {
    "B1": receiving.measure,
    "B2": whole.measure,
    "B3": draining.measure,
    "B4": growth.measure,
    "B5": whole.measure_hot,
    "B6": draining.measure_workers,
    "B7": outbound.measure,
    "B8": memory.measure,
}
_RESULT = ROOT / "build" / "bench.json"


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)))
def main(names: tuple[str, ...]) -> None:
    """Run the named benchmarks, or all."""
    console = Console()
    figures: list[Figure] = []
    with stage() as ready:
        for name in names or MEASURES:
            console.print(f"{name} …", style="dim")
            found = MEASURES[name](ready)
            figures += found
            console.print(_table(found))
            _write(figures)  # after each, so that an interrupted run is not all lost
    console.print(_table(figures))


def _table(figures: list[Figure]) -> Table:
    table = Table("", "ratio", "goal", "samples", "note")
    for one in figures:
        sign = "<=" if one.most else ">="
        samples = " ".join(f"{sample:g}" for sample in one.samples)
        style = "" if one.reached else "bold red"
        table.add_row(one.name, f"{one.ratio:g}", f"{sign} {one.goal:g}", samples, one.note, style=style)
    return table


def _write(figures: list[Figure]) -> None:
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps({one.name: one.entry() for one in figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
