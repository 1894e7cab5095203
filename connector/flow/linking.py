"""Which of our places and items a shop's own are; a later answer allocates the orders that waited for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert

from connector.db import goods, links, publications
from connector.db import shops as shop_rows
from connector.db.tables import stock_sources
from connector.domain import pictures
from connector.domain.errors import ConnectorError, Rejected
from connector.domain.linking import Problem, Variant, match
from connector.domain.settings import parsed, pickup_places
from connector.domain.text import storable
from connector.flow import stock
from connector.flow.replan import replan
from connector.platform import WHOLE_SHOP, Goods, Platform, Shop

_MOST_PAGES = 10_000
_SAY_WHO_WAITS = frozenset({"commit_when", "accept_authorized"})  # settings on which it depends whose goods are set aside


@dataclass(frozen=True, slots=True)
class Linked:
    """A catalogue after it was read: variants, how many are linked, how many need a person, orders that were allocated."""

    variants: int
    linked: int
    problems: int
    orders: int


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item that a shop sells and we do not have."""

    sku: str
    title: str
    barcode: str


def goods_of(platform: Platform) -> Goods:
    """The platform's catalogue and stock; Rejected where it lets us at neither."""
    if platform.goods is None:
        raise Rejected(f"{platform.title} shows no catalogue and takes no stock.", "Link its items by their SKU.")
    return platform.goods


# --- items -----------------------------------------------------------------------------------------------------------


def read_places(engine: Engine, platform: Platform, shop: Shop) -> None:
    """Note the shop's own places: those that keep stock, and the names under which customers collect."""
    found = [(place.external_id, place.name) for place in platform.locations(shop)]
    keeping = {WHOLE_SHOP} if platform.goods and not platform.goods.located else {external_id for external_id, _ in found}
    if WHOLE_SHOP in keeping:
        found.append((WHOLE_SHOP, "The whole shop"))
    named = [(name, name) for name in pickup_places(platform.name, shop.settings)]
    with engine.begin() as conn:
        goods.note_remote_locations(conn, shop.id, [*named, *found], stocked=keeping)


def read_catalogue(engine: Engine, platform: Platform, shop: Shop, now: datetime) -> Linked:
    """Read all of a shop's variants, match them, and allocate the lines that waited. Raises the call errors."""
    variants = _variants(goods_of(platform), shop)
    with engine.begin() as conn:
        return _match(conn, shop.id, variants, now)


def _variants(catalogue: Goods, shop: Shop) -> list[Variant]:
    found: dict[str, Variant] = {}
    cursor, seen = "", set[str]()
    for _ in range(_MOST_PAGES):
        page = catalogue.variants(shop, cursor)
        found.update({variant.external_id: _storable(variant, shop) for variant in page.variants})
        if not page.next:
            return list(found.values())
        if page.next in seen:
            break
        seen.add(page.next)
        cursor = page.next
    raise ConnectorError("The shop's catalogue repeats itself or never ends.", "Nothing was changed; report it.")


def _storable(variant: Variant, shop: Shop) -> Variant:
    sku, barcode, title = (storable(text.strip()) for text in (variant.sku, variant.barcode, variant.title))
    picture = pictures.address(variant.image_url, shop.address)
    return replace(variant, sku=sku, barcode=barcode, title=title, image_url=picture)


def match_again(engine: Engine, shop_id: int, now: datetime) -> Linked:
    """Match the catalogue as it was last read, after items or links have changed here."""
    with engine.begin() as conn:
        return _match(conn, shop_id, links.catalogue(conn, shop_id), now)


def match_all_again(engine: Engine, now: datetime) -> None:
    """Match the catalogues of all shops, after items have come or changed here."""
    with engine.connect() as conn:
        shop_ids = links.shops(conn)
    for shop_id in shop_ids:
        match_again(engine, shop_id, now)


def _match(conn: Connection, shop_id: int, variants: Sequence[Variant], now: datetime) -> Linked:
    shop_rows.lock_intake(conn, shop_id)
    skus = goods.item_ids(conn, {variant.sku for variant in variants if variant.sku})
    matches = match(variants, skus, links.barcodes(conn), links.made_by_hand(conn, shop_id))
    links.store(conn, shop_id, matches, now)
    concerned = links.map_lines(conn, shop_id)
    replan(conn, concerned, now)
    publications.furnish(conn, shop_id, publications.sources(conn, shop_id), now)
    return Linked(**links.counts(conn, shop_id), orders=len(concerned))


