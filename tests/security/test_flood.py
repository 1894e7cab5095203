"""A flood of bad requests and a crowd of slow ones: the healthy shop is answered in time by the real web server."""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from config.settings import Settings
from connector.db import engine as engines
from connector.db import tables
from connector.db.sealed import Seal
from tests.bench import programs
from tests.security.conftest import SECRET, base64_hmac
from tests.serving import wait_until

_SECONDS = 20
_BAD_PER_SECOND = 500
_GOOD_PER_SECOND = 20
_SENDERS = 10
_SLOW = 200
_P95_SECONDS = 0.25
_PATH = "/webhooks/woocommerce/healthy"


@pytest.fixture
def port(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[int]:
    """The port of the web server with two processes, with one shop linked."""
    key = Fernet.generate_key().decode()
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    free = programs.free_port()
    own = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path), "SEAL_KEYS": key}
    environment = {**kept, **own, "SECRET_KEY": "s" * 40, "PORT": str(free), "WEB_PROCESSES": "2", "WEB_THREADS": "8"}
    engine = engines.create(database_url, name="tests")
    credentials = Seal([key]).seal_json({"webhook_secret": SECRET, "key": "k", "secret": "x"})
    row = {"key": "healthy", "platform": "woocommerce", "external_id": "h", "name": "Healthy", "address": "https://h.example"}
    with engine.begin() as conn:
        conn.execute(tables.shops.insert().values(**row, sealed_credentials=credentials))
    engine.dispose()
    log = tmp_path / "web.log"
    with programs.running([programs.python("-m", "config.web")], environment, log):
        wait_until(lambda: _alive(free), seconds=60)
        yield free


def _alive(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def _good(number: int) -> tuple[bytes, dict[str, str]]:
    body = b'{"id": %d, "status": "processing", "line_items": []}' % number
    signature = base64_hmac(body).decode()
    return body, {"X-WC-Webhook-Topic": "order.created", "X-WC-Webhook-Delivery-ID": "d", "X-WC-Webhook-Signature": signature}


_BAD: tuple[Callable[[int], tuple[str, str, bytes, dict[str, str]]], ...] = (
    lambda number: ("POST", _PATH, b'{"id": 1}', {"X-WC-Webhook-Signature": "A" * 44}),
    lambda number: ("POST", f"/webhooks/woocommerce/{number}", b"{}", {"X-WC-Webhook-Signature": "A" * 44}),
    lambda number: ("POST", _PATH, b"x" * 20_000, {}),
    lambda number: ("GET", f"/nothing/{number}", b"", {}),
    lambda number: ("POST", _PATH, b"\x1f\x8b" * 500, {"Content-Encoding": "gzip"}),
    lambda number: ("POST", "/webhooks/shopify", b"{}", {"X-Shopify-Shop-Domain": f"s{number}.myshopify.com"}),
)


class _Senders:
    """Threads that send at a steady rate, each over one connection, and keep the times and statuses of the answers."""

    def __init__(
        self, port: int, count: int, per_second: float, make: Callable[[int], tuple[str, str, bytes, dict[str, str]]]
    ) -> None:
        self.port, self.pause, self.make = port, count / per_second, make
        self.took: list[float] = []
        self.statuses: list[int] = []
        self.threads = [threading.Thread(target=self._run, args=(first, count), daemon=True) for first in range(count)]

    def __enter__(self) -> _Senders:
        self.end = time.monotonic() + _SECONDS
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self.threads:
            thread.join()

    def _run(self, first: int, step: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        number, due = first, time.monotonic() + self.pause * first / step
        while due < self.end:
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            method, path, body, headers = self.make(number)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                answer.read()
                self.statuses.append(answer.status)
            except OSError:
                connection.close()
                self.statuses.append(0)
            self.took.append(time.monotonic() - began)
            number, due = number + step, due + self.pause
        connection.close()


def _slow(port: int, stack: ExitStack) -> list[socket.socket]:
    """Connections whose headers never come to an end, and as many whose bodies do not."""
    found = []
    for number in range(2 * _SLOW):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        more = "Content-Length: 100000\r\n\r\n" if number % 2 else ""
        connection.sendall(f"POST {_PATH} HTTP/1.1\r\nHost: x\r\n{more}".encode())
        found.append(connection)
    return found


def _drip(connections: list[socket.socket], ended: threading.Event) -> None:
    while not ended.wait(1.0):
        for connection in connections:
            with suppress(OSError):
                connection.sendall(b"X: y\r\n")


@pytest.mark.long
def test_a_healthy_shop_is_answered_in_time(port: int) -> None:
    ended = threading.Event()
    with ExitStack() as stack:
        dripping = threading.Thread(target=_drip, args=(_slow(port, stack), ended), daemon=True)
        dripping.start()
        bad = _Senders(port, _SENDERS, _BAD_PER_SECOND, lambda number: _BAD[number % len(_BAD)](number))
        good = _Senders(port, 2, _GOOD_PER_SECOND, lambda number: ("POST", _PATH, *_good(number)))
        with bad, good:
            pass
        ended.set()
        dripping.join()
    p95 = statistics.quantiles(good.took, n=20)[-1]
    print(f"{len(bad.took) / _SECONDS:.0f} bad requests/s, {len(good.took)} good ones, p95 {p95 * 1000:.0f} ms")  # noqa: T201
    assert set(good.statuses) == {200}
    assert set(bad.statuses) <= {401, 404, 413, 415, 0}
    assert len(bad.took) >= 0.9 * _BAD_PER_SECOND * _SECONDS
    assert p95 <= _P95_SECONDS
