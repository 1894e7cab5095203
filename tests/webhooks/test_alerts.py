"""Alert rules, dashboard and runbooks name figures that exist, and each alert's figure moves when its trouble is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import insert, update

from connector.db import tables
from connector.flow import due, receive, verify
from connector.platform import Delivery, Kind, Shop
from jobs.environment import Environment, connect_redis
from tests.serving import serve
from tests.webhooks.conftest import Web
from tests.webhooks.toy import signature
from webhooks.app import build

_ROOT = Path(__file__).parents[2]
_RULES = [
    rule for group in yaml.safe_load((_ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
_DASHBOARD = json.loads((_ROOT / "deploy/grafana/connector.json").read_text())
_FIGURE = re.compile(r"connector_[a-z_]+")
_ORDER = b'{"id": 7}'


def _figures(page: str) -> dict[str, float]:
    lines = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines}


@pytest.fixture
def scrape(web: Web) -> Callable[[], dict[str, float]]:
    return lambda: _figures(web.request("GET", "/metrics")[1])


def test_every_figure_in_rules_and_dashboard_exists(web: Web, toy_shop: Shop) -> None:
    web.post(f"/webhooks/toy/{toy_shop.key}", _ORDER, {"X-Toy-Signature": signature(_ORDER)})
    page = web.request("GET", "/metrics")[1]
    known = set(re.findall(r"^# TYPE (\S+)", page, re.M)) | {name.partition("{")[0] for name in _figures(page)}
    asked = set(_FIGURE.findall(json.dumps(_DASHBOARD))) | {name for rule in _RULES for name in _FIGURE.findall(rule["expr"])}
    assert asked
    assert asked <= known


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    guide = (_ROOT / "docs/operations.md").read_text()
    alerts = [rule["alert"] for rule in _RULES]
    assert re.findall(r"^### (Connector\w+)$", guide, re.M) == alerts
    for rule in _RULES:
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_the_figures_of_a_healthy_connector_trip_nothing(
    scrape: Callable[[], dict[str, float]], environment: Environment, toy_shop: Shop
) -> None:
    due.due(environment.engine, datetime.now(UTC))
    verify.verify(environment.engine, datetime.now(UTC))
    found = scrape()
    assert found["connector_redis_up"] == 1
    assert found["connector_clock_age_seconds"] < 60
    assert found["connector_stock_drift_levels"] == 0
    assert found[f'connector_shop_paused{{platform="toy",shop="{toy_shop.id}"}}'] == 0
    assert not any("rows" in name and "dead" in name for name in found)


def test_a_clock_that_stopped_and_one_that_never_ran(scrape: Callable[[], dict[str, float]], environment: Environment) -> None:
    assert "connector_clock_age_seconds" not in scrape()
    due.due(environment.engine, datetime.now(UTC) - timedelta(minutes=5))
    assert scrape()["connector_clock_age_seconds"] > 60


def test_no_worker(scrape: Callable[[], dict[str, float]]) -> None:
    assert scrape()["connector_workers"] == 0


def test_redis_away(environment: Environment) -> None:
    app = build(replace(environment, redis=connect_redis("redis://127.0.0.1:1/0")))
    with serve(app) as base:
        found = _figures(Web(base, environment.engine).request("GET", "/metrics")[1])
    app.extensions["waker"].close()
    assert found["connector_redis_up"] == 0
    assert "connector_workers" not in found


def test_waiting_and_dead_rows(scrape: Callable[[], dict[str, float]], environment: Environment, toy_shop: Shop) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    for number in range(2):
        delivery = Delivery("order", Kind.ORDER, f"d{number}", "7")
        receive.receive(environment.engine, environment.seal, toy_shop, delivery, _ORDER, long_ago)
    with environment.engine.begin() as conn:
        conn.execute(update(tables.inbox).where(tables.inbox.c.dedup_key == "d0").values(state="dead"))
    found = scrape()
    assert found['connector_inbox_oldest_seconds{platform="toy"}'] > 300
    assert found['connector_inbox_rows{platform="toy",state="dead"}'] == 1


def test_a_paused_and_a_failing_shop(scrape: Callable[[], dict[str, float]], environment: Environment, toy_shop: Shop) -> None:
    until = datetime.now(UTC) + timedelta(minutes=2)
    with environment.engine.begin() as conn:
        conn.execute(update(tables.shops).values(state="paused", failures=12, paused_until=until))
    found, label = scrape(), f'{{platform="toy",shop="{toy_shop.id}"}}'
    assert found[f"connector_shop_paused{label}"] == 1
    assert found[f"connector_shop_failures{label}"] == 12
    assert 60 < found[f"connector_shop_rest_seconds{label}"] <= 120


def test_stock_that_drifted(scrape: Callable[[], dict[str, float]], environment: Environment) -> None:
    with environment.engine.begin() as conn:
        item = conn.execute(insert(tables.items).values(sku="PEN").returning(tables.items.c.id)).scalar_one()
        place = conn.execute(insert(tables.locations).values(code="q", name="Q").returning(tables.locations.c.id)).scalar_one()
        conn.execute(insert(tables.levels).values(item_id=item, location_id=place, on_hand=3))
    assert "connector_stock_drift_levels" not in scrape()
    verify.verify(environment.engine, datetime.now(UTC))
    assert scrape()["connector_stock_drift_levels"] == 1


def test_forged_and_slow_deliveries_are_counted(scrape: Callable[[], dict[str, float]], web: Web, toy_shop: Shop) -> None:
    def counted() -> tuple[float, float]:
        found = scrape()
        forged = found.get('connector_deliveries_total{outcome="forged",platform="toy"}', 0)
        return forged, found.get('connector_acknowledge_seconds_bucket{le="+Inf",platform="toy"}', 0)

    before = counted()
    web.post(f"/webhooks/toy/{toy_shop.key}", _ORDER, {})
    after = counted()
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
