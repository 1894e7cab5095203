"""The REST API: what our client calls, and what a person trying it out will call, under /woocommerce/wp-json."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, jsonify, request

from sandbox.faults import Knobs, guard
from sandbox.woocommerce import hooks, orders, products, rendering
from sandbox.woocommerce.auth import authenticate, no_nonces
from sandbox.woocommerce.hooks import WEBHOOK, Hooks
from sandbox.woocommerce.listing import only_fields, paged, parameter, parameters, wanted_orders
from sandbox.woocommerce.records import trackings
from sandbox.woocommerce.shop import (
    NAME,
    PLATFORM,
    PREFIX,
    VERSION,
    WORDPRESS,
    ZONE,
    Refusal,
    Shop,
    crash,
    invalid,
    now,
)

_ORDERS = "/wp-json/wc/v3/orders"
_PRODUCTS = "/wp-json/wc/v3/products"
_WEBHOOKS = "/wp-json/wc/v3/webhooks"
_TRACKINGS = "/wp-json/<any('wc-shipment-tracking','wc-ast'):extension>/v3/orders/<int:number>/shipment-trackings"
_TOPICS = tuple(
    f"{resource}.{event}" for resource in ("order", "product") for event in ("created", "updated", "deleted", "restored")
)
_OPEN = frozenset({"index", "no_route"})
_RETRY_AFTER_SECONDS = "1"
_MOST_IN_A_BATCH = 100


def blueprint(shop: Shop, hooked: Hooks, knobs: Knobs) -> Blueprint:
    """All routes, behind the fault knobs and the authentication."""
    api = Blueprint(PLATFORM, __name__, url_prefix=PREFIX)
    guard(api, PLATFORM, knobs, throttled=_throttled, broken=lambda: _refused(crash("Allowed memory size exhausted")))
    nonces = no_nonces()

    @api.before_request
    def arrive() -> None:
        hooked.base_url = request.root_url.rstrip("/") + PREFIX
        hooked.run_waiting()
        if (request.endpoint or "").rpartition(".")[2] not in _OPEN:
            authenticate(nonces, shop.store)

    @api.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return _refused(refusal)

    for routes in (_site_routes, _order_routes, _sub_routes, _product_routes, _webhook_routes):
        routes(api, shop, hooked)
    return api


def _site_routes(api: Blueprint, shop: Shop, hooked: Hooks) -> None:
    @api.get("/wp-json/")
    def index() -> Response:
        namespaces = ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc/store", "wp/v2", *shop.setting("namespaces")]
        return jsonify(only_fields({"name": NAME, "url": hooked.base_url, "gmt_offset": _hours(), "namespaces": namespaces}))

    @api.get("/wp-json/wc/v3/system_status")
    def system_status() -> Response:
        environment = {"home_url": hooked.base_url, "site_url": hooked.base_url, "version": VERSION, "wp_version": WORDPRESS}
        return jsonify(only_fields({"environment": environment, "settings": {"api_enabled": True, "currency": "EUR"}}))

    @api.route("/wp-json/<path:unknown>", methods=["GET", "POST", "PUT", "DELETE"])
    def no_route(unknown: str) -> Response:
        raise Refusal(404, "rest_no_route", "No route was found matching the URL and request method.")


def _order_routes(api: Blueprint, shop: Shop, hooked: Hooks) -> None:
    def shown(order: dict[str, Any]) -> dict[str, Any]:
        return rendering.order(shop, order, hooked.base_url)

    @api.get(_ORDERS)
    def list_orders() -> Response:
        return paged(wanted_orders(shop), lambda head: shown(orders.required(shop, head["id"])))

    @api.post(_ORDERS)
    def create_order() -> tuple[Response, int]:
        return jsonify(shown(orders.create(shop, _body()))), 201

    @api.get(f"{_ORDERS}/statuses")
    def list_statuses() -> Response:
        return jsonify([{"slug": slug, "name": name} for slug, name in orders.statuses(shop).items()])

    @api.get(f"{_ORDERS}/<int:number>")
    def get_order(number: int) -> Response:
        return jsonify(only_fields(shown(orders.required(shop, number))))

    @api.route(f"{_ORDERS}/<int:number>", methods=["PUT", "PATCH", "POST"])
    def put_order(number: int) -> Response:
        return jsonify(shown(orders.update(shop, number, _body())))

    @api.delete(f"{_ORDERS}/<int:number>")
    def delete_order(number: int) -> Response:
        remove = orders.delete if _forced() else orders.trash
        return jsonify(shown(remove(shop, number)))


def _sub_routes(api: Blueprint, shop: Shop, hooked: Hooks) -> None:
    """What hangs on an order: notes, refunds, and the tracking extensions' entries."""

    @api.get(f"{_ORDERS}/<int:number>/notes")
    def list_notes(number: int) -> Response:
        wanted = {"customer": [True], "internal": [False]}.get(parameter("type"), [True, False])
        notes = [note for note in orders.required(shop, number)["notes"] if note["customer_note"] in wanted]
        return jsonify([rendering.note(note) for note in reversed(notes)])

    @api.post(f"{_ORDERS}/<int:number>/notes")
    def create_note(number: int) -> tuple[Response, int]:
        body = _body()
        if not isinstance(body.get("note"), str):
            raise invalid("note", "note is required.")
        note = orders.add_note(shop, number, body["note"], to_customer=body.get("customer_note") is True, author="REST API")
        return jsonify(rendering.note(note)), 201

    @api.get(f"{_ORDERS}/<int:number>/refunds")
    def list_refunds(number: int) -> Response:
        return paged(list(reversed(orders.required(shop, number)["refunds"])), rendering.refund)

    @api.post(f"{_ORDERS}/<int:number>/refunds")
    def create_refund(number: int) -> tuple[Response, int]:
        return jsonify(rendering.refund(orders.refund(shop, number, _body()))), 201

    @api.get(_TRACKINGS)
    def list_trackings(extension: str, number: int) -> Response:
        _check_active(shop, extension)
        return jsonify(trackings(orders.required(shop, number)))

    @api.post(_TRACKINGS)
    def create_tracking(extension: str, number: int) -> tuple[Response, int]:
        _check_active(shop, extension)
        body = _body()
        names = ("tracking_number", "tracking_provider", "custom_tracking_provider", "custom_tracking_link", "date_shipped")
        entry = {"tracking_id": f"{shop.next_id('tracking', 1):032x}", **{name: str(body.get(name, "")) for name in names}}
        return jsonify(orders.add_tracking(shop, number, entry)), 201


