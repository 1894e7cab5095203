"""Shops with their credentials opened, kept for a few seconds in each process, so that a delivery costs no look-up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from connector.platform import Platform, Shop

_KEEP_SECONDS = 5.0
_MOST_SHOPS = 2_000
_LOOKERS = 64  # so many shops are looked for at the same time, whatever the threads are


@dataclass(frozen=True, slots=True)
class Known:
    """A shop that was linked here; `uninstalled_at` is set once its merchant removed the app."""

    shop: Shop
    uninstalled_at: datetime | None = None


@dataclass(slots=True)
class Directory:
    """Looks shops up by the name their platform calls them by (address key or external id). Safe for threads.

    Only shops that exist are kept: a shop linked a moment ago is found at once, and made-up names take no memory. One thread
    at a time looks for a shop: at a busy one all threads find together that the time is over, and one answer serves them.
    """

    load: Callable[[Platform, str], Known | None]
    keep_seconds: float = _KEEP_SECONDS
    _kept: dict[tuple[str, str], tuple[float, Known]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looking: tuple[threading.Lock, ...] = field(default_factory=lambda: tuple(threading.Lock() for _ in range(_LOOKERS)))

    def find(self, platform: Platform, name: str, *, fresh: bool = False) -> Known | None:
        """The shop, at most `keep_seconds` old; `fresh` looks in the database whatever is kept."""
        if fresh:
            return self._load(platform, name)
        place = (platform.name, name)
        if (kept := self._in_time(place)) is not None:
            return kept
        with self._looking[hash(place) % _LOOKERS]:
            return self._in_time(place) or self._load(platform, name)

    def kept(self, platform: Platform, name: str) -> Known | None:
        """The shop where it is kept; asks nobody and never waits."""
        return self._in_time((platform.name, name))

    def _in_time(self, place: tuple[str, str]) -> Known | None:
        kept = self._kept.get(place)
        return kept[1] if kept is not None and kept[0] > time.monotonic() else None

    def _load(self, platform: Platform, name: str) -> Known | None:
        place, known = (platform.name, name), self.load(platform, name)
        with self._lock:
            self._kept.pop(place, None)
            if known is not None:
                self._make_room()
                self._kept[place] = (time.monotonic() + self.keep_seconds, known)
        return known

    def _make_room(self) -> None:
        while len(self._kept) >= _MOST_SHOPS:
            del self._kept[next(iter(self._kept))]
