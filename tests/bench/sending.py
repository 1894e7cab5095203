"""The load: several processes with raw sockets that send prepared requests, one at a time on each connection."""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench import orders
from tests.bench.orders import Sent

_PROCESSES = 2
_MOST_SECONDS = 600.0
_PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answers:
    """How the requests were answered: seconds each took, by status, and the seconds from the first to the last."""

    seconds: float
    waits: tuple[float, ...]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.waits) / self.seconds

    def percentile(self, share: float) -> float:
        """The wait, in ms, that `share` of the requests stayed below."""
        ordered = sorted(self.waits)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def expect(self, status: int = 200) -> Answers:
        """Itself, where every answer had this status."""
        assert set(self.statuses) == {status}, f"answers were {self.statuses}"
        return self


def requests(sent: Iterable[Sent], *, path: str = "/webhooks/woocommerce/{key}") -> list[bytes]:
    """The deliveries as HTTP requests."""
    return [_request(path.format(key=orders.key(one.shop)), one) for one in sent]


def _request(path: str, sent: Sent) -> bytes:
    headers = {"Host": "127.0.0.1", "Accept": "*/*", **sent.headers, "Content-Length": str(len(sent.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + sent.body


def send(port: int, wanted: Sequence[bytes], *, connections: int = 32, per_second: float = 0.0) -> Answers:
    """Send every request once. `per_second` is how many begin in a second, over all connections; 0: as many as can be."""
    began = time.monotonic()
    pipes = []
    for place in range(_PROCESSES):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _run_child(writing, port, wanted[place::_PROCESSES], connections // _PROCESSES, per_second / _PROCESSES)
        os.close(writing)
        pipes.append((child, reading))
    return _gathered(pipes, began)


def _gathered(pipes: Sequence[tuple[int, int]], began: float) -> Answers:
    waits: list[float] = []
    statuses: dict[int, int] = {}
    ended = began
    for child, reading in pipes:
        with os.fdopen(reading, "rb") as pipe:
            found = json.load(pipe)
        os.waitpid(child, 0)
        waits += found["waits"]
        ended = max(ended, found["ended"])
        for status, count in found["statuses"].items():
            statuses[int(status)] = statuses.get(int(status), 0) + count
    return Answers(ended - began, tuple(waits), statuses)


def _run_child(writing: int, port: int, wanted: Sequence[bytes], connections: int, per_second: float) -> None:
    """Never returns: a forked child must not run its parent's clean-up."""
    status = 1
    try:
        found = _Sender(port, wanted, max(1, connections), per_second).run()
        with os.fdopen(writing, "w") as pipe:
            json.dump(found, pipe)
        status = 0
    finally:
        os._exit(status)


@dataclass(slots=True)
class _Line:
    """One connection, and the request on it."""

    socket: socket.socket
    began: float = 0.0
    left: bytes = b""
    got: bytes = b""


@dataclass(slots=True)
class _Sender:
    port: int
    wanted: Sequence[bytes]
    connections: int
    per_second: float
    waits: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def run(self) -> dict[str, object]:
        """Send everything; give up loudly when it takes far too long."""
        chooser = selectors.DefaultSelector()
        todo = iter(self.wanted)
        began = time.monotonic()
        idle = [_Line(socket.create_connection(("127.0.0.1", self.port))) for _ in range(self.connections)]
        for line in idle:
            line.socket.setblocking(False)
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = 0
        while len(self.waits) < len(self.wanted):
            now = time.monotonic()
            assert now - began < _MOST_SECONDS, "the server does not keep up at all"
            while idle and started < self._allowed(now - began):
                line = idle.pop()
                line.began, line.left, line.got = time.monotonic(), next(todo), b""
                chooser.register(line.socket, selectors.EVENT_WRITE, line)
                started += 1
            idle += self._moved(chooser)
        return {"waits": self.waits, "statuses": self.statuses, "ended": time.monotonic()}

    def _allowed(self, seconds: float) -> int:
        return min(len(self.wanted), int(seconds * self.per_second) + 1) if self.per_second else len(self.wanted)

    def _moved(self, chooser: selectors.BaseSelector) -> Iterator[_Line]:
        """The connections whose answer is whole."""
        for chosen, _ in chooser.select(0.002 if self.per_second else 1.0) if chooser.get_map() else self._rest():
            line: _Line = chosen.data
            if line.left:
                line.left = line.left[line.socket.send(line.left) :]
                if not line.left:
                    chooser.modify(line.socket, selectors.EVENT_READ, line)
                continue
            piece = line.socket.recv(_PIECE_BYTES)
            assert piece, "the server closed a connection in the middle"
            line.got += piece
            if _whole(line.got):
                chooser.unregister(line.socket)
                self.waits.append(time.monotonic() - line.began)
                status = int(line.got[9:12])
                self.statuses[status] = self.statuses.get(status, 0) + 1
                yield line

    def _rest(self) -> Iterator[tuple[selectors.SelectorKey, int]]:
        time.sleep(0.001)
        return iter(())


def _whole(got: bytes) -> bool:
    head, end, body = got.partition(b"\r\n\r\n")
    if not end:
        return False
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) >= int(lengths[0].split(b":")[1])
