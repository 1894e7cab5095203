"""The past that was brought in, and what differs from the platforms."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, metadata, moment, reference, row_id, words

backfills = Table(
    "backfills",
    metadata,
    row_id(),
    reference("shop_id", "shops.id"),
    moment("since"),
    moment("until"),
    words("stock", "apply"),
    Column("dry_run", Boolean, nullable=False, server_default=text("false")),
    words("actor", "connector"),
    words("state", "running"),
    words("reason"),
    # The checkpoint: where the next page begins. It moves in the transaction that writes the page's orders.
    words("cursor"),
    count("pages"),
    Column("expected", Integer, nullable=True),
    *(count(name) for name in ("read", "new", "changed", "same", "skipped", "failed")),
    count("tries"),
    moment("created_at", now=True),
    moment("started_at", nullable=True),
    moment("changed_at", now=True),
    moment("due_at", now=True),
    moment("finished_at", nullable=True),
    CheckConstraint("state in ('running', 'paused', 'finished', 'stopped', 'cancelled')", name="state"),
    CheckConstraint("stock in ('apply', 'skip')", name="stock"),
    CheckConstraint("read = new + changed + same + skipped + failed", name="balance"),
    Index("uq_backfills_active", "shop_id", unique=True, postgresql_where=text("state in ('running', 'paused')")),
    Index("ix_backfills_due", "due_at", postgresql_where=text("state = 'running'")),
)

# Every page once, by where it began and by what it held: a list that repeats or turns in a circle meets these constraints.
backfill_pages = Table(
    "backfill_pages",
    metadata,
    reference("backfill_id", "backfills.id"),
    words("cursor", None),
    words("fingerprint", None),
    count("orders", None),
    moment("at", now=True),
    PrimaryKeyConstraint("backfill_id", "cursor"),
    UniqueConstraint("backfill_id", "fingerprint"),
)

# What was not taken in, and why.
backfill_misses = Table(
    "backfill_misses",
    metadata,
    reference("backfill_id", "backfills.id"),
    words("external_id", None),
    words("kind", None),
    words("reason", None),
    moment("at", now=True),
    PrimaryKeyConstraint("backfill_id", "external_id"),
    CheckConstraint("kind in ('skipped', 'failed')", name="kind"),
)

drifts = Table(
    "drifts",
    metadata,
    row_id(),
    reference("shop_id", "shops.id"),
    words("kind", None),
    words("subject", None),
    Column("ours", JSONB, nullable=False, server_default=text("'{}'")),
    Column("theirs", JSONB, nullable=False, server_default=text("'{}'")),
    words("state", "open"),
    words("action"),
    moment("found_at", now=True),
    moment("seen_at", now=True),
    moment("settled_at", nullable=True),
    CheckConstraint("state in ('open', 'repaired', 'gone')", name="state"),
    Index("uq_drifts_open", "shop_id", "kind", "subject", unique=True, postgresql_where=text("state = 'open'")),
    Index("ix_drifts_found", "shop_id", "found_at"),
)
