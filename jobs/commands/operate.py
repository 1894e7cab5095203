"""`connector up`, `migrate`, `new-key` and `doctor`: running the whole, and keeping it well."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet

from connector.db import migrate as schema
from jobs.commands import checks
from jobs.commands.session import house_session, json_option, show_list


@click.command()
@click.option("--sandbox", is_flag=True, help="Add three test shops, locations and stock, and let orders arrive.")
@click.option("--orders-per-minute", type=click.FloatRange(0, 6000), default=None, help="How many arrive in the test shops.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Where the pages are; PORT, or 8000.")
def up(sandbox: bool, orders_per_minute: float | None, port: int | None) -> None:
    """Run everything: web, workers and clock, and PostgreSQL and Redis where none are set. Ctrl-C stops it.

    \b
    Examples:
      connector up
      connector up --sandbox --orders-per-minute 30
    """
    from jobs.up import up as run  # imported late: other commands do not need the supervisor

    run(sandbox=sandbox, orders_per_minute=orders_per_minute, port=port)


@click.command()
def migrate() -> None:
    """Bring the database to the newest tables. Safe to repeat, and while others run it too."""
    with house_session() as env:
        schema.upgrade(env.engine)
    click.echo("The database has the newest tables.")


@click.command("new-key")
def new_key() -> None:
    """Print a fresh key for SEAL_KEYS. Put it in front; keep the old ones behind it, separated by commas."""
    click.echo(Fernet.generate_key().decode())


@click.command()
@click.option("--offline", is_flag=True, help="Do not call the shops.")
@json_option
@click.pass_context
def doctor(context: click.Context, offline: bool, as_json: bool) -> None:
    """Check everything and say what to do. Exit 1 where something is wrong."""
    with house_session() as env:
        findings = checks.examine(env, offline=offline)
    rows = [{"ok": finding.ok, "check": finding.check, "said": finding.said, "remedy": finding.remedy} for finding in findings]
    show_list(rows, ("ok", "check", "said", "remedy"), as_json=as_json, empty="")
    if not all(finding.ok for finding in findings):
        context.exit(1)


COMMANDS = (up, migrate, new_key, doctor)
