"""Which language and time zone a page is in: ?lang=, then the cookie, then what the browser asks for."""

from __future__ import annotations

from pathlib import Path

import flask_babel
from babel import Locale
from babel.dates import get_timezone
from flask import Flask, Response, current_app, request

from desk import frames

LANGUAGES = {"en": "English", "fr": "Français"}
TRANSLATIONS = Path(__file__).parent / "translations"
_COOKIE = "lang"
_ZONE_COOKIE = "tz"
_YEAR_SECONDS = 365 * 24 * 3600


def N_(text: str) -> str:
    """Mark `text` for the catalogues; it is translated where it is shown."""
    return text


def gettext(text: str, **facts: object) -> str:
    """`text` in the language of the request; facts are named like %(this)s."""
    return str(flask_babel.gettext(text, **facts))


def ngettext(one: str, many: str, count: int) -> str:
    """The sentence about `count` of something in the language of the request, in that language's own form of the number."""
    return str(flask_babel.ngettext(one, many, count))


def locale() -> Locale:
    """The locale of the request."""
    found = flask_babel.get_locale()
    return found if isinstance(found, Locale) else Locale("en")


def install(app: Flask) -> None:
    """Translate by request, and remember a language once it was chosen."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(TRANSLATIONS))
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", "UTC")
    flask_babel.Babel(app, locale_selector=chosen, timezone_selector=_time_zone)
    app.after_request(_remember)


def chosen() -> str:
    """The language of this request."""
    for wanted in (request.args.get("lang"), request.cookies.get(_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return request.accept_languages.best_match(LANGUAGES) or "en"


def _time_zone() -> str | None:
    """The browser's zone, which the script notes in a cookie; the configured one until then."""
    name = request.cookies.get(_ZONE_COOKIE) or request.headers.get(frames.ZONE, "")
    try:
        get_timezone(name or None)
    except (LookupError, ValueError):
        name = ""
    return name or str(current_app.config["BABEL_DEFAULT_TIMEZONE"])


def _remember(response: Response) -> Response:
    wanted = request.args.get("lang")
    if wanted in LANGUAGES:
        response.set_cookie(_COOKIE, wanted, max_age=_YEAR_SECONDS, secure=request.is_secure, httponly=True, samesite="Lax")
    return response
