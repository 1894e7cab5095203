"""Stock facts that no order causes: receipts, till sales, counts, write-offs; each once only by its caller's key.

A fact is filed under its key in the transaction that writes its movements: the same key again changes nothing, and with other
lines it is refused. What the fact changes for orders is settled right after (`connector.flow.settle`), or by the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from connector.db import documents, goods, orders, publications, refills
from connector.db import stock as levels
from connector.db.documents import Transfer
from connector.domain.distance import Point
from connector.domain.errors import Rejected
from connector.domain.stock import Movement, below_zero, counted
from connector.flow.replan import replan
from connector.flow.settle import settle

Pairs = dict[tuple[int, int], int]  # (item id, location id) -> units


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many units (>= 0 for a count, any sign for a change) of an item at a location."""

    sku: str
    location_code: str
    quantity: int


def receive(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, actor: str, note: str = "") -> int:
    """Units arrived from outside. Returns the movements written: 0 on a repeat, as all of these do."""
    return change(engine, _positive(lines), now, key=key, reason="receipt", actor=actor, note=note)


def sell(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, actor: str, note: str = "") -> int:
    """Units were sold over the counter. Units promised to online orders may be among them; those orders are settled."""
    return change(engine, _negated(_positive(lines)), now, key=key, reason="sale", actor=actor, note=note)


def write_off(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, actor: str, note: str = "") -> int:
    """Units are broken, lost or otherwise of no use; `note` says why."""
    return change(engine, _negated(_positive(lines)), now, key=key, reason="write_off", actor=actor, note=note)


def change(
    engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, reason: str, actor: str, note: str = ""
) -> int:
    """Add to on hand by `quantity`. Rejected where more would leave than is on hand, or the key names another change."""
    with engine.begin() as conn:
        wanted = _resolve(conn, lines)
        if documents.file(conn, reason, key, _filed(lines), now, actor=actor, note=note) is None:
            return 0
        on_hand = lock(conn, wanted)
        refuse_below_zero(conn, on_hand, wanted)
        facts = [
            Movement(item, place, units, 0, reason, f"{reason}:{key}:{item}:{place}", None, key, actor)
            for (item, place), units in wanted.items()
            if units
        ]
        written = levels.post(conn, facts, now)
        publications.touch(conn, {item for item, _ in wanted}, now)
    settle(engine, now)
    return written


def count(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, actor: str, note: str = "") -> int:
    """Set on hand to what was counted, by the difference. Goods packed but not yet gone are to be counted too."""
    if any(line.quantity < 0 for line in lines):
        raise Rejected("A count cannot be negative.", "Give the number of units on the shelf.")
    if len({(line.sku, line.location_code) for line in lines}) < len(lines):
        raise Rejected("An item is counted twice at one location.", "Give each once, with the sum.")
    with engine.begin() as conn:
        wanted = _resolve(conn, lines)
        if documents.file(conn, "count", key, _filed(lines), now, actor=actor, note=note) is None:
            return 0
        written = levels.post(conn, counted(wanted, lock(conn, wanted), key, actor), now)
        publications.touch(conn, {item for item, _ in wanted}, now)
    settle(engine, now)
    return written


def lock(conn: Connection, wanted: Mapping[tuple[int, int], int]) -> Pairs:
    """Lock the levels of these items, making those that are missing; what is on hand."""
    levels.ensure(conn, wanted)
    levels.lock(conn, {item for item, _ in wanted})
    return levels.on_hand(conn, {item for item, _ in wanted})


def refuse_below_zero(conn: Connection, on_hand: Mapping[tuple[int, int], int], changes: Mapping[tuple[int, int], int]) -> None:
    """Rejected where more would leave a shelf than lies on it."""
    for item, place in below_zero(on_hand, changes):
        sku, location = goods.named(conn, item, place)
        there = on_hand[item, place]
        raise Rejected(f"Only {there} of {sku} are on hand at {location}.", "Count the shelf first: `connector stock count`.")


