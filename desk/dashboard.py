"""The dashboard: what came, how quickly, what waits and what fails, as pictures drawn here and as tables beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import render_template

from connector.db import dashboard_views, event_views, health_views, merchants
from connector.db.dashboard_views import Failure, Hourly, Taking
from connector.db.health_views import Health
from desk import charts, show
from desk.blueprint import desk, house, pages
from desk.charts import Chart
from desk.language import gettext

_HOURS = 24
_NAMED_EVERY = 3
_MOST_FAILURES = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with its legend (series, name) and the same as a table: (heads, rows)."""

    chart: Chart
    legend: tuple[tuple[int, str], ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(bar.height for bar in self.chart.bars)


@pages.get("/dashboard")
def dashboard() -> str:
    """The last day at a glance."""
    now = datetime.now(UTC)
    hours = dashboard_views.hours(now, _HOURS)
    with desk().engine.connect() as conn:
        placed = dashboard_views.orders_by_hour(conn, hours[0], now + timedelta(seconds=1))
        taking = dashboard_views.taking_in(conn, hours[0])
        failures = dashboard_views.failures(conn, hours[0])
        healths = health_views.healths(conn)
        endpoints = event_views.list_endpoints(conn)
    waits = [health.waiting_since for health in healths if health.waiting_since is not None]
    return render_template(
        "desk/dashboard.html",
        orders=_orders(hours, placed),
        answers=_answers(desk().answers()) if _alone() else None,
        taking=_taking(hours, taking),
        backlog=_backlog(healths),
        failures=_failures(failures),
        placed=sum(row.orders for row in placed),
        waiting=sum(health.shop.inbox_waiting + health.shop.outbox_waiting for health in healths),
        oldest=min(waits, default=None),
        dead=sum(health.shop.dead for health in healths) + sum(row.dead for row in endpoints),
        healths=[health for health in healths if health.waiting_since is not None],
    )


def _alone() -> bool:
    """Whether there is but one merchant: the web processes count what they answer for all of them together."""
    with house().engine.connect() as conn:
        return len(merchants.ids(conn)) == 1


def _orders(hours: Sequence[datetime], placed: Sequence[Hourly]) -> Picture:
    shops = dict.fromkeys((row.shop_id, _name(row.shop, row.platform)) for row in sorted(placed, key=lambda row: row.shop_id))
    series = {shop_id: at for at, (shop_id, _) in enumerate(shops)}
    count = {(row.hour, row.shop_id): row.orders for row in placed}
    names = [show.hour(hour) for hour in hours]
    stacks = [
        [
            (count.get((hour, shop_id), 0), series[shop_id], f"{name}, {shop}: {count.get((hour, shop_id), 0)}")
            for shop_id, shop in shops
        ]
        for hour, name in zip(hours, names, strict=True)
    ]
    table = tuple(
        (name, *(str(count.get((hour, shop_id), 0)) for shop_id, _ in shops))
        for hour, name in zip(hours, names, strict=True)
        if any((hour, shop_id) in count for shop_id, _ in shops)
    )
    legend = tuple((min(at, charts.SERIES - 1), shop) for at, (_, shop) in enumerate(shops))
    chart = charts.stacked(names, stacks, every=_NAMED_EVERY)
    return Picture(chart, legend, (gettext("Hour"), *(shop for _, shop in shops)), table)


def _answers(buckets: Sequence[tuple[float, int]]) -> Picture:
    """How many deliveries were answered within each time, since the web processes started."""
    names = [show.seconds(most) for most, _ in buckets]
    stacks = [[(count, 0, f"{name}: {count}")] for name, (_, count) in zip(names, buckets, strict=True)]
    rows = tuple((name, str(count)) for name, (_, count) in zip(names, buckets, strict=True) if count)
    return Picture(charts.stacked(names, stacks, every=2), (), (gettext("Answered within"), gettext("Deliveries")), rows)


def _taking(hours: Sequence[datetime], taking: Sequence[Taking]) -> Picture:
    by_hour = {row.hour: row for row in taking}
    names = [show.hour(hour) for hour in hours]
    stacks = []
    for hour, name in zip(hours, names, strict=True):
        row = by_hour.get(hour)
        half, most = (row.half_seconds, row.most_seconds) if row else (0.0, 0.0)
        stacks.append([(half, 0, f"{name}: {show.seconds(half)}"), (most - half, 1, f"{name}: {show.seconds(most)}")])
    rows = tuple(
        (show.hour(row.hour), str(row.deliveries), show.seconds(row.half_seconds), show.seconds(row.most_seconds))
        for row in taking
    )
    legend = ((0, gettext("half of them")), (1, gettext("19 of 20")))
    heads = (gettext("Hour"), gettext("Deliveries"), gettext("half of them"), gettext("19 of 20"))
    return Picture(charts.stacked(names, stacks, every=_NAMED_EVERY, unit=" s"), legend, heads, rows)


def _backlog(healths: Sequence[Health]) -> Picture:
    into, out, dead = gettext("Waits to be taken in"), gettext("Waits to be told"), gettext("Given up")
    numbers = [
        (_name(row.name, row.platform), row.inbox_waiting, row.outbox_waiting, row.dead)
        for row in (health.shop for health in healths)
    ]
    stacks = [
        [(a, 0, f"{name}, {into}: {a}"), (b, 1, f"{name}, {out}: {b}"), (c, 2, f"{name}, {dead}: {c}")]
        for name, a, b, c in numbers
    ]
    rows = tuple((name, str(a), str(b), str(c)) for name, a, b, c in numbers)
    legend = ((0, into), (1, out), (2, dead))
    return Picture(charts.stacked([name for name, *_ in numbers], stacks), legend, (gettext("Shop"), into, out, dead), rows)


def _failures(found: Sequence[Failure]) -> Picture:
    shown = found[:_MOST_FAILURES]
    kinds = list(dict.fromkeys(row.kind for row in shown))
    whom = list(dict.fromkeys(row.to for row in shown))
    count = {(row.kind, row.to): row.tries for row in shown}
    stacks = [
        [
            (count.get((kind, to), 0), at, f"{show.failure(kind)}, {show.receiver(to)}: {count.get((kind, to), 0)}")
            for at, to in enumerate(whom)
        ]
        for kind in kinds
    ]
    rows = tuple((show.receiver(row.to), show.failure(row.kind), str(row.tries)) for row in found)
    legend = tuple((min(at, charts.SERIES - 1), show.receiver(to)) for at, to in enumerate(whom))
    heads = (gettext("Who was to be told"), gettext("What went wrong"), gettext("Times"))
    return Picture(charts.stacked([show.failure(kind) for kind in kinds], stacks), legend, heads, rows)


def _name(shop: str, platform: str) -> str:
    return f"{shop} · {show.platform(platform)}"
