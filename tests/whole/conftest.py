"""One `connector up --sandbox` for all tests of this folder, and short words for a shopper, the staff and the shop's admin."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from config.settings import Settings
from jobs.cli import main

_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 120  # of a test that waits for something which does not come


def wait_until(true: Callable[[], Any], *, seconds: float = _PATIENCE_SECONDS, every: float = 0.2) -> Any:
    """The first true answer; the test's own time-out is the bound, this only names what was waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(every)
    raise AssertionError("what was waited for did not come")


@dataclass(frozen=True)
class Whole:
    """The running whole: the command line in this process, the sandbox over HTTP."""

    environment: dict[str, str]
    token: str = ""

    def read(self, path: str) -> Any:
        """What the REST API says: quicker than a command, for what is looked at often."""
        url = f"http://127.0.0.1:{self.environment['PORT']}/api/v1/{path}"
        answer = requests.get(url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def run(self, *words: str, fails: bool = False) -> str:
        """A `connector` command's output; with `fails` it must be refused, and its message is returned."""
        done = CliRunner().invoke(main, list(words), env=self.environment)
        assert done.exit_code == (1 if fails else 0), done.output
        return done.stderr if fails else done.stdout

    def ask(self, *words: str) -> Any:
        """A command's JSON."""
        return json.loads(self.run(*words, "--json"))

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """A call to the sandbox's control API."""
        answer = self._call(method, path, body)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def sandbox_refuses(self, method: str, path: str, body: Any = None) -> str:
        """The words with which the sandbox refuses a call, as the platform would."""
        answer = self._call(method, path, body)
        assert answer.status_code == 409, answer.text
        return " ".join(answer.json().values())

    def _call(self, method: str, path: str, body: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self.environment['SANDBOX_PORT']}/sandbox/{path}"
        return requests.request(method, url, json=body, timeout=30)

    def order(self, platform: str, *lines: tuple[str, int], **wanted: Any) -> str:
        """Place an order; its id in the shop."""
        body = {"lines": [list(line) for line in lines], "handover": "delivery", **wanted}
        return str(self.sandbox("POST", f"{platform}/orders", body)["id"])

    def place(self, platform: str, *lines: tuple[str, int], **wanted: Any) -> tuple[str, dict[str, Any]]:
        """Place an order; its id in the shop, and the order as it then stands here."""
        placed = self.order(platform, *lines, **wanted)
        return placed, wait_until(lambda: self.arrived(platform, placed))

    def arrived(self, platform: str, placed: str) -> dict[str, Any] | None:
        found = [one for one in self.ask("orders", "list") if one["platform"] == platform]
        same = [one for one in found if one["external_id"].rpartition("/")[2] == placed.rpartition("/")[2]]
        return self.ask("orders", "show", str(same[0]["id"])) if same else None

    def shown(self, platform: str, placed: str) -> dict[str, Any]:
        """The order as the shop's own admin shows it."""
        found: dict[str, Any] = self.sandbox("GET", f"{platform}/orders/{placed}")
        return found

    def shows(self, platform: str, placed: str, **wanted: Any) -> dict[str, Any]:
        """Wait until the admin shows these."""
        try:
            return dict(wait_until(lambda: _having(self.shown(platform, placed), wanted)))
        except AssertionError:
            raise AssertionError(f"wanted {wanted}, the shop shows {self.shown(platform, placed)}") from None

    def told(self) -> None:
        """Wait until nothing waits to be told."""
        wait_until(lambda: not [row for row in self.ask("outbox", "list") if row["state"] == "waiting"])


def _having(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    return found if all(found[name] == value for name, value in wanted.items()) else None


def _free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    directory = tmp_path_factory.mktemp("whole")
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    own = {"DATA_DIR": str(directory / "data"), "PORT": _free_port(), "SANDBOX_PORT": _free_port(), "WEB_PROCESSES": "1"}
    log = directory / "up.log"
    command = [sys.executable, "-m", "jobs.cli", "up", "--sandbox", "--orders-per-minute", "0"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, cwd=_ROOT, env=kept | own) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or "Ctrl-C" in log.read_text())
            assert process.poll() is None, log.read_text()
            whole = Whole({**own, "ALLOW_PRIVATE_SHOPS": "true"})
            made = whole.ask("tokens", "add", "tests", "--scope", "orders:read", "--scope", "stock:read")
            yield replace(whole, token=made["token"])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
    assert process.returncode == 0
