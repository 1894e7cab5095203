"""What an announcement means for Shopify's fulfillment orders: pure choices over an order as `reading.read_order` gives it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.domain.orders import LineKind
from connector.platform import Announcement
from platforms.shopify.normalize import HELD, kind, live_parts, location, method

_OPEN = frozenset({"OPEN", "IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class Take:
    """So many units (> 0) of one line of one fulfillment order. `place` and `way` must be equal within one fulfillment."""

    part_id: str
    part_line_id: str
    line_id: str
    units: int
    place: str
    way: str


def missing(found: Mapping[str, Any], told: Announcement) -> dict[str, int]:
    """Units by line id that Shopify must still count as handed over, so that each line reaches its target.

    The last part takes custom lines along: they take no stock, so they stand in no part of ours, but they are in the
    parcel, and without them the order would stay partially fulfilled for ever.
    """
    targets = {line.external_id: line.target for line in told.lines}
    if told.last:
        customs = (line for line in found["lineItems"] if kind(line) is LineKind.CUSTOM)
        targets = {line["id"]: line["currentQuantity"] for line in customs} | targets
    lacks = {line: target - found["fulfilled"].get(line, 0) for line, target in targets.items()}
    return {line: units for line, units in lacks.items() if units > 0}


def takes(found: Mapping[str, Any], told: Announcement, wanted: Mapping[str, int]) -> tuple[Take, ...]:
    """Where to take the wanted units from: open fulfillment orders, those at the announced location first."""
    rest = dict(wanted)
    chosen = []
    for part in sorted(live_parts(found), key=lambda part: location(part) != told.external_location):
        if part["status"] not in _OPEN or not supports(part, "CREATE_FULFILLMENT"):
            continue
        for entry in part["lineItems"]:
            line_id = entry["lineItem"]["id"]
            units = min(rest.get(line_id, 0), entry["remainingQuantity"])
            if units > 0:
                rest[line_id] -= units
                chosen.append(Take(part["id"], entry["id"], line_id, units, location(part), method(part)))
    return tuple(chosen)


def grouped(chosen: Iterable[Take]) -> Iterator[tuple[Take, ...]]:
    """One group for each fulfillment: Shopify takes one location and one delivery method in each."""
    groups: dict[tuple[str, str], list[Take]] = defaultdict(list)
    for take in chosen:
        groups[take.place, take.way].append(take)
    yield from (tuple(group) for group in groups.values())


def touched(found: Mapping[str, Any], told: Announcement) -> list[Mapping[str, Any]]:
    """The live fulfillment orders that hold remaining units of an announced line."""
    announced = {line.external_id for line in told.lines}
    return [part for part in live_parts(found) if any(entry["lineItem"]["id"] in announced for entry in _remaining(part))]


@dataclass(frozen=True, slots=True)
class Reached:
    """Fulfillment orders all of whose units have reached an act, and of others the units (by line id) that have."""

    whole: list[Mapping[str, Any]]
    some: list[tuple[Mapping[str, Any], dict[str, int]]]


def reached(found: Mapping[str, Any], told: Announcement, parts: Iterable[Mapping[str, Any]]) -> Reached:
    """Lay the announced units over these fulfillment orders, the largest that they fill first."""
    if told.last:
        return Reached(list(parts), [])
    rest = missing(found, told)
    whole, others = [], []
    for part in sorted(parts, key=lambda part: -sum(_units(part).values())):
        units = _units(part)
        if all(rest.get(line, 0) >= count for line, count in units.items()):
            whole.append(part)
            rest = {line: count - units.get(line, 0) for line, count in rest.items()}
        else:
            others.append(part)
    some = []
    for part in others:
        units = {line: min(count, rest[line]) for line, count in _units(part).items() if rest.get(line, 0) > 0}
        rest = {line: count - units.get(line, 0) for line, count in rest.items()}
        some += [(part, units)] if units else []
    return Reached(whole, some)


def _units(part: Mapping[str, Any]) -> dict[str, int]:
    """Units still to be fulfilled, by line id."""
    units: dict[str, int] = defaultdict(int)
    for entry in _remaining(part):
        units[entry["lineItem"]["id"]] += entry["remainingQuantity"]
    return dict(units)


def supports(part: Mapping[str, Any], action: str) -> bool:
    """Whether Shopify offers this FulfillmentOrderAction for the fulfillment order now."""
    return any(offered["action"] == action for offered in part["supportedActions"])


def held(parts: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of them is on hold or scheduled for later."""
    return any(part["status"] in HELD for part in parts)


def _remaining(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (entry for entry in part["lineItems"] if entry["remainingQuantity"] > 0)


def strays(
    found: Mapping[str, Any], told: Announcement, wanted: Mapping[str, int]
) -> list[tuple[Mapping[str, Any], dict[str, int]]]:
    """Fulfillment orders elsewhere with units that leave from the announced location: (it, units by its line)."""
    rest = dict(wanted)
    open_parts = [part for part in live_parts(found) if part["status"] in _OPEN]
    for entry in (e for part in open_parts if location(part) == told.external_location for e in part["lineItems"]):
        rest[entry["lineItem"]["id"]] = rest.get(entry["lineItem"]["id"], 0) - entry["remainingQuantity"]
    astray = []
    for part in (part for part in open_parts if location(part) != told.external_location and method(part) != "PICK_UP"):
        units = {}
        for entry in part["lineItems"]:
            count = min(max(0, rest.get(entry["lineItem"]["id"], 0)), entry["remainingQuantity"])
            if count:
                units[entry["id"]] = count
                rest[entry["lineItem"]["id"]] -= count
        if units:
            astray.append((part, units))
    return astray


def undoable(shipments: Iterable[Mapping[str, Any]], surplus: Mapping[str, int], number: str) -> list[str]:
    """Ids of fulfillments that hold nothing but surplus units: the one with this tracking number first, then the newest."""
    rest = dict(surplus)
    chosen = []
    newest_first = list(shipments)[::-1]
    for shipment in sorted(newest_first, key=lambda one: not number or one["number"] != number):
        units = shipment["units"]
        if units and all(rest.get(line, 0) >= count for line, count in units.items()):
            chosen.append(shipment["id"])
            for line, count in units.items():
                rest[line] -= count
    return chosen
