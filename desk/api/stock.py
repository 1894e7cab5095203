"""Stock facts over the API, each once only by its Idempotency-Key."""

from __future__ import annotations

import dataclasses
from typing import Any

from flask import request

from connector.db import stock_views
from connector.flow import stock
from connector.flow.stock import StockLine
from desk.api.blueprint import Answer, Problem, api, body, needs, now, rows, text, token, whole
from desk.blueprint import desk

# What a caller may say happened; receipts and returns add, sales and write-offs take (negative quantities).
_REASONS = ("receipt", "till_sale", "till_return", "write_off", "correction")


@api.get("/items/<path:sku>/stock")
@needs("stock:read")
def levels(sku: str) -> Answer:
    """The level of an item at every location."""
    if "\x00" in sku:
        raise Problem(404, "not-found", "There is no such item.")
    with desk().engine.connect() as conn:
        return {"sku": sku, "locations": [dataclasses.asdict(row) for row in stock_views.levels_of(conn, sku)]}, 200


@api.post("/stock/changes")
@needs("stock:write")
def change() -> Answer:
    """Add to (or, negative, take from) what is on hand, for a reason."""
    given = body()
    reason = text(given, "reason", required=True)
    if reason not in _REASONS:
        raise Problem(400, "malformed", "“reason” is none of the known ones.", f"Choose from {', '.join(_REASONS)}.")
    written = stock.change(desk().engine, _lines(given), now(), key=_key(), reason=reason, actor=f"api:{token().name}")
    return {"movements": written}, 201


@api.post("/stock/counts")
@needs("stock:write")
def count() -> Answer:
    """Say how many units lie on the shelf; the difference is booked."""
    written = stock.count(desk().engine, _lines(body()), now(), key=_key(), actor=f"api:{token().name}")
    return {"movements": written}, 201


def _lines(given: dict[str, Any]) -> list[StockLine]:
    return [
        StockLine(text(row, "sku", required=True), text(row, "location", required=True), whole(row, "quantity"))
        for row in rows(given, "lines")
    ]


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        raise Problem(400, "key", "A stock fact needs an Idempotency-Key header.", "Send the number of your own document.")
    return f"{token().id}:{key}"
