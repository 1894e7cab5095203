"""The sandbox's pages: what it is, and what each shop's staff would see in the platform's own admin."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from connector.domain.errors import ConnectorError, Malformed
from sandbox.catalogue import ITEMS
from sandbox.control import page_error, refuse_other_sites
from sandbox.faults import KNOBS
from sandbox.running import sandbox, shopfront, shown
from sandbox.shopfront import EXTRAS
from sandbox.wanted import PICKUP_PLACES, wanted_from

# Where each shop's own admin is.
ADMINS = {"shopify": "/shopify/admin", "woocommerce": "/woocommerce/wp-admin", "bigcommerce": "/bigcommerce/manage"}
_LISTED = 100
_COUNTED = 1000
_FORM_LINES = 3
_POLICY = "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

pages = Blueprint("pages", __name__)
pages.before_request(refuse_other_sites)
pages.register_error_handler(ConnectorError, page_error)


@pages.app_context_processor
def _for_all_pages() -> dict[str, object]:
    return {"sandbox_shops": sandbox().shopfronts}


@pages.before_request
def _draw_nonce() -> None:
    g.nonce = secrets.token_urlsafe(16)


@pages.after_request
def _secure(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY.format(nonce=g.get("nonce", ""))
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response


@pages.get("/", endpoint="index")
def _index() -> str:
    shops = [(shop, len(shop.listing(_COUNTED))) for shop in sandbox().shopfronts.values()]
    return render_template(
        "index.html", shops=shops, counted=_COUNTED, traffic=sandbox().traffic.shown(), waiting=sandbox().sender.waiting()
    )


@pages.get("/shops/<platform>", endpoint="shop")
def _shop(platform: str) -> str:
    shop = shopfront(platform)
    return render_template(
        "shop.html",
        shop=shop,
        orders=shop.listing(_LISTED),
        items=ITEMS,
        places=PICKUP_PLACES,
        extras=EXTRAS,
        form_lines=range(_FORM_LINES),
        knobs=sandbox().knobs.get(platform),
        known_knobs=KNOBS,
        waiting=sandbox().sender.waiting(),
        live="live" in request.args,
        admin=ADMINS.get(platform, "/"),
    )


@pages.post("/shops/<platform>/orders", endpoint="place")
def _place(platform: str) -> BaseResponse:
    shop = shopfront(platform)
    return _back(platform, lambda: f"Order {shown(platform, shop.place(wanted_from(_form_order()))).number} was placed.")


def _form_order() -> dict[str, Any]:
    """The place-an-order form as the control API's JSON."""
    form = request.form
    pairs = zip(form.getlist("sku"), form.getlist("quantity"), strict=False)
    place = form.get("pickup", "")
    return {
        "lines": [{"sku": sku, "quantity": _count(quantity)} for sku, quantity in pairs if sku],
        "handover": "pickup" if place else "delivery",
        "pickup": place,
        "paid": "paid" in form,
        "note": form.get("note", ""),
        "extra": [extra for extra in form.getlist("extra") if extra],
    }


@pages.post("/shops/<platform>/orders/<path:order_id>/<any(pay,cancel):act>", endpoint="act")
def _act(platform: str, order_id: str, act: str) -> BaseResponse:
    shop = shopfront(platform)
    number = shown(platform, order_id).number
    does = {"pay": (shop.pay, "paid"), "cancel": (shop.cancel, "cancelled")}

    def change() -> str:
        perform, done = does[act]
        perform(order_id)
        return f"Order {number} was {done}."

    return _back(platform, change)


@pages.post("/shops/<platform>/knobs", endpoint="knobs")
def _set_knobs(platform: str) -> BaseResponse:
    platform = shopfront(platform).platform

    def change() -> str:
        sandbox().knobs.set(platform, {name: _number(value) for name, value in request.form.items()})
        return "The faults were set."

    return _back(platform, change)


def _back(platform: str, change: Callable[[], str]) -> BaseResponse:
    """Make the change, and show the shop's page with what came of it."""
    try:
        flash(change(), "done")
    except ConnectorError as error:
        flash(str(error), "refused")
    return redirect(url_for("pages.shop", platform=platform), 303)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Malformed(f"{text[:40]!r} is not a number.", "Give digits, with a point for decimals.") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Malformed(f"{text[:40]!r} is not a quantity.", "Give a whole number.")
    return int(text[:9])
