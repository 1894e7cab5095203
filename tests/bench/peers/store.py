"""What all peers share: the tables as ORM classes, verifying, and taking one order in. Written as it usually is, and well:
indexed, pooled, prepared, orjson-free, a unique key against duplicates, conditional decrements in the order of the SKUs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, LargeBinary, Text, UniqueConstraint, create_engine, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker


class Base(DeclarativeBase):
    """The tables."""


class Event(Base):
    """A webhook as it came."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("shop", "key"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    shop: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, default="waiting", index=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Order(Base):
    """An order."""

    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("shop", "external_id"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    shop: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    customer: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    placed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    lines: Mapped[list[Line]] = relationship(back_populates="order")


class Line(Base):
    """A line of an order."""

    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    order: Mapped[Order] = relationship(back_populates="lines")
    sku: Mapped[str] = mapped_column(Text, index=True)
    title: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int]
    total_minor: Mapped[int] = mapped_column(BigInteger)


class Movement(Base):
    """A line of the ledger."""

    __tablename__ = "movements"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    sku: Mapped[str] = mapped_column(Text, index=True)
    units: Mapped[int]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Stock(Base):
    """What lies there of an item."""

    __tablename__ = "stock"
    sku: Mapped[str] = mapped_column(Text, primary_key=True)
    units: Mapped[int]


engine = create_engine(os.environ["PEER_DATABASE_URL"], pool_size=8)
new_session = sessionmaker(engine)
SECRET = os.environ["PEER_SECRET"].encode()


def genuine(body: bytes, signature: str) -> bool:
    """Whether the shop signed it."""
    expected = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256))
    return hmac.compare_digest(expected, signature.encode())


def keep(shop: str, body: bytes) -> int | None:
    """Store a webhook; its id, or None for a repeat."""
    event = Event(shop=shop, key=hashlib.sha256(body).hexdigest(), body=body, received_at=datetime.now(UTC))
    with new_session() as session:
        session.add(event)
        try:
            session.commit()
        except IntegrityError:
            return None
        return event.id


def take_in(event_id: int) -> None:
    """Write the order of a stored webhook, with its lines, ledger and stock; one commit."""
    with new_session() as session:
        event = session.get(Event, event_id)
        if event is None or event.state != "waiting":
            return
        said = json.loads(event.body)
        order = _order(event.shop, said)
        session.add(order)
        session.flush()
        now = datetime.now(UTC)
        for line in sorted(order.lines, key=lambda line: line.sku):
            _take(session, line.sku, line.quantity)
            session.add(Movement(order_id=order.id, sku=line.sku, units=-line.quantity, at=now))
        event.state = "done"
        session.commit()


def _take(session: Session, sku: str, units: int) -> None:
    enough = (Stock.sku == sku) & (Stock.units >= units)
    taken = session.execute(
        update(Stock).where(enough).values(units=Stock.units - units).execution_options(synchronize_session=False)
    )
    assert taken.rowcount == 1, "there was stock for everything"


def _order(shop: str, said: dict) -> Order:
    billing, shipping = said["billing"], said["shipping"]
    return Order(
        shop=shop,
        external_id=str(said["id"]),
        number=said["number"],
        status=said["status"],
        currency=said["currency"],
        total_minor=round(float(said["total"]) * 100),
        customer=f"{billing['first_name']} {billing['last_name']}",
        email=billing["email"],
        address=json.dumps(shipping),
        placed_at=datetime.fromisoformat(said["date_created_gmt"]).replace(tzinfo=UTC),
        lines=[
            Line(sku=line["sku"], title=line["name"], quantity=line["quantity"], total_minor=round(float(line["total"]) * 100))
            for line in said["line_items"]
        ],
    )
