"""The `connector` command: exit codes, JSON shapes, and that no secret is ever shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import update

from connector.db import tables
from connector.domain.fulfillment import Step
from connector.flow import fulfill as fulfilling
from connector.flow import ingest
from connector.platform import Shop
from jobs import queue
from jobs.environment import Environment
from platforms import registry
from tests.jobs.commanding import Run, as_json, only_order, ordered, run, stocked
from tests.webhooks.toy import TOY, order

__all__ = ["ordered", "run", "stocked"]


def test_an_order_asas_json(run: Run, ordered: dict[str, Any]) -> None:
    order = only_order(run)
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


def test_stock_asas_json(run: Run, ordered: dict[str, Any]) -> None:
    shown = as_json(run("stock", "show", "TEE", "--json"))
    assert shown["sku"] == "TEE"
    wanted = ("location", "on_hand", "committed", "available")
    assert [{name: row[name] for name in wanted} for row in shown["locations"]] == [
        {"location": "shop", "on_hand": 5, "committed": 2, "available": 3},
        {"location": "depot", "on_hand": 20, "committed": 0, "available": 20},
    ]


def test_a_part_goes_its_way_and_the_parcel_is_shown(run: Run, ordered: dict[str, Any], environment: Environment) -> None:
    part = only_order(run)["fulfillment_orders"][0]["id"]
    assert as_json(run("fulfill", part, "pack", "--json"))["state"] == "packed"
    shipped = run(
        "fulfill", part, "ship", "--tracking", "1Z9", "--carrier", "UPS", "--tracking-url", "https://t.example/1Z9", "--json"
    )
    assert as_json(shipped) == {"id": part, "state": "shipped", "order_state": "completed"}
    order = as_json(run("orders", "list", "--history", "--json"))[0]
    shown = as_json(run("orders", "show", order["id"], "--json"))["fulfillment_orders"][0]
    assert (shown["state"], shown["tracking"], shown["carrier"]) == ("shipped", "1Z9", "UPS")
    assert queue.queue(environment.redis, "deliver").count == 1
    announced = as_json(run("outbox", "list", "--json"))
    assert {row["act"] for row in announced} >= {"shipped"}
    assert announced[0]["state"] == "waiting"


def test_what_the_rules_forbid_is_refused_with_its_remedy(run: Run, ordered: dict[str, Any]) -> None:
    part = only_order(run)["fulfillment_orders"][0]["id"]
    refused = run("fulfill", part, "ship")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "packed" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unpaid_order_ships_after_its_payment_was_recorded(
    run: Run, ordered: dict[str, Any], environment: Environment
) -> None:
    with environment.engine.begin() as conn:
        conn.execute(update(tables.orders).values(outstanding_minor=3980, payment="unpaid"))
    order = only_order(run)
    part = order["fulfillment_orders"][0]["id"]
    run("fulfill", part, "pack")
    refused = run("fulfill", part, "ship")
    assert refused.exit_code == 1
    assert "39.80 EUR" in refused.stderr
    some = as_json(run("orders", "pay", order["id"], "--amount", "20.00", "--method", "cash", "--json"))
    assert (some["recorded"], some["owed_minor"]) == ("20.00 EUR", 1980)
    assert as_json(run("orders", "pay", order["id"], "--json"))["owed_minor"] == 0
    assert run("fulfill", part, "ship").exit_code == 0


def test_shops_asas_json(run: Run, toy_shop: Shop) -> None:
    (shop,) = as_json(run("shops", "list", "--json"))
    assert {name: shop[name] for name in ("id", "platform", "name", "state", "webhook_url")} == {
        "id": toy_shop.id,
        "platform": "toy",
        "name": "Toy first",
        "state": "linked",
        "webhook_url": f"https://shop.example/webhooks/toy/{toy_shop.key}",
    }
    shown = as_json(run("shops", "show", "Toy first", "--json"))
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
    added = as_json(run("shops", "add", "toy", "--domain", "new", "--json"))
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
    linked = as_json(run("locations", "link", toy_shop.id, "here", "depot", "--json"))
    assert linked == [{"external_id": "here", "name": "Here", "location": "depot"}]
    assert run("locations", "link", toy_shop.id, "here", "nowhere").exit_code == 1


def test_repeating_a_receipt_changes_nothing(run: Run, stocked: None) -> None:
    again = as_json(run("stock", "receive", "shop", "TEE", "5", "--key", "r1", "--json"))
    assert (again["movements"], again["level"]["on_hand"]) == (0, 5)


def test_items_from_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text("sku,title,barcode\nA,First,1\nB,Sécond,\n", encoding="utf-8")
    assert as_json(run("items", "add", "--csv", file, "--json")) == {"items": 2}
    assert [row["title"] for row in as_json(run("items", "list", "--search", "ond", "--json"))] == ["Sécond"]


def test_the_inbox_is_listed_and_replayed(run: Run, ordered: dict[str, Any], environment: Environment) -> None:
    (row,) = as_json(run("inbox", "list", "--json"))
    assert (row["state"], row["external_id"], row["platform"]) == ("done", "1", "toy")
    assert as_json(run("inbox", "replay", row["id"], "--json")) == {"replayed": 1}
    assert as_json(run("inbox", "list", "--state", "waiting", "--json"))[0]["id"] == row["id"]
    assert queue.queue(environment.redis, "ingest").count == 1
    before = only_order(run)
    as_it_stands = replace(TOY, fetch_order=lambda shop, order_id: order(order_id, quantity=2))
    ingest.drain(environment.engine, environment.seal, as_it_stands, ordered["shop"], datetime.now(UTC))
    assert only_order(run) == before
    assert run("inbox", "replay", 999_999).exit_code == 1
    assert run("inbox", "replay").exit_code == 2


def test_the_outbox_replays_what_was_given_up(run: Run, ordered: dict[str, Any], environment: Environment) -> None:
    part = only_order(run)["fulfillment_orders"][0]["id"]
    fulfilling.move(environment.engine, part, Step.PACK, datetime.now(UTC), actor="test")
    with environment.engine.begin() as conn:
        conn.execute(update(tables.outbox).values(state="dead", reason="Refused."))
    dead = as_json(run("outbox", "list", "--state", "dead", "--json"))
    assert as_json(run("outbox", "replay", "--dead", "--json")) == {"replayed": len(dead)}
    assert as_json(run("outbox", "list", "--state", "dead", "--json")) == []


def test_reconcile_reads_again(run: Run, toy_shop: Shop) -> None:
    told = as_json(run("reconcile", toy_shop.id, "--json"))
    assert (told["shop"], told["to_be_read"], told["differences"], told["subscriptions"]) == ("Toy first", 0, [], [])


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
