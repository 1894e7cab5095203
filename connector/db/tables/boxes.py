"""What comes in, what goes out."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, merchant, metadata, moment, reference, row_id, words

inbox = Table(
    "inbox",
    metadata,
    row_id(),
    merchant(),
    reference("shop_id", "shops.id"),
    words("dedup_key", None),
    words("topic"),
    words("kind", None),
    words("external_id"),
    Column("sealed_body", LargeBinary, nullable=True),
    moment("received_at", now=True),
    words("state", "waiting"),
    words("reason"),
    count("tries"),
    count("repeats"),
    moment("due_at", now=True),
    moment("finished_at", nullable=True),
    UniqueConstraint("shop_id", "dedup_key"),
    CheckConstraint("state in ('waiting', 'done', 'ignored', 'dead')", name="state"),
    Index("ix_inbox_due", "shop_id", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_inbox_received", "received_at"),
    Index("ix_inbox_merchant", "merchant_id", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    row_id(),
    merchant(),
    reference("shop_id", "shops.id"),
    reference("order_id", "orders.id"),
    reference("fulfillment_order_id", "fulfillment_orders.id", nullable=True),
    words("act", None),
    words("effect_key", None),
    Column("announcement", JSONB, nullable=False),
    moment("created_at", now=True),
    words("state", "waiting"),
    words("outcome"),
    words("reason"),
    count("tries"),
    moment("due_at", now=True),
    moment("leased_until", nullable=True),
    moment("finished_at", nullable=True),
    UniqueConstraint("effect_key"),
    CheckConstraint("state in ('waiting', 'delivered', 'dead')", name="state"),
    Index("ix_outbox_due", "shop_id", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_outbox_order", "order_id", "id"),
    Index("ix_outbox_merchant", "merchant_id", "id"),
)

attempts = Table(
    "attempts",
    metadata,
    row_id(),
    reference("outbox_id", "outbox.id"),
    moment("at", now=True),
    words("outcome", None),
    words("detail"),
    count("milliseconds"),
    Index("ix_attempts_outbox", "outbox_id"),
)
