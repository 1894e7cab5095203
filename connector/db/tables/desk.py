"""The tables of people's work: staff, their acts and views, picking, notes, and what orders are found by.

Conventions as in the package; the others hold what orders and stock stand on."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from connector.db.tables.boxes import inbox, outbox
from connector.db.tables.columns import count, merchant, metadata, moment, reference, row_id, words

staff = Table(
    "staff",
    metadata,
    row_id(),
    words("name", None),
    words("name_folded", None),
    words("role", None),
    # Empty for someone who comes in through a platform's admin: nobody signs in under that name.
    words("password_hash", None),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # Raised by everything that must end the sessions that are open: a new password, a disabled account.
    count("stamp"),
    moment("created_at", now=True),
    # Over all merchants: whoever signs in gives a name and no merchant.
    UniqueConstraint("name_folded"),
    CheckConstraint("role in ('viewer', 'picker', 'operator', 'owner')", name="role"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    row_id(),
    words("name_folded", None),
    words("address", None),
    Column("succeeded", Boolean, nullable=False),
    moment("at", now=True),
    Index("ix_sign_ins_name", "name_folded", "at"),
    Index("ix_sign_ins_address", "address", "at"),
)

# Written before the act and completed after it: there is no act without its row.
audit = Table(
    "audit",
    metadata,
    row_id(),
    merchant(),
    moment("at", now=True),
    words("actor", None),
    reference("staff_id", "staff.id", nullable=True),
    words("act", None),
    words("subject"),
    words("outcome", "begun"),
    Index("ix_audit_at", "at"),
    Index("ix_audit_merchant", "merchant_id", "id"),
)

# Trigrams as numbers under a GIN index, because the embedded server has no pg_trgm (see `connector.domain.text.grams`).
order_words = Table(
    "order_words",
    metadata,
    reference("order_id", "orders.id", primary_key=True, ondelete="CASCADE"),
    words("folded", None),
    Column("grams", ARRAY(Integer), nullable=False),
    Index("ix_order_words_grams", "grams", postgresql_using="gin"),
)

# `words` is the query of the list's address; without a member it is the whole team's.
saved_views = Table(
    "saved_views",
    metadata,
    row_id(),
    merchant(),
    reference("staff_id", "staff.id", nullable=True),
    words("name", None),
    words("words"),
    Column("history", Boolean, nullable=False, server_default=text("false")),
    moment("created_at", now=True),
    UniqueConstraint("merchant_id", "staff_id", "name", postgresql_nulls_not_distinct=True),
)

fulfillment_notes = Table(
    "fulfillment_notes",
    metadata,
    row_id(),
    reference("order_id", "orders.id"),
    reference("fulfillment_order_id", "fulfillment_orders.id", nullable=True),
    words("text", None),
    words("author", None),
    moment("at", now=True),
    Index("ix_fulfillment_notes_order", "order_id", "id"),
)

# Every scan once: `key` is made by the device, which sends a scan again until it hears an answer.
scans = Table(
    "scans",
    metadata,
    merchant(),
    words("key", None),
    reference("fulfillment_order_id", "fulfillment_orders.id"),
    reference("order_line_id", "order_lines.id", nullable=True),
    words("outcome", None),
    words("actor", None),
    moment("at", now=True),
    PrimaryKeyConstraint("merchant_id", "key"),
    Index("ix_scans_part", "fulfillment_order_id"),
)

# What was given up is few among very many: the health page counts it at every look.
Index("ix_inbox_dead", inbox.c.shop_id, inbox.c.id, postgresql_where=text("state = 'dead'"))
Index("ix_outbox_dead", outbox.c.shop_id, outbox.c.id, postgresql_where=text("state = 'dead'"))
