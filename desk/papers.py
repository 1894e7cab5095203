"""Packing slips, receipts and pick lists as PDF, several orders in one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flask_babel
from flask import Response, abort, request

from connector.db import order_views, picking, suppliers
from connector.db.order_views import OrderDetail
from connector.domain.text import storable
from connector.flow import logos
from desk import filters
from desk.blueprint import desk, pages
from desk.language import LANGUAGES, chosen, gettext
from desk.paper import documents
from desk.paper.printing import Document, Picture, printed

_MOST_ORDERS = 100
_SIZES = ("a4", "80mm")
_OF_ORDERS: dict[str, Callable[[OrderDetail, int | None], Document]] = {
    "slip": documents.slip,
    "receipt": lambda order, _location: documents.receipt(order),
}


@pages.get("/print/<any(slip, receipt, 'pick-list'):kind>.pdf")
def paper(kind: str) -> Response:
    """?ids=1,2,3 in the order given; ?location= only what is packed there; ?size=a4 or 80mm; ?language=.

    What goes to customers is in the language of their shop, where its settings name one; else in that of the page.
    """
    size = request.args.get("size", "a4")
    if size not in _SIZES:
        abort(404)
    ids = _ids(request.args.get("ids", ""))
    location_id = filters.number(request.args, "location")
    pages_ = _pick_list(ids, location_id) if kind == "pick-list" else _of_orders(kind, ids, location_id)
    if not pages_:
        abort(404)
    body = printed(pages_, size, f"{kind} {storable(request.args.get('ids', ''))[:60]}".strip())
    return _pdf(body, kind)


def _pdf(body: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "no-store"}
    return Response(body, mimetype="application/pdf", headers=headers)


@pages.get("/print/supplier.pdf")
def supplier_paper() -> Response:
    """?supplier=1,2: what open orders want of each, on a page of its own; ?size=a4 or 80mm; ?only=backorders what waits for
    stock. No customer is named on it."""
    size = request.args.get("size", "a4")
    ids = _ids(request.args.get("supplier", ""))
    waiting = request.args.get("only") == "backorders"
    with desk().engine.connect() as conn:
        found = [(suppliers.named(conn, one), suppliers.wanted_of(conn, one)) for one in ids]
    pages_ = [documents.supplier_summary(name, lines, waiting=waiting) for name, lines in found if name]
    if size not in _SIZES or not pages_:
        abort(404)
    return _pdf(printed(pages_, size, "supplier"), "supplier")


def _of_orders(kind: str, ids: Sequence[int], location_id: int | None) -> list[Document]:
    found: list[Document] = []
    for order_id in ids:
        with desk().engine.connect() as conn:
            detail = order_views.order_detail(conn, desk().seal, order_id)
        if detail is not None:
            with flask_babel.force_locale(_language(detail)):
                found.append([*_logo(detail.row.shop_id), *_OF_ORDERS[kind](detail, location_id)])
    return found


def _logo(shop_id: int) -> list[Picture]:
    logo = logos.of_shop(desk().engine, shop_id)
    return [] if logo is None else [Picture(logo.picture, logo.width, logo.height)]


def _pick_list(ids: Sequence[int], location_id: int | None) -> list[Document]:
    with desk().engine.connect() as conn:
        lines = picking.waiting_lines(conn, location_id, ids)
        names = dict(order_views.choices(conn).locations)
    by_place: dict[int, list[picking.PickLine]] = {}
    for line in lines:
        by_place.setdefault(line.location_id, []).append(line)
    if not lines and (ids or location_id in names):
        return [documents.pick_list([], names.get(location_id or 0, gettext("Nothing to pick")))]
    return [documents.pick_list(picking.by_shelf(of), names[place]) for place, of in by_place.items()]


def _language(detail: OrderDetail) -> str:
    wanted = (request.args.get("language", ""), detail.language)
    return next((code for code in wanted if code in LANGUAGES), chosen())


def _ids(text: str) -> list[int]:
    found = [int(word) for word in text.split(",") if word.isascii() and word.isdigit() and len(word) < 19]
    return list(dict.fromkeys(found))[:_MOST_ORDERS]
