"""The programs by themselves, as on machines of their own: one PostgreSQL, one Redis, and a balancer before the web servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import requests
from werkzeug.wrappers import Request, Response

from config.settings import Settings
from tests.chaos.whole import ROOT
from tests.serving import wait_until

_CONNECT_SECONDS, _ANSWER_SECONDS = 1, 5
_READY_SECONDS = 120
_MODULES = {"web": "config.web", "worker": "jobs.worker", "clock": "jobs.clock"}
_RUNS = {"web": "", "worker": "the worker runs", "clock": "the clock runs"}
_HOP = frozenset({"connection", "content-length", "transfer-encoding", "date", "server"})


@dataclass
class Program:
    """One process, which can be killed and started again."""

    name: str
    directory: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]

    @property
    def log(self) -> str:
        return self._file.read_text(errors="replace")

    def start(self) -> None:
        """Begin; `wait` until it works."""
        self._file.write_bytes(b"")
        with self._file.open("ab") as output:
            command = [sys.executable, "-m", _MODULES[self.kind]]
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=ROOT, env=dict(self.environment), start_new_session=True
            )

    def wait(self) -> None:
        """Until it says, or shows, that it works."""
        try:
            wait_until(lambda: self._answers() if self.kind == "web" else _RUNS[self.kind] in self.log, seconds=_READY_SECONDS)
        except AssertionError:
            raise AssertionError(f"{self.name} does not get ready: {self.log[-2000:]}") from None

    def kill(self) -> None:
        """kill -9 of everything it consists of, as when its machine is switched off."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait()

    @property
    def _file(self) -> Path:
        return self.directory / f"{self.name.replace(' ', '-')}.log"

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.environment['PORT']}/readyz", timeout=_ANSWER_SECONDS).status_code == 200
        except requests.RequestException:
            return False


@dataclass
class Balancer:
    """A WSGI app before several web servers: one after the other gets a request, the next one where it does not answer."""

    ports: list[int]
    acknowledged: list[float] = field(default_factory=list)
    _turns: Iterator[int] = field(default_factory=count)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        body = request.get_data()
        first = next(self._turns)
        for attempt in range(len(self.ports)):
            with suppress(requests.RequestException):
                return self._forward(request, body, self.ports[(first + attempt) % len(self.ports)])(environ, start_response)
        return Response("nobody answers", status=502)(environ, start_response)

    def _forward(self, request: Request, body: bytes, port: int) -> Response:
        answer = requests.request(
            request.method,
            f"http://127.0.0.1:{port}{request.full_path}",
            data=body,
            headers=dict(request.headers),
            timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS),
            allow_redirects=False,
        )
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        return Response(answer.content, answer.status_code, headers)


def free_port() -> int:
    """A port of ours for a moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def one_for_each(directory: Path, settings: Mapping[str, str], ports: list[int]) -> Iterator[list[Program]]:
    """A web server, a worker and a clock for each port, at work; what is left of them is killed in the end."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    programs = [
        Program(f"{kind} {number}", directory, {**kept, **settings, "PORT": str(port)})
        for kind in _MODULES
        for number, port in enumerate(ports)
    ]
    try:
        for program in programs:
            program.start()
        for program in programs:
            program.wait()
        yield programs
    finally:
        for program in programs:
            if program.process is not None:
                program.kill()
