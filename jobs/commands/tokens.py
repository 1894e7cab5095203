"""`connector tokens …`: access for other systems."""

from __future__ import annotations

import click

from connector.db import access as rows
from connector.flow import access as story
from jobs.commands.session import json_option, session, show_list, show_one
from jobs.environment import now


@click.group()
def tokens() -> None:
    """Access to the API for other systems."""


@tokens.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(list(story.SCOPES)), help="What it may do.")
@json_option
def add(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a token. It is shown this once: keep it where secrets are kept.

    \b
    Example:
      connector tokens add till --scope stock:read --scope stock:write
    """
    with session() as env:
        show_one({"name": name, "token": story.add(env.engine, name, scopes, now())}, as_json=as_json)


@tokens.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every token, without its secret."""
    with session() as env, env.engine.connect() as conn:
        columns = ("id", "name", "scopes", "created_at", "last_used_at", "revoked_at")
        show_list(rows.list_tokens(conn), columns, as_json=as_json, empty="No token.")


@tokens.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End a token at once."""
    with session() as env:
        story.revoke(env.engine, name, now())
    click.echo(f"The token {name!r} no longer opens anything.")


COMMANDS = (tokens,)
