"""merchants.

Everything there is becomes the first merchant's. Written over what the database has, not over what the code declares: tables
that other migrations add before this one are among it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0017"
branch_labels = None
depends_on = None

_HOUSE = ("alembic_version", "merchants", "heartbeats", "install_states", "used_tokens", "sign_ins")
_ANCHORS = ("shops", "orders", "items", "locations", "staff", "endpoints")
_WHOSE = "coalesce(nullif(current_setting('connector.merchant', true), ''), '1')::integer"
# (table, its unique constraint until now, its columns within a merchant)
_UNIQUE = (
    ("api_tokens", "uq_api_tokens_name", "name"),
    ("locations", "uq_locations_code", "code"),
    ("items", "uq_items_sku", "sku"),
    ("stock_documents", "uq_stock_documents_kind_key", "kind, key"),
)
# (index, table, its columns after the merchant, its condition)
_INDEXES = (
    ("ix_orders_open", "orders", "placed_at, id", "WHERE open"),
    ("ix_orders_placed", "orders", "placed_at, id", ""),
    ("ix_order_tasks_open", "order_tasks", "opened_at, id", "WHERE state = 'open'"),
    ("ix_inbox_merchant", "inbox", "id", ""),
    ("ix_outbox_merchant", "outbox", "id", ""),
    ("ix_audit_merchant", "audit", "id", ""),
    ("ix_stock_checks_at", "stock_checks", "at", ""),
)
_REFERENCES = sa.text(
    """
    SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text, a.attname, c.confdeltype::text
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f' AND array_length(c.conkey, 1) = 1 AND c.connamespace = current_schema()::regnamespace
        AND c.confrelid::regclass::text = ANY(:anchors) AND c.conrelid::regclass::text <> ALL(:house)
    """
)


def upgrade() -> None:
    op.create_table(
        "merchants",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchants")),
        sa.UniqueConstraint("name", name=op.f("uq_merchants_name")),
    )
    op.execute("INSERT INTO merchants (name) VALUES ('main')")
    op.execute("ALTER TABLE install_states ADD COLUMN merchant_id integer")
    op.execute(
        "ALTER TABLE install_states ADD CONSTRAINT fk_install_states_merchant_id_merchants "
        "FOREIGN KEY (merchant_id) REFERENCES merchants (id)"
    )
    for table in sorted(set(sa.inspect(op.get_bind()).get_table_names()) - set(_HOUSE)):
        op.execute(f"ALTER TABLE {table} ADD COLUMN merchant_id integer NOT NULL DEFAULT {_WHOSE}")
    _make_unique_within_a_merchant()
    for name, table, columns, where in _INDEXES:
        op.execute(f"DROP INDEX IF EXISTS {name}")
        op.execute(f"CREATE INDEX {name} ON {table} (merchant_id, {columns}) {where}")
    _carry_the_merchant_along()


def _make_unique_within_a_merchant() -> None:
    for table, name, columns in _UNIQUE:
        fresh = f"uq_{table}_merchant_id_{columns.replace(', ', '_')}"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {fresh} UNIQUE (merchant_id, {columns})")
    op.execute(
        "ALTER TABLE saved_views DROP CONSTRAINT uq_saved_views_staff_id_name, ADD CONSTRAINT "
        "uq_saved_views_merchant_id_staff_id_name UNIQUE NULLS NOT DISTINCT (merchant_id, staff_id, name)"
    )
    op.execute("ALTER TABLE scans DROP CONSTRAINT pk_scans, ADD CONSTRAINT pk_scans PRIMARY KEY (merchant_id, key)")


def _carry_the_merchant_along() -> None:
    """References to shops, orders, items, locations, staff and endpoints are to those of the same merchant."""
    for table in _ANCHORS:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT uq_{table}_id_merchant_id UNIQUE (id, merchant_id)")
    found = op.get_bind().execute(_REFERENCES, {"anchors": list(_ANCHORS), "house": list(_HOUSE)})
    for name, table, theirs, column, on_delete in found.all():
        cascade = " ON DELETE CASCADE" if on_delete == "c" else ""
        op.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} "
            f"FOREIGN KEY ({column}, merchant_id) REFERENCES {theirs} (id, merchant_id){cascade}"
        )


def downgrade() -> None:
    raise NotImplementedError("The connector only migrates forward; restore a backup to go back.")
