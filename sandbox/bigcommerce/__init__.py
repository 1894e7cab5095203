"""A small BigCommerce store: its v2 and v3 API, its order life, its stock rules and its webhooks."""

from __future__ import annotations

import flask

from sandbox.bigcommerce import install, v2, v3
from sandbox.bigcommerce.answers import Quota, door
from sandbox.bigcommerce.hooks import Hooks
from sandbox.bigcommerce.life import BigCommerceFront
from sandbox.bigcommerce.shop import PLATFORM, Shop
from sandbox.bigcommerce.stock import Stock
from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Shopfront
from sandbox.store import Store


def build(store: Store, sender: Sender, knobs: Knobs) -> tuple[Shopfront, list[flask.Blueprint]]:
    """The store's front for people and traffic, and the blueprint of its API under /bigcommerce."""
    hooks = Hooks(store, sender)
    shop = Shop(store, hooks, Stock(store))
    api = flask.Blueprint("bigcommerce", __name__, url_prefix=f"/{PLATFORM}")
    door(api, shop, Quota(), knobs)
    v2.add(api, shop)
    v3.add(api, shop)
    return BigCommerceFront(shop), [api, install.blueprint(shop)]
