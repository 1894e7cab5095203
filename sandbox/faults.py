"""Fault knobs per platform: what the sandbox does wrong on purpose, and how often."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import flask
from flask import Response

from connector.domain.errors import Malformed
from sandbox.store import Store

PLATFORMS = ("shopify", "woocommerce", "bigcommerce")


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob: its value at start, the largest one allowed (the smallest is 0) and what it does."""

    value: float
    most: float
    text: str


KNOBS: dict[str, Knob] = {
    "server_error": Knob(0.0, 1.0, "share of API calls answered with a server error, nothing done"),
    "throttle": Knob(0.0, 1.0, "share of API calls answered “too many requests”, nothing done"),
    "applied_then_error": Knob(0.0, 1.0, "share of API calls carried out, then answered with a server error"),
    "hang": Knob(0.0, 1.0, "share of API calls carried out, then answered only after hang_seconds"),
    "hang_seconds": Knob(12.0, 120.0, "how long a hanging answer takes"),
    "webhook_duplicate": Knob(0.0, 1.0, "share of webhooks sent twice"),
    "webhook_renamed": Knob(0.0, 1.0, "share of webhooks sent once more under another delivery id"),
    "webhook_reorder": Knob(0.0, 1.0, "share of webhooks held back, so that later ones overtake them"),
    "webhook_delay_seconds": Knob(0.0, 3600.0, "how long every webhook waits before it is sent"),
    "webhook_drop": Knob(0.0, 1.0, "share of webhooks never sent"),
    "retry_scale": Knob(
        1.0,
        10.0,
        "factor on the platform's own waits (between attempts, and where it blocks a receiver); 0.01 makes hours minutes",
    ),
    "limit_scale": Knob(1.0, 100.0, "factor on the calls the platform allows; 10 makes of Shopify's standard plan a Plus store"),
    "seed": Knob(1.0, 2.0**31, "start of the random numbers that decide; setting it starts them anew"),
}
CALL_FAULTS = ("server_error", "throttle", "applied_then_error", "hang")


class Knobs:
    """The knobs of the three platforms and the random numbers that decide. Safe for threads; durable with a store."""

    def __init__(self, store: Store | None = None) -> None:
        self.stopping = threading.Event()  # ends hanging answers when the sandbox stops
        self._lock = threading.Lock()
        self._store = store
        self._values = {platform: self._initial(platform) for platform in PLATFORMS}
        self._random = {platform: random.Random(values["seed"]) for platform, values in self._values.items()}  # noqa: S311

    def get(self, platform: str) -> Mapping[str, float]:
        """The platform's knobs, by name."""
        with self._lock:
            return dict(self._values[platform])

    def set(self, platform: str, wanted: Mapping[str, object]) -> Mapping[str, float]:
        """Turn some knobs; the others stay. Malformed for an unknown name or an impossible value: then none is turned."""
        checked = {name: _checked(name, value) for name, value in wanted.items()}
        with self._lock:
            values = {**self._values[platform], **checked}
            if sum(values[name] for name in CALL_FAULTS) > 1:
                raise Malformed(f"{', '.join(CALL_FAULTS)} together are over 1.", "They share the API calls: lower one.")
            if self._store is not None:
                self._store.put("sandbox.knobs", platform, values)
            self._values[platform] = values
            if "seed" in checked:
                self._random[platform] = random.Random(values["seed"])  # noqa: S311
            return dict(values)

    def draw(self, platform: str) -> float:
        """The platform's next random number in [0, 1)."""
        with self._lock:
            return self._random[platform].random()

    def happens(self, platform: str, knob: str) -> bool:
        """Whether the thing the knob gives the share of happens this time."""
        share = self.get(platform)[knob]
        return share > 0 and self.draw(platform) < share

    def call_fault(self, platform: str) -> str:
        """What goes wrong with the next API call: the name of a knob, or "" for nothing."""
        values = self.get(platform)
        rest = self.draw(platform)
        for name in CALL_FAULTS:
            if rest < values[name]:
                return name
            rest -= values[name]
        return ""

    def _initial(self, platform: str) -> dict[str, float]:
        kept = self._store.get("sandbox.knobs", platform) if self._store is not None else None
        return {name: (kept or {}).get(name, knob.value) for name, knob in KNOBS.items()}


def _checked(name: str, value: object) -> float:
    knob = KNOBS.get(name)
    if knob is None:
        raise Malformed(f"There is no knob {name[:40]!r}.", f"The knobs are {', '.join(KNOBS)}.")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= knob.most:
        raise Malformed(f"{name} cannot be {str(value)[:40]!r}.", f"Give a number from 0 to {knob.most:g}.")
    return float(value)


def guard(
    blueprint: flask.Blueprint,
    platform: str,
    knobs: Knobs,
    *,
    throttled: Callable[[], Response],
    broken: Callable[[], Response],
) -> None:
    """Let every request of the blueprint meet at most one fault, drawn by the platform's knobs.

    `throttled` and `broken` give the platform's own answers for "too many requests" and "server error".
    """

    @blueprint.before_request
    def instead() -> Response | None:
        fault = flask.g.sandbox_fault = knobs.call_fault(platform)
        refuse = {"server_error": broken, "throttle": throttled}.get(fault)
        return refuse() if refuse else None

    @blueprint.after_request
    def afterwards(response: Response) -> Response:
        fault = flask.g.get("sandbox_fault", "")
        if fault == "hang":
            knobs.stopping.wait(knobs.get(platform)["hang_seconds"])
        return broken() if fault == "applied_then_error" else response
