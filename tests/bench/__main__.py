"""`python -m tests.bench [B1 …]`: measures, prints one table, writes build/bench.json. Takes some twenty minutes for all; the
figures of a single one are put beside those of other runs.

BENCH_ROUNDS (5) how often each thing is measured; BENCH_ORDERS (5000) how many orders the fast forms get; BENCH_GROWTH
(1000000) how many orders the base of B4 holds; BENCH_MEMORY (50000) how many orders B8 takes in; BENCH_PUSHES (410) how many
parts B7 announces to BigCommerce; BENCH_STEADY_SECONDS (10) how long B1 sends at a steady rate.
"""

from __future__ import annotations

import json
import time
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
    console, began = Console(), time.monotonic()
    figures: list[Figure] = []
    failed: list[str] = []
    with stage() as ready:
        for name in names or MEASURES:
            console.print(f"{name} …", style="dim")
            try:
                figures += MEASURES[name](ready)
            except Exception:  # noqa: BLE001 -- one that fails must not cost the others their figures
                console.print_exception(max_frames=8)
                failed.append(name)
            _write(figures, anew=not names)  # after each, so that an interrupted run is not all lost
            console.print(f"{name} ended after {(time.monotonic() - began) / 60:.1f} min", style="dim")
    console.print(_table(figures))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _table(figures: list[Figure]) -> Table:
    table = Table("", "ratio", "goal", "samples", "note")
    for one in figures:
        sign = "<=" if one.most else ">="
        samples = " ".join(f"{sample:g}" for sample in one.samples)
        style = "" if one.reached else "bold red"
        table.add_row(one.name, f"{one.ratio:g}", f"{sign} {one.goal:g}", samples, one.note, style=style)
    return table


def _write(figures: list[Figure], *, anew: bool) -> None:
    _RESULT.parent.mkdir(exist_ok=True)
    kept = {} if anew or not _RESULT.exists() else json.loads(_RESULT.read_text())
    entries = kept | {one.name: one.entry() for one in figures}
    _RESULT.write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main()
