"""WooCommerce behind the port."""

from __future__ import annotations

from functools import partial

from connector.installing import App
from connector.platform import Goods, Platform
from platforms.http import Http
from platforms.woocommerce import catalogue, stock
from platforms.woocommerce.approval import installing
from platforms.woocommerce.auth import OPTIONS, open_shop
from platforms.woocommerce.install import check, choices, flaws, subscribe
from platforms.woocommerce.listing import count_orders, list_orders
from platforms.woocommerce.normalize import normalize
from platforms.woocommerce.orders import changed_orders, fetch_order, locations
from platforms.woocommerce.status import announce
from platforms.woocommerce.webhook import genuine, is_ping, parse

NO_APP = App()


def build(http: Http, app: App = NO_APP) -> Platform:
    """WooCommerce, calling out through `http`. `app` is not looked at: WooCommerce knows no registered apps."""
    return Platform(
        name="woocommerce",
        title="WooCommerce",
        credentials=OPTIONS,
        shared_address=False,
        open_shop=partial(open_shop, http),
        shop_named_by=lambda headers: "",
        is_ping=is_ping,
        genuine=genuine,
        parse=parse,
        normalize=normalize,
        check=partial(check, http),
        subscribe=partial(subscribe, http),
        fetch_order=partial(fetch_order, http),
        changed_orders=partial(changed_orders, http),
        list_orders=partial(list_orders, http),
        count_orders=partial(count_orders, http),
        flaws=partial(flaws, http),
        locations=partial(locations, http),
        announce=partial(announce, http),
        install=installing(http),
        choices=partial(choices, http),
        cancels=True,
        goods=Goods(
            located=False,
            most=stock.MOST,
            settles_seconds=0,
            repeatable=False,
            variants=partial(catalogue.variants, http),
            obstacle=lambda shop: "",
            levels=partial(stock.levels, http),
            publish=partial(stock.publish, http),
        ),
    )
