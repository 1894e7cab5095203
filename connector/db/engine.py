"""The one way to a database connection: PostgreSQL through psycopg 3, with bounds on everything that waits."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine

_STATEMENT_SECONDS = 30
_LOCK_SECONDS = 10
_IDLE_IN_TRANSACTION_SECONDS = 60


def create(url: str, *, pool_size: int = 5, name: str = "connector") -> Engine:
    """An engine for `url` (postgresql://…): at most `pool_size` connections, checked before use after a server restart."""
    options = (
        f"-c statement_timeout={_STATEMENT_SECONDS * 1000} -c lock_timeout={_LOCK_SECONDS * 1000} "
        f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION_SECONDS * 1000} -c timezone=UTC"
    )
    return create_engine(
        _with_driver(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged, and parameters hold personal data
        connect_args={"options": options, "application_name": name, "connect_timeout": 5},
    )


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    return scheme + separator + rest
