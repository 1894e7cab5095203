"""What differs between an order as we hold it and as the platform shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.domain.orders import Order

MISSING, EXTRA, STALE, STATUS, QUANTITY, UNREADABLE = "missing", "extra", "stale", "status", "quantity", "unreadable"
ORDER_KINDS = (MISSING, EXTRA, STALE, STATUS, QUANTITY, UNREADABLE)
SUBSCRIPTION = "subscription"
STOCK = "stock"

_WORDS = ("lifecycle", "payment", "handover", "platform_status", "currency", "total_minor", "outstanding_minor")


@dataclass(frozen=True, slots=True)
class Held:
    """An order as we hold it: `words` are its columns by name, `units` the quantity by the platform's line id."""

    version: datetime
    words: Mapping[str, Any]
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Of what kind, and only what differs."""

    kind: str
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]


def differences(held: Held | None, order: Order) -> Difference | None:
    """The most telling difference, None where both agree or ours is the newer state (a delivery was faster)."""
    if held is None:
        return Difference(MISSING, {}, {"number": order.number, "status": order.platform_status})
    if held.version > order.version:
        return None
    ours, theirs = _words(held, order)
    our_units, their_units = _units(held, order)
    if held.version < order.version:
        versions = {"version": held.version.isoformat()}, {"version": order.version.isoformat()}
        return Difference(STALE, {**versions[0], **ours, **our_units}, {**versions[1], **theirs, **their_units})
    if our_units or their_units:
        return Difference(QUANTITY, {**ours, **our_units}, {**theirs, **their_units})
    return Difference(STATUS, ours, theirs) if ours else None


def _words(held: Held, order: Order) -> tuple[dict[str, Any], dict[str, Any]]:
    theirs = {name: _plain(getattr(order, name)) for name in _WORDS}
    differing = [name for name in _WORDS if held.words[name] != theirs[name]]
    return {name: held.words[name] for name in differing}, {name: theirs[name] for name in differing}


def _units(held: Held, order: Order) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lines whose units differ, by their id. A line that one side does not have counts as zero units."""
    theirs = {line.external_id: line.quantity for line in order.lines}
    differing = [line for line in {**held.units, **theirs} if held.units.get(line, 0) != theirs.get(line, 0)]
    ours = {f"line {line}": held.units.get(line, 0) for line in differing}
    return ours, {f"line {line}": theirs.get(line, 0) for line in differing}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value
