"""`connector items links|link|import …`, `connector stock publish|published`, `connector csv …`: what shops' goods are here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from connector.db import links as link_rows
from connector.db import publications
from connector.domain.errors import Rejected
from connector.domain.settings import value
from connector.flow import csv_files, linking, publish_stock
from connector.flow import shops as shop_flow
from connector.flow.csv_files import Imported
from connector.flow.wake import Wake
from jobs.commands.goods import items, stock
from jobs.commands.session import (
    json_option,
    limit_option,
    platform_of,
    session,
    shop_named,
    show_json,
    show_list,
    show_one,
    wake,
)
from jobs.environment import Environment, now

dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
_DIFFERENCES = ("sku", "location", "shows", "wanted", "obstacle")


@items.command("links")
@click.argument("shop")
@click.option("--problems", is_flag=True, help="Only what needs a person, with what to do.")
@click.option("--read", "read_again", is_flag=True, help="Read the shop's catalogue again first.")
@limit_option
@json_option
def list_links(shop: str, problems: bool, read_again: bool, limit: int, as_json: bool) -> None:
    """Which of our items the variants of SHOP are, and why.

    \b
    Example:
      connector items links "My shop" --problems
    """
    with session() as env:
        shop_id = shop_named(env, shop)
        if read_again:
            _read(env, shop_id)
        with env.engine.connect() as conn:
            rows = link_rows.listed(conn, shop_id, problems=problems, limit=limit)
        more = ("meaning", "remedy") if problems else ("problem",)
        columns = ("external_id", "sku", "barcode", "title", "item", "matched_by", *more)
        empty = "Nothing needs a person." if problems else "Its catalogue was not read yet: --read."
        show_list(rows, columns, as_json=as_json, empty=empty)


@items.command("link")
@click.argument("shop")
@click.argument("variant")
@click.argument("sku")
@json_option
def link(shop: str, variant: str, sku: str, as_json: bool) -> None:
    """Say that VARIANT of SHOP is our item SKU; "-" takes a link made by hand back. Order lines that waited are allocated."""
    with session() as env:
        shop_id = shop_named(env, shop)
        linked = linking.link_item(env.engine, shop_id, variant, "" if sku == "-" else sku, now())
        wake(env, [Wake("deliver", shop_id)])
        show_one(linked, as_json=as_json)


@items.command("import")
@click.argument("shop")
@dry_run_option
@json_option
def import_items(shop: str, dry_run: bool, as_json: bool) -> None:
    """Create the items that SHOP sells under a SKU of its own and that are not here yet, from its catalogue."""
    with session() as env:
        shop_id = shop_named(env, shop)
        _read(env, shop_id)
        missing = linking.missing_items(env.engine, shop_id)
        found = missing if dry_run else linking.import_items(env.engine, shop_id, now())
        show_list(found, ("sku", "title", "barcode"), as_json=as_json, empty="Every SKU of the shop is here already.")


def _read(env: Environment, shop_id: int) -> None:
    known = shop_flow.by_id(env.engine, env.seal, shop_id)
    platform = platform_of(env, known)
    linking.read_places(env.engine, platform, known)
    linking.read_catalogue(env.engine, platform, known, now())


# ---------------------------------------------------------------------------------------------------------------------


@stock.command("publish")
@click.argument("shop")
@click.option("--all", "everything", is_flag=True, help="Compare everything the shop shows, not only what changed.")
@dry_run_option
@json_option
def publish(shop: str, everything: bool, dry_run: bool, as_json: bool) -> None:
    """Make SHOP show what is available here. Done by itself for shops whose setting publish_stock is on.

    \b
    The first time, look first:
      connector stock publish "My shop" --dry-run
      connector shops set "My shop" publish_stock=yes
    """
    with session() as env:
        known = shop_flow.by_id(env.engine, env.seal, shop_named(env, shop))
        platform = platform_of(env, known)
        if dry_run:
            _show_differences(env, *publish_stock.differences(env.engine, platform, known), shop_id=known.id, as_json=as_json)
            return
        if not value(known.settings, "publish_stock"):
            raise Rejected(
                f"Stock is not published to {known.name}.",
                "Look at --dry-run, then `connector shops set SHOP publish_stock=yes`.",
            )
        if everything:
            publish_stock.look_again(env.engine, known.id, now())
        wake(env, [Wake("publish", known.id)])
        show_one({"shop": known.name, "publishing": True}, as_json=as_json)


def _show_differences(env: Environment, obstacle: str, found: list[Any], *, shop_id: int, as_json: bool) -> None:
    with env.engine.connect() as conn:
        skus = {row.unit: row.sku for row in publications.listed(conn, shop_id, limit=10_000_000)}
        unlinked = publications.unlinked_places(conn, shop_id)
    rows = [
        {
            "sku": skus.get(one.spot.unit_id, ""),
            "unit": one.spot.unit_id,
            "location": one.spot.location,
            "shows": one.shows,
            "wanted": one.wanted,
            "obstacle": one.obstacle,
        }
        for one in found
    ]
    if as_json:
        show_json({"obstacle": obstacle, "unlinked_locations": unlinked, "differences": rows})
        return
    if obstacle:
        click.echo(f"Nothing would be published. {obstacle}")
    if unlinked:
        click.echo(f"Not linked, so nothing is published there: {', '.join(unlinked)}. See `connector locations link`.")
    show_list(rows, _DIFFERENCES, as_json=False, empty="The shop shows what is available.")


@stock.command("published")
@click.argument("shop")
@click.option("--obstacles", is_flag=True, help="Only what cannot be published, with the reason.")
@limit_option
@json_option
def published(shop: str, obstacles: bool, limit: int, as_json: bool) -> None:
    """What SHOP was last known to show, and what waits to be compared."""
    with session() as env:
        shop_id = shop_named(env, shop)
        with env.engine.connect() as conn:
            rows = publications.listed(conn, shop_id, obstacles=obstacles, limit=limit)
        columns = ("sku", "location", "published", "waiting", "obstacle")
        show_list(rows, columns, as_json=as_json, empty="Nothing: link its items and locations first.")


# ---------------------------------------------------------------------------------------------------------------------


@click.group("csv")
def csv_group() -> None:
    """Items, counts and links as CSV files, for spreadsheets.

    \b
    The first line names the columns:
      items   sku,title,barcode
      levels  sku,location,on_hand        a count: on hand is set to it
      links   variant,item                which item a shop's variant is (--shop)
    """


_kind = click.argument("kind", type=click.Choice(tuple(csv_files.LAYOUTS)))
_shop = click.option("--shop", default="", help="Whose links, by id or name.")


@csv_group.command("export")
@_kind
@click.argument("file", type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=str), default="-")
@_shop
def export(kind: str, file: str, shop: str) -> None:
    """Write everything of a KIND to FILE, or to standard output."""
    with session() as env:
        text = csv_files.export_file(env.engine, kind, shop_id=_shop_id(env, kind, shop))
    if file == "-":
        click.echo(text, nl=False)
    else:
        Path(file).write_text(text, encoding="utf-8", newline="")


@csv_group.command("import")
@_kind
@click.argument("file", type=click.File("rb"))
@_shop
@dry_run_option
@json_option
def import_(kind: str, file: Any, shop: str, dry_run: bool, as_json: bool) -> None:
    """Take FILE in whole; where anything is wrong with it, all of that is said by line and column, and nothing is changed."""
    with session() as env:
        shop_id = _shop_id(env, kind, shop)
        done = csv_files.import_file(env.engine, kind, file.read(), now(), shop_id=shop_id, dry_run=dry_run, actor="cli")
    _tell(done, dry_run=dry_run, as_json=as_json)


def _shop_id(env: Environment, kind: str, shop: str) -> int:
    if (kind == "links") != bool(shop):
        raise click.UsageError("Links are those of a shop: give --shop, and only with links.")
    return shop_named(env, shop) if shop else 0


def _tell(done: Imported, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        show_json(asdict(done))
    for fault in () if as_json else done.faults:
        click.echo(f"line {fault.line}{f', {fault.column}' if fault.column else ''}: {fault.message}", err=True)
    if done.faults:
        raise Rejected("Nothing was changed.", "Correct the file and import it again.")
    if not as_json:
        click.echo(f"{done.rows} rows, {done.changed} {'would change' if dry_run else 'changed'} something.")


COMMANDS = (csv_group,)
