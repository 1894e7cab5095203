"""Merchants who share one installation, and see nothing of each other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from connector.db import merchants
from connector.domain.errors import Rejected
from connector.domain.text import storable

_LONGEST_NAME = 60


def add(engine: Engine, name: str, now: datetime) -> int:
    """A new merchant's id. Rejected where the name is empty, too long or taken."""
    name = storable(name).strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Rejected("A merchant's name has 1 to 60 letters.", "Give the name people know the merchant by.")
    with engine.begin() as conn:
        merchant_id = merchants.add(conn, name, now)
    if merchant_id is None:
        raise Rejected(f"There is a merchant {name!r} already.", "Choose another name.")
    return merchant_id
