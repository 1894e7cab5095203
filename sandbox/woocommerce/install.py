"""The sandbox WooCommerce shop's admin, as far as apps go: the `wc-auth` approval, its keys, and revoking them."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

import requests
from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from sandbox import registration
from sandbox.admin import admin
from sandbox.woocommerce.auth import ISSUED_KEY
from sandbox.woocommerce.shop import NAME, PREFIX, Shop

_ASKED = ("app_name", "scope", "user_id", "return_url", "callback_url")
_ANSWER_SECONDS = 60
_SCOPES = ("read", "write", "read_write")


def blueprint(shop: Shop) -> Blueprint:
    """/woocommerce/wc-auth and /woocommerce/wp-admin."""
    pages = admin("woocommerce-admin", PREFIX)
    store = shop.store

    @pages.get("/wp-admin", endpoint="home")
    def home() -> str:
        address = request.root_url.rstrip("/") + PREFIX
        return render_template(
            "admin.html",
            title=NAME,
            installed=store.count(ISSUED_KEY) > 0,
            link=f"{registration.url(store)}/install/woocommerce/start?{urlencode({'url': address})}",
            remove=url_for("woocommerce-admin.revoke"),
        )

    @pages.get("/wc-auth/v1/authorize", endpoint="authorize")
    def authorize() -> str | tuple[str, int]:
        asked = {name: request.args.get(name, "") for name in _ASKED}
        if wrong := _fault(asked):
            return _error(wrong), 401
        g.targets = f"'self' {registration.url(store)}"
        return render_template(
            "consent.html",
            title=NAME,
            app=asked["app_name"],
            wanted=["View and manage orders, products, customers"],
            asked=asked,
            action=url_for("woocommerce-admin.approve"),
            deny=_returned(asked, success=False),
        )

    @pages.post("/wc-auth/v1/approve", endpoint="approve")
    def approve() -> BaseResponse:
        """Make keys, bring them to the app, and only if it says exactly 200 send the browser back."""
        asked = {name: request.form.get(name, "") for name in _ASKED}
        g.targets = f"'self' {registration.url(store)}"
        if wrong := _fault(asked):
            return Response(_error(wrong), 401)
        key = _new_key(shop, asked)
        if _brought(asked["callback_url"], key) != 200:
            store.delete(ISSUED_KEY, key["consumer_key"])
            return Response(_error("An error occurred in the request and at the time were unable to send the consumer data"), 401)
        return redirect(_returned(asked, success=True), 302)

    @pages.post("/wp-admin/revoke", endpoint="revoke")
    def revoke() -> BaseResponse:
        with store.together():
            for name in store.keys(ISSUED_KEY):
                store.delete(ISSUED_KEY, name)
        flash("The keys were revoked. No app is told of it.", "done")
        return redirect(url_for("woocommerce-admin.home"), 303)

    return pages


def _fault(asked: dict[str, str]) -> str:
    """What is wrong with the request; the real shop also wants https of `callback_url`, which no sandbox has."""
    missing = [name for name in _ASKED if not asked[name]]
    if missing:
        return f"Missing parameter {missing[0]}"
    return "" if asked["scope"] in _SCOPES else f"Invalid scope {asked['scope']}"


def _error(message: str) -> str:
    return render_template("consent.html", title=NAME, app="", wanted=[], asked={}, error=message)


def _new_key(shop: Shop, asked: dict[str, str]) -> dict[str, Any]:
    name, secret = f"ck_{secrets.token_hex(20)}", f"cs_{secrets.token_hex(20)}"
    number = shop.store.next_id(ISSUED_KEY)
    shop.store.put(ISSUED_KEY, name, {"number": number, "secret": secret})
    return {
        "key_id": number,
        "user_id": asked["user_id"],
        "consumer_key": name,
        "consumer_secret": secret,
        "key_permissions": asked["scope"],
    }


def _brought(address: str, key: dict[str, Any]) -> int:
    try:
        return requests.post(address, json=key, timeout=_ANSWER_SECONDS, allow_redirects=False).status_code
    except requests.RequestException:
        return 0


def _returned(asked: dict[str, str], *, success: bool) -> str:
    return f"{asked['return_url']}?{urlencode({'success': int(success), 'user_id': asked['user_id']})}"
