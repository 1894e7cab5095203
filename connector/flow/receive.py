"""Taking a verified delivery in: one durable row, nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from connector.db import inbox
from connector.db.inbox import Fresh
from connector.db.sealed import Seal
from connector.domain.text import storable
from connector.flow.wake import Wake
from connector.platform import Delivery, Kind, Shop

_LONGEST_KEY = 200
_MOST_TOGETHER = 64  # bodies are up to 1 MiB each


def receive(engine: Engine, seal: Seal, shop: Shop, delivery: Delivery, body: bytes, now: datetime) -> Wake | None:
    """Store the delivery and commit; what to wake, or None for a repeat and for what leads to no work."""
    row = _fresh(seal, shop, delivery, body, now)
    with engine.begin() as conn:
        (new,) = inbox.add_many(conn, [row])
    return _wake(row, new=new)


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class _Ticket:
    """A row that waits to be written, and how that went. `called` opens when it is written, or when its sender is to write.
    A sender on an event loop waits for `future` instead, and never writes itself."""

    row: Fresh
    future: asyncio.Future[None] | None = None
    new: bool = False
    done: bool = False
    error: BaseException | None = None
    called: threading.Lock = field(default_factory=_locked)

    @property
    def name(self) -> tuple[int, str]:
        """What the delivery is known by."""
        return self.row.shop_id, self.row.dedup_key


@dataclass(slots=True, weakref_slot=True, eq=False)
class GroupCommit:
    """`receive` for the threads and the event loop of one process: rows that come at the same time are written by one statement
    and one commit.

    Whoever finds nobody writing writes, and then calls the one that waits longest to write for all that wait. A lone delivery
    waits for nothing; under load each commit, which is what a delivery costs most of, is shared by as many as arrived during
    the one before. Each thread waits for a lock of its own: with one for all, each would be woken only to look and to wait
    again, which costs more than the commit. For senders on the loop one thread writes, and they are told with one call. One
    connection is kept for it.
    """

    engine: Engine
    seal: Seal
    _waiting: list[_Ticket] = field(default_factory=list)
    _line: threading.Lock = field(default_factory=threading.Lock)
    _busy: bool = False
    _kept: list[Connection] = field(default_factory=list)
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "group commit"))

    def __post_init__(self) -> None:
        weakref.finalize(self, _close, self._kept)

    def receive(self, shop: Shop, delivery: Delivery, body: bytes, now: datetime) -> Wake | None:
        """As the function; SQLAlchemyError where the row is not stored."""
        ticket = _Ticket(_fresh(self.seal, shop, delivery, body, now))
        with self._line:
            self._waiting.append(ticket)
            waits, self._busy = self._busy, True
        if waits:
            ticket.called.acquire()
        if not ticket.done:
            self._write_all(self._taken())
        if ticket.error is not None:
            raise ticket.error
        return _wake(ticket.row, new=ticket.new)

    async def received(self, shop: Shop, delivery: Delivery, body: bytes, now: datetime) -> Wake | None:
        """As `receive`, on an event loop, which it never blocks."""
        future = asyncio.get_running_loop().create_future()
        ticket = _Ticket(_fresh(self.seal, shop, delivery, body, now), future)
        with self._line:
            self._waiting.append(ticket)
            waits, self._busy = self._busy, True
        if not waits:
            self._writer.submit(self._write_waiting)
        await future
        if ticket.error is not None:
            raise ticket.error
        return _wake(ticket.row, new=ticket.new)

    def _write_waiting(self) -> None:
        with suppress(Exception):  # each ticket has it, and its sender raises it
            self._write_all(self._taken())

    def _taken(self) -> list[_Ticket]:
        """The longest waiting tickets, the writer's own among them. Two of one name go one after the other: a statement can
        meet a row only once.

        Sorted by name, so that two processes that are sent the same deliveries never wait for each other in a ring.
        """
        with self._line:
            named: dict[tuple[int, str], _Ticket] = {}
            for ticket in self._waiting[:_MOST_TOGETHER]:
                named.setdefault(ticket.name, ticket)
            self._waiting = [ticket for ticket in self._waiting if named.get(ticket.name) is not ticket]
        return sorted(named.values(), key=lambda ticket: ticket.name)

    def _write_all(self, tickets: Sequence[_Ticket]) -> None:
        """Write them; whatever happens, each of them is done afterwards, because others wait for theirs."""
        try:
            self._write(tickets)
        except BaseException as error:
            for ticket in tickets:
                ticket.error, ticket.done = ticket.error or error, True
            raise
        finally:
            self._call(tickets)

    def _call(self, written: Sequence[_Ticket]) -> None:
        """Call the next writer, so that the database has work, and then those whose row is written."""
        with self._line:
            following = self._waiting[:1]
            self._busy = bool(following)
        for ticket in following:
            if ticket.future is None:
                ticket.called.release()
            else:
                self._writer.submit(self._write_waiting)
        for ticket in written:
            ticket.called.release()
        _tell([ticket.future for ticket in written if ticket.future is not None])

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        """Write them together; where that fails for what one of them is, each alone."""
        try:
            stored = self._stored([ticket.row for ticket in tickets])
        except SQLAlchemyError as error:
            if len(tickets) > 1 and not isinstance(error, OperationalError):
                for ticket in tickets:
                    self._write([ticket])
                return
            for ticket in tickets:
                ticket.error, ticket.done = error, True
        else:
            for ticket, new in zip(tickets, stored, strict=True):
                ticket.new, ticket.done = new, True

    def _stored(self, rows: Sequence[Fresh]) -> list[bool]:
        """Write on the kept connection. One that broke while nobody wrote is replaced, once."""
        fresh = not self._kept
        try:
            return inbox.add_many(self._connection(), rows)
        except SQLAlchemyError as error:
            _close(self._kept)
            if fresh or not isinstance(error, OperationalError) or not error.connection_invalidated:
                raise
        return inbox.add_many(self._connection(), rows)

    def _connection(self) -> Connection:
        if not self._kept:
            conn = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            conn.detach()  # it is nobody else's until it is closed
            self._kept.append(conn)
        return self._kept[0]


def _tell(futures: Sequence[asyncio.Future[None]]) -> None:
    """Wake those who wait on an event loop: one call for all of a loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for future in futures:
        loops.setdefault(future.get_loop(), []).append(future)
    for loop, waiting in loops.items():
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(_settle, waiting)


def _settle(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():  # its sender may have gone
            future.set_result(None)


def _close(kept: list[Connection]) -> None:
    while kept:
        kept.pop().close()


def _fresh(seal: Seal, shop: Shop, delivery: Delivery, body: bytes, now: datetime) -> Fresh:
    return Fresh(
        merchant_id=shop.merchant_id,
        shop_id=shop.id,
        dedup_key=_bounded(delivery.dedup_key),
        topic=_bounded(delivery.topic),
        kind=delivery.kind.value,
        external_id=_bounded(delivery.order_id),
        sealed_body=seal.seal(body),
        state="ignored" if delivery.kind is Kind.IGNORED else "waiting",
        reason=storable(delivery.reason),
        received_at=now,
    )


def _wake(row: Fresh, *, new: bool) -> Wake | None:
    return Wake("ingest", row.shop_id) if new and row.state == "waiting" else None


def _bounded(text: str) -> str:
    """A key of any length as one the index can hold; equal texts stay equal, different ones different."""
    text = storable(text)
    if len(text) <= _LONGEST_KEY:
        return text
    return text[:_LONGEST_KEY] + "#" + hashlib.sha256(text.encode()).hexdigest()
