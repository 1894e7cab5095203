"""Shopify's fulfillment orders are brought into the shape of our parts: to the location goods leave from, and divided where only
some of one are ready. Both as far as Shopify lets us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.platform import Announcement, Refused, Retryable, Shop
from platforms.http import Http
from platforms.shopify import documents
from platforms.shopify.client import ask, tell
from platforms.shopify.parts import strays, supports
from platforms.shopify.reading import read_order


def bring_here(
    http: Http, shop: Shop, told: Announcement, found: dict[str, Any], wanted: Mapping[str, int]
) -> tuple[dict[str, Any], str]:
    """The order after the moves, and a word on what could not be moved: that is fulfilled where Shopify has it.

    Moving some lines of a fulfillment order splits it (fulfillmentOrderMove, schema 2026-10). One whose progress was
    reported must be opened again first. The merchant may forbid moving (`move_fulfillment_orders`).
    """
    if not told.external_location or shop.settings.get("move_fulfillment_orders") is False:
        return found, ""
    astray = strays(found, told, wanted)
    reasons = [_moved(http, shop, told.external_location, part, units) for part, units in astray]
    if not astray:
        return found, ""
    after = read_order(http, shop, told.order_id) or found
    units = sum(sum(lines.values()) for (_, lines), reason in zip(astray, reasons, strict=True) if not reason)
    moved = f"{units} moved to {told.location_name} first." if units else ""
    refused = next((reason for reason in reasons if reason), "")
    stayed = f"Not moved to {told.location_name} in Shopify: {refused}" if refused else ""
    return after, f"{moved} {stayed}".strip()


def _moved(http: Http, shop: Shop, to: str, part: Mapping[str, Any], units: Mapping[str, int]) -> str:
    """Move the units; "" where that was done, else why not."""
    try:
        if part["status"] == "IN_PROGRESS":
            tell(http, shop, documents.REOPEN, id=part["id"])
        elif not supports(part, "MOVE"):
            return "Shopify does not let it be moved now."
        places = (ask(http, shop, documents.MOVABLE, id=part["id"], to=[to])["fulfillmentOrder"] or {}).get("locationsForMove")
        place = next((node for node in (places or {"nodes": []})["nodes"] if node["location"]["id"] == to), None)
        if place is None or not place["movable"]:
            return (place or {}).get("message") or "the location does not stock it there."
        lines = [{"id": line, "quantity": count} for line, count in units.items()]
        tell(http, shop, documents.MOVE, id=part["id"], to=to, lines=lines)
    except Refused as error:
        return str(error)
    return ""


def put_apart(http: Http, shop: Shop, part: Mapping[str, Any], units: Mapping[str, int]) -> str:
    """The id of a fulfillment order that holds just these units (by line id) of another: Shopify divides it.

    Which half keeps the old id is not said (fulfillmentOrderSplit, schema 2026-10), so the halves are looked at.
    """
    entries = {entry["lineItem"]["id"]: entry["id"] for entry in part["lineItems"]}
    lines = [{"id": entries[line], "quantity": count} for line, count in units.items()]
    split = [{"fulfillmentOrderId": part["id"], "fulfillmentOrderLineItems": lines}]
    [made] = tell(http, shop, documents.SPLIT, splits=split)["fulfillmentOrderSplits"]
    for half in made["fulfillmentOrder"], made["remainingFulfillmentOrder"]:
        if _held_by(half) == dict(units):
            return str(half["id"])
    raise Retryable("Shopify divided the fulfillment order otherwise than asked.", "It is read again.", effect_unknown=True)


def _held_by(half: Mapping[str, Any]) -> dict[str, int]:
    held: dict[str, int] = {}
    for entry in half["lineItems"]["nodes"]:
        line = entry["lineItem"]["id"]
        held[line] = held.get(line, 0) + entry["remainingQuantity"]
    return {line: units for line, units in held.items() if units}
