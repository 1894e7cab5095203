"""The `connector` command. Exit 0: done, 1: refused with a reason, 2: wrong usage."""

from __future__ import annotations

from typing import Any

import click
import redis
from sqlalchemy.exc import OperationalError, ProgrammingError

from connector.domain.errors import ConnectorError
from jobs.commands import (
    backfill,
    boxes,
    bundles,
    events,
    fulfill,
    goods,
    keys,
    links,
    merchants,
    operate,
    orders,
    privacy,
    reconcile,
    settings,
    shops,
    staff,
    tasks,
    tokens,
)


class Refused(click.ClickException):
    """An error a person can act on: what happened, and on the next line what to do."""

    def __init__(self, error: ConnectorError) -> None:
        super().__init__(error.message)
        self.remedy = error.remedy

    def show(self, file: Any = None) -> None:
        """On standard error."""
        click.echo(self.message, err=True)
        if self.remedy:
            click.echo(self.remedy, err=True)


class Commands(click.Group):
    """Turns the errors we raise on purpose, and services that are away, into exit 1 without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ConnectorError as error:
            raise Refused(error) from error
        except OperationalError as error:
            gone = ConnectorError("PostgreSQL does not answer.", "Start it, or correct DATABASE_URL.")
            raise Refused(gone) from error
        except ProgrammingError as error:
            if "UndefinedTable" not in repr(error.orig) and "UndefinedColumn" not in repr(error.orig):
                raise
            raise Refused(ConnectorError("The database has not the newest tables.", "Run `connector migrate`.")) from error
        except redis.RedisError as error:
            raise Refused(ConnectorError("Redis does not answer.", "Start it, or correct REDIS_URL.")) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--merchant", metavar="NAME", envvar="CONNECTOR_MERCHANT", help="Whose shops, goods and orders; the only one's.")
def main(merchant: str | None) -> None:
    """Online orders, their stock and their fulfillment, from the command line.

    \b
    A first day:
      connector up --sandbox                     three test shops and everything else, on this machine
      connector orders list                      what is to be done
      connector fulfill 17 pack                  a part of an order is packed
      connector fulfill 17 ship --tracking 1Z9 --carrier UPS
      connector doctor                           is everything well, and what to do if not
    """


_NOUNS = (
    operate, shops, settings, goods, bundles, links, orders, fulfill, tasks, boxes, events, backfill, reconcile, tokens, staff,
    privacy, merchants, keys,
)  # fmt: skip
for command in (command for noun in _NOUNS for command in noun.COMMANDS):
    main.add_command(command)


if __name__ == "__main__":
    main()
