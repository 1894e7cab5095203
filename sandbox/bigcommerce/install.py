"""The sandbox BigCommerce store's control panel, as far as apps go: install, open in a frame, users, remove; token endpoint."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
from flask import Blueprint, Response, abort, flash, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from sandbox import registration
from sandbox.admin import admin, from_another_site
from sandbox.bigcommerce.shop import PLATFORM, STORE_HASH, Shop
from sandbox.catalogue import CREDENTIALS

SCOPES = (
    "store_inventory store_locations store_order_fulfillment_manage store_fulfillment_methods_read_only "
    "store_v2_information_read_only store_v2_orders store_v2_products_read_only store_v2_transactions_read_only"
)
OWNER, STAFF = 24654, 24655
_SECRET = CREDENTIALS[PLATFORM]["client_secret"]
_CONTEXT = f"stores/{STORE_HASH}"
_CODE = "bigcommerce.code"
_CODE_SECONDS, _JWT_SECONDS, _ANSWER_SECONDS = 60, 86_400, 10


def blueprint(shop: Shop) -> Blueprint:
    """/bigcommerce/manage and /bigcommerce/oauth2/token."""
    pages = admin("bigcommerce-admin", f"/{PLATFORM}")
    store = shop.store

    @pages.get("/manage", endpoint="home")
    def home() -> str:
        return render_template(
            "admin.html",
            title="Marée Haute (BigCommerce)",
            installed=bool(shop.settings().get("app_token")),
            install=url_for("bigcommerce-admin.add"),
            open_app=url_for("bigcommerce-admin.app"),
            open_as=url_for("bigcommerce-admin.app", user=STAFF),
            remove=url_for("bigcommerce-admin.remove"),
            remove_user=url_for("bigcommerce-admin.remove_user"),
        )

    @pages.post("/manage/app/install", endpoint="add")
    def add() -> str:
        """The permissions are confirmed; the app's auth address opens within the frame."""
        code = secrets.token_hex(16)
        store.put(_CODE, code, {"until": time.time() + _CODE_SECONDS})
        told = {"code": code, "scope": SCOPES, "context": _CONTEXT, "account_uuid": "6d5f0f6e"}
        return _framed(shop, f"auth?{urlencode(told)}")

    @pages.get("/manage/app", endpoint="app")
    def app() -> str:
        if not shop.settings().get("app_token"):
            abort(404)
        return _framed(shop, f"load?{urlencode({'signed_payload_jwt': payload(request.args.get('user', OWNER, int))})}")

    @pages.post("/manage/app/remove", endpoint="remove")
    def remove() -> BaseResponse:
        """The token and the app's hooks end, and the app is called by our servers."""
        with store.together():
            shop.set(app_token="")
            for hook in shop.hooks.all():
                shop.hooks.delete(hook["id"])
        flash(f"The app was removed; it answered {call(shop, 'uninstall', payload(OWNER))}.", "done")
        return redirect(url_for("bigcommerce-admin.home"), 303)

    @pages.post("/manage/app/remove_user", endpoint="remove_user")
    def remove_user() -> BaseResponse:
        flash(f"The user was removed; the app answered {call(shop, 'remove_user', payload(STAFF))}.", "done")
        return redirect(url_for("bigcommerce-admin.home"), 303)

    @pages.post("/oauth2/token", endpoint="token")
    def token() -> Response | tuple[Response, int]:
        asked = request.get_json(silent=True) or request.form.to_dict()
        answer = _granted(shop, asked)
        return jsonify(answer) if answer else (jsonify({"error": "invalid_grant"}), 400)

    return pages


def _framed(shop: Shop, rest: str) -> str:
    g.frames = from_another_site(registration.url(shop.store))
    source = f"{g.frames}/install/{PLATFORM}/{rest}"
    return render_template("frame.html", title="Marée Haute (BigCommerce)", source=source)


def _granted(shop: Shop, asked: dict[str, Any]) -> dict[str, Any] | None:
    """A token for a code, which counts once; it takes the place of the one before."""
    known = hmac.compare_digest(str(asked.get("client_secret", "")).encode(), _SECRET.encode())
    with shop.store.together():
        code = shop.store.get(_CODE, str(asked.get("code", "")))
        shop.store.delete(_CODE, str(asked.get("code", "")))
        right = asked.get("client_id") == registration.BIGCOMMERCE_CLIENT_ID and asked.get("context") == _CONTEXT
        if not known or not right or code is None or time.time() > code["until"]:
            return None
        fresh = secrets.token_hex(16)
        shop.set(app_token=fresh)
    owner = {"id": OWNER, "username": "owner", "email": "owner@maree-haute.test"}
    return {
        "access_token": fresh,
        "scope": SCOPES,
        "user": owner,
        "owner": owner,
        "context": _CONTEXT,
        "account_uuid": "6d5f0f6e",
    }


def payload(user: int, secret: str = _SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    """A signed callback's JWT, good for a day."""
    now = int(time.time())
    claims = {
        "aud": registration.BIGCOMMERCE_CLIENT_ID,
        "iss": "bc",
        "iat": now,
        "nbf": now - 5,
        "exp": now + _JWT_SECONDS,
        "jti": secrets.token_hex(16),
        "sub": _CONTEXT,
        "user": {"id": user, "email": f"user{user}@maree-haute.test", "locale": "fr-FR"},
        "owner": {"id": OWNER, "email": "owner@maree-haute.test"},
        "url": "/",
        "channel_id": None,
    }
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not ...}
    return jwt.encode(kept, secret, algorithm=algorithm)


def call(shop: Shop, act: str, token: str) -> int:
    """A callback from our servers; its status, 0 for no answer."""
    try:
        address = f"{registration.url(shop.store)}/install/{PLATFORM}/{act}"
        return requests.get(address, params={"signed_payload_jwt": token}, timeout=_ANSWER_SECONDS).status_code
    except requests.RequestException:
        return 0
