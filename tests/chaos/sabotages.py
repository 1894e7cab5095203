"""The connector with one safety taken out, for `test_sabotage.py`. Each takes away what a later change could by mistake.

`python -m tests.chaos.sabotages RUNS` runs pytest once for each of RUNS (JSON: name -> [sabotage or "", tests]), each in a
fork that finds everything imported, and prints name -> [exit code, output] as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select

from connector.db import outbox, stock
from connector.db.tables import levels
from connector.domain.orders import Freshness
from connector.domain.stock import Movement
from connector.flow import deliver, due, ingest, intake, receive
from connector.platform import Outcome, Told
from platforms.bigcommerce import shipments
from platforms.shopify import status


def _no_effect_key() -> None:
    post = stock.post

    def keyless(conn: Connection, facts: Sequence[Movement], at: datetime) -> int:
        return post(conn, [replace(fact, effect_key=uuid.uuid4().hex) for fact in facts], at)

    stock.post = keyless


def _no_read_before_write() -> None:
    shipments._missing = lambda told, lines, existing: {int(line.external_id): line.target for line in told.lines}
    status.missing = lambda found, told: {line.external_id: line.target for line in told.lines}


def _no_clock() -> None:
    due.due = lambda engine, now: ()


def _acknowledged_before_commit() -> None:
    keep = receive.GroupCommit.receive

    def later(*given: Any) -> None:
        def store() -> None:
            time.sleep(0.3)
            keep(*given)

        threading.Thread(target=store, daemon=True).start()

    async def later_too(*given: Any) -> None:
        later(*given)

    receive.GroupCommit.receive = later  # type: ignore[assignment,method-assign]
    receive.GroupCommit.received = later_too  # type: ignore[assignment,method-assign]


def _no_version_check() -> None:
    intake.freshness = lambda stored, version, fingerprint, *, fetched: Freshness.NEWER if stored else Freshness.NEW


def _unsorted_locks() -> None:
    def lock(conn: Connection, item_ids: Any) -> dict[tuple[int, int], int]:
        found = {}
        for item in random.sample(sorted(item_ids), len(item_ids)):
            rows = select(levels.c.item_id, levels.c.location_id, levels.c.available).where(levels.c.item_id == item)
            found.update({(row.item_id, row.location_id): row.available for row in conn.execute(rows.with_for_update())})
            time.sleep(0.02)
        return found

    stock.lock = lock


def _no_lease() -> None:
    claim = outbox.claim

    def unleased(conn: Connection, shop_id: int, now: datetime, **bounds: Any) -> list[outbox.Row]:
        return claim(conn, shop_id, now, **{**bounds, "lease": now - now})

    outbox.claim = unleased


def _swallowed_error() -> None:
    tell = deliver._tell

    def cheerful(*given: Any) -> Any:
        attempt = tell(*given)
        return replace(attempt, outcome=attempt.outcome or Outcome(Told.APPLIED, "done"), trouble=None)

    deliver._tell = cheerful


def _forgotten_poison() -> None:
    ingest._put_off = lambda row, error, at: ingest._Ending(row, "done", "done")


SABOTAGES: dict[str, Callable[[], None]] = {
    "no effect key": _no_effect_key,
    "no read before write": _no_read_before_write,
    "no clock": _no_clock,
    "acknowledged before commit": _acknowledged_before_commit,
    "no version check": _no_version_check,
    "unsorted locks": _unsorted_locks,
    "no lease": _no_lease,
    "a swallowed error, outward": _swallowed_error,
    "a swallowed error, inward": _forgotten_poison,
}


def _forked(sabotage: str, tests: Sequence[str]) -> tuple[int, str]:
    """Run the tests in a child with this taken out; pytest's exit code, and what it said."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
            SABOTAGES.get(sabotage, lambda: None)()
            os._exit(pytest.main(["-p", "no:cacheprovider", "-x", "-q", "--tb=no", "-rf", *tests]))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        return code, output.read().decode()


if __name__ == "__main__":
    for module in ("tests.flow.toy", "webhooks.app", "jobs.tasks", "jobs.worker", "responses"):
        importlib.import_module(module)
    json.dump({name: _forked(*run) for name, run in json.loads(sys.argv[1]).items()}, sys.stdout)
