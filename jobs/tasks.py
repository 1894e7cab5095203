"""The tasks of the table: lower the flag, then look, in passes, until nothing is due or the time is used."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import redis
import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from connector.db import event_views, merchants, refills
from connector.db import shops as shop_rows
from connector.domain.errors import ConnectorError
from connector.flow import (
    backfill,
    compare,
    deliver,
    ingest,
    linking,
    linking_steps,
    privacy,
    publish_stock,
    reconcile,
    settle,
    shops,
    tell,
    verify,
    watchdog,
)
from connector.flow.ingest import Drained
from connector.flow.wake import Wake
from connector.platform import Platform, Shop
from jobs import queue
from jobs.environment import Environment, now
from platforms import outgoing

TURN_SECONDS = 1.0  # so that one busy shop keeps no other waiting longer; it gets its next turn behind them
_VAIN_SECONDS = 1.0
_BACKGROUND_TURN_SECONDS = 2.0
_ALL_SHOPS = 0  # no shop has this id
_EVENTS = "events"
_BUSY_ROWS = 10  # a pass of so many is worth waiting a little for the next ones, so that they come together
_LINGER_SECONDS = 0.03
_INGEST_ROWS = 100
_DELIVER_ROWS = 100
_LOCKS = 7310  # the advisory locks of the tasks are (7310 + place in the table, shop)
_TRY_LOCK = text("SELECT pg_try_advisory_lock(:space, :shop)")
_UNLOCK = text("SELECT pg_advisory_unlock(:space, :shop)")
_WARD = 7309  # and the advisory locks of the workers that are with failing shops (7309, 0 ..)
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
    """One pass of the work, and from what a pass did whether another one may find something.

    `in_background`: short turns, and one worker at most for all shops together, so that the others serve what is live.
    `lingers`: see `_lingers`.
    """

    once: Callable[[Environment, Platform, Shop], Drained]
    go_on: Callable[[Drained], bool]
    in_background: bool = False
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class HouseTask:
    """One pass of a work that is of no shop, and which merchants it concerns at the moment."""

    whom: Callable[[Connection], Sequence[int]]
    once: Callable[[Environment], Drained]


def table(place: Workplace) -> Mapping[str, Callable[[int], None]]:
    """Task name -> the function of a shop's id."""
    return {name: partial(_guarded, place, name) for name in (*TASKS, *HOUSE_TASKS, _EVENTS)}


def _guarded(place: Workplace, name: str, shop_id: int) -> None:
    """Run a turn."""
    with _logged(task=name, shop=shop_id):
        turn(place, name, shop_id)


@contextmanager
def _logged(**where: object) -> Iterator[None]:
    """What goes wrong is logged with its remedy: the rows are still due, and the clock rings again."""
    try:
        yield
    except ConnectorError as error:
        log.warning(error.message, **where, remedy=error.remedy)
    except SQLAlchemyError as error:
        log.error("the database failed in a job", **where, error=type(error).__name__, remedy="See /readyz.")
    except Exception:  # a fault of ours must not end the worker, which other shops need
        log.exception("a job failed", **where, remedy="Report it with this trace; it is tried again by itself.")


def turn(place: Workplace, name: str, shop_id: int) -> None:
    """One turn of a shop at a task."""
    env = place.environment
    _lower(env, Wake(name, shop_id))
    if name in HOUSE_TASKS:
        _house_turn(place, name)
        return
    if name == _EVENTS:
        _events_turn(place, shop_id)
        return
    with _alone(env.engine, name, _ALL_SHOPS if TASKS[name].in_background else shop_id) as alone:
        if not alone:  # its own worker looks once more, or the clock rings again
            return
        with _ward(env, shop_id) as free:
            if free:
                _work(place, name, shops.by_id(env.engine, env.seal, shop_id))


def _house_turn(place: Workplace, name: str) -> None:
    """One pass for each merchant it concerns is all there is to do. What fails for one keeps no other from its pass."""
    env, duty = place.environment, HOUSE_TASKS[name]
    with _alone(env.engine, name, _ALL_SHOPS) as alone:
        for merchant_id in _concerned(env, duty) if alone else ():
            if place.stopping.is_set():
                return
            with _logged(task=name, merchant=merchant_id):
                place.waker.wake(*duty.once(env.of(merchant_id)).wakes)


def _concerned(env: Environment, duty: HouseTask) -> Sequence[int]:
    with env.engine.connect() as conn:
        return duty.whom(conn)


def _events_turn(place: Workplace, endpoint_id: int) -> None:
    """Tell one endpoint. All that fail share one worker, so that their time-outs keep none of the others waiting."""
    env = place.environment
    with env.engine.connect() as conn:
        endpoint, merchant_id = event_views.endpoint(conn, endpoint_id), event_views.owner(conn, endpoint_id)
    if endpoint is None or merchant_id is None:
        return
    with _alone(env.engine, _EVENTS, _ALL_SHOPS if endpoint.failing_since else endpoint_id) as alone:
        if not alone:
            return
        post, patience = partial(outgoing.post, env.http), env.settings.patience
        own = env.of(merchant_id).engine
        drained = tell.drain(own, env.seal, endpoint_id, post, now, random.random, seconds=TURN_SECONDS, patience=patience)
    if drained.more and not place.stopping.is_set():
        place.waker.wake(Wake(_EVENTS, endpoint_id))


