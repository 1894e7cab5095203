"""What `connector doctor` looks at: each check is a function, and each finding says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import redis
from rq.worker import SimpleWorker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connector.db import drifts, event_views, inbox_views, ledger, migrate, outbox_views, shop_views, stock, stock_views, walls
from connector.domain.errors import ConnectorError
from connector.flow import shops
from connector.platform import Shop
from jobs import queue
from jobs.commands import soundness
from jobs.commands.session import differences
from jobs.commands.soundness import Check, Finding
from jobs.environment import Environment, now

_NAME_THEM = "`connector stock verify` names each; `--repair --dry-run` shows what would mend it."
_CLOCK_AGE = timedelta(seconds=60)


def examine(env: Environment, *, offline: bool) -> list[Finding]:
    """Every check in turn. Without a database, or with old tables, the others have nothing to look at."""
    findings = [*_guarded("database", _database, env), *_guarded("redis", _redis, env)]
    if not all(finding.ok for finding in findings if finding.check in ("database", "tables")):
        return findings
    checks = _LOCAL if offline else {**_LOCAL, **_REMOTE}
    return findings + [finding for name, check in checks.items() for finding in _guarded(name, check, env)]


def _guarded(name: str, check: Check, env: Environment) -> list[Finding]:
    try:
        return list(check(env))
    except SQLAlchemyError as error:
        said = f"The database does not answer ({type(error).__name__})."
        return [Finding(name, False, said, "Start it, or correct DATABASE_URL.")]
    except redis.RedisError as error:
        said = f"Redis does not answer ({type(error).__name__}); deliveries are stored meanwhile."
        return [Finding(name, False, said, "Start it, or correct REDIS_URL.")]
    except ConnectorError as error:
        return [Finding(name, False, error.message, error.remedy)]


def _database(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        version = conn.execute(text("SHOW server_version")).scalar()
    yield Finding("database", True, f"PostgreSQL {version} answers")
    drift = migrate.drift(env.engine)
    yield Finding(
        "tables", not drift, "newest" if not drift else differences(len(drift)), "" if not drift else "`connector migrate`"
    )


def _walls(env: Environment) -> Iterator[Finding]:
    """Where one is missing, merchants see each other's rows of that table."""
    with env.engine.connect() as conn:
        open_tables = walls.missing(conn)
    said = (
        f"merchants are not kept apart in {', '.join(open_tables)}" if open_tables else "merchants are kept apart in every table"
    )
    yield Finding("walls", not open_tables, said, "`connector migrate`" if open_tables else "")


def _redis(env: Environment) -> Iterator[Finding]:
    env.redis.ping()
    yield Finding("redis", True, "answers")
    workers = SimpleWorker.count(connection=env.redis)
    waiting = sum(queue.queue(env.redis, task).count for task in queue.TASKS)
    remedy = "" if workers else "Start `python -m jobs.worker`."
    yield Finding("worker", workers > 0, f"{workers} running, {waiting} jobs waiting", remedy)


