"""Whose a shop, a place, an article, a colleague, a token and a view is; and who a platform's user is at the desk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0010"
branch_labels = None
depends_on = None

_OWNED = ("shops", "locations", "items", "staff", "api_tokens", "saved_views")
_NAMED = (
    ("locations", "uq_locations_code", "uq_locations_merchant_code", ["merchant", "code"]),
    ("items", "uq_items_sku", "uq_items_merchant_sku", ["merchant", "sku"]),
)


def upgrade() -> None:
    for table in _OWNED:
        op.add_column(table, sa.Column("merchant", sa.Text(), server_default="", nullable=False))
    for table, old, new, columns in _NAMED:
        op.drop_constraint(old, table, type_="unique")
        op.create_unique_constraint(new, table, columns)
    op.drop_constraint("uq_saved_views_staff_id_name", "saved_views", type_="unique")
    op.create_unique_constraint(
        "uq_saved_views_merchant_staff_id_name",
        "saved_views",
        ["merchant", "staff_id", "name"],
        postgresql_nulls_not_distinct=True,
    )
    op.add_column("shop_users", sa.Column("staff_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_shop_users_staff_id_staff", "shop_users", "staff", ["staff_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("The connector only migrates forward; restore a backup to go back.")
