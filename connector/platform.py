"""The port: all that the rest of the connector knows of a platform.

A platform is a frozen dataclass of functions. A new one is a folder in `platforms/` and a line in its registry.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.domain.errors import ConnectorError
from connector.domain.orders import Handover, Order

# ---------------------------------------------------------------------------------------------------------------------
# The four call errors: what the caller must do decides the class, not what went wrong.


class CallError(ConnectorError):
    """A call to a platform did not succeed. `effect_unknown`: a write may have been applied all the same."""

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        retry_after_seconds: float | None = None,
        effect_unknown: bool = False,
    ) -> None:
        super().__init__(message, remedy)
        self.retry_after_seconds = retry_after_seconds
        self.effect_unknown = effect_unknown


class Retryable(CallError):
    """Time-out, broken connection, 5xx, nonsense instead of JSON: try again later."""


class Throttled(CallError):
    """The platform asks us to slow down: try again after `retry_after_seconds`."""


class AuthLost(CallError):
    """Credentials are refused, the app is uninstalled, the shop is frozen: pause the shop and tell the merchant."""


class Refused(CallError):
    """The platform understood and said no; asking again will not help: a person must look."""


# ---------------------------------------------------------------------------------------------------------------------
# Shops and what arrives from them


@dataclass(frozen=True, slots=True)
class Shop:
    """One installed store. `credentials` never show in a repr; `address` is the base of its API, without a slash at the end.

    `external_id` is the platform's own name of the store: the myshopify domain, the store hash, the site's URL.
    `key` is the unguessable word in its webhook address. `settings` are the merchant's choices, by setting name.
    """

    id: int
    key: str
    platform: str
    name: str
    external_id: str
    address: str
    credentials: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, object] = field(default_factory=dict)


class Kind(enum.StrEnum):
    """What an arriving delivery is about. Only the first two lead to work; all are recorded."""

    ORDER = "order"  # the order named by `order_id` may have changed
    UNINSTALLED = "uninstalled"  # the merchant removed the app
    IGNORED = "ignored"  # understood, and nothing to do; `reason` says why


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one verified webhook request says.

    `dedup_key` is unique per (shop, delivery) and equal for a repeated delivery. `reason` says in plain words why an
    ignored one is ignored.
    """

    topic: str
    kind: Kind
    dedup_key: str
    order_id: str = ""
    reason: str = ""


# ---------------------------------------------------------------------------------------------------------------------
# What we tell a platform


class Act(enum.StrEnum):
    """What happened here that a platform may want to hear."""

    PACKED = "packed"
    READY = "ready"
    SHIPPED = "shipped"
    PICKED_UP = "picked_up"
    TAKEN_BACK = "taken_back"  # a handover we did is undone: the goods are here again; lines' targets are what still counts


@dataclass(frozen=True, slots=True)
class Tracking:
    """How a parcel can be followed; each field may be empty."""

    number: str = ""
    carrier: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class AnnouncedLine:
    """A line of the announced part. `target` is how many units of the line the platform must count as handed over once
    this announcement has been applied: all earlier announced parts plus this one. A write is the difference to it."""

    external_id: str
    quantity: int
    target: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """One part of an order reached `act`. `last` is true when with it every part has reached it, so the order-level
    word of the platform may change. `key` names the effect and is the same on every attempt."""

    key: str
    act: Act
    order_id: str
    number: str
    handover: Handover
    lines: tuple[AnnouncedLine, ...]
    last: bool
    at: datetime
    tracking: Tracking = field(default_factory=Tracking)
    external_location: str = ""
    location_name: str = ""


class Told(enum.StrEnum):
    """How an announcement ended. All four are final; failures are raised as call errors."""

    APPLIED = "applied"
    ALREADY = "already"  # read first, and the platform stood there already
    UNSUPPORTED = "unsupported"  # this platform has no word for it
    WITHHELD = "withheld"  # the platform's state means more (refunded, cancelled, disputed): not overwritten


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an announcement in words a shop person understands: `detail` says what was written, or why not."""

    told: Told
    detail: str


# ---------------------------------------------------------------------------------------------------------------------
# What we read from a platform


@dataclass(frozen=True, slots=True)
class Account:
    """The store behind the credentials, as it names itself."""

    external_id: str
    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class RemoteLocation:
    """A place as the platform knows it."""

    external_id: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The webhook subscriptions after registering. `secrets` must be kept with the shop's credentials."""

    topics: tuple[str, ...]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """One page of orders by modification time. `newest` is the newest modification seen on it; `next` continues, "" ends."""

    order_ids: tuple[tuple[str, datetime], ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform as functions. Those that take a Shop call over HTTP and raise the four call errors; the rest are pure.

    shop_named_by: the store named in the headers (lower-case names), where the webhook address is shared; "" otherwise.
    is_ping: an unsigned greeting that must be answered 200 and stored nowhere.
    genuine: whether the raw body was signed for this shop; never raises on any bytes; missing anything means False.
    parse: headers and verified body -> what it says; raises Malformed only for a body that can never mean anything.
    normalize: the body of a delivery that carries the whole order -> Order, or None where the order must be read by id.
    credentials: option name -> help text, what `connector shops add` asks for, in order.
    open_shop: options -> (external_id, address, credentials), raising Rejected with the remedy for unusable values.
    check: prove the credentials by a call.
    subscribe: make our webhooks stand, pointing at the address; repeatable.
    fetch_order: the order as it stands now, or None where it does not exist (any more).
    changed_orders: ids of orders modified at or after `since`, oldest first; `cursor` "" for the first page.
    locations: the store's places.
    announce: read the remote state; already so? done; write; say what was done.
    """

    name: str
    title: str
    credentials: Mapping[str, str]
    shared_address: bool
    open_shop: Callable[[Mapping[str, str]], tuple[str, str, dict[str, str]]]
    shop_named_by: Callable[[Mapping[str, str]], str]
    is_ping: Callable[[Mapping[str, str], bytes], bool]
    genuine: Callable[[Shop, Mapping[str, str], bytes], bool]
    parse: Callable[[Mapping[str, str], bytes], Delivery]
    normalize: Callable[[Shop, bytes], Order | None]
    check: Callable[[Shop], Account]
    subscribe: Callable[[Shop, str], Subscriptions]
    fetch_order: Callable[[Shop, str], Order | None]
    changed_orders: Callable[[Shop, datetime, str], ChangedPage]
    locations: Callable[[Shop], tuple[RemoteLocation, ...]]
    announce: Callable[[Shop, Announcement], Outcome]
