"""Several at once on the same rows: nobody is locked out, nothing happens twice."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from connector.db.tables import fulfillment_orders, outbox
from connector.domain.fulfillment import Step
from connector.flow import deliver, fulfill, stock
from connector.flow.stock import StockLine
from connector.platform import Announcement, Outcome, Shop, Told
from tests.flow.conftest import Make
from tests.flow.toy import order

_ROUNDS = 15


def _together(*acts: Callable[[], object]) -> None:
    """Run the acts at the same moment; the first error is raised."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        start.wait()
        act()

    with ThreadPoolExecutor(len(acts)) as threads:
        for done in [threads.submit(run, act) for act in acts]:
            done.result()


def test_changes_of_the_same_items_in_any_order_never_lock_each_other_out(make: Make) -> None:
    at = make({("PEN", "quay"): 100, ("INK", "quay"): 100})

    def changing(skus: Sequence[str], name: str) -> Callable[[], None]:
        def change() -> None:
            for number in range(_ROUNDS):
                lines = [StockLine(sku, "quay", 1) for sku in skus]
                stock.change(at.engine, lines, at.now, key=f"{name}{number}", reason="receipt", actor="tests")

        return change

    _together(changing(["PEN", "INK"], "a"), changing(["INK", "PEN"], "b"), changing(["PEN", "INK"], "c"))
    assert at.stock("PEN") == at.stock("INK") == {"quay": (100 + 3 * _ROUNDS, 0)}


def test_two_workers_tell_each_thing_once(make: Make) -> None:
    """A second worker begins while the first is in the middle of every telling."""
    at = make({("PEN", "quay"): 100})
    at.take(*[order(str(number)) for number in range(6)])
    for row in at.rows(fulfillment_orders):
        fulfill.move(at.engine, row["id"], Step.PACK, at.now, actor="tests")
    told: Counter[str] = Counter()
    workers = itertools.count(1)

    def announce(shop: Shop, announcement: Announcement) -> Outcome:
        told[announcement.key] += 1
        if next(workers) <= 3:
            work()
        return Outcome(Told.APPLIED, "told")

    def work() -> None:
        deliver.drain(at.engine, platform, at.shop, lambda: at.now, lambda: 0.5)

    at.toy.announce = announce  # type: ignore[method-assign]
    platform = at.toy.platform()
    work()
    assert set(told.values()) == {1}
    assert len(told) == 6
    assert {row["state"] for row in at.rows(outbox)} == {"delivered"}
