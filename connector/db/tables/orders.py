"""Orders, their lines and parts, and what happens to them."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, merchant, metadata, moment, reference, row_id, words

orders = Table(
    "orders",
    metadata,
    row_id(),
    merchant(),
    reference("shop_id", "shops.id"),
    words("external_id", None),
    words("number", None),
    moment("placed_at"),
    moment("received_at", now=True),
    # Which state of the platform's order this is, and how often its effects were written here.
    moment("version"),
    words("digest", None),
    count("revision"),
    words("currency", None),
    Column("total_minor", BigInteger, nullable=False),
    Column("outstanding_minor", BigInteger, nullable=False),
    Column("recorded_minor", BigInteger, nullable=False, server_default="0"),
    words("payment", None),
    words("lifecycle", None),
    words("platform_status"),
    words("handover", None),
    words("pickup_location"),
    words("state", "new"),
    Column("open", Boolean, nullable=False, server_default=text("true")),
    # Taken in as a record of the past: nothing is planned, committed or handed over for it.
    Column("history", Boolean, nullable=False, server_default=text("false")),
    moment("compared_at", nullable=True),
    words("customer_name"),
    words("customer_folded"),
    Column("sealed_person", LargeBinary, nullable=True),
    words("note"),
    words("shipping_method"),
    words("payment_method"),
    words("origin"),
    # The area the parcel goes to ("FR-13"): coarse, for distances, and nobody's address.
    words("destination"),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    count("units"),
    Column("attention", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # What the total is made of, and by how much the platform's total differs from it.
    Column("amounts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("difference_minor", BigInteger, nullable=False, server_default="0"),
    Column("reason", JSONB, nullable=False, server_default=text("'[]'")),
    UniqueConstraint("shop_id", "external_id"),
    CheckConstraint("state in ('new', 'in_progress', 'packed', 'ready', 'completed', 'cancelled')", name="state"),
    Index("ix_orders_open", "merchant_id", "placed_at", "id", postgresql_where=text("open")),
    Index("ix_orders_placed", "merchant_id", "placed_at", "id"),
    Index("ix_orders_shop_placed", "shop_id", "placed_at", "id"),
)

order_lines = Table(
    "order_lines",
    metadata,
    row_id(),
    reference("order_id", "orders.id"),
    words("external_id", None),
    count("position"),
    words("sku"),
    words("barcode"),
    words("variant_id"),
    words("assigned_location"),
    words("title"),
    words("kind", "physical"),
    count("quantity"),
    count("backordered"),
    # Units that had left before the order was first seen here (a backfill): they are no work and no stock of ours.
    count("left_before"),
    reference("item_id", "items.id", nullable=True),
    Column("unit_price_minor", BigInteger, nullable=False, server_default="0"),
    Column("total_minor", BigInteger, nullable=False, server_default="0"),
    # As the platform counts: refunded at any time, and handed over.
    count("refunded"),
    count("fulfilled"),
    # Units the platform handed over that no part here held, and units taken back here that it still counts as handed over.
    count("elsewhere"),
    count("taken_back"),
    # A component of a bundle: the line that was sold, and how many of this one each of it takes.
    reference("parent_id", "order_lines.id", nullable=True),
    count("per_parent"),
    UniqueConstraint("order_id", "external_id"),
    CheckConstraint("refunded >= 0 and fulfilled >= 0 and elsewhere >= 0 and taken_back >= 0", name="counts"),
    CheckConstraint("quantity >= 0 and backordered between 0 and quantity", name="quantity"),
    Index("ix_order_lines_item", "item_id"),
    Index("ix_order_lines_unmapped", "variant_id", postgresql_where=text("item_id is null")),
    Index("ix_order_lines_backordered", "item_id", postgresql_where=text("backordered > 0")),
)

fulfillment_orders = Table(
    "fulfillment_orders",
    metadata,
    row_id(),
    reference("order_id", "orders.id"),
    reference("location_id", "locations.id"),
    words("state", "new"),
    Column("reason", JSONB, nullable=False, server_default=text("'[]'")),
    moment("created_at", now=True),
    moment("changed_at", now=True),
    words("tracking_number"),
    words("carrier"),
    words("tracking_url"),
    reference("assigned_to", "staff.id", nullable=True),
    CheckConstraint("state in ('new', 'in_progress', 'packed', 'ready', 'shipped', 'picked_up', 'cancelled')", name="state"),
    Index("ix_fulfillment_orders_order", "order_id"),
    Index(
        "ix_fulfillment_orders_work",
        "location_id",
        "state",
        postgresql_where=text("state in ('new', 'in_progress', 'packed', 'ready')"),
    ),
)

fulfillment_lines = Table(
    "fulfillment_lines",
    metadata,
    reference("fulfillment_order_id", "fulfillment_orders.id"),
    reference("order_line_id", "order_lines.id"),
    count("quantity", None),
    count("picked"),
    PrimaryKeyConstraint("fulfillment_order_id", "order_line_id"),
    CheckConstraint("quantity > 0 and picked between 0 and quantity", name="quantity"),
    Index("ix_fulfillment_lines_line", "order_line_id"),
)

# What a location refused to give: it is not chosen again for that line.
line_refusals = Table(
    "line_refusals",
    metadata,
    reference("order_line_id", "order_lines.id"),
    reference("location_id", "locations.id"),
    words("reason", None),
    words("note"),
    words("actor", None),
    moment("at", now=True),
    PrimaryKeyConstraint("order_line_id", "location_id"),
)

# Goods that left and came back on hand, by what said so: a refund at a place of the platform, or a decided task.
line_returns = Table(
    "line_returns",
    metadata,
    reference("order_line_id", "order_lines.id"),
    words("source", None),
    reference("location_id", "locations.id"),
    count("quantity", None),
    moment("at", now=True),
    PrimaryKeyConstraint("order_line_id", "source"),
    CheckConstraint("quantity > 0", name="quantity"),
)

# What a person must decide. `key` tells one cause from the next of the same code; a decided one is never asked again.
order_tasks = Table(
    "order_tasks",
    metadata,
    row_id(),
    merchant(),
    reference("order_id", "orders.id"),
    words("code", None),
    words("key", None),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    words("state", "open"),
    words("decision"),
    words("note"),
    words("actor"),
    moment("opened_at", now=True),
    moment("ended_at", nullable=True),
    UniqueConstraint("order_id", "code", "key"),
    CheckConstraint("state in ('open', 'decided', 'ended')", name="state"),
    Index("ix_order_tasks_open", "merchant_id", "opened_at", "id", postgresql_where=text("state = 'open'")),
)

payments = Table(
    "payments",
    metadata,
    row_id(),
    reference("order_id", "orders.id"),
    Column("amount_minor", BigInteger, nullable=False),
    words("method"),
    words("reference"),
    words("actor", None),
    words("effect_key", None),
    moment("at", now=True),
    UniqueConstraint("effect_key"),
    Index("ix_payments_order", "order_id"),
)

# What staff corrected of a customer or an address: `sealed` holds, for each section, what the platform said then and what counts.
order_corrections = Table(
    "order_corrections",
    metadata,
    reference("order_id", "orders.id", primary_key=True),
    Column("sealed_person", LargeBinary, nullable=False),
    words("actor", None),
    moment("at", now=True),
)

order_events = Table(
    "order_events",
    metadata,
    row_id(),
    reference("order_id", "orders.id"),
    words("code", None),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    words("actor", "connector"),
    moment("at", now=True),
    Index("ix_order_events_order", "order_id", "id"),
)
