"""All tables and constraints: what the code assumes, the database says.

Conventions: ids are bigint identities; times are timestamptz; `*_minor` is money in minor units; `state` words come from
the enumerations in `connector.domain`. `sealed_*` columns are encrypted (see `sealed.py`). Open word lists (a movement's
reason, the outbox's act, an event's code) are text, so that a new kind of fact needs no migration. Every table that is not
in HOUSE gets its `merchant_id` by itself, and its references carry it (see `merchants.py`).
"""

from __future__ import annotations

from connector.db.tables.access import api_answers, api_tokens, heartbeats
from connector.db.tables.boxes import attempts, inbox, outbox
from connector.db.tables.columns import metadata
from connector.db.tables.desk import audit, fulfillment_notes, order_words, saved_views, scans, sign_ins, staff
from connector.db.tables.events import endpoints, event_attempts, event_sends, events
from connector.db.tables.goods import (
    bundles,
    item_links,
    items,
    levels,
    location_links,
    locations,
    movements,
    publications,
    pushes,
    stock_sources,
    suppliers,
)
from connector.db.tables.install import (
    install_states,
    install_steps,
    privacy_requests,
    shop_events,
    shop_notices,
    shop_users,
    token_leases,
    used_tokens,
)
from connector.db.tables.merchants import HOUSE, divide, merchants
from connector.db.tables.orders import (
    fulfillment_lines,
    fulfillment_orders,
    line_refusals,
    line_returns,
    order_corrections,
    order_events,
    order_lines,
    order_tasks,
    orders,
    payments,
)
from connector.db.tables.past import backfill_misses, backfill_pages, backfills, drifts
from connector.db.tables.shops import shop_logos, shops
from connector.db.tables.stock import buffers, refills, stock_checks, stock_documents, transfer_lines, transfers

divide(metadata)

__all__ = [
    "HOUSE",
    "api_answers",
    "api_tokens",
    "attempts",
    "audit",
    "backfill_misses",
    "backfill_pages",
    "backfills",
    "buffers",
    "bundles",
    "drifts",
    "endpoints",
    "event_attempts",
    "event_sends",
    "events",
    "fulfillment_lines",
    "fulfillment_notes",
    "fulfillment_orders",
    "heartbeats",
    "inbox",
    "install_states",
    "install_steps",
    "item_links",
    "items",
    "levels",
    "line_refusals",
    "line_returns",
    "location_links",
    "locations",
    "merchants",
    "metadata",
    "movements",
    "order_corrections",
    "order_events",
    "order_lines",
    "order_tasks",
    "order_words",
    "orders",
    "outbox",
    "payments",
    "privacy_requests",
    "publications",
    "pushes",
    "refills",
    "saved_views",
    "scans",
    "shop_events",
    "shop_logos",
    "shop_notices",
    "shop_users",
    "shops",
    "sign_ins",
    "staff",
    "stock_checks",
    "stock_documents",
    "stock_sources",
    "suppliers",
    "token_leases",
    "transfer_lines",
    "transfers",
    "used_tokens",
]
