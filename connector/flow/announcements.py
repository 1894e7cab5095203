"""Putting in the outbox what a platform is due to be told, and reading it back out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from connector.db import goods, outbox
from connector.db.orders import Head, LineRow
from connector.db.tables import fulfillment_orders
from connector.domain.announcing import HANDED_OVER, Due, bundle_units, due, targets
from connector.domain.differences import HeldPart, gone
from connector.domain.fulfillment import GONE
from connector.domain.orders import Handover, LineKind
from connector.domain.settings import value
from connector.platform import Act, AnnouncedLine, Announcement, Tracking


def announce_due(
    conn: Connection,
    head: Head,
    settings: Mapping[str, Any],
    lines: Sequence[LineRow],
    parts: Sequence[HeldPart],
    told: set[tuple[str, int]],
    now: datetime,
) -> bool:
    """Put what is due for one order in the outbox; whether anything was. The order is locked."""
    backordered = any(line.backordered for line in lines)
    found = due(parts, told, each=value(settings, "report_parts") == "each", backordered=backordered)
    if found:
        places = {place.id: place.name for place in goods.places(conn)}
        remote = {ours: theirs for theirs, ours in goods.linked_locations(conn, head.shop_id).items()}
        trackings = _trackings(conn, [one.part_id for one in found])
    told = set(told)
    rows = []
    for one in found:
        part = next(part for part in parts if part.id == one.part_id)
        announcement = Announcement(
            key=f"tell:{one.act}:{part.id}",
            act=Act(one.act),
            order_id=head.external_id,
            number=head.number,
            handover=Handover(head.handover),
            lines=_lines(one, part, parts, told, lines),
            last=one.last,
            at=now,
            tracking=trackings[part.id],
            external_location=remote.get(part.location_id, ""),
            location_name=places[part.location_id],
        )
        rows.append(_row(head, part.id, announcement, now))
        told.add((one.act, part.id))
    outbox.add(conn, rows)
    return bool(rows)


def announce_taken_back(
    conn: Connection, head: Head, lines: Sequence[LineRow], parts: Sequence[HeldPart], part: HeldPart, now: datetime
) -> None:
    """Put in the outbox that a part's handover is undone. `parts` are as they were before; targets are what still counts."""
    external = {line.id: line.external_id for line in lines if line.parent_id is None}
    others = [other for other in parts if other.id != part.id]
    rest = gone(others)
    announced = [AnnouncedLine(external[line], n, rest.get(line, 0)) for line, n in part.lines.items() if line in external]
    for bundle in _bundles(part, parts, {("shipped", other.id) for other in others if other.state in GONE}, lines):
        announced.append(AnnouncedLine(bundle.external_id, bundle.quantity, bundle.target - bundle.quantity))
    remote = {ours: theirs for theirs, ours in goods.linked_locations(conn, head.shop_id).items()}
    places = {place.id: place.name for place in goods.places(conn)}
    announcement = Announcement(
        key=f"tell:{Act.TAKEN_BACK}:{part.id}",
        act=Act.TAKEN_BACK,
        order_id=head.external_id,
        number=head.number,
        handover=Handover(head.handover),
        lines=tuple(announced),
        last=not rest,
        at=now,
        tracking=_trackings(conn, [part.id])[part.id],
        external_location=remote.get(part.location_id, ""),
        location_name=places[part.location_id],
    )
    outbox.add(conn, [_row(head, part.id, announcement, now)])


def _lines(
    one: Due, part: HeldPart, parts: Sequence[HeldPart], told: set[tuple[str, int]], lines: Sequence[LineRow]
) -> tuple[AnnouncedLine, ...]:
    """The part's lines; with the last part also what travels along without stock (lines typed in by hand)."""
    external = {line.id: line.external_id for line in lines}
    target = targets(part, parts, told)
    before = {line.id: line.left_before + line.elsewhere for line in lines}
    inside = {line.id for line in lines if line.parent_id is not None}
    announced = [
        AnnouncedLine(external[line], units, target[line] + before[line])
        for line, units in part.lines.items()
        if line not in inside
    ]
    announced += _bundles(part, parts, told, lines) if inside else []
    if one.last and one.act in HANDED_OVER:
        along = [line for line in lines if line.kind == LineKind.CUSTOM and line.item_id is None and line.quantity]
        announced += [AnnouncedLine(line.external_id, line.quantity, line.quantity) for line in along]
    return tuple(announced)


def _bundles(
    part: HeldPart, parts: Sequence[HeldPart], told: set[tuple[str, int]], lines: Sequence[LineRow]
) -> list[AnnouncedLine]:
    """The platform knows the bundle, not its components: as many of it as all of them together make."""
    per: dict[int, dict[int, int]] = {}
    for line in lines:
        if line.parent_id is not None and line.quantity:
            per.setdefault(line.parent_id, {})[line.id] = line.per_parent
    sold = {line.id: line for line in lines}
    announced = []
    for parent, components in per.items():
        if components.keys() & part.lines.keys():
            before, target = bundle_units(components, part, parts, told)
            announced += [AnnouncedLine(sold[parent].external_id, target - before, target)] if target > before else []
    return announced


def _trackings(conn: Connection, part_ids: Sequence[int]) -> dict[int, Tracking]:
    part = fulfillment_orders.c
    rows = conn.execute(select(part.id, part.tracking_number, part.carrier, part.tracking_url).where(part.id.in_(part_ids)))
    return {row.id: Tracking(row.tracking_number, row.carrier, row.tracking_url) for row in rows}


def _row(head: Head, part_id: int, announcement: Announcement, now: datetime) -> dict[str, Any]:
    return {
        "shop_id": head.shop_id,
        "order_id": head.id,
        "fulfillment_order_id": part_id,
        "act": announcement.act.value,
        "effect_key": announcement.key,
        "announcement": {**dataclasses.asdict(announcement), "at": now.isoformat()},
        "created_at": now,
        "due_at": now,
    }


def decode(stored: Mapping[str, Any]) -> Announcement:
    """The announcement of an outbox row."""
    return Announcement(
        **{
            **stored,
            "act": Act(stored["act"]),
            "handover": Handover(stored["handover"]),
            "lines": tuple(AnnouncedLine(**line) for line in stored["lines"]),
            "at": datetime.fromisoformat(stored["at"]),
            "tracking": Tracking(**stored["tracking"]),
        }
    )
