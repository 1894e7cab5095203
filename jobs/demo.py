"""`python -m jobs.demo SANDBOX_URL`: makes this connector one with places, items, stock and the three sandbox shops.

Everything in it may be repeated: the second time it changes nothing.
"""

from __future__ import annotations

import click
import requests
import structlog

from config import logging, settings
from connector.db import merchants
from connector.domain.errors import ConnectorError
from connector.flow import linking, shops, stock
from connector.flow.stock import StockLine
from connector.platform import WHOLE_SHOP
from jobs.environment import Environment, now, opened
from sandbox.linking import RECEIPT_KEY, Demo, DemoShop, demo

_ANSWER_SECONDS = 10

log = structlog.get_logger(__name__)


def furnish(env: Environment, wanted: Demo) -> None:
    """Places, items and stock first, so that the first order finds them."""
    for place in wanted.locations:
        stock.add_location(
            env.engine,
            code=str(place["code"]),
            name=str(place["name"]),
            kind=str(place["kind"]),
            priority=int(place["priority"]),
        )
    stock.add_items(env.engine, wanted.items, now())
    lines = [StockLine(*line) for line in wanted.stock]
    booked = stock.change(env.engine, lines, now(), key=RECEIPT_KEY, reason="receipt", actor="sandbox")
    log.info("places, items and stock are there", places=len(wanted.locations), items=len(wanted.items), booked=booked)
    for shop in wanted.shops:
        _link(env, shop)


def _link(env: Environment, wanted: DemoShop) -> None:
    platform = env.platforms[wanted.platform]
    shop, _ = shops.add(env.engine, env.seal, platform, wanted.options, env.settings.public_url, now(), name=wanted.name)
    for external_id, code in wanted.location_links:
        stock.link_location(env.engine, shop.id, external_id, code)
    linking.read_places(env.engine, platform, shop)
    if wanted.stock_of:
        linking.link_location(env.engine, shop.id, WHOLE_SHOP, wanted.stock_of, now())
    linked = linking.read_catalogue(env.engine, platform, shop, now())
    linking.change_settings(env.engine, platform, shop, {"publish_stock": "yes"}, now())
    log.info("its catalogue is linked", variants=linked.variants, linked=linked.linked, problems=linked.problems)
    log.info("a sandbox shop is linked", shop=shop.id, platform=shop.platform)


def _let_orders_arrive(sandbox_url: str, orders_per_minute: float) -> None:
    answer = requests.put(
        f"{sandbox_url}/sandbox/traffic", json={"orders_per_minute": orders_per_minute}, timeout=_ANSWER_SECONDS
    )
    if not answer.ok:
        raise ConnectorError(f"The sandbox refused the rate of orders: {answer.text}", "Give another --orders-per-minute.")


@click.command(help=__doc__)
@click.argument("sandbox_url")
def main(sandbox_url: str) -> None:
    """The process's entry."""
    chosen = settings.load()
    logging.configure(chosen)
    try:
        with opened(chosen, name="demo") as env:
            furnish(env.of(merchants.FIRST), demo(sandbox_url))
        _let_orders_arrive(sandbox_url, chosen.sandbox_orders_per_minute)
    except ConnectorError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
