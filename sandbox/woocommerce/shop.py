"""The shop's own things: its clock and zone, its settings, its errors, and what every record shares."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from sandbox.store import Store

PREFIX = "/woocommerce"
PLATFORM = "woocommerce"
VERSION = "10.5.0"
WORDPRESS = "6.9.1"
NAME = "Marée Haute (WooCommerce)"
# The shop keeps local time five hours behind UTC, so that a connector that mixes the two up is found out at once.
ZONE = timedelta(hours=-5)

# Turned over HTTP (PUT /woocommerce/sandbox): what differs between real shops.
SETTINGS: dict[str, Any] = {
    "idle": False,  # background work runs only when the shop gets a request, as on a shop nobody visits
    "namespaces": [],  # of "wc-shipment-tracking/v3" and "wc-ast/v3": the tracking extensions that are active
    "statuses": {},  # statuses of the shop's own: slug -> name
    "owner_may_read": True,  # whether the user who made the webhooks may still read orders
}

Order = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")


class Refusal(Exception):
    """An error object as WooCommerce answers it."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.document = {"code": code, "message": message, "data": {"status": status, **more}}


@dataclass(frozen=True)
class Shop:
    """The store and a way to raise an event: (resource, event, id), such as ("order", "updated", 23)."""

    store: Store
    raise_event: Callable[[str, str, int], None]

    def setting(self, name: str) -> Any:
        """The value of one of SETTINGS."""
        return (self.store.get("woocommerce.setting", "shop") or {}).get(name, SETTINGS[name])

    def next_id(self, of: str = "post", first: int = 200) -> int:
        """The next id; orders, refunds and notes share one sequence, so an order's ids have gaps."""
        return self.store.next_id(f"woocommerce.{of}", first)


def alone(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function with the store to itself: all its changes or none. Its first argument is the shop."""

    @functools.wraps(function)
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        shop = args[0]
        assert isinstance(shop, Shop)  # noqa: S101
        with shop.store.together():
            return function(*args, **kwargs)

    return locked


def now() -> str:
    """The present second in UTC, as `*_gmt` fields have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def local(gmt: str | None) -> str | None:
    """A `*_gmt` value as the field without the suffix has it: the shop's local time, without an offset."""
    return (datetime.fromisoformat(gmt) + ZONE).isoformat() if gmt else None


def invalid(parameter: str, reason: str, status: int = 400) -> Refusal:
    """The error for a parameter the shop does not take."""
    details = {parameter: {"code": "rest_invalid_param", "message": reason, "data": None}}
    message = f"Invalid parameter(s): {parameter}"
    return Refusal(status, "rest_invalid_param", message, params={parameter: reason}, details=details)


def crash(what: str) -> Refusal:
    """What a fault in PHP looks like: a page within the message."""
    page = f"<p>There has been a critical error on this website.</p><p>{what}</p>"
    return Refusal(500, "internal_server_error", page, error={"type": 1, "message": f"<b>Uncaught</b> {what}"})
