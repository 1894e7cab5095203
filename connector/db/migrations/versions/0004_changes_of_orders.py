"""changes of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bundles",
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("component_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0 and item_id <> component_id", name=op.f("ck_bundles_quantity")),
        sa.ForeignKeyConstraint(["component_id"], ["items.id"], name=op.f("fk_bundles_component_id_items")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_bundles_item_id_items")),
        sa.PrimaryKeyConstraint("item_id", "component_id", name=op.f("pk_bundles")),
    )
    op.create_table(
        "order_tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open', 'decided', 'ended')", name=op.f("ck_order_tasks_state")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_tasks_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_tasks")),
        sa.UniqueConstraint("order_id", "code", "key", name=op.f("uq_order_tasks_order_id_code_key")),
    )
    op.create_index(
        "ix_order_tasks_open", "order_tasks", ["opened_at", "id"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "line_refusals",
        sa.Column("order_line_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_line_refusals_location_id_locations")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_line_refusals_order_line_id_order_lines")),
        sa.PrimaryKeyConstraint("order_line_id", "location_id", name=op.f("pk_line_refusals")),
    )
    op.create_table(
        "line_returns",
        sa.Column("order_line_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_line_returns_quantity")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_line_returns_location_id_locations")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_line_returns_order_line_id_order_lines")),
        sa.PrimaryKeyConstraint("order_line_id", "source", name=op.f("pk_line_returns")),
    )
    op.add_column("order_lines", sa.Column("refunded", sa.Integer(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("fulfilled", sa.Integer(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("elsewhere", sa.Integer(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("taken_back", sa.Integer(), server_default="0", nullable=False))
    op.add_column("order_lines", sa.Column("parent_id", sa.BigInteger(), nullable=True))
    op.add_column("order_lines", sa.Column("per_parent", sa.Integer(), server_default="0", nullable=False))
    op.create_foreign_key(op.f("fk_order_lines_parent_id_order_lines"), "order_lines", "order_lines", ["parent_id"], ["id"])
    op.add_column(
        "orders", sa.Column("amounts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("orders", sa.Column("difference_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("ck_order_lines_counts"), "order_lines", "refunded >= 0 and fulfilled >= 0 and elsewhere >= 0 and taken_back >= 0"
    )


def downgrade() -> None:
    raise NotImplementedError("The connector only migrates forward; restore a backup to go back.")
