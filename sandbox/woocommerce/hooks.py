"""Webhooks: who hears of what, the body as it stands when it leaves, the counting of failures, the ping.

The shop's background queue is modelled as the Sender's: an event waits about a second, and events of one webhook for
one order that wait together leave as one. On an "idle" shop they wait until somebody sends it a request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime
from typing import Any

import requests

from sandbox.sending import Outgoing, Sender
from sandbox.store import Store
from sandbox.woocommerce import orders, products, rendering
from sandbox.woocommerce.shop import PLATFORM, VERSION, WORDPRESS, Refusal, Shop, now

logger = logging.getLogger(__name__)

WEBHOOK = "woocommerce.webhook"
_WAITING = "woocommerce.waiting"
_SEEN = "woocommerce.seen"
_QUEUE_SECONDS = 1.0
_FAILURES_ALLOWED = 6  # the seventh in a row disables
_PING_SECONDS = 5.0
_REMEMBERED = 5
_USER_AGENT = f"WooCommerce/{VERSION} Hookshot (WordPress/{WORDPRESS})"


class Hooks:
    """The shop's webhooks. `base_url` is learned from requests, as the shop's own idea of its address."""

    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        self.base_url = "http://127.0.0.1/woocommerce"
        self.shop = Shop(store, self.raise_event)
        # One at a time, one attempt each: WooCommerce tries nothing again.
        sender.register(PLATFORM, self.build, (), self.finished, senders=1)

    def raise_event(self, resource: str, event: str, number: int) -> None:
        """Queue a delivery for every active webhook of the topic; what is disabled or paused misses it for good."""
        topic = f"{resource}.{event}"
        for webhook in self._store.all(WEBHOOK):
            if webhook["status"] == "active" and webhook["topic"] == topic:
                self._enqueue({"webhook": webhook["id"], "topic": topic, "number": number})

    def run_waiting(self) -> None:
        """What a request to an idle shop sets going: its whole background queue."""
        with self._store.together():
            for entry in self._store.all(_WAITING):
                self._store.delete(_WAITING, str(entry["serial"]))
                self._sender.queue(PLATFORM, entry)

    def build(self, entry: dict[str, Any]) -> Outgoing | None:
        """The request as it leaves now, or None where a request that already left said as much, or the webhook is gone."""
        with self._store.together():
            webhook = self._store.get(WEBHOOK, str(entry["webhook"]))
            if webhook is None or webhook["status"] != "active" or not self._is_due(entry):
                return None
            body = json.dumps(self._body(entry), separators=(",", ":")).replace("/", "\\/").encode()
        return Outgoing(webhook["delivery_url"], self._headers(webhook, entry["topic"], body), body)

    def finished(self, entry: dict[str, Any], status: int) -> None:
        """Count: 200 to 302 is success and forgets the failures; the seventh failure in a row disables the webhook."""
        with self._store.together():
            webhook = self._store.get(WEBHOOK, str(entry["webhook"]))
            if webhook is None:
                return
            webhook["failures"] = 0 if 200 <= status <= 302 else webhook["failures"] + 1
            if webhook["failures"] > _FAILURES_ALLOWED:
                webhook["status"] = "disabled"
            self._store.put(WEBHOOK, str(webhook["id"]), webhook)
        if webhook["pending_delivery"]:
            self.ping(webhook["id"])

    def ping(self, number: int) -> None:
        """The unsigned greeting; it is repeated with every delivery until it is answered with exactly 200."""
        webhook = self._store.get(WEBHOOK, str(number))
        if webhook is None:
            return
        status = _ping(webhook["delivery_url"], number)
        with self._store.together():
            webhook = self._store.get(WEBHOOK, str(number))
            if webhook is not None:
                self._store.put(WEBHOOK, str(number), webhook | {"pending_delivery": status != 200})

    def _enqueue(self, entry: dict[str, Any]) -> None:
        with self._store.together():
            seen = self._seen(entry)
            seen["raised"] += 1
            self._store.put(_SEEN, _key(entry), seen)
            entry = {**entry, "raised": seen["raised"], "serial": self._store.next_id("woocommerce.serial")}
            if self.shop.setting("idle"):
                self._store.put(_WAITING, str(entry["serial"]), entry)
            else:
                self._sender.queue(PLATFORM, entry, delay_seconds=_QUEUE_SECONDS)

    def _is_due(self, entry: dict[str, Any]) -> bool:
        """False where the state of this event left already with another one. One sent before and met again is the
        duplicate a knob asked for, and leaves again."""
        seen = self._seen(entry)
        if entry["raised"] <= seen["told"]:
            return entry["raised"] in seen["senders"]
        seen["told"] = seen["raised"]
        seen["senders"] = [*seen["senders"], entry["raised"]][-_REMEMBERED:]
        self._store.put(_SEEN, _key(entry), seen)
        return True

    def _seen(self, entry: dict[str, Any]) -> dict[str, Any]:
        return self._store.get(_SEEN, _key(entry)) or {"raised": 0, "told": 0, "senders": []}

    def _body(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The resource as the webhook's owner may read it at this moment, or the error that reading it gives."""
        number, (resource, _, event) = entry["number"], entry["topic"].partition(".")
        if resource == "action":
            return {"action": event, "arg": number}
        if event == "deleted":
            return {"id": number}
        if not self.shop.setting("owner_may_read"):
            return Refusal(403, "woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.").document
        try:
            if resource == "product":
                return products.rendered(products.required(self.shop, number), self.base_url)
            return rendering.order(self.shop, orders.required(self.shop, number), self.base_url)
        except Refusal as refusal:
            return refusal.document

    def _headers(self, webhook: dict[str, Any], topic: str, body: bytes) -> dict[str, str]:
        resource, _, event = topic.partition(".")
        signature = base64.b64encode(hmac.digest(webhook["secret"].encode(), body, "sha256")).decode()
        second = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        return {
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            "X-WC-Webhook-Source": f"{self.base_url}/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-ID": str(webhook["id"]),
            # Of the webhook and the second, so several deliveries can share it.
            "X-WC-Webhook-Delivery-ID": hashlib.sha256(f"{webhook['id']} {second}".encode()).hexdigest()[:32],
            "Connection": "close",
        }


def record(shop: Shop, wanted: dict[str, Any]) -> dict[str, Any]:
    """The stored form of a new webhook."""
    return {
        "id": shop.next_id("webhook", 1),
        "name": str(wanted.get("name") or f"Webhook created on {now()}"),
        "status": str(wanted.get("status") or "active"),
        "topic": wanted["topic"],
        "delivery_url": wanted["delivery_url"],
        "secret": str(wanted.get("secret") or hashlib.sha256(now().encode()).hexdigest()),
        "failures": 0,
        "pending_delivery": True,
        "date_created_gmt": now(),
        "date_modified_gmt": now(),
    }


def _key(entry: dict[str, Any]) -> str:
    return f"{entry['webhook']}:{entry['number']}"


def _ping(url: str, number: int) -> int:
    try:
        answer = requests.post(
            url,
            data={"webhook_id": str(number)},
            headers={"User-Agent": _USER_AGENT, "Connection": "close"},
            timeout=_PING_SECONDS,
            allow_redirects=False,
        )
    except (requests.RequestException, ValueError) as error:
        logger.info("No answer to a ping: %s", type(error).__name__)
        return 0
    return answer.status_code
