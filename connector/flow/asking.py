"""Which questions an order raises for a person: asked once per cause, ended by themselves when the cause goes away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector.db import tasks
from connector.db.tasks import TaskRow
from connector.domain.differences import HeldPart, bound_for, gone
from connector.domain.fulfillment import ENDED, GONE, State
from connector.domain.orders import Lifecycle
from connector.domain.tasks import CANCELLED, CHANGED, MOVED, WITHDRAWN
from connector.flow.case import Case, conflicts, wish


@dataclass(frozen=True, slots=True)
class _Question:
    code: str
    key: str
    facts: dict[str, Any]


def ask(conn: Connection, case: Case, names: Mapping[int, str], now: datetime) -> list[str]:
    """Open what is new, end what is past; the codes of what waits for a person."""
    asked = {(task.code, task.key): task for task in case.tasks}
    wanted = {(one.code, one.key): one for one in _questions(case, names)}
    open_before = {key: task for key, task in asked.items() if task.state == "open"}
    kept = {key for key, task in open_before.items() if key not in wanted and _still(case, task)}
    tasks.end(conn, [task.id for key, task in open_before.items() if key not in wanted and key not in kept], now)
    for key, one in wanted.items():
        if key not in asked or asked[key].state == "ended":
            tasks.open_(conn, case.head.id, one.code, one.key, one.facts, now)
    waiting = {key for key in wanted if key not in asked or asked[key].state != "decided"} | kept
    return sorted({code for code, _ in waiting})


def _questions(case: Case, names: Mapping[int, str]) -> Iterable[_Question]:
    """What this moment raises. Conflicts hold as long as they are; the others are raised by news and then kept or ended."""
    if units := conflicts(case):
        code = CANCELLED if case.head.lifecycle == Lifecycle.CANCELLED else CHANGED
        yield _Question(code, _key(units), _facts(case, units, names, _givers(case, units)))
    units = {line: count for line, count in case.news.withdrawn.items() if gone(case.after).get(line)}
    if units and case.head.lifecycle != Lifecycle.CANCELLED:
        yield _Question(WITHDRAWN, _key(units), _facts(case, units, names, _givers(case, units)))
    yield from _moved(case, names)


def _moved(case: Case, names: Mapping[int, str]) -> Iterable[_Question]:
    started = [part for part in case.after if _started(part)]
    if not started:
        return
    bound = wish(case)
    for part in started:
        to = {line: bound_for(line, bound, case.news.following) for line in part.lines}
        units = {line: count for line, count in part.lines.items() if to[line] not in (None, part.location_id)}
        place = next((to[line] for line in units), None)
        if place is not None:
            facts = {"part": part.id, "to_id": place, "to": names[place]}
            yield _Question(MOVED, f"{part.id}>{place}", {**_facts(case, units, names, [part.location_id]), **facts})


def _still(case: Case, task: TaskRow) -> bool:
    """Whether the cause of an open question stands, though nothing raises it anew."""
    lines = [int(line["line"]) for line in task.facts.get("lines", ())]
    if task.code == WITHDRAWN and case.head.lifecycle != Lifecycle.CANCELLED:
        left, rows = gone(case.after), {line.id: line for line in case.lines}
        return any(left.get(line, 0) > rows[line].fulfilled for line in lines if line in rows)
    if task.code == MOVED:
        part = next((part for part in case.after if part.id == task.facts.get("part")), None)
        to = {bound_for(line, wish(case), lines) for line in lines}
        return part is not None and _started(part) and task.facts["to_id"] in to
    return False


def _started(part: HeldPart) -> bool:
    return part.state is not State.NEW and part.state not in ENDED


def _key(units: Mapping[int, int]) -> str:
    return ",".join(f"{line}:{count}" for line, count in sorted(units.items()))


def _givers(case: Case, units: Mapping[int, int]) -> list[int]:
    return [part.location_id for part in case.after if part.state in GONE and part.lines.keys() & units.keys()]


def _facts(case: Case, units: Mapping[int, int], names: Mapping[int, str], places: Iterable[int]) -> dict[str, Any]:
    rows = {line.id: line for line in case.lines}
    lines = [
        {"line": line, "sku": rows[line].sku, "title": rows[line].title, "units": count} for line, count in sorted(units.items())
    ]
    return {"lines": lines, "location": ", ".join(dict.fromkeys(names[place] for place in places))}
