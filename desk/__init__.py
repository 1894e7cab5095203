"""The people's door: pages on which shop staff find, pack and hand over orders.

Everything works as plain links and forms; the one script only refreshes lists and saves a click.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from flask import Flask
from sqlalchemy import Engine

from connector.db.sealed import Seal
from connector.domain.errors import ConnectorError
from connector.flow.wake import Wake
from connector.platform import Platform
from desk import (
    acts,
    api,
    bulk,
    components,
    correct,
    dashboard,
    endpoints,
    entry,
    frames,
    health,
    language,
    mapping,
    orders,
    papers,
    past,
    picking,
    problems,
    shop_pages,
    show,
    staff,
    stock,
    tasks,
    views,
    ways,
)
from desk.blueprint import Desk, csrf, pages
from platforms import outgoing, registry
from platforms.http import Http

__all__ = ["register"]


def register(
    app: Flask,
    *,
    engine: Engine,
    seal: Seal,
    ring: Callable[[Iterable[Wake]], None],
    titles: Mapping[str, str] | None = None,
    http: Http | None = None,
    platforms: Mapping[str, Platform] | None = None,
    read_token: Callable[[str], tuple[str, str, str] | None] | None = None,
    answers: Callable[[], Sequence[tuple[float, int]]] = tuple,
) -> None:
    """Add the desk to `app`, which must have a secret key: forms and messages are signed with it.

    `ring` wakes the workers after an act was committed. `titles` are the platforms' names as people write them. `http` says
    which addresses may be called, `platforms` are asked what a shop's settings may be. `read_token` says of a platform's own
    token who comes with it (see `desk.frames`). `answers` tells how many deliveries were answered within each time (most
    seconds, count).
    """
    if not app.secret_key:
        raise ConnectorError("The desk signs its forms and has no key for it.", "Set SECRET_KEY.")
    # A till stays open all day: a form is good as long as its session. Other doors answer for their own requests.
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    app.config["SESSION_COOKIE_SAMESITE"] = app.config["SESSION_COOKIE_SAMESITE"] or "Lax"  # Flask's own default is None
    app.permanent_session_lifetime = _SESSION
    csrf.init_app(app)
    frames.install(app)
    language.install(app)
    show.install(app)
    calling = http or Http()
    known = platforms if platforms is not None else registry.platforms(calling)
    found = Desk(engine, seal, ring, dict(titles or {}), partial(outgoing.check_endpoint, calling), known, answers)
    app.extensions["desk"] = replace(found, read_token=read_token) if read_token else found
    app.register_blueprint(pages)
    api.register(app)
    app.register_error_handler(404, problems.not_found)
    app.register_error_handler(405, problems.not_that_way)


_SESSION = timedelta(hours=14)  # a long day in the shop; each request begins it anew
# Importing them puts their routes on `pages`.
_ROUTES = (
    acts,
    bulk,
    components,
    correct,
    dashboard,
    endpoints,
    health,
    mapping,
    orders,
    papers,
    past,
    picking,
    problems,
    shop_pages,
    staff,
    stock,
    tasks,
    views,
    ways,
)

# In this order: who it is, whether the form is ours, and the record before the act.
pages.before_request(entry.admit)
pages.before_request(csrf.protect)
pages.before_request(entry.begin_record)
pages.after_request(entry.end_record)
