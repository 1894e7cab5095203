"""`connector items bundle …`: articles that are sold as one and made of others."""

from __future__ import annotations

import click

from connector.flow import bundles as story
from jobs.commands.fulfill import units_of
from jobs.commands.goods import items
from jobs.commands.session import json_option, session, show_one
from jobs.environment import now


@items.command("bundle")
@click.argument("sku")
@click.argument("components", nargs=-1, metavar="[SKU=UNITS]…")
@json_option
def bundle(sku: str, components: tuple[str, ...], as_json: bool) -> None:
    """Say what one of SKU is made of; without components it is an ordinary article again.

    \b
    Example:
      connector items bundle GIFT-SET SOAP=2 TOWEL=1
    """
    inside = units_of(components)
    with session() as env:
        changed = story.set_bundle(env.engine, sku, inside, now())
        show_one({"sku": sku, "components": inside, "orders_changed": changed}, as_json=as_json)


COMMANDS: tuple[click.Command, ...] = ()  # it stands in the group `items`
