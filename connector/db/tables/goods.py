"""Places and goods, what of them is on hand and promised, and what shops are told of it."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from connector.db.tables.columns import count, merchant, metadata, moment, reference, row_id, words

locations = Table(
    "locations",
    metadata,
    row_id(),
    merchant(),
    words("code", None),
    words("name", None),
    words("kind", "shop"),
    count("priority", "100"),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # Degrees, for the distance to where a parcel goes.
    Column("latitude", Float, nullable=True),
    Column("longitude", Float, nullable=True),
    UniqueConstraint("merchant_id", "code"),
)

location_links = Table(
    "location_links",
    metadata,
    reference("shop_id", "shops.id"),
    words("external_id", None),
    words("name"),
    reference("location_id", "locations.id", nullable=True),
    # Whether the shop keeps quantities there; others are only names of places where customers collect.
    Column("keeps_stock", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("shop_id", "external_id"),
)

# Further locations whose stock a shop's own location shows, beside the one its orders go to.
stock_sources = Table(
    "stock_sources",
    metadata,
    reference("shop_id", "shops.id"),
    words("external_id", None),
    reference("location_id", "locations.id"),
    PrimaryKeyConstraint("shop_id", "external_id", "location_id"),
)

# Who goods are bought from.
suppliers = Table(
    "suppliers",
    metadata,
    row_id(),
    merchant(),
    words("name", None),
    words("name_folded", None),
    UniqueConstraint("merchant_id", "name_folded"),
    CheckConstraint("name <> ''", name="name"),
)

items = Table(
    "items",
    metadata,
    row_id(),
    merchant(),
    words("sku", None),
    words("title"),
    words("barcode"),
    reference("supplier_id", "suppliers.id", nullable=True),
    UniqueConstraint("merchant_id", "sku"),
    CheckConstraint("sku <> ''", name="sku"),
    Index("ix_items_supplier", "supplier_id", postgresql_where=text("supplier_id is not null")),
    Index("ix_items_barcode", "barcode", postgresql_where=text("barcode <> ''")),
)

# What an item that is sold as one is made of.
bundles = Table(
    "bundles",
    metadata,
    reference("item_id", "items.id"),
    reference("component_id", "items.id"),
    count("quantity", None),
    PrimaryKeyConstraint("item_id", "component_id"),
    CheckConstraint("quantity > 0 and item_id <> component_id", name="quantity"),
)

levels = Table(
    "levels",
    metadata,
    reference("item_id", "items.id"),
    reference("location_id", "locations.id"),
    count("on_hand"),
    count("committed"),
    words("shelf"),
    Column("available", Integer, Computed("on_hand - committed", persisted=True), nullable=False),
    PrimaryKeyConstraint("item_id", "location_id"),
    CheckConstraint("committed >= 0", name="committed"),
)

movements = Table(
    "movements",
    metadata,
    row_id(),
    reference("item_id", "items.id"),
    reference("location_id", "locations.id"),
    count("on_hand_delta"),
    count("committed_delta"),
    words("reason", None),
    words("effect_key", None),
    reference("order_id", "orders.id", nullable=True),
    words("document"),
    words("actor", "connector"),
    moment("at", now=True),
    UniqueConstraint("effect_key"),
    CheckConstraint("on_hand_delta <> 0 or committed_delta <> 0", name="moves"),
    Index("ix_movements_item_location", "item_id", "location_id"),
    Index("ix_movements_order", "order_id", postgresql_where=text("order_id is not null")),
)

# What a shop sells, as its catalogue was last read, and which item it is.
item_links = Table(
    "item_links",
    metadata,
    reference("shop_id", "shops.id"),
    words("external_id", None),
    words("unit_id", None),
    words("sku"),
    words("barcode"),
    words("title"),
    words("image_url"),
    Column("tracked", Boolean, nullable=False, server_default=text("true")),
    reference("item_id", "items.id", nullable=True),
    words("matched_by"),
    words("problem"),
    Column("gone", Boolean, nullable=False, server_default=text("false")),
    moment("read_at", now=True),
    PrimaryKeyConstraint("shop_id", "external_id"),
    CheckConstraint("matched_by in ('', 'sku', 'barcode', 'hand')", name="matched_by"),
    CheckConstraint("(item_id is null) = (matched_by = '')", name="matched"),
    Index("ix_item_links_item", "item_id"),
)

# The quantity a shop shows at one spot. `published` is what it was last known to show; `due_at` says that it may differ.
publications = Table(
    "publications",
    metadata,
    reference("shop_id", "shops.id"),
    words("unit_id", None),
    words("external_location", None),
    reference("item_id", "items.id"),
    Column("published", Integer, nullable=True),
    words("obstacle"),
    # Rises with everything that may change what is available, so that a pass sees what came while it was calling.
    count("revision"),
    count("tries"),
    moment("due_at", nullable=True),
    moment("written_at", nullable=True),
    PrimaryKeyConstraint("shop_id", "unit_id", "external_location"),
    Index("ix_publications_item", "item_id"),
    Index("ix_publications_due", "shop_id", "due_at", postgresql_where=text("due_at is not null")),
)

# One write of quantities to a shop: its key is stored before the call, and how it ended after it.
pushes = Table(
    "pushes",
    metadata,
    row_id(),
    reference("shop_id", "shops.id"),
    words("key", None),
    Column("changes", JSONB, nullable=False),
    moment("started_at", now=True),
    moment("finished_at", nullable=True),
    words("outcome"),
    UniqueConstraint("key"),
    Index("ix_pushes_shop", "shop_id", "id"),
    Index("ix_pushes_open", "shop_id", postgresql_where=text("finished_at is null")),
)
