"""Signs of life, and the access of other systems."""

from __future__ import annotations

from sqlalchemy import ARRAY, Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, merchant, metadata, moment, reference, row_id, words

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    moment("at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    row_id(),
    merchant(),
    words("name", None),
    # SHA-256 of the secret half: it is 256 random bits, so a slow hash would protect nothing.
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("created_at", now=True),
    moment("last_used_at", nullable=True),
    moment("revoked_at", nullable=True),
    UniqueConstraint("merchant_id", "name"),
)

# What a request with an Idempotency-Key was answered (status 0: it is being done), so that repeating it is answered alike.
api_answers = Table(
    "api_answers",
    metadata,
    reference("token_id", "api_tokens.id"),
    words("key", None),
    words("fingerprint", None),
    count("status", None),
    Column("answer", JSONB, nullable=True),
    moment("at", now=True),
    PrimaryKeyConstraint("token_id", "key"),
    Index("ix_api_answers_at", "at"),
)
# More tables on the same metadata, in a file of their own.
