"""The only outbound HTTP there is: bounded in time and size, no redirects, no proxies, no private addresses.

Every failure leaves here as one of the four call errors, so that no caller ever catches a library's exception.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3
from urllib3.util import connection as urllib3_connection

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
from platforms.pace import Pace

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 8.0
_TOTAL_SECONDS = 10.0
# All calls of one telling together. With the last call's own overrun (a connection, a read) it ends before the lease of its
# outbox row does, so that no row is ever told by two workers at once.
TELLING_SECONDS = 25.0
_LARGEST_ANSWER_BYTES = 5 * 1024 * 1024
_USER_AGENT = "order-connector/1 (+orders, stock and fulfillment for shops)"

# ipaddress.is_global lets these through, although they lead to somebody's private network (RFC 6052, RFC 3056).
_TUNNELS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))


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


class _Forbidden(OSError):
    """The host's address is not one we may call."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet: not private, shared, multicast, NAT64 or 6to4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _TUNNELS):
            return False
    return ip.is_global and not ip.is_multicast


def _connect(connection: Any, *, private_allowed: bool) -> socket.socket:
    """Resolve once, check, and connect to exactly the address that was checked (a second look-up could differ)."""
    host = connection._dns_host
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise urllib3.exceptions.NameResolutionError(host, connection, error) from error  # type: ignore[arg-type]
    address = str(found[0][4][0])
    if not private_allowed and not all(is_public(str(entry[4][0])) for entry in found):
        raise _Forbidden(f"{host} is not a public address")
    try:
        return urllib3_connection.create_connection(
            (address, connection.port), connection.timeout, socket_options=connection.socket_options
        )
    except TimeoutError as error:
        raise urllib3.exceptions.ConnectTimeoutError(connection, f"no connection to {host}") from error
    except OSError as error:
        raise urllib3.exceptions.NewConnectionError(connection, f"no connection to {host}: {error}") from error


def _guarded_pools(private_allowed: bool) -> dict[str, Any]:
    class Plain(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, private_allowed=private_allowed)

    class Secure(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, private_allowed=private_allowed)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


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
            adapter.poolmanager.pool_classes_by_scheme = _guarded_pools(private_allowed)
            self._session.mount(scheme, adapter)

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
        auth: Any = None,
    ) -> Answer:
        """One request, at most `total_seconds` long, whatever its status. Network failures are Retryable.

        A write whose answer was lost carries `effect_unknown`: read before writing again.
        """
        try:
            self.check_address(url.partition("?")[0])
        except Rejected as error:
            raise Refused(error.message, error.remedy) from None
        seconds = min(self._total_seconds, _until.get() - time.monotonic())
        if seconds <= 0:
            raise TimedOut("The shop was too slow for all that was to be said.", "It is tried again by itself.")
        deadline = time.monotonic() + seconds
        try:
            with self._session.request(
                method,
                url,
                headers={"User-Agent": _USER_AGENT, "Accept": "application/json", **(headers or {})},
                params=params,
                json=json,
                auth=auth,
                allow_redirects=False,
                stream=True,
                timeout=(min(_CONNECT_SECONDS, seconds), min(_READ_SECONDS, seconds)),
            ) as answer:
                body = _read(answer, deadline)
                lowered = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status_code, lowered, body)
        except CallError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _as_call_error(error, method) from error

    def call_ok(self, method: str, url: str, **options: Any) -> Answer:
        """As `call`, and any status but 2xx is raised as the call error it means."""
        answer = self.call(method, url, **options)
        if not 200 <= answer.status < 300:
            raise by_status(answer)
        return answer


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
    return b"".join(chunks)


def _as_call_error(error: Exception, method: str) -> CallError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _Forbidden):
            return Refused(f"{cause}: not called.", "A shop's address must be public; ALLOW_PRIVATE_SHOPS=true lifts this.")
        cause = cause.__cause__ or cause.__context__
    late = isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError))
    unsent = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)
    return (TimedOut if late else Retryable)(
        f"The shop did not answer ({type(error).__name__}).",
        "It is tried again by itself.",
        effect_unknown=not unsent and method not in ("GET", "HEAD"),
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds (Shopify sends a decimal number); None where absent or unreadable, never negative."""
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None


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
