"""/privacy/<platform>: where a platform sends requests about personal data. Kept and committed, then answered 200."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

from connector.domain.errors import Malformed
from connector.flow import privacy as story
from connector.installing import Forged
from jobs.environment import Environment, now
from jobs.queue import Waker

_LARGEST_BODY_BYTES = 256 * 1024


def register(app: Flask, environment: Environment, waker: Waker) -> None:
    """Put the address on `app`."""
    doors = Blueprint("privacy", __name__)

    @doors.post("/privacy/<platform>")
    def ask(platform: str) -> Response:
        known = environment.platforms.get(platform)
        if known is None or known.install is None or known.install.privacy is None:
            return _said("no platform sends such requests here", 404)
        if (request.content_length or 0) > _LARGEST_BODY_BYTES:
            return _said("the body is too large", 413)
        headers = {name.lower(): value for name, value in request.headers}
        try:
            asked = known.install.privacy(headers, request.get_data(cache=False))
        except Forged:
            return _said("the signature does not fit", 401)
        except Malformed:
            return _said("the body is not one of this topic", 400)
        wake = story.receive(environment.engine, environment.seal, known, asked, now())
        if wake is not None:
            waker.wake(wake)
        return _said("kept", 200)

    app.register_blueprint(doors)


def _said(text: str, status: int) -> Response:
    return Response(f"{text}\n", status, mimetype="text/plain")
