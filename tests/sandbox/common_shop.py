"""A small shopfront for tests of the sandbox's common parts: it keeps what it is told in the store and sends it on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import flask
from flask import Response

from connector.domain.errors import Rejected
from sandbox.assembly import Build
from sandbox.catalogue import ITEMS
from sandbox.faults import Knobs, guard
from sandbox.sending import Outgoing, Sender
from sandbox.shopfront import Shopfront, Shown, Wanted
from sandbox.store import Store


class SmallShop:
    """Every act is one word of the order's status; webhooks go to the URL stored as "<platform>.hook"."""

    def __init__(self, platform: str, store: Store, sender: Sender) -> None:
        self.platform = platform
        self.title = f"Small <{platform}>"
        self.wanted: list[Wanted] = []
        self._store = store
        self._sender = sender
        sender.register(platform, self._outgoing, (1.0,), lambda entry, status: None)

    def place(self, wanted: Wanted) -> str:
        if "gift_card" in wanted.extra:
            raise Rejected("Gift cards are sold out.", "Ask for something else.")
        number = self._store.next_id(f"{self.platform}.order", 1001)
        order = Shown(
            id=f"gid://{self.platform}/{number}",
            number=f"#{number}",
            placed_at="2026-11-23T10:00:00Z",
            customer=wanted.customer.get("name", ""),
            total="10.00 EUR",
            payment="Paid" if wanted.paid else "Pending",
            status="Unfulfilled",
            tracking=(),
            handover=wanted.handover,
            pickup=wanted.pickup,
            notes=(wanted.note,),
            lines=wanted.lines,
        )
        self.wanted.append(wanted)
        self._keep(order)
        return order.id

    def pay(self, order_id: str) -> None:
        self._change(order_id, payment="Paid")

    def cancel(self, order_id: str) -> None:
        if self._order(order_id).status == "Cancelled":
            raise Rejected("It is cancelled already.", "There is nothing to do.")
        self._change(order_id, status="Cancelled")

    def edit(self, order_id: str, quantities: Mapping[str, int]) -> None:
        self._change(order_id, lines=tuple(quantities.items()))

    def refund(self, order_id: str, quantities: Mapping[str, int], *, restock: bool) -> None:
        self._change(order_id, notes=(f"refunded {dict(quantities)} {restock}",))

    def shown(self, order_id: str) -> Shown | None:
        return self._order(order_id) if self._store.get(f"{self.platform}.order", order_id) else None

    def listing(self, limit: int = 100) -> list[Shown]:
        return [_read(document) for document in reversed(self._store.all(f"{self.platform}.order"))][:limit]

    def stock(self) -> dict[str, dict[str, int]]:
        return {item.sku: {"": 5} for item in ITEMS}

    def _order(self, order_id: str) -> Shown:
        document = self._store.get(f"{self.platform}.order", order_id)
        assert document is not None
        return _read(document)

    def _change(self, order_id: str, **values: Any) -> None:
        self._keep(replace(self._order(order_id), **values))

    def _keep(self, order: Shown) -> None:
        with self._store.together():
            self._store.put(f"{self.platform}.order", order.id, asdict(order))
            self._sender.queue(self.platform, {"number": order.number, "status": order.status})

    def _outgoing(self, entry: dict[str, Any]) -> Outgoing | None:
        hook = self._store.get(f"{self.platform}.hook", "url")
        return Outgoing(hook["url"], {}, json.dumps(entry).encode()) if hook else None


def _read(document: dict[str, Any]) -> Shown:
    lines = tuple((sku, quantity) for sku, quantity in document["lines"])
    return Shown(**{**document, "lines": lines, "notes": tuple(document["notes"]), "tracking": tuple(document["tracking"])})


def small(platform: str) -> Build:
    """Build a small shop with an API of two calls: GET /<platform>/ping and PUT /<platform>/hook?url=…"""

    def build(store: Store, sender: Sender, knobs: Knobs) -> tuple[Shopfront, list[flask.Blueprint]]:
        api = flask.Blueprint(f"{platform}_api", __name__, url_prefix=f"/{platform}")
        guard(api, platform, knobs, throttled=lambda: Response(status=429), broken=lambda: Response(status=500))

        @api.get("/ping")
        def ping() -> str:
            return "pong"

        @api.put("/hook")
        def hook() -> str:
            store.put(f"{platform}.hook", "url", {"url": flask.request.args["url"]})
            return ""

        return SmallShop(platform, store, sender), [api]

    return build
