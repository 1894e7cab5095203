"""What a merchant's own systems are told: their addresses, what happened, and each message on its way."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, LargeBinary, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, merchant, metadata, moment, reference, row_id, words

# A removed endpoint keeps its row, without secrets and types: writers that read it a moment ago may still refer to it.
endpoints = Table(
    "endpoints",
    metadata,
    row_id(),
    merchant(),
    words("name"),
    words("url", None),
    Column("types", ARRAY(Text), nullable=False),
    words("state", "active"),
    words("state_reason"),
    Column("sealed_secrets", LargeBinary, nullable=False),
    words("made_by"),
    moment("created_at", now=True),
    moment("last_told_at", nullable=True),
    # The breaker, as a shop's.
    count("failures"),
    moment("failing_since", nullable=True),
    moment("rests_until", nullable=True),
    CheckConstraint("state in ('active', 'paused', 'removed')", name="state"),
)

# Written by the transaction of the change itself, and only where an endpoint has chosen its type. `facts` never name a person.
events = Table(
    "events",
    metadata,
    row_id(),
    words("type", None),
    reference("order_id", "orders.id", nullable=True),
    Column("facts", JSONB, nullable=False),
    moment("at", now=True),
    Index("ix_events_order", "order_id", postgresql_where=text("order_id is not null")),
    Index("ix_events_at", "at"),
)

event_sends = Table(
    "event_sends",
    metadata,
    row_id(),
    reference("endpoint_id", "endpoints.id"),
    reference("event_id", "events.id"),
    words("state", "waiting"),
    words("reason"),
    count("tries"),
    moment("due_at", now=True),
    moment("leased_until", nullable=True),
    moment("finished_at", nullable=True),
    UniqueConstraint("endpoint_id", "event_id"),
    CheckConstraint("state in ('waiting', 'delivered', 'dead')", name="state"),
    Index("ix_event_sends_due", "endpoint_id", "due_at", "id", postgresql_where=text("state = 'waiting'")),
    Index("ix_event_sends_dead", "endpoint_id", "id", postgresql_where=text("state = 'dead'")),
    Index("ix_event_sends_event", "event_id"),
    Index("ix_event_sends_finished", "finished_at", postgresql_where=text("finished_at is not null")),
)

event_attempts = Table(
    "event_attempts",
    metadata,
    row_id(),
    reference("send_id", "event_sends.id"),
    moment("at", now=True),
    count("status"),
    words("detail"),
    count("milliseconds"),
    Index("ix_event_attempts_send", "send_id"),
)
