"""The running parts behind the sandbox's app, and how its views reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import current_app

from connector.domain.errors import NotFound
from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.shopfront import Shopfront, Shown
from sandbox.store import Store
from sandbox.traffic import Traffic


@dataclass(frozen=True)
class Sandbox:
    """The running parts; `shopfronts` by platform."""

    store: Store
    knobs: Knobs
    sender: Sender
    shopfronts: Mapping[str, Shopfront]
    traffic: Traffic

    def close(self) -> None:
        """Stop the traffic and the sending within about two seconds and close the journal; nothing queued is lost."""
        self.knobs.stopping.set()
        self.traffic.stop()
        self.sender.stop()
        self.store.close()


def sandbox() -> Sandbox:
    """The parts behind the current request's app."""
    return cast(Sandbox, current_app.extensions["sandbox"])


def shopfront(platform: str) -> Shopfront:
    """The shop of this platform; NotFound names those there are."""
    shopfronts = sandbox().shopfronts
    if platform not in shopfronts:
        raise NotFound(f"There is no sandbox shop {platform[:40]!r}.", f"The shops are {', '.join(shopfronts)}.")
    return shopfronts[platform]


def shown(platform: str, order_id: str) -> Shown:
    """The order as its shop shows it, or NotFound."""
    order = shopfront(platform).shown(order_id)
    if order is None:
        raise NotFound(f"{platform} has no order {order_id[:40]!r}.", f"GET /sandbox/{platform}/orders lists them.")
    return order
