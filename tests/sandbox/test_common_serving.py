"""The sandbox as a program: it starts, keeps its state, stops in time, and does not outlive its parent."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.serving import wait_until

ROOT = Path(__file__).parents[2]
PLATFORMS = ("shopify", "woocommerce", "bigcommerce")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def gone(process: psutil.Process) -> bool:
    """Whether it has ended; it stays a zombie where nobody collects orphans (containers)."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@contextlib.contextmanager
def running(directory: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--dir", str(directory), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}"))
            yield program, f"http://127.0.0.1:{port}"
        finally:
            program.terminate()


def test_the_program_keeps_its_orders_over_a_stop(tmp_path: Path) -> None:
    with running(tmp_path, "--rate", "1200") as (program, url):
        wait_until(lambda: requests.get(f"{url}/sandbox/traffic", timeout=30).json()["placed"] >= 3)
        program.terminate()
        assert program.wait(30) == 0
    with running(tmp_path) as (_, url):
        for platform in PLATFORMS:
            assert requests.get(f"{url}/sandbox/{platform}/orders", timeout=30).json()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_although_an_answer_hangs(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path) as (program, url), socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as client:
        worker = psutil.Process(program.pid).children()[0]
        requests.put(f"{url}/sandbox/woocommerce/knobs", json={"hang": 1, "hang_seconds": 100}, timeout=30)
        client.sendall(b"GET /woocommerce/wp-json/wc/v3/orders HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.recv(1)
        program.send_signal(how)
        assert program.wait(30) == 0
        assert gone(worker)


def test_the_worker_does_not_outlive_a_killed_parent_and_a_second_takes_over(tmp_path: Path) -> None:
    with running(tmp_path) as (program, _):
        worker = psutil.Process(program.pid).children()[0]
        program.kill()
        with running(tmp_path) as (_, url):
            assert answers(url)
            assert gone(worker)


def test_two_programs_cannot_keep_the_same_directory(tmp_path: Path) -> None:
    with running(tmp_path):
        command = [sys.executable, "-m", "sandbox", "--port", str(free_port()), "--dir", str(tmp_path)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert second.returncode != 0
        assert "Stop it, or give another directory." in second.stderr


def test_every_acknowledged_order_survives_a_kill(tmp_path: Path) -> None:
    order = {"lines": [{"sku": "MUG-PHARE", "quantity": 1}]}
    with running(tmp_path) as (program, url):
        places = [f"{url}/sandbox/{platform}/orders" for platform in PLATFORMS for _ in range(5)]
        ids = [(place, requests.post(place, json=order, timeout=30).json()["id"]) for place in places]
        for victim in (*psutil.Process(program.pid).children(), psutil.Process(program.pid)):
            victim.kill()
        with running(tmp_path) as (_, again):
            for place, order_id in ids:
                assert requests.get(f"{place}/{order_id}".replace(url, again), timeout=30).json()["lines"] == [["MUG-PHARE", 1]]
