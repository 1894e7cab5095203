"""`python -m tests.webhooks.rsgi_server PORT`: a small WSGI application as the web server serves ours, with two threads."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from webhooks.rsgi import Served

BODY_SECONDS = 2.0


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Says what it was asked, in two pieces; /broken fails."""
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("broken on purpose")
    plain: dict[str, Any] = {name: value for name, value in environ.items() if isinstance(value, str)}
    plain["read"] = len(environ["wsgi.input"].read())
    said = json.dumps(plain).encode()
    start_response("201 Created", [("Content-Type", "application/json"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    yield said[:10]
    yield said[10:]


served = Served(application, threads=2, body_seconds=BODY_SECONDS)

if __name__ == "__main__":
    Server(
        "tests.webhooks.rsgi_server:served",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        websockets=False,
        log_level=LogLevels.error,
    ).serve()
