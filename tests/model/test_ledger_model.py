"""Whatever happens to orders and stock, in whatever order: the ledger adds up after every step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, create_engine

from connector.db.sealed import Seal
from connector.flow import stock
from tests.flow.toy import world
from tests.model.machine import CODES, SKUS, machine

_FREELY = {"deadline": None, "suppress_health_check": list(HealthCheck), "stateful_step_count": 50, "database": None}


def _quick(engine: Engine) -> Engine:
    """An engine on the same database that neither asks whether its connection lives nor waits for the disk: what a kill leaves
    behind is another test's question."""
    options = "-c synchronous_commit=off -c timezone=UTC -c statement_timeout=30000"
    return create_engine(engine.url, pool_size=3, max_overflow=0, connect_args={"options": options})


def _run(engine: Engine, seal: Seal, runs: int, **more: object) -> None:
    engine = _quick(engine)
    stock.add_location(engine, code=CODES[2], name="Annex", priority=3)
    at = world(engine, seal, {(sku, "quay"): 0 for sku in SKUS})
    try:
        run_state_machine_as_test(machine(at), settings=settings(max_examples=runs, **_FREELY, **more))  # type: ignore[arg-type]
    finally:
        engine.dispose()


# A step is some twenty statements, 12 to 20 ms: so many runs of 50 steps cost three to five minutes of one core. They are the
# same ones each time, so that a change is judged by what it changes; the long run draws anew.
_SHORT = 300


@pytest.mark.timeout(1800)
def test_the_ledger_adds_up_after_every_step(engine: Engine, seal: Seal) -> None:
    _run(engine, seal, _SHORT, derandomize=True)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_ledger_adds_up_after_every_step_of_very_many_runs(engine: Engine, seal: Seal) -> None:
    _run(engine, seal, 20_000)


def test_the_model_finds_a_forgotten_release(engine: Engine, seal: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that never gives back is caught."""
    from connector.flow import replan

    taken = replan.commitment_changes
    monkeypatch.setattr(replan, "commitment_changes", lambda *facts: [change for change in taken(*facts) if change.committed > 0])
    with pytest.raises(AssertionError):
        _run(engine, seal, 50, phases=[Phase.generate])
