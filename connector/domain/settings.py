"""A merchant's choices for a shop: every setting there is, its default, what may be chosen and what it means."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.domain.errors import Rejected
from connector.domain.needs import DEFAULT_ROUTING
from connector.domain.routing import SORTERS, TAKERS

_MOST_BUFFER = 1_000_000
_LONGEST_TEXT = 2_000


class Kind(enum.StrEnum):
    """What a setting's value is."""

    YES_NO = "yes or no"
    CHOICE = "one of"
    WHOLE = "a whole number"
    TEXT = "text"
    NAMES = "names, divided by commas"
    PLACES = "method=place pairs, divided by commas"


@dataclass(frozen=True, slots=True)
class Setting:
    """`meaning` is one English sentence. `platforms` are those that know it; empty: all."""

    name: str
    kind: Kind
    default: Any
    meaning: str
    allowed: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()

    def parse(self, text: str) -> Any:
        """The value somebody typed; Rejected says what may be chosen."""
        try:
            return _PARSERS[self.kind](self, text.strip())
        except ValueError:
            raise Rejected(f"{self.name} cannot be {text[:60]!r}.", f"It is {self.choices()}.") from None

    def choices(self) -> str:
        """What may be chosen, in words."""
        some = "one of" if self.kind is Kind.CHOICE else "some of, each once,"
        return f"{some} {', '.join(name or 'nothing' for name in self.allowed)}" if self.allowed else self.kind.value


_YES_NO = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def _yes_no(_: Setting, text: str) -> bool:
    if text.lower() not in _YES_NO:
        raise ValueError
    return _YES_NO[text.lower()]


def _choice(setting: Setting, text: str) -> str:
    if text not in setting.allowed:
        raise ValueError
    return text


def _whole(_: Setting, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= _MOST_BUFFER):
        raise ValueError
    return int(text)


def _text(_: Setting, text: str) -> str:
    if len(text) > _LONGEST_TEXT or "\x00" in text:
        raise ValueError
    return text


