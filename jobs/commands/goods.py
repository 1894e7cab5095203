"""`connector locations …`, `items …` and `stock …`: places, articles and how many there are."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import TextIO

import click

from connector.db import shop_views, stock_views
from connector.domain.errors import Rejected
from connector.flow import linking, picking
from connector.flow import stock as story
from connector.flow.stock import StockLine
from connector.flow.wake import Wake
from jobs.commands import facts
from jobs.commands.session import fresh_key, json_option, session, shop_named, show_list, show_one, wake
from jobs.environment import now

_ACTOR = "cli"


@click.group()
def locations() -> None:
    """The places that keep stock."""


@locations.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--kind", default="shop", show_default=True, help="What kind of place: shop, warehouse, …")
@click.option("--priority", default=100, show_default=True, help="Who serves first: the lowest number.")
@click.option("--at", default="", metavar="LATITUDE,LONGITUDE", help="Where it is, for the routing by distance …")
@click.option("--country", default="", help="… or its country (FR) …")
@click.option("--postcode", default="", help="… and postcode.")
@json_option
def add_location(code: str, name: str, kind: str, priority: int, at: str, country: str, postcode: str, as_json: bool) -> None:
    """Add a location, or change the one with this CODE.

    \b
    Example:
      connector locations add depot "Central depot" --kind warehouse --priority 10
    """
    with session() as env:
        point = facts.point_of(at, country, postcode)
        location_id = story.add_location(env.engine, code=code, name=name, kind=kind, priority=priority, point=point)
        show_one({"id": location_id, "code": code, "name": name, "kind": kind, "priority": priority}, as_json=as_json)


@locations.command("list")
@json_option
def list_locations(as_json: bool) -> None:
    """Every location, the first in line first."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = stock_views.list_locations(conn)
        columns = ("id", "code", "name", "kind", "priority", "enabled")
        show_list(rows, columns, as_json=as_json, empty="There is no location yet: `connector locations add`.")


@locations.command()
@click.argument("code")
@json_option
def close(code: str, as_json: bool) -> None:
    """CODE takes no more online orders for delivery. What it was given already stays there."""
    _open_or_close(code, opened=False, as_json=as_json)


@locations.command("open")
@click.argument("code")
@json_option
def open_(code: str, as_json: bool) -> None:
    """CODE takes online orders again; orders that wait are given its stock."""
    _open_or_close(code, opened=True, as_json=as_json)


def _open_or_close(code: str, *, opened: bool, as_json: bool) -> None:
    with session() as env:
        story.open_location(env.engine, code, now(), opened=opened)
        show_one({"code": code, "enabled": opened}, as_json=as_json)


@locations.command("link")
@click.argument("shop")
@click.argument("external_id")
@click.argument("codes", metavar="CODE…", nargs=-1, required=True)
@json_option
def link_location(shop: str, external_id: str, codes: tuple[str, ...], as_json: bool) -> None:
    """Say that EXTERNAL_ID of SHOP is our location CODE. `connector shops show SHOP` lists the shop's own locations.

    With several, its orders go to the first and it shows the stock of all of them. "*" is a shop as a whole, where its
    platform keeps one quantity of an article. "-" as CODE takes the link back. Orders that waited for it are allocated.

    \b
    Examples:
      connector locations link "My shop" gid://shopify/Location/1001 depot
      connector locations link "My WooCommerce" "*" depot boutique
      connector locations link "My WooCommerce" "Boutique Vieux-Port" boutique
    """
    with session() as env:
        shop_id = shop_named(env, shop)
        allocated = linking.link_location(env.engine, shop_id, external_id, () if codes == ("-",) else codes, now())
        wake(env, [Wake("deliver", shop_id), Wake("publish", shop_id)] if allocated else [Wake("publish", shop_id)])
        with env.engine.connect() as conn:
            rows = shop_views.links(conn, shop_id)
        show_list(rows, ("external_id", "name", "location"), as_json=as_json, empty="")


@click.group()
def items() -> None:
    """The articles, each with its SKU."""


