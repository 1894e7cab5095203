"""Prometheus figures. What must be right over all processes is counted in the database and in Redis at each scrape; only
the figures of the web processes themselves (answers and their times) are kept here, and summed over the processes where
PROMETHEUS_MULTIPROC_DIR names a directory they share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import redis
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from rq.worker import SimpleWorker
from sqlalchemy import Connection

from connector.db import figures, inbox_views, ledger, outbox_views
from jobs import pace, queue

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
_WINDOW = timedelta(minutes=15)
_STOCK_EVERY = timedelta(minutes=10)


def text(conn: Connection, bell: redis.Redis, now: datetime) -> bytes:
    """The whole page in Prometheus' text form. Without Redis its figures are missing and `connector_redis_up` is 0."""
    counted = CollectorRegistry()
    counted.register(_Fixed(family for count in _COUNTED for family in count(conn, now)))
    counted.register(_Fixed(_bell(bell)))
    counted.register(_Fixed(_limits(conn, bell)))
    return generate_latest(_processes()) + generate_latest(counted)


def _processes() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return _OWN
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def answers() -> list[tuple[float, int]]:
    """(most seconds, deliveries answered within them and not within fewer), over all platforms since the processes started."""
    within: dict[float, float] = {}
    for family in _processes().collect():
        for sample in family.samples:
            if sample.name == "connector_acknowledge_seconds_bucket":
                bound = float(sample.labels["le"])
                within[bound] = within.get(bound, 0) + sample.value
    bounds = sorted(within)
    return [(bound, int(within[bound] - within.get(before, 0))) for before, bound in zip([0.0, *bounds], bounds, strict=False)]


class _Fixed(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _boxes(conn: Connection, now: datetime) -> Iterator[Metric]:
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


def _attempts(conn: Connection, now: datetime) -> Iterator[Metric]:
    labels = ["platform", "act", "outcome"]
    tries = GaugeMetricFamily("connector_attempts_recent", "Tries to tell a platform in the last 15 minutes.", labels=labels)
    seconds = GaugeMetricFamily("connector_attempts_recent_seconds", "How long these tries took together.", labels=labels)
    for found in figures.recent_attempts(conn, now, _WINDOW):
        tries.add_metric([found.platform, found.act, found.outcome], found.tries)
        seconds.add_metric([found.platform, found.act, found.outcome], found.milliseconds / 1000)
    yield from (tries, seconds)


def _shops(conn: Connection, now: datetime) -> Iterator[Metric]:
    labels = ["shop", "platform"]
    paused = GaugeMetricFamily("connector_shop_paused", "1 where credentials are lost and a person must act.", labels=labels)
    failures = GaugeMetricFamily("connector_shop_failures", "Calls to the shop that failed in a row.", labels=labels)
    rest = GaugeMetricFamily("connector_shop_rest_seconds", "How long the shop is left alone from now on.", labels=labels)
    behind = GaugeMetricFamily("connector_shop_polled_seconds", "Age of the newest change the poll has seen.", labels=labels)
    for shop in figures.shop_health(conn):
        names = [str(shop.id), shop.platform]
        paused.add_metric(names, shop.state == "paused")
        failures.add_metric(names, shop.failures)
        rest.add_metric(names, _seconds(shop.paused_until, now))
        behind.add_metric(names, _seconds(now, shop.polled_to))
    yield from (paused, failures, rest, behind)


def _seconds(later: datetime | None, earlier: datetime | None) -> float:
    return max(0.0, (later - earlier).total_seconds()) if later and earlier else 0.0


def _clock(conn: Connection, now: datetime) -> Iterator[Metric]:
    beat = inbox_views.heartbeat(conn, "clock")
    age = GaugeMetricFamily("connector_clock_age_seconds", "Seconds since the clock last looked; absent before its first look.")
    if beat is not None:
        age.add_metric([], _seconds(now, beat))
    yield age


def _stock(conn: Connection, now: datetime) -> Iterator[Metric]:
    """What the hourly check found: it reads every movement, so it is not made anew for each look."""
    last = ledger.last_check(conn)
    drift = GaugeMetricFamily("connector_stock_drift_levels", "Differences the last check of stock found.")
    age = GaugeMetricFamily("connector_stock_checked_seconds", "Seconds since the last check of stock.")
    if last is not None:
        drift.add_metric([], last.differences)
        age.add_metric([], _seconds(now, last.at))
    yield from (drift, age)


_COUNTED: tuple[Callable[[Connection, datetime], Iterator[Metric]], ...] = (_boxes, _attempts, _shops, _clock, _stock)


def _limits(conn: Connection, bell: redis.Redis) -> Iterator[Metric]:
    """How many calls each platform still allows us, as all workers together know it: the buckets they share in Redis."""
    labels = ["shop", "platform"]
    left = GaugeMetricFamily(
        "connector_platform_limit_left", "Points of the platform's limit that are left to us.", labels=labels
    )
    most = GaugeMetricFamily(
        "connector_platform_limit", "Points the platform's limit leaves to us when it is full.", labels=labels
    )
    shops = {shop.address: [str(shop.id), shop.platform] for shop in figures.shop_health(conn)}
    with suppress(redis.RedisError):
        for address, (points, all_points) in pace.standings(bell, shops).items():
            left.add_metric(shops[address], points)
            most.add_metric(shops[address], all_points)
    yield from (left, most)


def _bell(bell: redis.Redis) -> Iterator[Metric]:
    up = GaugeMetricFamily("connector_redis_up", "1 where Redis answers.")
    jobs = GaugeMetricFamily("connector_jobs", "Jobs that wait in Redis, by task.", labels=["task"])
    workers = GaugeMetricFamily("connector_workers", "Workers that have said lately that they are alive.")
    try:
        waiting = {task: queue.queue(bell, task).count for task in queue.TASKS}
        workers.add_metric([], SimpleWorker.count(connection=bell))
    except redis.RedisError:
        up.add_metric([], 0)
    else:
        up.add_metric([], 1)
        for task, count in waiting.items():
            jobs.add_metric([task], count)
    yield from (up, jobs, workers)
