"""`python web.py`: the Flask handler that verifies, stores and enqueues one job, on the same server as the connector's.

PEER names the queue: rq, celery or dramatiq.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import store
from flask import Flask, abort, request
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server


def _rq() -> Callable[[int], object]:
    from redis import Redis
    from rq import Queue

    queue = Queue("orders", connection=Redis.from_url(os.environ["PEER_REDIS_URL"]))
    return lambda event_id: queue.enqueue("store.take_in", event_id)


def _celery() -> Callable[[int], object]:
    import celery_tasks

    return celery_tasks.take_in.delay


def _dramatiq() -> Callable[[int], object]:
    import dramatiq_tasks

    return dramatiq_tasks.take_in.send


_QUEUES = {"rq": _rq, "celery": _celery, "dramatiq": _dramatiq}


def create_app() -> Flask:
    """The application."""
    app = Flask(__name__)
    enqueue = _QUEUES[os.environ["PEER"]]()

    @app.get("/")
    def alive() -> str:
        return "ok\n"

    @app.post("/webhooks/<shop>")
    def webhook(shop: str) -> str:
        body = request.get_data()
        if not store.genuine(body, request.headers.get("X-WC-Webhook-Signature", "")):
            abort(401)
        event_id = store.keep(shop, body)
        if event_id is not None:
            enqueue(event_id)
        return "ok\n"

    return app


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(__file__))
    Server(
        "web:create_app",
        factory=True,
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=int(os.environ["WEB_PROCESSES"]),
        blocking_threads=int(os.environ["WEB_THREADS"]),
        backlog=1024,
        log_level=LogLevels.error,
    ).serve()
