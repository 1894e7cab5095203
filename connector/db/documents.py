"""Stock facts under their callers' keys, and transfers between locations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from connector.db.tables import stock_documents, transfer_lines, transfers
from connector.domain.errors import NotFound, Rejected


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """A transfer's line: what left, and what of it arrived or was lost."""

    item_id: int
    quantity: int
    arrived: int
    lost: int

    @property
    def open(self) -> int:
        """Units still on the way."""
        return self.quantity - self.arrived - self.lost


@dataclass(frozen=True, slots=True)
class Transfer:
    """Goods under way between two locations, locked."""

    id: int
    from_location_id: int
    to_location_id: int
    lines: tuple[OnTheWay, ...]


def file(
    conn: Connection, kind: str, key: str, lines: Sequence[Sequence[str | int]], now: datetime, *, actor: str, note: str = ""
) -> int | None:
    """Put a fact on file: its id, or None where it is there already. Rejected where the key names another fact of the kind."""
    written = [list(line) for line in lines]
    row = {"kind": kind, "key": key, "actor": actor, "note": note, "lines": written, "at": now}
    statement = upsert(stock_documents).values(**row).on_conflict_do_nothing(index_elements=["merchant_id", "kind", "key"])
    new = conn.execute(statement.returning(stock_documents.c.id)).scalar()
    if new is None and lines_of(conn, kind, key) != written:
        raise Rejected(f"The key {key!r} was used for another {kind.replace('_', ' ')}.", "Give every act a key of its own.")
    return new


def lines_of(conn: Connection, kind: str, key: str) -> list[list[str | int]]:
    """The lines on file under a key."""
    named = (stock_documents.c.kind == kind) & (stock_documents.c.key == key)
    found: list[list[str | int]] = conn.execute(select(stock_documents.c.lines).where(named)).scalar_one()
    return found


def id_of(conn: Connection, kind: str, key: str) -> int:
    """The id of what is on file under a key."""
    named = (stock_documents.c.kind == kind) & (stock_documents.c.key == key)
    return int(conn.execute(select(stock_documents.c.id).where(named)).scalar_one())


def open_transfer(conn: Connection, document_id: int, here: int, there: int, quantities: Mapping[int, int]) -> None:
    """Note goods as on the way: item id -> units."""
    conn.execute(insert(transfers).values(document_id=document_id, from_location_id=here, to_location_id=there))
    rows = [{"document_id": document_id, "item_id": item, "quantity": units} for item, units in sorted(quantities.items())]
    conn.execute(insert(transfer_lines), rows)


def lock_transfer(conn: Connection, document_id: int) -> Transfer:
    """A transfer with its lines; NotFound where there is none."""
    row = conn.execute(select(transfers).where(transfers.c.document_id == document_id).with_for_update()).first()
    if row is None:
        raise NotFound(f"There is no transfer {document_id}.", "`connector stock transfers` lists those under way.")
    columns = (transfer_lines.c.item_id, transfer_lines.c.quantity, transfer_lines.c.arrived, transfer_lines.c.lost)
    lines = conn.execute(select(*columns).where(transfer_lines.c.document_id == document_id).order_by(transfer_lines.c.item_id))
    return Transfer(row.document_id, row.from_location_id, row.to_location_id, tuple(OnTheWay(*line) for line in lines))


def close_lines(conn: Connection, document_id: int, units: Mapping[int, int], column: str) -> None:
    """Add to what of each item `arrived` or was `lost`."""
    for item, count in sorted(units.items()):
        line = (transfer_lines.c.document_id == document_id) & (transfer_lines.c.item_id == item)
        conn.execute(update(transfer_lines).where(line).values({column: transfer_lines.c[column] + count}))


def in_transit(conn: Connection, item_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """(item, location it goes to) -> units on the way."""
    left = func.sum(transfer_lines.c.quantity - transfer_lines.c.arrived - transfer_lines.c.lost)
    rows = conn.execute(
        select(transfer_lines.c.item_id, transfers.c.to_location_id, left.label("units"))
        .join(transfers, transfers.c.document_id == transfer_lines.c.document_id)
        .where(
            transfer_lines.c.item_id.in_(list(item_ids)),
            transfer_lines.c.arrived + transfer_lines.c.lost < transfer_lines.c.quantity,
        )
        .group_by(transfer_lines.c.item_id, transfers.c.to_location_id)
    )
    return {(row.item_id, row.to_location_id): int(row.units) for row in rows}
