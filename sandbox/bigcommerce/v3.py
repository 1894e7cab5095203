"""The v3 API: hooks, locations, inventory, pickups, settings, transactions."""

from __future__ import annotations

from typing import Any

import flask
from flask import Response

from sandbox.bigcommerce import collecting, selling
from sandbox.bigcommerce.answers import Refusal, answer, listed, nothing, v3_list, wanted_json
from sandbox.bigcommerce.selling import product_id, variant_id
from sandbox.bigcommerce.shop import Shop
from sandbox.catalogue import ITEMS, LOCATIONS, CatalogueItem, CatalogueLocation

_INVENTORY_SETTINGS = ("update_stock_behavior", "edit_order_stock_adjustment", "refund_order_stock_adjustment")
_MOST_HOOKS_PER_SCOPE = 10


def add(api: flask.Blueprint, shop: Shop) -> None:
    """Add the routes."""
    base = "/stores/<store_hash>/v3"
    _add_hooks(api, shop, f"{base}/hooks")
    _add_inventory(api, shop, f"{base}/inventory")
    _add_settings(api, shop, f"{base}/settings/inventory")
    selling.add(api, shop, base)
    collecting.add(api, shop, base)

    @api.get(f"{base}/orders/<int:order_id>/transactions")
    def transactions(order_id: int) -> Response:
        order = shop.order(order_id)
        if order is None:
            raise Refusal(404, "The requested resource was not found.")
        return v3_list(order["transactions"]) if order["transactions"] else nothing()


# ---------------------------------------------------------------------------------------------------------------------
# Hooks


def _add_hooks(api: flask.Blueprint, shop: Shop, base: str) -> None:
    @api.get(base)
    def hooks() -> Response:
        asked = {name: flask.request.args[name] for name in ("scope", "destination") if name in flask.request.args}
        return v3_list([hook for hook in shop.hooks.all() if all(hook[name] == text for name, text in asked.items())])

    @api.post(base)
    def register_hook() -> Response:
        hook = _hook(wanted_json(dict), {})
        same = [other for other in shop.hooks.all() if other["scope"] == hook["scope"]]
        if len(same) >= _MOST_HOOKS_PER_SCOPE or any(other["destination"] == hook["destination"] for other in same):
            raise Refusal(422, "The hook exists already.", {"destination": "already registered for this scope"})
        return answer({"data": shop.hooks.put(hook), "meta": {}})

    @api.get(f"{base}/<int:hook_id>")
    def hook(hook_id: int) -> Response:
        return answer({"data": _existing(shop, hook_id), "meta": {}})

    @api.put(f"{base}/<int:hook_id>")
    def change_hook(hook_id: int) -> Response:
        before = _existing(shop, hook_id)
        return answer({"data": shop.hooks.put(_hook(wanted_json(dict), before), hook_id), "meta": {}})

    @api.delete(f"{base}/<int:hook_id>")
    def delete_hook(hook_id: int) -> Response:
        before = _existing(shop, hook_id)
        shop.hooks.delete(hook_id)
        return answer({"data": before, "meta": {}})


