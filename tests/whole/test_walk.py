"""Everything an order can go through, on each of the three platforms, by command: the table of kinds is the test.

The platform's side is moved by the sandbox's control API, the connector's by its command line, all in one running whole.
After every kind `connector stock verify` is clean, and on hand and committed have moved by exactly what the table says.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.whole.conftest import Whole, wait_until
from tests.whole.kinds import FAMILIES
from tests.whole.walking import CHART, CLOTH, MUG, PLATFORMS, SOAP, TRUNK, walk


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_changes_on_every_platform(whole: Whole, family: str) -> None:
    walk(whole, FAMILIES[family])


def test_all_deliveries_again_change_nothing(whole: Whole) -> None:
    wait_until(lambda: not whole.ask("outbox", "list", "--state", "waiting"))
    before = _books(whole)
    for ids in _hundreds([str(row["id"]) for row in whole.ask("inbox", "list", "--limit", "5000")]):
        whole.run("inbox", "replay", *ids)
    wait_until(lambda: not whole.ask("inbox", "list", "--state", "waiting"))
    assert _books(whole) == before
    assert "Everything adds up." in whole.run("stock", "verify")
    assert [row for row in whole.ask("outbox", "list", "--limit", "2000") if row["state"] == "dead"] == []
    assert whole.ask("inbox", "list", "--state", "dead") == []


def _hundreds(ids: list[str]) -> list[list[str]]:
    return [ids[first : first + 100] for first in range(0, len(ids), 100)]


def _books(whole: Whole) -> dict[str, Any]:
    """Every movement of the articles walked with, every part, every question."""
    orders = whole.ask("orders", "list", "--history", "--limit", "2000")
    return {
        "movements": {sku: whole.ask("stock", "movements", sku, "--limit", "5000") for sku in (MUG, CLOTH, SOAP, CHART, TRUNK)},
        "orders": sorted((order["id"], order["state"], tuple(order["parts"])) for order in orders),
        "tasks": [(task["id"], task["state"]) for task in whole.ask("tasks", "list", "--all", "--limit", "1000")],
    }


def test_every_kind_has_a_name_of_its_own() -> None:
    kinds = [kind for family in FAMILIES.values() for kind in family]
    assert all(set(kind.cannot) | set(kind.on) <= set(PLATFORMS) for kind in kinds)
    assert len({kind.name for kind in kinds}) == len(kinds) >= 40
