"""`python -m tests.bench.smallest`: the least a receiver can be on the same server: verify the signature, insert one row, 200.

It knows one secret, keeps no shops, reads no body, seals nothing, recognises nothing but an equal body, and counts nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import psycopg
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from tests.bench import orders

TABLE = (
    "CREATE TABLE received (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE, body bytea NOT NULL)"
)
_INSERT = "INSERT INTO received (key, body) VALUES (%b, %b) ON CONFLICT DO NOTHING"
_ANSWER = [("Content-Type", "text/plain"), ("Content-Length", "3")]
_own = threading.local()


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application."""
    if environ["REQUEST_METHOD"] != "POST":
        start_response("200 OK", list(_ANSWER))
        return [b"ok\n"]
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    signature = base64.b64encode(hmac.digest(orders.SECRET.encode(), body, hashlib.sha256))
    if not hmac.compare_digest(signature, environ.get("HTTP_X_WC_WEBHOOK_SIGNATURE", "").encode()):
        start_response("401 Unauthorized", list(_ANSWER))
        return [b"no\n"]
    _connection().execute(_INSERT, (hashlib.sha256(body).hexdigest(), body))
    start_response("200 OK", list(_ANSWER))
    return [b"ok\n"]


def _connection() -> psycopg.Connection[Any]:
    """One for each thread, with each insert a transaction of its own, prepared at once."""
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
    connection: psycopg.Connection[Any] = _own.connection
    return connection


def serve() -> None:
    """Serve as the product does: the same server, processes, threads."""
    Server(
        "tests.bench.smallest:app",
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=int(os.environ["WEB_PROCESSES"]),
        blocking_threads=int(os.environ["WEB_THREADS"]),
        backlog=1024,
        log_level=LogLevels.error,
    ).serve()


if __name__ == "__main__":
    serve()
