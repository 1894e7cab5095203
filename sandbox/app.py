"""The sandbox as one WSGI app: three platforms' APIs, the control API and the pages, on one durable state."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import cast

import flask
from flask import Flask

from sandbox import bigcommerce, control, pages, shopify, woocommerce
from sandbox.faults import Knobs
from sandbox.running import Sandbox
from sandbox.sending import Sender
from sandbox.shopfront import Shopfront
from sandbox.store import Store
from sandbox.traffic import Traffic

Build = Callable[[Store, Sender, Knobs], tuple[Shopfront, list[flask.Blueprint]]]

BUILDERS: tuple[Build, ...] = (shopify.build, woocommerce.build, bigcommerce.build)
_LARGEST_REQUEST_BYTES = 5 * 1024 * 1024


def create_app(directory: Path, *, rate_per_minute: float = 0) -> Flask:
    """The sandbox on the state in `directory`, with its sending and its traffic running."""
    return assemble(directory, BUILDERS, rate_per_minute=rate_per_minute)


def assemble(directory: Path, builders: tuple[Build, ...], *, rate_per_minute: float = 0) -> Flask:
    """As `create_app`, of the given platforms."""
    store = Store(directory / "sandbox.journal")
    knobs = Knobs(store)
    sender = Sender(store, knobs)
    built = [build(store, sender, knobs) for build in builders]
    shopfronts = {shopfront.platform: shopfront for shopfront, _ in built}
    traffic = Traffic(shopfronts, sender, rate_per_minute)
    app = Flask("sandbox")
    app.config.update(
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST_BYTES,
        SECRET_KEY=secrets.token_hex(),  # only signs what the pages say after a form; a restart may forget it
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["sandbox"] = Sandbox(store, knobs, sender, shopfronts, traffic)
    blueprints = [blueprint for _, some in built for blueprint in some]
    for blueprint in (*blueprints, control.api, pages.pages):
        app.register_blueprint(blueprint)
    sender.start()
    traffic.start()
    return app


def close(app: Flask) -> None:
    """Stop what `create_app` started."""
    cast(Sandbox, app.extensions["sandbox"]).close()
