"""`connector stock …` and `locations …`: facts, transfers, movements, and the proof."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from jobs.environment import Environment
from tests.jobs.commanding import Run, as_json, run, stocked

__all__ = ["run", "stocked"]


@pytest.mark.usefixtures("stocked")
def test_facts_are_written_once_and_listed_with_their_documents(run: Run) -> None:
    for _ in range(2):
        run("stock", "sell", "shop", "TEE", 2, "--key", "till-1", "--json")
    shown = as_json(run("stock", "write-off", "depot", "TEE", 1, "--note", "wet", "--json"))
    assert (shown["movements"], shown["level"]["on_hand"]) == (1, 19)
    moved = as_json(run("stock", "movements", "TEE", "--location", "shop", "--json"))
    assert [(row["reason"], row["on_hand"], row["document"], row["actor"]) for row in moved][:1] == [
        ("sale", -2, "till-1", "cli")
    ]
    assert as_json(run("stock", "holders", "TEE", "--json")) == []
    refused = run("stock", "sell", "shop", "TEE", 9)
    assert refused.exit_code == 1
    assert "Only 3 of TEE are on hand" in refused.stderr


@pytest.mark.usefixtures("stocked")
def test_a_transfer_is_on_the_way_until_it_arrives(run: Run) -> None:
    made = as_json(run("stock", "transfer", "depot", "shop", "TEE", 6, "--key", "van", "--json"))
    [way] = as_json(run("stock", "transfers", "--json"))
    assert (way["id"], way["quantity"], way["to_location"]) == (made["transfer"], 6, "shop")
    levels = as_json(run("stock", "show", "TEE", "--json"))["locations"]
    assert {row["location"]: (row["on_hand"], row["in_transit"]) for row in levels} == {"shop": (5, 6), "depot": (14, 0)}
    assert run("stock", "arrive", made["transfer"], "--sku", "TEE").exit_code == 2
    done = as_json(run("stock", "arrive", made["transfer"], "--sku", "TEE", "--quantity", 5, "--rest-lost", "--json"))
    assert (done["movements"], done["lost"]) == (1, 1)
    assert as_json(run("stock", "transfers", "--json")) == []
    [row] = as_json(run("stock", "transfers", "--all", "--json"))
    assert (row["arrived"], row["lost"]) == (5, 1)


@pytest.mark.usefixtures("stocked")
def test_the_proof_names_what_differs_and_mends_it_only_when_told(run: Run, environment: Environment) -> None:
    assert run("stock", "verify").output.strip() == "Everything adds up."
    with environment.engine.begin() as conn:
        conn.execute(text("UPDATE levels SET on_hand = on_hand + 1 WHERE on_hand = 5"))
    for words in ((), ("--repair", "--dry-run")):
        found = run("stock", "verify", *words)
        assert found.exit_code == 1
        assert "TEE" in found.output
        assert "1 difference. `connector stock verify --repair`" in found.output
    doctor = run("doctor", "--offline")
    assert "stock verify" in doctor.output
    assert "Mended" in run("stock", "verify", "--repair").output
    assert as_json(run("stock", "verify", "--json")) == {"differences": 0, "repaired": False, "found": []}
    assert run("stock", "verify", "--dry-run").exit_code == 2


@pytest.mark.usefixtures("stocked")
def test_a_location_closes_opens_and_lies_somewhere(run: Run) -> None:
    assert as_json(run("locations", "close", "shop", "--json")) == {"code": "shop", "enabled": False}
    run("locations", "add", "shop", "Our shop", "--country", "FR", "--postcode", "13002")
    run("locations", "add", "depot", "Central depot", "--at", "48.9,2.4")
    rows = {row["code"]: row for row in as_json(run("locations", "list", "--json"))}
    assert (rows["shop"]["enabled"], rows["shop"]["latitude"], rows["depot"]["longitude"]) == (False, 43.3, 2.4)
    assert as_json(run("locations", "open", "shop", "--json"))["enabled"]
    for wrong in (("--at", "here"), ("--at", "95,0"), ("--country", "XX")):
        assert run("locations", "add", "shop", "Our shop", *wrong).exit_code == 1
