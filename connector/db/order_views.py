"""The reading side: orders as lists and as one whole, for the desk, the command line and the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector.db.sealed import Seal


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders: open ones unless `history`; empty fields do not narrow. `before` continues a list (placed_at, id)."""

    history: bool = False
    state: str = ""
    handover: str = ""
    payment: str = ""
    location_id: int | None = None
    shop_id: int | None = None
    search: str = ""
    attention: bool = False
    before: tuple[datetime, int] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class PartLine:
    """So many of a line in one part."""

    order_line_id: int
    sku: str
    title: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Part:
    """A fulfillment order. `reason` is the explanation: steps of {code, …facts}, see `connector.domain.explanation`."""

    id: int
    location: str
    location_id: int
    state: str
    reason: list[dict[str, Any]]
    lines: tuple[PartLine, ...]
    tracking_number: str = ""
    carrier: str = ""
    tracking_url: str = ""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One row of a list. Articles are (title, sku, quantity), those of the filtered location's part where one is given."""

    id: int
    shop_id: int
    shop: str
    platform: str
    external_id: str
    number: str
    placed_at: datetime
    handover: str
    state: str
    lifecycle: str
    payment: str
    owed_minor: int
    total_minor: int
    currency: str
    customer: str
    units: int
    note: str
    attention: tuple[str, ...]
    backordered: int
    articles: tuple[tuple[str, str, int], ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order as it stands here: allocated + backordered = quantity for what takes stock."""

    id: int
    external_id: str
    sku: str
    title: str
    kind: str
    quantity: int
    allocated: int
    backordered: int
    mapped: bool
    unit_price_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the timeline."""

    at: datetime
    code: str
    facts: dict[str, Any]
    actor: str


@dataclass(frozen=True, slots=True)
class Told:
    """One announcement to the platform and how it stands."""

    act: str
    state: str
    outcome: str
    reason: str
    tries: int
    due_at: datetime
    fulfillment_order_id: int | None


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """One order whole. `person` holds what is sealed: email, phone, shipping, billing (see `connector.domain.orders`)."""

    row: OrderRow
    lines: tuple[Line, ...]
    person: dict[str, Any]
    shipping_method: str
    payment_method: str
    origin: str
    pickup_location: str
    platform_status: str
    reason: list[dict[str, Any]]
    recorded_minor: int
    pay_first: bool
    events: tuple[Event, ...] = field(default=())
    told: tuple[Told, ...] = field(default=())


def list_orders(conn: Connection, wanted: OrderFilter) -> list[OrderRow]:
    """Orders by the filter, newest first (oldest first for open work is the page's choice), in at most four statements."""
    raise NotImplementedError


def order_detail(conn: Connection, seal: Seal, order_id: int) -> OrderDetail | None:
    """One order with everything a person wants to know of it, or None."""
    raise NotImplementedError
