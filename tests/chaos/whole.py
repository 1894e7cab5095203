"""The whole connector as it really runs: `connector up` with the sandbox shops, in a directory and on ports of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import redis
import requests
from sqlalchemy import Engine, Executable, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from config.settings import Settings
from connector.db import engine as engines
from connector.db.tables import shops
from jobs import queue, tasks

ROOT = Path(__file__).parents[2]
PLATFORMS = ("shopify", "woocommerce", "bigcommerce")
_ANSWER_SECONDS = 30
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 60

# The waits of a day, made short: the same steps, in the seconds a test has.
SHORT_WAITS = {
    "CLOCK_SECONDS": "0.5",
    "POLL_SECONDS": "10",
    "OUTBOX_WAITS_SECONDS": ",".join(["0.5", "1", "1.5", *["2"] * 45]),
    "READ_WAITS_SECONDS": "0.5,1,2",
    "INBOX_WAITS_SECONDS": ",".join(["1"] * 10),
    "SLOW_DOWN_SECONDS": "1",
    "BREAKER_AFTER_SECONDS": "20",
    "BREAKER_PROBE_SECONDS": "2",
    "CALL_SECONDS": "3",
    "TELLING_SECONDS": "6",
    "INBOX_LEASE_SECONDS": "5",
    "OUTBOX_LEASE_SECONDS": "12",
}

# The locks of workers that poll, see jobs.tasks.
_POLLING = text("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = :space AND granted")

Found = TypeVar("Found")


@dataclass
class Whole:
    """A connector that is running, or was: `start` and `stop` keep its directory."""

    directory: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    _engine: Engine | None = field(default=None)

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.environment['SANDBOX_PORT']}"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.environment['PORT']}"

    @property
    def log(self) -> str:
        return (self.directory / "up.log").read_text(errors="replace")

    @property
    def engine(self) -> Engine:
        """Connections of the test's own to the connector's database."""
        if self._engine is None:
            self._engine = engines.create(self._services()["database_url"], pool_size=4, name="chaos")
        return self._engine

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self._services()["redis_url"], socket_timeout=2)

    def pids(self) -> dict[str, int]:
        """Program name -> process id, of those that run."""
        note = json.loads((self.directory / "data" / "processes.json").read_text())
        return {name: entry["pid"] for name, entry in note.items()}

    def start(self) -> None:
        """Start everything and wait until it says how to stop it."""
        command = [sys.executable, "-m", "jobs.cli", "up", "--sandbox", "--orders-per-minute", "0"]
        with (self.directory / "up.log").open("ab") as output:
            began = output.tell()
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT, env=self.environment)
        while b"Ctrl-C" not in (self.directory / "up.log").read_bytes()[began:]:
            assert self.process.poll() is None, self.log
            time.sleep(0.1)

    def stop(self) -> int:
        """Ask everything to stop; the exit code."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code, self.process = self.process.wait(), None
        return code

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One call of the sandbox's control API."""
        answer = requests.request(method, f"{self.sandbox}/sandbox/{path}", json=body, timeout=_ANSWER_SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def turn(self, **knobs: float) -> None:
        """Set the same knobs on all three shops."""
        for platform in PLATFORMS:
            self.ask("PUT", f"{platform}/knobs", knobs)

    def patiently(self, question: Callable[[Engine], Found]) -> Found:
        """Ask the database, over restarts of it."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return question(self.engine)
            except SQLAlchemyError:
                if time.monotonic() > end:
                    raise
                time.sleep(_LOOK_SECONDS)

    def poll(self, seconds: float) -> None:
        """Have every shop asked now for what its webhooks did not say, and wait until that has been done."""
        began = datetime.now(UTC)
        self.patiently(lambda engine: _execute(engine, update(shops).values(poll_due_at=began)))
        assert self.wait_until(lambda: self.patiently(lambda engine: _polled(engine, began)), seconds), self.log[-4000:]

    @contextmanager
    def hourly_every(self, seconds: float) -> Iterator[None]:
        """Within: the look after the webhook subscriptions, an hourly duty, is due again and again after so many seconds."""
        over = threading.Event()

        def hurry() -> None:
            while not over.wait(seconds):
                with suppress(SQLAlchemyError):  # the database was killed: next time
                    _execute(self.engine, update(shops).values(watch_due_at=datetime.now(UTC)))

        thread = threading.Thread(target=hurry, name="hours", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition came true within so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _services(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.directory / "data" / "services.json").read_text())
        return found


@contextmanager
def running(directory: Path, settings: Mapping[str, str]) -> Iterator[Whole]:
    """A started whole; what is left of it is stopped in the end, whatever happens."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    own = {"DATA_DIR": str(directory / "data"), "PORT": str(_free_port()), "SANDBOX_PORT": str(_free_port())}
    whole = Whole(directory, {**kept, **SHORT_WAITS, **own, **settings})
    try:
        whole.start()
        yield whole
    finally:
        whole.stop()


def _execute(engine: Engine, statement: Executable) -> None:
    with engine.begin() as conn:
        conn.execute(statement)


def _polled(engine: Engine, since: datetime) -> bool:
    """Whether every shop's next poll is a later one, and no worker is in the middle of one."""
    with engine.connect() as conn:
        polling = conn.execute(_POLLING, {"space": tasks._LOCKS + queue.TASKS.index("poll")}).first()
        return polling is None and conn.execute(select(shops.c.id).where(shops.c.poll_due_at <= since)).first() is None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
