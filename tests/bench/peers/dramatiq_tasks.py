"""The job on dramatiq."""

from __future__ import annotations

import os

import dramatiq
import store
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["PEER_REDIS_URL"]))


@dramatiq.actor
def take_in(event_id: int) -> None:
    """Take one order in."""
    store.take_in(event_id)
