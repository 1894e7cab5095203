"""`connector keys …`: which key seals what, and sealing everything with a new one."""

from __future__ import annotations

import sys
from typing import Any

import click

from connector.db.sealed import key_name
from connector.flow import keys as story
from connector.flow.keys import Sealed
from jobs.commands.session import house_session, json_option, show_list
from jobs.environment import Environment


@click.group()
def keys() -> None:
    """The keys that personal data and secrets are sealed with.

    \b
    A change of key, with no moment in which anything is unreadable:
      connector new-key                          a fresh one; set SEAL_KEYS=NEW,OLD everywhere, and restart
      connector keys rotate --dry-run            what would be sealed again
      connector keys rotate                      do it; may be stopped and begun again
      connector keys list                        nothing is left on the old one: set SEAL_KEYS=NEW, and restart
    """


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """How many rows each key of SEAL_KEYS seals, the newest key first. Keys are named by their fingerprints."""
    with house_session() as env:
        found = _walked(env, dry_run=True, quiet=as_json)
        rows = [
            {"key": key_name(key), "newest": number == 0, "rows": sum(one.by_key[number] for one in found)}
            for number, key in enumerate(env.settings.fernet_keys)
        ]
    show_list(rows, ("key", "newest", "rows"), as_json=as_json, empty="There is no key.")
    story.refuse_unreadable(found)


@keys.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be sealed again.")
@json_option
def rotate(dry_run: bool, as_json: bool) -> None:
    """Seal everything with the first key of SEAL_KEYS. The others go on opening; nothing has to be stopped for it."""
    with house_session() as env:
        found = _walked(env, dry_run=dry_run, quiet=as_json)
        rows = [_shown(one) for one in found]
    show_list(rows, ("column", "rows", "older", "again", "unreadable"), as_json=as_json, empty="Nothing is sealed.")
    story.refuse_unreadable(found)
    if not as_json:
        click.echo("Nothing was changed." if dry_run else "Everything is sealed with the newest key.")


def _shown(one: Sealed) -> dict[str, Any]:
    older = sum(rows for key, rows in one.by_key.items() if key)
    return {"column": one.place, "rows": one.rows, "older": older, "again": one.again, "unreadable": len(one.unreadable)}


def _walked(env: Environment, *, dry_run: bool, quiet: bool) -> list[Sealed]:
    """The walk over all rows, with a bar for people."""
    if quiet:
        return story.rotate(env.engine, env.seal, dry_run=dry_run)
    with click.progressbar(length=story.total(env.engine), label="sealed rows", file=sys.stderr) as bar:
        return story.rotate(env.engine, env.seal, dry_run=dry_run, told=lambda place, rows: bar.update(rows))


COMMANDS = (keys,)
