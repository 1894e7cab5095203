"""The only outbound HTTP there is: bounded in time and size, no redirects, no proxies, no private addresses.

Every failure leaves here as one of the four call errors, so that no caller ever catches a library's exception.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
import tenacity
import urllib3

from connector.domain.errors import Rejected
from connector.platform import (
    Announcement,
    AuthLost,
    CallError,
    Outcome,
    Platform,
    Refused,
    Retryable,
    Shop,
    Throttled,
    TimedOut,
)
from platforms.connections import Forbidden, ended_in, guarded_pools
from platforms.pace import Pace

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 8.0
_TOTAL_SECONDS = 10.0
# All calls of one telling together. With the last call's own overrun (a connection, a read) it ends before the lease of its
# outbox row does, so that no row is ever told by two workers at once.
TELLING_SECONDS = 25.0
_LARGEST_ANSWER_BYTES = 5 * 1024 * 1024
_USER_AGENT = "order-connector/1 (+orders, stock and fulfillment for shops)"


_until: ContextVar[float] = ContextVar("until", default=float("inf"))  # time.monotonic() at which a telling must end


def bounded(platform: Platform, seconds: float = TELLING_SECONDS) -> Platform:
    """The platform, whose `announce` begins no call after so many seconds: then it is TimedOut, and tried again later."""

    def announce(shop: Shop, announcement: Announcement) -> Outcome:
        before = _until.set(time.monotonic() + seconds)
        try:
            return platform.announce(shop, announcement)
        finally:
            _until.reset(before)

    return replace(platform, announce=announce)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The decoded body; a body that is not JSON is a Retryable failure (maintenance pages, firewalls, notices)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Retryable(
                f"The shop answered {self.status} with something that is not JSON.",
                "If it lasts, look whether the shop shows a maintenance or firewall page.",
                effect_unknown=True,
            ) from None


# A read that fails at once is read again at once: a connection that had idled away, a server being restarted. This is the
# only place where anything is tried again within a call; all other tries are rows with a time (connector.domain.retry).
_READ_AGAIN_TIMES = 2
_READ_AGAIN_WITHIN_SECONDS = 1.0
_READ_AGAIN_WAIT_SECONDS = (0.05, 0.25)


class Http:
    """One pooled client for a process. Safe for threads: nothing of one call is visible to another.

    `private_allowed` is the development setting: it admits http, odd ports and private addresses. `pace` keeps the limits
    of the shops; the platforms' clients ask it and tell it what answers say.
    """

    def __init__(self, *, private_allowed: bool = False, total_seconds: float = _TOTAL_SECONDS, pace: Pace | None = None) -> None:
        self.private_allowed = private_allowed
        self.pace = pace or Pace()
        self._total_seconds = total_seconds
        self._session = requests.Session()
        self._session.trust_env = False
        for scheme in ("https://", "http://"):
            adapter = requests.adapters.HTTPAdapter(pool_connections=64, pool_maxsize=32, max_retries=0)
            adapter.poolmanager.pool_classes_by_scheme = guarded_pools(private_allowed)
            self._session.mount(scheme, adapter)

    def room(self, shop: Shop, underway: int, cost: float = 1.0) -> bool:
        """Whether a shop has room for one more telling beside those under way: the first may always begin, and wait for its
        turn; others only while a call of so many points waits for nothing, so that as many are under way as keep the pace."""
        return underway == 0 or self.pace.is_free(shop.address, cost)

    def check_address(self, url: str) -> str:
        """Return the base address of a shop without a slash at its end; Rejected says what is wrong with it."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            raise Rejected(f"{url[:80]!r} is not an address.", "Give it as https://shop.example.") from None
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise Rejected(f"{url[:80]!r} is not the address of a shop.", "Give it as https://shop.example.")
        if not self.private_allowed and (parts.scheme != "https" or port not in (None, 443)):
            raise Rejected(
                f"{url[:80]!r} is not https on port 443.",
                "Use the shop's https address; for a shop under development set ALLOW_PRIVATE_SHOPS=true.",
            )
        return url.strip().rstrip("/")

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | None = None,
        auth: Any = None,
        safe: bool | None = None,
    ) -> Answer:
        """One request, at most `total_seconds` long, whatever its status. Network failures are Retryable. The body is `json`,
        or `data` byte for byte.

        A write whose answer was lost carries `effect_unknown`: read before writing again. A `safe` request (GET and HEAD,
        unless it says otherwise) whose connection breaks at once is made again at once, within the same time.
        """
        try:
            self.check_address(url.partition("?")[0])
        except Rejected as error:
            raise Refused(error.message, error.remedy) from None
        seconds = min(self._total_seconds, _until.get() - time.monotonic())
        if seconds <= 0:
            raise TimedOut("The shop was too slow for all that was to be said.", "It is tried again by itself.")
        began = time.monotonic()
        said = {"User-Agent": _USER_AGENT, "Accept": "application/json", **(headers or {})}
        for attempt in _attempts(began, safe=method in ("GET", "HEAD") if safe is None else safe):
            with attempt:
                return self._once(method, url, began + seconds, headers=said, params=params, json=json, data=data, auth=auth)
        raise AssertionError("tenacity ends with an answer or an error")

    def _once(self, method: str, url: str, deadline: float, **sent: Any) -> Answer:
        left = max(0.001, deadline - time.monotonic())
        waits = (min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left))
        try:
            with (
                ended_in(left),
                self._session.request(method, url, **sent, allow_redirects=False, stream=True, timeout=waits) as answer,
            ):
                body = _read(answer, deadline)
                lowered = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status_code, lowered, body)
        except CallError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _as_call_error(error, method, late=time.monotonic() >= deadline) from error

    def call_ok(self, method: str, url: str, **options: Any) -> Answer:
        """As `call`, and any status but 2xx is raised as the call error it means."""
        answer = self.call(method, url, **options)
        if not 200 <= answer.status < 300:
            raise by_status(answer)
        return answer


