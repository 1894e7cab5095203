"""A new key for what is sealed: each row is opened with whatever key fits and sealed again with the newest.

It may be stopped at any moment and begun again: rows that the newest key opens are passed over. Meanwhile everything stays
readable, because all keys open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from connector.db import resealing
from connector.db.resealing import Place
from connector.db.sealed import Seal
from connector.domain.errors import ConnectorError

_ROWS_AT_ONCE = 200
_MOST_NAMED = 10


@dataclass(slots=True)
class Sealed:
    """What was found in one column: rows by the position of the key that opens them (0 is the newest), rows that were
    sealed again, and those that no key opens."""

    place: str
    rows: int
    by_key: Counter[int] = field(default_factory=Counter)
    again: int = 0
    unreadable: list[Any] = field(default_factory=list)


def rotate(
    engine: Engine, seal: Seal, *, dry_run: bool = False, told: Callable[[str, int], None] = lambda place, rows: None
) -> list[Sealed]:
    """Seal everything with the newest key; with `dry_run` only look. `told` hears of each piece: the column and its rows."""
    return [_column(engine, seal, place, dry_run, told) for place in resealing.places()]


def total(engine: Engine) -> int:
    """How many sealed values there are."""
    with engine.connect() as conn:
        return sum(resealing.count(conn, place) for place in resealing.places())


def _column(engine: Engine, seal: Seal, place: Place, dry_run: bool, told: Callable[[str, int], None]) -> Sealed:
    with engine.connect() as conn:
        found = Sealed(place.name, resealing.count(conn, place))
    after = None
    while True:
        with engine.begin() as conn:
            rows = resealing.page(conn, place, after, limit=_ROWS_AT_ONCE)
            if not rows:
                return found
            changes = [change for number, sealed in rows if (change := _again(seal, number, sealed, found))]
            if not dry_run:
                resealing.replace(conn, place, changes)
                found.again += len(changes)
        after = rows[-1][0]
        told(place.name, len(rows))


def _again(seal: Seal, number: Any, sealed: bytes, found: Sealed) -> tuple[Any, bytes, bytes] | None:
    """(key of the row, before, after) of a row that an older key opens; None where nothing is to be done."""
    key = seal.key_of(sealed)
    if key is None:
        found.unreadable.append(number)
        return None
    found.by_key[key] += 1
    return (number, sealed, seal.again(sealed)) if key else None


def refuse_unreadable(found: list[Sealed]) -> None:
    """ConnectorError where a row is sealed with a key that is not in SEAL_KEYS."""
    lost = [(one.place, one.unreadable) for one in found if one.unreadable]
    if lost:
        named = "; ".join(f"{place}: {len(ids)} ({', '.join(str(one)[:12] for one in ids[:_MOST_NAMED])})" for place, ids in lost)
        raise ConnectorError(
            f"Some rows open with none of the keys in SEAL_KEYS. {named}",
            "Add the key they were sealed with at the end of SEAL_KEYS, and begin again.",
        )
