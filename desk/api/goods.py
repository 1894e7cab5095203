"""Items, locations and shops over the API."""

from __future__ import annotations

import dataclasses

from flask import request

from connector.db import shop_views, stock_views
from connector.flow import stock
from desk.api.blueprint import Answer, Problem, api, body, limit, needs, now, rows, text
from desk.blueprint import desk


@api.get("/items")
@needs("stock:read")
def list_items() -> Answer:
    """A page of items by SKU with their stock over all locations; `next` continues it."""
    after, search = request.args.get("cursor", ""), request.args.get("search", "")
    if "\x00" in after + search or len(after + search) > 600:
        raise Problem(400, "malformed", "“cursor” or “search” is too long or holds a NUL.", "Correct it.")
    size = limit()
    with desk().engine.connect() as conn:
        found = stock_views.list_items(conn, search=search, after=after, limit=size)
    return {"items": [dataclasses.asdict(row) for row in found], "next": found[-1].sku if len(found) == size else None}, 200


@api.put("/items")
@needs("stock:write")
def put_items() -> Answer:
    """Add items or rename them by SKU; order lines that waited for these SKUs are allocated."""
    given = [
        {
            "sku": text(row, "sku", required=True).strip(),
            "title": text(row, "title", longest=500),
            "barcode": text(row, "barcode"),
            **({"supplier": text(row, "supplier", longest=100)} if "supplier" in row else {}),
        }
        for row in rows(body(), "items")
    ]
    return {"items": stock.add_items(desk().engine, given, now())}, 200


@api.get("/locations")
@needs("stock:read")
def list_locations() -> Answer:
    """Every place that keeps stock."""
    with desk().engine.connect() as conn:
        return {"locations": [dataclasses.asdict(row) for row in stock_views.list_locations(conn)]}, 200


@api.get("/shops")
@needs("orders:read")
def list_shops() -> Answer:
    """Every linked shop and how its link stands."""
    named = ("id", "platform", "name", "external_id", "currency", "state", "state_reason")
    with desk().engine.connect() as conn:
        return {"shops": [{name: getattr(row, name) for name in named} for row in shop_views.list_shops(conn)]}, 200
