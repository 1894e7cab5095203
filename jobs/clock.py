"""`python -m jobs.clock`: every few seconds looks for what is due and rings for it.

Several may run; one leads, by a lock in PostgreSQL that is free again the moment its holder's connection ends.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

import redis
import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from config import logging, settings
from connector.flow import due
from jobs import queue
from jobs.environment import Environment, now, opened

_LOCK = 0x636C6F636B  # "clock": the advisory lock's number, the same in all clocks on one database

log = structlog.get_logger(__name__)


class Leadership:
    """The lock of the leading clock, held by a connection that is kept open for nothing else."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._holder: Connection | None = None

    def held(self) -> bool:
        """Whether this clock leads; takes the lead where nobody has it. SQLAlchemyError where the database is away."""
        try:
            if self._holder is not None:
                self._holder.execute(text("SELECT 1"))
                return True
            return self._taken()
        except SQLAlchemyError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Close the connection, and with it the lock."""
        if self._holder is not None:
            self._holder.invalidate()
            self._holder.close()
            self._holder = None

    def _taken(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = bool(connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar())
        if taken:
            self._holder = connection
            log.info("the clock leads")
        else:
            connection.close()
        return taken


def tick(environment: Environment, leadership: Leadership) -> int:
    """One look; how many jobs were rung for. Does nothing where another clock leads."""
    if not leadership.held():
        return 0
    wakes = due.due(environment.engine, now())
    return queue.ring(environment.redis, wakes) + queue.ring_again(environment.redis, wakes)


def run(environment: Environment, stopping: threading.Event, tick_once: Callable[[Environment, Leadership], int] = tick) -> None:
    """Tick until `stopping` is set, over any outage of PostgreSQL or Redis."""
    leadership = Leadership(environment.engine)
    database = queue.Outage("PostgreSQL", "Start it, or correct DATABASE_URL.")
    bell = queue.Outage("Redis", "Start it, or correct REDIS_URL.")
    while not stopping.is_set():
        try:
            tick_once(environment, leadership)
            database.over()
            bell.over()
        except SQLAlchemyError as error:
            database.seen(error)
        except redis.RedisError as error:
            bell.seen(error)
        except Exception:  # a fault in one look must not be the last look
            log.exception("the clock stumbled", remedy="Report it with this trace; it looks again by itself.")
        stopping.wait(environment.settings.clock_seconds)
    leadership.give_up()


def main() -> None:
    """The process's entry."""
    stopping = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    chosen = settings.load()
    logging.configure(chosen)
    with opened(chosen, name="clock", pool_size=2) as environment:
        log.info("the clock runs", seconds=chosen.clock_seconds)
        run(environment, stopping)
    log.info("the clock has stopped")


if __name__ == "__main__":
    main()
