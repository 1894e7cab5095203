"""`connector staff …`: who works at the desk, and what each may do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from connector.db import staff as rows
from connector.domain.staff import SHORTEST_PASSWORD, Role
from connector.flow import staff as story
from jobs.commands.session import json_option, session, show_list, show_one

_FROM_STDIN = click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")


@click.group()
def staff() -> None:
    """The people who work at the desk. While there is nobody, the desk is open to everyone on this machine."""


def _asked(password_stdin: bool) -> str:
    if password_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt(f"Password ({SHORTEST_PASSWORD} characters or more)", hide_input=True, confirmation_prompt=True))


@staff.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.PICKER.value, show_default=True)
@_FROM_STDIN
@json_option
def add(name: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Add NAME. The first person should be an owner: from then on everyone signs in.

    \b
    What each role may do, and all that stands before it:
      viewer     read orders and stock
      picker     pick, pack, hand over, record payments, print
      operator   inbox, outbox, replays, the team's views
      owner      staff and settings
    \b
    Example:
      connector staff add "Inès" --role owner
    """
    password = _asked(password_stdin)
    with session() as env:
        staff_id = story.add(env.engine, name, Role(role), password)
        show_one({"id": staff_id, "name": name, "role": role}, as_json=as_json)


@staff.command("list")
@json_option
def list_staff(as_json: bool) -> None:
    """Everyone, with their role."""
    with session() as env:
        with env.engine.connect() as conn:
            found = rows.members(conn)
        columns = ("id", "name", "role", "enabled", "created_at")
        show_list(found, columns, as_json=as_json, empty="Nobody yet: `connector staff add NAME --role owner`.")


@staff.command("password")
@click.argument("name")
@_FROM_STDIN
@json_option
def password(name: str, password_stdin: bool, as_json: bool) -> None:
    """Give NAME a new password; whoever is signed in under the name is signed out."""
    typed = _asked(password_stdin)
    with session() as env:
        story.set_password(env.engine, name, typed)
        show_one({"name": name, "password": "changed"}, as_json=as_json)


def _switch(word: str, enabled: bool, help_: str) -> Callable[..., Any]:
    @staff.command(word, help=help_)
    @click.argument("name")
    @json_option
    def command(name: str, as_json: bool) -> None:
        with session() as env:
            story.set_enabled(env.engine, name, enabled)
            show_one({"name": name, "enabled": enabled}, as_json=as_json)

    return command


_switch("disable", False, "Let NAME in no longer; what they did stays in the record.")
_switch("enable", True, "Let NAME in again.")

COMMANDS = (staff,)
