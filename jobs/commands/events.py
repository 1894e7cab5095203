"""`connector endpoints …` and `connector events …`: a merchant's own systems, and what they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import click

from connector.db import event_views
from connector.db.event_views import Sought
from connector.domain.errors import NotFound
from connector.domain.events import TYPES
from connector.flow import events as story
from jobs.commands.session import json_option, limit_option, session, show_list, show_one, wake
from jobs.environment import Environment, now
from platforms import outgoing

_COLUMNS = ("id", "name", "url", "types", "state", "waiting", "dead", "last_told_at", "state_reason")
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]

types_option = click.option("--type", "types", multiple=True, type=click.Choice(list(TYPES)), help="What it is told of; all.")


@click.group()
def endpoints() -> None:
    """Addresses of your own systems that are told when something happens (docs/events.md)."""


@endpoints.command()
@click.argument("url")
@types_option
@click.option("--name", default="", help="What it is, for people.")
@json_option
def add(url: str, types: tuple[str, ...], name: str, as_json: bool) -> None:
    """Register an address. Its signing secret is shown this once.

    \b
    Example:
      connector endpoints add https://erp.example/hooks --type order.received --type stock.changed
    """
    with session() as env:
        made = story.add(env.engine, env.seal, url, types or tuple(TYPES), now(), check=_check(env), name=name, actor="cli")
        show_one(made, as_json=as_json)


@endpoints.command("list")
@json_option
def list_endpoints(as_json: bool) -> None:
    """Every endpoint and how it stands, without secrets."""
    with session() as env, env.engine.connect() as conn:
        show_list(event_views.list_endpoints(conn), _COLUMNS, as_json=as_json, empty="No endpoint.")


@endpoints.command()
@click.argument("endpoint", type=int)
@click.option("--url", default=None)
@types_option
@click.option("--name", default=None)
@json_option
def change(endpoint: int, url: str | None, types: tuple[str, ...], name: str | None, as_json: bool) -> None:
    """Change the address, the name or what it is told of."""
    with session() as env:
        changed = story.change(env.engine, endpoint, check=_check(env), url=url, types=types or None, name=name)
        show_one(changed, as_json=as_json)


@endpoints.command()
@click.argument("endpoint", type=int)
@json_option
def pause(endpoint: int, as_json: bool) -> None:
    """Send nothing for now. What happens meanwhile is kept."""
    with session() as env:
        show_one(story.pause(env.engine, endpoint, reason="Paused by an administrator."), as_json=as_json)


@endpoints.command()
@click.argument("endpoint", type=int)
@json_option
def resume(endpoint: int, as_json: bool) -> None:
    """Send again, beginning with what was kept."""
    with session() as env:
        resumed, wakes = story.resume(env.engine, endpoint)
        wake(env, wakes)
        show_one(resumed, as_json=as_json)


@endpoints.command()
@click.argument("endpoint", type=int)
@json_option
def rotate(endpoint: int, as_json: bool) -> None:
    """Make a new signing secret, shown this once. The old one signs beside it for 24 hours."""
    with session() as env:
        show_one({"id": endpoint, "secret": story.rotate(env.engine, env.seal, endpoint, now())}, as_json=as_json)


@endpoints.command()
@click.argument("endpoint", type=int)
@json_option
def test(endpoint: int, as_json: bool) -> None:
    """Send a message that says nothing happened; `connector events show` tells how it went."""
    with session() as env:
        message, wakes = story.send_test(env.engine, endpoint, now())
        wake(env, wakes)
        show_one({"message": message}, as_json=as_json)


@endpoints.command()
@click.argument("endpoint", type=int)
def remove(endpoint: int) -> None:
    """Send nothing any more; what still waits is given up."""
    with session() as env:
        story.remove(env.engine, env.seal, endpoint, now())
    click.echo(f"The endpoint {endpoint} is told nothing any more.")


@click.group()
def events() -> None:
    """Messages to your own systems: how each stands, and sending it again."""


_endpoint = click.option("--endpoint", type=int, default=None, help="Only this endpoint.")
_state = click.option("--state", type=click.Choice(["waiting", "delivered", "dead"]), default=None)


@events.command("list")
@_endpoint
@_state
@click.option("--type", "type_", type=click.Choice(list(TYPES)), default=None)
@click.option("--before", type=int, default=None, help="Continue with older ones than this id.")
@limit_option
@json_option
def list_events(
    endpoint: int | None, state: str | None, type_: str | None, before: int | None, limit: int, as_json: bool
) -> None:
    """Messages, the newest first."""
    sought = Sought(endpoint_id=endpoint, state=state or "", type=type_ or "", before=before, limit=limit)
    with session() as env, env.engine.connect() as conn:
        columns = ("id", "event_id", "endpoint", "type", "order_id", "state", "tries", "at", "due_at", "reason")
        show_list(event_views.list_sends(conn, sought), columns, as_json=as_json, empty="No message.")


@events.command()
@click.argument("message", type=int)
@json_option
def show(message: int, as_json: bool) -> None:
    """One message with what it says and every try."""
    with session() as env, env.engine.connect() as conn:
        found = event_views.list_sends(conn, Sought(ids=[message]))
        if not found:
            raise NotFound(f"There is no message {message}.", "`connector events list` shows them.")
        show_one({"message": found[0], "attempts": event_views.attempts_of(conn, message)}, as_json=as_json)


@events.command()
@click.argument("ids", metavar="[ID]…", nargs=-1, type=int)
@_endpoint
@_state
@click.option("--since", type=click.DateTime(_TIMES), default=None, help="What happened from then on (UTC).")
@click.option("--until", type=click.DateTime(_TIMES), default=None, help="What happened before then (UTC).")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@json_option
def replay(
    ids: tuple[int, ...],
    endpoint: int | None,
    state: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send messages again, by id, or all of an endpoint, a state or a time. The receiver knows them by their webhook-id.

    \b
    Examples:
      connector events replay 17 18
      connector events replay --endpoint 2 --state dead
      connector events replay --endpoint 2 --since 2026-11-20 --until 2026-11-21 --dry-run
    """
    sought = Sought(
        endpoint_id=endpoint, state=state or "", ids=ids, since=_utc(since), until=_utc(until), limit=story.MOST_REPLAYED
    )
    if sought == Sought(limit=story.MOST_REPLAYED):
        raise click.UsageError("Give ids, or --endpoint, --state, --since or --until.")
    with session() as env:
        done = story.replay(env.engine, sought, now(), dry_run=dry_run)
        wake(env, done.wakes)
        show_one({"would_replay" if dry_run else "replayed": done.messages}, as_json=as_json)


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _check(env: Environment) -> story.CheckAddress:
    return partial(outgoing.check_endpoint, env.http)


COMMANDS = (endpoints, events)
