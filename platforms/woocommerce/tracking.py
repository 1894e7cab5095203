"""Where a parcel's tracking goes in a shop: to its tracking extension where it has one, else into a note to the customer.

Besides, every part that left is kept in the order's meta data under one key of ours: WooCommerce's own statuses cannot
say that a part left. Each write reads first, so a repeated one changes nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from connector.platform import Announcement, Shop, Tracking
from platforms.http import Http
from platforms.woocommerce.client import read, read_list, write

META_KEY = "_order_connector_shipments"  # the leading underscore hides it from the customer

# Both extensions have the same routes and fields; asked in this order.
_EXTENSIONS = {"wc-shipment-tracking/v3": "Shipment Tracking", "wc-ast/v3": "Advanced Shipment Tracking"}


def ensure_tracking(http: Http, shop: Shop, announcement: Announcement) -> str:
    """Make the tracking stand where this shop keeps it; what was written in words, or "" where it stood or there is none."""
    tracking = announcement.tracking
    if not (tracking.number or tracking.url):
        return ""
    namespaces = read(http, shop, "/", {"_fields": "namespaces"}).get("namespaces") or ()
    extension = next((namespace for namespace in _EXTENSIONS if namespace in namespaces), "")
    if extension and tracking.number:
        return _ensure_listed(http, shop, announcement, extension)
    written = ensure_note(http, shop, announcement.order_id, _on_its_way(announcement))
    return "the tracking was sent to the customer as a note" if written else ""


def ensure_note(http: Http, shop: Shop, order_id: str, text: str) -> bool:
    """Write a note to the customer, which mails it to them, unless the order has it already; whether it was written."""
    notes = read_list(http, shop, f"orders/{order_id}/notes", {"type": "customer"})
    if any(_plain(str(note.get("note", ""))) == _plain(text) for note in notes):
        return False
    write(http, shop, "POST", f"orders/{order_id}/notes", {"note": text, "customer_note": True})
    return True


def with_shipment(order: Mapping[str, Any], announcement: Announcement) -> list[dict[str, Any]] | None:
    """The order's list of parts that left, with this one in it; None where it is there already."""
    known = _shipments(order)
    ours = _as_shipment(announcement)
    if ours in known:
        return None
    return [shipment for shipment in known if shipment.get("key") != announcement.key] + [ours]


def _ensure_listed(http: Http, shop: Shop, announcement: Announcement, extension: str) -> str:
    path = f"/{extension}/orders/{announcement.order_id}/shipment-trackings"
    tracking = announcement.tracking
    if any(entry.get("tracking_number") == tracking.number for entry in read_list(http, shop, path)):
        return ""
    write(
        http,
        shop,
        "POST",
        path,
        {
            # A carrier under a name the extension does not list is refused as `tracking_provider`.
            "custom_tracking_provider": tracking.carrier,
            "custom_tracking_link": tracking.url,
            "tracking_number": tracking.number,
            "date_shipped": announcement.at.strftime("%Y-%m-%d"),
        },
    )
    return f"the tracking was written to {_EXTENSIONS[extension]}"


def _on_its_way(announcement: Announcement) -> str:
    subject = f"Your order {announcement.number}" if announcement.last else f"A part of your order {announcement.number}"
    return f"{subject} is on its way: {_in_words(announcement.tracking)}"


def _in_words(tracking: Tracking) -> str:
    return " ".join(filter(None, (tracking.carrier, tracking.number, tracking.url)))


def _as_shipment(announcement: Announcement) -> dict[str, Any]:
    tracking = announcement.tracking
    return {
        "key": announcement.key,
        "act": announcement.act.value,
        "at": announcement.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "location": announcement.location_name,
        "lines": [{"line": line.external_id, "quantity": line.quantity} for line in announcement.lines],
        "tracking": {"number": tracking.number, "carrier": tracking.carrier, "url": tracking.url},
    }


def _shipments(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    meta = order.get("meta_data") or ()
    value = next((entry.get("value") for entry in meta if isinstance(entry, dict) and entry.get("key") == META_KEY), None)
    # PHP turns a list whose numbering has gaps into an object.
    listed = list(value.values()) if isinstance(value, dict) else value
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _plain(text: str) -> str:
    """A note as a person reads it: shops wrap it in paragraphs, encode its special characters and drop what looks like HTML."""
    return " ".join(re.sub(r"<[^>]*>", " ", html.unescape(text)).split())
