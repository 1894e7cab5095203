"""The port: all that the rest of the connector knows of a platform.

A platform is a frozen dataclass of functions. A new one is a folder in `platforms/` and a line in its registry.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.errors import ConnectorError
from connector.domain.linking import Variant
from connector.domain.orders import Handover, Order

if TYPE_CHECKING:
    from connector.installing import Installing

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


class TimedOut(Retryable):
    """No answer in time: the shop is asked again, but not so soon that it has no chance to recover."""


class NotYet(Retryable):
    """The platform answers well, and is itself not so far: ask again. It says nothing against the shop's health."""


class Throttled(CallError):
    """The platform asks us to slow down: try again after `retry_after_seconds`."""


class AuthLost(CallError):
    """Credentials are refused, the app is uninstalled, the shop is frozen: pause the shop and tell the merchant."""


class TokenRefused(AuthLost):
    """The access token itself is refused: where it can be exchanged for a new one, that is worth one try."""


class Refused(CallError):
    """The platform understood and said no; asking again will not help: a person must look."""


# ---------------------------------------------------------------------------------------------------------------------
# Shops and what arrives from them


@dataclass(frozen=True, slots=True)
class Shop:
    """One installed store. `credentials` never show in a repr; `address` is the base of its API, without a slash at the end.

    `external_id` is the platform's own name of the store: the myshopify domain, the store hash, the site's URL.
    `key` is the unguessable word in its webhook address. `settings` are the merchant's choices, by setting name.
    `merchant_id` is whose it is here; it never changes.
    """

    id: int
    key: str
    platform: str
    name: str
    external_id: str
    address: str
    credentials: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, object] = field(default_factory=dict)
    merchant_id: int = 1


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
    CANCELLED = "cancelled"  # the whole order is not to be served: without lines, before anything has left
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


# ---------------------------------------------------------------------------------------------------------------------
# What a shop sells, and the stock it shows

# In place of a location's id: the shop as a whole, where a platform keeps one quantity of an article and no locations.
WHOLE_SHOP = "*"


@dataclass(frozen=True, slots=True)
class CataloguePage:
    """One page of a shop's variants; `next` continues, "" ends."""

    variants: tuple[Variant, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a shop keeps one quantity: a stock unit at one of its locations (WHOLE_SHOP where it has none)."""

    unit_id: str
    location: str


@dataclass(frozen=True, slots=True)
class Level:
    """What a shop shows at a spot. `quantity` is None where it keeps no stock of the unit there; `obstacle` says why
    nothing can be written there. `held_back` are units the platform keeps from sale by itself."""

    quantity: int | None
    obstacle: str = ""
    held_back: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Make a shop show `quantity` at a spot where it showed `seen` when it was last read."""

    spot: Spot
    quantity: int
    seen: int | None
    held_back: int = 0


class Written(enum.StrEnum):
    """How one change of a push ended."""

    DONE = "done"
    STALE = "stale"  # the shop's quantity had moved since it was read: read again
    SKIPPED = "skipped"  # not tried, because of another one in the push
    REFUSED = "refused"  # this one can never succeed as things stand; the reason says why


@dataclass(frozen=True, slots=True)
class Goods:
    """A shop's catalogue and stock as functions. All take a Shop, call over HTTP and raise the four call errors.

    located: it keeps a quantity for each of its locations; False: one quantity (WHOLE_SHOP).
    most: so many changes go into one push.
    settles_seconds: how long after a write the shop may still show the old quantity.
    repeatable: the same push with the same key has its effect once, so one whose answer was lost is sent again.
    variants: the catalogue, page by page; cursor "" for the first.
    obstacle: why no quantity may be published to this shop now, with the remedy; "" where nothing stands against it.
    levels: what it shows at these spots now; a spot it does not know is left out.
    publish: write the changes under this key; spot -> how it ended and why. Refused for the whole push: none was written.
    """

    located: bool
    most: int
    settles_seconds: float
    repeatable: bool
    variants: Callable[[Shop, str], CataloguePage]
    obstacle: Callable[[Shop], str]
    levels: Callable[[Shop, Sequence[Spot]], Mapping[Spot, Level]]
    publish: Callable[[Shop, str, Sequence[Change]], Mapping[Spot, tuple[Written, str]]]


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of whole orders by time of placing. `next` continues, "" ends.

    `left_out` are (order id, reason) of rows that are no orders of ours (drafts, abandoned checkouts); `unreadable` are
    (order id, reason) of orders that make no sense. With `wait_seconds` the platform is still preparing the list: nothing
    else is in the page, and `next` is to be asked for after that time.
    """

    orders: tuple[Order, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    next: str = ""
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a webhook subscription we need: `problem` is "missing", "disabled", "elsewhere" or "version"."""

    topic: str
    problem: str
    detail: str = ""


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
    list_orders: whole orders placed at or after `since` and before `until`, page by page; `cursor` "" for the first page.
    count_orders: how many rows `list_orders` of that window will show by the platform's own count; None where it keeps none.
    flaws: what is wrong with our webhook subscriptions at this address; empty where all is well.
    locations: the store's places.
    announce: read the remote state; already so? done; write; say what was done.
    room: whether one more announcement may begin beside so many that are under way; usually one at a time.
    install: how a merchant installs the connector as an app (see `installing`), None where there is no such way.
    refresh: exchange the shop's refresh token for new credentials (those to change, with `token_expires_at` in ISO 8601);
        AuthLost where the platform will not. None where tokens do not expire.
    choices: what the shop itself allows for the setting of this name; empty where it does not say.
    cancels: whether it can be told to cancel an order; where not, the merchant does so in its admin.
    goods: the catalogue and the stock; None where the platform lets us at neither.
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
    list_orders: Callable[[Shop, datetime, datetime, str], OrderPage]
    count_orders: Callable[[Shop, datetime, datetime], int | None]
    flaws: Callable[[Shop, str], tuple[Flaw, ...]]
    locations: Callable[[Shop], tuple[RemoteLocation, ...]]
    announce: Callable[[Shop, Announcement], Outcome]
    room: Callable[[Shop, int], bool] = lambda shop, underway: underway == 0
    install: Installing | None = None
    refresh: Callable[[Shop], Mapping[str, str]] | None = None
    choices: Callable[[Shop, str], Sequence[str]] = lambda shop, name: ()
    cancels: bool = False
    goods: Goods | None = None
