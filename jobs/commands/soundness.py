"""What `connector doctor` looks at besides the trade: time, keys, address, disk, connections, and whether work goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select, text

from connector.db import inbox_views, outbox_views, shop_views
from connector.db.tables import shops
from connector.domain.errors import ConnectorError
from jobs.environment import Environment, now

_MOST_SKEW = timedelta(seconds=5)
_OLDEST_DUE = timedelta(minutes=5)
_LEAST_FREE_BYTES = 2 * 1024**3
_WEB_SPARE_CONNECTIONS = 10
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    ok: bool
    said: str
    remedy: str = ""


Check = Callable[[Environment], Iterable[Finding]]


def _time(env: Environment) -> Iterator[Finding]:
    """Leases and retries compare this machine's time with stamps that other machines wrote."""
    with env.engine.connect() as conn:
        skew = abs(now() - conn.execute(text("SELECT clock_timestamp()")).scalar_one())
    well = skew < _MOST_SKEW
    remedy = "" if well else "Let both machines keep network time (chrony, systemd-timesyncd)."
    yield Finding("time", well, f"this machine and the database differ by {skew.total_seconds():.1f} s", remedy)


def _keys(env: Environment) -> Iterator[Finding]:
    """A shop whose credentials were sealed with a key we no longer have cannot be worked for."""
    with env.engine.connect() as conn:
        rows = conn.execute(select(shops.c.id, shops.c.name, shops.c.sealed_credentials)).all()
    closed = [f"{row.id} {row.name}" for row in rows if not _opens(env, row.sealed_credentials)]
    remedy = "Add the key they were sealed with to SEAL_KEYS, behind the newest; else link them again." if closed else ""
    said = "cannot open the credentials of " + ", ".join(closed) if closed else f"open the credentials of {len(rows)} shops"
    yield Finding("seal keys", not closed, said, remedy)


def _opens(env: Environment, sealed: bytes) -> bool:
    try:
        env.seal.open_json(sealed)
    except ConnectorError:
        return False
    return True


def _address(env: Environment) -> Iterator[Finding]:
    """Platforms send to https addresses they can reach; the sandbox's shops reach this machine."""
    url = urlsplit(env.settings.public_url)
    for_platforms = url.scheme == "https" and url.hostname not in _LOCAL_HOSTS
    well = for_platforms or env.settings.allow_private_shops or not _any_shop(env)
    remedy = "" if well else "Set PUBLIC_URL to the https address under which the platforms reach us, then link the shops again."
    yield Finding("public address", well, env.settings.public_url, remedy)


def _any_shop(env: Environment) -> bool:
    with env.engine.connect() as conn:
        return bool(shop_views.list_shops(conn))


def _disk(env: Environment) -> Iterator[Finding]:
    if env.settings.database_url is not None and env.settings.redis_url is not None:
        return
    free = shutil.disk_usage(env.settings.data_dir).free
    well = free >= _LEAST_FREE_BYTES
    remedy = f"Make room in {env.settings.data_dir}, or choose another DATA_DIR: PostgreSQL stops when the disk is full."
    yield Finding("disk", well, f"{free / 1024**3:.1f} GiB free for the embedded services", "" if well else remedy)


def _connections(env: Environment) -> Iterator[Finding]:
    """What all our processes may open together must fit into what PostgreSQL admits."""
    chosen = env.settings
    wanted = chosen.web_processes * chosen.web_threads + 5 * chosen.workers + 2 + _WEB_SPARE_CONNECTIONS
    with env.engine.connect() as conn:
        most = int(conn.execute(text("SHOW max_connections")).scalar_one())
    well = wanted <= most
    remedy = "" if well else "Raise max_connections, put PgBouncer in front, or lower WEB_PROCESSES, WEB_THREADS or WORKERS."
    yield Finding("connections", well, f"{wanted} at most are opened, PostgreSQL admits {most}", remedy)


def _progress(env: Environment) -> Iterator[Finding]:
    with env.engine.connect() as conn:
        oldest = {"inbox": inbox_views.oldest_due(conn, now()), "outbox": outbox_views.oldest_due(conn, now())}
    for box, since in oldest.items():
        yield _waits(box, since)


def _waits(box: str, since: datetime | None) -> Finding:
    age = now() - since if since is not None else timedelta(0)
    well = age < _OLDEST_DUE
    remedy = "" if well else "Start more workers (`python -m jobs.worker`), or see in their log what they stumble over."
    return Finding(f"{box} at work", well, f"the oldest due row waits {age.total_seconds():.0f} s", remedy)


CHECKS: dict[str, Check] = {
    "time": _time,
    "seal keys": _keys,
    "public address": _address,
    "disk": _disk,
    "connections": _connections,
    "progress": _progress,
}
