"""`connector merchants …`: the merchants who share this installation."""

from __future__ import annotations

import click

from connector.db import merchants as rows
from connector.flow import merchants as story
from jobs.commands.session import house_session, json_option, show_list, show_one
from jobs.environment import now


@click.group()
def merchants() -> None:
    """Merchants who share this installation. Each has shops, places, goods, orders and staff of its own, and sees no other's.

    With one merchant nothing needs to be said. With several, every other command is told whose it is about:

    \b
      connector --merchant "Quai Nord" orders list
    """


@merchants.command()
@click.argument("name")
@json_option
def add(name: str, as_json: bool) -> None:
    """Add a merchant. The next step is its first owner, who then signs in at the desk.

    \b
    Example:
      connector merchants add "Quai Nord"
      connector --merchant "Quai Nord" staff add "Inès" --role owner
    """
    with house_session() as env:
        show_one({"id": story.add(env.engine, name, now()), "name": name.strip()}, as_json=as_json)


@merchants.command()
@click.argument("name")
@click.argument("new_name")
@json_option
def rename(name: str, new_name: str, as_json: bool) -> None:
    """Call a merchant NEW_NAME from now on; nothing else changes.

    \b
    Example:
      connector merchants rename main "Quai Sud"
    """
    with house_session() as env:
        story.rename(env.engine, name, new_name)
        show_one({"name": new_name.strip()}, as_json=as_json)


@merchants.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every merchant."""
    with house_session() as env, env.engine.connect() as conn:
        show_list(rows.everyone(conn), ("id", "name", "created_at"), as_json=as_json, empty="")


COMMANDS = (merchants,)
