"""The one way to a database connection: PostgreSQL through psycopg 3, with bounds on everything that waits."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine

_STATEMENT_SECONDS = 30
_LOCK_SECONDS = 10
_IDLE_IN_TRANSACTION_SECONDS = 60
# Turns and the clock's lead are locks of a connection. A machine that vanishes says no good-bye, so both ends ask whether
# the other is still there: within 9 s the server frees what a lost machine held (its own default is two hours).
_ASK_AFTER_SECONDS, _ASK_EVERY_SECONDS, _ASK_TIMES = 3, 2, 3


def create(url: str, *, pool_size: int = 5, name: str = "connector") -> Engine:
    """An engine for `url` (postgresql://…): at most `pool_size` connections, checked before use after a server restart."""
    options = (
        f"-c statement_timeout={_STATEMENT_SECONDS * 1000} -c lock_timeout={_LOCK_SECONDS * 1000} "
        f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION_SECONDS * 1000} -c timezone=UTC "
        f"-c tcp_keepalives_idle={_ASK_AFTER_SECONDS} -c tcp_keepalives_interval={_ASK_EVERY_SECONDS} "
        f"-c tcp_keepalives_count={_ASK_TIMES}"
    )
    asking = {"keepalives_idle": _ASK_AFTER_SECONDS, "keepalives_interval": _ASK_EVERY_SECONDS, "keepalives_count": _ASK_TIMES}
    return create_engine(
        _with_driver(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged, and parameters hold personal data
        connect_args={"options": options, "application_name": name, "connect_timeout": 5, **asking},
    )


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    return scheme + separator + rest
