"""A shop's life in one process: what happens, when, and what goes wrong is decided by a seed and nothing else.

The clock, the chance and the platform are ours; the database is real. A crash is an error raised in the middle of a
story, before any statement or commit of it, after which nothing of that story runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import Engine, event, select, text

from connector.db import stock
from connector.db.tables import fulfillment_orders, inbox, items, levels, order_lines, orders, outbox
from connector.domain.errors import ConnectorError, Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Lifecycle, Order
from connector.flow import deliver, fulfill, ingest, reconcile
from connector.flow import shops as shop_flow
from connector.flow import stock as goods
from connector.flow.stock import StockLine
from connector.platform import Announcement, ChangedPage, Outcome, Retryable, Shop, Throttled, TimedOut, Told
from tests.flow.conftest import PROMISED
from tests.flow.toy import World, order

SKUS = ("PEN", "INK", "CAP")
PLACES = ("quay", "depot")
_ACTS = 14
_RECEIPT = 2
_LONGEST_REST = 200


class Crash(BaseException):
    """The process is gone. Not an Exception, so that no story takes it for the fault of a row."""


@dataclass
class Life:
    """One seed's life. `trace` is what happened; equal seeds have equal traces."""

    at: World
    seed: int
    trace: list[str] = field(default_factory=list)
    current: dict[str, Order] = field(default_factory=dict)
    past: list[tuple[str, Order]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    minute: int = 0
    well: bool = False

    def __post_init__(self) -> None:
        self.rnd = random.Random(self.seed)
        self.at.toy.announce = self._announce  # type: ignore[method-assign]
        self.at.toy.fetch = self._fetch  # type: ignore[method-assign]
        self.at.toy.changed = self._changed  # type: ignore[method-assign]

    # -- the platform ------------------------------------------------------------------------------------------------

    def _trouble(self) -> None:
        if not self.well and self.rnd.random() < 0.25:
            kinds = [Retryable("500"), TimedOut("late"), Throttled("429", retry_after_seconds=2)]
            raise self.rnd.choice(kinds)

    def _announce(self, shop: Shop, announcement: Announcement) -> Outcome:
        self._trouble()
        if announcement.key in self.told:
            return Outcome(Told.ALREADY, "told")
        self.told[announcement.key] += 1
        if not self.well and self.rnd.random() < 0.15:
            raise Retryable("done, and then 500", effect_unknown=True)
        return Outcome(Told.APPLIED, "told")

    def _fetch(self, shop: Shop, external_id: str) -> Order | None:
        self._trouble()
        return self.current.get(external_id)

    def _changed(self, shop: Shop, since: object, cursor: str) -> ChangedPage:
        self._trouble()
        newest = sorted(self.current.values(), key=lambda one: one.version)
        return ChangedPage(tuple((one.external_id, one.version) for one in newest))

    # -- what may happen ---------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Some acts of chance, then all well, and time enough for everything to come to rest."""
        acts = [getattr(self, name) for name in _WEIGHTS]
        for _ in range(_ACTS):
            [act] = self.rnd.choices(acts, list(_WEIGHTS.values()))
            with _crashing(self.at.engine, self._crash_after()):
                self._note(act)
            self.at.now += timedelta(seconds=self.rnd.choice([0, 1, 5, 60, 700]))
        self.rest()

    def rest(self) -> None:
        """The platform is well and nobody crashes: poll, take in, tell, until nothing waits."""
        self.well = True
        for _ in range(_LONGEST_REST):
            self.at.now += timedelta(minutes=20)
            self.poll()
            self.take_in()
            self.tell()
            if self.polled_dry():
                return
        raise AssertionError("it does not come to rest")

    def polled_dry(self) -> bool:
        with self.at.engine.connect() as conn:
            waiting = [conn.execute(select(box.c.id).where(box.c.state == "waiting")).first() for box in (inbox, outbox)]
            held = {row.external_id: row.version for row in conn.execute(select(orders.c.external_id, orders.c.version))}
        return waiting == [None, None] and all(held.get(key) == one.version for key, one in self.current.items())

    def _crash_after(self) -> int:
        return self.rnd.randint(1, 40) if self.rnd.random() < 0.3 else 0

    def _note(self, act: Callable[[], object]) -> None:
        try:
            said = act()
        except ConnectorError as error:
            said = type(error).__name__
        except Crash:
            said = "crash"
        self.trace.append(f"{act.__name__} {said}")

    def customer_orders(self) -> str:
        number = str(1001 + len(self.current))
        skus = self.rnd.sample(SKUS, self.rnd.randint(1, 2))
        return self._changes(order(number, [(sku, self.rnd.randint(1, 3)) for sku in skus], minute=self._tick()))

    def customer_edits(self) -> str:
        if not (found := self._any_open()):
            return "none"
        lines = [(line.sku, self.rnd.randint(0, 4)) for line in found.lines]
        return self._changes(order(found.external_id, lines, minute=self._tick()))

    def customer_cancels(self) -> str:
        if not (found := self._any_open()):
            return "none"
        return self._changes(replace(found, lifecycle=Lifecycle.CANCELLED, version=order(minute=self._tick()).version))

    def old_news(self) -> str:
        """A delivery comes again, or late: anything ever sent, under its own name or another."""
        if not self.past:
            return "none"
        key, old = self.rnd.choice(self.past)
        self.at.send(old, key=key if self.rnd.random() < 0.5 else f"{key}-again{len(self.trace)}")
        return old.external_id

    def take_in(self) -> str:
        platform = self.at.toy.platform()
        limit = 100 if self.well else self.rnd.randint(1, 5)
        return str(ingest.drain(self.at.engine, self.at.seal, platform, self.at.shop, self.at.now, limit=limit).finished)

    def tell(self) -> str:
        shop = shop_flow.by_id(self.at.engine, self.at.seal, self.at.shop.id)
        return str(deliver.drain(self.at.engine, self.at.toy.platform(), shop, lambda: self.at.now, self.rnd.random).finished)

    def poll(self) -> str:
        return str(reconcile.poll(self.at.engine, self.at.toy.platform(), self.at.shop, self.at.now).finished)

    def staff_moves(self) -> str:
        part = fulfillment_orders.c
        with self.at.engine.connect() as conn:
            ids = list(conn.execute(select(part.id).where(part.state != "cancelled").order_by(part.id)).scalars())
        if not ids:
            return "none"
        step = self.rnd.choice([Step.START, Step.PACK, Step.PACK, Step.SHIP, Step.SHIP, Step.UNPACK])
        place = self.rnd.randrange(len(ids))
        with contextlib.suppress(Rejected):
            return f"{place} {fulfill.move(self.at.engine, ids[place], step, self.at.now, actor='staff').state}"
        return f"{place} {step} not now"

    def goods_arrive(self) -> str:
        sku, place = self.rnd.choice(SKUS), self.rnd.choice(PLACES)
        key = f"r{self.rnd.randint(1, 4)}{sku}{place}"
        line = StockLine(sku, place, _RECEIPT)
        return str(goods.change(self.at.engine, [line], self.at.now, key=key, reason="receipt", actor="tests"))

    def _tick(self) -> int:
        self.minute += self.rnd.choice([0, 1, 1, 2])  # two states may share a minute
        return self.minute

    def _any_open(self) -> Order | None:
        found = [one for one in self.current.values() if one.lifecycle is Lifecycle.OPEN]
        return self.rnd.choice(found) if found else None

    def _changes(self, wanted: Order) -> str:
        """The platform's state changes; its delivery may get lost."""
        before = self.current.get(wanted.external_id)
        if before is not None and wanted.version <= before.version:
            wanted = replace(wanted, version=before.version + timedelta(minutes=1))
        self.current[wanted.external_id] = wanted
        key = f"{wanted.external_id}@{wanted.version.isoformat()}"
        self.past.append((key, wanted))
        if self.rnd.random() < 0.8:
            self.at.send(wanted, key=key)
        return wanted.external_id

    # -- what must hold ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """The invariants, at rest."""
        with self.at.engine.connect() as conn:
            assert stock.unbalanced(conn) == []
            assert conn.execute(PROMISED).all() == []
            assert conn.execute(_SHARES).all() == []
            assert conn.execute(select(inbox.c.reason).where(inbox.c.state == "dead")).all() == []
            assert conn.execute(select(outbox.c.reason).where(outbox.c.state == "dead")).all() == []
            assert conn.execute(_ON_HAND, {"opening": 4 * len(PLACES), "receipt": _RECEIPT}).all() == []
            found = {row.external_id: row.lifecycle for row in conn.execute(select(orders.c.external_id, orders.c.lifecycle))}
            keys = set(conn.execute(select(outbox.c.effect_key)).scalars())
            lines = conn.execute(select(orders.c.external_id, order_lines.c.sku, order_lines.c.quantity).join(order_lines)).all()
        assert found == {key: one.lifecycle.value for key, one in self.current.items()}
        assert {(row.external_id, row.sku, row.quantity) for row in lines} == {
            (key, line.sku, line.quantity) for key, one in self.current.items() for line in one.lines
        }
        assert set(self.told) == keys
        assert set(self.told.values()) <= {1}

    def digest(self) -> str:
        """One word for all that happened and what came of it."""
        with self.at.engine.connect() as conn:
            sums = select(items.c.sku, levels.c.on_hand, levels.c.committed).select_from(levels.join(items))
            left = conn.execute(sums.order_by(items.c.sku, levels.c.location_id)).all()
            states = conn.execute(select(orders.c.external_id, orders.c.state).order_by(orders.c.external_id)).all()
        return hashlib.sha256(repr([self.trace, left, states]).encode()).hexdigest()


_WEIGHTS = {
    "customer_orders": 4,
    "customer_edits": 3,
    "customer_cancels": 1,
    "old_news": 2,
    "take_in": 4,
    "tell": 3,
    "poll": 1,
    "staff_moves": 5,
    "goods_arrive": 1,
}

# Of each item there is what was there, and each receipt once, less what has left.
_ON_HAND = text(
    """
    SELECT i.sku, l.units, r.receipts, g.units FROM items i
    JOIN (SELECT item_id, sum(on_hand) AS units FROM levels GROUP BY 1) l ON l.item_id = i.id
    LEFT JOIN (SELECT item_id, count(DISTINCT document) AS receipts FROM movements
               WHERE reason = 'receipt' AND document <> 'opening' GROUP BY 1) r ON r.item_id = i.id
    LEFT JOIN (SELECT ol.item_id, sum(f.quantity) AS units FROM fulfillment_lines f
               JOIN fulfillment_orders p ON p.id = f.fulfillment_order_id AND p.state IN ('shipped', 'picked_up')
               JOIN order_lines ol ON ol.id = f.order_line_id GROUP BY 1) g ON g.item_id = i.id
    WHERE l.units <> :opening + :receipt * coalesce(r.receipts, 0) - coalesce(g.units, 0)
    """
)

# In every open order each line is in parts or backordered, as a whole.
_SHARES = text(
    """
    SELECT l.id FROM order_lines l JOIN orders o ON o.id = l.order_id
    LEFT JOIN fulfillment_lines f ON f.order_line_id = l.id
         AND f.fulfillment_order_id IN (SELECT id FROM fulfillment_orders WHERE state <> 'cancelled')
    WHERE o.lifecycle = 'open' AND NOT 'changed_after_handover' = ANY (o.attention)
    GROUP BY l.id, l.quantity, l.backordered HAVING coalesce(sum(f.quantity), 0) + l.backordered <> l.quantity
    """
)


@contextlib.contextmanager
def _crashing(engine: Engine, after: int) -> Iterator[None]:
    """Within, the process is gone before the statement or commit of this number (0: it lives)."""
    steps = 0

    def step(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == after:
            raise Crash

    event.listen(engine, "before_cursor_execute", step)
    event.listen(engine, "commit", step)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", step)
        event.remove(engine, "commit", step)
