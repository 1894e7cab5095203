"""A sandbox Shopify over real HTTP, and the platform linked to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import flask
import pytest

from connector.domain.orders import Handover, Order
from connector.platform import Act, AnnouncedLine, Announcement, Platform, Shop, Tracking
from platforms import shopify
from platforms.http import Http
from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Shown, Wanted
from sandbox.shopify import api
from sandbox.shopify.cost import Bucket
from sandbox.shopify.shop import Shop as SandboxShop
from sandbox.store import Store
from tests.serving import serve

CUSTOMER = {
    "name": "Zoé Martin",
    "email": "zoe@example.com",
    "phone": "+33491000000",
    "street": "1 quai du Port",
    "city": "Marseille",
    "postcode": "13002",
    "country": "FR",
}
DEPOT, VIEUX_PORT, CANEBIERE = (f"gid://shopify/Location/{number}" for number in (1003, 1001, 1002))


@dataclass
class Linked:
    """The sandbox shop, its faults, and the platform as the connector sees it."""

    remote: SandboxShop
    knobs: Knobs
    bucket: Bucket
    sender: Sender
    platform: Platform
    shop: Shop
    url: str
    platform_http: Http

    def place(self, *lines: tuple[str, int], handover: str = "delivery", pickup: str = "", **more: object) -> Order:
        """An order placed in the sandbox, read through the platform."""
        wanted = Wanted(lines, handover, pickup, customer=CUSTOMER, **more)  # type: ignore[arg-type]
        return self.read(self.remote.place(wanted))

    def read(self, order_id: str) -> Order:
        """The order as the platform reads it now."""
        order = self.platform.fetch_order(self.shop, order_id)
        assert order is not None
        return order

    def shown(self, order: Order) -> Shown:
        """The order as the sandbox's admin shows it."""
        shown = self.remote.shown(order.external_id)
        assert shown is not None
        return shown

    def shipments(self, order: Order) -> list[list[int]]:
        """Units by line of every fulfillment the sandbox has."""
        found = self.remote.order(order.external_id)
        assert found is not None
        return [[line["quantity"] for line in shipment["lines"]] for shipment in found["shipments"]]


def announcement(
    act: Act,
    order: Order,
    targets: dict[str, int] | None = None,
    *,
    last: bool = True,
    location: str = "",
    tracking: Tracking | None = None,
    handover: Handover | None = None,
) -> Announcement:
    """That lines (by SKU; all physical ones by default) reached the act, up to these targets."""
    wanted = {line.sku: line.quantity for line in order.lines if line.kind == "physical"} if targets is None else targets
    lines = tuple(
        AnnouncedLine(line.external_id, wanted[line.sku], wanted[line.sku]) for line in order.lines if line.sku in wanted
    )
    return Announcement(
        key=f"{order.number}/{act}",
        act=act,
        order_id=order.external_id,
        number=order.number,
        handover=handover or order.handover,
        lines=lines,
        last=last,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        tracking=tracking or Tracking(),
        external_location=location,
    )


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[Linked]:
    store = Store(tmp_path / "journal")
    knobs = Knobs()
    sender = Sender(store, knobs)
    remote = SandboxShop(store, sender, routing_seconds=0.0)
    bucket = Bucket()
    app = flask.Flask("sandbox")
    app.register_blueprint(api.blueprint(remote, knobs, bucket))
    with serve(app) as url:
        http = Http(private_allowed=True)
        platform = shopify.build(http)
        external_id, address, credentials = platform.open_shop(
            {
                "domain": "maree-haute.myshopify.com",
                "token": "shpat_sandbox",
                "app_secret": "sandbox-shopify-app-secret-0123456789",
                "api_url": f"{url}/shopify",
            }
        )
        shop = Shop(1, "key", "shopify", "Marée Haute", external_id, address, credentials)
        yield Linked(remote, knobs, bucket, sender, platform, shop, url, http)
    sender.stop()
    store.close()
