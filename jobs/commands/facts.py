"""`connector stock …`, its second half: till sales, write-offs, transfers, movements, who holds an item, and the proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from connector.db import shop_views, stock_views
from connector.domain.errors import Rejected
from connector.flow import stock as story
from connector.flow import verify as proof
from connector.flow.stock import StockLine
from jobs.commands.session import differences, fresh_key, json_option, limit_option, session, shop_named, show_list, show_one
from jobs.environment import now

_ACTOR = "cli"
key_option = click.option("--key", default="", help="Names the act, so that repeating it changes nothing.")
_FINDINGS = ("kind", "sku", "location", "found", "expected", "orders")


def _leaving(name: str, help_: str, act: Callable[..., int]) -> click.Command:
    """`sell` and `write-off` take the same words."""

    @click.command(name, help=help_)
    @click.argument("location")
    @click.argument("sku")
    @click.argument("quantity", type=click.IntRange(1, 10**6))
    @click.option("--note", default="", help="Why, or the receipt's number.")
    @key_option
    @json_option
    def command(location: str, sku: str, quantity: int, note: str, key: str, as_json: bool) -> None:
        with session() as env:
            lines = [StockLine(sku, location, quantity)]
            written = act(env.engine, lines, now(), key=key or fresh_key(), actor=_ACTOR, note=note)
            with env.engine.connect() as conn:
                level = next(row for row in stock_views.levels_of(conn, sku) if row.location == location)
            show_one({"sku": sku, "movements": written, "level": level}, as_json=as_json)

    return command


sell = _leaving(
    "sell",
    "QUANTITY units of SKU were sold over the counter at LOCATION.\n\n\b\nExample:\n"
    "  connector stock sell vieux-port TEE-RED-M 1 --key till-3-20261123-0042",
    story.sell,
)
write_off = _leaving(
    "write-off",
    "QUANTITY units of SKU at LOCATION are broken or lost.\n\n\b\nExample:\n"
    '  connector stock write-off depot TEE-RED-M 2 --note "water damage"',
    story.write_off,
)


@click.command()
@click.argument("from_location", metavar="FROM")
@click.argument("to_location", metavar="TO")
@click.argument("sku")
@click.argument("quantity", type=click.IntRange(1, 10**6))
@key_option
@json_option
def transfer(from_location: str, to_location: str, sku: str, quantity: int, key: str, as_json: bool) -> None:
    """QUANTITY units of SKU leave FROM for TO. They are in transit until `connector stock arrive` says that they came.

    \b
    Example:
      connector stock transfer depot vieux-port TEE-RED-M 12 --key van-0815
    """
    with session() as env:
        wanted = {sku: quantity}
        made = story.transfer(env.engine, from_location, to_location, wanted, now(), key=key or fresh_key(), actor=_ACTOR)
        show_one({"transfer": made, "sku": sku, "in_transit": quantity, "to": to_location}, as_json=as_json)


@click.command()
@click.argument("transfer_id", metavar="TRANSFER", type=int)
@click.option("--sku", default="", help="Only this item arrived …")
@click.option("--quantity", type=click.IntRange(1, 10**6), help="… and so many of it.")
@click.option("--rest-lost", is_flag=True, help="What has not arrived will not come.")
@key_option
@json_option
def arrive(transfer_id: int, sku: str, quantity: int | None, rest_lost: bool, key: str, as_json: bool) -> None:
    """A TRANSFER arrived: all of it, or so many of one item.

    \b
    Examples:
      connector stock arrive 31
      connector stock arrive 31 --sku TEE-RED-M --quantity 11 --rest-lost
    """
    if bool(sku) is (quantity is None):
        raise click.UsageError("Give --sku and --quantity together, or neither.")
    some = {sku: quantity} if quantity is not None else None
    with session() as env:
        written = story.arrive(env.engine, transfer_id, now(), key=key or fresh_key(), actor=_ACTOR, quantities=some)
        lost = story.lose(env.engine, transfer_id, now(), actor=_ACTOR) if rest_lost else 0
        show_one({"transfer": transfer_id, "movements": written, "lost": lost}, as_json=as_json)


@click.command()
@click.option("--sku", default="", help="Only this item.")
@click.option("--all", "every", is_flag=True, help="Those that have arrived or were lost, too.")
@limit_option
@json_option
def transfers(sku: str, every: bool, limit: int, as_json: bool) -> None:
    """What is on the way between locations."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = stock_views.transfers_under_way(conn, sku=sku, every=every, limit=limit)
        columns = ("id", "sku", "from_location", "to_location", "quantity", "arrived", "lost", "at", "key", "actor")
        show_list(rows, columns, as_json=as_json, empty="Nothing is on the way.")


