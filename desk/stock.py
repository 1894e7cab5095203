"""The stock pages: how many there are, which incomplete orders hold them, and everything that moved."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import goods, stock_views, suppliers
from connector.domain.errors import NotFound
from connector.domain.text import storable
from desk import words
from desk.blueprint import desk, pages
from desk.language import gettext

_PAGE_ROWS = 100
_MOVEMENTS = 50
_MOST_LETTERS = 100


@pages.get("/stock")
def stock() -> str:
    """Every item with its figures over all locations."""
    search = storable(request.args.get("q", "")).strip()[:_MOST_LETTERS]
    after = storable(request.args.get("after", ""))
    with desk().engine.connect() as conn:
        rows = stock_views.list_items(conn, search=search, after=after, limit=_PAGE_ROWS + 1)
    follows = rows[_PAGE_ROWS - 1].sku if len(rows) > _PAGE_ROWS else None
    return render_template("desk/stock.html", rows=rows[:_PAGE_ROWS], search=search, follows=follows)


@pages.get("/stock/<path:sku>")
def stock_item(sku: str) -> str:
    """One item: its levels, who holds it, what is on the way, what moved."""
    before = request.args.get("before", "")
    older = int(before) if before.isdecimal() and len(before) < 18 else None
    try:
        with desk().engine.connect() as conn:
            levels = stock_views.levels_of(conn, sku)
            holders = stock_views.holders(conn, sku)
            transfers = stock_views.transfers_under_way(conn, sku=sku)
            moved = stock_views.movements_of(conn, sku, before=older, limit=_MOVEMENTS + 1)
            names = suppliers.choices(conn)
            [item] = stock_views.list_items(conn, sku=sku)
    except NotFound:
        abort(404)
    return render_template(
        "desk/stock_item.html",
        item=item,
        levels=levels,
        places={level.location: level.name for level in levels},
        held={level.location: [row for row in holders if row.location == level.location] for level in levels},
        waiting=[row for row in holders if not row.location],
        transfers=transfers,
        moved=moved[:_MOVEMENTS],
        older=moved[_MOVEMENTS - 1].id if len(moved) > _MOVEMENTS else None,
        reason=reason,
        suppliers=names,
    )


@pages.post("/stock/<path:sku>/supplier")
def set_supplier(sku: str) -> Response:
    """Say who the item is bought from; an empty name takes it away."""
    name = storable(request.form.get("supplier", "")).strip()[:_MOST_LETTERS]
    with desk().engine.begin() as conn:
        found = goods.item_ids(conn, [sku])
        if sku not in found:
            abort(404)
        suppliers.assign(conn, {found[sku]: name})
    flash(gettext("Saved."), "done")
    return redirect(url_for("desk.stock_item", sku=sku), 303)


@pages.get("/suppliers")
def supplier_list() -> str:
    """Every supplier, what open orders wait for of it, and its order summary on paper."""
    with desk().engine.connect() as conn:
        return render_template("desk/suppliers.html", rows=suppliers.list_suppliers(conn))


def reason(code: str) -> str:
    """Why stock moved, in words; a reason of tomorrow shows as itself."""
    return gettext(words.MOVEMENTS[code]) if code in words.MOVEMENTS else code.replace("_", " ")
