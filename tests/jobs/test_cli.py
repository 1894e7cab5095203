"""The `connector` command: exit codes, JSON shapes, and that no secret is ever shown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import update

from connector.db import tables
from connector.domain.fulfillment import Step
from connector.flow import fulfill as fulfilling
from connector.flow import ingest, receive
from connector.platform import Platform, Shop
from jobs import queue
from jobs.cli import main
from jobs.commands import shops as shop_commands
from jobs.environment import Environment
from platforms import registry
from tests.webhooks.toy import TOY, order

Run = Callable[..., Result]


@pytest.fixture
def run(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on the services of the test, with the toy platform registered."""
    known = dict(environment.platforms)

    def platforms(_: object) -> Mapping[str, Platform]:
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


def _json(result: Result) -> Any:
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


def _only_order(run: Run) -> dict[str, Any]:
    (order,) = _json(run("orders", "list", "--json"))
    shown: dict[str, Any] = _json(run("orders", "show", order["id"], "--json"))
    return shown


def test_an_order_as_json(run: Run, ordered: dict[str, Any]) -> None:
    order = _only_order(run)
    wanted = {"id", "shop", "platform", "external_id", "number", "placed_at", "delivery", "payment", "state", "customer"}
    assert wanted <= order.keys()
    assert (order["platform"], order["external_id"], order["number"]) == ("toy", "1", "#1")
    assert (order["delivery"], order["payment"], order["state"]) == ("delivery", "paid", "new")
    assert order["placed_at"].startswith("2026-11-20T12:00:00")
    (line,) = order["lines"]
    assert {name: line[name] for name in ("sku", "title", "quantity", "allocated", "backordered", "mapped")} == {
        "sku": "TEE",
        "title": "T-shirt",
        "quantity": 2,
        "allocated": 2,
        "backordered": 0,
        "mapped": True,
    }
    (part,) = order["fulfillment_orders"]
    assert (part["location"], part["state"], part["tracking"]) == ("shop", "new", "")
    assert part["reason"]
    assert [(entry["sku"], entry["quantity"]) for entry in part["lines"]] == [("TEE", 2)]


def test_stock_as_json(run: Run, ordered: dict[str, Any]) -> None:
    shown = _json(run("stock", "show", "TEE", "--json"))
    assert shown["sku"] == "TEE"
    wanted = ("location", "on_hand", "committed", "available")
    assert [{name: row[name] for name in wanted} for row in shown["locations"]] == [
        {"location": "shop", "on_hand": 5, "committed": 2, "available": 3},
        {"location": "depot", "on_hand": 20, "committed": 0, "available": 20},
    ]


def test_a_part_goes_its_way_and_the_parcel_is_shown(run: Run, ordered: dict[str, Any], environment: Environment) -> None:
    part = _only_order(run)["fulfillment_orders"][0]["id"]
    assert _json(run("fulfill", part, "pack", "--json"))["state"] == "packed"
    shipped = run(
        "fulfill", part, "ship", "--tracking", "1Z9", "--carrier", "UPS", "--tracking-url", "https://t.example/1Z9", "--json"
    )
    assert _json(shipped) == {"id": part, "state": "shipped", "order_state": "completed"}
    order = _json(run("orders", "list", "--history", "--json"))[0]
    shown = _json(run("orders", "show", order["id"], "--json"))["fulfillment_orders"][0]
    assert (shown["state"], shown["tracking"], shown["carrier"]) == ("shipped", "1Z9", "UPS")
    assert queue.queue(environment.redis, "deliver").count == 1
    announced = _json(run("outbox", "list", "--json"))
    assert {row["act"] for row in announced} >= {"shipped"}
    assert announced[0]["state"] == "waiting"


