"""The page on which a merchant says which of our places and items a shop's own are, and sees what cannot be shown there."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import links, publications, shop_views, stock_views
from connector.domain.errors import ConnectorError, Rejected
from connector.flow import linking, logos
from connector.flow.wake import Wake
from desk import entry, show
from desk.blueprint import desk, pages
from desk.language import N_, gettext

_MOST_ROWS = 200

# What platforms say of quantities that cannot be published, word for word as they say it.
OBSTACLES = (
    N_(
        "BigCommerce lowers stock when an order is completed or shipped, so what was published before would be subtracted again: "
        "set “Update stock levels” to when an order is placed, under Settings > Inventory."
    ),
    N_("Shopify does not track the quantity of this item: turn “Track quantity” on for it in Shopify's admin."),
    N_("WooCommerce does not manage the stock of this product: tick “Track stock quantity” for it in the shop."),
    N_("The shop knows this unit or its location no more: read its catalogue again."),
)


@pages.get("/shops")
def shops() -> str:
    """Every shop, and how much of it is linked."""
    with desk().engine.connect() as conn:
        rows = [(shop, links.counts(conn, shop.id)) for shop in shop_views.list_shops(conn)]
    return render_template("desk/shops.html", rows=rows, titles=desk().titles)


@pages.get("/shops/<int:shop_id>/links")
def shop_links(shop_id: int) -> str:
    """One shop: its places, the variants that need a person, and what cannot be published."""
    with desk().engine.connect() as conn:
        found = shop_views.list_shops(conn, shop_id)
        if not found:
            abort(404)
        return render_template(
            "desk/links.html",
            shop=found[0],
            titles=desk().titles,
            places=shop_views.links(conn, shop_id),
            locations=stock_views.list_locations(conn),
            variants=links.listed(conn, shop_id, problems=True, limit=_MOST_ROWS),
            obstacles=publications.listed(conn, shop_id, obstacles=True, limit=_MOST_ROWS),
            counts=links.counts(conn, shop_id),
            logo=logos.of_shop(desk().engine, shop_id),
            say=gettext,  # not the template's own: these texts are no formats
        )


@pages.post("/shops/<int:shop_id>/links/places")
def link_place(shop_id: int) -> Response:
    """A place of the shop is one of ours, or none."""
    _known(shop_id)
    code = request.form.get("location", "")
    try:
        codes = [code] if code else []
        allocated = linking.link_location(desk().engine, shop_id, request.form.get("place", ""), codes, datetime.now(UTC))
        flash(gettext("Saved. Orders that waited for it and were allocated: %(count)s.", count=allocated), "done")
    except ConnectorError as error:
        flash(str(error), "refused")
    return _back(shop_id)


@pages.post("/shops/<int:shop_id>/links/items")
def link_variant(shop_id: int) -> Response:
    """A variant of the shop is one of our items."""
    _known(shop_id)
    variant, sku = request.form.get("variant", ""), request.form.get("sku", "").strip()
    try:
        linked = linking.link_item(desk().engine, shop_id, variant, sku, datetime.now(UTC))
        flash(gettext("Saved. Orders that waited for it and were allocated: %(count)s.", count=linked.orders), "done")
    except ConnectorError as error:
        flash(str(error), "refused")
    return _back(shop_id)


def _known(shop_id: int) -> None:
    with desk().engine.connect() as conn:
        if not shop_views.list_shops(conn, shop_id):
            abort(404)


@pages.get("/shops/<int:shop_id>/logo.png")
def shop_logo(shop_id: int) -> Response:
    """The picture at the head of the shop's papers."""
    logo = logos.of_shop(desk().engine, shop_id) if shop_id < 2**63 else None
    if logo is None:
        abort(404)
    return Response(logo.picture, mimetype="image/png", headers={"Cache-Control": "private, no-cache"})


@pages.post("/shops/<int:shop_id>/logo")
def set_logo(shop_id: int) -> Response:
    """Another picture, or none."""
    with desk().engine.connect() as conn:
        if shop_id >= 2**63 or not shop_views.list_shops(conn, shop_id):
            abort(404)
    if request.form.get("remove"):
        logos.drop(desk().engine, shop_id)
        flash(gettext("Papers are printed without a logo."), "done")
        return redirect(url_for("desk.shop_links", shop_id=shop_id), 303)
    given = request.files.get("logo")
    try:
        logos.keep(desk().engine, shop_id, given.read(logos.MOST_BYTES + 1) if given else b"", datetime.now(UTC))
        flash(gettext("The logo is printed on slips and receipts from now on."), "done")
    except Rejected as error:
        entry.note_refusal()
        flash(show.rejection(error), "refused")
    return redirect(url_for("desk.shop_links", shop_id=shop_id), 303)


def _back(shop_id: int) -> Response:
    desk().ring([Wake("deliver", shop_id), Wake("publish", shop_id)])
    return redirect(url_for("desk.shop_links", shop_id=shop_id), 303)
