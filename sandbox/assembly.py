"""The sandbox put together out of platforms: their APIs, the control API and the pages, on one durable state."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import cast

import flask
from flask import Flask

from sandbox import control, pages, pictures
from sandbox.faults import Knobs
from sandbox.running import Sandbox
from sandbox.sending import Sender
from sandbox.shopfront import Shopfront
from sandbox.store import Store
from sandbox.traffic import Traffic

Build = Callable[[Store, Sender, Knobs], tuple[Shopfront, list[flask.Blueprint]]]

_LARGEST_REQUEST_BYTES = 5 * 1024 * 1024


def assemble(directory: Path, builders: tuple[Build, ...], *, rate_per_minute: float = 0) -> Flask:
    """A Flask app of the given platforms on the state in `directory`, with its sending and its traffic running."""
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
    for blueprint in (*blueprints, control.api, pages.pages, pictures.pages):
        app.register_blueprint(blueprint)
    sender.start()
    traffic.start()
    return app


def close(app: Flask) -> None:
    """Stop what `assemble` started; nothing queued is lost."""
    cast(Sandbox, app.extensions["sandbox"]).close()
