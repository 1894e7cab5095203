"""The normalized order: what all three platforms are turned into. Pure values, no I/O."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime


class Handover(enum.StrEnum):
    """How the goods reach the customer."""

    DELIVERY = "delivery"
    PICKUP = "pickup"
    NONE = "none"  # nothing to hand over: digital goods, gift cards, services


class Payment(enum.StrEnum):
    """What the platform says of the money."""

    UNPAID = "unpaid"
    AUTHORIZED = "authorized"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


class Lifecycle(enum.StrEnum):
    """Where the order stands on the platform, as far as stock and work are concerned."""

    OPEN = "open"
    ON_HOLD = "on_hold"  # stock is kept, nobody packs: review, dispute, merchant's hold
    COMPLETED = "completed"  # everything was handed over, here or elsewhere
    CANCELLED = "cancelled"  # cancelled, declined, fully refunded before leaving, or deleted


class LineKind(enum.StrEnum):
    """What a line sells. Only physical lines take stock."""

    PHYSICAL = "physical"
    DIGITAL = "digital"
    GIFT_CARD = "gift_card"
    CUSTOM = "custom"  # typed in by hand on the platform: no product behind it
    SERVICE = "service"  # typed in by hand and never shipped: work, a fee sold as a line
    TIP = "tip"  # money for the staff: nothing to hand over, and nothing to fulfill on the platform
    BUNDLE = "bundle"  # sold as one; its components, lines of their own here, take the stock


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as the platform gave it; every field may be empty."""

    name: str = ""
    company: str = ""
    street: str = ""
    street2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """The buyer. A guest, a redacted person and missing data approval all look like empty fields."""

    name: str = ""
    email: str = ""
    phone: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line. `quantity` is what is wanted now: ordered less what was removed or refunded before it left.

    `fulfilled` is what the platform already counts as handed over. `assigned_location` is the platform's own
    location id for this line (Shopify's fulfillment order), empty where it has none. `refunded` is how many of the ordered
    units were refunded, before or after they left; only those from before are missing in `quantity`.
    """

    external_id: str
    title: str
    quantity: int
    sku: str = ""
    barcode: str = ""
    variant_id: str = ""
    kind: LineKind = LineKind.PHYSICAL
    unit_price_minor: int = 0
    total_minor: int = 0
    fulfilled: int = 0
    assigned_location: str = ""
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Return:
    """Units of a line that a refund put back into stock at one place, all refunds together.

    `line` is the line's external id. `location` is the platform's id of the place, "" where it names none. `left` is false
    where the platform does not say whether the goods had left: then only what has left beyond the wanted can have come back.
    """

    line: str
    quantity: int
    location: str = ""
    left: bool = True


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the total is made of, in minor units of the shop's currency, as the platform's own rows give it.

    `lines_minor` is after the discounts that stand in the lines; `discount_minor` are those that do not. `tax_minor` is only
    what comes on top: 0 where prices include it. `refunded_minor` is what `total_minor` of the order is already less of.
    """

    lines_minor: int
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0
    fees_minor: int = 0
    refunded_minor: int = 0
    presentment_currency: str = ""
    presentment_total_minor: int = 0

    @property
    def expected_minor(self) -> int:
        """The total these parts make."""
        added = self.lines_minor + self.shipping_minor + self.tax_minor + self.fees_minor
        return added - self.discount_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class Order:
    """One online order as it stood on the platform at `version` (the platform's own modification time, aware UTC).

    `pickup_location` is the platform's id of the collecting place, or its display name where the platform keeps only
    that (WooCommerce). `attention` lists codes of what a person should look at ("no_lines", "odd_characters", ...).
    """

    external_id: str
    number: str
    placed_at: datetime
    version: datetime
    currency: str
    total_minor: int
    outstanding_minor: int
    payment: Payment
    lifecycle: Lifecycle
    handover: Handover
    lines: tuple[LineItem, ...] = ()
    customer: Customer = field(default_factory=Customer)
    shipping: Address = field(default_factory=Address)
    billing: Address = field(default_factory=Address)
    pickup_location: str = ""
    note: str = ""
    shipping_method: str = ""
    payment_method: str = ""
    origin: str = ""
    platform_status: str = ""
    attention: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    returns: tuple[Return, ...] = ()
    amounts: Amounts | None = None


def total_difference_minor(order: Order) -> int:
    """The platform's total less the total of its parts: 0 where they agree, or where the parts are not known.

    A minor unit of each line may be lost to rounding, which platforms do line by line.
    """
    if order.amounts is None:
        return 0
    difference = order.total_minor - order.amounts.expected_minor
    return difference if abs(difference) > len(order.lines) else 0


_MOST_UNITS = 2**31 - 1  # of an order: what the database's integers hold


def possible(order: Order) -> Order:
    """The order with no quantity below zero or too large to be true: such a line wants nothing, and a person is told."""
    most = _MOST_UNITS // max(1, len(order.lines))
    counts = [count for line in order.lines for count in (line.quantity, line.fulfilled, line.refunded)]
    if not counts or (min(counts) >= 0 and max(counts) <= most):
        return order
    codes = {"negative_quantity": min(counts) < 0, "impossible_quantity": max(counts) > most}
    lines = tuple(_possible(line, most) for line in order.lines)
    return replace(order, lines=lines, attention=(*order.attention, *(code for code, true in codes.items() if true)))


def _possible(line: LineItem, most: int) -> LineItem:
    def kept(count: int) -> int:
        return count if 0 <= count <= most else 0

    return replace(line, quantity=kept(line.quantity), fulfilled=kept(line.fulfilled), refunded=kept(line.refunded))


def digest(order: Order) -> str:
    """A stable fingerprint of everything in the order: equal orders have equal digests."""
    return hashlib.sha256(repr(order).encode("utf-8", "backslashreplace")).hexdigest()


class Freshness(enum.StrEnum):
    """What an arriving order is, measured against the stored one."""

    NEW = "new"
    NEWER = "newer"
    SAME = "same"
    STALE = "stale"
    UNCLEAR = "unclear"  # same modification second, other content: only the platform can tell


def freshness(stored: tuple[datetime, str] | None, version: datetime, fingerprint: str, *, fetched: bool) -> Freshness:
    """Compare an arriving (version, digest) with the stored one.

    Platforms stamp modifications with whole seconds, so two states can share a stamp. A state just read from the
    platform (`fetched`) wins such a tie; one carried by a delivery does not, because deliveries come in any order.
    """
    if stored is None:
        return Freshness.NEW
    stored_version, stored_digest = stored
    if fingerprint == stored_digest:
        return Freshness.SAME
    if version != stored_version:
        return Freshness.NEWER if version > stored_version else Freshness.STALE
    return Freshness.NEWER if fetched else Freshness.UNCLEAR


_SETTLED = frozenset({Payment.PAID, Payment.PARTLY_REFUNDED, Payment.REFUNDED})


def owed_minor(payment: str, outstanding_minor: int, recorded_minor: int, *, accept_authorized: bool = False) -> int:
    """What is still to be paid, in minor units: what the platform misses, less what staff recorded here.

    An authorized payment is money not yet taken: it counts as paid only where the merchant says so.
    """
    if payment in _SETTLED or (accept_authorized and payment == Payment.AUTHORIZED):
        return 0
    return max(0, outstanding_minor - recorded_minor)
