"""`connector backfill`: bringing in a shop's past, and watching it being brought in."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from datetime import time as clock_time
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from connector.db import backfills, inbox_views
from connector.domain.backfill import StockPolicy
from connector.domain.errors import ConnectorError
from connector.flow import backfill as story
from connector.flow import shops
from connector.flow.backfill_report import Report, report, reports, seconds
from connector.flow.wake import Wake
from connector.platform import Shop
from jobs.commands.session import (
    json_option,
    limit_option,
    plain,
    platform_of,
    session,
    shop_named,
    show_json,
    show_list,
    wake,
)
from jobs.environment import Environment, now

_LOOK_SECONDS = 0.5
_IDLE_SECONDS = 15.0
_SHOWN_MISSES = 200
_LISTED = ("id", "shop", "state", "since", "until", "stock", "read", "expected", "new", "changed", "same", "skipped", "failed")
_WINDOW_HELP = "A day (2026-01-31, midnight UTC) or a time with its offset (2026-01-31T12:00+01:00)."


class Moment(click.ParamType[datetime]):
    """A day or an aware time, as aware UTC."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """A wrong one is a usage error."""
        try:
            return _moment(str(value))
        except ValueError:
            self.fail(f"{str(value)[:40]!r} is no time. {_WINDOW_HELP}", param, ctx)


def _moment(text: str) -> datetime:
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), clock_time(), UTC)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)


class StartsByDefault(click.Group):
    """`connector backfill SHOP …` is `connector backfill start SHOP …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the missing word in."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args.insert(0, "start")
        return super().parse_args(ctx, args)


@click.group(cls=StartsByDefault, name="backfill")
def backfill() -> None:
    """Bring in a SHOP's past orders, and watch, pause, resume or cancel that.

    \b
    Examples:
      connector backfill 1 --since 2026-01-01              all orders placed since then
      connector backfill 1 --since 2026-01-01 --dry-run    only say what would come
      connector backfill list
      connector backfill pause 3

    Orders that are completed or cancelled already take no stock: they are kept as a record. So are all orders with
    `--stock skip`. Deliveries that arrive meanwhile are served first. Running it again changes nothing.
    """


@backfill.command()
@click.argument("shop")
@click.option("--since", type=Moment(), required=True, help=f"Orders placed at or after this. {_WINDOW_HELP}")
@click.option("--until", type=Moment(), default=None, help="Orders placed before this; now, if it is not given.")
@click.option("--dry-run", is_flag=True, help="Read and compare everything, write nothing but the report.")
@click.option(
    "--stock",
    type=click.Choice(["apply", "skip"]),
    default="apply",
    show_default=True,
    help="apply: open orders are planned and take stock. skip: every order is only a record; nothing is planned for it.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait for the end; `connector backfill show` says how far it is.")
@click.option("--here", is_flag=True, help="Do the work in this process instead of the workers'.")
@json_option
def start(
    shop: str, since: datetime, until: datetime | None, dry_run: bool, stock: str, no_wait: bool, here: bool, as_json: bool
) -> None:
    """Begin, and show the progress until the end. Ctrl-C leaves it running."""
    with session() as env:
        known = shops.by_id(env.engine, env.seal, shop_named(env, shop))
        begun = story.start(env.engine, known, since, until, now(), stock=StockPolicy(stock), dry_run=dry_run)
        wake(env, [] if here else [Wake("backfill", known.id)])
        if not no_wait:
            _follow(env, begun.id, known if here else None)
        _tell(env, begun.id, as_json=as_json)


@backfill.command("list")
@limit_option
@json_option
def listed(limit: int, as_json: bool) -> None:
    """The newest backfills."""
    with session() as env, env.engine.connect() as conn:
        rows = [_flat(one) for one in reports(conn, limit=limit)]
    show_list(rows, _LISTED, as_json=as_json, empty="Nothing was brought in yet: `connector backfill SHOP --since …`.")


@backfill.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--wait", is_flag=True, help="Show the progress until the end.")
@json_option
def show(number: int, wait: bool, as_json: bool) -> None:
    """How far a backfill is, or its closing report."""
    with session() as env:
        if wait:
            _follow(env, number, None)
        _tell(env, number, as_json=as_json)


def _steering(wish: str, help_text: str) -> click.Command:
    @click.argument("number", metavar="ID", type=int)
    @json_option
    def steer(number: int, as_json: bool) -> None:
        with session() as env:
            changed = story.steer(env.engine, number, wish, now())
            wake(env, [Wake("backfill", changed.shop_id)] if wish == "resume" else [])
            _tell(env, number, as_json=as_json)

    return click.command(wish, help=help_text)(steer)


backfill.add_command(_steering("pause", "Stop after the page being read; `resume` goes on there."))
backfill.add_command(_steering("resume", "Go on behind the last page that was written."))
backfill.add_command(_steering("cancel", "End it. What was taken in stays."))


# --- waiting ---------------------------------------------------------------------------------------------------------


def _follow(env: Environment, number: int, here: Shop | None) -> None:
    """Show the progress until nothing more happens by itself; `here` does the work as well."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("reading", total=None, pace="")
        try:
            for state in _states(env, number, here):
                _draw(bar, task, state)
        except KeyboardInterrupt:
            click.echo(f"It goes on in the background: `connector backfill show {number} --wait`.", err=True)


def _states(env: Environment, number: int, here: Shop | None) -> Iterator[Report]:
    idle_since = time.monotonic()
    last = -1
    while True:
        state = _read(env, number)
        yield state
        if state.ended or state.backfill.state == "paused":
            return
        if state.backfill.pages != last:
            idle_since, last = time.monotonic(), state.backfill.pages
        if here is not None:
            more = story.step(env.engine, env.seal, platform_of(env, here), here, now, env.settings.patience).more
            time.sleep(0 if more else _LOOK_SECONDS)
            continue
        if time.monotonic() - idle_since > _IDLE_SECONDS and not _clock_runs(env):
            raise ConnectorError("Nobody is working on it: the clock does not run.", "Start `connector up`, or add --here.")
        time.sleep(_LOOK_SECONDS)


def _read(env: Environment, number: int) -> Report:
    with env.engine.connect() as conn:
        return report(conn, number)


def _clock_runs(env: Environment) -> bool:
    with env.engine.connect() as conn:
        beat = inbox_views.heartbeat(conn, "clock")
    return beat is not None and (now() - beat).total_seconds() < _IDLE_SECONDS


def _draw(bar: Progress, task: TaskID, state: Report) -> None:
    found, how_far = state.backfill, state.progress
    left = "" if how_far.left_seconds is None else f" · {_duration(how_far.left_seconds)} left"
    pace = f"{how_far.per_second:.0f}/s{left}" if how_far.per_second else found.reason
    bar.update(task, completed=found.read, total=found.expected, description=f"{state.shop}: {found.state}", pace=pace)


def _duration(left_seconds: float) -> str:
    minutes, rest = divmod(round(left_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


# --- telling ---------------------------------------------------------------------------------------------------------


def _tell(env: Environment, number: int, *, as_json: bool) -> None:
    state = _read(env, number)
    if as_json:
        with env.engine.connect() as conn:
            misses = backfills.misses(conn, number, limit=_SHOWN_MISSES)
        show_json({**_flat(state), "misses": plain(misses)})
        return
    for line in _words(state):
        click.echo(line)


def _flat(state: Report) -> dict[str, Any]:
    """The report as one object; `cursor` is a word of the platform's and stays inside."""
    found = plain(state.backfill)
    found.pop("cursor")
    rate = {"per_second": round(state.progress.per_second, 2), "left_seconds": state.progress.left_seconds}
    share = {"share": state.progress.share, "seconds": round(seconds(state.backfill, now()), 1)}
    return {**found, "shop": state.shop, **rate, **share, "balance": state.balance, "reasons": plain(list(state.reasons))}


def _words(state: Report) -> Iterator[str]:
    found = state.backfill
    trial = " (dry run: nothing was written)" if found.dry_run else ""
    yield f"Backfill {found.id} of {state.shop}: {found.state}{trial}."
    yield f"Orders placed from {_day(found.since)} to {_day(found.until)}; stock: {found.stock}."
    if found.reason:
        yield found.reason
    counted = "keeps no count" if found.expected is None else f"counts {found.expected}"
    yield f"Read {found.read} in {found.pages} pages; the platform {counted}. {state.balance}".rstrip()
    for name in ("new", "changed", "same", "skipped", "failed"):
        yield f"  {name:<9}{getattr(found, name):>8}"
    for one in state.reasons:
        yield f"  {one.kind}, {one.orders} times: {one.reason}"


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


COMMANDS = (backfill,)
