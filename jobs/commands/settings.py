"""`connector shops settings|set …`: a merchant's choices for a shop, what they mean and what may be chosen."""

from __future__ import annotations

from typing import BinaryIO

import click

from connector.domain.settings import known, value
from connector.flow import linking, logos
from connector.flow import shops as shop_flow
from connector.flow.wake import Wake
from jobs.commands.session import json_option, platform_of, session, shop_named, show_list, show_one, wake
from jobs.commands.shops import shops
from jobs.environment import now


@shops.command("settings")
@click.argument("shop")
@json_option
def list_settings(shop: str, as_json: bool) -> None:
    """Every setting of SHOP: its value, its default, what may be chosen and what it means."""
    with session() as env:
        found = shop_flow.by_id(env.engine, env.seal, shop_named(env, shop))
        rows = [
            {
                "name": setting.name,
                "value": value(found.settings, setting.name),
                "default": setting.default,
                "changed": setting.name in found.settings,
                "allowed": setting.choices(),
                "meaning": setting.meaning,
            }
            for setting in known(found.platform)
        ]
        show_list(rows, ("name", "value", "default", "allowed", "meaning"), as_json=as_json, empty="")


@shops.command("set")
@click.argument("shop")
@click.argument("choices", metavar="NAME=VALUE…", nargs=-1, required=True)
@json_option
def change(shop: str, choices: tuple[str, ...], as_json: bool) -> None:
    """Change settings of SHOP, all or none of those given.

    \b
    Examples:
      connector shops set "My shop" publish_stock=yes stock_buffer=2
      connector shops set "My shop" report_parts=each
    """
    pairs = [choice.partition("=") for choice in choices]
    if not all(equals for _, equals, _ in pairs):
        raise click.UsageError("Give each as NAME=VALUE.")
    with session() as env:
        found = shop_flow.by_id(env.engine, env.seal, shop_named(env, shop))
        typed = {name.strip(): text for name, _, text in pairs}
        changed = linking.change_settings(env.engine, platform_of(env, found), found, typed, now())
        wake(env, [Wake("publish", found.id)])
        show_one(changed, as_json=as_json)


@shops.command()
@click.argument("shop")
@click.argument("file", required=False, type=click.File("rb"))
@click.option("--remove", is_flag=True, help="Print without a logo again.")
@json_option
def logo(shop: str, file: BinaryIO | None, remove: bool, as_json: bool) -> None:
    """Put the picture FILE (PNG or JPEG) at the head of the papers of SHOP."""
    if (file is None) is not remove:
        raise click.UsageError("Give either a file or --remove.")
    with session() as env:
        shop_id = shop_named(env, shop)
        if file is None:
            logos.drop(env.engine, shop_id)
            show_one({"shop": shop_id, "logo": "none"}, as_json=as_json)
            return
        kept = logos.keep(env.engine, shop_id, file.read(logos.MOST_BYTES + 1), now())
        show_one({"shop": shop_id, "logo": f"{kept.width} × {kept.height}"}, as_json=as_json)


COMMANDS: tuple[click.Command, ...] = ()  # they are the shops group's