def _clock(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        beat = inbox_views.heartbeat(conn, "clock")
    alive = beat is not None and now() - beat < _CLOCK_AGE
    said = "has never run" if beat is None else f"ran {(now() - beat).total_seconds():.0f} s ago"
    yield Finding("clock", alive, said, "" if alive else "Start `python -m jobs.clock`.")


def _boxes(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        standings = {"inbox": inbox_views.standings(conn), "outbox": outbox_views.standings(conn)}
    for box, rows in standings.items():
        dead = sum(row.rows for row in rows if row.state == "dead")
        waiting = sum(row.rows for row in rows if row.state == "waiting")
        remedy = f"`connector {box} list --state dead` says why; then `connector {box} replay`." if dead else ""
        yield Finding(box, not dead, f"{waiting} waiting, {dead} given up", remedy)


def _endpoints(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        rows = event_views.list_endpoints(conn)
    for row in rows:
        well = row.state == "active" and not row.failing_since and not row.dead
        said = f"{row.state}, {row.waiting} waiting, {row.dead} given up. {row.state_reason}".strip()
        remedy = (
            "" if well else f"`connector events list --endpoint {row.id}` says why; then `endpoints resume`, `events replay`."
        )
        yield Finding(f"endpoint {row.id} {row.name or row.url}", well, said, remedy)


def _levels(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        wrong = len(stock.unbalanced(conn)) + len(ledger.promises(conn))
        last = ledger.last_check(conn)
    checked = "never checked" if last is None else f"last whole check {last.at:%Y-%m-%d %H:%M}: {differences(last.differences)}"
    well = not wrong and (last is None or not last.differences)
    said = "levels are the sums of their movements" if not wrong else f"{wrong} levels or promises do not add up"
    yield Finding("stock", well, f"{said}; {checked}", "" if well else _NAME_THEM)


def _places(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        places, goods = stock_views.list_locations(conn), stock_views.list_items(conn, limit=1)
        linked = [(shop.name, shop_views.links(conn, shop.id)) for shop in shop_views.list_shops(conn)]
    yield Finding("locations", bool(places), f"{len(places)}", "" if places else "`connector locations add CODE NAME`")
    yield Finding("items", bool(goods), "there are some" if goods else "none", "" if goods else "`connector items add`")
    for name, links in linked:
        loose = [link.name or link.external_id for link in links if not link.location]
        if loose:
            yield Finding(f"locations of {name}", False, "not linked: " + ", ".join(loose), "`connector locations link`")


def _drifts(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        open_ones = drifts.open_by_shop(conn)
        names = {shop.id: shop.name for shop in shop_views.list_shops(conn)}
    for shop_id, count in open_ones.items():
        remedy = f"`connector drift --state open` says what; `connector reconcile {shop_id}` mends it."
        yield Finding(f"drift of {names[shop_id]}", False, differences(count), remedy)
    if not open_ones:
        yield Finding("drift", True, "nothing is known to differ from the shops")


_SHOP_REMEDIES = {
    True: "Link it again with `connector shops add`.",
    False: "It is tried again by itself; if it lasts, look whether the shop is up.",
}


def _shop_states(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        rows = shop_views.list_shops(conn)
    if not rows:
        yield Finding("shops", False, "none is linked", "`connector shops add PLATFORM`")
    for row in rows:
        resting = row.paused_until is not None and row.paused_until > now()
        well = row.state != "paused" and not resting
        said = f"{row.state} {row.state_reason}".strip()
        yield Finding(f"shop {row.id} {row.name}", well, said, "" if well else _SHOP_REMEDIES[row.state == "paused"])


def _shop_calls(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        rows = [row for row in shop_views.list_shops(conn) if row.state != "uninstalled" and row.platform in env.platforms]
    for row in rows:
        yield from _guarded(f"call to {row.name}", _call(row.id, row.name), env)


def _webhooks(env: Environment, shop: Shop) -> Finding:
    platform = env.platforms[shop.platform]
    flaws = platform.flaws(shop, shops.webhook_url(platform, shop, env.settings.public_url))
    said = ", ".join(f"{flaw.topic} {flaw.problem}" for flaw in flaws) or "all stand and point at us"
    remedy = f"They are made anew within the hour; at once by `connector reconcile {shop.id}`." if flaws else ""
    return Finding(f"webhooks of {shop.name}", not flaws, said, remedy)


def _call(shop_id: int, name: str) -> Check:
    def check(env: Environment) -> Iterator[Finding]:
        shop = shops.by_id(env.engine, env.seal, shop_id)
        account = env.platforms[shop.platform].check(shop)
        yield Finding(f"call to {name}", True, f"answers as {account.name}")
        yield _webhooks(env, shop)

    return check


_LOCAL: dict[str, Check] = {
    **soundness.CHECKS,
    "walls": _walls,
    "clock": _clock,
    "boxes": _boxes,
    "endpoints": _endpoints,
    "stock": _levels,
    "places": _places,
    "shops": _shop_states,
    "drift": _drifts,
}
_REMOTE: dict[str, Check] = {"calls": _shop_calls}
