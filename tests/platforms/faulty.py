"""A server on a raw socket that goes wrong in one way, whatever it is asked."""

from __future__ import annotations

import contextlib
import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from unittest import mock

_DRIP_SECONDS = 0.05
_HUGE_BYTES = 50 * 2**20

Talk = Callable[[socket.socket], None]


def _asked(peer: socket.socket) -> None:
    """Read the request to the end of its headers, and what has come of its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = peer.recv(65536)
        if not piece:
            return
        received += piece


def answer(status: str, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(whole: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        _asked(peer)
        peer.sendall(whole)

    return talk


def no_tls(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    time.sleep(0.5)


def silent(peer: socket.socket) -> None:
    _asked(peer)
    time.sleep(3)


def hanging_up(peer: socket.socket) -> None:
    _asked(peer)


def dripping_body(peer: socket.socket) -> None:
    _asked(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    _drip(peer, b" ")


def dripping_headers(peer: socket.socket) -> None:
    _asked(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(peer, b"x")


def _drip(peer: socket.socket, drop: bytes) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        peer.sendall(drop)
        time.sleep(_DRIP_SECONDS)


def resetting(peer: socket.socket) -> None:
    _asked(peer)
    peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"data"')
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def huge(peer: socket.socket) -> None:
    _asked(peer)
    peer.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {_HUGE_BYTES}\r\n\r\n".encode())
    for _ in range(_HUGE_BYTES // 2**16):
        peer.sendall(b" " * 2**16)


def bomb() -> Talk:
    packed = gzip.compress(b" " * _HUGE_BYTES)
    return saying(answer("200 OK", packed, "Content-Encoding: gzip"))


@contextlib.contextmanager
def serving(talk: Talk) -> Iterator[str]:
    """The address of a server that treats every connection so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, talk), daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, talk: Talk) -> None:
    with contextlib.suppress(OSError):
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=_one, args=(peer, talk), daemon=True).start()


def _one(peer: socket.socket, talk: Talk) -> None:
    with contextlib.suppress(OSError), peer:
        talk(peer)


@contextlib.contextmanager
def full() -> Iterator[str]:
    """The address of a server that takes no further connection: its line is full and nobody is let in."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def nameless() -> Iterator[str]:
    """The address of a server whose name nobody knows."""

    def unknown(*_: Any, **__: Any) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with mock.patch("platforms.connections.socket.getaddrinfo", unknown):
        yield "nowhere.invalid"


@contextlib.contextmanager
def closed() -> Iterator[str]:
    """The address of a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"
