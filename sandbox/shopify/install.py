"""The sandbox shop's admin, as far as apps go: install, approve, open in a frame, remove; tokens; privacy requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
from flask import Blueprint, Response, abort, flash, g, jsonify, redirect, render_template, request, send_from_directory, url_for
from werkzeug.wrappers import Response as BaseResponse

from sandbox import registration
from sandbox.admin import admin, from_another_site
from sandbox.catalogue import CREDENTIALS
from sandbox.shopify import granting
from sandbox.shopify.shop import Shop
from sandbox.shopify.views import SCOPES
from sandbox.shopify.webhooks import signature

_SECRET = CREDENTIALS["shopify"]["app_secret"]
_DOMAIN = CREDENTIALS["shopify"]["domain"]
_CALLBACK = "/install/shopify/callback"
_ID_TOKEN_SECONDS = 60
_ANSWER_SECONDS = 10
_APP = "shopify.app"
_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")


def blueprint(shop: Shop) -> Blueprint:
    """/shopify/admin and what stands below it."""
    pages = admin("shopify-admin", "/shopify/admin")
    store = shop.store

    @pages.get("", endpoint="home")
    def home() -> str:
        start = f"{registration.url(store)}/install/shopify/start?{signed({'shop': _DOMAIN})}"
        return render_template(
            "admin.html",
            title=shop.title,
            installed=store.get(_APP, "connector") is not None,
            install=url_for("shopify-admin.add"),
            link=start,
            open_app=url_for("shopify-admin.app"),
            remove=url_for("shopify-admin.remove"),
            privacy=url_for("shopify-admin.privacy"),
            topics=_TOPICS,
        )

    @pages.post("/apps/connector/install", endpoint="add")
    def add() -> BaseResponse:
        """Shopify-managed installation: the permissions of the app's settings are approved, then the app opens."""
        store.put(_APP, "connector", {"scopes": list(SCOPES)})
        return redirect(url_for("shopify-admin.app"), 303)

    @pages.get("/apps/connector", endpoint="app")
    def app() -> str:
        if store.get(_APP, "connector") is None:
            abort(404)
        host = base64.b64encode(f"{request.host}/store".encode()).decode().rstrip("=")
        told = {"embedded": "1", "host": host, "locale": "en", "shop": _DOMAIN, "id_token": id_token()}
        g.frames = from_another_site(registration.url(store))
        source = f"{g.frames}/install/shopify/home?{signed(told)}"
        return render_template("frame.html", title=shop.title, source=source, tokens=url_for("shopify-admin.token"))

    @pages.get("/apps/connector/id_token", endpoint="token")
    def token() -> Response:
        """What the admin around the app answers its App Bridge with."""
        if store.get(_APP, "connector") is None:
            abort(404)
        return Response(id_token(), mimetype="text/plain")

    @pages.get("/app-bridge.js", endpoint="app_bridge")
    def app_bridge() -> Response:
        """At Shopify it lies at cdn.shopify.com."""
        return send_from_directory(Path(__file__).parent, "app-bridge.js", mimetype="text/javascript")

    @pages.route("/oauth/authorize", methods=["GET", "POST"], endpoint="authorize")
    def authorize() -> str | BaseResponse:
        asked = {name: request.values.get(name, "") for name in ("client_id", "scope", "redirect_uri", "state")}
        if asked["client_id"] != registration.SHOPIFY_CLIENT_ID:
            abort(400, "Oauth error invalid_request: Could not find Shopify API application with api_key")
        if asked["redirect_uri"] != registration.url(store) + _CALLBACK:
            abort(400, "Oauth error invalid_request: The redirect_uri is not whitelisted")
        g.targets = f"'self' {registration.url(store)}"
        if request.method == "GET":
            wanted = asked["scope"].split(",")
            return render_template("consent.html", title=shop.title, app="Order connector", wanted=wanted, asked=asked)
        store.put(_APP, "connector", {"scopes": asked["scope"].split(",")})
        code = granting.new_code(store, asked["scope"], asked["redirect_uri"])
        told = {"code": code, "host": "YWRtaW4", "shop": _DOMAIN, "state": asked["state"]}
        return redirect(f"{asked['redirect_uri']}?{signed(told)}", 302)

    @pages.post("/apps/connector/remove", endpoint="remove")
    def remove() -> BaseResponse:
        uninstall(shop)
        flash("The app was removed.", "done")
        return redirect(url_for("shopify-admin.home"), 303)

    @pages.post("/privacy", endpoint="privacy")
    def privacy() -> BaseResponse:
        status = send_privacy(shop, request.form.get("topic", ""), request.form.get("email", ""))
        flash(f"The connector answered {status}.", "done" if status == 200 else "refused")
        return redirect(url_for("shopify-admin.home"), 303)

    @pages.post("/oauth/access_token", endpoint="access_token")
    def access_token() -> Response | tuple[Response, int]:
        answer = _granted(shop, request.get_json(silent=True) or {})
        return jsonify(answer) if answer else (jsonify({"error": _error(request.get_json(silent=True) or {})}), 400)

    return pages


