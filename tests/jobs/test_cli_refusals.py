"""The `connector` command where it says no, and what it says to people."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.cli import main
from tests.jobs.commanding import Run, only_order, ordered, run, stocked

__all__ = ["ordered", "run", "stocked"]


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
    shown = run("orders", "show", only_order(run)["id"])
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
