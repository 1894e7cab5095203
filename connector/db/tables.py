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
    Float,
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
    # When the subscriptions are looked at next, and when the orders are compared next.
    _time("watch_due_at", now=True),
    _time("compare_due_at", now=True),
    # The comparison under way: when it began and how far it has come.
    _time("compare_began_at", nullable=True),
    _text("compare_cursor"),
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
    # Degrees, for the distance to where a parcel goes.
    Column("latitude", Float, nullable=True),
    Column("longitude", Float, nullable=True),
    UniqueConstraint("code"),
)

location_links = Table(
    "location_links",
    metadata,
    _ref("shop_id", "shops.id"),
    _text("external_id", None),
    _text("name"),
    _ref("location_id", "locations.id", nullable=True),
    # Whether the shop keeps quantities there; others are only names of places where customers collect.
    Column("keeps_stock", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("shop_id", "external_id"),
)

# Further locations whose stock a shop's own location shows, beside the one its orders go to.
stock_sources = Table(
    "stock_sources",
    metadata,
    _ref("shop_id", "shops.id"),
    _text("external_id", None),
    _ref("location_id", "locations.id"),
    PrimaryKeyConstraint("shop_id", "external_id", "location_id"),
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

# What an item that is sold as one is made of.
bundles = Table(
    "bundles",
    metadata,
    _ref("item_id", "items.id"),
    _ref("component_id", "items.id"),
    _count("quantity", None),
    PrimaryKeyConstraint("item_id", "component_id"),
    CheckConstraint("quantity > 0 and item_id <> component_id", name="quantity"),
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

# What a shop sells, as its catalogue was last read, and which item it is.
item_links = Table(
    "item_links",
    metadata,
    _ref("shop_id", "shops.id"),
    _text("external_id", None),
    _text("unit_id", None),
    _text("sku"),
    _text("barcode"),
    _text("title"),
    Column("tracked", Boolean, nullable=False, server_default=text("true")),
    _ref("item_id", "items.id", nullable=True),
    _text("matched_by"),
    _text("problem"),
    Column("gone", Boolean, nullable=False, server_default=text("false")),
    _time("read_at", now=True),
    PrimaryKeyConstraint("shop_id", "external_id"),
    CheckConstraint("matched_by in ('', 'sku', 'barcode', 'hand')", name="matched_by"),
    CheckConstraint("(item_id is null) = (matched_by = '')", name="matched"),
    Index("ix_item_links_item", "item_id"),
)

# The quantity a shop shows at one spot. `published` is what it was last known to show; `due_at` says that it may differ.
publications = Table(
    "publications",
    metadata,
    _ref("shop_id", "shops.id"),
    _text("unit_id", None),
    _text("external_location", None),
    _ref("item_id", "items.id"),
    Column("published", Integer, nullable=True),
    _text("obstacle"),
    # Rises with everything that may change what is available, so that a pass sees what came while it was calling.
    _count("revision"),
    _count("tries"),
    _time("due_at", nullable=True),
    _time("written_at", nullable=True),
    PrimaryKeyConstraint("shop_id", "unit_id", "external_location"),
    Index("ix_publications_item", "item_id"),
    Index("ix_publications_due", "shop_id", "due_at", postgresql_where=text("due_at is not null")),
)

# One write of quantities to a shop: its key is stored before the call, and how it ended after it.
pushes = Table(
    "pushes",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _text("key", None),
    Column("changes", JSONB, nullable=False),
    _time("started_at", now=True),
    _time("finished_at", nullable=True),
    _text("outcome"),
    UniqueConstraint("key"),
    Index("ix_pushes_shop", "shop_id", "id"),
    Index("ix_pushes_open", "shop_id", postgresql_where=text("finished_at is null")),
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
    # Taken in as a record of the past: nothing is planned, committed or handed over for it.
    Column("history", Boolean, nullable=False, server_default=text("false")),
    _time("compared_at", nullable=True),
    _text("customer_name"),
    _text("customer_folded"),
    Column("sealed_person", LargeBinary, nullable=True),
    _text("note"),
    _text("shipping_method"),
    _text("payment_method"),
    _text("origin"),
    # The area the parcel goes to ("FR-13"): coarse, for distances, and nobody's address.
    _text("destination"),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    _count("units"),
    Column("attention", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # What the total is made of, and by how much the platform's total differs from it.
    Column("amounts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("difference_minor", BigInteger, nullable=False, server_default="0"),
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
    # Units that had left before the order was first seen here (a backfill): they are no work and no stock of ours.
    _count("left_before"),
    _ref("item_id", "items.id", nullable=True),
    Column("unit_price_minor", BigInteger, nullable=False, server_default="0"),
    Column("total_minor", BigInteger, nullable=False, server_default="0"),
    # As the platform counts: refunded at any time, and handed over.
    _count("refunded"),
    _count("fulfilled"),
    # Units the platform handed over that no part here held, and units taken back here that it still counts as handed over.
    _count("elsewhere"),
    _count("taken_back"),
    # A component of a bundle: the line that was sold, and how many of this one each of it takes.
    _ref("parent_id", "order_lines.id", nullable=True),
    _count("per_parent"),
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

# What a location refused to give: it is not chosen again for that line.
line_refusals = Table(
    "line_refusals",
    metadata,
    _ref("order_line_id", "order_lines.id"),
    _ref("location_id", "locations.id"),
    _text("reason", None),
    _text("note"),
    _text("actor", None),
    _time("at", now=True),
    PrimaryKeyConstraint("order_line_id", "location_id"),
)

# Goods that left and came back on hand, by what said so: a refund at a place of the platform, or a decided task.
line_returns = Table(
    "line_returns",
    metadata,
    _ref("order_line_id", "order_lines.id"),
    _text("source", None),
    _ref("location_id", "locations.id"),
    _count("quantity", None),
    _time("at", now=True),
    PrimaryKeyConstraint("order_line_id", "source"),
    CheckConstraint("quantity > 0", name="quantity"),
)

# What a person must decide. `key` tells one cause from the next of the same code; a decided one is never asked again.
order_tasks = Table(
    "order_tasks",
    metadata,
    _id(),
    _ref("order_id", "orders.id"),
    _text("code", None),
    _text("key", None),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    _text("state", "open"),
    _text("decision"),
    _text("note"),
    _text("actor"),
    _time("opened_at", now=True),
    _time("ended_at", nullable=True),
    UniqueConstraint("order_id", "code", "key"),
    CheckConstraint("state in ('open', 'decided', 'ended')", name="state"),
    Index("ix_order_tasks_open", "opened_at", "id", postgresql_where=text("state = 'open'")),
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

# --- the past, and what differs ---------------------------------------------------------------------------------------

backfills = Table(
    "backfills",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _time("since"),
    _time("until"),
    _text("stock", "apply"),
    Column("dry_run", Boolean, nullable=False, server_default=text("false")),
    _text("actor", "connector"),
    _text("state", "running"),
    _text("reason"),
    # The checkpoint: where the next page begins. It moves in the transaction that writes the page's orders.
    _text("cursor"),
    _count("pages"),
    Column("expected", Integer, nullable=True),
    *(_count(name) for name in ("read", "new", "changed", "same", "skipped", "failed")),
    _count("tries"),
    _time("created_at", now=True),
    _time("started_at", nullable=True),
    _time("changed_at", now=True),
    _time("due_at", now=True),
    _time("finished_at", nullable=True),
    CheckConstraint("state in ('running', 'paused', 'finished', 'stopped', 'cancelled')", name="state"),
    CheckConstraint("stock in ('apply', 'skip')", name="stock"),
    CheckConstraint("read = new + changed + same + skipped + failed", name="balance"),
    Index("uq_backfills_active", "shop_id", unique=True, postgresql_where=text("state in ('running', 'paused')")),
    Index("ix_backfills_due", "due_at", postgresql_where=text("state = 'running'")),
)

# Every page once, by where it began and by what it held: a list that repeats or turns in a circle meets these constraints.
backfill_pages = Table(
    "backfill_pages",
    metadata,
    _ref("backfill_id", "backfills.id"),
    _text("cursor", None),
    _text("fingerprint", None),
    _count("orders", None),
    _time("at", now=True),
    PrimaryKeyConstraint("backfill_id", "cursor"),
    UniqueConstraint("backfill_id", "fingerprint"),
)

# What was not taken in, and why.
backfill_misses = Table(
    "backfill_misses",
    metadata,
    _ref("backfill_id", "backfills.id"),
    _text("external_id", None),
    _text("kind", None),
    _text("reason", None),
    _time("at", now=True),
    PrimaryKeyConstraint("backfill_id", "external_id"),
    CheckConstraint("kind in ('skipped', 'failed')", name="kind"),
)

drifts = Table(
    "drifts",
    metadata,
    _id(),
    _ref("shop_id", "shops.id"),
    _text("kind", None),
    _text("subject", None),
    Column("ours", JSONB, nullable=False, server_default=text("'{}'")),
    Column("theirs", JSONB, nullable=False, server_default=text("'{}'")),
    _text("state", "open"),
    _text("action"),
    _time("found_at", now=True),
    _time("seen_at", now=True),
    _time("settled_at", nullable=True),
    CheckConstraint("state in ('open', 'repaired', 'gone')", name="state"),
    Index("uq_drifts_open", "shop_id", "kind", "subject", unique=True, postgresql_where=text("state = 'open'")),
    Index("ix_drifts_found", "shop_id", "found_at"),
)

# --- time ------------------------------------------------------------------------------------------------------------

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    _time("at"),
)

# --- other systems -------------------------------------------------------------------------------------------------

api_tokens = Table(
    "api_tokens",
    metadata,
    _id(),
    _text("name", None),
    # SHA-256 of the secret half: it is 256 random bits, so a slow hash would protect nothing.
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    _time("created_at", now=True),
    _time("last_used_at", nullable=True),
    _time("revoked_at", nullable=True),
    UniqueConstraint("name"),
)

# What a request with an Idempotency-Key was answered (status 0: it is being done), so that repeating it is answered alike.
api_answers = Table(
    "api_answers",
    metadata,
    _ref("token_id", "api_tokens.id"),
    _text("key", None),
    _text("fingerprint", None),
    _count("status", None),
    Column("answer", JSONB, nullable=True),
    _time("at", now=True),
    PrimaryKeyConstraint("token_id", "key"),
    Index("ix_api_answers_at", "at"),
)
# More tables on the same metadata, in a file of their own.
import connector.db.install_tables  # noqa: E402, F401
