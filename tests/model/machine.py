"""A model of orders and stock, driven by Hypothesis against the real stories and a real database.

The model knows what lies on each shelf and what each order wants; the database must agree after every step, whatever was
edited, cancelled, repeated, late, counted, sent or dropped half way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, text

from connector.domain.errors import Rejected
from connector.domain.fulfillment import MOVES, Step
from connector.domain.orders import Freshness, Handover, Lifecycle, LineItem, Order
from connector.flow import fulfill, settle, stock, verify
from connector.flow.intake import Arrival, take_in
from connector.flow.stock import StockLine
from tests.flow.toy import MINUTE, START, World, order, settings

SKUS = ("PEN", "INK")
CODES = ("quay", "depot", "annex")
CLEARED = (
    *("stock_checks", "refills", "transfer_lines", "transfers", "stock_documents", "attempts", "outbox", "inbox"),
    *("order_events", "payments", "fulfillment_lines", "movements", "fulfillment_orders", "order_lines", "orders", "levels"),
)
_CLEAR = text("SET LOCAL session_replication_role = replica; " + "; ".join(f"DELETE FROM {table}" for table in CLEARED))  # noqa: S608

# Each row of the answer is a rule that is broken, by name, or what lies on a shelf: one question, because it is asked after
# every step.
_SEEN = text(
    """
    WITH sums AS (
        SELECT item_id, location_id, sum(on_hand_delta) AS on_hand, sum(committed_delta) AS committed
        FROM movements GROUP BY 1, 2
    ), parts AS (
        SELECT ol.item_id, fo.location_id, fl.order_line_id, fo.state, fl.quantity
        FROM fulfillment_lines fl JOIN fulfillment_orders fo ON fo.id = fl.fulfillment_order_id
        JOIN order_lines ol ON ol.id = fl.order_line_id
    ), held AS (
        SELECT item_id, location_id, sum(quantity) AS units, sum(quantity) FILTER (WHERE state IN ('new', 'in_progress')) AS loose
        FROM parts WHERE state IN ('new', 'in_progress', 'packed', 'ready') GROUP BY 1, 2
    ), given AS (
        SELECT order_line_id, sum(quantity) AS units, sum(quantity) FILTER (WHERE state IN ('shipped', 'picked_up')) AS gone
        FROM parts WHERE state <> 'cancelled' GROUP BY 1
    )
    SELECT 'shelf' AS what, i.sku, p.code, l.on_hand AS n
        FROM levels l JOIN items i ON i.id = l.item_id JOIN locations p ON p.id = l.location_id WHERE l.on_hand <> 0
    UNION ALL SELECT 'a level is not the sum of its movements', '', '', l.item_id FROM levels l
        LEFT JOIN sums s USING (item_id, location_id)
        WHERE (l.on_hand, l.committed) <> (coalesce(s.on_hand, 0), coalesce(s.committed, 0))
    UNION ALL SELECT 'available is not on hand less committed', '', '', item_id FROM levels WHERE available <> on_hand - committed
    UNION ALL SELECT 'a promise is not what the parts hold', '', '', l.item_id FROM levels l
        LEFT JOIN held h USING (item_id, location_id) WHERE l.committed <> coalesce(h.units, 0)
    UNION ALL SELECT 'units are neither given nor waiting', '', '', ol.id FROM order_lines ol
        JOIN orders o ON o.id = ol.order_id LEFT JOIN given g ON g.order_line_id = ol.id
        WHERE CASE o.lifecycle WHEN 'cancelled' THEN coalesce(g.units, 0) <> coalesce(g.gone, 0) OR ol.backordered > 0
              ELSE coalesce(g.units, 0) + ol.backordered <> greatest(ol.quantity, coalesce(g.gone, 0)) END
    UNION ALL SELECT 'more is promised than there is', '', '', l.item_id FROM levels l
        LEFT JOIN held h USING (item_id, location_id)
        WHERE l.available < 0 AND NOT :oversell AND coalesce(h.loose, 0) > 0
            AND NOT EXISTS (SELECT 1 FROM refills r WHERE r.item_id = l.item_id)
    UNION ALL SELECT 'a shelf holds less than nothing', i.sku, p.code, l.item_id FROM levels l
        JOIN items i ON i.id = l.item_id JOIN locations p ON p.id = l.location_id WHERE l.on_hand < 0 AND NOT :oversell
    UNION ALL SELECT 'an order waits beside free stock', '', '', l.item_id FROM levels l
        JOIN locations p ON p.id = l.location_id AND p.enabled
        WHERE l.available > 0 AND NOT EXISTS (SELECT 1 FROM refills r WHERE r.item_id = l.item_id)
            AND EXISTS (SELECT 1 FROM order_lines ol JOIN orders o ON o.id = ol.order_id
                WHERE ol.item_id = l.item_id AND ol.backordered > 0 AND o.handover = 'delivery' AND o.open)
    """
)
_PARTS = text(
    """
    SELECT fo.id, fo.state, o.handover, p.code, array_agg(ol.sku) AS skus, array_agg(fl.quantity) AS units
    FROM fulfillment_orders fo JOIN orders o ON o.id = fo.order_id JOIN locations p ON p.id = fo.location_id
    JOIN fulfillment_lines fl ON fl.fulfillment_order_id = fo.id JOIN order_lines ol ON ol.id = fl.order_line_id
    WHERE fo.state IN ('new', 'in_progress', 'packed', 'ready') GROUP BY fo.id, o.handover, p.code ORDER BY fo.id
    """
)
_MOVEMENTS = text("SELECT count(*) FROM movements")


class Dropped(Exception):
    """The connection broke before the commit."""


@dataclass
class Way:
    """A transfer under way, as the model sees it."""

    id: int
    there: str
    units: dict[str, int]


@dataclass
class Model:
    """What should be."""

    shelves: dict[tuple[str, str], int] = field(default_factory=dict)
    orders: dict[str, list[Order]] = field(default_factory=dict)
    under_way: list[Way] = field(default_factory=list)
    # Where less was counted, or more was taken, than leaves what is packed there: once that ships, the ledger says so.
    overlooked: set[tuple[str, str]] = field(default_factory=set)
    filed: list[Callable[[], object]] = field(default_factory=list)
    oversell: bool = False

    def move(self, sku: str, code: str, units: int) -> None:
        self.shelves[sku, code] = self.shelves.get((sku, code), 0) + units


_lines = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 4)), min_size=1, max_size=3)
_units = st.integers(1, 6)
_sku = st.sampled_from(SKUS)
_code = st.sampled_from(CODES)
_pick = st.integers(0, 10**6)


def machine(at: World) -> type[RuleBasedStateMachine]:
    """The state machine over this world; its rows are cleared at the start of each run."""

    class Ledger(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.engine: Engine = at.engine
            # To look: a connection of its own without transactions, so that a look is one round trip.
            self.eyes = at.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self.model = Model()
            self.steps = 0
            with self.engine.begin() as conn:
                conn.execute(_CLEAR)
                conn.execute(text("UPDATE locations SET enabled = true"))

        @initialize(oversell=st.booleans(), routing=st.sampled_from([None, ["least_loaded"], ["fewest_parts"]]))
        def begin(self, oversell: bool, routing: list[str] | None) -> None:
            self.model.oversell = oversell
            settings(at, oversell="negative" if oversell else "backorder", routing=routing)
            for sku, code, units in (("PEN", "quay", 4), ("PEN", "depot", 2), ("INK", "depot", 3)):
                self.restock(sku=sku, code=code, units=units)
            for lines in ([("PEN", 3), ("INK", 1)], [("PEN", 4)]):
                self.create(lines=lines, pickup=None)

        # --- orders --------------------------------------------------------------------------------------------------

        def _take(self, *given: Order) -> tuple[Freshness, ...]:
            with self.engine.begin() as conn:
                return take_in(conn, at.seal, at.shop, [Arrival(one, fetched=False) for one in given], self._now()).judged

        def _now(self) -> Any:
            self.steps += 1
            return START + self.steps * timedelta(seconds=1)

        def _chosen(self, pick: int) -> Order:
            held = list(self.model.orders.values())
            return held[pick % len(held)][-1]

        def _changed(self, known: Order, **changes: Any) -> None:
            newer = replace(known, version=known.version + MINUTE, **changes)
            assert self._take(newer) == (Freshness.NEWER,)
            self.model.orders[known.external_id].append(newer)

        @rule(lines=_lines, pickup=st.sampled_from([None, None, None, "L1", "L2", "unknown"]))
        def create(self, lines: list[tuple[str, int]], pickup: str | None) -> None:
            number = str(len(self.model.orders) + 1)
            new = order(number, lines)
            if pickup:
                new = replace(new, handover=Handover.PICKUP, pickup_location=pickup)
            assert self._take(new) == (Freshness.NEW,)
            self.model.orders[number] = [new]

        @precondition(lambda self: self.model.orders)
        @rule(pick=_pick, quantities=st.lists(st.integers(0, 5), min_size=3, max_size=3))
        def edit(self, pick: int, quantities: list[int]) -> None:
            known = self._chosen(pick)
            lines = tuple(replace(line, quantity=n) for line, n in zip(known.lines, quantities, strict=False))
            self._changed(known, lines=lines)

        @precondition(lambda self: self.model.orders)
        @rule(pick=_pick, sku=_sku)
        def add_line(self, pick: int, sku: str) -> None:
            known = self._chosen(pick)
            self._changed(known, lines=(*known.lines, LineItem(f"x{len(known.lines)}", sku, 1, sku=sku)))

        @precondition(lambda self: self.model.orders)
        @rule(pick=_pick)
        def refund_line(self, pick: int) -> None:
            known = self._chosen(pick)
            self._changed(known, lines=(replace(known.lines[0], quantity=0), *known.lines[1:]))

        @precondition(lambda self: self.model.orders)
        @rule(
            pick=_pick, lifecycle=st.sampled_from([Lifecycle.CANCELLED, Lifecycle.CANCELLED, Lifecycle.ON_HOLD, Lifecycle.OPEN])
        )
        def change_lifecycle(self, pick: int, lifecycle: Lifecycle) -> None:
            self._changed(self._chosen(pick), lifecycle=lifecycle)

        @precondition(lambda self: self.model.orders)
        @rule(pick=_pick, back=st.integers(0, 3))
        def repeat_or_come_late(self, pick: int, back: int) -> None:
            known = list(self.model.orders.values())
            history = known[pick % len(known)]
            before = self._movements()
            given = history[max(0, len(history) - 1 - back)]
            assert self._take(given, given) <= (Freshness.STALE, Freshness.STALE)
            assert self._movements() == before

        def _movements(self) -> int:
            return int(self.eyes.execute(_MOVEMENTS).scalar_one())

        @precondition(lambda self: self.model.orders)
        @rule(pick=_pick, lines=_lines)
        def crash(self, pick: int, lines: list[tuple[str, int]]) -> None:
            before = self._movements()
            newer = replace(self._chosen(pick), version=START + 999 * MINUTE, lines=order("9", lines).lines)
            try:
                with self.engine.begin() as conn:
                    take_in(conn, at.seal, at.shop, [Arrival(newer, fetched=True)], self._now())
                    raise Dropped
            except Dropped:
                assert self._movements() == before

        # --- stock facts ---------------------------------------------------------------------------------------------

        def _fact(self, act: Callable[..., object], sku: str, code: str, units: int) -> bool:
            key = f"k{self.steps}"

            def done() -> object:
                return act(self.engine, [StockLine(sku, code, units)], self._now(), key=key, actor="model")

            try:
                assert done() in (0, 1)
            except Rejected:
                return False
            self.model.filed.append(done)
            return True

        @rule(sku=_sku, code=_code, units=_units)
        def restock(self, sku: str, code: str, units: int) -> None:
            assert self._fact(stock.receive, sku, code, units)
            self.model.move(sku, code, units)

        @rule(sku=_sku, code=_code, units=_units, act=st.sampled_from([stock.sell, stock.write_off]))
        def goods_go(self, sku: str, code: str, units: int, act: Callable[..., object]) -> None:
            enough = self.model.shelves.get((sku, code), 0) >= units
            assert self._fact(act, sku, code, units) == enough
            self.model.move(sku, code, -units if enough else 0)
            self._note_packed(sku, code)

        def _note_packed(self, sku: str, code: str) -> None:
            packed = sum(
                units
                for part in self.eyes.execute(_PARTS)
                if part.code == code and part.state in ("packed", "ready")
                for name, units in zip(part.skus, part.units, strict=True)
                if name == sku
            )
            if self.model.shelves.get((sku, code), 0) < packed:
                self.model.overlooked.add((sku, code))

        @rule(sku=_sku, code=_code, units=st.integers(0, 6))
        def count(self, sku: str, code: str, units: int) -> None:
            assert self._fact(stock.count, sku, code, units)
            self.model.shelves[sku, code] = units
            self._note_packed(sku, code)

        @precondition(lambda self: self.model.filed)
        @rule(pick=_pick)
        def replay_a_fact(self, pick: int) -> None:
            assert self.model.filed[pick % len(self.model.filed)]() == 0

        @rule(sku=_sku, here=_code, there=_code, units=_units)
        def send(self, sku: str, here: str, there: str, units: int) -> None:
            try:
                made = stock.transfer(self.engine, here, there, {sku: units}, self._now(), key=f"t{self.steps}", actor="model")
            except Rejected:
                return
            self.model.move(sku, here, -units)
            self.model.under_way.append(Way(made, there, {sku: units}))

        @precondition(lambda self: self.model.under_way)
        @rule(pick=_pick, lost=st.booleans(), units=_units)
        def arrive(self, pick: int, lost: bool, units: int) -> None:
            way = self.model.under_way[pick % len(self.model.under_way)]
            [(sku, still)] = way.units.items()
            some = min(units, still)
            stock.arrive(self.engine, way.id, self._now(), key=f"a{self.steps}", actor="model", quantities={sku: some})
            self.model.move(sku, way.there, some)
            way.units[sku] -= some
            if lost:
                assert stock.lose(self.engine, way.id, self._now(), actor="model") == way.units[sku]
            if lost or not way.units[sku]:
                self.model.under_way.remove(way)

        @rule(code=_code, opened=st.booleans())
        def open_or_close(self, code: str, opened: bool) -> None:
            stock.open_location(self.engine, code, self._now(), opened=opened)

        # --- staff and clock -----------------------------------------------------------------------------------------

        @rule(pick=_pick, step=st.sampled_from([Step.PACK, Step.PACK, Step.SHIP, Step.PICK_UP, Step.READY, Step.UNPACK]))
        def staff(self, pick: int, step: Step) -> None:
            parts = [p for p in self.eyes.execute(_PARTS) if p.state in MOVES[step].before]
            if not parts:
                return
            part = parts[pick % len(parts)]
            try:
                moved = fulfill.move(self.engine, part.id, step, self._now(), actor="model")
            except Rejected:
                return
            if moved.state in ("shipped", "picked_up"):
                for sku, units in zip(part.skus, part.units, strict=True):
                    self.model.move(sku, part.code, -units)

        @rule()
        def clock(self) -> None:
            settle.settle(self.engine, self._now())

        # --- what must hold ------------------------------------------------------------------------------------------

        @invariant()
        def everything_adds_up(self) -> None:
            seen = self.eyes.execute(_SEEN, {"oversell": self.model.oversell}).all()
            assert [row for row in seen if row.what != "shelf" and (row.sku, row.code) not in self.model.overlooked] == []
            shelves = {(row.sku, row.code): row.n for row in seen if row.what == "shelf"}
            assert shelves == {pair: n for pair, n in self.model.shelves.items() if n}

        def teardown(self) -> None:
            try:
                settle.settle(self.engine, self._now())
                assert verify.verify(self.engine, self._now()).found == ()
                self.everything_adds_up()
            finally:
                self.eyes.close()

    return Ledger
