"""The processes that are measured: started with an environment, waited for, and ended with everything they started."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 60.0
_END_SECONDS = 15.0
_CONNECTIONS = 24


@contextmanager
def running(commands: Sequence[Sequence[str]], environment: Mapping[str, str], log: Path) -> Iterator[list[psutil.Process]]:
    """Run the commands until the block ends. What they say is added to `log`."""
    with ExitStack() as stack:
        output = stack.enter_context(open(log, "ab"))
        yield [stack.enter_context(_one(command, environment, output.fileno())) for command in commands]


@contextmanager
def _one(command: Sequence[str], environment: Mapping[str, str], output: int) -> Iterator[psutil.Process]:
    started = subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=output, stderr=output, start_new_session=True)
    try:
        yield psutil.Process(started.pid)
    finally:
        family = tree(psutil.Process(started.pid)) if started.poll() is None else []
        started.terminate()
        with suppress(subprocess.TimeoutExpired):
            started.wait(_END_SECONDS)
        for process in family:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        started.wait()


def tree(process: psutil.Process) -> list[psutil.Process]:
    """The process and all it started."""
    return [process, *process.children(recursive=True)]


def resident_bytes(process: psutil.Process) -> int:
    """Memory of the process and all it started that nobody else has (what ending it would free)."""
    total = 0
    for one in tree(process):
        with suppress(psutil.NoSuchProcess):
            total += one.memory_full_info().uss
    return total


def python(*arguments: str) -> list[str]:
    """A command line of this Python."""
    return [sys.executable, *arguments]


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def wait_for_web(port: int, path: str, log: Path) -> None:
    """Return when the server answers 200 there."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        with suppress(OSError, http.client.HTTPException), closing(_connected(port)) as connection:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}; see {log}:\n{log.read_text()[-2000:]}")


def wait_for_all(port: int, server: psutil.Process, workers: int) -> None:
    """Return when so many of the server's processes take connections: what began with one of them would stay with it."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        with ExitStack() as stack:
            for _ in range(_CONNECTIONS):
                connection = stack.enter_context(closing(_connected(port)))
                connection.request("GET", "/")
                connection.getresponse().read()
            if sum(_serves(process, port) for process in tree(server)) >= workers:
                return
        time.sleep(0.1)
    raise AssertionError(f"fewer than {workers} processes serve port {port} after {_READY_SECONDS:.0f} s")


def _connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_SECONDS)


def _serves(process: psutil.Process, port: int) -> bool:
    with suppress(psutil.Error):
        return any(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in process.net_connections("tcp"))
    return False


def wait_for_log(log: Path, word: str, times: int) -> None:
    """Return when the word stands in the log so many times."""
    end = time.monotonic() + _READY_SECONDS
    while log.read_text(errors="replace").count(word) < times:
        assert time.monotonic() < end, f"{word!r} is not in {log}:\n{log.read_text(errors='replace')[-2000:]}"
        time.sleep(0.05)


def cores() -> int:
    """How many there are."""
    return os.cpu_count() or 1
