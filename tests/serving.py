"""Any WSGI app over real HTTP on a free loopback port, and an app that remembers what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from granian.constants import Interfaces
from granian.server.embed import Server
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Requests are not worth a line each."""


@contextlib.contextmanager
def serve(app: WSGIApplication) -> Iterator[str]:
    """Run the app in threads for the time of the block; yields its base URL, without a slash at the end."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def serve_on_loop(app: object) -> Iterator[str]:
    """Run an RSGI app on granian's event loop in this process for the time of the block; yields its base URL."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    loop = asyncio.new_event_loop()
    started = threading.Event()
    server: list[Server] = []

    async def run() -> None:
        server.append(Server(app, address="127.0.0.1", port=port, interface=Interfaces.RSGI, websockets=False, log_enabled=False))
        started.set()
        await server[0].serve()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    started.wait()
    wait_until(lambda: _listens(port))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(server[0].stop)
        thread.join()
        loop.close()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def wait_until(true: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Return as soon as it is true; AssertionError when it has not become so in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "this did not come true in time"
        time.sleep(0.01)


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are lower-case."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float  # of time.monotonic()


class Receiver:
    """A WSGI app that remembers every request. `answer` gives the status of each; it may also wait."""

    def __init__(self, answer: Callable[[Received], int] = lambda _: 200) -> None:
        self.answer = answer
        self.received: list[Received] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.path, headers, request.get_data(), time.monotonic())
        self.received.append(received)
        return Response(status=self.answer(received))(environ, start_response)

    def bodies(self) -> list[str]:
        """The bodies in order of arrival, as text."""
        return [received.body.decode() for received in self.received]

    def wait_for(self, count: int) -> None:
        """Return when at least so many requests have arrived."""
        wait_until(lambda: len(self.received) >= count)
