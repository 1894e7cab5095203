"""Who a platform's user is at the desk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shop_users", sa.Column("staff_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        "fk_shop_users_staff_id_staff", "shop_users", "staff", ["staff_id", "merchant_id"], ["id", "merchant_id"]
    )


def downgrade() -> None:
    raise NotImplementedError("The connector only migrates forward; restore a backup to go back.")
