"""Running `connector` on the services of a test, with the toy platform registered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from connector.flow import ingest, receive
from connector.platform import Platform, Shop
from jobs.cli import main
from jobs.commands import shops as shop_commands
from jobs.environment import Environment
from platforms import registry
from tests.webhooks.toy import TOY

Run = Callable[..., Result]


@pytest.fixture
def run(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on the services of the test, with the toy platform registered."""
    known = dict(environment.platforms)

    def platforms(*_: object, **__: object) -> Mapping[str, Platform]:
        return known

    monkeypatch.setattr(registry, "platforms", platforms)
    monkeypatch.setitem(shop_commands.add.commands, "toy", shop_commands._adding(TOY))
    monkeypatch.setenv("DATABASE_URL", environment.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("REDIS_URL", environment.redis_url)
    monkeypatch.setenv("SEAL_KEYS", environment.settings.seal_keys.get_secret_value())
    monkeypatch.setenv("SECRET_KEY", "s" * 32)
    monkeypatch.setenv("PUBLIC_URL", "https://shop.example")

    def command(*words: object, **options: Any) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words], **options)

    yield command
    structlog.reset_defaults()


def as_json(result: Result) -> Any:
    """What a command that went well printed."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def stocked(run: Run, environment: Environment) -> None:
    """Two locations and an item: five in the shop, twenty in the depot."""
    for words in (
        ("locations", "add", "shop", "Our shop", "--priority", "1"),
        ("locations", "add", "depot", "Central depot", "--kind", "warehouse"),
        ("items", "add", "TEE", "T-shirt", "--barcode", "4006381333931"),
        ("stock", "receive", "shop", "TEE", "5", "--key", "r1"),
        ("stock", "count", "depot", "TEE", "20"),
    ):
        assert run(*words).exit_code == 0


def _take_in(environment: Environment, shop: Shop, **said: object) -> None:
    body = json.dumps({"id": 1, **said}).encode()
    at = datetime.now(UTC)
    receive.receive(environment.engine, environment.seal, shop, TOY.parse({}, body), body, at)
    ingest.drain(environment.engine, environment.seal, TOY, shop, at)


@pytest.fixture
def ordered(stocked: None, environment: Environment, toy_shop: Shop) -> dict[str, Any]:
    """An order of two T-shirts, taken in."""
    _take_in(environment, toy_shop, quantity=2)
    return {"shop": toy_shop}


def only_order(run: Run) -> dict[str, Any]:
    """The one order there is, as `orders show` has it."""
    (order,) = as_json(run("orders", "list", "--json"))
    shown: dict[str, Any] = as_json(run("orders", "show", order["id"], "--json"))
    return shown
