"""Is the process alive, can the whole do its work, and the figures for a monitoring system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import redis
from flask import Blueprint, Response, jsonify
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from connector.db import inbox_views, outbox_views
from webhooks import metrics

_OLDEST_WAITING = timedelta(minutes=5)
_LEAST_CLOCK_AGE = timedelta(seconds=30)
_CLOCK_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    ok: bool
    said: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the looks need."""

    engine: Engine
    redis: redis.Redis
    clock_seconds: float
    now: Callable[[], datetime]


def blueprint(vitals: Vitals) -> Blueprint:
    """/healthz: this process answers. /readyz: everything it depends on, 503 with the cause. /metrics: Prometheus."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def alive() -> Response:
        return Response("alive\n", mimetype="text/plain")

    @health.get("/readyz")
    def ready() -> tuple[Response, int]:
        findings = look(vitals)
        well = all(finding.ok for finding in findings.values())
        return jsonify(ready=well, **{name: asdict(finding) for name, finding in findings.items()}), 200 if well else 503

    @health.get("/metrics")
    def figures() -> Response:
        try:
            with vitals.engine.connect() as conn:
                page = metrics.text(conn, vitals.redis, vitals.now())
        except SQLAlchemyError as error:
            return Response(f"the database does not answer: {type(error).__name__}\n", 503, mimetype="text/plain")
        return Response(page, content_type="text/plain; version=0.0.4; charset=utf-8")

    return health


def look(vitals: Vitals) -> Mapping[str, Finding]:
    """Every check with its result; a check that fails never keeps the others from being made."""
    return {name: _checked(check, vitals) for name, check in _CHECKS.items()}


def _checked(check: Callable[[Vitals], Finding], vitals: Vitals) -> Finding:
    try:
        return check(vitals)
    except SQLAlchemyError as error:
        return Finding(False, f"The database does not answer ({type(error).__name__}).", "Start it, or correct DATABASE_URL.")
    except redis.RedisError as error:
        return Finding(
            False,
            f"Redis does not answer ({type(error).__name__}).",
            "Start it, or correct REDIS_URL. Deliveries are stored meanwhile and lost is none.",
        )


def _database(vitals: Vitals) -> Finding:
    with vitals.engine.connect() as conn:
        conn.execute(text("SELECT 1"))
    return Finding(True, "answers")


def _redis(vitals: Vitals) -> Finding:
    vitals.redis.ping()
    return Finding(True, "answers")


def _clock(vitals: Vitals) -> Finding:
    with vitals.engine.connect() as conn:
        beat = inbox_views.heartbeat(conn, "clock")
    if beat is None:
        return Finding(False, "The clock has never run.", "Start `python -m jobs.clock`.")
    age = vitals.now() - beat
    if age > max(_LEAST_CLOCK_AGE, timedelta(seconds=_CLOCK_ROUNDS * vitals.clock_seconds)):
        return Finding(False, f"The clock stopped {age.total_seconds():.0f} s ago.", "Start `python -m jobs.clock` again.")
    return Finding(True, f"ran {age.total_seconds():.0f} s ago")


def _inbox(vitals: Vitals) -> Finding:
    now = vitals.now()
    with vitals.engine.connect() as conn:
        oldest = inbox_views.oldest_due(conn, now)
    if oldest is not None and now - oldest > _OLDEST_WAITING:
        age = (now - oldest).total_seconds()
        return Finding(False, f"A delivery has waited for {age:.0f} s.", "See whether `python -m jobs.worker` runs.")
    return Finding(True, "nothing waits too long")


def _outbox(vitals: Vitals) -> Finding:
    now = vitals.now()
    with vitals.engine.connect() as conn:
        oldest = outbox_views.oldest_due(conn, now)
    if oldest is not None and now - oldest > _OLDEST_WAITING:
        age = (now - oldest).total_seconds()
        return Finding(False, f"A platform should have been told {age:.0f} s ago.", "See whether `python -m jobs.worker` runs.")
    return Finding(True, "nothing waits too long")


_CHECKS: Mapping[str, Callable[[Vitals], Finding]] = {
    "database": _database,
    "redis": _redis,
    "clock": _clock,
    "inbox": _inbox,
    "outbox": _outbox,
}
