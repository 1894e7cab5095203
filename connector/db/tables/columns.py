"""What all tables are made of: the metadata with its naming rule, and the columns that every noun has."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, MetaData, Text, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TARGET = "target"  # what a column refers to, among its info
_WHOSE = "coalesce(nullif(current_setting('connector.merchant', true), ''), '1')::integer"


def row_id() -> Column[int]:
    return Column("id", BigInteger, Identity(), primary_key=True)


def moment(name: str, *, nullable: bool = False, now: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=text("now()") if now else None)


def words(name: str, default: str | None = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def count(name: str, default: str | None = "0") -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=default)


def reference(
    name: str, target: str, *, nullable: bool = False, primary_key: bool = False, ondelete: str | None = None
) -> Column[int]:
    """A column that refers to `target` ("orders.id"); `connector.db.tables.merchants` makes the foreign key of it."""
    return Column(name, BigInteger, nullable=nullable, primary_key=primary_key, info={TARGET: (target, ondelete)})


def merchant() -> Column[int]:
    """Whose the row is: the merchant of the transaction that writes it, or the first where the house writes.

    Every table that is not the house's has it by itself; a table names it only where a constraint needs it.
    """
    return Column("merchant_id", Integer, nullable=False, server_default=text(_WHOSE))
