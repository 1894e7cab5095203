"""Telling Shopify what happened here: read first, write only the difference, check what is answered.

So an answer that was lost is healed by the next attempt, and nothing is fulfilled twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from connector.domain.orders import Handover
from connector.domain.settings import value
from connector.platform import Act, Announcement, Outcome, Refused, Retryable, Shop, Told, Tracking
from platforms.http import Http
from platforms.shopify import documents
from platforms.shopify.cancelling import cancel
from platforms.shopify.client import UserErrors, tell
from platforms.shopify.moving import bring_here, put_apart
from platforms.shopify.normalize import awaits_routing, method
from platforms.shopify.parts import Take, grouped, held, missing, reached, supports, takes, touched, undoable
from platforms.shopify.reading import VOID, read_shipments, read_told

Announce = Callable[[Http, Shop, Announcement], Outcome]

# Answers of "prepared for pickup" that mean there is nothing (more) to prepare.
_NOTHING_TO_PREPARE = frozenset({"NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER", "UNABLE_TO_PREPARE_QUANTITY"})
_ON_HOLD = "Shopify holds this order, so it was not told. Release the hold in Shopify's admin, then replay."

_HIDDEN = "A fulfillment service may have them: fulfill them in Shopify's admin, or grant read_third_party_fulfillment_orders."


def announce(http: Http, shop: Shop, told: Announcement) -> Outcome:
    """Tell Shopify of one act, by the table below; raises the four call errors."""
    return _ROWS.get((told.act, told.handover), _no_word)(http, shop, told)


def _no_word(http: Http, shop: Shop, told: Announcement) -> Outcome:
    return Outcome(Told.UNSUPPORTED, f"Shopify has no word for a {told.handover} order that is {told.act.replace('_', ' ')}.")


def _packed_quietly(http: Http, shop: Shop, told: Announcement) -> Outcome:
    return Outcome(Told.UNSUPPORTED, "Shopify is not told of packing.")


# --- packed ----------------------------------------------------------------------------------------------------------


def _packed_delivery(http: Http, shop: Shop, told: Announcement) -> Outcome:
    """Nothing, unless the merchant wants it: progress that was reported blocks moving the order to another location."""
    if value(shop.settings, "report_progress") is not True:
        return _packed_quietly(http, shop, told)
    found = read_told(http, shop, told)
    if reason := _means_more(found):
        return Outcome(Told.WITHHELD, reason)
    parts = touched(found, told)
    if held(parts):
        return Outcome(Told.WITHHELD, _ON_HOLD)
    fresh = [part for part in parts if part["status"] == "OPEN" and supports(part, "REPORT_PROGRESS")]
    for part in fresh:
        tell(http, shop, documents.PROGRESS, id=part["id"])
    if fresh:
        return Outcome(Told.APPLIED, "Shopify shows these goods as in progress.")
    return Outcome(Told.ALREADY, "Shopify shows these goods as in progress or fulfilled already.")


# --- ready for pickup ------------------------------------------------------------------------------------------------


def _ready(http: Http, shop: Shop, told: Announcement) -> Outcome:
    """Mark fulfillment orders as prepared; Shopify then writes to the customer at once. It only takes whole ones: where the
    merchant reports part by part, one of which some is ready is divided first.

    No field of a fulfillment order says "prepared" (schema 2026-10), so a second try relies on Shopify's own refusal.
    """
    found = read_told(http, shop, told)
    parts = [part for part in touched(found, told) if method(part) == "PICK_UP"]
    if not parts:
        return _nothing_to_prepare(found, told)
    if reason := _means_more(found):
        return Outcome(Told.WITHHELD, reason)
    if held(parts):
        return Outcome(Told.WITHHELD, _ON_HOLD)
    ready = reached(found, told, parts)
    each = value(shop.settings, "report_parts") == "each"
    apart = [put_apart(http, shop, part, units) for part, units in ready.some if each and supports(part, "SPLIT")]
    if not ready.whole and not apart:
        return Outcome(Told.UNSUPPORTED, "Shopify can only call a whole pickup ready: the customer is told with its last part.")
    return _prepare(http, shop, [*(part["id"] for part in ready.whole), *apart])


def _nothing_to_prepare(found: Mapping[str, Any], told: Announcement) -> Outcome:
    if not missing(found, told):
        return Outcome(Told.ALREADY, "Shopify shows these goods as fulfilled already.")
    if reason := _means_more(found):
        return Outcome(Told.WITHHELD, reason)
    return Outcome(Told.WITHHELD, "Shopify has no pickup of these goods any more: it was moved, shipped or removed there.")


def _prepare(http: Http, shop: Shop, part_ids: list[str]) -> Outcome:
    applied = 0
    for part_id in part_ids:  # one call each, so that one prepared before does not stop the others
        try:
            tell(http, shop, documents.PREPARED, input={"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": part_id}]})
            applied += 1
        except UserErrors as error:
            if not error.codes & _NOTHING_TO_PREPARE:
                raise
    if applied:
        return Outcome(Told.APPLIED, "Shopify marked it ready for pickup and writes to the customer (it shows no status for it).")
    return Outcome(Told.ALREADY, "Shopify had it marked ready for pickup already.")


# --- shipped, picked up ----------------------------------------------------------------------------------------------


def _fulfilled(http: Http, shop: Shop, told: Announcement) -> Outcome:
    """Create the fulfillments that are missing; a refusal counts as done where somebody else was faster."""
    found = read_told(http, shop, told)
    wanted = missing(found, told)
    if not wanted:
        return Outcome(Told.ALREADY, "Shopify shows these goods as fulfilled already.")
    if reason := _means_more(found):
        return Outcome(Told.WITHHELD, reason)
    found, aside = bring_here(http, shop, told, found, wanted)
    chosen = takes(found, told, wanted)
    if sum(take.units for take in chosen) < sum(wanted.values()) and held(touched(found, told)):
        return Outcome(Told.WITHHELD, _ON_HOLD)
    if not chosen and awaits_routing(found):
        raise Refused("Shopify shows this app no fulfillment order of these goods.", _HIDDEN)
    if not chosen:
        return Outcome(Told.WITHHELD, "Shopify has none of these goods left to fulfill: they were removed or refunded there.")
    try:
        made = [tell(http, shop, documents.FULFILL, fulfillment=_fulfillment(shop, told, group)) for group in grouped(chosen)]
    except Refused:
        if missing(read_told(http, shop, told), told):
            raise
        return Outcome(Told.ALREADY, "Somebody fulfilled these goods in Shopify at the same moment.")
    return Outcome(Told.APPLIED, f"{_confirmed(told, made, chosen, wanted)} {aside}".strip())


def _taken_back(http: Http, shop: Shop, told: Announcement) -> Outcome:
    """Cancel the fulfillments of what was taken back, as far as they hold nothing else. Shopify then makes new fulfillment
    orders of their goods."""
    found = read_told(http, shop, told)
    surplus = {line.external_id: found["fulfilled"].get(line.external_id, 0) - line.target for line in told.lines}
    surplus = {line: units for line, units in surplus.items() if units > 0}
    if not surplus:
        return Outcome(Told.ALREADY, "Shopify does not show these goods as fulfilled.")
    if reason := _means_more(found):
        return Outcome(Told.WITHHELD, reason)
    chosen = undoable(read_shipments(http, shop, found), surplus, told.tracking.number)
    for shipment in chosen:
        tell(http, shop, documents.CANCEL_SHIPMENT, id=shipment)
    if chosen:
        return Outcome(Told.APPLIED, "The fulfillment was cancelled in Shopify: the goods are to be fulfilled again.")
    return Outcome(Told.WITHHELD, "Shopify's fulfillment of these goods holds others too: cancel it in Shopify's admin.")


def _confirmed(told: Announcement, made: Sequence[Mapping[str, Any]], chosen: tuple[Take, ...], wanted: Mapping[str, int]) -> str:
    """What was done, in words. Shopify's own answers must show every unit that was written; Retryable where they do not,
    and the next try reads the order. Reading it here as well would cost a store a third more of its points per parcel."""
    shipments = [payload.get("fulfillment") or {} for payload in made]
    units = sum(take.units for take in chosen)
    if sum(shipment.get("totalQuantity", 0) for shipment in shipments if shipment.get("status") not in VOID) < units:
        raise Retryable("Shopify does not show the fulfillment yet.", "It is read again.", effect_unknown=True)
    shows = shipments[-1]["order"]["displayFulfillmentStatus"].replace("_", " ").lower()
    with_tracking = f" with tracking {told.tracking.number}" if _tracking(told) else ""
    short = sum(wanted.values()) - units
    rest = f" {short} more had been removed or refunded there." if short else ""
    noun = "unit" if units == 1 else "units"
    return f"Fulfilled {units} {noun}{with_tracking}; Shopify shows the order as {shows}.{rest}"


def _fulfillment(shop: Shop, told: Announcement, group: tuple[Take, ...]) -> dict[str, Any]:
    """The FulfillmentInput of one group."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for take in group:
        lines.setdefault(take.part_id, []).append({"id": take.part_line_id, "quantity": take.units})
    tracking = _tracking(told)
    return {
        "lineItemsByFulfillmentOrder": [
            {"fulfillmentOrderId": part_id, "fulfillmentOrderLineItems": entries} for part_id, entries in lines.items()
        ],
        "notifyCustomer": value(shop.settings, "notify_customer") is True,
        **({"trackingInfo": tracking} if tracking else {}),
    }


