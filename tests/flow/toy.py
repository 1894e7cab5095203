"""A fourth platform, in memory: what the flow's tests talk to. Its orders are plain JSON, signed by nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select

from connector.db import shops
from connector.db.sealed import Seal
from connector.db.tables import items, levels, locations
from connector.domain.orders import Customer, Handover, Lifecycle, LineItem, LineKind, Order, Payment
from connector.flow import deliver, ingest, receive, stock
from connector.flow import shops as shop_flow
from connector.flow.stock import StockLine
from connector.platform import (
    Account,
    Announcement,
    CataloguePage,
    Change,
    ChangedPage,
    Delivery,
    Flaw,
    Goods,
    Kind,
    Level,
    OrderPage,
    Outcome,
    Platform,
    Refused,
    RemoteLocation,
    Shop,
    Spot,
    Subscriptions,
    Told,
    Written,
)

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def order(number: str = "1001", lines: Iterable[tuple[str, int]] = (("PEN", 2),), *, minute: int = 0, **more: Any) -> Order:
    """A paid order for delivery as it stood `minute` minutes after the start."""
    written = tuple(
        LineItem(f"{number}-{position}", sku.title(), units, sku=sku, unit_price_minor=500, total_minor=500 * units)
        for position, (sku, units) in enumerate(lines)
    )
    total = sum(line.total_minor for line in written)
    base = Order(
        external_id=number,
        number=f"#{number}",
        placed_at=START,
        version=START + minute * MINUTE,
        currency="EUR",
        total_minor=total,
        outstanding_minor=0,
        payment=Payment.PAID,
        lifecycle=Lifecycle.OPEN,
        handover=Handover.DELIVERY,
        lines=written,
        customer=Customer(name="Élise Vincent", email="elise@example.test"),
    )
    return replace(base, **more)


def unpaid(given: Order) -> Order:
    return replace(given, payment=Payment.UNPAID, outstanding_minor=given.total_minor)


def custom(title: str, units: int = 1) -> LineItem:
    return LineItem(f"c-{title}", title, units, kind=LineKind.CUSTOM)


@dataclass
class Toy:
    """The platform's side: what it holds, what it was told, and what goes wrong next."""

    held: dict[str, Order] = field(default_factory=dict)
    told: list[Announcement] = field(default_factory=list)
    fail_fetch: list[Exception] = field(default_factory=list)
    fail_announce: list[Exception] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)  # instead of applied, one for each telling
    fetched: list[str] = field(default_factory=list)
    thin: bool = False
    pages: list[ChangedPage] = field(default_factory=list)
    asked_since: list[datetime] = field(default_factory=list)
    per_page: int = 10
    drafts: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    list_hook: Callable[[str], OrderPage | None] = lambda cursor: None
    flawed: list[Flaw] = field(default_factory=list)
    subscribed: int = 0

    def fetch(self, shop: Shop, external_id: str) -> Order | None:
        self.fetched.append(external_id)
        if self.fail_fetch:
            raise self.fail_fetch.pop(0)
        return self.held.get(external_id)

    def normalize(self, shop: Shop, body: bytes) -> Order | None:
        name = json.loads(body)["body"]
        return None if self.thin else self.bodies[name]

    def announce(self, shop: Shop, announcement: Announcement) -> Outcome:
        if self.fail_announce:
            raise self.fail_announce.pop(0)
        self.told.append(announcement)
        return self.outcomes.pop(0) if self.outcomes else Outcome(Told.APPLIED, "told")

    def changed(self, shop: Shop, since: datetime, cursor: str) -> ChangedPage:
        self.asked_since.append(since)
        return self.pages[int(cursor or 0)] if self.pages else ChangedPage(())

    def listed(self, since: datetime, until: datetime) -> list[Order]:
        window = (one for one in self.held.values() if since <= one.placed_at < until)
        return sorted(window, key=lambda one: (one.placed_at, one.external_id))

    def list_orders(self, shop: Shop, since: datetime, until: datetime, cursor: str) -> OrderPage:
        page = self.list_hook(cursor)
        if page is not None:
            return page
        start = int(cursor or 0)
        found = self.listed(since, until)
        shown = found[start : start + self.per_page]
        following = str(start + self.per_page) if len(found) > start + self.per_page else ""
        odd = self.drafts | self.unreadable
        return OrderPage(
            tuple(one for one in shown if one.external_id not in odd),
            tuple((one.external_id, "a draft") for one in shown if one.external_id in self.drafts),
            tuple((one.external_id, "no date") for one in shown if one.external_id in self.unreadable),
            following,
        )

    def subscribe(self, shop: Shop, url: str) -> Subscriptions:
        self.subscribed += 1
        self.flawed.clear()
        return Subscriptions(("order",), {"webhook_secret": "s3cret"})

    def platform(self) -> Platform:
        return Platform(
            name="toy",
            title="Toy",
            credentials={"token": "any word"},
            shared_address=False,
            open_shop=lambda options: (self.store, "https://toy.example", {"token": options["token"]}),
            shop_named_by=lambda headers: "",
            is_ping=lambda headers, body: False,
            genuine=lambda shop, headers, body: True,
            parse=lambda headers, body: Delivery("order", Kind.ORDER, "x", "1"),
            normalize=self.normalize,
            check=lambda shop: Account(self.store, "Toy Store", "EUR"),
            subscribe=self.subscribe,
            fetch_order=self.fetch,
            changed_orders=self.changed,
            list_orders=self.list_orders,
            count_orders=lambda shop, since, until: len(self.listed(since, until)),
            flaws=lambda shop, url: tuple(self.flawed),
            locations=lambda shop: (RemoteLocation("L1", "Quay"), RemoteLocation("L2", "Depot")),
            announce=self.announce,
            goods=Goods(
                located=True,
                most=3,
                settles_seconds=0,
                repeatable=True,
                variants=lambda shop, cursor: self.catalogue[int(cursor or 0)],
                obstacle=lambda shop: self.obstacle,
                levels=self.levels,
                publish=self.publish,
            ),
        )

    store: str = "toy-store"
    catalogue: list[CataloguePage] = field(default_factory=lambda: [CataloguePage(())])
    obstacle: str = ""
    shown: dict[Spot, int | None] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    pushed: list[tuple[str, list[Change]]] = field(default_factory=list)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)  # what happens right after a read of levels
    fail_publish: list[Exception] = field(default_factory=list)

    def levels(self, shop: Shop, spots: Sequence[Spot]) -> dict[Spot, Level]:
        found = {spot: Level(self.shown[spot]) for spot in spots if spot in self.shown}
        while self.meanwhile:
            self.meanwhile.pop(0)()
        return found

    def publish(self, shop: Shop, key: str, changes: Sequence[Change]) -> dict[Spot, tuple[Written, str]]:
        self.pushed.append((key, list(changes)))
        if any(change.spot.unit_id in self.bad for change in changes):
            raise Refused("One of them is not valid.")
        stale = {change.spot for change in changes if self.shown[change.spot] != change.seen}
        if stale:
            return {change.spot: (Written.STALE if change.spot in stale else Written.SKIPPED, "") for change in changes}
        self.shown.update({change.spot: change.quantity for change in changes})
        if self.fail_publish:
            raise self.fail_publish.pop(0)
        return {change.spot: (Written.DONE, "") for change in changes}

    bodies: dict[str, Order] = field(default_factory=dict)


