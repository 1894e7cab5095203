"""Prometheus figures. What must be right over all processes is counted in the database at each scrape; only the
figures of the web processes themselves (answers and their times) are kept here, and summed over the processes where
PROMETHEUS_MULTIPROC_DIR names a directory they share.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from connector.db import inbox_views, ledger, outbox_views

_OWN = CollectorRegistry()
DELIVERIES = Counter(
    "connector_deliveries", "Webhook requests answered, by platform and outcome.", ["platform", "outcome"], registry=_OWN
)
SECONDS = Histogram(
    "connector_acknowledge_seconds",
    "Seconds from a webhook request to its answer.",
    ["platform"],
    registry=_OWN,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def text(conn: Connection, now: datetime) -> bytes:
    """The whole page in Prometheus' text form."""
    counted = CollectorRegistry()
    counted.register(_Fixed(_counted(conn, now)))
    return generate_latest(_processes()) + generate_latest(counted)


def _processes() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return _OWN
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class _Fixed(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _counted(conn: Connection, now: datetime) -> Iterator[Metric]:
    for box, standings in (("inbox", inbox_views.standings(conn)), ("outbox", outbox_views.standings(conn))):
        rows = GaugeMetricFamily(f"connector_{box}_rows", f"Unfinished rows of the {box}.", labels=["platform", "state"])
        age = GaugeMetricFamily(
            f"connector_{box}_oldest_seconds", f"Age of the oldest waiting row of the {box}.", labels=["platform"]
        )
        for standing in standings:
            rows.add_metric([standing.platform, standing.state], standing.rows)
            if standing.state == "waiting":
                age.add_metric([standing.platform], max(0.0, (now - standing.oldest).total_seconds()))
        yield from (rows, age)
    yield from _stock(ledger.last_check(conn), now)


def _stock(last: ledger.Checked | None, now: datetime) -> Iterator[Metric]:
    if last is not None:
        yield GaugeMetricFamily("connector_stock_drift", "Differences the last check of stock found.", value=last.differences)
        age = max(0.0, (now - last.at).total_seconds())
        yield GaugeMetricFamily("connector_stock_checked_seconds", "Seconds since the last check of stock.", value=age)
