"""A trading day in small steps, played by a child process that dies at one of them.

Every statement sent to the database, every commit and every call to the shop is a step. The shop is a file: what it was
told outlives the child, as a real shop does.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, event, select

from connector.db.sealed import Seal
from connector.db.tables import fulfillment_orders, orders
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Lifecycle, Order
from connector.flow import deliver, fulfill, ingest, receive, reconcile
from connector.platform import Announcement, ChangedPage, Delivery, Kind, Outcome, Platform, Shop, Told
from tests.flow.toy import START, Toy, order

_DIED = 9
_WELL = 0


class Steps:
    """Counts the steps; at number `last` the process is gone, without a word to anybody (0: never)."""

    def __init__(self, last: int) -> None:
        self.taken, self._last = 0, last

    def take(self) -> None:
        self.taken += 1
        if self.taken == self._last:
            os._exit(_DIED)

    @contextlib.contextmanager
    def of(self, engine: Engine) -> Iterator[None]:
        """Within, there is a step before each statement and before each commit."""

        def step(*_: object) -> None:
            self.take()

        for name in ("before_cursor_execute", "commit"):
            event.listen(engine, name, step)
        try:
            yield
        finally:
            for name in ("before_cursor_execute", "commit"):
                event.remove(engine, name, step)


@dataclass(frozen=True)
class Day:
    """What is there in the morning. Children have the statements the engine has compiled, and connections of their own."""

    engine: Engine
    seal: Seal
    shop: Shop
    journal: Path


# 1 is edited, 2 is cancelled, 3 is handed over and comes without a delivery, 4 must be split and is handed over.
_FIRST = [order("1", [("PEN", 2)]), order("2", [("PEN", 1), ("INK", 1)]), order("4", [("PEN", 1), ("INK", 2)])]
_POLLED = order("3", [("INK", 1)])
_LATER = [
    order("1", [("PEN", 5)], minute=1),
    replace(order("2", [("PEN", 1), ("INK", 1)], minute=1), lifecycle=Lifecycle.CANCELLED),
]
_HANDED_OVER = ("3", "4")


def dies(day: Day, last: int) -> bool:
    """Play the day in a child that dies at step `last`; False where it came to its end before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the child touches none of them
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            day.engine.dispose(close=False)  # these connections are our parent's
            _whole_day(day, Steps(last), START)
            os._exit(_WELL)
        os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (_WELL, _DIED), code
    return code == _DIED


def whole(day: Day, *, hours: int = 0) -> int:
    """Play the day to its end, so many hours later; what was begun is resumed. How many steps it had."""
    steps = Steps(0)
    _whole_day(day, steps, START + timedelta(hours=hours))
    return steps.taken


def _whole_day(day: Day, steps: Steps, at: datetime) -> None:
    with steps.of(day.engine):
        _trade(day, day.engine, steps, at)


def _trade(day: Day, engine: Engine, steps: Steps, at: datetime) -> None:
    platform = _platform(day, steps)
    for name, orders_sent in (("first", _FIRST), ("later", _LATER)):
        for number, sent in enumerate(orders_sent):
            delivery = Delivery("orders", Kind.ORDER, f"{name}{number}", sent.external_id)
            receive.receive(engine, day.seal, day.shop, delivery, json.dumps([name, number]).encode(), at)
        _take_in(day, engine, platform, at)
    reconcile.poll(engine, platform, day.shop, at)
    _take_in(day, engine, platform, at)
    _hand_over(engine, at)
    while deliver.drain(engine, platform, day.shop, lambda: at, lambda: 0.5).more:
        pass


def _take_in(day: Day, engine: Engine, platform: Platform, at: datetime) -> None:
    while ingest.drain(engine, day.seal, platform, day.shop, at).more:
        pass


def _hand_over(engine: Engine, at: datetime) -> None:
    """As staff does: look what is to be done, do it; what went through before is refused and left alone."""
    for step in (Step.PACK, Step.SHIP):
        part = fulfillment_orders.c
        found = select(part.id).select_from(fulfillment_orders.join(orders)).where(orders.c.external_id.in_(_HANDED_OVER))
        with engine.connect() as conn:
            ids = list(conn.execute(found.order_by(part.id)).scalars())
        for part_id in ids:
            with contextlib.suppress(Rejected):
                fulfill.move(engine, part_id, step, at, actor="staff")


def _platform(day: Day, steps: Steps) -> Platform:
    def normalize(shop: Shop, body: bytes) -> Order | None:
        name, number = json.loads(body)
        return {"first": _FIRST, "later": _LATER}[name][number]

    def fetch(shop: Shop, external_id: str) -> Order | None:
        steps.take()
        return _POLLED if external_id == "3" else None

    def changed(shop: Shop, since: datetime, cursor: str) -> ChangedPage:
        steps.take()
        return ChangedPage((("3", _POLLED.version),))

    return replace(
        Toy().platform(),
        normalize=normalize,
        fetch_order=fetch,
        changed_orders=changed,
        announce=_announcing(day.journal, steps.take),
    )


def _announcing(journal: Path, step: Callable[[], None]) -> Callable[[Shop, Announcement], Outcome]:
    """Read, write what is missing, with a step between: as all three platforms do."""

    def announce(shop: Shop, announcement: Announcement) -> Outcome:
        step()
        if announcement.key in told(journal):
            return Outcome(Told.ALREADY, "told")
        step()
        with journal.open("a") as file:
            file.write(announcement.key + "\n")
        step()
        return Outcome(Told.APPLIED, "told")

    return announce


def told(journal: Path) -> list[str]:
    """What the shop was told, in sequence."""
    return journal.read_text().split() if journal.exists() else []
