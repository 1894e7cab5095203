"""The port of installing: what a request to one of a platform's install addresses means, as a value.

A platform names its addresses and reads what arrives there; the door does what the value says: keeps the consent's state,
asks the browser to go elsewhere, links the store, opens a page. So the rules of safety (a state counts once, in one browser,
for one store) are written once, and a platform is its own reading of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.domain.errors import ConnectorError, Malformed
from connector.platform import Shop


class Forged(ConnectorError):
    """A request does not prove where it comes from, or proves that it comes from elsewhere. Nothing is done."""


class NotOurs(ConnectorError):
    """The connector has not been registered as an app of this platform: its settings are missing."""


@dataclass(frozen=True, slots=True)
class App:
    """The connector as the platform knows it: what it was given when the app was registered there.

    `previous_secret` is still accepted while a secret is being rotated; new things are signed with `secret` only.
    `address` replaces the platform's own addresses, for a platform under test.
    """

    client_id: str = ""
    secret: str = field(default="", repr=False)
    previous_secret: str = field(default="", repr=False)
    address: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets a signature may be made with, the newest first; an empty one never counts."""
        return tuple(secret for secret in (self.secret, self.previous_secret) if secret)

    @property
    def known(self) -> bool:
        """Whether the app has been registered: without a secret any signature would be right."""
        return bool(self.client_id and self.secret)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to an install address. `query` keeps repeated names; `here` is the base of the platform's install
    addresses without a slash at its end."""

    method: str
    query: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    here: str
    now: datetime

    def one(self, name: str) -> str:
        """The value of a parameter, "" where it is absent; Malformed where it is given twice."""
        found = [value for key, value in self.query if key == name]
        if len(found) > 1:
            raise Malformed("The address holds a parameter twice.", "Begin the installation again.")
        return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class User:
    """Who acts on the platform's side: the platform's number of them, and whether the store is theirs."""

    external_id: str = ""
    owner: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a consent gave us: the store and the credentials to call it with."""

    external_id: str
    address: str
    credentials: Mapping[str, str] = field(repr=False)
    user: User = field(default_factory=User)


@dataclass(frozen=True, slots=True)
class Once:
    """A signed token that counts once: its own name, and when it could not be used any more anyway."""

    token_id: str
    issued_at: datetime
    expires_at: datetime


# ---------------------------------------------------------------------------------------------------------------------
# What a visit means


@dataclass(frozen=True, slots=True)
class Ask:
    """Send the browser to the platform for the merchant's consent; `url` is given the state the platform brings back.

    `anywhere` where the store may be any host there is: then a link from elsewhere leads nowhere without a word of it.
    """

    store: str
    url: Callable[[str], str]
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Consented:
    """The merchant consented, and the browser brings the proof. `grant` exchanges it by a call.

    `state` is what we sent along with `Ask`; None for a platform whose protocol has none: there the exchange, and the
    right to a store it proves, is all there is (BigCommerce's single-click apps).
    """

    store: str
    state: str | None
    grant: Callable[[], Grant] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deposited:
    """The store's server brings keys for the consent named by `state`, ahead of the browser. Unproved as yet."""

    state: str
    options: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """The browser is back from a consent whose keys came by themselves; `refused` where the merchant said no."""

    state: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A user opens the connector within the platform's admin. `grant` links a store that is not linked yet, where the
    platform allows it from here."""

    store: str
    user: User
    once: Once | None = None
    grant: Callable[[], Grant] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Left:
    """The merchant removed the app."""

    store: str
    once: Once


@dataclass(frozen=True, slots=True)
class UserLeft:
    """A user of the store may no longer open the connector."""

    store: str
    user: User
    once: Once


Step = Ask | Consented | Deposited | Returned | Opened | Left | UserLeft


def framed_by_nobody(store: str) -> tuple[str, ...]:
    """For a platform that shows no page of ours within its own."""
    return ()


def no_traits(shop: Shop) -> Mapping[str, object]:
    """For a platform none of whose settings we depend on."""
    return {}


@dataclass(frozen=True, slots=True)
class Bridge:
    """The script of a platform's own that stands in our framed page and gives it a signed proof of who uses it.

    script: address of the script. token: the function's name within the page ("shopify.idToken"); it takes nothing and gives
    a promise of a token. meta: what the script wants to read in the page's head.
    read: such a token -> the store and the user; raises Forged for anything unsound.
    """

    script: str
    token: str
    meta: Mapping[str, str]
    read: Callable[[str], tuple[str, User]]


@dataclass(frozen=True, slots=True)
class Installing:
    """How a merchant installs the connector on a platform.

    acts: word of the address -> what a visit to it means. Raises Forged, Malformed, Rejected, NotOurs or a call error.
    asks: what a merchant types on our own page to begin there (name -> help); empty where one begins on the platform only.
    keys: what a merchant may type instead of consenting (`open_shop` takes it); empty where there is no such way.
    framed_by: origins that may show our page of a store in a frame.
    bridge: the platform's script for framed pages; None where the platform has none, and we sign for ourselves who is there.
    traits: the settings of the store that our work depends on, by name, for the shop's own settings.
    privacy: (headers, body) of a request about personal data -> what it asks; raises Forged. None where there are none.
    """

    acts: Mapping[str, Callable[[Visit], Step]]
    asks: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    framed_by: Callable[[str], tuple[str, ...]] = framed_by_nobody
    bridge: Bridge | None = None
    traits: Callable[[Shop], Mapping[str, object]] = no_traits
    privacy: Callable[[Mapping[str, str], bytes], PrivacyRequest] | None = None


# ---------------------------------------------------------------------------------------------------------------------
# Requests about personal data


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as the platform names them in a request; every field may be empty."""

    external_id: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """What a store asks about personal data. `topic` is one of TOPICS; `order_ids` are the platform's, as orders carry them."""

    topic: str
    store: str
    dedup_key: str
    person: Person = field(default_factory=Person, repr=False)
    order_ids: tuple[str, ...] = ()


EXPORT, REDACT, REDACT_SHOP = "customers/data_request", "customers/redact", "shop/redact"
TOPICS = (EXPORT, REDACT, REDACT_SHOP)