def _positive(lines: Sequence[StockLine]) -> Sequence[StockLine]:
    if not lines or any(line.quantity <= 0 for line in lines):
        raise Rejected("A quantity is not above zero.", "Give how many units, as a positive number.")
    return lines


def _negated(lines: Sequence[StockLine]) -> list[StockLine]:
    return [StockLine(line.sku, line.location_code, -line.quantity) for line in lines]


def _filed(lines: Sequence[StockLine]) -> list[tuple[str, str, int]]:
    return [(line.sku, line.location_code, line.quantity) for line in lines]


def _resolve(conn: Connection, lines: Sequence[StockLine]) -> dict[tuple[int, int], int]:
    """(item id, location id) -> units; everything unknown is named in one Rejected."""
    items = goods.item_ids(conn, {line.sku for line in lines})
    places = goods.location_ids(conn)
    unknown = sorted({line.sku for line in lines} - items.keys()) + sorted({line.location_code for line in lines} - places.keys())
    if unknown:
        raise Rejected(f"Not known here: {', '.join(unknown[:10])}.", "Add items and locations first.")
    wanted: dict[tuple[int, int], int] = {}
    for line in lines:
        pair = items[line.sku], places[line.location_code]
        wanted[pair] = wanted.get(pair, 0) + line.quantity
    return wanted


# --- between locations -----------------------------------------------------------------------------------------------


def transfer(engine: Engine, here: str, there: str, quantities: Mapping[str, int], now: datetime, *, key: str, actor: str) -> int:
    """Goods (SKU -> units) leave location `here` for `there` and are on the way. Returns the transfer's id, also on a repeat.

    Rejected where more would leave than is available: what is promised to orders stays.
    """
    lines = _positive([StockLine(sku, here, units) for sku, units in sorted(quantities.items())])
    if here == there:
        raise Rejected("A transfer ends where it begins.", "Name two locations.")
    with engine.begin() as conn:
        wanted = _resolve(conn, lines)
        to_id = _place(conn, there)
        document = documents.file(conn, "transfer", key, [(there, "", 0), *_filed(lines)], now, actor=actor)
        if document is None:
            return documents.id_of(conn, "transfer", key)
        lock(conn, wanted)
        _refuse_promised(conn, wanted)
        from_id = next(place for _, place in wanted)
        documents.open_transfer(conn, document, from_id, to_id, {item: units for (item, _), units in wanted.items()})
        facts = [
            Movement(item, place, -units, 0, "transfer_out", f"transfer_out:{document}:{item}", None, key, actor)
            for (item, place), units in wanted.items()
        ]
        levels.post(conn, facts, now)
        publications.touch(conn, {item for item, _ in wanted}, now)
    return document


def arrive(
    engine: Engine, transfer_id: int, now: datetime, *, key: str, actor: str, quantities: Mapping[str, int] | None = None
) -> int:
    """Goods of a transfer arrived: all that is still on the way, or these (SKU -> units). Returns the movements written."""
    with engine.begin() as conn:
        found = documents.lock_transfer(conn, transfer_id)
        written_down = sorted((quantities or {}).items())
        if documents.file(conn, "arrival", key, [(transfer_id, 0), *written_down], now, actor=actor) is None:
            return 0
        units = _on_the_way(conn, found, quantities)
        documents.close_lines(conn, transfer_id, units, "arrived")
        wanted = {(item, found.to_location_id): count for item, count in units.items()}
        lock(conn, wanted)
        facts = [
            Movement(item, place, count, 0, "transfer_in", f"transfer_in:{key}:{transfer_id}:{item}", None, key, actor)
            for (item, place), count in wanted.items()
        ]
        written = levels.post(conn, facts, now)
        publications.touch(conn, {item for item, _ in wanted}, now)
    settle(engine, now)
    return written


def lose(engine: Engine, transfer_id: int, now: datetime, *, actor: str, note: str = "") -> int:
    """What of a transfer is still on the way will not arrive. Returns how many units that was; they left at its beginning."""
    with engine.begin() as conn:
        found = documents.lock_transfer(conn, transfer_id)
        units = {line.item_id: line.open for line in found.lines if line.open}
        if units:
            documents.close_lines(conn, transfer_id, units, "lost")
            lines = sorted(units.items())
            documents.file(conn, "loss", f"transfer:{transfer_id}", lines, now, actor=actor, note=note)
    return sum(units.values())


