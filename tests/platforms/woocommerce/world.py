"""The sandbox's WooCommerce shop over real HTTP, a receiver for its webhooks, and our platform linked to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import flask
import requests

from connector.platform import Platform, Shop
from platforms import woocommerce
from platforms.http import Http
from sandbox import woocommerce as sandbox_woocommerce
from sandbox.catalogue import CREDENTIALS
from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Wanted
from sandbox.store import Store
from sandbox.woocommerce.shopfront import WooCommerceShop
from tests.serving import serve

CUSTOMER = {
    "name": "Camille Roux",
    "email": "camille@example.test",
    "phone": "+33 4 91 00 00 00",
    "street": "3 rue de la République",
    "city": "Marseille",
    "postcode": "13002",
    "country": "FR",
}


@dataclass
class Received:
    """One request a shop made to us. Header names are lower-case, as our doors give them on."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers.get("x-wc-webhook-topic", "")


@dataclass
class Receiver:
    """Takes webhooks in and answers with `answers` (path -> status), else 200."""

    url: str = ""
    got: list[Received] = field(default_factory=list)
    status: int = 200
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, wanted: Callable[[Received], bool], count: int = 1) -> list[Received]:
        """Until `count` matching requests are there; fails after ten seconds."""
        deadline = time.monotonic() + 10
        with self.arrived:
            while len(found := [one for one in self.got if wanted(one)]) < count:
                assert self.arrived.wait(deadline - time.monotonic()), f"only {[one.topic for one in self.got]} came"
            return found

    def app(self) -> flask.Flask:
        app = flask.Flask("receiver")

        @app.post("/<path:path>")
        def receive(path: str) -> tuple[str, int]:
            headers = {name.lower(): value for name, value in flask.request.headers.items()}
            with self.arrived:
                self.got.append(Received(headers, flask.request.get_data()))
                self.arrived.notify_all()
            return "", self.status

        return app


@dataclass
class World:
    """Everything a test needs."""

    base: str
    app: flask.Flask
    front: WooCommerceShop
    store: Store
    knobs: Knobs
    sender: Sender
    platform: Platform
    shop: Shop

    @property
    def api(self) -> str:
        return f"{self.base}/woocommerce/wp-json/wc/v3"

    def place(self, *lines: tuple[str, int], **wanted: Any) -> str:
        """An order of the given lines, delivered and paid unless said otherwise."""
        handover = "pickup" if "pickup" in wanted else "delivery"
        return self.front.place(Wanted(lines=lines or (("MUG-PHARE", 2),), handover=handover, customer=CUSTOMER, **wanted))

    def settings(self, **settings: Any) -> None:
        """Turn what differs between shops."""
        assert requests.put(f"{self.base}/woocommerce/sandbox", json=settings, timeout=5).status_code == 200

    def with_settings(self, **settings: Any) -> Shop:
        """Our shop with a merchant's choices."""
        return replace(self.shop, settings=settings)

    def document(self, order_id: str) -> dict[str, Any]:
        """The order as the REST API shows it."""
        from platforms.woocommerce.client import read

        return read(Http(private_allowed=True), self.shop, f"orders/{order_id}")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[World]:
    """A running shop with its sender, linked."""
    store = Store(path / "journal")
    knobs = Knobs(store)
    sender = Sender(store, knobs)
    front, blueprints = sandbox_woocommerce.build(store, sender, knobs)
    app = flask.Flask("sandbox")
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    sender.start()
    try:
        with serve(app) as base:
            platform = woocommerce.build(Http(private_allowed=True, total_seconds=5))
            assert isinstance(front, WooCommerceShop)
            yield World(base, app, front, store, knobs, sender, platform, linked(platform, base))
    finally:
        knobs.stopping.set()
        sender.stop()
        store.close()


def linked(platform: Platform, base: str, **credentials: str) -> Shop:
    """Our shop at the sandbox."""
    options = {"url": f"{base}/woocommerce", **CREDENTIALS["woocommerce"], **credentials}
    external_id, address, kept = platform.open_shop(options)
    return Shop(1, "shop-key", platform.name, "Marée Haute", external_id, address, kept)


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at a loopback address."""
    receiver = Receiver()
    with serve(receiver.app()) as base:
        receiver.url = f"{base}/webhooks/woocommerce/shop-key"
        yield receiver
