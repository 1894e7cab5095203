"""All tables and constraints: what the code assumes, the database says.

Conventions: ids are bigint identities; times are timestamptz; `*_minor` is money in minor units; `state` words come from
the enumerations in `connector.domain`. `sealed_*` columns are encrypted (see `sealed.py`). Open word lists (a movement's
reason, the outbox's act, an event's code) are text, so that a new kind of fact needs no migration.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(), primary_key=True)


def _time(name: str, *, nullable: bool = False, now: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=text("now()") if now else None)


def _text(name: str, default: str | None = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _count(name: str, default: str | None = "0") -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=default)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(target), nullable=nullable)


# --- shops -----------------------------------------------------------------------------------------------------------

shops = Table(
    "shops",
    metadata,
    _id(),
    _text("key", None),
    _text("platform", None),
    _text("external_id", None),
    _text("name", None),
    _text("address", None),
    _text("currency"),
    _text("state", "linked"),
    _text("state_reason"),
    Column("sealed_credentials", LargeBinary, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    _time("created_at", now=True),
    _time("last_delivery_at", nullable=True),
    # The poll: `polled_to` is the newest modification stored, never "now".
    _time("polled_to", nullable=True),
    _time("poll_due_at", nullable=True),
    # The breaker: failures in a row since the first of them, and when calls are allowed again.
    _count("failures"),
    _time("failing_since", nullable=True),
    _time("paused_until", nullable=True),
    UniqueConstraint("key"),
    UniqueConstraint("platform", "external_id"),
    CheckConstraint("state in ('linked', 'paused', 'uninstalled')", name="state"),
)

# --- places and goods ------------------------------------------------------------------------------------------------

locations = Table(
    "locations",
    metadata,
    _id(),
    _text("code", None),
    _text("name", None),
    _text("kind", "shop"),
    _count("priority", "100"),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("code"),
)

location_links = Table(
    "location_links",
    metadata,
    _ref("shop_id", "shops.id"),
    _text("external_id", None),
    _text("name"),
    _ref("location_id", "locations.id", nullable=True),
    PrimaryKeyConstraint("shop_id", "external_id"),
)

items = Table(
    "items",
    metadata,
    _id(),
    _text("sku", None),
    _text("title"),
    _text("barcode"),
    UniqueConstraint("sku"),
    CheckConstraint("sku <> ''", name="sku"),
    Index("ix_items_barcode", "barcode", postgresql_where=text("barcode <> ''")),
)

levels = Table(
    "levels",
    metadata,
    _ref("item_id", "items.id"),
    _ref("location_id", "locations.id"),
    _count("on_hand"),
    _count("committed"),
    _text("shelf"),
    Column("available", Integer, Computed("on_hand - committed", persisted=True), nullable=False),
    PrimaryKeyConstraint("item_id", "location_id"),
    CheckConstraint("committed >= 0", name="committed"),
)

movements = Table(
    "movements",
    metadata,
    _id(),
    _ref("item_id", "items.id"),
    _ref("location_id", "locations.id"),
    _count("on_hand_delta"),
    _count("committed_delta"),
    _text("reason", None),
    _text("effect_key", None),
    _ref("order_id", "orders.id", nullable=True),
    _text("document"),
    _text("actor", "connector"),
    _time("at", now=True),
    UniqueConstraint("effect_key"),
    CheckConstraint("on_hand_delta <> 0 or committed_delta <> 0", name="moves"),
    Index("ix_movements_item_location", "item_id", "location_id"),
    Index("ix_movements_order", "order_id", postgresql_where=text("order_id is not null")),
)

# --- orders ----------------------------------------------------------------------------------------------------------

orders = Table(
    "orders",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _text("external_id", None),
    _text("number", None),
    _time("placed_at"),
    _time("received_at", now=True),
    # Which state of the platform's order this is, and how often its effects were written here.
    _time("version"),
    _text("digest", None),
    _count("revision"),
    _text("currency", None),
    Column("total_minor", BigInteger, nullable=False),
    Column("outstanding_minor", BigInteger, nullable=False),
    Column("recorded_minor", BigInteger, nullable=False, server_default="0"),
    _text("payment", None),
    _text("lifecycle", None),
    _text("platform_status"),
    _text("handover", None),
    _text("pickup_location"),
    _text("state", "new"),
    Column("open", Boolean, nullable=False, server_default=text("true")),
    _text("customer_name"),
    _text("customer_folded"),
    Column("sealed_person", LargeBinary, nullable=True),
    _text("note"),
    _text("shipping_method"),
    _text("payment_method"),
    _text("origin"),
    _count("units"),
    Column("attention", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("reason", JSONB, nullable=False, server_default=text("'[]'")),
    UniqueConstraint("shop_id", "external_id"),
    CheckConstraint("state in ('new', 'in_progress', 'packed', 'ready', 'completed', 'cancelled')", name="state"),
    Index("ix_orders_open", "placed_at", "id", postgresql_where=text("open")),
    Index("ix_orders_placed", "placed_at", "id"),
    Index("ix_orders_shop_placed", "shop_id", "placed_at", "id"),
)

order_lines = Table(
    "order_lines",
    metadata,
    _id(),
    _ref("order_id", "orders.id"),
    _text("external_id", None),
    _count("position"),
    _text("sku"),
    _text("barcode"),
    _text("variant_id"),
    _text("assigned_location"),
    _text("title"),
    _text("kind", "physical"),
    _count("quantity"),
    _count("backordered"),
    _ref("item_id", "items.id", nullable=True),
    Column("unit_price_minor", BigInteger, nullable=False, server_default="0"),
    Column("total_minor", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("order_id", "external_id"),
    CheckConstraint("quantity >= 0 and backordered between 0 and quantity", name="quantity"),
    Index("ix_order_lines_item", "item_id"),
    Index("ix_order_lines_backordered", "item_id", postgresql_where=text("backordered > 0")),
)

fulfillment_orders = Table(
    "fulfillment_orders",
    metadata,
    _id(),
    _ref("order_id", "orders.id"),
    _ref("location_id", "locations.id"),
    _text("state", "new"),
    Column("reason", JSONB, nullable=False, server_default=text("'[]'")),
    _time("created_at", now=True),
    _time("changed_at", now=True),
    _text("tracking_number"),
    _text("carrier"),
    _text("tracking_url"),
    _ref("assigned_to", "staff.id", nullable=True),
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
    _ref("fulfillment_order_id", "fulfillment_orders.id"),
    _ref("order_line_id", "order_lines.id"),
    _count("quantity", None),
    _count("picked"),
    PrimaryKeyConstraint("fulfillment_order_id", "order_line_id"),
    CheckConstraint("quantity > 0 and picked between 0 and quantity", name="quantity"),
    Index("ix_fulfillment_lines_line", "order_line_id"),
)

payments = Table(
    "payments",
    metadata,
    _id(),
    _ref("order_id", "orders.id"),
    Column("amount_minor", BigInteger, nullable=False),
    _text("method"),
    _text("reference"),
    _text("actor", None),
    _text("effect_key", None),
    _time("at", now=True),
    UniqueConstraint("effect_key"),
    Index("ix_payments_order", "order_id"),
)

order_events = Table(
    "order_events",
    metadata,
    _id(),
    _ref("order_id", "orders.id"),
    _text("code", None),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    _text("actor", "connector"),
    _time("at", now=True),
    Index("ix_order_events_order", "order_id", "id"),
)

# --- what comes in, what goes out ------------------------------------------------------------------------------------

inbox = Table(
    "inbox",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _text("dedup_key", None),
    _text("topic"),
    _text("kind", None),
    _text("external_id"),
    Column("sealed_body", LargeBinary, nullable=True),
    _time("received_at", now=True),
    _text("state", "waiting"),
    _text("reason"),
    _count("tries"),
    _count("repeats"),
    _time("due_at", now=True),
    _time("finished_at", nullable=True),
    UniqueConstraint("shop_id", "dedup_key"),
    CheckConstraint("state in ('waiting', 'done', 'ignored', 'dead')", name="state"),
    Index("ix_inbox_due", "shop_id", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_inbox_received", "received_at"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _ref("order_id", "orders.id"),
    _ref("fulfillment_order_id", "fulfillment_orders.id", nullable=True),
    _text("act", None),
    _text("effect_key", None),
    Column("announcement", JSONB, nullable=False),
    _time("created_at", now=True),
    _text("state", "waiting"),
    _text("outcome"),
    _text("reason"),
    _count("tries"),
    _time("due_at", now=True),
    _time("leased_until", nullable=True),
    _time("finished_at", nullable=True),
    UniqueConstraint("effect_key"),
    CheckConstraint("state in ('waiting', 'delivered', 'dead')", name="state"),
    Index("ix_outbox_due", "shop_id", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_outbox_order", "order_id", "id"),
)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    _ref("outbox_id", "outbox.id"),
    _time("at", now=True),
    _text("outcome", None),
    _text("detail"),
    _count("milliseconds"),
    Index("ix_attempts_outbox", "outbox_id"),
)

# --- time ------------------------------------------------------------------------------------------------------------

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    _time("at"),
)