def test_what_the_rules_forbid_is_refused_with_its_remedy(run: Run, ordered: dict[str, Any]) -> None:
    part = _only_order(run)["fulfillment_orders"][0]["id"]
    refused = run("fulfill", part, "ship")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "packed" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unpaid_order_ships_after_its_payment_was_recorded(
    run: Run, ordered: dict[str, Any], environment: Environment
) -> None:
    with environment.engine.begin() as conn:
        conn.execute(update(tables.orders).values(outstanding_minor=3980, payment="unpaid"))
    order = _only_order(run)
    part = order["fulfillment_orders"][0]["id"]
    run("fulfill", part, "pack")
    refused = run("fulfill", part, "ship")
    assert refused.exit_code == 1
    assert "39.80 EUR" in refused.stderr
    some = _json(run("orders", "pay", order["id"], "--amount", "20.00", "--method", "cash", "--json"))
    assert (some["recorded"], some["owed_minor"]) == ("20.00 EUR", 1980)
    assert _json(run("orders", "pay", order["id"], "--json"))["owed_minor"] == 0
    assert run("fulfill", part, "ship").exit_code == 0


def test_shops_as_json(run: Run, toy_shop: Shop) -> None:
    (shop,) = _json(run("shops", "list", "--json"))
    assert {name: shop[name] for name in ("id", "platform", "name", "state", "webhook_url")} == {
        "id": toy_shop.id,
        "platform": "toy",
        "name": "Toy first",
        "state": "linked",
        "webhook_url": f"https://shop.example/webhooks/toy/{toy_shop.key}",
    }
    shown = _json(run("shops", "show", "Toy first", "--json"))
    assert shown["locations"] == [{"external_id": "here", "name": "Here", "location": ""}]


def test_adding_a_shop_shows_where_its_webhooks_go_and_no_secret(run: Run) -> None:
    added = run("shops", "add", "toy", "--domain", "new", "--secret", "hush-hush", "--name", "Corner")
    assert added.exit_code == 0
    assert "https://shop.example/webhooks/toy/" in added.stdout
    assert "Corner" in added.stdout
    everything = [run("shops", *words).output for words in (("list", "--json"), ("show", "Corner", "--json"), ("list",))]
    assert not any("hush-hush" in output for output in (*everything, added.output))


def test_secrets_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_TOY_SECRET", "hush-hush")
    added = _json(run("shops", "add", "toy", "--domain", "new", "--json"))
    assert (added["state"], added["external_id"]) == ("linked", "new")


def test_a_missing_option_is_wrong_usage(run: Run) -> None:
    missing = run("shops", "add", "toy", "--domain", "new")
    assert missing.exit_code == 2
    assert "--secret" in missing.stderr


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "bigcommerce"])
def test_every_platform_names_its_options(run: Run, platform: str) -> None:
    help_ = run("shops", "add", platform, "--help")
    assert help_.exit_code == 0
    for option in registry.platforms(None)[platform].credentials:  # type: ignore[arg-type]
        assert f"--{option.replace('_', '-')}" in help_.output


def test_a_location_is_linked(run: Run, stocked: None, toy_shop: Shop) -> None:
    linked = _json(run("locations", "link", toy_shop.id, "here", "depot", "--json"))
    assert linked == [{"external_id": "here", "name": "Here", "location": "depot"}]
    assert run("locations", "link", toy_shop.id, "here", "nowhere").exit_code == 1


def test_repeating_a_receipt_changes_nothing(run: Run, stocked: None) -> None:
    again = _json(run("stock", "receive", "shop", "TEE", "5", "--key", "r1", "--json"))
    assert (again["movements"], again["level"]["on_hand"]) == (0, 5)


def test_items_from_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text("sku,title,barcode\nA,First,1\nB,Sécond,\n", encoding="utf-8")
    assert _json(run("items", "add", "--csv", file, "--json")) == {"items": 2}
    assert [row["title"] for row in _json(run("items", "list", "--search", "ond", "--json"))] == ["Sécond"]


def test_the_inbox_is_listed_and_replayed(run: Run, ordered: dict[str, Any], environment: Environment) -> None:
    (row,) = _json(run("inbox", "list", "--json"))
    assert (row["state"], row["external_id"], row["platform"]) == ("done", "1", "toy")
    assert _json(run("inbox", "replay", row["id"], "--json")) == {"replayed": 1}
    assert _json(run("inbox", "list", "--state", "waiting", "--json"))[0]["id"] == row["id"]
    assert queue.queue(environment.redis, "ingest").count == 1
    before = _only_order(run)
    as_it_stands = replace(TOY, fetch_order=lambda shop, order_id: order(order_id, quantity=2))
    ingest.drain(environment.engine, environment.seal, as_it_stands, ordered["shop"], datetime.now(UTC))
    assert _only_order(run) == before
    assert run("inbox", "replay", 999_999).exit_code == 1
    assert run("inbox", "replay").exit_code == 2