@items.command("add")
@click.argument("sku", required=False)
@click.argument("title", required=False, default="")
@click.option("--barcode", default="", help="EAN, UPC or any other code that can be scanned.")
@click.option("--supplier", default=None, help="Who it is bought from; an empty one takes it away.")
@click.option("--csv", "file", type=click.File("r", encoding="utf-8-sig"), help="A file: sku, title, barcode, supplier.")
@json_option
def add_items(sku: str | None, title: str, barcode: str, supplier: str | None, file: TextIO | None, as_json: bool) -> None:
    """Add or rename an item, or all of a CSV file. Order lines that waited for these SKUs are allocated.

    \b
    Examples:
      connector items add TEE-RED-M "T-shirt red M" --barcode 4006381333931
      connector items add --csv items.csv
    """
    if (sku is None) is (file is None):
        raise click.UsageError("Give either a SKU or --csv.")
    one = {"sku": sku or "", "title": title, "barcode": barcode} | ({} if supplier is None else {"supplier": supplier})
    rows = _read_items(file) if file is not None else [one]
    if not all(row["sku"].strip() for row in rows):
        raise Rejected("A SKU is empty.", "Every item needs one.")
    with session() as env:
        added = story.add_items(env.engine, rows, now())
        linking.match_all_again(env.engine, now())
        show_one({"items": added}, as_json=as_json)


def _read_items(file: TextIO) -> list[dict[str, str]]:
    reader = csv.DictReader(file)
    if "sku" not in (reader.fieldnames or ()):
        raise Rejected("The file has no column named sku.", "Its first line must name the columns: sku,title,barcode,supplier.")
    names = ("sku", "title", "barcode", *(["supplier"] if "supplier" in (reader.fieldnames or ()) else []))
    return [{name: (row.get(name) or "").strip() for name in names} for row in reader]


@items.command("list")
@click.option("--search", default="", help="Part of a SKU, title or barcode.")
@click.option("--after", default="", help="Continue after this SKU.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@json_option
def list_items(search: str, after: str, limit: int, as_json: bool) -> None:
    """Items and how many there are over all locations."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = stock_views.list_items(conn, search=search, after=after, limit=limit)
        columns = ("sku", "title", "barcode", "supplier", "on_hand", "committed", "available", "in_transit", "backordered")
        show_list(rows, columns, as_json=as_json, empty="No item: `connector items add`.")


@click.group()
def stock() -> None:
    """How many there are, and facts that no order causes."""


@stock.command("show")
@click.argument("sku")
@json_option
def show_stock(sku: str, as_json: bool) -> None:
    """The level of an item at every location: on hand, committed to orders, available, and on the way to it."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = stock_views.levels_of(conn, sku)
        if as_json:
            show_one({"sku": sku, "locations": rows}, as_json=True)
        else:
            show_list(
                rows,
                ("location", "name", "on_hand", "committed", "available", "in_transit"),
                as_json=False,
                empty="No location yet.",
            )


def _stock_command(name: str, help_: str, change: Callable[..., int], quantity: click.IntRange) -> click.Command:
    """`receive` and `count` take the same words."""

    @stock.command(name, help=help_)
    @click.argument("location")
    @click.argument("sku")
    @click.argument("quantity", type=quantity)
    @click.option("--key", default="", help="Names the act, so that repeating it changes nothing.")
    @json_option
    def command(location: str, sku: str, quantity: int, key: str, as_json: bool) -> None:
        with session() as env:
            line = StockLine(sku, location, quantity)
            written = change(env.engine, [line], now(), key=key or fresh_key())
            with env.engine.connect() as conn:
                rows = stock_views.levels_of(conn, sku)
            level = next((row for row in rows if row.location == location), None)
            show_one({"sku": sku, "movements": written, "level": level}, as_json=as_json)

    return command


_stock_command(
    "receive",
    "QUANTITY units of SKU arrived at LOCATION.\n\n\b\nExample:\n"
    "  connector stock receive depot TEE-RED-M 24 --key delivery-8812",
    lambda engine, lines, at, *, key: story.change(engine, lines, at, key=key, reason="receipt", actor=_ACTOR),
    click.IntRange(1, 10**6),
)
_stock_command(
    "count",
    "QUANTITY units of SKU were counted at LOCATION; the difference is written.\n\n\b\n"
    "Example:\n  connector stock count depot TEE-RED-M 21",
    lambda engine, lines, at, *, key: story.count(engine, lines, at, key=key, actor=_ACTOR),
    click.IntRange(0, 10**6),
)


@stock.command("shelf")
@click.argument("location")
@click.argument("sku")
@click.argument("shelf")
@json_option
def shelf(location: str, sku: str, shelf: str, as_json: bool) -> None:
    """Say on which SHELF of LOCATION the SKU stands: pick lists are sorted by it.

    \b
    Example:
      connector stock shelf depot TEE-RED-M A-12
    """
    with session() as env:
        picking.set_shelf(env.engine, location, sku, shelf)
        show_one({"location": location, "sku": sku, "shelf": shelf}, as_json=as_json)


for _command in facts.COMMANDS:
    stock.add_command(_command)

COMMANDS = (locations, items, stock)
