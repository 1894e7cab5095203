"""A small WooCommerce 10.5 shop: its REST API, its webhooks, and what its customers and its merchant do."""

from __future__ import annotations

import flask
from flask import Response, jsonify, request

from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Shopfront
from sandbox.store import Store
from sandbox.woocommerce import install
from sandbox.woocommerce.api import blueprint
from sandbox.woocommerce.hooks import Hooks
from sandbox.woocommerce.products import stock_the_shop
from sandbox.woocommerce.shop import PREFIX, SETTINGS, Shop
from sandbox.woocommerce.shopfront import WooCommerceShop


def build(store: Store, sender: Sender, knobs: Knobs) -> tuple[Shopfront, list[flask.Blueprint]]:
    """The shop and its routes. What it holds is in the store; a shop that was never opened gets the catalogue."""
    hooks = Hooks(store, sender)
    stock_the_shop(hooks.shop)
    return WooCommerceShop(hooks.shop), [
        blueprint(hooks.shop, hooks, knobs),
        _settings(hooks.shop),
        install.blueprint(hooks.shop),
    ]


def _settings(shop: Shop) -> flask.Blueprint:
    """What differs between real shops, to be seen and set: GET, PUT /woocommerce/sandbox. No part of WooCommerce."""
    routes = flask.Blueprint("woocommerce-settings", __name__, url_prefix=PREFIX)

    @routes.get("/sandbox")
    def show() -> Response:
        return jsonify({name: shop.setting(name) for name in SETTINGS})

    @routes.put("/sandbox")
    def change() -> tuple[Response, int]:
        wanted = request.get_json(silent=True)
        if not isinstance(wanted, dict) or not all(type(SETTINGS.get(name)) is type(value) for name, value in wanted.items()):
            return jsonify({"error": f"Give any of {', '.join(SETTINGS)} with a value of its kind."}), 400
        with shop.store.together():
            shop.store.put("woocommerce.setting", "shop", (shop.store.get("woocommerce.setting", "shop") or {}) | wanted)
        return show(), 200

    return routes
