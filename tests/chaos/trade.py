"""What customers and staff do meanwhile, and what must come of it: the model the crash run is compared with."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from connector.db.tables import fulfillment_orders, orders, shops
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Step
from connector.flow import fulfill, stock
from connector.platform import Tracking
from jobs.environment import now
from sandbox.catalogue import ITEMS, STOCK
from tests.chaos.whole import PLATFORMS, Whole

# Of a hundred orders: so many are packed and handed over, so many cancelled; the others stay as they are.
FATES = {"handed over": 40, "cancelled": 10, "kept": 50}
_BREATH_SECONDS = 0.2
_LOOK_SECONDS = 0.05
_PICKUP_PLACE = "vieux-port"
_KNOWN_AS = {"shopify": "gid://shopify/Order/{}", "woocommerce": "{}", "bigcommerce": "{}"}
_FIRST = {"new": Step.PACK, "in_progress": Step.PACK}


class Connected(Protocol):
    """What has a database of the connector's."""

    @property
    def engine(self) -> Engine: ...


@dataclass(frozen=True)
class Placed:
    """An order a shop has acknowledged to its customer."""

    platform: str
    external_id: str
    units: tuple[tuple[str, int], ...]
    handover: str
    fate: str


class Customers(threading.Thread):
    """Place `count` orders over the three shops, some of them cancelled right away, as far as `progress` (0 to 1) has come."""

    def __init__(self, whole: Whole, count: int, progress: Callable[[], float], seed: int) -> None:
        super().__init__(name="customers", daemon=True)
        self._whole, self._count, self._progress, self._random = whole, count, progress, random.Random(seed)
        self.placed: list[Placed] = []
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            for number in range(self._count):
                while self._progress() < number / self._count:
                    time.sleep(_LOOK_SECONDS)
                self.placed.append(self._place(PLATFORMS[number % len(PLATFORMS)]))
        except Exception as error:  # noqa: BLE001 - shown by the test, which waits for this thread
            self.failed = error

    def _place(self, platform: str) -> Placed:
        rnd = self._random
        pickup = rnd.random() < 0.2
        sold = [item.sku for item in ITEMS if not pickup or STOCK[item.sku, _PICKUP_PLACE]]
        units = tuple((sku, rnd.randint(1, 2)) for sku in rnd.sample(sold, rnd.randint(1, 3)))
        wanted = {"lines": [list(line) for line in units], "handover": "pickup" if pickup else "delivery", "paid": True}
        if pickup:
            wanted["pickup"] = _PICKUP_PLACE
        found = self._whole.ask("POST", f"{platform}/orders", wanted)["id"]
        [fate] = rnd.choices(list(FATES), list(FATES.values()))
        if fate == "cancelled":
            self._whole.ask("POST", f"{platform}/orders/{found}/cancel", {})
        return Placed(platform, _KNOWN_AS[platform].format(found), units, wanted["handover"], fate)


class Staff(threading.Thread):
    """Packs and hands over what is to be handed over, over any outage."""

    def __init__(self, whole: Connected, placed: Callable[[], Iterable[Placed]]) -> None:
        super().__init__(name="staff", daemon=True)
        self._whole, self._placed = whole, placed
        self._stopping = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """For the time of the block."""
        self.start()
        try:
            yield
        finally:
            self._stopping.set()
            self.join()

    def run(self) -> None:
        while not self._stopping.wait(_BREATH_SECONDS):
            with suppress(SQLAlchemyError):  # the database was killed: look again
                self._round(self._whole.engine)

    def _round(self, engine: Engine) -> None:
        wanted = {(one.platform, one.external_id): one for one in self._placed() if one.fate == "handed over"}
        for part_id, state, platform, external_id in _open_parts(engine):
            one = wanted.get((platform, external_id))
            if one is not None and not self._stopping.is_set():
                last = Step.PICK_UP if one.handover == "pickup" else Step.SHIP
                _move(engine, part_id, _FIRST.get(state, last))


def _move(engine: Engine, part_id: int, step: Step) -> None:
    tracking = Tracking(f"CH{part_id:06}", "Colissimo") if step is Step.SHIP else None
    with suppress(Rejected):  # the last commit had gone through after all: the next look sees it
        fulfill.move(engine, part_id, step, now(), actor="staff", tracking=tracking)


def _open_parts(engine: Engine) -> list[tuple[int, str, str, str]]:
    part = fulfillment_orders.c
    rows = (
        select(part.id, part.state, shops.c.platform, orders.c.external_id)
        .select_from(fulfillment_orders.join(orders).join(shops, shops.c.id == orders.c.shop_id))
        .where(part.state.in_(("new", "in_progress", "packed", "ready")))
        .order_by(part.id)
    )
    with engine.connect() as conn:
        return [(row.id, row.state, row.platform, row.external_id) for row in conn.execute(rows)]


def bring_goods(engine: Engine, units: int) -> Counter[str]:
    """So many more units of everything wherever there is any, so that no order waits for goods; SKU -> on hand after it."""
    spots = [(sku, code) for (sku, code), held in STOCK.items() if held]
    stock.receive(engine, [stock.StockLine(sku, code, units) for sku, code in spots], now(), key="more goods", actor="tests")
    held = Counter[str]()
    for (sku, _), opening in STOCK.items():
        held[sku] += opening + units if opening else 0
    return held


def expected_stock(placed: Iterable[Placed], opening: Counter[str]) -> dict[str, tuple[int, int]]:
    """SKU -> (on hand, committed) over all locations, once everything has come to rest."""
    gone: Counter[str] = Counter()
    promised: Counter[str] = Counter()
    for one in placed:
        for sku, units in one.units:
            gone[sku] += units if one.fate == "handed over" else 0
            promised[sku] += units if one.fate == "kept" else 0
    return {sku: (units - gone[sku], promised[sku]) for sku, units in opening.items()}
