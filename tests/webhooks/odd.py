"""Odd bodies that are signed all the same, and requests written to the socket byte by byte."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

from tests.webhooks.conftest import Web
from webhooks.receive import LARGEST_BODY_BYTES


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


SIGNED_BUT_NO_ORDER = {
    "empty": b"",
    "one byte": b"{",
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "deep": _nested(10_000),
    "a list": b"[1]",
    "a string": b'"id"',
    "null": b"null",
    "no id": b'{"error": "no such order"}',
}
SIGNED_AND_ODD = {
    "UTF-16 with a mark": '{"id": 1}'.encode("utf-16"),
    "NUL in the id": b'{"id": "a\\u0000b"}',
    "half a surrogate": b'{"id": "\\ud800"}',
    "a huge id": json.dumps({"id": "9" * 10_000}).encode(),
    "a number past 64 bits": b'{"id": 123456789012345678901234567890}',
    "NaN": b'{"id": NaN}',
    "1e400": b'{"id": 1e400}',
    "twice the same key": b'{"id": 1, "id": 2}',
    "the largest body": b'{"id": 1, "note": "' + b"x" * (LARGEST_BODY_BYTES - 21) + b'"}',
}


def send_raw(web: Web, request: bytes) -> int:
    """Status of a request written to the socket byte by byte as given."""
    with socket.create_connection((urlsplit(web.base).hostname or "", urlsplit(web.base).port or 0), timeout=30) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status
