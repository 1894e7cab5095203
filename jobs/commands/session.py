"""What every command stands on: the opened services, and answers for people or for programs."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
import structlog
from rich.console import Console
from rich.table import Table

from config import embedded, settings
from connector.db import merchants, shop_views
from connector.domain.errors import NotFound, Rejected
from connector.flow.wake import Wake
from connector.platform import Shop
from jobs import queue
from jobs.environment import Environment, opened

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")


@contextmanager
def session() -> Iterator[Environment]:
    """The services for one command, for the merchant it is about: the one named by `connector --merchant`, or the only one.

    Rejected where there are several and none is named.
    """
    with house_session() as environment:
        yield environment.of(_merchant(environment))


@contextmanager
def house_session() -> Iterator[Environment]:
    """The services for a command of the house, which sees all merchants; embedded ones are started where they do not run."""
    _log_to_stderr()
    chosen = embedded.as_running(settings.load())
    with opened(chosen, name="command", pool_size=2, start=True) as environment:
        yield environment


def _merchant(environment: Environment) -> int:
    named = click.get_current_context().find_root().params.get("merchant")
    with environment.engine.connect() as conn:
        known = {one.name: one.id for one in merchants.everyone(conn)}
    if named is None and len(known) == 1:
        return next(iter(known.values()))
    names = ", ".join(known)
    if named is None:
        raise Rejected(f"There are several merchants: {names}.", "Say which: `connector --merchant NAME …`.")
    if named not in known:
        raise NotFound(f"There is no merchant {named!r}; there are {names}.", "`connector merchants list` shows them.")
    return known[named]


def _log_to_stderr() -> None:
    """Standard output belongs to the answer."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def wake(environment: Environment, wakes: Iterable[Wake]) -> None:
    """Ring for what a command left to do; where Redis is away, the clock finds it."""
    waker = queue.Waker(environment.redis)
    waker.wake(*wakes)
    waker.close()


def shop_named(environment: Environment, named: str) -> int:
    """The id of the shop a person means."""
    with environment.engine.connect() as conn:
        return shop_views.find(conn, named)


def platform_of(environment: Environment, shop: Shop) -> Any:
    """The shop's platform; NotFound where this version knows none of that name."""
    try:
        return environment.platforms[shop.platform]
    except KeyError:
        raise NotFound(f"The platform {shop.platform!r} is unknown to this version.", "Install a version that has it.") from None


def fresh_key() -> str:
    """A key for an act that was given none: every call is an act of its own."""
    return f"cli:{uuid.uuid4().hex}"


# ---------------------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """As JSON knows it: dataclasses as objects, times as ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value.isoformat() if isinstance(value, datetime) else value


def show_list(rows: Iterable[Any], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """A JSON array of everything, or a table of `columns`."""
    shown = [plain(row) for row in rows]
    if as_json:
        show_json(shown)
    elif shown:
        _table(shown, columns)
    else:
        click.echo(empty)


def show_one(value: Any, *, as_json: bool, words: Callable[[Any], None] | None = None) -> None:
    """A JSON object, or its fields one below the other (or as `words` writes them)."""
    shown = plain(value)
    if as_json:
        show_json(shown)
    elif words is not None:
        words(shown)
    else:
        for name, entry in shown.items():
            click.echo(f"{_title(name):<22}{_cell(entry)}")


def show_json(value: Any) -> None:
    """JSON on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def differences(count: int) -> str:
    """So many differences, in words."""
    return "1 difference" if count == 1 else f"{count} differences"


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        numeric = all(isinstance(row.get(name), int) for row in rows)
        table.add_column(_title(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    # A terminal that is none (a pipe) gets its lines unbroken.
    Console(width=None if sys.stdout.isatty() else 500, markup=False, highlight=False, soft_wrap=False).print(table)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_cell(entry) for entry in value) or "-"
    text = str(value)
    if len(text) > 19 and text[10:11] == "T" and text[:4].isdigit():
        return text[:19].replace("T", " ")
    return "".join(letter if letter.isprintable() else "·" for letter in text)
