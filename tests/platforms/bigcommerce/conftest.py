"""The small BigCommerce store over real HTTP, and our platform in front of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from connector.domain.orders import Handover
from connector.platform import Act, AnnouncedLine, Announcement, Outcome, Platform, Shop, Tracking
from platforms import bigcommerce
from platforms.http import Http
from sandbox import bigcommerce as small
from sandbox.assembly import assemble, close
from sandbox.running import Sandbox
from sandbox.shopfront import DELIVERY, PICKUP, Shown, Wanted
from tests.serving import serve

CUSTOMER = {
    "name": "Zoé Arnal",
    "email": "zoe@example.com",
    "street": "3 rue Sainte",
    "city": "Marseille",
    "postcode": "13001",
    "country": "FR",
}
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@dataclass
class Recorder:
    """A WSGI app around another that keeps every request with its answer, and can break chosen answers once."""

    app: WSGIApplication
    calls: list[tuple[Request, Response]] = field(default_factory=list)
    break_next: set[tuple[str, str]] = field(default_factory=set)  # (method, end of path): done, then answered 500

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = Request(environ).get_data()
        environ["wsgi.input"] = BytesIO(body)
        kept = Request({**environ, "wsgi.input": BytesIO(body)})
        chunks, status, headers = run_wsgi_app(self.app, environ)
        answer = Response(b"".join(chunks), status, headers)
        self.calls.append((kept, answer))
        broken = next((rule for rule in self.break_next if rule[0] == kept.method and kept.path.endswith(rule[1])), None)
        if broken is not None:
            self.break_next.remove(broken)
            return Response('[{"status": 500, "message": "broken"}]', 500)(environ, start_response)
        return Response(answer.get_data(), answer.status_code, answer.headers)(environ, start_response)

    def written(self) -> list[str]:
        """The writes so far, as "METHOD end-of-path"."""
        return [f"{call.method} {call.path.partition('/sandbox1/')[2]}" for call, _ in self.calls if call.method != "GET"]


@dataclass
class Bench:
    """Everything a test needs: the store's front, our platform, the shop, and what went over the wire."""

    platform: Platform
    shop: Shop
    sandbox: Sandbox
    recorder: Recorder
    url: str

    @property
    def front(self) -> small.BigCommerceFront:
        front = self.sandbox.shopfronts["bigcommerce"]
        assert isinstance(front, small.BigCommerceFront)
        return front

    def place(self, *lines: tuple[str, int], pickup: str = "", **more: Any) -> str:
        handover = more.pop("handover", PICKUP if pickup else DELIVERY)
        return self.front.place(Wanted(lines, handover, pickup, customer=CUSTOMER, **more))

    def shown(self, order_id: str) -> Shown:
        shown = self.front.shown(order_id)
        assert shown is not None
        return shown

    def settings(self, **changes: Any) -> None:
        """Set switches of the small store itself."""
        before = self.sandbox.store.get("bigcommerce.settings", "shop") or {}
        self.sandbox.store.put("bigcommerce.settings", "shop", {**before, **changes})

    def document(self, order_id: str) -> dict[str, Any]:
        document = self.sandbox.store.get("bigcommerce.order", order_id)
        assert document is not None
        return document

    def change(self, order_id: str, **changes: Any) -> None:
        """Change the stored order behind the store's back."""
        self.sandbox.store.put("bigcommerce.order", order_id, {**self.document(order_id), **changes})

    def with_settings(self, **settings: object) -> Shop:
        return replace(self.shop, settings=settings)

    def tell(self, act: Act, order_id: str, *, last: bool = True, targets: dict[str, int] | None = None, **more: Any) -> Outcome:
        return self.platform.announce(self.shop, self.announcement(act, order_id, last=last, targets=targets, **more))

    def announcement(
        self, act: Act, order_id: str, *, last: bool = True, targets: dict[str, int] | None = None, **more: Any
    ) -> Announcement:
        """`targets`: SKU -> units handed over with this part; all of the order where it is left out."""
        lines = tuple(
            AnnouncedLine(str(line["id"]), line["quantity"], line["quantity"] if targets is None else targets[line["sku"]])
            for line in self.document(order_id)["lines"]
            if targets is None or line["sku"] in targets
        )
        handover = more.pop("handover", Handover(self.shown(order_id).handover))
        return Announcement(f"{act}:{order_id}", act, order_id, order_id, handover, lines, last, AT, **more)


TRACKING = Tracking("6A123", "Colissimo", "https://track.example/6A123")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A fresh store and our platform."""
    app = assemble(tmp_path, (small.build,))
    recorder = Recorder(app)
    platform = bigcommerce.build(Http(private_allowed=True))
    with serve(recorder) as url:
        options = {"store_hash": "sandbox1", "token": "sandbox-token", "client_secret": "sandbox-client-secret-0123456789"}
        external_id, address, credentials = platform.open_shop({**options, "api_url": f"{url}/bigcommerce"})
        shop = Shop(1, "key", platform.name, "Marée Haute", external_id, address, credentials)
        yield Bench(platform, shop, app.extensions["sandbox"], recorder, url)
    close(app)
