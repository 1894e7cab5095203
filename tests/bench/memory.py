"""B8: memory of each process while very many orders pass through; how much the second half of them adds."""

from __future__ import annotations

import time
from functools import partial

import psycopg

from tests.bench import orders, programs, sending
from tests.bench.measuring import Figure, figure, number
from tests.bench.receiving import PROCESSES, THREADS
from tests.bench.stage import Stage
from tests.bench.whole import _taken_in, _wait

_LARGEST_CHUNK = 500
_SETTLE_SECONDS = 1.0


def measure(stage: Stage) -> list[Figure]:
    """The worst growth of web, workers and clock over the second half of the orders, in percent."""
    count = max(8, number("BENCH_MEMORY", 50_000))
    chunk = min(_LARGEST_CHUNK, count // 4)
    port = programs.free_port()
    commands = {
        "web": programs.python("-m", "config.web"),
        "worker 1": programs.python("-m", "jobs.worker"),
        "worker 2": programs.python("-m", "jobs.worker"),
        "clock": programs.python("-m", "jobs.clock"),
    }
    with stage.world() as world, psycopg.connect(world.url, autocommit=True) as connection:
        settings = {**world.environment(), "PORT": str(port), "WEB_PROCESSES": PROCESSES, "WEB_THREADS": THREADS}
        log = stage.directory / "memory.log"
        with programs.running(list(commands.values()), settings, log) as started:
            programs.wait_for_web(port, "/healthz", log)
            programs.wait_for_all(port, started[0], int(PROCESSES))
            halves = []
            for first in range(1, count + 1, chunk):
                size = min(chunk, count + 1 - first)
                sending.send(port, sending.requests(orders.deliveries(size, first=first))).expect()
                _wait(partial(_taken_in, connection), first + size - 1)
                if first + size - 1 in (count // 2 // chunk * chunk, count):
                    time.sleep(_SETTLE_SECONDS)
                    halves.append([programs.resident_bytes(process) for process in started])
    grown = [100 * (end / middle - 1) for middle, end in zip(*halves, strict=True)]
    each = zip(commands, halves[1], grown, strict=True)
    sizes = ", ".join(f"{name} {end / 2**20:.0f} MiB ({growth:+.1f} %)" for name, end, growth in each)
    return [figure("B8", 5, [max(grown)], f"% in the second half of {count:,} orders: {sizes}", most=True)]