def test_the_outbox_replays_what_was_given_up(run: Run, ordered: dict[str, Any], environment: Environment) -> None:
    part = _only_order(run)["fulfillment_orders"][0]["id"]
    fulfilling.move(environment.engine, part, Step.PACK, datetime.now(UTC), actor="test")
    with environment.engine.begin() as conn:
        conn.execute(update(tables.outbox).values(state="dead", reason="Refused."))
    dead = _json(run("outbox", "list", "--state", "dead", "--json"))
    assert _json(run("outbox", "replay", "--dead", "--json")) == {"replayed": len(dead)}
    assert _json(run("outbox", "list", "--state", "dead", "--json")) == []


def test_reconcile_reads_again(run: Run, toy_shop: Shop) -> None:
    assert _json(run("reconcile", toy_shop.id, "--json")) == {"shop": "Toy first", "to_be_read": 0}


def test_doctor_says_what_to_do(run: Run, toy_shop: Shop) -> None:
    result = run("doctor", "--json")
    assert result.exit_code == 1
    findings = {finding["check"]: finding for finding in json.loads(result.stdout)}
    assert findings["database"]["ok"]
    assert findings["tables"]["ok"]
    assert findings["redis"]["ok"]
    assert findings["call to Toy first"]["ok"]
    assert not findings["clock"]["ok"]
    assert "jobs.clock" in findings["clock"]["remedy"]
    assert not findings["locations"]["ok"]
    assert all(finding["ok"] or finding["remedy"] for finding in findings.values())


def test_migrate_may_be_repeated(run: Run) -> None:
    assert run("migrate").exit_code == 0
    assert run("migrate").exit_code == 0


def test_a_new_key_is_a_key(run: Run) -> None:
    Fernet(run("new-key").stdout.strip())


@pytest.mark.parametrize(
    "words",
    [
        ("orders", "show", "999"),
        ("stock", "show", "NO-SUCH"),
        ("fulfill", "999", "pack"),
        ("shops", "show", "nobody"),
        ("reconcile", "nobody"),
        ("orders", "pay", "999"),
        ("orders", "list", "--location", "nowhere"),
    ],
)
def test_what_does_not_exist_is_refused_with_exit_1(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.strip()


@pytest.mark.parametrize(
    "words",
    [("nonsense",), ("orders", "show"), ("orders", "show", "x"), ("fulfill", "1", "fly"), ("stock", "receive", "a", "b", "-1")],
)
def test_wrong_usage_is_exit_2(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_tracking_belongs_to_shipping(run: Run) -> None:
    assert run("fulfill", "1", "pack", "--tracking", "1Z9").exit_code == 2


def test_without_a_database_it_is_refused_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = run("orders", "list")
    assert result.exit_code == 1
    assert "PostgreSQL" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words", [("orders", "list"), ("shops", "list"), ("stock", "show", "TEE"), ("items", "list"), ("inbox", "list")]
)
def test_people_get_tables(run: Run, ordered: dict[str, Any], words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) >= 2


def test_an_order_in_words(run: Run, ordered: dict[str, Any]) -> None:
    shown = run("orders", "show", _only_order(run)["id"])
    assert shown.exit_code == 0
    assert "Our shop" in shown.stdout
    assert "2 × TEE" in shown.stdout


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*path, name))


def test_every_command_has_help(run: Run) -> None:
    paths = list(_commands(main))
    assert len(paths) > 25
    for path in paths:
        help_ = run(*path, "--help")
        assert help_.exit_code == 0, path
        assert len(help_.output.splitlines()) > 3, path


def test_it_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "jobs.cli", "new-key"], capture_output=True, timeout=60, check=True)
    assert len(done.stdout) > 40
