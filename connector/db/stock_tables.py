"""The tables of stock facts that no order causes, of transfers, and of the checks of the ledger."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables import _count, _id, _ref, _text, _time, metadata

# One row for each fact under its caller's key: the same key again is the same fact, or refused.
stock_documents = Table(
    "stock_documents",
    metadata,
    _id(),
    _text("kind", None),
    _text("key", None),
    _text("actor", None),
    _text("note"),
    Column("lines", JSONB, nullable=False, server_default=text("'[]'")),
    _time("at", now=True),
    UniqueConstraint("kind", "key"),
)

transfers = Table(
    "transfers",
    metadata,
    Column("document_id", BigInteger, ForeignKey("stock_documents.id"), primary_key=True),
    _ref("from_location_id", "locations.id"),
    _ref("to_location_id", "locations.id"),
    CheckConstraint("from_location_id <> to_location_id", name="places"),
)

transfer_lines = Table(
    "transfer_lines",
    metadata,
    _ref("document_id", "transfers.document_id"),
    _ref("item_id", "items.id"),
    _count("quantity", None),
    _count("arrived"),
    _count("lost"),
    PrimaryKeyConstraint("document_id", "item_id"),
    CheckConstraint("quantity > 0 and arrived >= 0 and lost >= 0 and arrived + lost <= quantity", name="quantity"),
    Index("ix_transfer_lines_open", "item_id", postgresql_where=text("arrived + lost < quantity")),
)

# Items to be settled: more became available while orders wait, or less is there than promised. Written by the statement that
# writes the movements, so that no cause is forgotten and no crash loses it.
refills = Table(
    "refills",
    metadata,
    Column("item_id", BigInteger, ForeignKey("items.id"), primary_key=True),
    Column("rises", BigInteger, nullable=False, server_default="1"),
)

# Units of an item that a shop does not offer; every other item has the shop's setting `stock_buffer`.
buffers = Table(
    "buffers",
    metadata,
    _ref("shop_id", "shops.id"),
    _ref("item_id", "items.id"),
    _count("units", None),
    PrimaryKeyConstraint("shop_id", "item_id"),
    CheckConstraint("units >= 0", name="units"),
)

stock_checks = Table(
    "stock_checks",
    metadata,
    _id(),
    _time("at"),
    _count("differences", None),
    Column("found", JSONB, nullable=False, server_default=text("'[]'")),
    Index("ix_stock_checks_at", "at"),
)
