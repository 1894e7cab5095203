"""What stands on a packing slip, a receipt and a pick list, in the language of the request. No prices on a packing slip:
it may lie in a present."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from connector.db.order_views import OrderDetail, Part
from connector.db.picking import Shelf
from connector.db.suppliers import WantedLine
from connector.domain.fulfillment import State
from desk import show
from desk.language import gettext
from desk.paper.printing import Block, Code, Columns, Document, Gap, Rule, Words


def slip(order: OrderDetail, location_id: int | None = None) -> Document:
    """What lies in the parcel: of the part at `location_id` where one is given."""
    parts = [part for part in order.row.parts if part.state != State.CANCELLED and location_id in (None, part.location_id)]
    return [
        *_head(order, gettext("Packing slip")),
        *_whereto(order),
        Rule(),
        *(block for part in parts for block in _articles(part, several=len(order.row.parts) > 1)),
        *_note(order),
        Gap(5),
        Words(gettext("Thank you for your order."), 11),
    ]


def receipt(order: OrderDetail) -> Document:
    """What was bought, what it cost, and what is still owed."""
    row = order.row
    lines = [line for line in order.lines if line.quantity]
    listed = sum(line.total_minor for line in lines)
    return [
        *_head(order, gettext("Receipt")),
        Rule(),
        *(Columns(f"{line.quantity} × {line.title or line.sku}", show.money(line.total_minor, row.currency)) for line in lines),
        *(
            [Columns(gettext("Shipping, taxes, discounts"), show.money(row.total_minor - listed, row.currency))]
            * (row.total_minor != listed)
        ),
        Rule(),
        Columns(gettext("Total"), show.money(row.total_minor, row.currency), 13),
        Columns(gettext("Still owed"), show.money(row.owed_minor, row.currency)),
        *([Columns(gettext("Paid by"), order.payment_method)] if order.payment_method and not row.owed_minor else []),
        Gap(4),
        Words(gettext("This is no invoice."), 8),
    ]


def pick_list(shelves: Sequence[Shelf], place: str) -> Document:
    """What to take, in the order of the shelves, each with the barcode to scan."""
    orders = {line.part_id for shelf in shelves for line in shelf.lines}
    return [
        Words(gettext("Pick list"), 18),
        Words(place, 11),
        Words(gettext("%(count)s parts of orders", count=len(orders)), 9),
        *(block for shelf in shelves for block in _shelf(shelf)),
    ]


def supplier_summary(name: str, lines: Sequence[WantedLine], *, waiting: bool = False) -> Document:
    """What open orders want of a supplier's goods: how many wait for stock and how many are promised from it, and for which
    orders. With `waiting` only what waits. It names no customer."""
    wanted = [line for line in lines if line.backordered or not waiting]
    items = [list(of) for _, of in itertools.groupby(wanted, key=lambda line: line.item_id)]
    missing = sum(line.backordered for line in wanted)
    return [
        Words(gettext("Order summary"), 18),
        Words(name, 14),
        Words(f"{show.date(datetime.now(UTC))} · {gettext('%(count)s units wait for stock', count=missing)}", 10),
        Gap(),
        *(block for of in items for block in _supplied(of, waiting=waiting)),
        *([] if items else [Words(gettext("No open order wants anything."), 11)]),
        Rule(),
    ]


def _supplied(lines: Sequence[WantedLine], *, waiting: bool) -> Iterable[Block]:
    """One item: how many to bring, and the orders they are for."""
    first = lines[0]
    missing, held = sum(line.backordered for line in lines), sum(line.allocated for line in lines)
    yield Rule()
    yield Columns(first.title or first.sku, f"{missing} ×" if missing else "–", 12)
    yield Words(" · ".join(filter(None, (first.sku, first.barcode))), 9)
    if held and not waiting:
        yield Columns(gettext("Promised from stock"), f"{held} ×", 9)
    orders = [(line, line.backordered if waiting else line.backordered + line.allocated) for line in lines]
    yield Words(", ".join(f"{line.number} ({units})" for line, units in orders), 8)
    yield Gap(1)


def _head(order: OrderDetail, title: str) -> Iterable[Block]:
    number = order.row.number or order.row.external_id
    return (
        Words(order.row.shop, 14),
        Words(title, 18),
        Words(f"{gettext('Order')} {number} · {show.date(order.row.placed_at)}", 11),
        Code(number),
        Gap(),
    )


def _whereto(order: OrderDetail) -> Iterable[Block]:
    row = order.row
    if row.handover == "pickup":
        return (Words(f"{show.handover(row.handover)}: {order.pickup_location}", 11), Words(row.customer, 12), Gap())
    lines = show.address_lines(order.person.get("shipping") or {}) or [row.customer]
    method = [Words(f"{gettext('Shipping method')}: {order.shipping_method}", 9)] if order.shipping_method else []
    return (Words("\n".join(lines), 12), *method, Gap())


def _articles(part: Part, *, several: bool) -> Iterable[Block]:
    if several:
        yield Words(part.location, 11)
    for line in part.lines:
        sku = f"\n  {line.sku}" if line.sku and line.title else ""
        yield Columns(f"☐ {line.title or line.sku}{sku}", f"× {line.quantity}", 11)
        yield Gap(1)
    yield Rule()


def _note(order: OrderDetail) -> Iterable[Block]:
    return (Gap(2), Words(gettext("Sale note"), 9), Words(order.row.note, 11)) if order.row.note else ()


def _shelf(shelf: Shelf) -> Iterable[Block]:
    yield Rule()
    yield Columns(f"{shelf.shelf or '–'}  {shelf.title}", f"{shelf.quantity - shelf.picked} ×", 12)
    yield Words(" · ".join(f"{line.number} ({line.quantity - line.picked})" for line in shelf.lines), 8)
    code = shelf.lines[0].codes[0] if shelf.lines[0].codes else ""
    if code:
        yield Code(code)
