"""The job on Celery."""

from __future__ import annotations

import os

import store
from celery import Celery
from celery.signals import worker_process_init

_BROKER = os.environ["PEER_REDIS_URL"].replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
app = Celery("orders", broker=_BROKER)
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True


@worker_process_init.connect
def _own_connections(**_: object) -> None:
    store.engine.dispose(close=False)


@app.task
def take_in(event_id: int) -> None:
    """Take one order in."""
    store.take_in(event_id)
