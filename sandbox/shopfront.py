"""What the pages, the control API and the traffic need of each sandbox shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

DELIVERY = "delivery"
PICKUP = "pickup"

# Awkward things an order can have besides its lines.
EXTRAS = ("custom_line", "unknown_sku", "gift_card", "digital", "no_customer", "no_address", "odd_characters")


@dataclass(frozen=True)
class Wanted:
    """An order a customer places: lines of (SKU, quantity), `pickup` is the location's code where handover is "pickup".

    `customer` has name, email, phone, street, city, postcode, country; a missing one is empty. `extra` is out of EXTRAS.
    """

    lines: tuple[tuple[str, int], ...]
    handover: str
    pickup: str = ""
    paid: bool = True
    customer: dict[str, str] = field(default_factory=dict)
    note: str = ""
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """An order as the platform's own admin shows it: `status` and `payment` are exactly its words."""

    id: str
    number: str
    placed_at: str
    customer: str
    total: str
    payment: str
    status: str
    tracking: tuple[str, ...]
    handover: str
    pickup: str
    notes: tuple[str, ...]
    lines: tuple[tuple[str, int], ...]


class Shopfront(Protocol):
    """One sandbox shop. Acts raise `NotFound` for an unknown order and `Rejected` for what the platform would not do."""

    platform: str
    title: str

    def place(self, wanted: Wanted) -> str:
        """Place the order; the platform's stock moves by its own rules and its webhooks are queued. Returns the order id."""
        ...

    def pay(self, order_id: str) -> None:
        """Pay in full what is still owed."""
        ...

    def cancel(self, order_id: str) -> None:
        """Cancel as the merchant does in the platform's admin."""
        ...

    def edit(self, order_id: str, quantities: Mapping[str, int]) -> None:
        """Give lines, by SKU, new quantities; 0 removes a line."""
        ...

    def refund(self, order_id: str, quantities: Mapping[str, int], *, restock: bool, location: str = "") -> None:
        """Refund so many units by SKU, putting them back into the platform's stock or not (at `location`, where the platform
        has any)."""
        ...

    def shown(self, order_id: str) -> Shown | None:
        """The order as the platform shows it, or None."""
        ...

    def listing(self, limit: int = 100) -> list[Shown]:
        """The newest orders, newest first."""
        ...

    def stock(self) -> dict[str, dict[str, int]]:
        """Quantities as the platform shows them: by SKU, then by location code ("" where the platform has none)."""
        ...
