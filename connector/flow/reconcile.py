"""The poll behind the webhooks: what was modified on the platform is read again, whether a delivery came or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select

from connector.db import inbox, shops
from connector.db.tables import orders
from connector.domain.errors import ConnectorError
from connector.domain.retry import USUAL, Patience, next_try
from connector.flow.ingest import POLL, Drained, note_failure
from connector.flow.wake import Wake
from connector.platform import CallError, ChangedPage, Kind, Platform, Shop

# Late commits on the platform and clocks that differ: the window is read this much twice, known versions are skipped.
_OVERLAP = timedelta(minutes=10)
_MOST_PAGES = 200
_IF_KILLED = timedelta(minutes=1)  # a poll that never ended


def poll(
    engine: Engine,
    platform: Platform,
    shop: Shop,
    now: datetime,
    *,
    every: timedelta | None = timedelta(minutes=10),
    patience: Patience = USUAL,
    overlap: timedelta = _OVERLAP,
) -> Drained:
    """Put an inbox row for every order modified since the newest stored modification, less an overlap.

    The cursor moves page by page to the newest modification seen, never to "now". The next poll is due after `every`, or
    sooner where this one fails; None leaves it when it was. A call error rests the shop and is raised.
    """
    with engine.begin() as conn:
        cursor = shops.health(conn, shop.id).polled_to or now
        if every is not None:
            shops.set_poll(conn, shop.id, due_at=now + min(every, _IF_KILLED))
    found = 0
    seen: set[str] = set()
    page = ""
    try:
        for _ in range(_MOST_PAGES):
            changed = platform.changed_orders(shop, cursor - overlap, page)
            found += _note(engine, shop, changed, now)
            if not changed.next:
                break
            if changed.next in seen:
                raise ConnectorError("The shop's list of changed orders repeats itself.", "The poll ended; report it.")
            seen.add(changed.next)
            page = changed.next
    except CallError as error:
        with engine.begin() as conn:
            note_failure(conn, shop, error, now, patience)
            if every is not None:
                shops.set_poll(conn, shop.id, due_at=now + min(every, _wait(conn, shop, patience)))
        raise
    if every is not None:
        with engine.begin() as conn:
            shops.set_poll(conn, shop.id, due_at=now + every)
    return Drained(found, more=False, wakes=(Wake("ingest", shop.id),) if found else ())


def _wait(conn: Connection, shop: Shop, patience: Patience) -> timedelta:
    """How long after a poll that failed: the longer, the more calls of the shop have failed."""
    retry = next_try(max(1, shops.health(conn, shop.id).failures), patience.read_waits_seconds, 0.5, endless=True)
    return timedelta(seconds=retry.seconds or 0)


def _note(engine: Engine, shop: Shop, changed: ChangedPage, now: datetime) -> int:
    """One page: rows for what we do not hold in that version; then the cursor moves, in the same transaction."""
    if not changed.order_ids:
        return 0
    with engine.begin() as conn:
        held = _versions(conn, shop.id, [order_id for order_id, _ in changed.order_ids])
        unknown = [(order_id, version) for order_id, version in changed.order_ids if held.get(order_id) != version]
        new = sum(
            inbox.add(
                conn,
                merchant_id=shop.merchant_id,
                shop_id=shop.id,
                dedup_key=f"poll:{order_id}:{version.isoformat()}",
                topic=POLL,
                kind=Kind.ORDER.value,
                external_id=order_id,
                sealed_body=None,
                state="waiting",
                reason="",
                now=now,
            )
            for order_id, version in unknown
        )
        shops.set_poll(conn, shop.id, polled_to=max(version for _, version in changed.order_ids))
    return new


def _versions(conn: Connection, shop_id: int, external_ids: Sequence[str]) -> dict[str, datetime]:
    rows = select(orders.c.external_id, orders.c.version).where(
        orders.c.shop_id == shop_id, orders.c.external_id.in_(external_ids)
    )
    return {row.external_id: row.version for row in conn.execute(rows)}
