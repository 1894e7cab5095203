"""Much at once, and much for long: how soon a shop has its answer, what is left behind, what grows, and how it all stops."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import text

from tests.bench import orders, sending
from tests.bench.programs import resident_bytes
from tests.bench.sending import Answers
from tests.bench.stage import Stage, World, stage
from tests.chaos import findings
from tests.chaos.pairs import Program, free_port, one_for_each
from tests.serving import wait_until

_P95_MS, _P99_MS, _LONGEST_SECONDS, _CAUGHT_UP_SECONDS = 100, 250, 1.0, 300
_SOAK_PER_SECOND = 20
_MOST_GROWTH = 0.05
_STOPPED_SECONDS = 30
_MOST_CONNECTIONS = 2 * (8 + 1) + 2 + 2  # two web processes of eight threads, a worker, a clock: docs/scaling.md
# Their shops are nowhere: nobody is to be asked anything.
_LEFT_ALONE = text("UPDATE shops SET poll_due_at = p.never, watch_due_at = p.never, compare_due_at = p.never FROM "
                   "(SELECT now() + interval '1 day' AS never) p")  # fmt: skip
_CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'connector %'")
_PROMISED = text("SELECT sum(l.committed) FROM levels l JOIN items i ON i.id = l.item_id WHERE i.sku = :sku")
_SOLD = text("SELECT sum(l.quantity) FROM order_lines l WHERE l.sku = :sku")


@pytest.fixture(scope="module")
def place() -> Iterator[Stage]:
    with stage() as made:
        yield made


@dataclass
class House:
    """What runs, and where deliveries go."""

    world: World
    port: int
    programs: list[Program]

    def send(self, count: int, per_second: float = 0.0, *, first: int = 1, hot: bool = False) -> Answers:
        """New orders, one delivery each; every one is answered with 200."""
        wanted = sending.requests(orders.deliveries(count, first=first, hot=hot))
        return sending.send(self.port, wanted, per_second=per_second).expect()

    def rows(self) -> dict[str, int]:
        with self.world.engine.connect() as conn:
            return findings.counted(conn)

    def catch_up(self, count: int) -> None:
        """Until so many deliveries have been taken in, each as one order, with nothing wrong."""
        wait_until(lambda: self.rows()["inbox done"] == count, seconds=_CAUGHT_UP_SECONDS)
        with self.world.engine.connect() as conn:
            assert len(findings.known(conn)) == count
            assert findings.faults(conn) == {}
            assert findings.dead(conn) == []

    def bytes(self) -> int:
        """Memory of all programs."""
        return sum(resident_bytes(psutil.Process(one.process.pid)) for one in self.programs if one.process is not None)

    def connections(self) -> int:
        with self.world.engine.connect() as conn:
            return int(conn.execute(_CONNECTIONS).scalar_one())

    def complaints(self) -> list[str]:
        """What the programs had to say, of which nothing should be left at this log level."""
        return [line for one in self.programs for line in one.log.splitlines() if "[error" in line or "Traceback" in line]


@contextmanager
def _house(at: Stage, directory: Path, workers: int) -> Iterator[House]:
    ports = [free_port() for _ in range(workers)]
    with at.world() as world:
        with world.engine.begin() as conn:
            conn.execute(_LEFT_ALONE)
        settings = {**world.environment(), "LOG_LEVEL": "INFO", "WEB_PROCESSES": "2"}
        with one_for_each(directory, settings, ports) as programs:
            yield House(world, ports[0], programs)


def _in_time(answers: Answers) -> None:
    found = {"p95": answers.percentile(0.95), "p99": answers.percentile(0.99), "longest": max(answers.waits)}
    print(found)  # noqa: T201 - shown where the test fails, and with -s
    assert found["p95"] <= _P95_MS, found
    assert found["p99"] <= _P99_MS, found
    assert found["longest"] < _LONGEST_SECONDS, found


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("count", "per_second", "hot"),
    [
        pytest.param(12_000, 200, False, id="200 a second for a minute"),
        pytest.param(2_000, 200, False, id="a burst of 2,000 in ten seconds"),
        pytest.param(500, 50, True, id="500 of one article in ten seconds"),
    ],
)
def test_every_shop_has_its_answer_soon_and_the_backlog_ends(
    place: Stage, tmp_path: Path, count: int, per_second: float, hot: bool
) -> None:
    with _house(place, tmp_path, 2) as house:
        answers = house.send(count, per_second, hot=hot)
        house.catch_up(count)
        if hot:
            with house.world.engine.connect() as conn:
                sku = {"sku": orders.sku(orders.HOT)}
                assert conn.execute(_PROMISED, sku).scalar_one() == conn.execute(_SOLD, sku).scalar_one() >= count
        _in_time(answers)


# --- for long --------------------------------------------------------------------------------------------------------


def _soak(house: House, seconds: int) -> tuple[list[int], list[int]]:
    """Memory and connections while orders come evenly, looked at twenty times."""
    each = max(1, seconds * _SOAK_PER_SECOND // 20)
    found = []
    for number in range(20):
        house.send(each, _SOAK_PER_SECOND, first=1 + number * each)
        found.append((house.bytes(), house.connections()))
    house.catch_up(20 * each)
    memory, connections = zip(*found, strict=True)
    return list(memory), list(connections)


def _deliver(port: int, answered: list[int]) -> None:
    """One order after the other until nobody answers any more."""
    for sent in orders.deliveries(10_000, first=10**6):
        address = f"http://127.0.0.1:{port}/webhooks/woocommerce/{orders.key(sent.shop)}"
        try:
            answered.append(requests.post(address, data=sent.body, headers=sent.headers, timeout=_STOPPED_SECONDS).status_code)
        except requests.RequestException:
            return


def _stops(house: House) -> None:
    """In the middle of deliveries: everything ends well and in time, and what was acknowledged is there."""
    stored = sum(house.rows().values())
    answered: list[int] = []
    codes: list[int] = []
    customers = threading.Thread(target=_deliver, args=(house.port, answered))
    customers.start()
    wait_until(lambda: len(answered) > 10)
    began = time.monotonic()
    stopping = [threading.Thread(target=lambda one=one: codes.append(one.stop())) for one in house.programs]  # type: ignore[misc]
    for thread in stopping:
        thread.start()
    for thread in (*stopping, customers):
        thread.join()
    assert codes == [0] * len(house.programs)
    assert time.monotonic() - began < _STOPPED_SECONDS
    # The last answer may have been cut off behind its commit.
    assert sum(house.rows().values()) - stored in (answered.count(200), answered.count(200) + 1)


def test_a_while_of_orders_leaves_nothing_behind_and_all_stops_in_peace(place: Stage, tmp_path: Path) -> None:
    with _house(place, tmp_path, 1) as house:
        _, connections = _soak(house, 4)
        assert max(connections) <= _MOST_CONNECTIONS
        _stops(house)
        assert house.complaints() == []


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_half_an_hour_of_orders_leaves_nothing_behind(place: Stage, tmp_path: Path) -> None:
    with _house(place, tmp_path, 2) as house:
        memory, connections = _soak(house, 1800)
        print(memory, connections)  # noqa: T201 - shown where the test fails, and with -s
        middle, end = statistics.median(memory[5:10]), statistics.median(memory[15:])
        assert end / middle - 1 <= _MOST_GROWTH, memory
        assert max(connections[15:]) <= max(connections[5:15]), connections
        _stops(house)
        assert house.complaints() == []
