"""Telling a merchant's own systems: claim by lease, send signed, record the attempt. No transaction is open over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from connector.db import event_views, events
from connector.db.event_views import EndpointRow
from connector.db.events import Send
from connector.db.sealed import Seal
from connector.domain.events import Reply, headers
from connector.domain.retry import USUAL, Patience, Retry, Trouble, next_try
from connector.flow.events import secrets_of
from connector.flow.ingest import Drained
from connector.platform import CallError, Refused, TimedOut

Post = Callable[[str, Mapping[str, str], bytes], Reply]

PAUSED_AFTER = timedelta(days=3)  # every try failed: longer than all tries of one message take
KEPT = timedelta(days=30)  # how long an ended message can be replayed
_PRUNED_AT_ONCE = 500
_GONE = 410  # Standard Webhooks: the receiver wants nothing any more
_SLOW = (408, 429, 503)
_MOST_DETAIL = 300


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one sending went: an answer, or a call that brought none."""

    milliseconds: int
    reply: Reply | None = None
    trouble: CallError | None = None

    @property
    def arrived(self) -> bool:
        return self.reply is not None and 200 <= self.reply.status < 300

    @property
    def status(self) -> int:
        return self.reply.status if self.reply else 0

    @property
    def detail(self) -> str:
        """What went wrong, in words; "" where nothing did."""
        if self.arrived:
            return ""
        if self.reply is not None:
            moved = " It moved: change the endpoint's address." if 300 <= self.status < 400 else ""
            return f"The endpoint answered {self.status}.{moved} {self.reply.said}".strip()[:_MOST_DETAIL]
        if isinstance(self.trouble, TimedOut):
            return "The endpoint did not answer in time."
        if isinstance(self.trouble, Refused):
            return f"Not sent: {self.trouble.message}"[:_MOST_DETAIL]
        cause = self.trouble.__cause__ if self.trouble else None
        return f"The endpoint could not be reached ({type(cause).__name__})."


def drain(
    engine: Engine,
    seal: Seal,
    endpoint_id: int,
    post: Post,
    now: Callable[[], datetime],
    rnd: Callable[[], float],
    *,
    limit: int = 50,
    seconds: float = 1.0,
    patience: Patience = USUAL,
) -> Drained:
    """Send up to `limit` due messages of one endpoint, one after the other, for about so many seconds."""
    lease, until = timedelta(seconds=patience.outbox_lease_seconds), time.monotonic() + seconds
    for sent in range(limit):
        with engine.begin() as conn:
            endpoint = _callable(conn, endpoint_id, now())
            send = events.claim(conn, endpoint_id, now(), lease=lease) if endpoint else None
            if endpoint is None or send is None:
                events.prune(conn, now() - KEPT, limit=_PRUNED_AT_ONCE)
                return Drained(sent, more=False)
            secrets = secrets_of(conn, seal, endpoint_id)
        body = message(send)
        attempt = _sent(post, endpoint.url, headers(message_id(send), body, secrets, now()), body)
        with engine.begin() as conn:
            events.note_attempt(conn, send.id, attempt.status, attempt.detail, attempt.milliseconds, now())
            _record(conn, endpoint, send, attempt, now(), rnd(), patience)
        if time.monotonic() >= until:
            return Drained(sent + 1, more=True)
    return Drained(limit, more=True)


def message(send: Send) -> bytes:
    """The body: the same bytes at each try, because it is signed and receivers may compare it."""
    said = {"type": send.type, "timestamp": send.at.isoformat(), "data": send.facts}
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def message_id(send: Send) -> str:
    """By which a receiver knows a message that came before; the same at every try and replay."""
    return f"evt_{send.event_id}"


def _callable(conn: Connection, endpoint_id: int, now: datetime) -> EndpointRow | None:
    found = event_views.endpoint(conn, endpoint_id)
    if found is None or found.state != "active" or (found.rests_until is not None and found.rests_until > now):
        return None
    return found


def _sent(post: Post, url: str, signed: Mapping[str, str], body: bytes) -> _Attempt:
    began = time.monotonic()
    try:
        reply, trouble = post(url, signed, body), None
    except CallError as error:
        reply, trouble = None, error
    return _Attempt(int((time.monotonic() - began) * 1000), reply, trouble)


def _record(
    conn: Connection, endpoint: EndpointRow, send: Send, attempt: _Attempt, now: datetime, rnd: float, patience: Patience
) -> None:
    if attempt.arrived:
        events.end(conn, send, "delivered", "", now)
        events.succeeded(conn, endpoint.id, now)
        return
    retry = _next(send, attempt, rnd, patience)
    if retry.seconds is None:
        events.end(conn, send, "dead", attempt.detail, now)
    else:
        events.postpone(conn, send, now + timedelta(seconds=retry.seconds), attempt.detail)
    _note_failure(conn, endpoint, attempt, now, patience)


def _next(send: Send, attempt: _Attempt, rnd: float, patience: Patience) -> Retry:
    """As patient as with a platform. Whatever was answered is tried again: a receiver's mistake may be mended."""
    slow = isinstance(attempt.trouble, TimedOut) or attempt.status in _SLOW
    return next_try(
        send.tries + 1,
        patience.outbox_waits_seconds,
        rnd,
        trouble=Trouble.SLOW if slow else Trouble.FAILED,
        asked_seconds=attempt.reply.retry_after_seconds if attempt.reply else None,
        slow_down_seconds=patience.slow_down_seconds,
    )


def _note_failure(conn: Connection, endpoint: EndpointRow, attempt: _Attempt, now: datetime, patience: Patience) -> None:
    """Rest an endpoint that keeps failing, but for a probe; pause it where that lasts, or where it wants nothing any more."""
    failures, since = events.failed(conn, endpoint.id, now)
    if attempt.status == _GONE or now - since >= PAUSED_AFTER:
        why = "It says that it is gone." if attempt.status == _GONE else f"Nothing arrived since {since:%Y-%m-%d %H:%M} UTC."
        remedy = "Mend the receiver, then resume: what happened meanwhile is kept and sent."
        events.set_state(conn, endpoint.id, state="paused", state_reason=f"{why} {attempt.detail} {remedy}")
    elif failures >= patience.breaker_failures and now - since >= timedelta(seconds=patience.breaker_after_seconds):
        probe = timedelta(seconds=patience.breaker_probe_seconds)
        events.set_state(conn, endpoint.id, rests_until=now + probe, state_reason=attempt.detail)
