"""`connector shops …`: link stores, and see how they stand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from connector.db import shop_views
from connector.db.shop_views import ShopRow
from connector.flow import shops as story
from connector.flow.wake import Wake
from connector.platform import Platform
from jobs.commands.session import json_option, plain, platform_of, session, shop_named, show_list, show_one, wake
from jobs.environment import Environment, now
from platforms import registry
from platforms.http import Http

_COLUMNS = ("id", "platform", "name", "state", "inbox_waiting", "outbox_waiting", "dead", "last_delivery_at", "webhook_url")
_SECRET_WORDS = ("token", "secret", "key")


@click.group()
def shops() -> None:
    """Link stores, and see how they stand."""


@shops.group()
def add() -> None:
    """Link a store: prove its credentials, register its webhooks, note its locations.

    Adding the same store again replaces its credentials and keeps its history.

    \b
    Secrets need not be typed on the command line. What is not given is taken from the environment
    (CONNECTOR_<PLATFORM>_<OPTION>, as in CONNECTOR_SHOPIFY_TOKEN), or asked for on a terminal.
    """


@shops.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every linked store."""
    with session() as env:
        with env.engine.connect() as conn:
            rows = shop_views.list_shops(conn)
        show_list([_with_url(env, row) for row in rows], _COLUMNS, as_json=as_json, empty="No shop is linked yet.")


@shops.command()
@click.argument("shop")
@json_option
def show(shop: str, as_json: bool) -> None:
    """One store, by id, name or the platform's own name of it, with its locations."""
    with session() as env:
        shop_id = shop_named(env, shop)
        with env.engine.connect() as conn:
            row = shop_views.list_shops(conn, shop_id)[0]
            links = shop_views.links(conn, shop_id)
        show_one({**_with_url(env, row), "locations": plain(links)}, as_json=as_json, words=_in_words)


@shops.command()
@click.argument("shop")
@json_option
def subscribe(shop: str, as_json: bool) -> None:
    """Register a store's webhooks again, as after a change of PUBLIC_URL or when the platform removed them."""
    with session() as env:
        known = story.by_id(env.engine, env.seal, shop_named(env, shop))
        platform = platform_of(env, known)
        story.subscribe(env.engine, env.seal, platform, known, env.settings.public_url)
        url = story.webhook_url(platform, known, env.settings.public_url)
        show_one({"id": known.id, "name": known.name, "webhook_url": url}, as_json=as_json)


def _with_url(env: Environment, row: ShopRow) -> dict[str, Any]:
    shown: dict[str, Any] = plain(row)
    shared = row.platform in env.platforms and env.platforms[row.platform].shared_address
    path = f"/webhooks/{row.platform}" if shared else f"/webhooks/{row.platform}/{shown['key']}"
    del shown["key"]
    return {**shown, "webhook_url": env.settings.public_url + path}


def _in_words(shown: dict[str, Any]) -> None:
    links = shown.pop("locations")
    show_one(shown, as_json=False)
    click.echo()
    show_list(links, ("external_id", "name", "location"), as_json=False, empty="The platform names no locations.")


# ---------------------------------------------------------------------------------------------------------------------
# `shops add PLATFORM`: one command for each platform, with the options the platform asks for


def _adding(platform: Platform) -> click.Command:
    options: list[click.Parameter] = [
        click.Option([f"--{_dashed(name)}"], help=help_, callback=_given(platform, name))
        for name, help_ in platform.credentials.items()
    ]
    options.append(click.Option(["--name"], default="", help="What you call the store; its own name where not given."))
    if "url" not in platform.credentials:
        options.append(click.Option(["--api-url"], default="", help="Another address of the API, for a test server."))
    options.append(click.Option(["--json", "as_json"], is_flag=True, help="Print JSON, for programs."))
    words = " ".join(f"--{_dashed(name)} …" for name in platform.credentials)
    return click.Command(
        platform.name,
        params=options,
        callback=_linking(platform.name),
        help=f"Link a {platform.title} store.\n\n\b\nExample:\n  connector shops add {platform.name} {words}",
        short_help=f"Link a {platform.title} store.",
    )


def _given(platform: Platform, name: str) -> Callable[[click.Context, click.Parameter, str | None], str]:
    """From the command line, else the environment, else a prompt that shows nothing of a secret."""

    def value(context: click.Context, parameter: click.Parameter, typed: str | None) -> str:
        given = typed or os.environ.get(f"CONNECTOR_{platform.name}_{name}".upper(), "")
        if given or context.resilient_parsing:
            return given
        if not sys.stdin.isatty():
            raise click.MissingParameter(ctx=context, param=parameter)
        secret = any(word in name for word in _SECRET_WORDS)
        asked: str = click.prompt(f"{platform.title} {name.replace('_', ' ')}", hide_input=secret)
        return asked

    return value


def _linking(platform_name: str) -> Callable[..., None]:
    def link(name: str, as_json: bool, **options: str) -> None:
        with session() as env:
            platform = env.platforms[platform_name]
            given = {option: value for option, value in options.items() if value}
            shop, url = story.add(env.engine, env.seal, platform, given, env.settings.public_url, now(), name=name)
            wake(env, [Wake("link", shop.id)])
            with env.engine.connect() as conn:
                row = shop_views.list_shops(conn, shop.id)[0]
            show_one(_with_url(env, row), as_json=as_json, words=lambda shown: _linked(platform, shown, url))

    return link


def _linked(platform: Platform, shown: dict[str, Any], url: str) -> None:
    click.echo(f"Shop {shown['id']}: {shown['name']} ({platform.title}) is linked.")
    click.echo(f"Its webhooks are sent to {url}")
    click.echo(f"Its catalogue is being read; `connector items links {shown['id']} --problems` says what needs you.")


def _dashed(name: str) -> str:
    return name.replace("_", "-")


for _platform in registry.platforms(Http()).values():
    add.add_command(_adding(_platform))

COMMANDS = (shops,)