def _hook(wanted: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The real store takes https on port 443 only; here an address on this machine is what everybody has."""
    given: dict[str, Any] = {name: wanted[name] for name in ("scope", "destination", "is_active", "headers") if name in wanted}
    hook = before | given
    missing = {name: f"{name} is required" for name in ("scope", "destination") if not isinstance(hook.get(name), str)}
    if missing:
        raise Refusal(422, "The hook is not valid.", missing)
    if not hook["scope"].startswith("store/") or not hook["destination"].startswith(("http://", "https://")):
        raise Refusal(422, "The hook is not valid.", {"scope": "unknown scope, or the destination is no address"})
    return {**hook, "headers": hook.get("headers") or {}}


def _existing(shop: Shop, hook_id: int) -> dict[str, Any]:
    hook = shop.hooks.get(hook_id)
    if hook is None:
        raise Refusal(404, "The hook does not exist.")
    return hook


# ---------------------------------------------------------------------------------------------------------------------
# Inventory


def _add_inventory(api: flask.Blueprint, shop: Shop, base: str) -> None:
    @api.get(f"{base}/locations")
    def locations() -> Response:
        chosen = listed("location_id:in")
        return v3_list([_location(place) for place in LOCATIONS if chosen is None or str(place.number) in chosen])

    @api.get(f"{base}/items")
    def items() -> Response:
        return v3_list([{"identity": _identity(item), "locations": _levels(shop, item)} for item in _chosen_items()])

    @api.get(f"{base}/locations/<int:location_id>/items")
    def items_there(location_id: int) -> Response:
        if location_id not in {place.number for place in LOCATIONS}:
            raise Refusal(404, "The location does not exist.")
        rows = [(item, shop.stock.level(item.sku, location_id)) for item in _chosen_items()]
        return v3_list([{"identity": _identity(item), **_quantities(level)} for item, level in rows])

    @api.put(f"{base}/adjustments/absolute")
    def absolute() -> Response:
        return _adjust(shop, absolute=True)

    @api.post(f"{base}/adjustments/relative")
    def relative() -> Response:
        return _adjust(shop, absolute=False)


def _adjust(shop: Shop, *, absolute: bool) -> Response:
    """Only a transaction id comes back: the levels follow a little later."""
    wanted = wanted_json(dict).get("items")
    if not isinstance(wanted, list) or not wanted:
        raise Refusal(422, "The items are missing.", {"items": "required"})
    items = [_adjusted(item) for item in wanted]
    reasons = shop.stock.adjust(items, absolute=absolute, delay_seconds=shop.settings()["stock_delay_seconds"])
    if reasons:
        raise Refusal(422, "The adjustment was refused.", {str(number): reason for number, reason in enumerate(reasons)})
    return answer({"transaction_id": f"{shop.store.next_id('bigcommerce.transaction'):032x}"})


def _adjusted(wanted: Any) -> tuple[str, int, int]:
    fields: dict[str, Any] = wanted if isinstance(wanted, dict) else {}
    given = {name: fields[name] for name in ("sku", "variant_id", "product_id") if name in fields}
    found = [item for item in ITEMS if len(given) == 1 and given.items() <= _identity(item).items()]
    known = fields.get("location_id") in {place.number for place in LOCATIONS}
    if not found or not known or not isinstance(fields.get("quantity"), int):
        raise Refusal(422, "The item is not valid.", {"items": "exactly one known identity, a location and a quantity"})
    return found[0].sku, fields["location_id"], fields["quantity"]


def _chosen_items() -> list[CatalogueItem]:
    skus, variants, products = listed("sku:in"), listed("variant_id:in"), listed("product_id:in")
    return [
        item
        for item in ITEMS
        if (skus is None or item.sku in skus)
        and (variants is None or str(variant_id(item)) in variants)
        and (products is None or str(product_id(item)) in products)
    ]


def _levels(shop: Shop, item: CatalogueItem) -> list[dict[str, Any]]:
    chosen = listed("location_id:in")
    return [
        {
            "location_id": place.number,
            "location_code": place.code,
            "location_name": place.name,
            "location_enabled": True,
            **_quantities(shop.stock.level(item.sku, place.number)),
        }
        for place in LOCATIONS
        if chosen is None or str(place.number) in chosen
    ]


def _quantities(level: dict[str, Any]) -> dict[str, Any]:
    """On hand is gross; what can be sold is less the safety stock."""
    sellable = max(0, level["onhand"] - level["safety_stock"])
    settings = {"safety_stock": level["safety_stock"], "is_in_stock": sellable > 0, "warning_level": 0, "bin_picking_number": ""}
    return {"available_to_sell": sellable, "total_inventory_onhand": level["onhand"], "settings": settings}


def _identity(item: CatalogueItem) -> dict[str, Any]:
    return {"sku": item.sku, "variant_id": variant_id(item), "product_id": product_id(item), "sku_id": 700 + item.number}


def _location(place: CatalogueLocation) -> dict[str, Any]:
    return {
        "id": place.number,
        "code": place.code,
        "label": place.name,
        "description": place.kind,
        "managed_by_external_source": False,
        "type_id": "PHYSICAL",
        "enabled": True,
        "time_zone": "Europe/Paris",
        "storefront_visibility": place.kind == "shop",
        "created_at": "2026-01-02T08:00:00Z",
        "updated_at": "2026-01-02T08:00:00Z",
        "address": {"address1": "1 quai du Port", "city": "Marseille", "state": "", "zip": "13002", "country_code": "FR"},
    }


# ---------------------------------------------------------------------------------------------------------------------
# Settings


def _add_settings(api: flask.Blueprint, shop: Shop, base: str) -> None:
    def shown() -> Response:
        channel = flask.request.args.get("channel_id")
        kept = shop.settings() if channel is None else shop.settings()["channels"].get(channel, {})
        return answer({"data": {name: kept.get(name) for name in _INVENTORY_SETTINGS}, "meta": {}})

    @api.get(base)
    def settings() -> Response:
        return shown()

    @api.put(base)
    def change_settings() -> Response:
        wanted = wanted_json(dict)
        if wanted.get("update_stock_behavior", "order_placed") not in ("order_placed", "order_completed_or_shipped"):
            raise Refusal(422, "The setting is not valid.", {"update_stock_behavior": "unknown value"})
        changes = {name: wanted[name] for name in _INVENTORY_SETTINGS if name in wanted}
        if channel := flask.request.args.get("channel_id"):
            others = shop.settings()["channels"]
            changes = {"channels": {**others, channel: {**others.get(channel, {}), **changes}}}
        shop.set(**changes)
        return shown()
