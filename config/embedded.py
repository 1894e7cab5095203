"""PostgreSQL and Valkey in DATA_DIR, for whom no server is set: shared by all commands on the same directory.

One process at a time owns them (`services.lock`, freed by the kernel however it ends) and writes their addresses to
`services.json`. Others join: they hold `services.users` shared, and a command that owns them waits for its guests
before it stops them. `connector up` does not wait.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from config import child, postgres, valkey
from config.child import Program
from config.settings import Settings
from connector.domain.errors import ConnectorError

_LOG = logging.getLogger(__name__)

_READY_SECONDS = 60.0  # also long enough for the recovery after a crash
_BUSY_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_CHOICES = ("allow_private_shops", "port", "public_url")
# Socket paths end at 107 bytes (Linux) or 103 (macOS); the longest name in the directory is ".s.PGSQL.5432.lock".
_LONGEST_DIRECTORY_BYTES = 80


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the two services are."""

    database_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Service:
    """A server of ours: how it is run, and whether it takes connections now."""

    program: Program
    ready: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Owned:
    """The services this process owns and has to run, none where both are set to servers elsewhere."""

    addresses: Addresses
    services: tuple[Service, ...]
    data_dir: Path

    def announce(self, chosen: Settings | None = None) -> None:
        """Tell other commands on this directory that the services run; `chosen`: until somebody stops us, and how."""
        shared = asdict(self.addresses) if self.services else {}
        choices = {name: getattr(chosen, name) for name in _CHOICES} if chosen else {}
        _write_json(_note(self.data_dir), {"owner": _identity(), "choices": choices, **shared})


@contextmanager
def services(settings: Settings) -> Iterator[Addresses]:
    """PostgreSQL and Valkey for the duration of a command: those that are set, those that run here, or our own.

    ConnectorError where they do not start, or another command keeps them in the act of starting or stopping.
    """
    with ExitStack() as stack:
        yield given(settings) or _joined_or_owned(settings, stack)


def addresses(settings: Settings) -> Addresses:
    """Where the services are, for a process that does not start them. ConnectorError where none is set and none runs."""
    found = given(settings) or _running(settings.data_dir)
    if found is None:
        raise ConnectorError(
            f"No PostgreSQL or Redis is set, and none runs in {settings.data_dir}.",
            "Run `connector up`, or set DATABASE_URL and REDIS_URL.",
        )
    return found


def as_running(settings: Settings) -> Settings:
    """The settings with the choices of the `connector up` that runs on the same directory, which may be on its command line."""
    return settings.model_copy(update=_read_note(settings.data_dir).get("choices", {}))


def given(settings: Settings) -> Addresses | None:
    """The addresses where both are set to servers elsewhere."""
    if settings.database_url is None or settings.redis_url is None:
        return None
    return Addresses(settings.database_url.get_secret_value(), settings.redis_url.get_secret_value())


@contextmanager
def owned(settings: Settings) -> Iterator[Owned]:
    """Become the owner, for `connector up`: the caller runs the programs, announces them, and has stopped them at the end.

    Waits a while for a command that owns them. ConnectorError where another `connector up` does.
    """
    with ExitStack() as stack:
        for _ in _looks(_BUSY_SECONDS):
            if _locked(settings.data_dir / "services.lock", fcntl.LOCK_EX, stack):
                break
            if _read_note(settings.data_dir).get("choices"):
                raise _busy(settings.data_dir)
        else:
            raise _busy(settings.data_dir)
        stack.callback(_note(settings.data_dir).unlink, missing_ok=True)
        elsewhere = given(settings)
        yield Owned(elsewhere, (), settings.data_dir) if elsewhere else _ours(settings)


# ---------------------------------------------------------------------------------------------------------------------


def _joined_or_owned(settings: Settings, stack: ExitStack) -> Addresses:
    for _ in _looks(_BUSY_SECONDS):
        joined = _joined(settings.data_dir, stack)
        if joined is not None:
            return joined
        if _locked(settings.data_dir / "services.lock", fcntl.LOCK_EX, stack):
            return _run(_ours(settings), stack)
    raise _busy(settings.data_dir)


