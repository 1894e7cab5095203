"""The web process: `create_app` is the factory that granian (or any WSGI server) is given."""

from __future__ import annotations

import time
from functools import partial

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

import desk
from config import embedded, logging, settings
from config.settings import Settings
from connector.db import shop_views
from connector.flow import receive as story
from connector.flow import shops
from connector.platform import Platform
from jobs import queue
from jobs.environment import Environment, now, open_at
from webhooks import health, install, metrics, privacy, security
from webhooks.directory import Directory, Known
from webhooks.receive import LARGEST_BODY_BYTES, BodyLost, BodyTooLarge, Door, receive

_RETRY_SECONDS = "5"


def create_app(chosen: Settings | None = None) -> Flask:
    """The web application on the settings of the environment (or those given). Opens connections only as they are used."""
    if chosen is None:
        chosen = settings.load()
        logging.configure(chosen)
    return build(open_at(chosen, embedded.addresses(chosen), name="web", pool_size=chosen.web_threads))


def build(environment: Environment) -> Flask:
    """The web application on an opened environment."""
    app = Flask(__name__, static_folder=None)
    chosen = environment.settings
    app.config.update(
        SECRET_KEY=chosen.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=LARGEST_BODY_BYTES,
        SESSION_COOKIE_SECURE=chosen.public_url.startswith("https://"),
        SESSION_COOKIE_HTTPONLY=True,
    )
    waker = queue.Waker(environment.redis)
    app.extensions["waker"] = waker
    vitals = health.Vitals(environment.engine, environment.redis, chosen.clock_seconds, now)
    app.register_blueprint(health.blueprint(vitals))
    _receive_webhooks(app, door(environment, waker))
    desk.register(
        app,
        engine=environment.engine,
        seal=environment.seal,
        ring=lambda wakes: waker.wake(*wakes),
        titles={platform.name: platform.title for platform in environment.platforms.values()},
    )
    install.register(app, environment, lambda wakes: waker.wake(*wakes))
    privacy.register(app, environment, waker)
    security.secure(app, public_url=chosen.public_url, trusted_proxies=chosen.trusted_proxies)
    return app


def door(environment: Environment, waker: queue.Waker) -> Door:
    """What receiving needs, from an environment."""
    return Door(
        platforms=environment.platforms,
        directory=Directory(partial(_known, environment)),
        keep=partial(story.receive, environment.engine, environment.seal),
        wake=waker.wake,
        now=now,
    )


def _known(environment: Environment, platform: Platform, name: str) -> Known | None:
    look_up = shops.by_external_id if platform.shared_address else shops.by_key
    shop = look_up(environment.engine, environment.seal, platform.name, name)
    if shop is None:
        return None
    with environment.engine.connect() as conn:
        return Known(shop, shop_views.uninstalled_at(conn, shop.id))


def _receive_webhooks(app: Flask, at: Door) -> None:
    @app.post("/webhooks/<platform>", endpoint="webhook")
    @app.post("/webhooks/<platform>/<shop_key>", endpoint="webhook")
    def webhook(platform: str, shop_key: str = "") -> Response:
        began = time.perf_counter()
        headers = {name.lower(): value for name, value in request.headers}
        answer = receive(at, request.method, request.path, headers, _read)
        label = platform if platform in at.platforms else "unknown"
        metrics.DELIVERIES.labels(label, answer.outcome).inc()
        metrics.SECONDS.labels(label).observe(time.perf_counter() - began)
        response = Response(answer.text, answer.status, mimetype="text/plain")
        if answer.status == 503:
            response.headers["Retry-After"] = _RETRY_SECONDS
        return response


def _read() -> bytes:
    """The raw body, never more than the largest allowed; a body without a length is read as far as the server frames it."""
    try:
        stream = get_input_stream(request.environ, max_content_length=LARGEST_BODY_BYTES + 1)
        body = b"".join(iter(partial(stream.read, 65536), b""))
    except RequestEntityTooLarge:
        raise BodyTooLarge from None
    except (ClientDisconnected, OSError):
        raise BodyLost from None
    if len(body) > LARGEST_BODY_BYTES:
        raise BodyTooLarge
    return body
