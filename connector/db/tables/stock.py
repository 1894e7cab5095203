"""The tables of stock facts that no order causes, of transfers, and of the checks of the ledger."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, merchant, metadata, moment, reference, row_id, words

# One row for each fact under its caller's key: the same key again is the same fact, or refused.
stock_documents = Table(
    "stock_documents",
    metadata,
    row_id(),
    merchant(),
    words("kind", None),
    words("key", None),
    words("actor", None),
    words("note"),
    Column("lines", JSONB, nullable=False, server_default=text("'[]'")),
    moment("at", now=True),
    UniqueConstraint("merchant_id", "kind", "key"),
)

transfers = Table(
    "transfers",
    metadata,
    reference("document_id", "stock_documents.id", primary_key=True),
    reference("from_location_id", "locations.id"),
    reference("to_location_id", "locations.id"),
    CheckConstraint("from_location_id <> to_location_id", name="places"),
)

transfer_lines = Table(
    "transfer_lines",
    metadata,
    reference("document_id", "transfers.document_id"),
    reference("item_id", "items.id"),
    count("quantity", None),
    count("arrived"),
    count("lost"),
    PrimaryKeyConstraint("document_id", "item_id"),
    CheckConstraint("quantity > 0 and arrived >= 0 and lost >= 0 and arrived + lost <= quantity", name="quantity"),
    Index("ix_transfer_lines_open", "item_id", postgresql_where=text("arrived + lost < quantity")),
)

# Items to be settled: more became available while orders wait, or less is there than promised. Written by the statement that
# writes the movements, so that no cause is forgotten and no crash loses it.
refills = Table(
    "refills",
    metadata,
    reference("item_id", "items.id", primary_key=True),
    Column("rises", BigInteger, nullable=False, server_default="1"),
)

# Units of an item that a shop does not offer; every other item has the shop's setting `stock_buffer`.
buffers = Table(
    "buffers",
    metadata,
    reference("shop_id", "shops.id"),
    reference("item_id", "items.id"),
    count("units", None),
    PrimaryKeyConstraint("shop_id", "item_id"),
    CheckConstraint("units >= 0", name="units"),
)

stock_checks = Table(
    "stock_checks",
    metadata,
    row_id(),
    merchant(),
    moment("at"),
    count("differences", None),
    Column("found", JSONB, nullable=False, server_default=text("'[]'")),
    Index("ix_stock_checks_at", "merchant_id", "at"),
)
