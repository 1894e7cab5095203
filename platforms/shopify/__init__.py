"""Shopify behind the port. README.md says how the parts fit together and why they are as they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from connector.installing import App
from connector.platform import Goods, Platform
from platforms.http import Http
from platforms.shopify import (
    auth,
    catalogue,
    client,
    install,
    listing,
    normalize,
    reading,
    status,
    stock,
    subscriptions,
    tokens,
    webhook,
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


NO_APP = App()


def build(http: Http, now: Callable[[], datetime] = _utc_now, app: App = NO_APP) -> Platform:
    """Shopify, calling out through `http`. `app` is the connector as Shopify knows it; `now` tells how old an order is
    (see `reading.fetch_order`) and when tokens end."""
    return Platform(
        name="shopify",
        title="Shopify",
        credentials=auth.CREDENTIALS,
        shared_address=True,
        open_shop=partial(auth.open_shop, http),
        shop_named_by=webhook.shop_named_by,
        is_ping=webhook.is_ping,
        genuine=partial(webhook.genuine_for, app),
        parse=webhook.parse,
        normalize=normalize.normalize,
        check=partial(reading.check, http),
        subscribe=partial(subscriptions.subscribe, http),
        fetch_order=partial(reading.fetch_order, http, now),
        changed_orders=partial(reading.changed_orders, http),
        list_orders=partial(listing.list_orders, http, now),
        count_orders=partial(listing.count_orders, http),
        flaws=partial(subscriptions.flaws, http),
        locations=partial(reading.locations, http),
        announce=partial(status.announce, http),
        room=partial(client.room, http),
        install=install.installing(http, app),
        refresh=partial(tokens.refresh, http, app, now),
        cancels=True,
        goods=Goods(
            located=True,
            most=stock.MOST,
            settles_seconds=0,
            repeatable=True,
            variants=partial(catalogue.variants, http),
            obstacle=lambda shop: "",
            levels=partial(stock.levels, http),
            publish=partial(stock.publish, http),
        ),
    )
