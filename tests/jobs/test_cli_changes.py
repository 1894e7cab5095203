"""The command line of changed orders: other ways for a part, tasks, bundles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.domain.orders import Lifecycle
from connector.flow.intake import Arrival, take_in
from jobs.environment import Environment
from jobs.environment import now as clock
from tests.jobs.commanding import Run, as_json, only_order, ordered, run, stocked
from tests.webhooks.toy import order

__all__ = ["ordered", "run", "stocked"]


def test_a_part_is_moved_split_rejected_and_packed_short(run: Run, ordered: dict[str, Any]) -> None:
    part = only_order(run)["fulfillment_orders"][0]["id"]
    moved = as_json(run("fulfill", part, "split", "--to", "depot", "--line", "TEE=1", "--json"))
    assert sorted((one["location"], one["units"]) for one in moved["fulfillment_orders"]) == [
        ("Central depot", 1),
        ("Our shop", 1),
    ]
    gone = as_json(run("fulfill", part, "reject", "--reason", "damaged", "--note", "water", "--json"))
    assert [(one["location"], one["units"]) for one in gone["fulfillment_orders"]] == [("Central depot", 2)]
    short = run("fulfill", gone["fulfillment_orders"][0]["id"], "short", "--line", "TEE=1")
    assert (short.exit_code, "1 unit waits as a backorder" in short.stdout) == (0, True)


def test_a_handover_is_taken_back(run: Run, ordered: dict[str, Any]) -> None:
    part = only_order(run)["fulfillment_orders"][0]["id"]
    run("fulfill", part, "pack")
    run("fulfill", part, "ship")
    assert as_json(run("fulfill", part, "unship", "--json"))["fulfillment_orders"][0]["state"] == "packed"


@pytest.mark.parametrize(
    "words",
    [
        ("move",),
        ("split", "--to", "depot"),
        ("pack", "--to", "depot"),
        ("short", "--reason", "damaged"),
        ("reject", "--line", "TEE"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(run: Run, ordered: dict[str, Any], words: tuple[str, ...]) -> None:
    part = only_order(run)["fulfillment_orders"][0]["id"]
    assert run("fulfill", part, *words).exit_code == 2


def test_tasks_are_listed_shown_and_decided(run: Run, ordered: dict[str, Any], environment: Environment) -> None:
    assert run("tasks", "list").stdout.strip() == "Nothing waits for a decision."
    part = only_order(run)["fulfillment_orders"][0]["id"]
    run("fulfill", part, "pack")
    run("fulfill", part, "ship")
    given = order("1", quantity=2)
    gone = replace(given, lifecycle=Lifecycle.CANCELLED, version=given.version.replace(hour=13))
    with environment.engine.begin() as conn:
        take_in(conn, environment.seal, ordered["shop"], [Arrival(gone, fetched=True)], clock())
    (task,) = as_json(run("tasks", "list", "--json"))
    assert task["question"] == "The order was cancelled, but 2 × TEE had left Our shop already."
    assert "came_back --at LOCATION" in run("tasks", "show", task["id"]).stdout
    refused = run("tasks", "decide", task["id"], "came_back")
    assert (refused.exit_code, "where are the goods now" in refused.stderr) == (1, True)
    decided = as_json(run("tasks", "decide", task["id"], "came_back", "--at", "depot", "--json"))
    assert decided["decision"] == "came_back"
    assert {row["location"]: row["on_hand"] for row in as_json(run("stock", "show", "TEE", "--json"))["locations"]} == {
        "shop": 3,
        "depot": 22,
    }
    assert as_json(run("tasks", "list", "--json")) == []
    assert [one["state"] for one in as_json(run("tasks", "list", "--all", "--json"))] == ["decided"]
    assert run("tasks", "show", 10**9).exit_code == 1


def test_a_bundle_is_made_and_unmade(run: Run, stocked: None) -> None:
    run("items", "add", "SET", "Two shirts")
    assert as_json(run("items", "bundle", "SET", "TEE=2", "--json"))["components"] == {"TEE": 2}
    assert run("items", "bundle", "SET", "GHOST=2").exit_code == 1
    assert run("items", "bundle", "SET", "TEE").exit_code == 2
    assert as_json(run("items", "bundle", "SET", "--json"))["components"] == {}
