"""Having taken in all that a shop had sold until now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from connector.db import publications
from connector.db.sealed import Seal
from connector.domain.retry import Patience
from connector.flow import ingest, reconcile
from connector.platform import Platform, Shop

_OVERLAP = timedelta(seconds=15)  # late commits of the platform itself
_LOOKS, _LOOK_SECONDS = 20, 0.1
_LONGEST_LOOK_SECONDS = 5.0  # a shop that lets us read few orders a second must not keep a worker from the others


def caught_up(
    engine: Engine, seal: Seal, platform: Platform, shop: Shop, now: Callable[[], datetime], patience: Patience
) -> bool:
    """Take in all that the shop had sold until now; whether that succeeded. Raises the call errors.

    The shop itself is asked, since a delivery may still be on its way. What arrives from here on is not waited for, so
    that a busy shop gets its turn as well.
    """
    reconcile.poll(engine, platform, shop, now(), every=None, patience=patience, overlap=_OVERLAP)
    with engine.connect() as conn:
        newest = publications.newest_waiting(conn, shop.id)
    end = time.monotonic() + _LONGEST_LOOK_SECONDS
    for _ in range(_LOOKS):
        ingest.drain(engine, seal, platform, shop, now(), patience=patience)
        with engine.connect() as conn:
            if not publications.orders_waiting(conn, shop.id, newest):
                return True
        if time.monotonic() > end:
            break
        time.sleep(_LOOK_SECONDS)
    return False
