"""`python -m jobs.worker [task …]`: takes jobs off the queues, in this process, until it is asked to stop."""

from __future__ import annotations

import faulthandler
import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

import click
import redis
import structlog
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker import SimpleWorker

from config import logging, settings
from jobs import queue, tasks
from jobs.environment import Environment, opened

_LEAST_STOP_SECONDS = 6.0  # a job that runs longer than this after a stop was asked for is abandoned; the supervisor kills at 10
_TTL_SECONDS = 45  # RQ waits 15 s less than this for a job before it looks around
_REST_SECONDS = 1.0
_LONGEST_UNSERVED_FIRST_EVERY = 3  # jobs: so that a flood of one kind slows the others down and never stops them
_CONNECT_SECONDS = 2.0
_DEAF_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Abandoned(BaseException):
    """A job ran out of time. Not an Exception, so that no story takes it for the fault of the row it is working on."""


class Deadline(UnixSignalDeathPenalty):
    """RQ's alarm, raising Abandoned. Where the main thread does not even hear that, the process ends some seconds later with
    the stacks of its threads on stderr: the supervisor starts it again, and the job's rows are still due."""

    def setup_death_penalty(self) -> None:
        """The job begins."""
        super().setup_death_penalty()  # type: ignore[no-untyped-call]
        faulthandler.dump_traceback_later(self._timeout + _DEAF_SECONDS, exit=True)

    def cancel_death_penalty(self) -> None:
        """The job has ended."""
        faulthandler.cancel_dump_traceback_later()
        super().cancel_death_penalty()  # type: ignore[no-untyped-call]

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """The time is over."""
        raise Abandoned


class Worker(SimpleWorker):
    """RQ's worker without a fork, without commands from Redis, and with one way to stop.

    RQ's own signal handler talks to Redis from inside the handler and raises wherever the program stands; this one only
    raises while the worker waits for a job.
    """

    death_penalty_class = Deadline
    max_connection_wait_time = 2.0

    def __init__(self, connection: redis.Redis, names: Sequence[str], job_class: type[Any], stopping: threading.Event) -> None:
        self._stopping = stopping
        self._waits = False
        self._looks = 0
        self._served: dict[str, int] = {}  # queue -> the look that last found a job in it
        queues = [queue.queue(connection, name, job_class) for name in names]
        super().__init__(
            queues,
            connection=connection,
            job_class=job_class,
            serializer=JSONSerializer,
            worker_ttl=_TTL_SECONDS,
            log_job_description=False,
        )

    def stop(self) -> None:
        """Take no further job. Called by the signal handler."""
        self._stop_requested = True
        self._stopping.set()
        if self._waits:
            raise StopRequested
        signal.setitimer(signal.ITIMER_REAL, _LEAST_STOP_SECONDS)

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """As RQ, in an order of our own, and can be stopped while it waits."""
        if self._stopping.is_set():
            raise StopRequested
        self._ordered_queues = self._in_order()
        self._waits = True
        try:
            found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        finally:
            self._waits = False
        if found is not None:
            self._served[found[1].name] = self._looks
        return found

    def _in_order(self) -> list[Any]:
        """The most urgent first; every few jobs the one that has waited longest for its turn."""
        self._looks += 1
        if self._looks % _LONGEST_UNSERVED_FIRST_EVERY:
            return list(self.queues)
        return sorted(self.queues, key=lambda one: self._served.get(one.name, 0))

    def _install_signal_handlers(self) -> None:
        """Installed once for the process, see `run`."""

    def subscribe(self) -> None:
        """Take no commands from Redis."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed."""


def run(environment: Environment, names: Sequence[str] = queue.TASKS) -> None:
    """Work until SIGTERM or SIGINT. Outlives Redis and the database: RQ's loop ends with Redis, this one begins it again."""
    stopping = threading.Event()
    waker = queue.Waker(environment.redis)
    job_class = queue.bound(tasks.table(tasks.Workplace(environment, waker, stopping)))
    outage = queue.Outage("Redis", "The worker goes on when it is back.")
    current: list[Worker] = []
    connection = redis.Redis.from_url(environment.redis_url, socket_connect_timeout=_CONNECT_SECONDS)

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.set()
        for worker in current:
            worker.stop()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    log.info("the worker runs", tasks=list(names))
    while not stopping.is_set():
        try:
            worker = Worker(connection, names, job_class, stopping)
            current[:] = [worker]
            worker.work(logging_level="WARNING")
            outage.over()
        except redis.RedisError as error:
            outage.seen(error)
        except StopRequested:
            break
        current.clear()
        stopping.wait(_REST_SECONDS)
    waker.close()
    log.info("the worker has stopped")


@click.command(help=__doc__)
@click.argument("names", metavar="[TASK]…", nargs=-1, type=click.Choice(queue.TASKS))
def main(names: tuple[str, ...]) -> None:
    """The process's entry."""
    chosen = settings.load()
    logging.configure(chosen)
    with opened(chosen, name="worker") as environment:
        run(environment, [name for name in queue.TASKS if name in names or not names])


if __name__ == "__main__":
    main()
