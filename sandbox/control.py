"""The control API: what tests and demonstrations do to the sandbox shops over HTTP. No authentication: loopback only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NoReturn
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from connector.domain.errors import ConnectorError, Malformed, NotFound, Rejected
from sandbox import registration
from sandbox.catalogue import LOCATION_BY_CODE
from sandbox.running import sandbox, shopfront, shown
from sandbox.shopfront import Shopfront
from sandbox.wanted import quantities_from, wanted_from, whole

_STATUS: tuple[tuple[type[ConnectorError], int], ...] = ((Malformed, 400), (NotFound, 404), (Rejected, 409))
_MOST_LISTED = 500
# (shop, order id, how to read the request's JSON body)
_Act = Callable[[Any, str, Callable[[], dict[str, Any]]], None]

_ALL_ACTS = "pay,cancel,edit,refund,address,handover,fulfill,unship,reopen,hold,release,move,split,merge"

api = Blueprint("control", __name__)


@api.errorhandler(ConnectorError)
def refused(error: ConnectorError) -> tuple[Response, int]:
    """The error as JSON, with its remedy."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
    return jsonify(error=error.message, remedy=error.remedy), status


@api.before_request
def refuse_other_sites() -> None:
    """A web page opened elsewhere must not be able to act here through its visitor's browser."""
    origin = request.headers.get("Origin")
    if request.method not in ("GET", "HEAD") and origin is not None and urlsplit(origin).netloc != request.host:
        raise Malformed("This request comes from another site's page.", "Use the sandbox's own pages, or no browser.")


@api.errorhandler(HTTPException)
def _not_http(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.description or error.name, remedy="See docs/sandbox.md for what can be called."), error.code or 500


def _body() -> dict[str, Any]:
    try:
        body = request.get_json(silent=True)
    except RecursionError:  # nested a thousand deep: no object of ours
        body = None
    if not isinstance(body, dict):
        raise Malformed("The body is no JSON object.", "Send one, with the header Content-Type: application/json.")
    return body


def _field(body: dict[str, Any], name: str) -> Any:
    if name not in body:
        raise Malformed(f"{name} is missing.", f'Send {{"{name}": …}}.')
    return body[name]


def _only(body: dict[str, Any], *names: str) -> None:
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise Malformed(f"There is no field {unknown[0][:40]!r} here.", f"The fields are {', '.join(names)}.")


@api.get("/healthz")
def _health() -> dict[str, str]:
    return {"status": "ok"}


@api.get("/sandbox/waiting")
def _waiting() -> dict[str, int]:
    return {"webhooks": sandbox().sender.waiting()}


@api.get("/sandbox/traffic")
def _traffic() -> dict[str, object]:
    return sandbox().traffic.shown()


@api.put("/sandbox/traffic")
def _set_traffic() -> dict[str, object]:
    body = _body()
    _only(body, "orders_per_minute")
    sandbox().traffic.set_rate(_field(body, "orders_per_minute"))
    return sandbox().traffic.shown()


@api.get("/sandbox/connector")
def _connector() -> dict[str, object]:
    return registration.shown(sandbox().store)


@api.put("/sandbox/connector")
def _set_connector() -> dict[str, object]:
    body = _body()
    _only(body, *registration.NAMES)
    registration.change(sandbox().store, body)
    return registration.shown(sandbox().store)


@api.get("/sandbox/<platform>/knobs")
def _knobs(platform: str) -> dict[str, float]:
    return dict(sandbox().knobs.get(shopfront(platform).platform))


@api.put("/sandbox/<platform>/knobs")
def _set_knobs(platform: str) -> dict[str, float]:
    return dict(sandbox().knobs.set(shopfront(platform).platform, _body()))


@api.get("/sandbox/<platform>/stock")
def _stock(platform: str) -> dict[str, dict[str, int]]:
    return shopfront(platform).stock()


@api.get("/sandbox/<platform>/orders")
def _list(platform: str) -> Response:
    text = request.args.get("limit", "100")[:9]
    limit = whole(int(text) if text.isascii() and text.isdigit() else text, 1, _MOST_LISTED, "The limit")
    return jsonify([asdict(order) for order in shopfront(platform).listing(limit)])


@api.get("/sandbox/<platform>/orders/<path:order_id>")
def _show(platform: str, order_id: str) -> dict[str, Any]:
    return asdict(shown(platform, order_id))


@api.post("/sandbox/<platform>/orders")
def _place(platform: str) -> tuple[dict[str, str], int]:
    return {"id": shopfront(platform).place(wanted_from(_body()))}, 201


@api.post(f"/sandbox/<platform>/orders/<path:order_id>/<any({_ALL_ACTS}):act>")
def _act(platform: str, order_id: str, act: str) -> dict[str, Any]:
    shown(platform, order_id)
    shop = shopfront(platform)
    known: Mapping[str, _Act] = {**_ACTS, **getattr(shop, "acts", {})}
    if act not in known:
        why = getattr(shop, "cannot", {}).get(act, "The platform has no such act.")
        raise Rejected(f"{shop.title} has no such act.", why)
    known[act](shop, order_id, _body)
    return asdict(shown(platform, order_id))


def _edit(shop: Shopfront, order_id: str, read: Callable[[], dict[str, Any]]) -> None:
    body = read()
    _only(body, "quantities")
    shop.edit(order_id, quantities_from(_field(body, "quantities")))


def _refund(shop: Shopfront, order_id: str, read: Callable[[], dict[str, Any]]) -> None:
    body = read()
    _only(body, "quantities", "restock", "location")
    location = body.get("location", "")
    if location not in ("", *LOCATION_BY_CODE):
        raise Malformed("There is no such location.", f"Give one of {', '.join(LOCATION_BY_CODE)}, or none.")
    place = {"location": location} if location else {}
    restock = body.get("restock", True)
    if not isinstance(restock, bool):
        raise Malformed("restock must be true or false.", "true puts the goods back into the platform's stock.")
    shop.refund(order_id, quantities_from(_field(body, "quantities")), restock=restock, **place)


_ACTS: dict[str, _Act] = {
    "pay": lambda shop, order_id, read: shop.pay(order_id),
    "cancel": lambda shop, order_id, read: shop.cancel(order_id),
    "edit": _edit,
    "refund": _refund,
}


@api.route("/sandbox/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def _unknown(rest: str) -> NoReturn:
    raise NotFound(f"{request.method} /sandbox/{rest[:80]} is nothing here.", "See docs/sandbox.md for what can be called.")


def page_error(error: ConnectorError) -> tuple[str, int, dict[str, str]]:
    """The error as plain text, for the pages."""
    return str(error), refused(error)[1], {"Content-Type": "text/plain; charset=utf-8"}
