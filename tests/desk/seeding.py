"""A shop's morning: three places, a few books, and orders of every kind, taken in by the real stories."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, insert, select, text, update

from connector.db import merchants
from connector.db import shops as shop_rows
from connector.db.engine import merchant_of
from connector.db.sealed import Seal
from connector.db.tables import fulfillment_orders, order_words, outbox, shops
from connector.db.tables import orders as orders_table
from connector.domain.fulfillment import Step
from connector.domain.orders import Address, Customer, Handover, Lifecycle, LineItem, LineKind, Order, Payment
from connector.domain.text import fold, grams
from connector.flow import fulfill, stock
from connector.flow.intake import Arrival, take_in
from connector.platform import Shop, Tracking

NOW = datetime.now(UTC)
PLACES = (
    ("vieux-port", "Boutique Vieux-Port", "shop"),
    ("canebiere", "Boutique Canebière", "shop"),
    ("depot", "Dépôt Arenc", "warehouse"),
)
ITEMS = (
    ("BK-001", "Le Petit Prince", 1290),
    ("BK-002", "L’Étranger", 890),
    ("BK-003", "Les Misérables, tome 1", 1450),
    ("BK-004", "Marius et Fanny", 990),
    ("BK-005", "Atlas des calanques", 3900),
)
PRICES = {sku: price for sku, _, price in ITEMS}
TITLES = {sku: title for sku, title, _ in ITEMS}
SHELVES = {
    ("BK-001", "vieux-port"): 40,
    ("BK-002", "vieux-port"): 40,
    ("BK-003", "canebiere"): 40,
    ("BK-004", "canebiere"): 40,
    ("BK-001", "depot"): 3,
    ("BK-005", "depot"): 4,
}
ADDRESS = Address(
    name="Élise Ménard",
    street="12 rue de la République",
    postcode="13002",
    city="Marseille",
    country="FR",
    phone="+33 4 91 00 00 00",
)


@dataclass
class Town:
    """The seeded world: shops by platform, and the way to place an order in it."""

    engine: Engine
    seal: Seal
    shops: dict[str, Shop]

    def place(self, order: Order, platform: str = "shopify") -> int:
        """Take the order in; its id."""
        with self.engine.begin() as conn:
            take_in(conn, self.seal, self.shops[platform], [Arrival(order, fetched=True)], NOW)
            wanted = (orders_table.c.shop_id == self.shops[platform].id) & (orders_table.c.external_id == order.external_id)
            return int(conn.execute(select(orders_table.c.id).where(wanted)).scalar_one())

    def parts(self, order_id: int) -> list[int]:
        """Ids of the order's parts."""
        with self.engine.connect() as conn:
            wanted = select(fulfillment_orders.c.id).where(fulfillment_orders.c.order_id == order_id)
            return list(conn.execute(wanted.order_by(fulfillment_orders.c.id)).scalars())

    def move(self, part_id: int, *steps: Step, tracking: Tracking | None = None) -> None:
        """Do the steps on a part."""
        for step in steps:
            fulfill.move(self.engine, part_id, step, NOW, actor="desk", tracking=tracking if step is Step.SHIP else None)

    def set_shop(self, platform: str, **settings: object) -> None:
        """Set a shop's settings."""
        with self.engine.begin() as conn:
            conn.execute(update(shops).where(shops.c.id == self.shops[platform].id).values(settings=settings))


def build(engine: Engine, seal: Seal, merchant: str = "") -> Town:
    """Places, items, stock and one shop of each platform; no orders yet. `merchant` tells the shops of several towns apart."""
    for priority, (code, name, kind) in enumerate(PLACES):
        stock.add_location(engine, code=code, name=name, kind=kind, priority=priority)
    stock.add_items(engine, [{"sku": sku, "title": title} for sku, title, _ in ITEMS], NOW)
    stock.count(
        engine, [stock.StockLine(sku, code, units) for (sku, code), units in SHELVES.items()], NOW, key="shelves", actor="tests"
    )
    return Town(
        engine,
        seal,
        {platform: _shop(engine, seal, platform, merchant) for platform in ("shopify", "woocommerce", "bigcommerce")},
    )


_numbers = itertools.count(1001)


def number_anew() -> None:
    """The next order has the first number again: two merchants may have the same ones."""
    global _numbers
    _numbers = itertools.count(1001)


