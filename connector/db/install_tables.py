"""The tables of installing and of what follows from it: consents, steps, users, notices, tokens, personal data."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables import _count, _id, _ref, _text, _time, metadata

# A consent that was asked for: single use, bound to a browser and to a store. Only hashes of what the browser carries.
install_states = Table(
    "install_states",
    metadata,
    Column("state_hash", Text, primary_key=True),
    _text("platform", None),
    _text("store", None),
    _text("browser_hash", None),
    _time("created_at", now=True),
    _time("expires_at"),
    _time("used_at", nullable=True),
    # Keys a store's server brought for this consent, until the browser returns and they have been proved.
    Column("sealed_grant", LargeBinary, nullable=True),
    _ref("shop_id", "shops.id", nullable=True),
    Index("ix_install_states_expires", "expires_at"),
)

# Signed tokens with an effect, each of which counts once. Kept until they expire.
used_tokens = Table(
    "used_tokens",
    metadata,
    _text("platform", None),
    _text("token_id", None),
    _time("expires_at"),
    PrimaryKeyConstraint("platform", "token_id"),
)

install_steps = Table(
    "install_steps",
    metadata,
    _ref("shop_id", "shops.id"),
    _text("code", None),
    _count("position"),
    _text("state", "waiting"),
    _text("reason"),
    _text("detail"),
    _count("tries"),
    _time("due_at", now=True),
    _time("finished_at", nullable=True),
    PrimaryKeyConstraint("shop_id", "code"),
    CheckConstraint("state in ('waiting', 'done', 'failed')", name="state"),
    Index("ix_install_steps_due", "due_at", postgresql_where=text("state = 'waiting'")),
)

# What happened to a shop as a whole: linked, linked again, uninstalled. Append-only.
shop_events = Table(
    "shop_events",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _text("code", None),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    _time("at", now=True),
    Index("ix_shop_events_shop", "shop_id", "id"),
)

# What a merchant must be told; one of a kind at a time, until it has ended.
shop_notices = Table(
    "shop_notices",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _text("code", None),
    _text("message", None),
    _text("remedy"),
    _time("at", now=True),
    _time("ended_at", nullable=True),
    Index("uq_shop_notices_open", "shop_id", "code", unique=True, postgresql_where=text("ended_at is null")),
)

# Who may open the connector from within a platform's admin; nothing personal but the platform's number of the user.
shop_users = Table(
    "shop_users",
    metadata,
    _ref("shop_id", "shops.id"),
    _text("external_id", None),
    Column("owner", Boolean, nullable=False, server_default=text("false")),
    _time("seen_at", now=True),
    _time("removed_at", nullable=True),
    PrimaryKeyConstraint("shop_id", "external_id"),
)

# Who exchanges a shop's refresh token at the moment: nobody else does until then.
token_leases = Table(
    "token_leases",
    metadata,
    Column("shop_id", BigInteger, ForeignKey("shops.id"), primary_key=True),
    _text("holder", None),
    _time("until"),
)

privacy_requests = Table(
    "privacy_requests",
    metadata,
    _id(),
    _ref("shop_id", "shops.id", nullable=True),
    _text("platform", None),
    _text("topic", None),
    _text("dedup_key", None),
    Column("sealed_request", LargeBinary, nullable=True),
    Column("sealed_export", LargeBinary, nullable=True),
    _time("received_at", now=True),
    _text("state", "waiting"),
    _text("reason"),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    _count("tries"),
    _time("due_at", now=True),
    _time("finished_at", nullable=True),
    UniqueConstraint("platform", "dedup_key"),
    CheckConstraint("state in ('waiting', 'done', 'dead')", name="state"),
    Index("ix_privacy_requests_due", "due_at", postgresql_where=text("state = 'waiting'")),
)