@click.command()
@click.argument("sku")
@click.option("--location", default="", help="Only at this location.")
@click.option("--before", type=int, help="Continue before this id.")
@limit_option
@json_option
def movements(sku: str, location: str, before: int | None, limit: int, as_json: bool) -> None:
    """Every movement of SKU, newest first, with the order or document behind it and who did it."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = stock_views.movements_of(conn, sku, location=location, before=before, limit=limit)
        columns = ("id", "at", "location", "on_hand", "committed", "reason", "number", "document", "actor")
        show_list(rows, columns, as_json=as_json, empty="Nothing moved yet.")


@click.command()
@click.argument("sku")
@json_option
def holders(sku: str, as_json: bool) -> None:
    """Which incomplete orders hold SKU, and where; those that wait for it last. To compare a figure with the shelf."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = stock_views.holders(conn, sku)
        columns = ("number", "shop", "customer_name", "location", "state", "quantity", "part_id", "placed_at")
        show_list(rows, columns, as_json=as_json, empty="No incomplete order holds it.")


@click.command()
@click.argument("shop")
@click.argument("sku")
@click.argument("units", type=click.IntRange(0, 10**6))
@json_option
def buffer(shop: str, sku: str, units: int, as_json: bool) -> None:
    """SHOP never offers the last UNITS of SKU. An order that comes all the same is served from them."""
    with session() as env:
        story.set_buffer(env.engine, shop_named(env, shop), sku, units, now())
        show_one({"shop": shop, "sku": sku, "buffer": units}, as_json=as_json)


@click.command()
@click.argument("shop")
@json_option
def offered(shop: str, as_json: bool) -> None:
    """How many of each item SHOP may offer: available at its open locations, less the buffer."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = stock_views.sellable(conn, shop_views.find(conn, shop))
        shown = [{"sku": sku, "units": units} for sku, units in rows.items()]
        show_list(shown, ("sku", "units"), as_json=as_json, empty="No item: `connector items add`.")


@click.command()
@click.option("--repair", is_flag=True, help="Mend it: sum levels anew, write compensating movements.")
@click.option("--dry-run", is_flag=True, help="With --repair: only say what would be done.")
@key_option
@json_option
def verify(repair: bool, dry_run: bool, key: str, as_json: bool) -> None:
    """Prove that every level is the sum of its movements and every promise is held by an order. Exit 1 where it is not so.

    \b
    Examples:
      connector stock verify
      connector stock verify --repair --dry-run
      connector stock verify --repair
    """
    if dry_run and not repair:
        raise click.UsageError("--dry-run belongs to --repair.")
    with session() as env:
        mend = repair and not dry_run
        verdict = (
            proof.repair(env.engine, now(), key=key or fresh_key(), actor=_ACTOR) if mend else proof.verify(env.engine, now())
        )
        if as_json:
            show_one({"differences": len(verdict.left), "repaired": verdict.repaired, "found": verdict.found}, as_json=True)
        else:
            show_list(verdict.found, _FINDINGS, as_json=False, empty="Everything adds up.")
            _say(verdict.found, mend)
        if verdict.left:
            raise click.exceptions.Exit(1)


def _say(found: Sequence[proof.Finding], mended: bool) -> None:
    if found:
        remedy = "Mended; see `connector stock movements`." if mended else "`connector stock verify --repair` mends it."
        click.echo(f"{differences(len(found))}. {remedy}")


def point_of(at: str, country: str, postcode: str) -> tuple[float, float] | None:
    """The latitude and longitude a person gave, or those of the area; Rejected where they cannot be read."""
    from connector.domain import distance

    if not at:
        found = distance.point(distance.area(country, postcode))
        if country and found is None:
            raise Rejected(f"The country {country!r} is not known here.", "Give --at LATITUDE,LONGITUDE.")
        return found
    try:
        latitude, longitude = (float(number) for number in at.split(","))
    except ValueError:
        raise Rejected(f"{at!r} is no place.", "Write it like 43.3,5.4 (latitude, longitude).") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Rejected(f"{at!r} is not on this earth.", "Write it like 43.3,5.4 (latitude, longitude).")
    return latitude, longitude


COMMANDS = (sell, write_off, transfer, arrive, transfers, movements, holders, buffer, offered, verify)