def _product_routes(api: Blueprint, shop: Shop, hooked: Hooks) -> None:
    def rendered(product: dict[str, Any]) -> dict[str, Any]:
        return products.rendered(product, hooked.base_url)

    def one(number: int, *, parent: int = 0) -> dict[str, Any]:
        product = products.required(shop, number)
        if product["parent_id"] != parent:  # a variation is reached through its parent only
            raise Refusal(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return product

    @api.get(_PRODUCTS)
    def list_products() -> Response:
        skus = parameters("sku")
        found = [product for product in products.every(shop) if not product["parent_id"] or product["sku"] in skus]
        found = [product for product in found if not skus or product["sku"] in skus]
        return paged(products.chosen(found, parameters("include"), parameter("orderby")), rendered)

    @api.get(f"{_PRODUCTS}/<int:number>")
    def get_product(number: int) -> Response:
        return jsonify(rendered(products.required(shop, number)))

    @api.put(f"{_PRODUCTS}/<int:number>")
    def put_product(number: int) -> Response:
        return jsonify(rendered(products.change(shop, one(number), _body())))

    @api.get(f"{_PRODUCTS}/<int:parent>/variations")
    def list_variations(parent: int) -> Response:
        products.required(shop, parent)
        found = [entry for entry in products.every(shop) if entry["parent_id"] == parent]
        return paged(products.chosen(found, parameters("include"), parameter("orderby")), rendered)

    @api.post(f"{_PRODUCTS}/batch")
    def batch_products() -> Response:
        return jsonify({"update": [batched(entry, 0) for entry in _updates(_body())]})

    @api.post(f"{_PRODUCTS}/<int:parent>/variations/batch")
    def batch_variations(parent: int) -> Response:
        return jsonify({"update": [batched(entry, parent) for entry in _updates(_body())]})

    def batched(entry: dict[str, Any], parent: int) -> dict[str, Any]:
        """A batch is answered 200 with an error in the place of each item that failed."""
        number = entry.get("id")
        try:
            return rendered(products.change(shop, one(int(number or 0), parent=parent), entry))
        except Refusal as refusal:
            return {"id": number, "error": refusal.document}

    @api.get(f"{_PRODUCTS}/<int:parent>/variations/<int:number>")
    def get_variation(parent: int, number: int) -> Response:
        return jsonify(rendered(one(number, parent=parent)))

    @api.put(f"{_PRODUCTS}/<int:parent>/variations/<int:number>")
    def put_variation(parent: int, number: int) -> Response:
        return jsonify(rendered(products.change(shop, one(number, parent=parent), _body())))


def _webhook_routes(api: Blueprint, shop: Shop, hooked: Hooks) -> None:
    def one(number: int) -> dict[str, Any]:
        webhook = shop.store.get(WEBHOOK, str(number))
        if webhook is None:
            raise Refusal(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        return webhook

    def shown(webhook: dict[str, Any]) -> dict[str, Any]:
        return rendering.webhook(webhook, hooked.base_url)

    @api.get(_WEBHOOKS)
    def list_webhooks() -> Response:
        state = parameter("status", "all")
        return paged([entry for entry in shop.store.all(WEBHOOK) if state in ("all", entry["status"])], shown)

    @api.post(_WEBHOOKS)
    def create_webhook() -> tuple[Response, int]:
        body = _body()
        _check_webhook(body)
        webhook = hooks.record(shop, body)
        shop.store.put(WEBHOOK, str(webhook["id"]), webhook)
        hooked.ping(webhook["id"])
        return jsonify(shown(webhook)), 201

    @api.get(f"{_WEBHOOKS}/<int:number>")
    def get_webhook(number: int) -> Response:
        return jsonify(shown(one(number)))

    @api.put(f"{_WEBHOOKS}/<int:number>")
    def put_webhook(number: int) -> Response:
        body = _body()
        with shop.store.together():
            webhook = one(number)
            _check_webhook({**webhook, **body})
            changes = {name: body[name] for name in ("name", "status", "topic", "delivery_url", "secret") if name in body}
            moved = body.get("delivery_url", webhook["delivery_url"]) != webhook["delivery_url"]
            # Active again, it keeps its count of failures.
            shop.store.put(WEBHOOK, str(number), webhook | changes | {"date_modified_gmt": now()})
        if moved:
            hooked.ping(number)
        return jsonify(shown(one(number)))

    @api.delete(f"{_WEBHOOKS}/<int:number>")
    def delete_webhook(number: int) -> Response:
        webhook = one(number)
        if not _forced():
            raise Refusal(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        shop.store.delete(WEBHOOK, str(number))
        return jsonify(shown(webhook))


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refusal(400, "rest_invalid_json", "Invalid JSON body passed.")
    return body


def _updates(body: dict[str, Any]) -> list[dict[str, Any]]:
    updates = body.get("update")
    if not isinstance(updates, list) or not all(isinstance(entry, dict) for entry in updates):
        raise invalid("update", "update is not of type array.")
    if len(updates) > _MOST_IN_A_BATCH:
        words = f"Unable to accept more than {_MOST_IN_A_BATCH} items for this request."
        raise Refusal(413, "woocommerce_rest_request_entity_too_large", words)
    return updates


def _forced() -> bool:
    return parameter("force") in ("true", "1")


def _check_active(shop: Shop, extension: str) -> None:
    if f"{extension}/v3" not in shop.setting("namespaces"):
        raise Refusal(404, "rest_no_route", "No route was found matching the URL and request method.")


def _check_webhook(webhook: dict[str, Any]) -> None:
    topic, url = str(webhook.get("topic", "")), str(webhook.get("delivery_url", ""))
    if topic not in _TOPICS and not topic.startswith(("action.woocommerce_", "action.wc_")):
        raise Refusal(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required and must be valid.")
    if not url.startswith(("http://", "https://")):
        message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise Refusal(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", message)


def _refused(refusal: Refusal) -> Response:
    response = jsonify(refusal.document)
    response.status_code = refusal.status
    return response


def _throttled() -> Response:
    """The host's own limit: a page, not JSON; WooCommerce itself has none."""
    page = "<html><body><h1>429 Too Many Requests</h1></body></html>"
    return flask.make_response(page, 429, {"Content-Type": "text/html", "Retry-After": _RETRY_AFTER_SECONDS})


def _hours() -> float:
    return ZONE.total_seconds() / 3600
