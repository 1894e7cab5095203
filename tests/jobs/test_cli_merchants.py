"""`connector merchants`, and whose every other command is about."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from connector.db import merchants, walls
from jobs.environment import Environment
from tests.jobs.commanding import Run, as_json, run

__all__ = ["run"]


@pytest.fixture
def second(run: Run) -> int:
    """Another merchant beside the first."""
    return int(as_json(run("merchants", "add", "Quai Nord", "--json"))["id"])


def test_one_merchant_need_not_be_named(run: Run) -> None:
    assert as_json(run("locations", "list", "--json")) == []
    assert [one["name"] for one in as_json(run("merchants", "list", "--json"))] == ["main"]


def test_with_several_a_command_is_refused_until_one_is_named(run: Run, second: int) -> None:
    refused = run("locations", "list")
    assert refused.exit_code == 1
    assert "main, Quai Nord" in refused.output
    assert "connector --merchant NAME" in refused.output
    assert as_json(run("--merchant", "Quai Nord", "locations", "list", "--json")) == []


def test_an_unknown_merchant_is_refused_with_those_there_are(run: Run, second: int) -> None:
    refused = run("--merchant", "Quai Sud", "orders", "list")
    assert refused.exit_code == 1
    assert "main, Quai Nord" in refused.output


def test_a_merchant_in_the_environment_counts_as_named(run: Run, second: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_MERCHANT", "Quai Nord")
    assert run("locations", "add", "quay", "Quay").exit_code == 0
    assert run("--merchant", "main", "locations", "add", "quay", "Another quay").exit_code == 0
    (shown,) = as_json(run("locations", "list", "--json"))
    assert shown["name"] == "Quay"


def test_each_has_places_goods_and_stock_of_its_own(run: Run, second: int, environment: Environment) -> None:
    for name, units in (("main", 5), ("Quai Nord", 7)):
        for words in (
            ("locations", "add", "quay", name),
            ("items", "add", "TEE", name),
            ("stock", "receive", "quay", "TEE", units, "--key", "monday"),
        ):
            done = run("--merchant", name, *words)
            assert done.exit_code == 0, done.output
    for name, units in (("main", 5), ("Quai Nord", 7)):
        (place,) = as_json(run("--merchant", name, "locations", "list", "--json"))
        (item,) = as_json(run("--merchant", name, "items", "list", "--json"))
        assert (place["name"], item["title"], item["on_hand"]) == (name, name, units)
    with environment.engine.connect() as conn:
        assert merchants.ids(conn) == [merchants.FIRST, second]


def test_a_name_is_given_once_and_is_not_empty(run: Run, second: int) -> None:
    assert "already" in run("merchants", "add", "Quai Nord").output
    assert run("merchants", "add", " ").exit_code == 1


def test_a_merchant_is_called_otherwise_and_keeps_what_it_has(run: Run, second: int) -> None:
    run("--merchant", "main", "locations", "add", "quay", "Quay")
    assert run("merchants", "rename", "main", " Quai Sud ").exit_code == 0
    (place,) = as_json(run("--merchant", "Quai Sud", "locations", "list", "--json"))
    assert place["code"] == "quay"
    assert "no merchant 'main'" in run("merchants", "rename", "main", "Quai Est").output
    assert "already" in run("merchants", "rename", "Quai Sud", "Quai Nord").output
    assert run("merchants", "rename", "Quai Sud", "Quai Sud").exit_code == 0
    assert run("merchants", "rename", "Quai Sud", "\n").exit_code == 1
    assert [one["name"] for one in as_json(run("merchants", "list", "--json"))] == ["Quai Sud", "Quai Nord"]


def test_the_doctor_names_a_wall_that_is_missing_and_migrate_mends_it(run: Run, environment: Environment) -> None:
    def standing() -> bool:
        return bool(next(row["ok"] for row in json.loads(run("doctor", "--offline", "--json").stdout) if row["check"] == "walls"))

    assert standing()
    with environment.engine.begin() as conn:
        conn.execute(text(f"DROP POLICY {walls.POLICY} ON payments"))
    assert not standing()
    assert run("migrate").exit_code == 0
    assert standing()


def test_what_is_of_the_house_needs_no_merchant(run: Run, second: int) -> None:
    assert run("migrate").exit_code == 0
    assert "tables" in run("doctor", "--offline").output
