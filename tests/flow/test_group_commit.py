"""Deliveries of many threads in shared commits: each stored once, each told its own ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from connector.db import inbox
from connector.db.inbox import Fresh
from connector.db.tables import inbox as inbox_table
from connector.flow.receive import GroupCommit
from connector.flow.wake import Wake
from connector.platform import Delivery, Kind
from tests.flow.conftest import Make
from tests.flow.toy import START, World

Answer = TypeVar("Answer")


def _delivery(number: int) -> Delivery:
    return Delivery("order", Kind.ORDER, f"key {number}", str(number))


def _on_a_loop(send: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """In a thread of its own: a browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(send())).result()


@pytest.fixture
def at(make: Make) -> World:
    return make({})


def test_every_delivery_is_stored_once_and_only_its_first_sender_is_told_to_wake(at: World) -> None:
    together = GroupCommit(at.engine, at.seal)
    barrier = threading.Barrier(16)

    def send(thread: int) -> list[Wake | None]:
        barrier.wait()
        return [together.receive(at.shop, _delivery(number), b"body", START) for number in range(25)]

    with ThreadPoolExecutor(16) as threads:
        answers = [answer for found in threads.map(send, range(16)) for answer in found]
    assert [answer for answer in answers if answer is not None] == [Wake("ingest", at.shop.id)] * 25
    rows = at.rows(inbox_table)
    assert sorted(row["dedup_key"] for row in rows) == sorted(f"key {number}" for number in range(25))
    assert [row["repeats"] for row in rows] == [15] * 25


def test_those_that_wait_share_one_statement(at: World, monkeypatch: pytest.MonkeyPatch) -> None:
    together, real, sizes = GroupCommit(at.engine, at.seal), inbox.add_many, list[int]()
    first_writes, others_wait = threading.Event(), threading.Event()

    def add_many(conn: object, rows: list[Fresh]) -> list[bool]:
        sizes.append(len(rows))
        first_writes.set()
        assert others_wait.wait(30)
        return real(conn, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(inbox, "add_many", add_many)
    with ThreadPoolExecutor(8) as threads:
        jobs = [threads.submit(together.receive, at.shop, _delivery(0), b"", START)]
        assert first_writes.wait(30)
        jobs += [threads.submit(together.receive, at.shop, _delivery(number), b"", START) for number in range(1, 8)]
        while len(together._waiting) < 7:
            threading.Event().wait(0.005)
        others_wait.set()
        assert [job.result() for job in jobs] == [Wake("ingest", at.shop.id)] * 8
    assert sizes == [1, 7]


def test_senders_on_an_event_loop_share_statements_with_each_other_and_with_threads(
    at: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, real, sizes = GroupCommit(at.engine, at.seal), inbox.add_many, list[int]()
    monkeypatch.setattr(inbox, "add_many", lambda conn, rows: sizes.append(len(rows)) or real(conn, rows))  # type: ignore[func-returns-value]

    async def send() -> list[Wake | None]:
        return await asyncio.gather(*(together.received(at.shop, _delivery(number % 25), b"", START) for number in range(100)))

    with ThreadPoolExecutor(4) as threads:
        jobs = [threads.submit(together.receive, at.shop, _delivery(100 + number), b"", START) for number in range(20)]
        answers = [*_on_a_loop(send), *(job.result() for job in jobs)]
    assert [answer for answer in answers if answer is not None] == [Wake("ingest", at.shop.id)] * 45
    assert sum(sizes) == 120
    assert len(sizes) < 60
    assert sorted(row["repeats"] for row in at.rows(inbox_table)) == [0] * 20 + [3] * 25


def test_on_an_event_loop_too_one_that_cannot_be_written_fails_alone(at: World) -> None:
    together = GroupCommit(at.engine, at.seal)
    stranger = replace(at.shop, id=at.shop.id + 1)

    async def send() -> list[Wake | BaseException | None]:
        shops = [at.shop, stranger, at.shop]
        sent = (together.received(shop, _delivery(number), b"", START) for number, shop in enumerate(shops))
        return await asyncio.gather(*sent, return_exceptions=True)

    first, second, third = _on_a_loop(send)
    assert first == third == Wake("ingest", at.shop.id)
    assert isinstance(second, SQLAlchemyError)


def test_one_that_cannot_be_written_fails_alone(at: World) -> None:
    together = GroupCommit(at.engine, at.seal)
    stranger = replace(at.shop, id=at.shop.id + 1)  # no such shop: its row breaks a foreign key
    together._busy = True  # as if somebody were writing
    with ThreadPoolExecutor(6) as threads:
        bad = threads.submit(together.receive, stranger, _delivery(99), b"", START)
        good = [threads.submit(together.receive, at.shop, _delivery(number), b"", START) for number in range(5)]
        while len(together._waiting) < 6:
            threading.Event().wait(0.005)
        together._call(())
        assert [job.result() for job in good] == [Wake("ingest", at.shop.id)] * 5
        with pytest.raises(SQLAlchemyError):
            bad.result()
    assert len(at.rows(inbox_table)) == 5


def test_whatever_happens_nobody_waits_for_ever(at: World, monkeypatch: pytest.MonkeyPatch) -> None:
    together = GroupCommit(at.engine, at.seal)

    def stumble(*_: object) -> list[bool]:
        raise ZeroDivisionError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "add_many", stumble)
        with ThreadPoolExecutor(4) as threads:
            jobs = [threads.submit(together.receive, at.shop, _delivery(number), b"", START) for number in range(4)]
            assert [type(job.exception(30)) for job in jobs] == [ZeroDivisionError] * 4
    assert together.receive(at.shop, _delivery(5), b"", START) == Wake("ingest", at.shop.id)


def test_a_connection_that_broke_while_nobody_wrote_is_replaced(at: World, engine: Engine) -> None:
    together = GroupCommit(at.engine, at.seal)
    assert together.receive(at.shop, _delivery(1), b"", START)
    pid = together._connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with engine.begin() as conn:
        conn.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    assert together.receive(at.shop, _delivery(2), b"", START) == Wake("ingest", at.shop.id)
    assert len(at.rows(inbox_table)) == 2
