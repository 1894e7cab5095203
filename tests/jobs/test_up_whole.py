"""`connector up` itself, with everything it starts, on ports of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import requests

from config import embedded, postgres, valkey
from config.settings import Settings, load
from connector.domain.errors import ConnectorError
from jobs import up

_ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The settings of a small whole."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    return kept | {
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(_free_port()),
        "SANDBOX_PORT": str(_free_port()),
        "WORKERS": "1",
        "WEB_PROCESSES": "1",
    }


@contextmanager
def _up(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "jobs.cli", "up", "--sandbox", "--orders-per-minute", "0"]
    log = Path(environment["DATA_DIR"]).with_name("up.log")
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, text=True, cwd=_ROOT, env=environment) as process,
    ):
        try:
            while "Ctrl-C" not in log.read_text():
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait()


def _place_order(environment: dict[str, str], platform: str) -> None:
    address = f"http://127.0.0.1:{environment['SANDBOX_PORT']}/sandbox/{platform}/orders"
    sku = _ask(environment, "items", "list", "--json")[0]["sku"]
    answer = requests.post(address, json={"lines": [[sku, 1]], "handover": "delivery"}, timeout=30)
    assert answer.status_code == 201, answer.text


def _ask(environment: dict[str, str], *words: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "jobs.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, env=environment, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _count(environment: dict[str, str], table: str) -> int:
    note = json.loads((Path(environment["DATA_DIR"]) / "services.json").read_text())
    with psycopg.connect(note["database_url"]) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _wait_for_orders(environment: dict[str, str], wanted: int) -> None:
    while _count(environment, "orders") < wanted:
        time.sleep(0.2)


def _pids(environment: dict[str, str]) -> dict[str, int]:
    note = json.loads((Path(environment["DATA_DIR"]) / "processes.json").read_text())
    return {name: entry["pid"] for name, entry in note.items()}


def _family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_it_serves_through_kills_of_all_its_parts_and_keeps_everything(environment: dict[str, str]) -> None:
    with _up(environment) as first:
        assert {shop["platform"] for shop in _ask(environment, "shops", "list", "--json")} == {
            "shopify",
            "woocommerce",
            "bigcommerce",
        }
        assert all(finding["ok"] for finding in _ask(environment, "doctor", "--json"))
        opening = _count(environment, "movements")
        assert opening
        _place_order(environment, "shopify")
        _wait_for_orders(environment, 1)

        pids = _pids(environment)
        web_worker = psutil.Process(pids["web"]).children()[0].pid
        for pid in (web_worker, pids["worker"], pids["clock"], pids["valkey"], pids["postgres"]):
            os.kill(pid, signal.SIGKILL)
        while set(_pids(environment).values()) & {pids[name] for name in ("worker", "clock", "valkey", "postgres")}:
            time.sleep(0.1)
        while not _ready(environment):
            time.sleep(0.2)
        _place_order(environment, "woocommerce")
        _wait_for_orders(environment, 2)

        family = _family(first)
        if sys.platform == "linux":
            first.kill()
            assert psutil.wait_procs(family, timeout=60)[1] == []
        else:
            first.terminate()
        first.wait()

    with _up(environment) as second:
        assert _count(environment, "orders") == 2
        assert _count(environment, "shops") == 3
        assert _count(environment, "movements WHERE reason = 'receipt'") == opening
        family = _family(second)
        second.send_signal(signal.SIGINT)
        assert second.wait() == 0
        assert psutil.wait_procs(family, timeout=0)[1] == []
    assert not (Path(environment["DATA_DIR"]) / "services.json").exists()


def _ready(environment: dict[str, str]) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{environment['PORT']}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize(("name", "remedy"), [("PORT", "--port"), ("SANDBOX_PORT", "SANDBOX_PORT=")])
def test_a_taken_port_is_named_with_the_way_to_another(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    for variable in ("DATA_DIR", "PORT", "SANDBOX_PORT"):
        monkeypatch.setenv(variable, environment[variable])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", int(environment[name])))
        listener.listen()
        with pytest.raises(ConnectorError, match=re.escape(environment[name])) as refused:
            up.up(sandbox=True)
    assert remedy in refused.value.remedy
    assert not (Path(environment["DATA_DIR"]) / "postgres" / "postmaster.pid").exists()


def test_a_second_one_on_the_same_directory_is_refused_at_once(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", environment["DATA_DIR"])
    with embedded.owned(load()) as owned:
        owned.announce(load())
        with pytest.raises(ConnectorError, match="Another connector command"):
            up.up()


def test_all_graces_together_stay_below_ten_seconds() -> None:
    assert up._GRACE_SECONDS + max(postgres._GRACE_SECONDS, valkey._GRACE_SECONDS) < 10