def link_item(engine: Engine, shop_id: int, external_id: str, sku: str, now: datetime) -> Linked:
    """A person says which item a variant is ("": leaves it to the rules again)."""
    link_items(engine, shop_id, {external_id: sku})
    return match_again(engine, shop_id, now)


def link_items(engine: Engine, shop_id: int, skus: Mapping[str, str]) -> None:
    """Links by hand: variant id -> our SKU. All or none; Rejected names every SKU that is not known."""
    with engine.begin() as conn:
        known = goods.item_ids(conn, {sku for sku in skus.values() if sku})
        if unknown := sorted({sku for sku in skus.values() if sku} - known.keys()):
            raise Rejected(f"Not known here: {', '.join(unknown[:10])}.", "Add the items first: `connector items add`.")
        for external_id, sku in skus.items():
            links.set_by_hand(conn, shop_id, external_id, known[sku] if sku else None)


def missing_items(engine: Engine, shop_id: int) -> list[NewItem]:
    """What the shop sells under a SKU of its own and we do not have; variants that share a SKU are left to a person."""
    with engine.connect() as conn:
        unknown = [row for row in links.listed(conn, shop_id, problems=True) if row.problem == Problem.UNKNOWN and row.sku]
    return [NewItem(row.sku, row.title, row.barcode) for row in unknown]


def import_items(engine: Engine, shop_id: int, now: datetime) -> list[NewItem]:
    """Create the missing items from the shop's catalogue, and link them."""
    found = missing_items(engine, shop_id)
    stock.add_items(engine, [{"sku": item.sku, "title": item.title, "barcode": item.barcode} for item in found], now)
    match_again(engine, shop_id, now)
    return found


# --- places ----------------------------------------------------------------------------------------------------------


def link_location(engine: Engine, shop_id: int, external_id: str, codes: Sequence[str], now: datetime) -> int:
    """Say which of our places a shop's place is: its orders go to the first, it shows the stock of all of them. None: unlinked.

    Orders that waited to be collected there are allocated; how many. Rejected where we have no such place.
    """
    with engine.begin() as conn:
        shop_rows.lock_intake(conn, shop_id)
        places = goods.location_ids(conn)
        if unknown := [code for code in codes if code not in places]:
            known = ", ".join(sorted(places)) or "none yet"
            raise Rejected(f"There is no location {', '.join(map(repr, unknown))}.", f"Known: {known}.")
        goods.link_location(conn, shop_id, external_id, places[codes[0]] if codes else None)
        _set_sources(conn, shop_id, external_id, [places[code] for code in dict.fromkeys(codes[1:])])
        waiting = links.waiting_pickups(conn, shop_id, external_id) if codes and external_id != WHOLE_SHOP else []
        replan(conn, waiting, now)
        publications.furnish(conn, shop_id, publications.sources(conn, shop_id), now, again=True)
    return len(waiting)


def _set_sources(conn: Connection, shop_id: int, external_id: str, location_ids: Sequence[int]) -> None:
    table = stock_sources.c
    conn.execute(delete(stock_sources).where(table.shop_id == shop_id, table.external_id == external_id))
    rows = [{"shop_id": shop_id, "external_id": external_id, "location_id": location} for location in location_ids]
    if rows:
        conn.execute(insert(stock_sources), rows)


# --- settings --------------------------------------------------------------------------------------------------------


def change_settings(engine: Engine, platform: Platform, shop: Shop, typed: Mapping[str, str], now: datetime) -> dict[str, object]:
    """Set what a person typed, all or nothing. Everything published is looked at again, and orders that wait where the change
    says when goods are set aside.

    Rejected says what is allowed, by our table and by the shop itself; a call error where that cannot be asked.
    """
    changes = {name: parsed(shop.platform, name, text) for name, text in typed.items()}
    for name, chosen in changes.items():
        allowed = platform.choices(shop, name) if chosen else ()
        if allowed and chosen not in allowed:
            raise Rejected(f"The shop knows no {chosen!r} for {name}.", f"It has {', '.join(allowed)}.")
    named = [(name, name) for name in pickup_places(shop.platform, {**shop.settings, **changes})]
    with engine.begin() as conn:
        shop_rows.lock_intake(conn, shop.id)
        shop_rows.change_settings(conn, shop.id, changes)
        if _SAY_WHO_WAITS & changes.keys():
            replan(conn, links.waiting_orders(conn, shop.id), now)
        goods.note_remote_locations(conn, shop.id, named)
        publications.furnish(conn, shop.id, publications.sources(conn, shop.id), now, again=True)
    return changes
