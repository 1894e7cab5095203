"""staff, picking, notes, saved views, and what orders are found by."""

from __future__ import annotations

import unicodedata
import zlib

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BATCH_ROWS = 2000


def upgrade() -> None:
    _staff()
    _picking()
    _search()
    op.create_index("ix_orders_shop_placed", "orders", ["shop_id", "placed_at", "id"])
    for box in ("inbox", "outbox"):
        op.create_index(f"ix_{box}_dead", box, ["shop_id", "id"], postgresql_where=sa.text("state = 'dead'"))
    op.create_index("ix_items_barcode", "items", ["barcode"], postgresql_where=sa.text("barcode <> ''"))


def _staff() -> None:
    op.create_table(
        "staff",
        _id(),
        _text("name", None),
        _text("name_folded", None),
        _text("role", None),
        _text("password_hash", None),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("stamp", sa.Integer(), server_default="0", nullable=False),
        _now("created_at"),
        sa.CheckConstraint("role in ('viewer', 'picker', 'operator', 'owner')", name=op.f("ck_staff_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("name_folded", name=op.f("uq_staff_name_folded")),
    )
    op.create_table(
        "sign_ins",
        _id(),
        _text("name_folded", None),
        _text("address", None),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        _now("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
    )
    op.create_index("ix_sign_ins_name", "sign_ins", ["name_folded", "at"])
    op.create_index("ix_sign_ins_address", "sign_ins", ["address", "at"])
    op.create_table(
        "audit",
        _id(),
        _now("at"),
        _text("actor", None),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        _text("act", None),
        _text("subject"),
        _text("outcome", "begun"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_audit_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_table(
        "saved_views",
        _id(),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        _text("name", None),
        _text("words"),
        sa.Column("history", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _now("created_at"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_saved_views_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("staff_id", "name", name=op.f("uq_saved_views_staff_id_name"), postgresql_nulls_not_distinct=True),
    )


def _picking() -> None:
    op.add_column("levels", _text("shelf"))
    op.add_column("fulfillment_orders", sa.Column("assigned_to", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_fulfillment_orders_assigned_to_staff"), "fulfillment_orders", "staff", ["assigned_to"], ["id"])
    op.add_column("fulfillment_lines", sa.Column("picked", sa.Integer(), server_default="0", nullable=False))
    op.drop_constraint(op.f("ck_fulfillment_lines_quantity"), "fulfillment_lines")
    op.create_check_constraint(
        op.f("ck_fulfillment_lines_quantity"), "fulfillment_lines", "quantity > 0 and picked between 0 and quantity"
    )
    op.create_table(
        "fulfillment_notes",
        _id(),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("fulfillment_order_id", sa.BigInteger(), nullable=True),
        _text("text", None),
        _text("author", None),
        _now("at"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_fulfillment_notes_order_id_orders")),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"],
            ["fulfillment_orders.id"],
            name=op.f("fk_fulfillment_notes_fulfillment_order_id_fulfillment_orders"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfillment_notes")),
    )
    op.create_index("ix_fulfillment_notes_order", "fulfillment_notes", ["order_id", "id"])
    op.create_table(
        "scans",
        _text("key", None),
        sa.Column("fulfillment_order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_line_id", sa.BigInteger(), nullable=True),
        _text("outcome", None),
        _text("actor", None),
        _now("at"),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"], ["fulfillment_orders.id"], name=op.f("fk_scans_fulfillment_order_id_fulfillment_orders")
        ),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_scans_order_line_id_order_lines")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_scans")),
    )
    op.create_index("ix_scans_part", "scans", ["fulfillment_order_id"])


def _search() -> None:
    """The words of orders that are here already are read in batches, as the code folded them on this day."""
    words = op.create_table(
        "order_words",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        _text("folded", None),
        sa.Column("grams", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_words_order_id_orders"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_words")),
    )
    read = sa.text(
        "SELECT o.id, concat_ws(E'\\n', o.number, o.customer_name, string_agg(l.sku || E'\\n' || l.barcode || E'\\n' || l.title,"
        " E'\\n' ORDER BY l.position)) AS words FROM (SELECT * FROM orders WHERE id > :after ORDER BY id LIMIT :rows) o"
        " LEFT JOIN order_lines l ON l.order_id = o.id GROUP BY o.id, o.number, o.customer_name ORDER BY o.id"
    )
    after = 0
    while rows := op.get_bind().execute(read, {"after": after, "rows": _BATCH_ROWS}).all():
        folded = [(row.id, _fold(row.words)) for row in rows]
        op.bulk_insert(words, [{"order_id": id_, "folded": text, "grams": _grams(text)} for id_, text in folded])
        after = rows[-1].id
    op.create_index("ix_order_words_grams", "order_words", ["grams"], postgresql_using="gin")


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def _grams(text: str) -> list[int]:
    return sorted({zlib.crc32(text[at : at + 3].encode()) & 0x7FFFFFFF for at in range(len(text) - 2)})


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _text(name: str, default: str | None = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def downgrade() -> None:
    raise NotImplementedError("The connector only migrates forward; restore a backup to go back.")
