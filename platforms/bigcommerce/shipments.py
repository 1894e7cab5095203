"""Shipments: the difference between what should have left and what BigCommerce counts as shipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connector.platform import Announcement, Retryable, Shop, Tracking
from platforms.bigcommerce import client, orders
from platforms.bigcommerce.normalize import Row, count
from platforms.http import Http

# BigCommerce takes the courier codes of its tracking partner (AfterShip) and nothing else; another carrier is named in words.
_CARRIER_CODES = {
    "australia post": "australia-post",
    "bpost": "bpost",
    "canada post": "canada-post",
    "chronopost": "chronopost-france",
    "colis prive": "colis-prive",
    "colis privé": "colis-prive",
    "colissimo": "colissimo",
    "dhl": "dhl",
    "dhl express": "dhl",
    "dpd": "dpd",
    "fedex": "fedex",
    "gls": "gls",
    "la poste": "la-poste-colissimo",
    "mondial relay": "mondialrelay",
    "postnl": "postnl-international",
    "royal mail": "royal-mail",
    "ups": "ups",
    "usps": "usps",
}


def ship(http: Http, shop: Shop, told: Announcement, order: client.Row) -> list[str]:
    """Post one shipment per shipping address for what is missing; what was done, in words.

    BigCommerce has no idempotency key here: the shipments on record are what proves that an earlier attempt arrived.
    """
    path = f"v2/orders/{told.order_id}/shipments"
    lines = {count(line.get("id")): line for line in orders.read_lines(http, shop, order)}
    existing = list(client.v2_rows(http, shop, path))
    missing = _missing(told, lines, existing)
    for address_id, items in _by_address(missing, lines).items():
        client.write(http, shop, "POST", path, _shipment(told, address_id, items))
    if missing:
        _prove(missing, existing, list(client.v2_rows(http, shop, path)))
        return [f"Shipment of {sum(missing.values())} units{_words(told.tracking)}."]
    return _add_tracking(http, shop, told, path, existing)


def undo(http: Http, shop: Shop, told: Announcement) -> tuple[int, int]:
    """Delete the shipments of what was taken back, as far as they hold nothing else: (shipments deleted, units that could not
    be taken back because they share a shipment with others). The status stays where it is (OpenAPI, April 2026).
    """
    path = f"v2/orders/{told.order_id}/shipments"
    existing = list(client.v2_rows(http, shop, path))
    shipped = _units(existing)
    rest = {line: units for line, units in _beyond(told, shipped).items() if units > 0}
    number = told.tracking.number
    newest_first = existing[::-1]
    chosen = []
    for shipment in sorted(newest_first, key=lambda one: not number or one.get("tracking_number") != number):
        units = _units([shipment])
        if units and all(rest.get(line, 0) >= count for line, count in units.items()):
            chosen.append(shipment["id"])
            rest = {line: count - units.get(line, 0) for line, count in rest.items()}
    for shipment_id in chosen:
        client.delete(http, shop, f"{path}/{shipment_id}")
    return len(chosen), sum(rest.values())


def _beyond(told: Announcement, shipped: Mapping[int, int]) -> dict[int, int]:
    """Line id -> units shipped beyond what still counts as handed over."""
    targets = {count(line.external_id): line.target for line in told.lines}
    return {line: shipped.get(line, 0) - target for line, target in targets.items()}


def _missing(told: Announcement, lines: Mapping[int, Row], existing: list[client.Row]) -> dict[int, int]:
    """Line id -> units still to be shipped: never more than the order still holds, nothing for lines that are gone."""
    shipped = _units(existing)
    missing: dict[int, int] = {}
    for line_id, target in ((count(line.external_id), line.target) for line in told.lines):
        row: Row = lines.get(line_id, {})
        gone = max(count(row.get("quantity_shipped")), shipped.get(line_id, 0))
        units = min(target, count(row.get("quantity"))) - gone
        if units > 0 and count(row.get("order_address_id")):
            missing[line_id] = units
    return missing


def _units(shipments: Iterable[client.Row]) -> dict[int, int]:
    units: dict[int, int] = {}
    for item in (item for shipment in shipments for item in shipment.get("items", [])):
        line_id = count(item.get("order_product_id"))
        units[line_id] = units.get(line_id, 0) + count(item.get("quantity"))
    return units


def _by_address(missing: dict[int, int], lines: Mapping[int, Row]) -> dict[int, dict[int, int]]:
    """A shipment goes to one address; an order may have several."""
    by_address: dict[int, dict[int, int]] = {}
    for line_id, units in missing.items():
        by_address.setdefault(count(lines[line_id].get("order_address_id")), {})[line_id] = units
    return by_address


def _shipment(told: Announcement, address_id: int, items: dict[int, int]) -> dict[str, object]:
    return {
        "order_address_id": address_id,
        "items": [{"order_product_id": line_id, "quantity": units} for line_id, units in items.items()],
        "shipping_provider": "",
        **_tracking(told.tracking),
        "comments": _comments(told),
    }


def _tracking(tracking: Tracking) -> dict[str, object]:
    return {
        "tracking_number": tracking.number,
        "tracking_carrier": _CARRIER_CODES.get(tracking.carrier.strip().casefold(), ""),
        **({"tracking_link": tracking.url} if tracking.url else {}),
    }


def _comments(told: Announcement) -> str:
    """The place it left from and the carrier's name: BigCommerce has no field for the first, and only codes for the second."""
    place, carrier = told.location_name, told.tracking.carrier
    return " ".join(filter(None, [place and f"Sent from {place}.", carrier and f"Carrier: {carrier}."]))


def _prove(missing: dict[int, int], before: list[client.Row], after: list[client.Row]) -> None:
    earlier, now = _units(before), _units(after)
    if any(now.get(line_id, 0) < earlier.get(line_id, 0) + units for line_id, units in missing.items()):
        raise Retryable(
            "BigCommerce took the shipment but does not show it yet.", "It is looked at again by itself.", effect_unknown=True
        )


def _add_tracking(http: Http, shop: Shop, told: Announcement, path: str, existing: list[client.Row]) -> list[str]:
    """The goods count as shipped already: give the tracking to the shipment of these lines that has none, if there is one."""
    if not told.tracking.number or any(row.get("tracking_number") == told.tracking.number for row in existing):
        return []
    ours = {count(line.external_id) for line in told.lines}
    bare = next((row for row in existing if not row.get("tracking_number") and ours & set(_units([row]))), None)
    if bare is None:
        return []
    client.write(http, shop, "PUT", f"{path}/{bare['id']}", _tracking(told.tracking))
    return [f"The shipment made in BigCommerce{_words(told.tracking)}."]


def _words(tracking: Tracking) -> str:
    return f" with tracking {tracking.number}" if tracking.number else ""
