"""Merchants, and what makes the rows of every other table one merchant's.

Two things keep merchants apart, and neither is a condition somebody has to write: the policies of `connector.db.walls`, by
which a merchant's transaction sees and writes that merchant's rows only; and foreign keys that carry the merchant along, so
that nobody, the house included, can make a row of one merchant refer to a shop, an order, an item, a location, a member of
staff or an endpoint of another.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, Identity, Integer, MetaData, Table, UniqueConstraint

from connector.db.tables.columns import TARGET, merchant, metadata, moment, words

merchants = Table(
    "merchants",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    words("name", None),
    moment("created_at", now=True),
    UniqueConstraint("name"),
)

# The house's own: read and written before it is known whose the request is, or of no merchant at all. No merchant's
# transaction can touch them (but see `connector.db.walls` for the two it may read).
HOUSE = frozenset({"merchants", "heartbeats", "install_states", "used_tokens", "sign_ins"})
# What rows of a merchant refer to by the merchant as well. Few: each costs an index.
_ANCHORS = frozenset({"shops", "orders", "items", "locations", "staff", "suppliers", "endpoints"})


def divide(tables: MetaData) -> None:
    """Give every table that is not the house's its merchant, and make the references of all of them."""
    for table in tables.tables.values():
        if table.name not in HOUSE and "merchant_id" not in table.c:
            table.append_column(merchant())
        if table.name in _ANCHORS:
            table.append_constraint(UniqueConstraint("id", "merchant_id"))
    for table in tables.tables.values():
        for column in [column for column in table.c if TARGET in column.info]:
            table.append_constraint(_foreign_key(table, column))


def _foreign_key(table: Table, column: Column[int]) -> ForeignKeyConstraint:
    target, ondelete = column.info[TARGET]
    theirs, _, _ = target.partition(".")
    if table.name in HOUSE or theirs not in _ANCHORS:
        return ForeignKeyConstraint([column.name], [target], ondelete=ondelete)
    return ForeignKeyConstraint([column.name, "merchant_id"], [target, f"{theirs}.merchant_id"], ondelete=ondelete)
