"""Merchants who share one installation, and see nothing of each other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from connector.db import merchants
from connector.domain.errors import NotFound, Rejected
from connector.domain.text import storable

_LONGEST_NAME = 60


def add(engine: Engine, name: str, now: datetime) -> int:
    """A new merchant's id. Rejected where the name is empty, too long or taken."""
    name = _proper(name)
    with engine.begin() as conn:
        merchant_id = merchants.add(conn, name, now)
    if merchant_id is None:
        raise _taken(name)
    return merchant_id


def rename(engine: Engine, name: str, new_name: str) -> None:
    """Call a merchant otherwise; nothing else changes. NotFound where there is none of this name, Rejected as for `add`."""
    new_name = _proper(new_name)
    with engine.begin() as conn:
        known = {merchant.name: merchant.id for merchant in merchants.everyone(conn)}
        if name not in known:
            raise NotFound(f"There is no merchant {name!r}.", "`connector merchants list` shows them.")
        if known.get(new_name, known[name]) != known[name]:
            raise _taken(new_name)
        merchants.rename(conn, known[name], new_name)


def _proper(name: str) -> str:
    name = storable(name).strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Rejected("A merchant's name has 1 to 60 letters.", "Give the name people know the merchant by.")
    return name


def _taken(name: str) -> Rejected:
    return Rejected(f"There is a merchant {name!r} already.", "Choose another name.")
