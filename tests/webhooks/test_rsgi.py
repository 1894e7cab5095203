"""The application behind granian's loop, over real sockets: what WSGI is told, and who may take a thread."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.bench import programs
from tests.serving import wait_until
from tests.webhooks.rsgi_server import BODY_SECONDS
from webhooks.receive import LARGEST_BODY_BYTES

_SLOW = 60


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    log, free = tmp_path_factory.mktemp("rsgi") / "web.log", programs.free_port()
    with programs.running([programs.python("-m", "tests.webhooks.rsgi_server", str(free))], os.environ, Path(log)):
        wait_until(lambda: _answers(free))
        yield free


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 201
    except requests.ConnectionError:
        return False


def _raw(port: int, sent: bytes, *, breaks_off: bool = False) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=BODY_SECONDS + 20) as connection:
        connection.sendall(sent)
        if breaks_off:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_the_request_is_told_as_wsgi_says_it(port: int) -> None:
    answer = requests.post(
        f"http://127.0.0.1:{port}/caf%C3%A9/a%20b?x=%20y",
        data=b"hello",
        headers={"Cookie": "a=1", "X-Shop": "s", "Content-Type": "text/x"},
        timeout=10,
    )
    told = answer.json()
    assert answer.status_code == 201
    assert answer.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert {name: told[name] for name in ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH", "read")} == {
        "REQUEST_METHOD": "POST", "QUERY_STRING": "x=%20y", "CONTENT_TYPE": "text/x", "CONTENT_LENGTH": "5", "read": 5,
    }  # fmt: skip
    assert told["PATH_INFO"].encode("latin-1").decode() == "/café/a b"
    assert (told["HTTP_COOKIE"], told["HTTP_X_SHOP"], told["HTTP_HOST"]) == ("a=1", "s", f"127.0.0.1:{port}")
    assert (told["SERVER_NAME"], told["SERVER_PORT"], told["REMOTE_ADDR"]) == ("127.0.0.1", str(port), "127.0.0.1")
    assert (told["SERVER_PROTOCOL"], told["wsgi.url_scheme"]) == ("HTTP/1.1", "http")


def test_a_header_that_comes_twice_is_joined(port: int) -> None:
    said = _raw(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: 1\r\nX-A: 2\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")
    assert b'"HTTP_X_A": "1,2"' in said
    assert b'"HTTP_COOKIE": "a=1; b=2"' in said


def test_no_header_passes_for_another(port: int) -> None:
    said = _raw(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX_Forwarded_For: 9.9.9.9\r\nX-B: 1\r\n\r\n")
    assert b'"HTTP_X_B": "1"' in said
    assert b"9.9.9.9" not in said


def test_of_a_body_over_the_limit_one_byte_more_is_read(port: int) -> None:
    body = b"x" * (LARGEST_BODY_BYTES + 70_000)
    answer = requests.post(f"http://127.0.0.1:{port}/", data=iter([body]), timeout=20)
    assert answer.json()["read"] == LARGEST_BODY_BYTES + 1


def test_a_body_that_says_it_is_too_large_is_not_waited_for(port: int) -> None:
    length = str(LARGEST_BODY_BYTES + 2).encode()
    said = _raw(port, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + length + b"\r\n\r\nabc")
    assert b'"read": 0' in said


def test_a_body_that_breaks_off_is_shorter_than_its_length(port: int) -> None:
    said = _raw(port, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\nabc", breaks_off=True)
    assert b'"CONTENT_LENGTH": "100"' in said
    assert b'"read": 3' in said


def test_a_fault_of_the_application_is_a_500_and_the_next_is_answered(port: int) -> None:
    assert requests.get(f"http://127.0.0.1:{port}/broken", timeout=10).status_code == 500
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).status_code == 201


def test_those_who_never_finish_their_body_hold_no_thread_and_are_given_up(port: int) -> None:
    with ExitStack() as stack:
        slow = []
        for _ in range(_SLOW):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=BODY_SECONDS + 20))
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            slow.append(connection)
        assert requests.post(f"http://127.0.0.1:{port}/", data=b"whole", timeout=10).json()["read"] == 5
        assert {connection.recv(65536).split(b" ")[1] for connection in slow} == {b"408"}
