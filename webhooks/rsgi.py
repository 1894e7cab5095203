"""The WSGI application behind granian's event loop: a request takes a thread once its body is there, and not before.

granian's own WSGI reads a body on the thread that answers, and has no time-out for it: some forty senders who never finish
held every thread. Here slow bodies wait on the loop, which costs a socket each, and are given up after BODY_SECONDS.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from wsgiref.types import WSGIApplication, WSGIEnvironment

from webhooks.receive import LARGEST_BODY_BYTES

# Answers on the loop (status, headers, content) what needs no thread: method, path, headers, body; None: a thread is to answer.
Quick = Callable[[str, str, Mapping[str, str], bytes], Awaitable[tuple[int, list[tuple[str, str]], bytes] | None]]

BODY_SECONDS = 20.0  # longer than any platform waits for an answer
_LATE = "the body did not arrive in time\n"
_PLAIN = ("content-type", "text/plain; charset=utf-8")
_OUTSIDE_HTTP = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Headers(Protocol):
    """Names are lower-case; one that came twice is there twice."""

    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """What granian says of a request (RSGI 1.6)."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None
    headers: Headers


class Exchange(Protocol):
    """The request's body, in pieces, and the way to answer."""

    def __aiter__(self) -> Any: ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...

    def response_str(self, status: int, headers: list[tuple[str, str]], body: str) -> None: ...


class Served:
    """A WSGI application as granian's RSGI takes it, answered by so many threads, but for what `quick` answers."""

    def __init__(
        self, app: WSGIApplication, threads: int, *, quick: Quick | None = None, body_seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._quick = quick
        self._threads = ThreadPoolExecutor(threads, "request")
        self._body_seconds = body_seconds

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request."""
        headers = _joined(scope.headers.items())
        body = b""
        if _is_wanted(headers):
            try:
                async with asyncio.timeout(self._body_seconds):
                    body = await _read(exchange)
            except TimeoutError:
                exchange.response_str(408, [_PLAIN, ("connection", "close")], _LATE)
                return
        answered = await self._quick(scope.method, scope.path, headers, body) if self._quick else None
        if answered is None:
            environ = _environ(scope, headers, body)
            answered = await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, environ)
        exchange.response_bytes(*answered)

    def _answer(self, environ: WSGIEnvironment) -> tuple[int, list[tuple[str, str]], bytes]:
        said: list[tuple[int, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            said[:] = [(int(status[:3]), headers)]
            return _no_write

        found = self._app(environ, start_response)
        try:
            content = b"".join(found)
        finally:
            _close(found)
        status, headers = said[0]
        return status, headers, content


def _no_write(data: bytes) -> object:
    raise NotImplementedError("WSGI's write() is not served")


def _close(found: Iterable[bytes]) -> None:
    close = getattr(found, "close", None)
    if close is not None:
        close()


def _is_wanted(headers: Mapping[str, str]) -> bool:
    """Whether there is a body to wait for. One that says it is too large is refused by its length."""
    length = headers.get("content-length", "")
    return int(length) <= LARGEST_BODY_BYTES + 1 if length.isdecimal() else bool(length) or "transfer-encoding" in headers


async def _read(exchange: Exchange) -> bytes:
    """The body as far as it is wanted: one byte over the limit is enough to refuse it. What a sender broke off ends early, and
    its length tells so."""
    pieces: list[bytes] = []
    left = LARGEST_BODY_BYTES + 1
    async for piece in exchange:
        pieces.append(piece[:left])
        left -= len(pieces[-1])
        if left <= 0:
            break
    return b"".join(pieces)


def _joined(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each header once, as WSGI has them; without those that WSGI could not tell from one a proxy sets ("x_forwarded_for")."""
    found: dict[str, str] = {}
    for name, value in items:
        if "_" in name:
            continue
        between = "; " if name == "cookie" else ","
        found[name] = f"{found[name]}{between}{value}" if name in found else value
    return found


def _environ(scope: Scope, headers: Mapping[str, str], body: bytes) -> WSGIEnvironment:
    """The request as WSGI says it (PEP 3333). The body is whole, so that it ends where it ends."""
    host, _, port = scope.server.rpartition(":")
    client, _, client_port = scope.client.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),  # granian has unquoted it
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client,
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority  # HTTP/2; a host header goes before it
    for name, value in headers.items():
        environ[_OUTSIDE_HTTP.get(name) or "HTTP_" + name.upper().replace("-", "_")] = value
    return environ
