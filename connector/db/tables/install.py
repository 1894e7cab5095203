"""The tables of installing and of what follows from it: consents, steps, users, notices, tokens, personal data."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, metadata, moment, reference, row_id, words

# A consent that was asked for: single use, bound to a browser and to a store. Only hashes of what the browser carries.
install_states = Table(
    "install_states",
    metadata,
    Column("state_hash", Text, primary_key=True),
    words("platform", None),
    words("store", None),
    words("browser_hash", None),
    moment("created_at", now=True),
    moment("expires_at"),
    moment("used_at", nullable=True),
    # Keys a store's server brought for this consent, until the browser returns and they have been proved.
    Column("sealed_grant", LargeBinary, nullable=True),
    reference("shop_id", "shops.id", nullable=True),
    # Whose staff began it; nobody's where it began at the platform.
    Column("merchant_id", Integer, ForeignKey("merchants.id"), nullable=True),
    Index("ix_install_states_expires", "expires_at"),
)

# Signed tokens with an effect, each of which counts once. Kept until they expire.
used_tokens = Table(
    "used_tokens",
    metadata,
    words("platform", None),
    words("token_id", None),
    moment("expires_at"),
    PrimaryKeyConstraint("platform", "token_id"),
)

install_steps = Table(
    "install_steps",
    metadata,
    reference("shop_id", "shops.id"),
    words("code", None),
    count("position"),
    words("state", "waiting"),
    words("reason"),
    words("detail"),
    count("tries"),
    moment("due_at", now=True),
    moment("finished_at", nullable=True),
    PrimaryKeyConstraint("shop_id", "code"),
    CheckConstraint("state in ('waiting', 'done', 'failed')", name="state"),
    Index("ix_install_steps_due", "due_at", postgresql_where=text("state = 'waiting'")),
)

# What happened to a shop as a whole: linked, linked again, uninstalled. Append-only.
shop_events = Table(
    "shop_events",
    metadata,
    row_id(),
    reference("shop_id", "shops.id"),
    words("code", None),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    moment("at", now=True),
    Index("ix_shop_events_shop", "shop_id", "id"),
)

# What a merchant must be told; one of a kind at a time, until it has ended.
shop_notices = Table(
    "shop_notices",
    metadata,
    row_id(),
    reference("shop_id", "shops.id"),
    words("code", None),
    words("message", None),
    words("remedy"),
    moment("at", now=True),
    moment("ended_at", nullable=True),
    Index("uq_shop_notices_open", "shop_id", "code", unique=True, postgresql_where=text("ended_at is null")),
)

# Who may open the connector from within a platform's admin; nothing personal but the platform's number of the user.
shop_users = Table(
    "shop_users",
    metadata,
    reference("shop_id", "shops.id"),
    words("external_id", None),
    Column("owner", Boolean, nullable=False, server_default=text("false")),
    # Who this is at the desk.
    reference("staff_id", "staff.id", nullable=True),
    moment("seen_at", now=True),
    moment("removed_at", nullable=True),
    PrimaryKeyConstraint("shop_id", "external_id"),
)

# Who exchanges a shop's refresh token at the moment: nobody else does until then.
token_leases = Table(
    "token_leases",
    metadata,
    reference("shop_id", "shops.id", primary_key=True),
    words("holder", None),
    moment("until"),
)

privacy_requests = Table(
    "privacy_requests",
    metadata,
    row_id(),
    reference("shop_id", "shops.id", nullable=True),
    words("platform", None),
    words("topic", None),
    words("dedup_key", None),
    Column("sealed_request", LargeBinary, nullable=True),
    Column("sealed_export", LargeBinary, nullable=True),
    moment("received_at", now=True),
    words("state", "waiting"),
    words("reason"),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    count("tries"),
    moment("due_at", now=True),
    moment("finished_at", nullable=True),
    UniqueConstraint("platform", "dedup_key"),
    CheckConstraint("state in ('waiting', 'done', 'dead')", name="state"),
    Index("ix_privacy_requests_due", "due_at", postgresql_where=text("state = 'waiting'")),
)
