"""`connector privacy …`: what was asked about personal data, and what is handed out."""

from __future__ import annotations

import hashlib

import click

from connector.db import privacy as rows
from connector.db import shop_views
from connector.flow import privacy as story
from connector.flow import shops
from connector.installing import EXPORT, REDACT, Person, PrivacyRequest
from jobs.commands.session import json_option, platform_of, session, shop_named, show_list, show_one, wake
from jobs.environment import now

_COLUMNS = ("id", "shop_id", "topic", "state", "facts", "reason", "received_at", "finished_at")


@click.group()
def privacy() -> None:
    """Requests about personal data: hand out what is held of a customer, or forget them.

    Shopify sends such requests by itself; for the other platforms a merchant makes them here. Quantities, money and the
    ledger of stock are kept, they name nobody.
    """


@privacy.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Every request and how it ended, newest first."""
    with session() as env:
        with env.engine.connect() as conn:
            found = [{name: getattr(row, name) for name in _COLUMNS} for row in rows.requests(conn)]
        show_list(found, _COLUMNS, as_json=as_json, empty="Nobody has asked.")


@privacy.command()
@click.argument("request_id", metavar="ID", type=int)
def export(request_id: int) -> None:
    """Write what is held of a customer, as JSON, for the merchant to hand to them."""
    with session() as env:
        click.echo(story.written_export(env.engine, env.seal, request_id, now()))


@privacy.command()
@click.argument("topic", metavar="ACT", type=click.Choice(["export", "redact"]))
@click.argument("shop")
@click.option("--email", default="", help="The customer's address of mail.")
@click.option("--phone", default="", help="The customer's telephone number.")
@click.option("--customer", default="", help="The platform's own number of the customer.")
@json_option
def ask(topic: str, shop: str, email: str, phone: str, customer: str, as_json: bool) -> None:
    """Ask for a customer: `export` collects what is held, `redact` forgets them.

    \b
    Example:
      connector privacy ask redact 2 --email ada@example.com
    """
    if not (email or phone or customer):
        raise click.UsageError("Say who: --email, --phone or --customer.")
    with session() as env:
        known = shops.by_id(env.engine, env.seal, shop_named(env, shop))
        word = {"export": EXPORT, "redact": REDACT}[topic]
        key = hashlib.sha256(repr((word, email, phone, customer, now())).encode()).hexdigest()
        request = PrivacyRequest(word, known.external_id, f"cli:{key}", Person(customer, email, phone))
        rung = story.receive(env.engine, env.seal, platform_of(env, known), request, now())
        if rung is not None:
            wake(env, [rung])
        with env.engine.connect() as conn:
            newest = rows.requests(conn, known.id)[0]
            name = shop_views.list_shops(conn, known.id)[0].name
        show_one({"id": newest.id, "shop": name, "topic": newest.topic, "state": newest.state}, as_json=as_json)


COMMANDS = (privacy,)
