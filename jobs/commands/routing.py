"""`connector routing …`: how a shop chooses the locations of its orders."""

from __future__ import annotations

from typing import Any

import click

from connector.domain import routing as rules
from connector.flow import shops as story
from jobs.commands.session import json_option, session, shop_named, show_one
from jobs.environment import Environment


@click.group()
def routing() -> None:
    """How a shop chooses the locations of its orders.

    \b
    What comes first:  priority, nearest, least_loaded
    Who serves:        assigned (the platform's own choice), single_location, keep_lines_whole, fewest_parts
    A pickup is always served where the customer collects, and a closed location serves no delivery.
    """


@routing.command()
@click.argument("shop")
@json_option
def show(shop: str, as_json: bool) -> None:
    """How SHOP chooses."""
    with session() as env:
        show_one(_choices(env, shop_named(env, shop)), as_json=as_json)


@routing.command("set")
@click.argument("shop")
@click.argument("names", nargs=-1)
@click.option("--below-zero/--backorder", "below_zero", default=None, help="Promise what nobody has, or let it wait.")
@click.option("--hold-tag", "tags", multiple=True, help="Orders with this tag are not packed; may be given several times.")
@click.option("--no-hold-tags", is_flag=True, help="No tag holds an order any more.")
@json_option
def set_(
    shop: str, names: tuple[str, ...], below_zero: bool | None, tags: tuple[str, ...], no_hold_tags: bool, as_json: bool
) -> None:
    """SHOP chooses by these NAMES, in this order. It concerns orders that are divided from now on.

    \b
    Examples:
      connector routing set 1 nearest single_location keep_lines_whole fewest_parts
      connector routing set 1 --below-zero
      connector routing set 1 --hold-tag fraud-review
    """
    changes: dict[str, Any] = {"routing": list(rules.checked(names))} if names else {}
    if below_zero is not None:
        changes["oversell"] = "negative" if below_zero else "backorder"
    if tags or no_hold_tags:
        changes["hold_tags"] = list(tags)
    if not changes:
        raise click.UsageError("Nothing to change: give names or an option.")
    with session() as env:
        shop_id = shop_named(env, shop)
        story.change_settings(env.engine, shop_id, changes)
        show_one(_choices(env, shop_id), as_json=as_json)


def _choices(env: Environment, shop_id: int) -> dict[str, Any]:
    found = story.by_id(env.engine, env.seal, shop_id)
    return {
        "shop": found.name,
        "routing": list(rules.chosen(found.settings.get("routing"))),
        "below_zero": found.settings.get("oversell") == "negative",
        "hold_tags": found.settings.get("hold_tags") or [],
    }


COMMANDS = (routing,)