def _attempts(began: float, *, safe: bool) -> tenacity.Retrying:
    def at_once(state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        broken = isinstance(error, Retryable) and isinstance(error.__cause__, requests.ConnectionError | ConnectionError)
        return safe and broken and time.monotonic() - began < _READ_AGAIN_WITHIN_SECONDS

    return tenacity.Retrying(
        retry=at_once,
        stop=tenacity.stop_after_attempt(_READ_AGAIN_TIMES),
        wait=tenacity.wait_random(*_READ_AGAIN_WAIT_SECONDS),
        reraise=True,
    )


def _read(answer: requests.Response, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := answer.raw.read1(65536, decode_content=True):
        size += len(chunk)
        if size > _LARGEST_ANSWER_BYTES:
            raise Refused(f"The shop's answer is over {_LARGEST_ANSWER_BYTES // 2**20} MiB.", "Report it to the shop's host.")
        if time.monotonic() > deadline:
            raise TimedOut("The shop's answer came too slowly.", effect_unknown=True)
        chunks.append(chunk)
    if time.monotonic() > deadline:  # then the connection was ended by us, and what came may be a part
        raise TimedOut("The shop's answer came too slowly.", effect_unknown=True)
    if answer.raw.length_remaining:  # read1 does not tell an end from a broken connection
        raise Retryable("The shop's answer was cut off.", "It is tried again by itself.", effect_unknown=True)
    return b"".join(chunks)


def _as_call_error(error: Exception, method: str, *, late: bool) -> CallError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Forbidden):
            return Refused(f"{cause}: not called.", "A shop's address must be public; ALLOW_PRIVATE_SHOPS=true lifts this.")
        cause = cause.__cause__ or cause.__context__
    late = late or isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError))
    unsent = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)
    return (TimedOut if late else Retryable)(
        f"The shop did not answer ({type(error).__name__}).",
        "It is tried again by itself.",
        effect_unknown=not unsent and method not in ("GET", "HEAD"),
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, given as a number (Shopify sends a decimal one) or as a date (RFC 9110, 10.2.3); None where
    absent or unreadable, never negative."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        return _until_date(text)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until_date(text: str) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def by_status(answer: Answer) -> CallError:
    """The call error an HTTP status means on all three platforms; their own bodies are read before this."""
    said = answer.body[:200].decode("utf-8", "replace").replace("\r", " ").replace("\n", " ")
    message = f"The shop answered {answer.status}: {said}"
    wait = retry_after_seconds(answer.headers)
    if answer.status == 429:
        return Throttled("The shop asks us to slow down (429).", "It is tried again by itself.", retry_after_seconds=wait)
    if answer.status in (401, 403, 402, 423):
        return AuthLost(message, "Check the credentials and their permissions, then link the shop again.")
    if answer.status >= 500 or answer.status in (408, 425):
        return Retryable(message, "It is tried again by itself.", retry_after_seconds=wait, effect_unknown=True)
    return Refused(message, "Read the answer, correct the cause in the shop, then replay.")
