"""Shops."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, LargeBinary, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, metadata, moment, reference, row_id, words

shops = Table(
    "shops",
    metadata,
    row_id(),
    words("key", None),
    words("platform", None),
    words("external_id", None),
    words("name", None),
    words("address", None),
    words("currency"),
    words("state", "linked"),
    words("state_reason"),
    Column("sealed_credentials", LargeBinary, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    moment("created_at", now=True),
    moment("last_delivery_at", nullable=True),
    # The poll: `polled_to` is the newest modification stored, never "now".
    moment("polled_to", nullable=True),
    moment("poll_due_at", nullable=True),
    # When the subscriptions are looked at next, and when the orders are compared next.
    moment("watch_due_at", now=True),
    moment("compare_due_at", now=True),
    # The comparison under way: when it began and how far it has come.
    moment("compare_began_at", nullable=True),
    words("compare_cursor"),
    # The breaker: failures in a row since the first of them, and when calls are allowed again.
    count("failures"),
    moment("failing_since", nullable=True),
    moment("paused_until", nullable=True),
    UniqueConstraint("key"),
    UniqueConstraint("platform", "external_id"),
    CheckConstraint("state in ('linked', 'paused', 'uninstalled')", name="state"),
)

# The picture at the head of a shop's papers, as it was checked and written anew here.
shop_logos = Table(
    "shop_logos",
    metadata,
    reference("shop_id", "shops.id", primary_key=True),
    Column("picture", LargeBinary, nullable=False),
    count("width", None),
    count("height", None),
    moment("at", now=True),
)
