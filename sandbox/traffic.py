"""Orders that arrive by themselves: a steady, settable rate, the three shops in turn, the same orders every time.

What the n-th order of a shop is follows from n alone, so a run can be repeated. Of each shop's orders after a start the
first must be split over two places, the second is a pickup, the third a plain delivery.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Mapping, Sequence

from connector.domain.errors import Malformed, Rejected
from sandbox.catalogue import DEPOT, ITEMS, STOCK, VIEUX_PORT, only_at
from sandbox.customers import ODD_NAME, ODD_NOTE, invented
from sandbox.sending import Sender
from sandbox.shopfront import DELIVERY, EXTRAS, PICKUP, Shopfront, Wanted
from sandbox.wanted import PICKUP_PLACES

logger = logging.getLogger(__name__)

MOST_ORDERS_PER_MINUTE = 6000.0
MOST_WAITING = 500  # webhooks; above it no order is placed, so that a receiver that is away finds no mountain
MOST_PLACED = 50_000  # orders of one run: nearly three days at 12 a minute; all of them are kept in memory

# Every so many orders of a shop, beginning with which (an awkward one is never a pickup, so pickups are exactly every 4th).
_SPLIT_EVERY, _SPLIT_FIRST = 6, 0
_PICKUP_EVERY, _PICKUP_FIRST = 4, 1
_UNPAID_EVERY, _UNPAID_FIRST = 7, 3
_AWKWARD_EVERY, _AWKWARD_FIRST = 10, 8

_EVERYWHERE = tuple(item.sku for item in ITEMS if all(STOCK[item.sku, place.code] for place in PICKUP_PLACES))
_NOTES = ("", "", "", "Merci d’emballer pour offrir.", "Code d’entrée 13B7.")


def nth_order(platform: str, number: int) -> Wanted:
    """The order a shop gets as its `number`-th (from 0) of this run."""
    rnd = random.Random(f"{platform} {number}")  # noqa: S311
    if number % _AWKWARD_EVERY == _AWKWARD_FIRST:
        return _awkward(rnd, EXTRAS[number // _AWKWARD_EVERY % len(EXTRAS)])
    paid = number % _UNPAID_EVERY != _UNPAID_FIRST
    lines = _basket(rnd)
    if number % _PICKUP_EVERY == _PICKUP_FIRST:
        place = PICKUP_PLACES[number // _PICKUP_EVERY % len(PICKUP_PLACES)]
        return Wanted(lines, PICKUP, place.code, paid, invented(rnd), rnd.choice(_NOTES))
    if number % _SPLIT_EVERY == _SPLIT_FIRST:
        lines = ((rnd.choice(only_at(VIEUX_PORT)), 1), (rnd.choice(only_at(DEPOT)), 1), *lines[:2])
    return Wanted(lines, DELIVERY, "", paid, invented(rnd), rnd.choice(_NOTES))


def _basket(rnd: random.Random) -> tuple[tuple[str, int], ...]:
    """1 to 4 different articles that lie in both shops, mostly one of each."""
    skus = rnd.sample(_EVERYWHERE, rnd.choice((1, 1, 2, 2, 3, 4)))
    return tuple((sku, rnd.choice((1, 1, 1, 2))) for sku in skus)


def _awkward(rnd: random.Random, extra: str) -> Wanted:
    customer = invented(rnd)
    note = ""
    if extra == "odd_characters":
        customer["name"], note = ODD_NAME, ODD_NOTE
    return Wanted(_basket(rnd), DELIVERY, "", True, customer, note, (extra,))


class Traffic:
    """Places the orders in a thread of its own. Rate 0 places none."""

    def __init__(self, shopfronts: Mapping[str, Shopfront], sender: Sender, orders_per_minute: float = 0) -> None:
        self._shopfronts: Sequence[Shopfront] = tuple(shopfronts.values())
        self._sender = sender
        self._wake = threading.Condition()
        self._rate = _checked(orders_per_minute)
        self._stopping = False
        self._turns = 0
        self._placed = 0
        self._refused = 0
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin; the first order comes after one interval."""
        self._thread.start()

    def stop(self) -> None:
        """End; an order being placed is still placed."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def set_rate(self, orders_per_minute: object) -> None:
        """Change the rate at once; Malformed names the bounds."""
        with self._wake:
            self._rate = _checked(orders_per_minute)
            self._wake.notify_all()

    def shown(self) -> dict[str, object]:
        """The rate, how many orders were placed or refused by their shop since the start, and whether a bound holds it up."""
        return {
            "orders_per_minute": self._rate,
            "placed": self._placed,
            "refused": self._refused,
            "held_up": self._held_up(),
        }

    def _held_up(self) -> bool:
        return self._rate > 0 and (self._sender.waiting() >= MOST_WAITING or self._placed >= MOST_PLACED)

    def _run(self) -> None:
        last = time.monotonic()
        while (last := self._wait(last)) > 0:
            if not self._held_up():
                self._place_next()

    def _wait(self, last: float) -> float:
        """Wait for the next order's time and return it; 0 when stopping. Time missed is not made up for by a burst."""
        with self._wake:
            while not self._stopping:
                now = time.monotonic()
                due = max(last + 60 / self._rate, now - 1.0) if self._rate else None
                if due is not None and due <= now:
                    return due
                self._wake.wait(None if due is None else due - now)
        return 0.0

    def _place_next(self) -> None:
        number, turn = divmod(self._turns, len(self._shopfronts))
        shopfront = self._shopfronts[turn]
        self._turns += 1
        try:
            shopfront.place(nth_order(shopfront.platform, number))
            self._placed += 1
        except Rejected as error:
            self._refused += 1
            logger.info("%s refused an order: %s", shopfront.title, error)
        except Exception:  # a fault in one shop must not end the traffic of all
            self._refused += 1
            logger.exception("An order could not be placed in %s.", shopfront.title)


def _checked(rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= MOST_ORDERS_PER_MINUTE:
        raise Malformed(
            f"The traffic cannot be {str(rate)[:40]!r}.", f"Give orders_per_minute from 0 to {MOST_ORDERS_PER_MINUTE:g}."
        )
    return float(rate)
