"""Jobs: what the API promises at once and carries out a moment later. They outlast a restart of the sandbox."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

from connector.domain.errors import ConnectorError
from sandbox.shopify.orders import gid
from sandbox.store import Store

_KIND = "shopify.job"
_FIRST = 7_700_000_000_001


class Jobs:
    """The shop's jobs, `seconds` long each. `act` carries one out; where it refuses, the job ends without an effect."""

    def __init__(self, store: Store, seconds: float, act: Callable[[Mapping[str, Any]], None]) -> None:
        self.seconds = seconds
        self.act = act
        self._store = store
        for job in self._waiting():
            self._later(job["number"])

    def begin(self, wanted: Mapping[str, Any]) -> int:
        """Promise it; the number of its job."""
        with self._store.together():
            number = self._store.next_id(_KIND, _FIRST)
            self._store.put(_KIND, str(number), {**wanted, "number": number, "done": False})
        self._later(number)
        return number

    def underway(self, order_id: int) -> bool:
        """Whether a job of the order has not ended yet."""
        return any(job["order"] == order_id for job in self._waiting())

    def view(self, number: int) -> dict[str, Any] | None:
        """A Job; None where there is none."""
        job = self._store.get(_KIND, str(number))
        return None if job is None else {"id": gid("Job", number), "done": job["done"]}

    def finish(self) -> None:
        """Carry out all that wait, now."""
        for job in self._waiting():
            self._carry_out(job["number"])

    def _waiting(self) -> list[dict[str, Any]]:
        return [job for job in self._store.all(_KIND) if not job["done"]]

    def _later(self, number: int) -> None:
        timer = threading.Timer(self.seconds, self._carry_out, (number,))
        timer.name, timer.daemon = f"job-{number}", True
        timer.start()

    def _carry_out(self, number: int) -> None:
        # OSError: the sandbox was stopped; it is carried out when it starts again.
        with contextlib.suppress(OSError), self._store.together():
            job = self._store.get(_KIND, str(number))
            if job is None or job["done"]:
                return
            with contextlib.suppress(ConnectorError):  # the order has changed since: the job ends, and the order says how
                self.act(job)
            self._store.put(_KIND, str(number), {**job, "done": True})
