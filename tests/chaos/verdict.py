"""Whether a crash run has come to rest, and whether everything is as the customers and the staff left it."""

from __future__ import annotations

import shutil
from collections import Counter

from sqlalchemy import Engine, func, select

from connector.db.tables import inbox, shops
from tests.chaos import findings
from tests.chaos.trade import Placed, expected_stock
from tests.chaos.whole import Whole

_ENDS = {"handed over": "completed", "cancelled": "cancelled"}


def unfinished(whole: Whole, placed: list[Placed]) -> dict[Placed, str | None]:
    """Orders that are not there, or not as far as their fate; with the state they are in."""
    states = whole.patiently(_known)
    found = {one: states.get((one.platform, one.external_id)) for one in placed}
    return {one: state for one, state in found.items() if state is None or state != _ENDS.get(one.fate, state)}


def at_rest(whole: Whole, placed: list[Placed]) -> bool:
    """Every order is there, no webhook is on its way, nothing waits in either box."""
    return not any(waiting(whole, placed).values())


def waiting(whole: Whole, placed: list[Placed]) -> dict[str, int]:
    """How many there are of each thing that keeps it from rest."""
    rows, known = whole.patiently(standing), whole.patiently(_known)
    missing = sum((one.platform, one.external_id) not in known for one in placed)
    boxes = {name: rows[f"{name} waiting"] for name in ("inbox", "outbox")}
    return {"orders missing": missing, **boxes, "webhooks": whole.ask("GET", "waiting")["webhooks"]}


def why_not(whole: Whole, placed: list[Placed]) -> dict[str, object]:
    """What keeps it from coming to rest."""
    known = whole.patiently(_known)
    missing = [one for one in placed if (one.platform, one.external_id) not in known]
    sending = whole.ask("GET", "waiting")["webhooks"]
    return {**whole.patiently(standing), "webhooks on their way": sending, "missing": missing, "log": whole.log[-4000:]}


def standing(engine: Engine) -> Counter[str]:
    """Rows of both boxes by state."""
    with engine.connect() as conn:
        return findings.counted(conn)


def deliveries(engine: Engine) -> dict[str, tuple[int, int]]:
    """How many were received, by platform and topic: (under a name of their own, under a known one)."""
    kept = select(shops.c.platform, inbox.c.topic, func.count(), func.sum(inbox.c.repeats)).select_from(inbox.join(shops))
    with engine.connect() as conn:
        rows = conn.execute(kept.group_by(shops.c.platform, inbox.c.topic).order_by(shops.c.platform, inbox.c.topic))
        return {f"{platform} {topic}": (new, repeats) for platform, topic, new, repeats in rows}


def state(engine: Engine) -> dict[str, object]:
    """The whole state of trade."""
    with engine.connect() as conn:
        return findings.state(conn)


def compare(whole: Whole, placed: list[Placed], opening: Counter[str]) -> None:
    """Nothing lost, nothing double, the ledger exact since its `opening`, nothing dead; here and in the shops."""
    with whole.engine.connect() as conn:
        assert findings.faults(conn) == {}
        assert findings.dead(conn) == []
        states, totals = findings.known(conn), findings.totals(conn)
    assert set(states) == {(one.platform, one.external_id) for one in placed}
    assert totals == expected_stock(placed, opening)
    assert _handed_over(whole) == {
        (one.platform, one.external_id): dict(one.units) if one.fate == "handed over" else {} for one in placed
    }


def _known(engine: Engine) -> dict[tuple[str, str], str]:
    with engine.connect() as conn:
        return findings.known(conn)


def _handed_over(whole: Whole) -> dict[tuple[str, str], dict[str, int]]:
    """From a copy of the shops' own journal, because the original belongs to the running sandbox."""
    copy = whole.directory / "journal" / "sandbox.journal"
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(whole.directory / "data" / "sandbox" / "sandbox.journal", copy)
    return {key: dict(units) for key, units in findings.handed_over(copy).items()}
