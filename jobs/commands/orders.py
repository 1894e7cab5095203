"""`connector orders …`: what was ordered, how it stands, and what was paid."""

from __future__ import annotations

from typing import Any

import click

from connector.db import order_json, order_views, stock_views
from connector.db.order_views import OrderDetail, OrderFilter, OrderRow
from connector.domain.errors import NotFound, Rejected
from connector.domain.money import to_minor, to_text
from connector.flow import cancel as cancelling
from connector.flow import fulfill as story
from jobs.commands.session import json_option, limit_option, session, shop_named, show_list, show_one, wake
from jobs.environment import Environment, now

_COLUMNS = ("id", "number", "shop", "placed_at", "state", "delivery", "payment", "customer", "units", "parts")
_ASKED = "The shop is asked; stock comes back when it has cancelled. No money is given back: refund it in the shop's own admin."


@click.group()
def orders() -> None:
    """What was ordered, how it stands, and what was paid."""


@orders.command("list")
@click.option("--history", is_flag=True, help="Also what is completed or cancelled.")
@click.option("--state", default="", help="new, in_progress, packed, ready, completed or cancelled.")
@click.option("--handover", type=click.Choice(["delivery", "pickup", "none"]), default=None, help="How it reaches the customer.")
@click.option("--payment", default="", help="unpaid, authorized, partly_paid, paid, partly_refunded or refunded.")
@click.option("--location", default="", help="Only orders with a part at this location (its code).")
@click.option("--shop", default="", help="Only orders of this shop (id or name).")
@click.option("--search", default="", help="Number, customer, SKU or title.")
@click.option("--attention", is_flag=True, help="Only what a person should look at.")
@limit_option
@json_option
def list_(location: str, shop: str, handover: str | None, as_json: bool, **narrowed: Any) -> None:
    """Orders, the newest first: the open ones, where nothing else is said."""
    with session() as env:
        shop_id = shop_named(env, shop) if shop else None
        codes = _codes(env)
        wanted = OrderFilter(handover=handover or "", shop_id=shop_id, location_id=_location_id(codes, location), **narrowed)
        with env.engine.connect() as conn:
            rows = order_views.list_orders(conn, wanted)
        show_list([_listed(row, codes) for row in rows], _COLUMNS, as_json=as_json, empty="No order.")


@orders.command()
@click.argument("order_id", metavar="ID", type=int)
@json_option
def show(order_id: int, as_json: bool) -> None:
    """One order: its lines, its parts with their reasons, its payment and what the platform was told."""
    with session() as env:
        detail = _found(env, order_id)
        shown = {**order_json.whole(detail, _codes(env)), "ships_to": _address(detail)}
        show_one(shown, as_json=as_json, words=_in_words)


@orders.command()
@click.argument("order_id", metavar="ID", type=int)
@click.option("--amount", default=None, help="How much, as in 19.90; all that is owed where not given.")
@click.option("--method", default="", help="How it was paid: cash, card, transfer, …")
@click.option("--reference", default="", help="The number on the receipt.")
@click.option("--key", default="", help="Names the act, so that repeating it changes nothing.")
@json_option
def pay(order_id: int, amount: str | None, method: str, reference: str, key: str, as_json: bool) -> None:
    """Note that an order was paid elsewhere. This charges nobody.

    \b
    Example:
      connector orders pay 17 --amount 19.90 --method cash --reference 4471
    """
    with session() as env:
        currency = _found(env, order_id).row.currency
        minor = None if amount is None else to_minor(amount, currency)
        paid = story.record_payment(
            env.engine, order_id, now(), actor="cli", amount_minor=minor, method=method, reference=reference, key=key
        )
        show_one(
            {
                "order": order_id,
                "recorded": to_text(paid.amount_minor, paid.currency),
                "owed": to_text(paid.owed_minor, paid.currency),
                "owed_minor": paid.owed_minor,
            },
            as_json=as_json,
        )


@orders.command()
@click.argument("order_ids", metavar="ORDER…", nargs=-1, required=True, type=int)
@json_option
def cancel(order_ids: tuple[int, ...], as_json: bool) -> None:
    """Ask the shops to cancel these orders; each is judged alone. Money is given back in a shop's own admin only."""
    with session() as env:
        results = [_asked_to_cancel(env, order_id) for order_id in order_ids]
        show_list(results, ("order", "asked", "said"), as_json=as_json, empty="")
    if not all(result["asked"] for result in results):
        raise SystemExit(1)


def _asked_to_cancel(env: Environment, order_id: int) -> dict[str, Any]:
    try:
        platform = env.platforms.get(_found(env, order_id).row.platform)
        possible = platform is not None and platform.cancels
        wake(env, cancelling.cancel(env.engine, order_id, now(), actor="cli", possible=possible))
    except (NotFound, Rejected) as error:
        return {"order": order_id, "asked": False, "said": str(error)}
    return {"order": order_id, "asked": True, "said": _ASKED}


def _address(detail: OrderDetail) -> str:
    """The shipping address on one line, "" where there is none."""
    shipping = detail.person.get("shipping") or {}
    town = f"{shipping.get('postcode', '')} {shipping.get('city', '')}".strip()
    return ", ".join(filter(None, [shipping.get("street"), shipping.get("street2"), town, shipping.get("country")]))


def _found(env: Environment, order_id: int) -> OrderDetail:
    with env.engine.connect() as conn:
        detail = order_views.order_detail(conn, env.seal, order_id)
    if detail is None:
        raise NotFound(f"There is no order {order_id}.", "`connector orders list --history` shows them.")
    return detail


def _codes(env: Environment) -> dict[int, str]:
    with env.engine.connect() as conn:
        return {row.id: row.code for row in stock_views.list_locations(conn)}


def _location_id(codes: dict[int, str], code: str) -> int | None:
    if not code:
        return None
    for location_id, known in codes.items():
        if known == code:
            return location_id
    raise NotFound(f"There is no location {code!r}.", "`connector locations list` shows them.")


def _listed(row: OrderRow, codes: dict[int, str]) -> dict[str, Any]:
    parts = [f"{part.id} {codes.get(part.location_id, part.location)} {part.state}" for part in row.parts]
    return {**order_json.head(row), "parts": parts}


def _in_words(shown: dict[str, Any]) -> None:
    lines, parts, told = (shown.pop(name) for name in ("lines", "fulfillment_orders", "told"))
    show_one(shown, as_json=False)
    click.echo()
    show_list(
        lines, ("sku", "title", "quantity", "allocated", "backordered", "refunded", "mapped"), as_json=False, empty="No lines."
    )
    for part in parts:
        click.echo(
            f"\npart {part['id']}  {part['location_name']}  {part['state']}  {part['carrier']} {part['tracking']}".rstrip()
        )
        click.echo("  " + ", ".join(f"{line['quantity']} × {line['sku'] or line['title']}" for line in part["lines"]))
        if part["reason"]:
            click.echo(f"  {part['reason']}")
    if told:
        click.echo()
        show_list(told, ("act", "state", "outcome", "reason", "tries"), as_json=False, empty="")


COMMANDS = (orders,)
