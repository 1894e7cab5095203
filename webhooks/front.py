"""The webhook path before Flask: the same answers without a framework, which costs more than all the rest of a delivery."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from webhooks import metrics, security
from webhooks.receive import LARGEST_BODY_BYTES, Answer, BodyLost, BodyTooLarge, Door, receive, receive_quickly
from webhooks.rsgi import Quick

PREFIX = "/webhooks/"
_RETRY_SECONDS = "5"
_PIECE_BYTES = 65_536
_MORE_HEADERS: Mapping[int, tuple[tuple[str, str], ...]] = {
    405: (("Allow", "POST"),),
    503: (("Retry-After", _RETRY_SECONDS),),
}


def before(app: WSGIApplication, door: Door) -> WSGIApplication:
    """The application with everything under /webhooks/ answered by `door`, and all else by `app`."""

    def front(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return app(environ, start_response)
        began = time.perf_counter()
        answer = receive(door, environ["REQUEST_METHOD"], path, _headers(environ), partial(_read, environ))
        _count(door, path, answer, began)
        status, headers, body = _answer(answer, environ.get("wsgi.url_scheme") == "https")
        start_response(status, list(headers))
        return [body]

    return front


def quickly(door: Door, *, secure: bool) -> Quick:
    """What answers on the event loop: deliveries that need no thread; None for all else. `secure`: we are reached by https."""

    async def front(
        method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes] | None:
        if not path.startswith(PREFIX):
            return None
        began = time.perf_counter()
        answer = await receive_quickly(door, method, path, headers, body)
        if answer is None:
            return None
        _count(door, path, answer, began)
        _, answered, content = _answer(answer, secure)
        return answer.status, list(answered), content

    return front


def _count(door: Door, path: str, answer: Answer, began: float) -> None:
    label = _labels(path, door)
    _counter(label, answer.outcome).inc()
    _clock(label).observe(time.perf_counter() - began)


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """The request's headers by their lower-case names."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def _labels(path: str, door: Door) -> str:
    platform = path[len(PREFIX) :].partition("/")[0]
    return platform if platform in door.platforms else "unknown"


@cache
def _counter(platform: str, outcome: str) -> Any:
    return metrics.DELIVERIES.labels(platform, outcome)


@cache
def _clock(platform: str) -> Any:
    return metrics.SECONDS.labels(platform)


@cache
def _answer(answer: Answer, secure: bool) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    """Status line, headers and body; there are ten answers in all."""
    body = answer.text.encode()
    own = (("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))))
    guards = tuple(security.headers(secure=secure).items())
    return f"{answer.status} {HTTPStatus(answer.status).phrase}", own + _MORE_HEADERS.get(answer.status, ()) + guards, body


def _read(environ: WSGIEnvironment) -> bytes:
    """The raw body, never more than the largest allowed; a body without a length is read as far as the server frames it."""
    try:
        stream = get_input_stream(environ, max_content_length=LARGEST_BODY_BYTES + 1)
        pieces: Callable[[], bytes] = partial(stream.read, _PIECE_BYTES)
        body = b"".join(iter(pieces, b""))
    except RequestEntityTooLarge:
        raise BodyTooLarge from None
    except (ClientDisconnected, OSError):
        raise BodyLost from None
    if len(body) > LARGEST_BODY_BYTES:
        raise BodyTooLarge
    return body
