"""What a merchant's browser carries between the install pages, and what shields them."""

from __future__ import annotations

from flask import Response, current_app, g, request
from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.wrappers import Response as BaseResponse

from connector.flow.install import BEGIN_AGAIN
from connector.installing import Forged
from desk import pictures

_COOKIE = "install"
_COOKIE_SECONDS = 24 * 3600
_VIEW_SECONDS = 15 * 60
OPEN_AGAIN = "Open it again from the store, or install it again."


def browser() -> str:
    """The random word of this browser, "" where it has none."""
    return request.cookies.get(_COOKIE, "")


def with_cookie(response: BaseResponse, word: str, *, secure: bool) -> BaseResponse:
    """Lax: the way back from the platform is an ordinary visit, and carries it; a form of another site does not."""
    response.set_cookie(_COOKIE, word, max_age=_COOKIE_SECONDS, path="/install", secure=secure, httponly=True, samesite="Lax")
    return response


def word_in(state: str) -> str:
    """The one-time word within a state we signed."""
    if not state:
        raise Forged("This installation was not begun here.", BEGIN_AGAIN)
    try:
        return str(states().loads(state))
    except BadData:
        raise Forged("This installation was not begun here.", BEGIN_AGAIN) from None


def states() -> URLSafeSerializer:
    """Signs what goes along with a consent."""
    return URLSafeSerializer(current_app.secret_key or "", salt="install-state")


def views() -> URLSafeTimedSerializer:
    """Signs what opens one store's page."""
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="install-view")


def viewed(view: str) -> int:
    """The shop a page may show, by the signed word in it; Forged where that is made up or over."""
    try:
        return int(views().loads(view, max_age=_VIEW_SECONDS)["shop"])
    except (BadData, KeyError, TypeError, ValueError):
        raise Forged("This page is no longer open to you.", OPEN_AGAIN) from None


_POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; img-src 'self' data:{pictures}; object-src 'none'; base-uri 'none'; "
    "form-action {form_targets}; frame-ancestors {framers}"
)


def shield(response: Response) -> Response:
    """Only the store's own admin may frame a page, and no cache or next address learns what this one held."""
    framers = g.get("framers", ())
    scripts = "".join(f" {place}" for place in g.get("scripts", ()))
    policy = _POLICY.format(
        scripts=scripts,
        pictures=pictures.sources(),
        form_targets=g.get("form_targets", "'self'"),
        framers=" ".join(framers) or "'none'",
    )
    response.headers["Content-Security-Policy"] = policy
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "install.static":
        response.headers["Cache-Control"] = "no-store"
    if framers:
        g.may_be_framed = True
    return response