def _tracking(told: Announcement) -> dict[str, str]:
    """FulfillmentTrackingInput. Shopify wants no url without a number, and refuses one that is no web address."""
    tracking: Tracking = told.tracking
    if told.act is not Act.SHIPPED or not tracking.number:
        return {}
    fields = {"number": tracking.number, "company": tracking.carrier, "url": tracking.url if _is_web(tracking.url) else ""}
    return {name: value for name, value in fields.items() if value}


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


# --- common ----------------------------------------------------------------------------------------------------------


def _means_more(found: Mapping[str, Any]) -> str:
    """Why Shopify's own state must not be written over; "" where nothing speaks against it."""
    if found["cancelledAt"]:
        return "Shopify shows the order as cancelled, so it was not told."
    if found["displayFinancialStatus"] == "REFUNDED":
        return "Shopify shows the order as refunded, so it was not told."
    return ""


_ROWS: dict[tuple[Act, Handover], Announce] = {
    (Act.PACKED, Handover.DELIVERY): _packed_delivery,
    (Act.PACKED, Handover.PICKUP): _packed_quietly,
    (Act.PACKED, Handover.NONE): _packed_quietly,
    (Act.READY, Handover.PICKUP): _ready,
    (Act.SHIPPED, Handover.DELIVERY): _fulfilled,
    (Act.SHIPPED, Handover.NONE): _fulfilled,
    (Act.PICKED_UP, Handover.PICKUP): _fulfilled,
    (Act.PICKED_UP, Handover.NONE): _fulfilled,
    **{(Act.CANCELLED, handover): cancel for handover in Handover},
    **{(Act.TAKEN_BACK, handover): _taken_back for handover in Handover},
}
