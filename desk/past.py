"""The page of what is brought in from the past, and of what was found to differ from the shops."""

from __future__ import annotations

from flask import render_template

from connector.db import drifts
from connector.flow import backfill_report
from connector.flow.backfill_report import Report
from desk.blueprint import desk, pages
from desk.language import N_

_LISTED = 20
_LISTED_DRIFTS = 50

# word, tone of its chip
BACKFILL_STATES: dict[str, tuple[str, str]] = {
    "running": (N_("Running"), "doing"),
    "paused": (N_("Paused"), "owed"),
    "finished": (N_("Finished"), "done"),
    "stopped": (N_("Stopped"), "stopped"),
    "cancelled": (N_("Cancelled"), "stopped"),
}
DRIFT_KINDS: dict[str, str] = {
    "missing": N_("The order was missing here."),
    "extra": N_("The shop has no such order any more."),
    "stale": N_("The shop had a newer state."),
    "status": N_("The state differed."),
    "quantity": N_("Quantities differed."),
    "unreadable": N_("The shop's order could not be read."),
    "stock": N_("The shop showed another quantity than was published to it."),
    "subscription": N_("A webhook subscription was not well."),
}
DRIFT_STATES: dict[str, tuple[str, str]] = {
    "open": (N_("Open"), "owed"),
    "repaired": (N_("Repaired"), "done"),
    "gone": (N_("Gone by itself"), "plain"),
}


@pages.get("/past")
def past() -> str:
    """Backfills with their progress, and the newest differences."""
    with desk().engine.connect() as conn:
        shown = backfill_report.reports(conn, limit=_LISTED)
        found = drifts.newest(conn, limit=_LISTED_DRIFTS)
    return render_template(
        "desk/past.html",
        page="past",
        reports=shown,
        running=any(one.backfill.state == "running" for one in shown),
        drifts=found,
        states=BACKFILL_STATES,
        drift_kinds=DRIFT_KINDS,
        drift_states=DRIFT_STATES,
        minutes_left=minutes_left,
    )


def minutes_left(report: Report) -> int | None:
    """Whole minutes until the end at the present rate, at least one; None where that cannot be said."""
    left = report.progress.left_seconds
    return None if left is None else max(1, round(left / 60))
