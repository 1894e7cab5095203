"""Webhooks go out in the background, from a queue in the store: nothing is lost when the sandbox is stopped or killed.

Each platform has its own queue and its own sender threads, so a receiver that hangs for one does not delay another.
Order of arrival is not promised, as with the real platforms. What was being sent at a crash is sent again.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.faults import Knobs
from sandbox.store import Store

logger = logging.getLogger(__name__)

_SENDERS = 4
_TIMEOUT_SECONDS = 5.0
_STOP_SECONDS = 1.0
# Waits of a duplicate and of a webhook that is held back to be overtaken: from .. to, in seconds.
_DUPLICATE_AFTER_SECONDS = (0.0, 2.0)
_HELD_BACK_SECONDS = (0.5, 3.0)
# What Shopify and BigCommerce name a delivery by. WooCommerce names it by the second it leaves, so there it is new anyway.
_DELIVERY_IDS = ("webhook_id", "id")


@dataclass(frozen=True)
class Outgoing:
    """One webhook request: POST `body` with `headers` to `url`."""

    url: str
    headers: dict[str, str]
    body: bytes


class HeldBack(Exception):
    """Raised by a platform's `build`: the request is not made now; it counts as a failed attempt and is tried again."""


@dataclass
class _Lane:
    """A platform's way out: what it registered, and the due times of its queue (the entries are in the store)."""

    build: Callable[[dict[str, Any]], Outgoing | None]
    retry_seconds: tuple[float, ...]
    finished: Callable[[dict[str, Any], int], None]
    senders: int
    timeout_seconds: float
    wake: threading.Condition
    due: list[tuple[float, int]] = field(default_factory=list)  # a heap of (epoch seconds, number in the store)