def _on_the_way(conn: Connection, found: Transfer, quantities: Mapping[str, int] | None) -> dict[int, int]:
    """Item id -> units that arrive; Rejected where that is more than is still on the way."""
    still = {line.item_id: line.open for line in found.lines if line.open}
    if quantities is None:
        units = still
    else:
        items = goods.item_ids(conn, quantities.keys())
        unknown = [sku for sku in quantities if items.get(sku) not in still or not 0 < quantities[sku] <= still[items[sku]]]
        if unknown:
            raise Rejected(f"Not so many on the way: {', '.join(sorted(unknown))}.", "`connector stock transfers` shows what is.")
        units = {items[sku]: count for sku, count in quantities.items()}
    if not units:
        raise Rejected("Nothing of this transfer is on the way any more.", "`connector stock transfers` shows what is.")
    return units


def _refuse_promised(conn: Connection, wanted: Mapping[tuple[int, int], int]) -> None:
    available = levels.lock(conn, {item for item, _ in wanted})
    for item, place in below_zero(available, {pair: -units for pair, units in wanted.items()}):
        sku, location = goods.named(conn, item, place)
        there = available[item, place]
        raise Rejected(f"Only {there} of {sku} are available at {location}; others are promised to orders.", "Transfer fewer.")


def _place(conn: Connection, code: str) -> int:
    places = goods.location_ids(conn)
    if code not in places:
        raise Rejected(f"There is no location {code!r}.", f"Known: {', '.join(sorted(places)) or 'none yet'}.")
    return places[code]


# --- places and goods ------------------------------------------------------------------------------------------------


def add_location(
    engine: Engine, *, code: str, name: str, kind: str = "shop", priority: int = 100, point: Point | None = None
) -> int:
    """A place that keeps stock; repeatable by `code`. `point`: its latitude and longitude. Returns its id."""
    with engine.begin() as conn:
        return goods.add_location(conn, code=code, name=name, kind=kind, priority=priority, point=point)


def open_location(engine: Engine, code: str, now: datetime, *, opened: bool) -> None:
    """Open a location to online orders, or close it: what it was given already stays. Opening gives waiting orders its stock."""
    with engine.begin() as conn:
        goods.enable(conn, _place(conn, code), enabled=opened)
        refills.note(conn, refills.backordered_items(conn) if opened else [])
    settle(engine, now)


def add_items(engine: Engine, items: Sequence[Mapping[str, str]], now: datetime) -> int:
    """Add or rename items ({sku, title, barcode, supplier}); waiting order lines with these SKUs are mapped. Returns how many."""
    if any(not item["sku"].strip() for item in items):
        raise Rejected("An item has no SKU.", "Every item needs one.")
    with engine.begin() as conn:
        ids = goods.add_items(conn, items)
        concerned = orders.map_lines(conn, ids)
        if concerned:
            replan(conn, concerned, now)
    return len(ids)


def link_location(engine: Engine, shop_id: int, external_id: str, location_code: str) -> None:
    """Say which of our locations a shop's location is. Rejected where we have no such location. Orders that waited for it are
    given stock at the next round of the clock."""
    with engine.begin() as conn:
        goods.link_location(conn, shop_id, external_id, _place(conn, location_code))
        refills.note(conn, refills.backordered_items(conn))


def set_buffer(engine: Engine, shop_id: int, sku: str, units: int, now: datetime) -> None:
    """Units of an item that a shop never offers."""
    if units < 0:
        raise Rejected("A buffer cannot be negative.", "Give 0 or more units.")
    with engine.begin() as conn:
        items = goods.item_ids(conn, [sku])
        if sku not in items:
            raise Rejected(f"Not known here: {sku}.", "Add items and locations first.")
        goods.set_buffer(conn, shop_id, items[sku], units)
        levels.lock(conn, items.values())
        publications.touch(conn, items.values(), now)
