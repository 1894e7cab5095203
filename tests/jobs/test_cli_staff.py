"""`connector staff …` on a real database."""

from __future__ import annotations

import pytest

from tests.jobs.commanding import Run, as_json, run

__all__ = ["run"]

PASSWORD = "correct horse battery\n"


def test_add_list_disable_and_change_the_password(run: Run) -> None:
    assert "Nobody yet" in run("staff", "list").output
    added = as_json(run("staff", "add", "Inès", "--role", "owner", "--password-stdin", "--json", input=PASSWORD))
    assert (added["name"], added["role"]) == ("Inès", "owner")
    run("staff", "add", "Paul", "--password-stdin", input=PASSWORD)
    assert as_json(run("staff", "password", "paul", "--password-stdin", "--json", input=PASSWORD))["password"] == "changed"
    assert as_json(run("staff", "disable", "Paul", "--json")) == {"name": "Paul", "enabled": False}
    found = as_json(run("staff", "list", "--json"))
    assert [(one["name"], one["role"], one["enabled"]) for one in found] == [("Inès", "owner", True), ("Paul", "picker", False)]
    assert "password" not in str(found)


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "Inès"), "short\n", "10 to 200 characters"),
        (("disable", "Nobody"), "", "`connector staff list`"),
        (("password", "Nobody"), PASSWORD, "`connector staff list`"),
    ],
)
def test_what_is_refused_says_what_to_do(run: Run, words: tuple[str, ...], typed: str, said: str) -> None:
    more = ("--password-stdin",) if typed else ()
    result = run("staff", *words, *more, input=typed)
    assert result.exit_code == 1
    assert said in result.output