class Sender:
    """Sends the webhooks of all platforms. Register every platform, then start."""

    def __init__(self, store: Store, knobs: Knobs) -> None:
        self._store = store
        self._knobs = knobs
        self._lanes: dict[str, _Lane] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def register(
        self,
        platform: str,
        build: Callable[[dict[str, Any]], Outgoing | None],
        retry_seconds: tuple[float, ...],
        finished: Callable[[dict[str, Any], int], None],
        *,
        senders: int = _SENDERS,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        """Say how a platform sends. What its queue held when the sandbox stopped is due again.

        `build` is called at each attempt and gives the request, or None to drop the entry. `retry_seconds` are the
        waits after the first, second, … failed attempt; after the last the entry is given up. `finished` is told the
        HTTP status of every attempt, 0 for no answer. `senders` is how many requests may be under way at a time.
        """
        lane = _Lane(build, retry_seconds, finished, senders, timeout_seconds, threading.Condition())
        lane.due = [(item["due"], item["number"]) for item in self._store.all(_kind(platform))]
        heapq.heapify(lane.due)
        self._lanes[platform] = lane

    def queue(self, platform: str, entry: dict[str, Any], *, delay_seconds: float = 0.0) -> None:
        """Send the entry after the delay. The platform's knobs may drop it, send it twice or hold it back."""
        knobs = self._knobs
        if knobs.happens(platform, "webhook_drop"):
            return
        wait = delay_seconds + knobs.get(platform)["webhook_delay_seconds"]
        if knobs.happens(platform, "webhook_reorder"):
            wait += self._between(platform, _HELD_BACK_SECONDS)
        self._add(platform, entry, wait)
        if knobs.happens(platform, "webhook_duplicate"):
            self._add(platform, entry, wait + self._between(platform, _DUPLICATE_AFTER_SECONDS))
        if knobs.happens(platform, "webhook_renamed"):
            self._add(platform, _renamed(entry), wait + self._between(platform, _DUPLICATE_AFTER_SECONDS))

    def start(self) -> None:
        """Start the sender threads of all registered platforms."""
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._send_all, args=(platform, lane), name=f"send-{platform}-{number}", daemon=True)
            for platform, lane in self._lanes.items()
            for number in range(lane.senders)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop within about a second. A request still under way then is left alone, and made again after the next start."""
        self._stopping.set()
        for lane in self._lanes.values():
            with lane.wake:
                lane.wake.notify_all()
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def waiting(self) -> int:
        """How many webhooks are queued, under way or waiting for another attempt."""
        return sum(self._store.count(_kind(platform)) for platform in self._lanes)

    def scaled(self, platform: str, seconds: float) -> float:
        """A wait of the platform's own, as its knob `retry_scale` makes it."""
        return seconds * self._knobs.get(platform)["retry_scale"]

    def _between(self, platform: str, seconds: tuple[float, float]) -> float:
        least, most = seconds
        return least + (most - least) * self._knobs.draw(platform)

    def _add(self, platform: str, entry: dict[str, Any], wait_seconds: float) -> None:
        number = self._store.next_id("sandbox.webhook")
        self._plan(platform, {"number": number, "entry": entry, "failures": 0}, wait_seconds)

    def _plan(self, platform: str, item: dict[str, Any], wait_seconds: float) -> None:
        lane = self._lanes[platform]
        item["due"] = time.time() + wait_seconds
        self._store.put(_kind(platform), str(item["number"]), item)
        with lane.wake:
            heapq.heappush(lane.due, (item["due"], item["number"]))
            lane.wake.notify()

    def _send_all(self, platform: str, lane: _Lane) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (number := self._next(lane)) is not None:
                item = self._store.get(_kind(platform), str(number))
                if item is not None:
                    self._send(platform, lane, session, item)

    def _next(self, lane: _Lane) -> int | None:
        """Wait for the next due entry; None when stopping."""
        with lane.wake:
            while not self._stopping.is_set():
                wait = lane.due[0][0] - time.time() if lane.due else None
                if wait is not None and wait <= 0:
                    _, number = heapq.heappop(lane.due)
                    lane.wake.notify()  # somebody else must now wait for the next one
                    return number
                lane.wake.wait(wait)
        return None

    def _send(self, platform: str, lane: _Lane, session: requests.Session, item: dict[str, Any]) -> None:
        try:
            outgoing = lane.build(item["entry"])
            status = _attempt(session, outgoing, lane.timeout_seconds) if outgoing else None
            if self._stopping.is_set():
                return
            if outgoing and status is not None:
                lane.finished(item["entry"], status)
        except HeldBack:
            status = 0
        except Exception:  # a fault in one platform's code must not end its sender thread; it counts as a failed attempt
            logger.exception("A webhook of %s could not be made.", platform)
            status = 0
        self._settle(platform, lane, item, status)

    def _settle(self, platform: str, lane: _Lane, item: dict[str, Any], status: int | None) -> None:
        """Done, given up, or planned again after the platform's own wait."""
        failures = item["failures"]
        delivered = status is None or 200 <= status < 300
        if delivered or failures >= len(lane.retry_seconds):
            self._store.delete(_kind(platform), str(item["number"]))
            return
        self._plan(platform, {**item, "failures": failures + 1}, self.scaled(platform, lane.retry_seconds[failures]))


def _renamed(entry: dict[str, Any]) -> dict[str, Any]:
    """The same message under another delivery id."""
    return {name: uuid.uuid4().hex if name in _DELIVERY_IDS else value for name, value in entry.items()}


def _kind(platform: str) -> str:
    return f"{platform}.sending"


def _attempt(session: requests.Session, outgoing: Outgoing, timeout_seconds: float) -> int:
    """The HTTP status of the receiver's answer, 0 for none. The answer's body is not read."""
    try:
        with session.post(
            outgoing.url,
            data=outgoing.body,
            headers=outgoing.headers,
            timeout=timeout_seconds,
            allow_redirects=False,
            stream=True,
        ) as answer:
            return answer.status_code
    except (requests.RequestException, OSError, ValueError) as error:
        logger.info("No answer from a webhook receiver: %s", type(error).__name__)
        return 0
