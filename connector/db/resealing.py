"""Every sealed column of every table, walked by row, for a change of keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, func, select, update

from connector.db.tables import metadata


@dataclass(frozen=True, slots=True)
class Place:
    """A sealed column."""

    table: Table
    column: Column[bytes]

    @property
    def key(self) -> Column[Any]:
        """What tells its rows apart."""
        (key,) = self.table.primary_key
        return key

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{self.table.name}.{self.column.name}"


def places() -> Iterator[Place]:
    """All of them: whatever is sealed stands in a column whose name begins so."""
    for table in metadata.sorted_tables:
        yield from (Place(table, column) for column in table.columns if column.name.startswith("sealed"))


def count(conn: Connection, place: Place) -> int:
    """How many rows hold something sealed there."""
    found: int = conn.execute(select(func.count()).select_from(place.table).where(place.column.is_not(None))).scalar_one()
    return found


def page(conn: Connection, place: Place, after: Any, *, limit: int) -> list[tuple[Any, bytes]]:
    """(key, sealed) of the rows after this key; None for the first."""
    rows = select(place.key, place.column).where(place.column.is_not(None))
    if after is not None:
        rows = rows.where(place.key > after)
    return [(key, bytes(sealed)) for key, sealed in conn.execute(rows.order_by(place.key).limit(limit))]


def replace(conn: Connection, place: Place, changes: Sequence[tuple[Any, bytes, bytes]]) -> None:
    """Write (key, before, after); a row that somebody has changed meanwhile stays as that one left it."""
    if changes:
        same = (place.key == bindparam("of")) & (place.column == bindparam("before"))
        written = update(place.table).where(same).values({place.column.name: bindparam("sealed")})
        conn.execute(written, [{"of": number, "before": before, "sealed": after} for number, before, after in changes])
