"""The web process: `create_server` is the factory that granian is given, `create_app` that of any WSGI server."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from flask import Flask

import desk
from config import embedded, logging, settings
from connector.db import shop_views
from connector.flow import receive as story
from connector.flow import shops
from connector.installing import Forged, NotOurs
from connector.platform import Platform
from jobs import queue
from jobs.environment import Environment, now, open_at
from webhooks import front, health, install, metrics, privacy, security
from webhooks.directory import Directory, Known
from webhooks.receive import LARGEST_BODY_BYTES, Door
from webhooks.rsgi import Served


def create_app() -> Flask:
    """The web application on the settings of the environment. Opens connections only as they are used."""
    return build(_environment())


def create_server() -> Served:
    """The same as granian takes it."""
    environment = _environment()
    app, chosen = build(environment), environment.settings
    return Served(app, chosen.web_threads, quick=front.quickly(app.extensions["door"], secure=chosen.is_secure))


def _environment() -> Environment:
    chosen = settings.load()
    logging.configure(chosen)
    return open_at(chosen, embedded.addresses(chosen), name="web", pool_size=chosen.web_threads)


def build(environment: Environment) -> Flask:
    """The web application on an opened environment."""
    app = Flask(__name__, static_folder=None)
    chosen = environment.settings
    app.config.update(
        SECRET_KEY=chosen.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=LARGEST_BODY_BYTES,
        SESSION_COOKIE_SECURE=chosen.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
    )
    waker = queue.Waker(environment.redis)
    app.extensions["waker"] = waker
    vitals = health.Vitals(environment.engine, environment.redis, chosen.clock_seconds, now)
    app.register_blueprint(health.blueprint(vitals))
    # Within the guards that know of proxies, before everything that is for people.
    app.extensions["door"] = door(environment, waker)
    app.wsgi_app = front.before(app.wsgi_app, app.extensions["door"])  # type: ignore[method-assign, assignment]
    desk.register(
        app,
        engine=environment.engine,
        seal=environment.seal,
        ring=lambda wakes: waker.wake(*wakes),
        titles={platform.name: platform.title for platform in environment.platforms.values()},
        platforms=environment.platforms,
        read_token=partial(_read_token, environment),
        http=environment.http,
        answers=metrics.answers,
    )
    install.register(app, environment, lambda wakes: waker.wake(*wakes))
    privacy.register(app, environment, waker)
    security.secure(app, public_url=chosen.public_url, trusted_proxies=chosen.trusted_proxies)
    return app


def door(environment: Environment, waker: queue.Waker) -> Door:
    """What receiving needs, from an environment."""
    together = story.GroupCommit(environment.engine, environment.seal)
    return Door(
        platforms=environment.platforms,
        directory=Directory(partial(_known, environment)),
        keep=together.receive,
        keeping=together.received,
        wake=waker.wake,
        now=now,
    )


def _read_token(environment: Environment, token: str) -> tuple[str, str, str] | None:
    """Who comes with a token of a platform's own script: (platform, store, user); None where no platform made it."""
    for platform in environment.platforms.values():
        if platform.install and platform.install.bridge:
            with suppress(Forged, NotOurs):
                store, user = platform.install.bridge.read(token)
                return platform.name, store, user.external_id
    return None


def _known(environment: Environment, platform: Platform, name: str) -> Known | None:
    look_up = shops.by_external_id if platform.shared_address else shops.by_key
    shop = look_up(environment.engine, environment.seal, platform.name, name)
    if shop is None:
        return None
    with environment.engine.connect() as conn:
        return Known(shop, shop_views.uninstalled_at(conn, shop.id))
