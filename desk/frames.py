"""The desk within a platform's admin: a page of another site frames ours, and browsers give such a page no cookie.

So one small page is framed, and only that: its script fetches the desk's ordinary pages and shows them in itself. What a
cookie carries elsewhere, the signed session, travels in a header of these requests, and lives in that page's memory. Who is
there is proved by each request: by the platform's own token where its script gives one, good for a minute (`Bridge`), else by
a seat in the session, which we signed when the platform's signed answer came in. No secret is in an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request, session
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadData, URLSafeTimedSerializer

from connector.db import installs
from connector.db.staff import Member
from connector.installing import Forged
from desk.blueprint import house

SESSION, PLACE, ZONE = "X-Desk-Session", "X-Desk-Place", "X-Time-Zone"
GOOD_FOR = timedelta(minutes=15)
LONGEST = timedelta(hours=12)  # a seat is renewed by each act, but not for ever: the admin opens a new one
_SEAT = "seat"


@dataclass(frozen=True, slots=True)
class Seat:
    """A user of a store who came in through the platform's admin: the store, the platform's number of the user, until when."""

    shop_id: int
    user: str
    until: int


def carried() -> bool:
    """Whether the request comes from a framed page."""
    return SESSION in request.headers


def member() -> Member | None:
    """Who sits at the framed page this request comes from; None where that is not proved, or no longer allowed."""
    presented = request.headers.get("Authorization", "")
    with house().engine.connect() as conn:
        if presented:
            store = _by_token(presented)
            return installs.member_by_store(conn, *store) if store else None
        seat = _by_session()
        return installs.member_of(conn, seat.shop_id, seat.user) if seat else None


def new_session(app: Flask, seat: Seat | None) -> str:
    """A signed session for a page that is about to be framed; without a seat where the platform's token says who is there."""
    return _signer(app).dumps({_SEAT: [seat.shop_id, seat.user, seat.until]} if seat else {})


def seat(shop_id: int, user: str, now: datetime) -> Seat:
    """A fresh seat."""
    return Seat(shop_id, user, int((now + LONGEST).timestamp()))


def _by_token(presented: str) -> tuple[str, str, str] | None:
    kind, _, token = presented.partition(" ")
    try:
        return house().read_token(token.strip()) if kind.lower() == "bearer" else None
    except Forged:
        return None


def _by_session() -> Seat | None:
    found = session.get(_SEAT)
    if not isinstance(found, list) or len(found) != 3:
        return None
    held = Seat(*found)
    return held if held.until > datetime.now(UTC).timestamp() else None


def install(app: Flask) -> None:
    """Let sessions travel in a header, and redirects be followed by the framed page's own script."""
    app.session_interface = _InHeader()
    app.after_request(_say_where)


class _InHeader(SecureCookieSessionInterface):
    """The ordinary session in a cookie, or, for a framed page, the same in a header, good for a quarter of an hour."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if SESSION not in request.headers:
            return super().open_session(app, request)
        try:
            held = _signer(app).loads(request.headers[SESSION], max_age=int(GOOD_FOR.total_seconds()))
        except BadData:
            held = {}
        return self.session_class(held if isinstance(held, dict) else {})

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if SESSION not in request.headers:
            super().save_session(app, session, response)
        elif "X-Live" not in request.headers:  # looks at the same page again; what it holds may be older than the page's
            response.headers[SESSION] = _signer(app).dumps(dict(session))


def _signer(app: Flask) -> URLSafeTimedSerializer:
    """Of its own salt: what stands in a header is no cookie, and the other way round."""
    return URLSafeTimedSerializer(app.secret_key or "", salt="desk-frame", serializer=TaggedJSONSerializer())


def _say_where(response: Response) -> Response:
    """A redirect becomes an answer that names the place: a script cannot read what a redirect carries."""
    if SESSION in request.headers and response.status_code in (301, 302, 303, 307, 308):
        parts = urlsplit(response.location or "")
        response.headers[PLACE] = parts._replace(scheme="", netloc="").geturl()
        del response.headers["Location"]
        response.status_code = 204
        response.set_data(b"")
    return response
