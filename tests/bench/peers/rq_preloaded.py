"""`python rq_preloaded.py fork|simple`: RQ's worker with the job's modules imported beforehand, as its manual advises."""

from __future__ import annotations

import os
import sys

import store
from redis import Redis
from rq import SimpleWorker, Worker

if __name__ == "__main__":
    kind = {"fork": Worker, "simple": SimpleWorker}[sys.argv[1]]
    store.engine.dispose()
    worker = kind(["orders"], connection=Redis.from_url(os.environ["PEER_REDIS_URL"]))
    sys.stderr.write("ready\n")
    worker.work(logging_level="WARNING")
