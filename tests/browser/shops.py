"""The connector beside the sandbox shops, with somebody at work behind both, for a browser to look at."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import expect

from connector.db import merchants
from connector.flow import deliver, due
from connector.flow import shops as shop_flow
from jobs.environment import now
from tests.webhooks.town import Town, town

EVERY_SECONDS = 0.3


PATIENCE_MILLISECONDS = 30_000  # three programs and a browser on one machine, which may be busy


@contextmanager
def at_work(directory: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    """The town, in which what is due is done: steps, deliveries, and telling the shops."""
    with town(directory, database_url, redis_url) as built:
        ending = threading.Event()
        worker = threading.Thread(target=_work, args=(built, ending))
        worker.start()
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        try:
            yield built
        finally:
            expect.set_options(timeout=None)
            ending.set()
            worker.join()


def _work(place: Town, ending: threading.Event) -> None:
    while not ending.wait(EVERY_SECONDS):
        place.work()
        for wake in due.due(place.engine, now()):
            if wake.task == "deliver":
                shop = shop_flow.by_id(place.engine, place.seal, wake.shop_id)
                mine = place.environment.of(shop.merchant_id)
                deliver.drain(mine.engine, mine.platforms[shop.platform], shop, now, random.random)


def ordered(place: Town, platform: str, name: str, **more: Any) -> str:
    """Somebody buys in the shop; the order's number as the shop shows it."""
    address = {"street": "1 quai du Port", "city": "Marseille", "postcode": "13001", "country": "FR"}
    customer = {"name": name, "email": "customer@maree-haute.test", "phone": "", **address}
    wanted = {"lines": [{"sku": "MAR-TS-M", "quantity": 1}], "handover": "delivery", "customer": customer, **more}
    made = requests.post(f"{place.shops_at}/sandbox/{platform}/orders", json=wanted, timeout=10)
    made.raise_for_status()
    shown = requests.get(f"{place.shops_at}/sandbox/{platform}/orders/{made.json()['id']}", timeout=10).json()
    return str(shown["number"])


FIRST = merchants.FIRST
