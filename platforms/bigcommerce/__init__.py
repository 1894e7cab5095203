"""BigCommerce behind the port."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from connector.installing import App
from connector.platform import Goods, Platform
from platforms.bigcommerce import auth, catalogue, install, listing, orders, status, stock, store, webhook
from platforms.http import Http

NO_APP = App()


def build(http: Http, app: App = NO_APP) -> Platform:
    """BigCommerce as functions, calling out through `http`. `app` is the connector as BigCommerce knows it."""
    return Platform(
        name="bigcommerce",
        title="BigCommerce",
        credentials=auth.CREDENTIALS,
        shared_address=False,
        open_shop=partial(auth.open_shop, http),
        shop_named_by=_never_named,
        is_ping=_never_a_ping,
        genuine=partial(webhook.genuine_for, app),
        parse=webhook.parse,
        normalize=webhook.normalize,
        check=partial(store.check, http),
        subscribe=partial(store.subscribe, http),
        fetch_order=partial(orders.fetch_order, http),
        changed_orders=partial(orders.changed_orders, http),
        list_orders=partial(listing.list_orders, http),
        count_orders=partial(listing.count_orders, http),
        flaws=partial(store.flaws, http),
        locations=partial(store.locations, http),
        goods=Goods(
            located=True,
            most=stock.MOST,
            settles_seconds=stock.SETTLES_SECONDS,
            repeatable=False,
            variants=partial(catalogue.variants, http),
            obstacle=partial(stock.obstacle, http, stock.Channels()),
            levels=partial(stock.levels, http),
            publish=partial(stock.publish, http),
        ),
        announce=partial(status.announce, http),
        room=http.room,
        cancels=True,
        install=install.installing(http, app),
    )


def _never_named(headers: Mapping[str, str]) -> str:
    return ""


def _never_a_ping(headers: Mapping[str, str], body: bytes) -> bool:
    return False
