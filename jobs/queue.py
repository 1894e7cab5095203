"""The bell: PostgreSQL knows what is to be done, Redis only says that it is time to look.

A job is a task's name and a shop's id, in JSON. For each (task, shop) one flag says that a job is on its way, so that a
thousand deliveries ring once. Losing Redis, or all it holds, loses nothing: the clock finds the rows.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, ClassVar

import redis
import structlog
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from connector.domain.errors import ConnectorError
from connector.flow.wake import Wake

# Also the names of the queues, the most urgent first.
TASKS = (
    *("ingest", "refill", "deliver", "events", "install", "publish", "privacy"),
    *("poll", "link", "watch", "reconcile", "backfill", "verify"),
)

FLAG_SECONDS = 60  # how long a job may wait in its queue before it ends, with its flag
LOST_SECONDS = 3  # a flag that stands so long without a job in the queue is that of a lost one
LINGER_SECONDS = 5  # the same where the worker was killed in the middle of a busy shop
JOB_SECONDS = 120
_LONGER_SECONDS: Mapping[str, int] = MappingProxyType({"install": 1800, "link": 1800})  # they read a whole catalogue
_FAILED_SECONDS = 3600
_NO_JOB = ""
_GATHER_SECONDS = 0.005
_REST_SECONDS = 1.0

log = structlog.get_logger(__name__)


class UnknownTask(ConnectorError):
    """A job in Redis asks for something that is not a task of ours."""


class TableJob(Job):
    """A job that can only run what stands in `table`: no name found in Redis is ever imported, called or sent to."""

    table: ClassVar[Mapping[str, Callable[[int], None]]] = MappingProxyType({})

    def _execute(self) -> None:
        task = self.table.get(str(self.func_name))
        arguments = tuple(self.args or ())
        if task is None or self.instance or self.kwargs or len(arguments) != 1 or type(arguments[0]) is not int:
            raise UnknownTask("A job in Redis is none of our tasks; it was not run.", "See who else can write to this Redis.")
        task(arguments[0])

    @property
    def success_callback(self) -> None:
        """None: a callback is a name in Redis."""

    @property
    def failure_callback(self) -> None:
        """None: a callback is a name in Redis."""

    @property
    def stopped_callback(self) -> None:
        """None: a callback is a name in Redis."""

    def send_webhooks(self, *_arguments: object, **_options: object) -> None:
        """Send nothing: the addresses would be whatever stands in Redis."""


def queue(connection: redis.Redis, task: str, job_class: type[Job] = TableJob) -> Queue:
    """The queue of a task."""
    return Queue(task, connection=connection, serializer=JSONSerializer, job_class=job_class)


def ring(connection: redis.Redis, wakes: Iterable[Wake]) -> int:
    """Enqueue a job for each wake whose flag was down; how many. RedisError where Redis does not answer."""
    wanted = list(dict.fromkeys(wake for wake in wakes if wake.task in TASKS))
    if not wanted:
        return 0
    named = [(wake, uuid.uuid4().hex) for wake in wanted]
    with connection.pipeline(transaction=False) as pipeline:
        for wake, job_id in named:
            pipeline.set(_flag(wake), job_id, nx=True, ex=FLAG_SECONDS)
        raised = pipeline.execute()
    down = [one for one, was_down in zip(named, raised, strict=True) if was_down]
    for wake, job_id in down:
        _enqueue(connection, wake, job_id)
    return len(down)


def ring_again(connection: redis.Redis, wakes: Iterable[Wake]) -> int:
    """Ring for those whose flag has stood for a while although no job of theirs waits; how many.

    A worker that is killed between taking a job and lowering its flag would else silence the shop until the flag ends.
    """
    wanted = list(dict.fromkeys(wake for wake in wakes if wake.task in TASKS))
    with connection.pipeline(transaction=False) as pipeline:
        for wake in wanted:
            pipeline.get(_flag(wake))
            pipeline.ttl(_flag(wake))
        found = pipeline.execute()
    old = [
        wake
        for wake, job_id, left in zip(wanted, found[::2], found[1::2], strict=True)
        if job_id and 0 <= left <= FLAG_SECONDS - LOST_SECONDS and not _queued(connection, wake, job_id)
    ]
    for wake in old:
        lower(connection, wake)
    return ring(connection, old)


def _queued(connection: redis.Redis, wake: Wake, job_id: bytes | str) -> bool:
    name = job_id.decode() if isinstance(job_id, bytes) else job_id
    return connection.lpos(queue(connection, wake.task).key, name) is not None


def lower(connection: redis.Redis, wake: Wake) -> None:
    """Take the flag down: whatever arrives from now on rings again."""
    connection.delete(_flag(wake))


def lower_own(connection: redis.Redis, wake: Wake) -> None:
    """Take down the flag of the job that is under way, before the work is looked at.

    Where the clock has rung meanwhile, the flag is that of a job which still waits and will look too: it stays up. Taking it
    down would bring a second job into the queue at every turn of a busy shop, and the other shops behind all of them.
    """
    job_id = connection.get(_flag(wake))
    if job_id is not None and not (job_id and _queued(connection, wake, job_id)):
        lower(connection, wake)


def keep_up(connection: redis.Redis, wake: Wake) -> None:
    """Keep the flag up for a moment: whoever works at the task will look again before it lowers it."""
    connection.set(_flag(wake), _NO_JOB, ex=LINGER_SECONDS)


def _flag(wake: Wake) -> str:
    return f"connector:wake:{wake.task}:{wake.shop_id}"


def _enqueue(connection: redis.Redis, wake: Wake, job_id: str) -> None:
    try:
        queue(connection, wake.task).enqueue_call(
            func=wake.task,
            args=(wake.shop_id,),
            job_id=job_id,
            timeout=_LONGER_SECONDS.get(wake.task, JOB_SECONDS),
            ttl=FLAG_SECONDS,
            result_ttl=0,
            failure_ttl=_FAILED_SECONDS,
            description=f"{wake.task} shop {wake.shop_id}",
        )
    except redis.RedisError:
        with suppress(redis.RedisError):
            lower(connection, wake)
        raise


class Outage:
    """Says once that something is gone, and once that it is back."""

    def __init__(self, what: str, remedy: str) -> None:
        self._what, self._remedy, self._lasting = what, remedy, False

    def seen(self, error: Exception) -> None:
        """It failed."""
        if not self._lasting:
            log.warning(f"{self._what} does not answer", error=type(error).__name__, remedy=self._remedy)
        self._lasting = True

    def over(self) -> None:
        """It answered."""
        if self._lasting:
            log.warning(f"{self._what} answers again")
        self._lasting = False


class Waker:
    """Rings from one thread of its own, a few milliseconds after the first wake, so that many become one.

    `wake` never waits for Redis and never fails. While Redis is away the wakes are kept, one for each (task, shop).
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: set[Wake] = set()
        self._called = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._outage = Outage("Redis", "Deliveries are stored; the clock finds them when Redis is back.")

    def wake(self, *wakes: Wake) -> None:
        """Ring for these soon."""
        with self._lock:
            self._waiting.update(wakes)
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()
        self._called.set()

    def close(self) -> None:
        """Ring for what is waiting, once, and end the thread."""
        self._closed.set()
        self._called.set()
        if self._thread is not None:
            self._thread.join()
        with suppress(redis.RedisError):
            ring(self._connection, self._taken())

    def _run(self) -> None:
        while not self._closed.is_set():
            self._called.wait()
            self._closed.wait(_GATHER_SECONDS)
            self._called.clear()
            self._ring_or_keep(self._taken())

    def _taken(self) -> set[Wake]:
        with self._lock:
            taken, self._waiting = self._waiting, set()
        return taken

    def _ring_or_keep(self, wakes: set[Wake]) -> None:
        try:
            ring(self._connection, wakes)
            self._outage.over()
        except redis.RedisError as error:
            self._outage.seen(error)
            with self._lock:
                self._waiting |= wakes
            self._closed.wait(_REST_SECONDS)
            self._called.set()


def bound(table: Mapping[str, Callable[[int], None]]) -> type[Any]:
    """The job class of a worker that runs `table`."""
    return type("BoundJob", (TableJob,), {"table": MappingProxyType(dict(table))})