def order(*lines: tuple[str, int], paid: bool = True, minutes_ago: int = 5, **more: object) -> Order:
    """An order of these (sku, quantity); the rest as a plain customer would have it unless `more` says otherwise."""
    number = next(_numbers)
    items = tuple(item(sku, quantity, at) for at, (sku, quantity) in enumerate(lines))
    total = sum(line.total_minor for line in items)
    plain = Order(
        external_id=str(number),
        number=f"#{number}",
        placed_at=NOW - timedelta(minutes=minutes_ago),
        version=NOW,
        currency="EUR",
        total_minor=total,
        outstanding_minor=0 if paid else total,
        payment=Payment.PAID if paid else Payment.UNPAID,
        lifecycle=Lifecycle.OPEN,
        handover=Handover.DELIVERY,
        lines=items,
        customer=Customer(name="Élise Ménard", email="elise@example.org", phone="+33 6 12 34 56 78"),
        shipping=ADDRESS,
        billing=ADDRESS,
        shipping_method="Colissimo",
        payment_method="Carte bancaire",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def item(sku: str, quantity: int, at: int = 0) -> LineItem:
    """A line of the order."""
    price = PRICES.get(sku, 1000)
    return LineItem(
        external_id=f"line-{at}",
        title=TITLES.get(sku, f"Article {sku}"),
        quantity=quantity,
        sku=sku,
        unit_price_minor=price,
        total_minor=price * quantity,
    )


def morning(town: Town) -> dict[str, int]:
    """Orders of every kind, by what they show."""
    return {**_waiting(town), **_under_way(town), **_ended(town)}


def _waiting(town: Town) -> dict[str, int]:
    pickup = {"handover": Handover.PICKUP, "pickup_location": "place-canebiere", "shipping_method": "Click & collect"}
    gift = replace(item("", 1, 9), title="Carte cadeau 30 €", kind=LineKind.GIFT_CARD)
    note = "Merci d’emballer pour un cadeau, avec le mot « Bon anniversaire Mamie ! »"
    return {
        "plain": town.place(order(("BK-001", 1), ("BK-002", 2), minutes_ago=3)),
        "split": town.place(
            order(("BK-001", 2), ("BK-003", 1), minutes_ago=25, note=note, customer=Customer(name="Noël Vincent"))
        ),
        "pickup": town.place(
            order(("BK-003", 1), minutes_ago=48, customer=Customer(name="Amélie Rossi"), **pickup), "woocommerce"
        ),
        "unpaid": town.place(
            order(("BK-004", 3), paid=False, minutes_ago=75, customer=Customer(name="Karim Haddad")), "bigcommerce"
        ),
        "backorder": town.place(order(("BK-005", 6), minutes_ago=130, customer=Customer(name="Zoë Lefèvre"))),
        "unknown": town.place(
            order(("XX-999", 1), ("BK-002", 1), minutes_ago=300, customer=Customer(), shipping=Address(), billing=Address())
        ),
        "held": town.place(
            order(("BK-002", 1), minutes_ago=400, lifecycle=Lifecycle.ON_HOLD, customer=Customer(name="Jean Dupont"))
        ),
        "mixed": town.place(replace(order(("BK-004", 1), minutes_ago=1500), lines=(item("BK-004", 1), gift))),
    }


def _under_way(town: Town) -> dict[str, int]:
    pickup = {"handover": Handover.PICKUP, "pickup_location": "place-canebiere"}
    packed_unpaid = town.place(order(("BK-003", 1), paid=False, minutes_ago=90, customer=Customer(name="Inès Garcia")))
    town.move(town.parts(packed_unpaid)[0], Step.PACK)
    started = town.place(order(("BK-002", 1), minutes_ago=20, customer=Customer(name="Paul Martin")))
    town.move(town.parts(started)[0], Step.START)
    ready = town.place(order(("BK-004", 1), minutes_ago=200, customer=Customer(name="Lucie Moreau"), **pickup), "woocommerce")
    town.move(town.parts(ready)[0], Step.PACK, Step.READY)
    packed = town.place(order(("BK-001", 1), minutes_ago=60, customer=Customer(name="Marc Blanc")), "bigcommerce")
    town.move(town.parts(packed)[0], Step.PACK)
    return {"packed_unpaid": packed_unpaid, "started": started, "ready": ready, "packed": packed}


def _ended(town: Town) -> dict[str, int]:
    shipped = town.place(order(("BK-001", 1), minutes_ago=3000, customer=Customer(name="Sofia Russo")))
    followed = Tracking("6A12345678901", "Colissimo", "https://www.laposte.fr/outils/suivre-vos-envois?code=6A12345678901")
    town.move(town.parts(shipped)[0], Step.PACK, Step.SHIP, tracking=followed)
    _tell(town, shipped)
    cancelled = order(("BK-002", 1), minutes_ago=3500, customer=Customer(name="Hugo Petit"))
    town.place(cancelled)
    later = replace(cancelled, lifecycle=Lifecycle.CANCELLED, version=NOW + timedelta(minutes=1))
    return {"shipped": shipped, "cancelled": town.place(later)}


def _tell(town: Town, order_id: int) -> None:
    """As if the platform had been told: one way of ending each."""
    with town.engine.begin() as conn:
        done = {
            "state": "delivered",
            "outcome": "applied",
            "reason": "Fulfillment made with tracking: the order shows Fulfilled.",
        }
        conn.execute(update(outbox).where(outbox.c.order_id == order_id).values(**done))
        endings = [("delivered", "unsupported", "Packed has no word here."), ("dead", "", "The shop answered 422: line is gone.")]
        for at, (state, outcome, reason) in enumerate([*endings, ("waiting", "", "Time-out after 10 s.")]):
            row = {
                "act": "packed",
                "effect_key": f"seed:{order_id}:{at}",
                "announcement": {},
                "state": state,
                "tries": at,
                "reason": reason,
            }
            conn.execute(insert(outbox).values(shop_id=town.shops["shopify"].id, order_id=order_id, outcome=outcome, **row))


def _shop(engine: Engine, seal: Seal, platform: str, merchant: str) -> Shop:
    key, host = f"key-{platform}{merchant}", f"{platform}{merchant}.example"
    with engine.begin() as conn:
        shop_id = shop_rows.store(
            conn,
            key=key,
            platform=platform,
            external_id=host,
            name="Marée Haute",
            address=f"https://{host}",
            currency="EUR",
            sealed_credentials=seal.seal_json({}),
            now=NOW,
        )
        merchant_id = merchant_of(conn) or merchants.FIRST
    stock.link_location(engine, shop_id, "place-canebiere", "canebiere")
    return Shop(shop_id, key, platform, "Marée Haute", host, f"https://{host}", {}, merchant_id=merchant_id)


_MANY = """
with made as (
  insert into orders (shop_id, external_id, number, placed_at, version, digest, currency, total_minor, outstanding_minor,
                      payment, lifecycle, handover, state, open, customer_name, customer_folded, units)
  select :shop, 'many-' || n, '#' || n, now() - n * interval '1 minute', now(), '', 'EUR', 1290, 0, 'paid', 'open', 'delivery',
         case when n % 10 = 0 then 'new' else 'completed' end, n % 10 = 0, 'Client ' || n, 'client ' || n, 1
  from generate_series(1, :count) as n returning id, open
), line as (
  insert into order_lines (order_id, external_id, sku, title, quantity)
  select id, '1', 'BK-001', 'Le Petit Prince', 1 from made returning id, order_id
), part as (
  insert into fulfillment_orders (order_id, location_id, state)
  select made.id, (select id from locations order by id offset made.id % 3 limit 1), case when open then 'new' else 'shipped' end
  from made returning id, order_id
)
insert into fulfillment_lines (fulfillment_order_id, order_line_id, quantity)
select part.id, line.id, 1 from part join line using (order_id)
"""


def many(town: Town, count: int) -> None:
    """So many small orders straight into the tables, nine tenths of them finished; statistics are up to date."""
    with town.engine.begin() as conn:
        conn.execute(text("set local statement_timeout = 0"))
        conn.execute(text(_MANY), {"shop": town.shops["shopify"].id, "count": count})
        numbers = conn.execute(text("select id, number, customer_name from orders where external_id like 'many-%'")).all()
        words = [(row.id, fold(f"{row.number}\n{row.customer_name}\nBK-001\nLe Petit Prince")) for row in numbers]
        rows = [{"order_id": order_id, "folded": folded, "grams": grams(folded)} for order_id, folded in words]
        conn.execute(insert(order_words), rows)
    with town.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("vacuum analyze orders, order_lines, fulfillment_orders, fulfillment_lines, order_words"))
