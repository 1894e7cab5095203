"""The sandbox Shopify shop: GraphQL Admin API, webhooks, stock and order life in miniature."""

from __future__ import annotations

import flask

from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Shopfront
from sandbox.shopify import api, install, merchant
from sandbox.shopify.cost import Bucket
from sandbox.shopify.shop import Shop
from sandbox.store import Store


def build(store: Store, sender: Sender, knobs: Knobs) -> tuple[Shopfront, list[flask.Blueprint]]:
    """The shop and its API under /shopify."""
    shop = Shop(store, sender)
    shop.acts, shop.cannot = merchant.ACTS, merchant.CANNOT
    return shop, [api.blueprint(shop, knobs, Bucket()), install.blueprint(shop)]
