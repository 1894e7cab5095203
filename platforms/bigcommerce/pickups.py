"""Pickup records: what waits for the customer and what was collected."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from connector.platform import Announcement, Outcome, Retryable, Shop, Told
from platforms.bigcommerce import client, orders
from platforms.bigcommerce.normalize import collected_units, count, pickup_consignments
from platforms.http import Http

_PATH = "v3/orders/pickups"


def is_kept(order: client.Row) -> bool:
    """Whether BigCommerce can keep pickups of this order: only those of a pickup consignment, not of a shipping rate."""
    return bool(_method_id(order))


def ready(http: Http, shop: Shop, told: Announcement, order: client.Row) -> Outcome:
    """Make a pickup record say that the lines are ready."""
    if not is_kept(order):
        return Outcome(
            Told.UNSUPPORTED,
            "BigCommerce keeps no pickups of this order (its pickup is a shipping method): only our notice tells the customer.",
        )
    records = orders.read_pickups(http, shop, told.order_id)
    if _record(http, shop, told, order, records):
        return Outcome(Told.APPLIED, "Pickup marked as ready.")
    unready = [record for record in _of_these_lines(told, records) if not record.get("ready_at")]
    if not unready:
        return Outcome(Told.ALREADY, "BigCommerce shows the pickup as ready already.")
    _put(http, shop, unready, {"ready_at": _stamp(told.at)})
    return Outcome(Told.APPLIED, "Pickup marked as ready.")


def collect(http: Http, shop: Shop, told: Announcement, order: client.Row) -> list[str]:
    """Make the pickup records say that the lines were collected; what was done, in words."""
    if not is_kept(order):
        return []
    records = orders.read_pickups(http, shop, told.order_id)
    if _record(http, shop, told, order, records):
        records = orders.read_pickups(http, shop, told.order_id)
    waiting = _collectable(told, records)
    if not waiting:
        return []
    _put(http, shop, waiting, {"collected_at": _stamp(told.at)})
    _prove(waiting, orders.read_pickups(http, shop, told.order_id))
    return ["Pickup marked as collected."]


def undo(http: Http, shop: Shop, told: Announcement, order: client.Row) -> int:
    """Delete the records of what was taken back, as far as they hold nothing else: `collected_at` cannot be unset. How many."""
    if not is_kept(order):
        return 0
    records = orders.read_pickups(http, shop, told.order_id)
    collected = collected_units(records)
    rest = {line: collected.get(line, 0) - target for line, target in _targets(told).items()}
    chosen = []
    for record in (record for record in records if _is_collected(record)):
        units = _units([record])
        if all(rest.get(line, 0) >= count for line, count in units.items()):
            chosen.append(str(record["id"]))
            rest = {line: count - units.get(line, 0) for line, count in rest.items()}
    if chosen:
        client.delete(http, shop, _PATH, {"id:in": ",".join(chosen)})
    return len(chosen)


def _targets(told: Announcement) -> dict[int, int]:
    return {count(line.external_id): line.target for line in told.lines}


def _record(http: Http, shop: Shop, told: Announcement, order: client.Row, records: list[client.Row]) -> bool:
    """Post a record for the lines no record covers yet. True if there were any; there is no idempotency key, so read first."""
    covered = _units(records)
    ordered = {count(line.get("id")): count(line.get("quantity")) for line in orders.read_lines(http, shop, order)}
    missing = {
        line_id: units
        for line_id, target in ((count(line.external_id), line.target) for line in told.lines)
        if (units := min(target, ordered.get(line_id, 0)) - covered.get(line_id, 0)) > 0
    }
    if not missing:
        return False
    items = [{"order_product_id": line_id, "quantity": units} for line_id, units in missing.items()]
    record = {"pickup_method_id": _method_id(order), "order_id": order["id"], "ready_at": _stamp(told.at), "pickup_items": items}
    client.write(http, shop, "POST", _PATH, [record])
    return True


def _put(http: Http, shop: Shop, records: list[client.Row], change: dict[str, str]) -> None:
    """Both names of the record's id: the deprecated one is still asked for."""
    client.write(http, shop, "PUT", _PATH, [{"id": record["id"], "pickup_id": record["id"], **change} for record in records])


def _collectable(told: Announcement, records: list[client.Row]) -> list[client.Row]:
    """Records that can be marked as collected. One that also holds goods of other parts waits for the last part."""
    waiting = [record for record in records if not _is_collected(record)]
    if told.last:
        return waiting
    targets = _targets(told)
    collected, chosen = collected_units(records), []
    for record in waiting:
        after = {line: collected.get(line, 0) + units for line, units in _units([record]).items()}
        if all(units <= targets.get(line, 0) for line, units in after.items()):
            chosen.append(record)
            collected = {**collected, **after}
    return chosen


def _prove(waiting: list[client.Row], records: list[client.Row]) -> None:
    wanted = {record["id"] for record in waiting}
    if any(record["id"] in wanted and not _is_collected(record) for record in records):
        raise Retryable(
            "BigCommerce took the collection but does not show it yet.", "It is looked at again by itself.", effect_unknown=True
        )


def _of_these_lines(told: Announcement, records: list[client.Row]) -> list[client.Row]:
    ours = {count(line.external_id) for line in told.lines}
    return [record for record in records if ours & set(_units([record]))]


def _is_collected(record: client.Row) -> bool:
    return sum(collected_units([record]).values()) >= sum(_units([record]).values())


def _units(records: Iterable[client.Row]) -> dict[int, int]:
    units: dict[int, int] = {}
    for item in (item for record in records for item in record.get("pickup_items", [])):
        line_id = count(item.get("order_product_id"))
        units[line_id] = units.get(line_id, 0) + count(item.get("quantity"))
    return units


def _method_id(order: client.Row) -> int:
    consignments = pickup_consignments(order)
    return count(consignments[0].get("pickup_method_id")) if consignments else 0


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
