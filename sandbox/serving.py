"""The sandbox as a program: one granian worker process (the state is in its memory), threads for the requests."""

from __future__ import annotations

import fcntl
import functools
import os
import threading
import time
from pathlib import Path

from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from connector.domain.errors import Rejected
from sandbox.app import create_app

_THREADS = 64
_KILL_AFTER_SECONDS = 2  # a hanging answer must not hold up stopping; the journal bears a kill at any moment
_PARENT_CHECK_SECONDS = 0.5
_LOCK_WAIT_SECONDS = 5.0


def serve(host: str, port: int, directory: Path, *, rate_per_minute: float = 0) -> None:
    """Serve the sandbox on the state in `directory` until SIGTERM or SIGINT; stops within 3 seconds."""
    directory.mkdir(parents=True, exist_ok=True)
    server = Server(
        "sandbox.app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=_THREADS,
        workers_kill_timeout=_KILL_AFTER_SECONDS,
        log_level=LogLevels.error,
    )
    load = functools.partial(_load, directory, rate_per_minute, os.getpid())
    server.serve(target_loader=load, wrap_loader=False)


def _load(directory: Path, rate_per_minute: float, parent: int) -> Flask:
    """Make the app within the worker process."""
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()
    try:
        _hold(directory)
    except Rejected as error:
        raise SystemExit(str(error)) from None
    return create_app(directory, rate_per_minute=rate_per_minute)


def _end_with(parent: int) -> None:
    """End this process when its parent was killed: nobody else would, and its port and journal would stay taken."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


def _hold(directory: Path) -> None:
    """Take the directory for this process; Rejected where another sandbox keeps it."""
    file = os.open(directory / "sandbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Rejected(f"Another sandbox runs on {directory}.", "Stop it, or give another directory.") from None
            time.sleep(0.1)
        else:
            return
