"""The one way to a database connection: PostgreSQL through psycopg 3, with bounds on everything that waits.

An engine as `create` makes it is the house's: it sees all merchants, and is for doors that do not know yet whose a request
is, and for work on the whole. `of_merchant` makes of it what a merchant's work is done with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, event

from connector.db.walls import ROLE

_STATEMENT_SECONDS = 30
_LOCK_SECONDS = 10
_IDLE_IN_TRANSACTION_SECONDS = 60
# Turns and the clock's lead are locks of a connection. A machine that vanishes says no good-bye, so both ends ask whether
# the other is still there: within 9 s the server frees what a lost machine held (its own default is two hours).
_ASK_AFTER_SECONDS, _ASK_EVERY_SECONDS, _ASK_TIMES = 3, 2, 3
MERCHANT = "merchant"  # the option of an engine that says whose it is
_STEP_IN = "SELECT set_config('role', %s, true), set_config('connector.merchant', %s, true)"


def create(url: str, *, pool_size: int = 5, name: str = "connector") -> Engine:
    """An engine for `url` (postgresql://…): at most `pool_size` connections, checked before use after a server restart."""
    options = (
        f"-c statement_timeout={_STATEMENT_SECONDS * 1000} -c lock_timeout={_LOCK_SECONDS * 1000} "
        f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION_SECONDS * 1000} -c timezone=UTC "
        f"-c tcp_keepalives_idle={_ASK_AFTER_SECONDS} -c tcp_keepalives_interval={_ASK_EVERY_SECONDS} "
        f"-c tcp_keepalives_count={_ASK_TIMES}"
    )
    asking = {"keepalives_idle": _ASK_AFTER_SECONDS, "keepalives_interval": _ASK_EVERY_SECONDS, "keepalives_count": _ASK_TIMES}
    engine = create_engine(
        _with_driver(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged, and parameters hold personal data
        connect_args={"options": options, "application_name": name, "connect_timeout": 5, **asking},
    )
    event.listen(engine, "begin", _step_in)
    return engine


def of_merchant(engine: Engine, merchant_id: int) -> Engine:
    """The same pool, each of whose transactions sees and writes this merchant's rows only."""
    return engine.execution_options(**{MERCHANT: merchant_id})


def merchant_of(conn: Connection) -> int | None:
    """Whose transaction this is; None where it is the house's."""
    found: int | None = conn.get_execution_options().get(MERCHANT)
    return found


@contextmanager
def stepped_out(conn: Connection) -> Iterator[None]:
    """For COPY into a table, which PostgreSQL refuses behind a policy. The rows are the merchant's all the same: `merchant_id`
    is none of their columns, and its default is the merchant of the transaction. After an error the transaction, or its
    savepoint, is rolled back, and with it this."""
    if merchant_of(conn) is None:
        yield
        return
    conn.exec_driver_sql("SET LOCAL ROLE NONE")
    yield
    conn.exec_driver_sql(f"SET LOCAL ROLE {ROLE}")


def _step_in(conn: Connection) -> None:
    """Behind the merchant's wall, until the transaction ends: both settings are forgotten with it, so that the connection
    goes back to the pool as it was."""
    merchant_id = merchant_of(conn)
    if merchant_id is None:
        return
    if getattr(conn.connection.dbapi_connection, "autocommit", False):
        raise RuntimeError("A merchant's work needs transactions: take the house's engine for AUTOCOMMIT.")
    conn.exec_driver_sql(_STEP_IN, (ROLE, str(merchant_id)))


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    return scheme + separator + rest
