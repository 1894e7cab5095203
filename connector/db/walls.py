"""The walls between merchants: PostgreSQL's row-level security, put up on every table that is not the house's.

A transaction of a merchant runs in the role ROLE with `connector.merchant` set (`connector.db.engine.of_merchant`), and the
policies show it the rows of that merchant and no others: a query that forgets to ask whose rows it reads finds no others to
forget about. The owner of the tables, in whose name the house connects, is not bound by them.

Putting them up belongs to bringing the schema up to date and not to one migration: a table that a later migration adds is
walled in by the same run, and so is a database that was restored where the role did not exist.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from connector.db.tables import HOUSE, metadata
from connector.domain.errors import ConnectorError

ROLE = "connector_merchant"
POLICY = "own_merchant"
# Found once for a statement, not once for a row, and an error where it was not set.
_MERCHANT = "(SELECT current_setting('connector.merchant')::integer)"
_READABLE = ("heartbeats",)  # of the house's tables; of `merchants` a merchant sees its own row

# What orders are found by has an index whose operator PostgreSQL does not use behind a policy (`@>` is not "leakproof").
# So searches read this view, which has the wall's condition in it: its owner's rights let the planner use the index.
_WORDS = """
    CREATE VIEW own_order_words AS SELECT order_id, folded, grams FROM order_words
    WHERE merchant_id = coalesce(nullif(current_setting('connector.merchant', true), '')::integer, merchant_id)
    """


def build(conn: Connection) -> None:
    """Put up what is missing: the role, the policies, the rights. ConnectorError where the role cannot be made."""
    _make_role(conn)
    _enter(conn)
    for table in missing(conn):
        if table == "merchants":
            _wall(conn, table, "id", rights="SELECT")
        else:
            _wall(conn, table, "merchant_id")
    if conn.execute(text("SELECT to_regclass('own_order_words')")).scalar() is None:
        conn.execute(text(_WORDS))
    schema = conn.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    conn.execute(text(f"GRANT SELECT ON own_order_words, {', '.join(_READABLE)} TO {ROLE}"))
    conn.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {ROLE}"))


def walled(conn: Connection) -> set[str]:
    """The tables whose policy stands and is in force."""
    found = text(
        "SELECT p.tablename FROM pg_policies p JOIN pg_tables t ON t.schemaname = p.schemaname AND t.tablename = p.tablename "
        "WHERE p.schemaname = current_schema() AND p.policyname = :policy AND t.rowsecurity"
    )
    return set(conn.execute(found, {"policy": POLICY}).scalars())


def missing(conn: Connection) -> list[str]:
    """The tables that should have a wall and have none."""
    return sorted((metadata.tables.keys() - HOUSE | {"merchants"}) - walled(conn))


def _wall(conn: Connection, table: str, column: str, rights: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    own = f"{column} = {_MERCHANT}"
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS {POLICY} ON {table}",
        f"CREATE POLICY {POLICY} ON {table} TO {ROLE} USING ({own}) WITH CHECK ({own})",
        f"GRANT {rights} ON {table} TO {ROLE}",
    ):
        conn.execute(text(statement))


def _make_role(conn: Connection) -> None:
    """Roles are of the whole server: another database of it may have made this one, or be making it now."""
    if _role_exists(conn):
        return
    try:
        with conn.begin_nested():
            conn.execute(text(f"CREATE ROLE {ROLE} NOLOGIN"))
    except (IntegrityError, ProgrammingError) as error:
        if not _role_exists(conn):
            raise _refused(conn, f"CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO") from error


def _enter(conn: Connection) -> None:
    """Be able to step into the role: whoever made it may grant it, also to itself."""
    if _enters(conn):
        return
    try:
        with conn.begin_nested():
            conn.execute(text(f"GRANT {ROLE} TO CURRENT_USER"))
    except DBAPIError as error:
        raise _refused(conn, f"GRANT {ROLE} TO") from error
    if not _enters(conn):
        raise _refused(conn, f"GRANT {ROLE} TO")


def _enters(conn: Connection) -> bool:
    try:
        with conn.begin_nested():
            conn.execute(text(f"SET LOCAL ROLE {ROLE}"))
            conn.execute(text("SET LOCAL ROLE NONE"))
    except ProgrammingError:
        return False
    return True


def _role_exists(conn: Connection) -> bool:
    return conn.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": ROLE}).first() is not None


def _refused(conn: Connection, remedy: str) -> ConnectorError:
    user = conn.execute(text("SELECT quote_ident(current_user)")).scalar_one()
    return ConnectorError(
        f"The database user {user} may not use the role {ROLE}, which keeps merchants apart.",
        f"As an administrator of the server run: {remedy} {user};",
    )