@dataclass
class World:
    """A linked toy shop over two locations, and short words for what happens to it."""

    engine: Engine
    seal: Seal
    toy: Toy
    shop: Shop
    now: datetime = START
    sent: int = 0

    def send(self, given: Order, *, key: str = "") -> None:
        """The delivery of an order arrives (again, with the same `key`)."""
        self.sent += 1
        key = key or f"d{self.sent}"
        self.toy.bodies[key] = given
        self.toy.held.setdefault(given.external_id, given)
        if self.toy.held[given.external_id].version <= given.version:
            self.toy.held[given.external_id] = given
        delivery = Delivery("orders/updated", Kind.ORDER, key, given.external_id)
        receive.receive(self.engine, self.seal, self.shop, delivery, json.dumps({"body": key}).encode(), self.now)

    def drain(self) -> None:
        """Ingest until nothing is due now."""
        for _ in range(50):
            if not ingest.drain(self.engine, self.seal, self.toy.platform(), self.shop, self.now).more:
                return
        raise AssertionError("the inbox does not drain")

    def take(self, *given: Order) -> None:
        for one in given:
            self.send(one)
        self.drain()

    def deliver(self) -> None:
        shop = shop_flow.by_id(self.engine, self.seal, self.shop.id)
        deliver.drain(self.engine, self.toy.platform(), shop, lambda: self.now, lambda: 0.5)

    def stock(self, sku: str) -> dict[str, tuple[int, int]]:
        """Location code -> (on hand, committed)."""
        with self.engine.connect() as conn:
            rows = conn.execute(
                select(locations.c.code, levels.c.on_hand, levels.c.committed)
                .select_from(levels.join(items).join(locations))
                .where(items.c.sku == sku)
            )
            return {row.code: (row.on_hand, row.committed) for row in rows}

    def rows(self, table: Any, **named: Any) -> list[Mapping[str, Any]]:
        with self.engine.connect() as conn:
            found = conn.execute(select(table).filter_by(**named).order_by(table.c.id))
            return [dict(row._mapping) for row in found]

    def rows_of(self, table: Any) -> list[Mapping[str, Any]]:
        """All rows of a table without an id."""
        with self.engine.connect() as conn:
            return [dict(row._mapping) for row in conn.execute(select(table))]


def world(engine: Engine, seal: Seal, given: Mapping[tuple[str, str], int], store: str = "toy-store") -> World:
    """Two locations (quay first, depot second) with this stock: (sku, location code) -> units. `store` names its shop."""
    toy = Toy(store=store)
    stock.add_location(engine, code="quay", name="Quay", priority=1)
    stock.add_location(engine, code="depot", name="Depot", kind="warehouse", priority=2)
    stock.add_items(engine, [{"sku": sku, "title": sku.title(), "barcode": ""} for sku in {sku for sku, _ in given}], START)
    lines = [StockLine(sku, code, units) for (sku, code), units in given.items()]
    stock.change(engine, lines, START, key="opening", reason="receipt", actor="tests")
    shop, _ = shop_flow.add(engine, seal, toy.platform(), {"token": "t"}, "https://connector.example", START)
    stock.link_location(engine, shop.id, "L1", "quay")
    stock.link_location(engine, shop.id, "L2", "depot")
    return World(engine, seal, toy, shop)


def settings(at: World, **changes: Any) -> None:
    with at.engine.begin() as conn:
        shops.change_settings(conn, at.shop.id, changes)