def _work(place: Workplace, name: str, shop: Shop) -> None:
    env, task, wake = place.environment.of(shop.merchant_id), TASKS[name], Wake(name, shop.id)
    platform = env.platforms[shop.platform]
    end = time.monotonic() + (_BACKGROUND_TURN_SECONDS if task.in_background else TURN_SECONDS)
    lingering = False
    while True:
        began = time.monotonic()
        drained = task.once(env, platform, shop)
        place.waker.wake(*drained.wakes)
        in_vain = drained.finished == 0 and time.monotonic() - began > _VAIN_SECONDS  # the shop hangs: the others first
        if in_vain or (not task.go_on(drained) and not lingering):
            return
        if time.monotonic() >= end or place.stopping.is_set():
            _lower(env, wake)
            place.waker.wake(wake)
            return
        lingering = _lingers(place, task, wake, drained, lingering)


def _lingers(place: Workplace, task: Task, wake: Wake, drained: Drained, lingering: bool) -> bool:
    """At a busy shop nobody has to ring while its drain is alive: the flag stays up, and comes down before the last look."""
    busy = task.lingers and drained.finished >= _BUSY_ROWS
    if busy:
        _redis(place.environment, queue.keep_up, wake)
        if drained.finished < _INGEST_ROWS:
            place.stopping.wait(_LINGER_SECONDS)
    elif lingering:
        _lower(place.environment, wake)
    return busy


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


@contextmanager
def _ward(env: Environment, shop_id: int) -> Iterator[bool]:
    """Whether there is a worker to spare for the shop: shops whose last call failed get half of the workers at most.

    Else a few shops that do not answer would hold all workers in their time-outs, and the healthy ones would wait for them.
    """
    with env.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        if not shop_rows.is_failing(conn, shop_id):
            yield True
            return
        beds = [{"space": _WARD, "shop": bed} for bed in range(max(1, env.settings.workers // 2))]
        taken = next((bed for bed in beds if conn.execute(_TRY_LOCK, bed).scalar()), None)
        try:
            yield taken is not None
        finally:
            if taken is not None:
                conn.execute(_UNLOCK, taken)


def _looks(look: Callable[[], bool]) -> Iterator[bool]:
    """A turn that is just ending gets a moment to end, else what came after its last look would wait for the clock."""
    yield look()
    for _ in range(_LOOKS):
        time.sleep(_LOOK_SECONDS)
        yield look()


def _lower(env: Environment, wake: Wake) -> None:
    _redis(env, queue.lower_own, wake)


def _redis(env: Environment, change: Callable[[redis.Redis, Wake], None], wake: Wake) -> None:
    try:
        change(env.redis, wake)
    except redis.RedisError:  # the flag ends by itself after FLAG_SECONDS
        log.warning("a flag stayed up", task=wake.task, shop=wake.shop_id, remedy="See whether Redis answers.")


def _ingest(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return ingest.drain(env.engine, env.seal, platform, shop, now(), limit=_INGEST_ROWS, patience=env.settings.patience)


def _deliver(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return deliver.drain(
        env.engine,
        platform,
        shop,
        now,
        random.random,
        limit=_DELIVER_ROWS,
        seconds=TURN_SECONDS,
        at_once=env.settings.tellings_at_once,
        patience=env.settings.patience,
    )


def _poll(env: Environment, platform: Platform, shop: Shop) -> Drained:
    every = timedelta(seconds=env.settings.poll_seconds)
    return reconcile.poll(env.engine, platform, shop, now(), every=every, patience=env.settings.patience)


def _publish(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return publish_stock.drain(env.engine, env.seal, platform, shop, now, _fresh_key)


def _fresh_key() -> str:
    return str(uuid.uuid4())


def _link(env: Environment, platform: Platform, shop: Shop) -> Drained:
    linking.read_places(env.engine, platform, shop)
    if platform.goods is not None:
        linking.read_catalogue(env.engine, platform, shop, now())
    return Drained(1, more=False)


def _watch(env: Environment, platform: Platform, shop: Shop) -> Drained:
    watched = watchdog.watch(env.engine, env.seal, platform, shop, env.settings.public_url, now())
    for flaw in watched.left:
        log.warning("a webhook subscription is not well", shop=shop.id, topic=flaw.topic, problem=flaw.problem)
    return Drained(len(watched.found), more=False, wakes=watched.wakes)


def _reconcile(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return compare.step(env.engine, env.seal, platform, shop, now(), patience=env.settings.patience).drained()


def _backfill(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return backfill.step(env.engine, env.seal, platform, shop, now, env.settings.patience)


def _finished_some(drained: Drained) -> bool:
    return drained.finished > 0


def _has_more(drained: Drained) -> bool:
    return drained.more or drained.finished > 0


def _refill(env: Environment) -> Drained:
    return settle.settle(env.engine, now())


def _verify(env: Environment) -> Drained:
    return verify.hourly(env.engine, now())


# Of all a merchant has, not of one shop.
HOUSE_TASKS: Mapping[str, HouseTask] = {
    "refill": HouseTask(refills.merchants_waiting, _refill),
    "verify": HouseTask(merchants.ids, _verify),
}


def _install(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return linking_steps.drain(env.engine, env.seal, platform, shop, now, env.settings.public_url)


def _privacy(env: Environment, platform: Platform, shop: Shop) -> Drained:
    return privacy.drain(env.engine, env.seal, shop, now())


def _has_further(drained: Drained) -> bool:
    return drained.more


TASKS: Mapping[str, Task] = {
    "ingest": Task(_ingest, _finished_some, lingers=True),
    "deliver": Task(_deliver, _has_more),
    "install": Task(_install, _finished_some),
    "privacy": Task(_privacy, _finished_some),
    "publish": Task(_publish, _has_further),
    "link": Task(_link, _has_further),
    "poll": Task(_poll, _has_further),
    "watch": Task(_watch, _has_further),
    "reconcile": Task(_reconcile, _has_further, in_background=True),
    "backfill": Task(_backfill, _has_further, in_background=True),
}
