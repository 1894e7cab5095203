"""Orders as JSON objects, the same for the command line and the API."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.db.order_views import OrderDetail, OrderRow, Part, Told
from connector.domain.explanation import in_words
from connector.domain.money import to_text


def head(row: OrderRow) -> dict[str, Any]:
    """An order without its lines and parts. Amounts are text with the currency, and ints in minor units."""
    return {
        "id": row.id,
        "shop": row.shop,
        "shop_id": row.shop_id,
        "platform": row.platform,
        "external_id": row.external_id,
        "number": row.number,
        "placed_at": row.placed_at.isoformat(),
        "delivery": row.handover,
        "payment": row.payment,
        "state": row.state,
        "lifecycle": row.lifecycle,
        "customer": row.customer,
        "total": to_text(row.total_minor, row.currency),
        "owed": to_text(row.owed_minor, row.currency),
        "owed_minor": row.owed_minor,
        "units": row.units,
        "backordered": row.backordered,
        "attention": list(row.attention),
        "note": row.note,
    }


def whole(detail: OrderDetail, codes: Mapping[int, str]) -> dict[str, Any]:
    """One order with its lines, its parts with their reasons, and what the platform was told; `codes` is location id -> code."""
    counts = ("quantity", "allocated", "backordered", "picked", "gone", "refunded")
    named = ("id", "external_id", "sku", "title", "kind", *counts, "mapped")
    return {
        **head(detail.row),
        "lines": [
            {**{name: getattr(line, name) for name in named}, "image_url": detail.pictures.get(line.id, "")}
            for line in detail.lines
        ],
        "fulfillment_orders": [part_of(part, codes) for part in detail.row.parts],
        "reason": in_words(detail.reason),
        "amounts": detail.amounts,
        "total_difference": to_text(detail.difference_minor, detail.row.currency),
        "told": [_told(told) for told in detail.told],
    }


def _told(told: Told) -> dict[str, Any]:
    tried = [{"at": at.isoformat(), "outcome": outcome, "detail": detail} for at, outcome, detail in told.tried]
    return {**_plain(dataclasses.asdict(told)), "tried": tried}


def part_of(part: Part, codes: Mapping[int, str]) -> dict[str, Any]:
    """One fulfillment order."""
    return {
        "id": part.id,
        "location": codes.get(part.location_id, part.location),
        "location_name": part.location,
        "state": part.state,
        "reason": in_words(part.reason),
        "lines": [{"sku": line.sku, "title": line.title, "quantity": line.quantity} for line in part.lines],
        "tracking": part.tracking_number,
        "carrier": part.carrier,
        "tracking_url": part.tracking_url,
    }


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