def _granted(shop: Shop, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The three ways to a token; None where it is refused."""
    known = hmac.compare_digest(str(asked.get("client_secret", "")).encode(), _SECRET.encode())
    if asked.get("client_id") != registration.SHOPIFY_CLIENT_ID or not known:
        return None
    if asked.get("grant_type") == "refresh_token":
        return granting.by_refresh_token(shop.store, str(asked.get("refresh_token", "")))
    if str(asked.get("grant_type", "")).endswith(":token-exchange"):
        return _exchanged(shop, str(asked.get("subject_token", "")))
    return granting.by_code(shop.store, str(asked.get("code", "")), expiring=str(asked.get("expiring")) == "1")


def _exchanged(shop: Shop, subject: str) -> dict[str, Any] | None:
    try:
        jwt.decode(subject, _SECRET, algorithms=["HS256"], audience=registration.SHOPIFY_CLIENT_ID)
    except jwt.PyJWTError:
        return None
    return granting.new_pair(shop.store) if shop.store.get(_APP, "connector") else None


def _error(asked: dict[str, Any]) -> str:
    return "invalid_grant" if asked.get("grant_type") == "refresh_token" else "invalid_request"


def uninstall(shop: Shop) -> None:
    """Tokens and subscriptions end; app/uninstalled is sent to those that asked for it."""
    with shop.store.together():
        shop.webhooks.emit("app/uninstalled", {"id": 548380009, "myshopify_domain": _DOMAIN, "domain": _DOMAIN})
        for standing in shop.webhooks.standing():
            if standing["topic"] != "APP_UNINSTALLED":
                shop.webhooks.remove(str(standing["number"]))
        granting.revoke_all(shop.store)
        shop.store.delete(_APP, "connector")


def signed(told: dict[str, str], secret: str = _SECRET) -> str:
    """A query with the time and the HMAC over its sorted pairs."""
    whole = {**told, "timestamp": str(int(time.time()))}
    written = "&".join(f"{name}={value}" for name, value in sorted(whole.items()))
    return urlencode({**whole, "hmac": hmac.new(secret.encode(), written.encode(), hashlib.sha256).hexdigest()})


def id_token(**changes: Any) -> str:
    """The ID token of the shop's owner, good for a minute."""
    now = int(time.time())
    claims = {
        "iss": f"https://{_DOMAIN}/admin",
        "dest": f"https://{_DOMAIN}",
        "aud": registration.SHOPIFY_CLIENT_ID,
        "sub": "42",
        "exp": now + _ID_TOKEN_SECONDS,
        "nbf": now,
        "iat": now,
        "jti": secrets.token_hex(16),
        "sid": secrets.token_hex(32),
    }
    return jwt.encode({**claims, **changes}, _SECRET, algorithm="HS256")


def send_privacy(shop: Shop, topic: str, email: str) -> int:
    """Send one of the compliance topics to the connector; its status, 0 for no answer."""
    customer = {"id": 0, "email": email, "phone": ""}
    orders = [order["id"] for order in shop.orders() if (order["customer"] or {}).get("email") == email]
    bodies: dict[str, dict[str, Any]] = {
        "customers/data_request": {"customer": customer, "orders_requested": orders, "data_request": {"id": int(time.time())}},
        "customers/redact": {"customer": customer, "orders_to_redact": orders},
        "shop/redact": {},
    }
    body = json.dumps({"shop_id": 548380009, "shop_domain": _DOMAIN, **bodies.get(topic, {})}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": _DOMAIN,
        "X-Shopify-Hmac-Sha256": signature(_SECRET, body),
    }
    try:
        address = f"{registration.url(shop.store)}/privacy/shopify"
        return requests.post(address, data=body, headers=headers, timeout=_ANSWER_SECONDS).status_code
    except requests.RequestException:
        return 0
