"""`python -m tests.jobs.running worker|clock DATABASE_URL REDIS_URL SEAL_KEY`: a real process, with the toy platform.

A shop called "slow" takes 60 seconds to say how an order stands.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace

from config import logging
from config.embedded import Addresses
from config.settings import load
from connector.domain.orders import Order
from connector.platform import Shop
from jobs import clock, worker
from jobs.environment import Environment, open_at
from tests.webhooks.toy import TOY


def _normalize(shop: Shop, body: bytes) -> Order | None:
    if shop.external_id == "slow":
        open(os.environ["SLOW_STARTED"], "w").close()
        time.sleep(60)
    return TOY.normalize(shop, body)


def _environment(database_url: str, redis_url: str, key: str) -> Environment:
    settings = load({"database_url": database_url, "redis_url": redis_url, "seal_keys": key, "secret_key": "s" * 32})
    settings = settings.model_copy(update={"clock_seconds": 0.2})
    logging.configure(settings)
    opened = open_at(settings, Addresses(database_url, redis_url), name="tests process", pool_size=3)
    return replace(opened, platforms={"toy": replace(TOY, normalize=_normalize)})


def main() -> None:
    """Run the named process."""
    what, *rest = sys.argv[1:]
    environment = _environment(*rest)
    if what == "worker":
        worker.run(environment)
        return
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    clock.run(environment, stopping)


if __name__ == "__main__":
    main()
