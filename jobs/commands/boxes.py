"""`connector inbox …` and `connector outbox …`: what came in, what goes out, and doing it again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from types import ModuleType

import click
from sqlalchemy import Connection

from connector.db import inbox as inbox_rows
from connector.db import inbox_views, outbox_views
from connector.db import outbox as outbox_rows
from connector.domain.errors import NotFound
from connector.flow.wake import Wake
from jobs.commands.session import json_option, limit_option, session, shop_named, show_list, show_one, wake
from jobs.environment import now

_MOST_REPLAYED = 10_000


@click.group()
def inbox() -> None:
    """What came in: every delivery once, with how it ended."""


@inbox.command("list")
@click.option("--state", type=click.Choice(["waiting", "done", "ignored", "dead"]), default=None)
@click.option("--shop", default="", help="Only this shop (id or name).")
@click.option("--before", type=int, default=None, help="Continue with older ones than this id.")
@limit_option
@json_option
def list_inbox(state: str | None, shop: str, before: int | None, limit: int, as_json: bool) -> None:
    """Deliveries, the newest first."""
    with session() as env:
        shop_id = shop_named(env, shop) if shop else None
        with env.engine.connect() as conn:
            rows = inbox_views.list_inbox(conn, state=state or "", shop_id=shop_id, before=before, limit=limit)
        columns = ("id", "shop", "topic", "external_id", "state", "tries", "repeats", "received_at", "reason")
        show_list(rows, columns, as_json=as_json, empty="No delivery.")


@click.group()
def outbox() -> None:
    """What goes out: what the platforms were told, or are still to be told."""


@outbox.command("list")
@click.option("--state", type=click.Choice(["waiting", "delivered", "dead"]), default=None)
@click.option("--shop", default="", help="Only this shop (id or name).")
@click.option("--order", "order_id", type=int, default=None, help="Only this order.")
@click.option("--before", type=int, default=None, help="Continue with older ones than this id.")
@limit_option
@json_option
def list_outbox(state: str | None, shop: str, order_id: int | None, before: int | None, limit: int, as_json: bool) -> None:
    """Announcements, the newest first."""
    with session() as env:
        shop_id = shop_named(env, shop) if shop else None
        with env.engine.connect() as conn:
            rows = outbox_views.list_outbox(
                conn, state=state or "", shop_id=shop_id, order_id=order_id, before=before, limit=limit
            )
        columns = ("id", "shop", "number", "act", "state", "outcome", "tries", "due_at", "reason")
        show_list(rows, columns, as_json=as_json, empty="No announcement.")


Replay = Callable[[Connection, Collection[int], datetime], int]


def _replaying(group: click.Group, views: ModuleType, replay: Replay, task: str, help_: str) -> None:
    """`replay` is the same command for both boxes."""

    @group.command("replay", help=help_)
    @click.argument("ids", metavar="[ID]…", nargs=-1, type=int)
    @click.option("--dead", is_flag=True, help="All that were given up.")
    @json_option
    def command(ids: tuple[int, ...], dead: bool, as_json: bool) -> None:
        if bool(ids) is dead:
            raise click.UsageError("Give ids, or --dead.")
        with session() as env:
            with env.engine.begin() as conn:
                chosen = views.ids_in_state(conn, "dead", limit=_MOST_REPLAYED) if dead else list(ids)
                shops = views.shops_of(conn, chosen)
                replayed = replay(conn, chosen, now())
            if ids and not replayed:
                raise NotFound("None of these can be replayed.", f"`connector {group.name} list` shows ids and states.")
            wake(env, [Wake(task, shop_id) for shop_id in shops])
            show_one({"replayed": replayed}, as_json=as_json)


_replaying(
    inbox,
    inbox_views,
    inbox_rows.replay,
    "ingest",
    "Take deliveries in again. Safe at any time: only the difference to what stands here is written.",
)
_replaying(
    outbox,
    outbox_views,
    outbox_rows.replay,
    "deliver",
    "Tell the platform again what was given up. Safe: the platform's own state is read first.",
)

COMMANDS = (inbox, outbox)
