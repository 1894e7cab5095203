"""`connector backfill`, `reconcile` and `drift`: what they do, what they tell, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import func, select

from connector.db import inbox_views
from connector.db import shops as shop_rows
from connector.db.tables import orders
from connector.platform import Flaw, OrderPage, Platform, Refused, Shop
from jobs.commands import backfill as command
from jobs.environment import Environment
from tests.jobs.commanding import Run, as_json, run, stocked
from tests.webhooks.toy import TOY, order

__all__ = ["run", "stocked"]
SINCE = ("--since", "2026-01-01")
_PAGES = {
    "": OrderPage((order("1"), order("2")), next="second"),
    "second": OrderPage((order("3", quantity=2),), (("4", "a draft"),), (("5", "It has no date."),)),
}


@pytest.fixture(autouse=True)
def listing(environment: Environment) -> dict[str, Any]:
    """The toy shop has a past of two pages; what is put here takes the place of its answers."""
    changed: dict[str, Any] = {}

    def list_orders(shop: Shop, since: datetime, until: datetime, cursor: str) -> OrderPage:
        if "trouble" in changed:
            raise changed["trouble"]
        return _PAGES[cursor]

    flaws = changed.setdefault("flaws", [])
    toy = replace(
        TOY,
        list_orders=list_orders,
        count_orders=lambda shop, since, until: 5,
        flaws=lambda shop, url: tuple(flaws),
        fetch_order=lambda shop, order_id: order(order_id),
    )
    cast(dict[str, Platform], environment.platforms)["toy"] = toy
    return changed


def _held(environment: Environment) -> int:
    with environment.engine.connect() as conn:
        return int(conn.execute(select(func.count()).select_from(orders)).scalar_one())


@pytest.mark.usefixtures("stocked")
class TestBackfill:
    def test_it_ends_with_a_report_that_balances(self, run: Run, environment: Environment, toy_shop: Shop) -> None:
        result = run("backfill", "start", toy_shop.name, *SINCE, "--here")
        assert result.exit_code == 0, result.output
        told = [" ".join(line.split()) for line in result.stdout.splitlines()]
        assert told[0].endswith(f" of {toy_shop.name}: finished.")
        assert "stock: apply." in told[1]
        assert told[2:] == [
            "Read 5 in 2 pages; the platform counts 5. Our count and the platform's agree.",
            "new 3",
            "changed 0",
            "same 0",
            "skipped 1",
            "failed 1",
            "failed, 1 times: It has no date.",
            "skipped, 1 times: a draft",
        ]
        assert _held(environment) == 3

    def test_a_dry_run_writes_nothing_but_its_report(self, run: Run, environment: Environment, toy_shop: Shop) -> None:
        told = as_json(run("backfill", "start", toy_shop.name, *SINCE, "--here", "--dry-run", "--json"))
        assert (told["state"], told["dry_run"], told["read"], told["expected"], told["new"]) == ("finished", True, 5, 5, 3)
        assert told["misses"] == [
            {"external_id": "5", "kind": "failed", "reason": "It has no date."},
            {"external_id": "4", "kind": "skipped", "reason": "a draft"},
        ]
        assert "cursor" not in told
        assert _held(environment) == 0

    def test_pause_resume_cancel_and_list(self, run: Run, toy_shop: Shop) -> None:
        begun = as_json(run("backfill", "start", toy_shop.name, *SINCE, "--no-wait", "--json"))
        number = begun["id"]
        assert (begun["state"], begun["read"]) == ("running", 0)
        assert as_json(run("backfill", "pause", number, "--json"))["state"] == "paused"
        assert as_json(run("backfill", "show", number, "--wait", "--json"))["state"] == "paused"
        assert as_json(run("backfill", "resume", number, "--json"))["state"] == "running"
        assert as_json(run("backfill", "cancel", number, "--json"))["state"] == "cancelled"
        listed = as_json(run("backfill", "list", "--json"))
        assert [(one["id"], one["shop"], one["state"], one["stock"]) for one in listed] == [
            (number, toy_shop.name, "cancelled", "apply")
        ]
        assert "cancelled" in run("backfill", "list").stdout

    def test_nothing_yet_says_how_to_begin(self, run: Run) -> None:
        assert run("backfill", "list").stdout.strip() == "Nothing was brought in yet: `connector backfill SHOP --since …`."

    def test_a_second_one_beside_a_running_one_is_refused(self, run: Run, toy_shop: Shop) -> None:
        number = as_json(run("backfill", "start", toy_shop.name, *SINCE, "--no-wait", "--json"))["id"]
        refused = run("backfill", "start", toy_shop.name, *SINCE, "--no-wait")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert f"Backfill {number}" in refused.stderr
        assert "connector backfill" in refused.stderr

    def test_what_is_cancelled_cannot_go_on(self, run: Run, toy_shop: Shop) -> None:
        number = as_json(run("backfill", "start", toy_shop.name, *SINCE, "--no-wait", "--json"))["id"]
        run("backfill", "cancel", number)
        for wish, done in (("pause", "paused"), ("resume", "resumed")):
            refused = run("backfill", wish, number)
            assert refused.exit_code == 1
            assert f"Backfill {number} is cancelled and cannot be {done}. Start a new one." in " ".join(refused.stderr.split())

    @pytest.mark.parametrize("wish", ["pause", "resume", "cancel", "show"])
    def test_one_that_does_not_exist(self, run: Run, wish: str) -> None:
        refused = run("backfill", wish, 999)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "999" in refused.stderr

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            (("--since", "yesterday"), 2, "'yesterday' is no time"),
            (("--since", "2026-01-31T12:00"), 2, "is no time"),
            (("--since", "2026-02-01", "--until", "2026-01-01"), 1, "There is nothing between these two times."),
            (("--since", "2999-01-01"), 1, "There is nothing between these two times."),
            (("--since", "1980-01-01"), 1, "over 30 years ago"),
            ((*SINCE, "--stock", "double"), 2, "double"),
            ((), 2, "--since"),
        ],
    )
    def test_an_impossible_window_or_choice(self, run: Run, toy_shop: Shop, words: tuple[str, ...], code: int, said: str) -> None:
        refused = run("backfill", "start", toy_shop.name, *words)
        assert (refused.exit_code, refused.stdout) == (code, "")
        assert said in " ".join(refused.stderr.split())

    def test_a_shop_that_is_not_linked_any_more(self, run: Run, environment: Environment, toy_shop: Shop) -> None:
        with environment.engine.begin() as conn:
            shop_rows.uninstall(conn, toy_shop.id, "The merchant removed the app.")
        refused = run("backfill", "start", toy_shop.name, *SINCE)
        assert refused.exit_code == 1
        assert "is not linked any more. Link it again" in " ".join(refused.stderr.split())

    def test_a_shop_that_refuses_ends_it_with_the_reason(self, run: Run, toy_shop: Shop, listing: dict[str, Any]) -> None:
        listing["trouble"] = Refused("The shop lists no orders.", "Turn its API on.")
        told = run("backfill", "start", toy_shop.name, *SINCE, "--here")
        assert told.exit_code == 0
        assert "stopped" in told.stdout
        assert "The shop lists no orders. Turn its API on." in told.stdout
        del listing["trouble"]
        (stopped,) = as_json(run("backfill", "list", "--json"))
        assert as_json(run("backfill", "resume", stopped["id"], "--json"))["state"] == "running"

    def test_nobody_works_on_it(self, run: Run, toy_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "_IDLE_SECONDS", 0.0)
        refused = run("backfill", "start", toy_shop.name, *SINCE)
        assert refused.exit_code == 1
        assert "the clock does not run. Start `connector up`, or add --here." in " ".join(refused.stderr.split())

    def test_a_clock_that_beats_is_waited_for(
        self, run: Run, environment: Environment, toy_shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = []

        def clock(conn: object, name: str) -> datetime:
            looks.append(name)
            if len(looks) == 2:
                (running,) = as_json(run("backfill", "list", "--json"))
                run("backfill", "cancel", running["id"])
            assert len(looks) < 9
            return datetime.now(UTC) + timedelta(hours=1)

        monkeypatch.setattr(command, "_IDLE_SECONDS", -1.0)
        monkeypatch.setattr(command, "_LOOK_SECONDS", 0.01)
        monkeypatch.setattr(inbox_views, "heartbeat", clock)
        told = as_json(run("backfill", "start", toy_shop.name, *SINCE, "--json"))
        assert (told["state"], set(looks)) == ("cancelled", {"clock"})


@pytest.mark.usefixtures("stocked")
class TestReconcile:
    def test_a_dry_run_names_what_differs_and_mends_nothing(
        self, run: Run, environment: Environment, toy_shop: Shop, listing: dict[str, Any]
    ) -> None:
        listing["flaws"].append(Flaw("order", "disabled", "inactive"))
        told = as_json(run("reconcile", toy_shop.name, "--dry-run", "--minutes", "0", "--json"))
        assert [(one["kind"], one["subject"], one["repaired"]) for one in told["differences"]] == [
            ("missing", "1", False),
            ("missing", "2", False),
            ("missing", "3", False),
            ("unreadable", "5", False),
        ]
        assert told["subscriptions"] == [{"topic": "order", "problem": "disabled", "detail": "inactive", "repaired": False}]
        assert _held(environment) == 0
        states = {row["state"] for row in as_json(run("drift", "--json"))}
        assert states == {"open"}

    def test_repair_mends_and_the_second_finds_only_what_cannot_be_read(
        self, run: Run, environment: Environment, toy_shop: Shop
    ) -> None:
        first = run("reconcile", toy_shop.name, "--repair", "--minutes", "0")
        assert first.exit_code == 0
        assert "order 1: missing;" in first.stdout
        assert first.stdout.count("; repaired.") == 3
        assert "order 5: unreadable" in first.stdout
        assert _held(environment) == 3
        second = as_json(run("reconcile", toy_shop.name, "--minutes", "0", "--json"))
        assert [one["kind"] for one in second["differences"]] == ["unreadable"]
        repaired = as_json(run("drift", "--state", "repaired", "--json"))
        assert sorted(row["subject"] for row in repaired) == ["1", "2", "3"]

    def test_one_of_the_two_options(self, run: Run, toy_shop: Shop) -> None:
        refused = run("reconcile", toy_shop.name, "--dry-run", "--repair")
        assert refused.exit_code == 2
        assert "not both" in refused.stderr

    def test_nothing_differs(self, run: Run) -> None:
        assert run("drift").stdout.strip() == "Nothing differs, and nothing did."
        assert as_json(run("drift", "--state", "open", "--json")) == []


def test_when_to_commit_is_shown_and_changed(run: Run, toy_shop: Shop) -> None:
    shown = {row["name"]: row for row in as_json(run("shops", "settings", toy_shop.name, "--json"))}
    assert (shown["commit_when"]["value"], shown["commit_when"]["allowed"]) == ("placed", "one of placed, paid")
    assert "others can buy them" in shown["commit_when"]["meaning"]
    assert as_json(run("shops", "set", toy_shop.name, "commit_when=paid", "--json")) == {"commit_when": "paid"}
    refused = run("shops", "set", toy_shop.name, "commit_when=packed")
    assert (refused.exit_code, "one of placed, paid" in refused.stderr) == (1, True)
