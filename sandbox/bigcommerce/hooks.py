"""The store's webhooks: registered hooks, pointer messages, signatures, retries and deactivation."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from sandbox.catalogue import CREDENTIALS
from sandbox.sending import HeldBack, Outgoing, Sender
from sandbox.store import Store

PLATFORM = "bigcommerce"
STORE_ID = "1025646"
_WATCHED_SECONDS, _WATCHED_FROM_CALLS, _LEAST_SUCCESS, _BLOCKED_SECONDS = 120.0, 100, 0.9, 180.0
RETRY_SECONDS = (60.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0, 50400.0, 86400.0)


class Hooks:
    """Hooks and their deliveries. A hook whose message failed after the last retry is deactivated; a domain that answers
    fewer than nine of ten calls well, from the hundredth in two minutes on, is not called for three minutes."""

    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        self._watching = threading.Lock()
        self._calls: dict[str, deque[tuple[float, bool]]] = {}
        self._blocked: dict[str, float] = {}
        sender.register(PLATFORM, self._outgoing, RETRY_SECONDS, self._finished)

    def all(self) -> list[dict[str, Any]]:
        """All hooks, oldest first."""
        return self._store.all("bigcommerce.hook")

    def get(self, hook_id: int) -> dict[str, Any] | None:
        """One hook, or None."""
        return self._store.get("bigcommerce.hook", str(hook_id))

    def put(self, wanted: dict[str, Any], hook_id: int | None = None) -> dict[str, Any]:
        """Create a hook, or change one."""
        with self._store.together():
            now = int(time.time())
            number = hook_id or self._store.next_id("bigcommerce.hook", 28_000_001)
            before = self.get(number) or {"id": number, "client_id": "sandbox-client", "created_at": now, "is_active": True}
            hook = {"headers": {}, **before, **wanted, "updated_at": now, "store_hash": CREDENTIALS[PLATFORM]["store_hash"]}
            self._store.put("bigcommerce.hook", str(number), hook)
        return hook

    def delete(self, hook_id: int) -> None:
        """Remove a hook; its waiting messages are dropped."""
        self._store.delete("bigcommerce.hook", str(hook_id))

    def emit(self, scope: str, pointed: dict[str, Any]) -> None:
        """Queue a message for every active hook whose scope covers it. It points at something and carries nothing of it."""
        message = {
            "scope": scope,
            "store_id": STORE_ID,
            "data": pointed,
            "hash": hashlib.sha1(json.dumps(pointed, sort_keys=True).encode(), usedforsecurity=False).hexdigest(),
            "created_at": int(time.time()),
            "producer": f"stores/{CREDENTIALS[PLATFORM]['store_hash']}",
        }
        for hook in self.all():
            if hook["is_active"] and fnmatch.fnmatchcase(scope, hook["scope"]):
                self._sender.queue(PLATFORM, {"hook": hook["id"], "id": f"msg_{uuid.uuid4().hex}", "message": message})

    def _outgoing(self, entry: dict[str, Any]) -> Outgoing | None:
        hook = self.get(entry["hook"])
        if hook is None or not hook["is_active"]:
            return None
        if self.blocked_seconds(urlsplit(hook["destination"]).netloc):
            raise HeldBack
        body = json.dumps(entry["message"]).encode()
        headers = {"Content-Type": "application/json", **_signed(entry["id"], body), **hook["headers"]}
        return Outgoing(hook["destination"], headers, body)

    def blocked_seconds(self, domain: str) -> float:
        """How much longer the domain is not called."""
        return max(0.0, self._blocked.get(domain, 0.0) - time.monotonic())

    def _watch(self, domain: str, *, well: bool) -> None:
        now = time.monotonic()
        with self._watching:
            self._count(domain, now, well=well)

    def _count(self, domain: str, now: float, *, well: bool) -> None:
        calls = self._calls.setdefault(domain, deque())
        calls.append((now, well))
        while calls[0][0] < now - _WATCHED_SECONDS:
            calls.popleft()
        if len(calls) >= _WATCHED_FROM_CALLS and sum(good for _, good in calls) < _LEAST_SUCCESS * len(calls):
            self._blocked[domain] = now + self._sender.scaled(PLATFORM, _BLOCKED_SECONDS)
            calls.clear()

    def _finished(self, entry: dict[str, Any], status: int) -> None:
        hook = self.get(entry["hook"])
        if hook is not None and not self.blocked_seconds(urlsplit(hook["destination"]).netloc):
            self._watch(urlsplit(hook["destination"]).netloc, well=200 <= status < 300)
        with self._store.together():
            key = entry["id"]
            if 200 <= status < 300:
                self._store.delete("bigcommerce.failing", key)
                return
            failures = (self._store.get("bigcommerce.failing", key) or {"failures": 0})["failures"] + 1
            self._store.put("bigcommerce.failing", key, {"failures": failures})
            if failures > len(RETRY_SECONDS):
                self._deactivate(entry["hook"], key)

    def _deactivate(self, hook_id: int, key: str) -> None:
        self._store.delete("bigcommerce.failing", key)
        if self.get(hook_id) is not None:
            self.put({"is_active": False}, hook_id)


def _signed(message_id: str, body: bytes) -> dict[str, str]:
    """Standard Webhooks: the key is the client secret's own bytes; every attempt is signed with its own time."""
    timestamp = str(int(time.time()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.digest(CREDENTIALS[PLATFORM]["client_secret"].encode(), content, "sha256")
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
