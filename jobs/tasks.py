"""The tasks of the table: lower the flag, then look, in passes, until nothing is due or the time is used."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import redis
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from connector.domain.errors import ConnectorError
from connector.flow import deliver, ingest, reconcile, settle, shops, verify
from connector.flow.ingest import Drained
from connector.flow.wake import Wake
from connector.platform import Platform, Shop
from jobs import queue
from jobs.environment import Environment, now

TURN_SECONDS = 5.0  # so that one busy shop keeps no other waiting longer; it gets its next turn behind them
_INGEST_ROWS = 100
_DELIVER_ROWS = 1  # each may take half a minute where the shop hangs
_LOCKS = 7310  # the advisory locks of the tasks are (7310 + place in the table, shop)
_TRY_LOCK = text("SELECT pg_try_advisory_lock(:space, :shop)")
_UNLOCK = text("SELECT pg_advisory_unlock(:space, :shop)")
_LOOKS = 2
_LOOK_SECONDS = 0.01

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workplace:
    """What the tasks of one worker share. `stopping` is set when the worker was asked to end."""

    environment: Environment
    waker: queue.Waker
    stopping: threading.Event


@dataclass(frozen=True, slots=True)
class Task:
    """One pass of the work, and from what a pass did whether another one may find something."""

    once: Callable[[Environment, Platform, Shop], Drained]
    go_on: Callable[[Drained], bool]


def table(place: Workplace) -> Mapping[str, Callable[[int], None]]:
    """Task name -> the function of a shop's id."""
    return {name: partial(_guarded, place, name) for name in (*TASKS, *HOUSE_TASKS)}


def _guarded(place: Workplace, name: str, shop_id: int) -> None:
    """Run a turn. What goes wrong is logged with its remedy: the rows are still due, and the clock rings again."""
    try:
        turn(place, name, shop_id)
    except ConnectorError as error:
        log.warning(error.message, task=name, shop=shop_id, remedy=error.remedy)
    except SQLAlchemyError as error:
        log.error("the database failed in a job", task=name, shop=shop_id, error=type(error).__name__, remedy="See /readyz.")
    except Exception:  # a fault of ours must not end the worker, which other shops need
        log.exception("a job failed", task=name, shop=shop_id, remedy="Report it with this trace; it is tried again by itself.")


def turn(place: Workplace, name: str, shop_id: int) -> None:
    """One turn of a shop at a task."""
    env = place.environment
    _lower(env, Wake(name, shop_id))
    with _alone(env.engine, name, shop_id) as alone:
        if alone:  # else its own worker looks once more, or the clock rings again
            _work(place, Wake(name, shop_id), *_passes(env, name, shop_id))


def _passes(env: Environment, name: str, shop_id: int) -> tuple[Callable[[], Drained], Callable[[Drained], bool]]:
    """One pass of the work, and whether another one may find something."""
    if name in HOUSE_TASKS:
        return partial(HOUSE_TASKS[name], env), lambda drained: drained.more
    shop = shops.by_id(env.engine, env.seal, shop_id)
    return partial(TASKS[name].once, env, env.platforms[shop.platform], shop), TASKS[name].go_on


def _work(place: Workplace, wake: Wake, once: Callable[[], Drained], go_on: Callable[[Drained], bool]) -> None:
    end = time.monotonic() + TURN_SECONDS
    while True:
        drained = once()
        place.waker.wake(*drained.wakes)
        if not go_on(drained):
            return
        if time.monotonic() >= end or place.stopping.is_set():
            place.waker.wake(wake)
            return


@contextmanager
def _alone(engine: Engine, name: str, shop_id: int) -> Iterator[bool]:
    """Whether this is the only worker at the task for the shop, for the time of the block.

    One that hangs in a slow shop's answers keeps one worker, and not one after the other. PostgreSQL frees the lock with
    its connection, so a killed worker leaves none behind.
    """
    lock = {"space": _LOCKS + queue.TASKS.index(name), "shop": shop_id % 2**31}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        alone = any(_looks(lambda: bool(conn.execute(_TRY_LOCK, lock).scalar())))
        try:
            yield alone
        finally:
            if alone:
                conn.execute(_UNLOCK, lock)


def _looks(look: Callable[[], bool]) -> Iterator[bool]:
    """A turn that is just ending gets a moment to end, else what came after its last look would wait for the clock."""
    yield look()
    for _ in range(_LOOKS):
        time.sleep(_LOOK_SECONDS)
        yield look()


def _lower(env: Environment, wake: Wake) -> None:
    try:
        queue.lower(env.redis, wake)
    except redis.RedisError:  # the flag ends by itself after FLAG_SECONDS
        log.warning("a flag stayed up", task=wake.task, shop=wake.shop_id, remedy="See whether Redis answers.")


def _ingest(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return ingest.drain(env.engine, env.seal, platform, shop, now(), limit=_INGEST_ROWS)


def _deliver(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return deliver.drain(env.engine, platform, shop, now, random.random, limit=_DELIVER_ROWS)


def _poll(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return reconcile.poll(env.engine, platform, shop, now(), every=timedelta(seconds=env.settings.poll_seconds))


def _finished_some(drained: Drained) -> bool:
    return drained.finished > 0


def _has_more(drained: Drained) -> bool:
    return drained.more or drained.finished > 0


def _refill(env: Environment) -> Drained:
    return settle.settle(env.engine, now())


def _verify(env: Environment) -> Drained:
    return verify.hourly(env.engine, now())


# Of the whole, not of one shop; one pass is all there is to do.
HOUSE_TASKS: Mapping[str, Callable[[Environment], Drained]] = {"refill": _refill, "verify": _verify}
TASKS: Mapping[str, Task] = {
    "ingest": Task(_ingest, _finished_some),
    "deliver": Task(_deliver, _has_more),
    "poll": Task(_poll, lambda drained: drained.more),
}