def _names(setting: Setting, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if setting.allowed and (len(set(names)) < len(names) or not set(names) <= set(setting.allowed)):
        raise ValueError
    return names


def _places(_: Setting, text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(method.strip() and equals and place.strip() for method, equals, place in pairs):
        raise ValueError
    return {method.strip(): place.strip() for method, _, place in pairs}


_PARSERS: Mapping[Kind, Callable[[Setting, str], Any]] = {
    Kind.YES_NO: _yes_no,
    Kind.CHOICE: _choice,
    Kind.WHOLE: _whole,
    Kind.TEXT: _text,
    Kind.NAMES: _names,
    Kind.PLACES: _places,
}

_TYPES: Mapping[Kind, tuple[type, ...]] = {
    Kind.YES_NO: (bool,),
    Kind.CHOICE: (str,),
    Kind.WHOLE: (int,),
    Kind.TEXT: (str,),
    Kind.NAMES: (list, tuple),
    Kind.PLACES: (Mapping,),
}

_STATUS = "The WooCommerce status an order gets when it is {0}; empty: {1}."
_WOO, _SHOPIFY, _BIG = ("woocommerce",), ("shopify",), ("bigcommerce",)

SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "report_parts",
            Kind.CHOICE,
            "whole",
            "Whether the platform is told once every part of an order has left (whole), or part by part (each).",
            ("whole", "each"),
        ),
        Setting(
            "commit_when",
            Kind.CHOICE,
            "placed",
            "When an order's goods are set aside for it: as soon as it is here (placed), or once it is paid in full (paid); "
            "until then others can buy them.",
            ("placed", "paid"),
        ),
        Setting("pay_first", Kind.YES_NO, False, "Whether nobody may begin to prepare an order before it is paid in full."),
        Setting(
            "accept_authorized", Kind.YES_NO, False, "Whether a payment that is authorized and not yet captured counts as paid."
        ),
        Setting(
            "routing",
            Kind.NAMES,
            list(DEFAULT_ROUTING),
            "How locations are chosen: which comes first (priority, nearest, least_loaded), and who serves, tried in this order.",
            (*SORTERS, *TAKERS),
        ),
        Setting(
            "oversell",
            Kind.CHOICE,
            "backorder",
            "Whether what nobody has waits (backorder), or is promised below zero (negative).",
            ("backorder", "negative"),
        ),
        Setting("hold_tags", Kind.NAMES, [], "Orders with one of these tags keep their stock and are not packed."),
        Setting(
            "language",
            Kind.CHOICE,
            "page",
            "What the shop's customers read on paper: a language, or that of the page it is printed from (page).",
            ("page", "en", "fr"),
        ),
        Setting("publish_stock", Kind.YES_NO, False, "Whether the shop is kept showing what is available here."),
        Setting("stock_buffer", Kind.WHOLE, 0, "Units kept back from every quantity that is published to the shop."),
        Setting(
            "language",
            Kind.CHOICE,
            "",
            "The language of slips and receipts; empty: that of the page they are printed from.",
            ("", "en", "fr"),
        ),
        Setting(
            "move_fulfillment_orders",
            Kind.YES_NO,
            True,
            "Whether Shopify's fulfillment orders are moved to the location that fulfills.",
            (),
            _SHOPIFY,
        ),
        Setting(
            "notify_customer",
            Kind.YES_NO,
            True,
            "Whether Shopify writes to the customer when an order is shipped, or cancelled from here.",
            (),
            _SHOPIFY,
        ),
        Setting(
            "report_progress", Kind.YES_NO, False, "Whether Shopify shows an order as in progress once packed.", (), _SHOPIFY
        ),
        Setting("status_packed", Kind.TEXT, "", _STATUS.format("packed", "none"), (), _WOO),
        Setting("status_ready", Kind.TEXT, "", _STATUS.format("ready for pickup", "none"), (), _WOO),
        Setting("status_shipped", Kind.TEXT, "", _STATUS.format("shipped", "completed"), (), _WOO),
        Setting("status_picked_up", Kind.TEXT, "", _STATUS.format("picked up", "completed"), (), _WOO),
        Setting(
            "ready_notice",
            Kind.TEXT,
            "Your order {number} is ready for pickup at {location}.",
            "What WooCommerce customers are told when an order is ready; {number} and {location} are filled in.",
            (),
            _WOO,
        ),
        Setting(
            "pickup_methods",
            Kind.PLACES,
            {},
            "WooCommerce shipping methods (id, or id:instance) that are pickups, and the name of the place of each.",
            (),
            _WOO,
        ),
        Setting(
            "pickup_rate_names",
            Kind.NAMES,
            ["Pickup in Store"],
            "BigCommerce shipping rates that are pickups.",
            (),
            _BIG,
        ),
        Setting(
            "require_signature", Kind.YES_NO, False, "Whether BigCommerce webhooks without a signature are refused.", (), _BIG
        ),
    )
}


def value(settings: Mapping[str, Any], name: str) -> Any:
    """What the merchant chose; the default where nothing was chosen, or something that is no such value."""
    setting = SETTINGS[name]
    chosen = settings.get(name, setting.default)
    return chosen if isinstance(chosen, _TYPES[setting.kind]) else setting.default


def known(platform: str) -> list[Setting]:
    """The settings a shop of this platform has."""
    return [setting for setting in SETTINGS.values() if not setting.platforms or platform in setting.platforms]


def parsed(platform: str, name: str, text: str) -> Any:
    """The value typed for a setting of this platform's shop; Rejected where there is no such setting or value."""
    found = next((setting for setting in known(platform) if setting.name == name), None)
    if found is None:
        names = ", ".join(setting.name for setting in known(platform))
        raise Rejected(f"There is no setting {name[:60]!r} for this shop.", f"There are {names}.")
    return found.parse(text)


def pickup_places(platform: str, settings: Mapping[str, Any]) -> list[str]:
    """The names under which a shop's customers collect, as far as its settings name them."""
    names = [value(settings, setting.name) for setting in known(platform) if _names_places(setting)]
    return sorted({str(name) for some in names for name in (some.values() if isinstance(some, Mapping) else some)})


def _names_places(setting: Setting) -> bool:
    """Names that are not chosen from a list of ours are those of places."""
    return setting.kind in (Kind.NAMES, Kind.PLACES) and not setting.allowed