def _joined(data_dir: Path, stack: ExitStack) -> Addresses | None:
    with ExitStack() as trial:
        if not _locked(data_dir / "services.users", fcntl.LOCK_SH, trial):
            return None
        running = _running(data_dir)
        if running is not None:
            stack.push(trial.pop_all())
        return running


def _run(ours: Owned, stack: ExitStack) -> Addresses:
    log = stack.enter_context((ours.data_dir / "services.log").open("ab"))
    for service in ours.services:
        process = child.start(service.program, log)
        stack.callback(child.stop, process, service.program)
        _wait_until_ready(service, process, ours.data_dir)
    stack.callback(_close_to_guests, ours.data_dir)
    ours.announce()
    return ours.addresses


def _wait_until_ready(service: Service, process: child.Child, data_dir: Path) -> None:
    for _ in _looks(_READY_SECONDS):
        if service.ready():
            return
        if process.poll() is not None:
            break
    raise ConnectorError(
        f"The embedded {service.program.name} in {data_dir} does not start.",
        f"Its reason stands at the end of {data_dir / 'services.log'}.",
    )


def _close_to_guests(data_dir: Path) -> None:
    """Take the note away once no other command uses the services; until then new ones may still join."""
    with ExitStack() as stack:
        if not _locked(data_dir / "services.users", fcntl.LOCK_EX, stack):
            _LOG.info("Other commands use the embedded services: waiting for them before stopping.")
            _locked(data_dir / "services.users", fcntl.LOCK_EX, stack, wait=True)
        _note(data_dir).unlink(missing_ok=True)


def _ours(settings: Settings) -> Owned:
    data_dir = settings.data_dir
    sockets = _socket_directory(data_dir)
    database, queue = settings.database_url, settings.redis_url
    services: list[Service] = []
    if database is None:
        directory = data_dir / "postgres"
        services.append(Service(postgres.program(directory, sockets), partial(postgres.ready, directory, sockets)))
    if queue is None:
        services.append(Service(valkey.program(data_dir / "valkey", sockets), partial(valkey.ready, sockets)))
    found = Addresses(
        database_url=database.get_secret_value() if database else postgres.url(sockets),
        redis_url=queue.get_secret_value() if queue else valkey.url(sockets),
    )
    return Owned(found, tuple(services), data_dir)


def _socket_directory(data_dir: Path) -> Path:
    """In DATA_DIR where the path is short enough, else in the temporary directory under a name derived from DATA_DIR."""
    directory = data_dir / "run"
    if len(os.fsencode(directory)) > _LONGEST_DIRECTORY_BYTES:
        word = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        directory = Path(tempfile.gettempdir()) / f"connector-{word}"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or (os.geteuid() and found.st_uid != os.geteuid()):
        raise ConnectorError(f"{directory} should be a directory of ours that nobody else can enter.", "Remove it and try again.")
    return directory


# ---------------------------------------------------------------------------------------------------------------------


def _note(data_dir: Path) -> Path:
    return data_dir / "services.json"


def _identity() -> dict[str, float]:
    return {"pid": os.getpid(), "started": psutil.Process().create_time()}


def _running(data_dir: Path) -> Addresses | None:
    note = _read_note(data_dir)
    return Addresses(note["database_url"], note["redis_url"]) if "redis_url" in note else None


def _read_note(data_dir: Path) -> dict[str, Any]:
    """The note, where the process that wrote it is alive; a pid given to somebody else meanwhile is not it."""
    with suppress(OSError, ValueError, KeyError, psutil.Error):
        note: dict[str, Any] = json.loads(_note(data_dir).read_text())
        if psutil.Process(note["owner"]["pid"]).create_time() == note["owner"]["started"]:
            return note
    return {}


def _write_json(path: Path, value: object) -> None:
    draft = path.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)
    draft.rename(path)


def _locked(path: Path, kind: int, stack: ExitStack, *, wait: bool = False) -> bool:
    """Take the file's lock until the stack is unwound; False where it is taken and we do not wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    stack.callback(os.close, file)
    return True


def _looks(seconds: float) -> Iterator[None]:
    """One look after another, with short rests, until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(_LOOK_SECONDS)


def _busy(data_dir: Path) -> ConnectorError:
    return ConnectorError(
        f"Another connector command uses {data_dir}.",
        "Stop it (Ctrl-C where `connector up` runs), or choose another DATA_DIR and other ports.",
    )
