"""Variants and stock as the Admin API has them: compare-and-set, idempotency keys, untracked and unmovable items."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLError, StringValueNode, VariableNode

from sandbox import pictures
from sandbox.catalogue import ITEMS, LOCATIONS, CatalogueItem
from sandbox.shopify.orders import gid, location_gid
from sandbox.shopify.shop import Shop
from sandbox.shopify.views import View, connection

_KEYS = "shopify.idempotency"
_MOST_QUANTITIES = 250
# Sold here, known to nobody else: a card that is on no shelf, and a set whose stock is that of its parts.
_CARD, _SET = 90, 91
_ODD = (
    (_CARD, "CARTE-CADEAU", "Carte cadeau", False),
    (_SET, "COFFRET-MARIN", "Coffret marin", True),
)
_CODES = {location_gid(place.code): place.code for place in LOCATIONS}


def roots(shop: Shop, base_url: str) -> dict[str, Callable[..., Any]]:
    """The fields of QueryRoot and Mutation about goods."""
    return {
        "productVariants": lambda info, **given: connection(_variants(shop, base_url))(info, **given),
        "inventoryItem": lambda info, **given: _items(shop).get(given["id"]),
        "nodes": lambda info, ids: [_items(shop).get(one) for one in ids],
        "inventorySetQuantities": lambda info, **given: _once(shop, info, given, lambda: _set(shop, given["input"])),
        "inventoryActivate": lambda info, **given: _once(shop, info, given, lambda: _activate(shop, given)),
    }


def item_gid(item: CatalogueItem) -> str:
    """The id of the inventory item behind an article."""
    return gid("InventoryItem", 7000 + item.number)


def _variants(shop: Shop, base_url: str) -> list[View]:
    items = _items(shop)
    found = [
        {
            "id": gid("ProductVariant", 5000 + item.number),
            "sku": item.sku,
            "barcode": item.barcode,
            "displayName": item.title,
            "inventoryItem": items[item_gid(item)],
            **_pictured(item, pictures.address(base_url, item.number)),
        }
        for item in ITEMS
    ]
    odd = [
        {
            "id": gid("ProductVariant", 5000 + number),
            "sku": sku,
            "barcode": None,
            "displayName": title,
            "inventoryItem": items[gid("InventoryItem", 7000 + number)],
            **_PLAIN,
        }
        for number, sku, title, _ in _ODD
    ]
    return found + odd


_PLAIN: View = {"media": connection(()), "product": {"featuredMedia": None}}


def _pictured(item: CatalogueItem, address: str) -> View:
    """Each size of the sailor's shirt has a picture of its own; the others show their product's."""
    picture = {
        "__typename": "MediaImage",
        "preview": {"image": {"url": lambda info, transform=None: address}},  # these are small: none is made smaller
    }
    own = item.sku.startswith("MAR-TS-")
    return {**_PLAIN, "media": connection([picture])} if own else {**_PLAIN, "product": {"featuredMedia": picture}}


def _items(shop: Shop) -> dict[str, View]:
    known = [(item_gid(item), item.sku, True) for item in ITEMS]
    known += [(gid("InventoryItem", 7000 + number), sku, tracked) for number, sku, _, tracked in _ODD]
    return {item_id: _item_view(shop, item_id, sku, tracked=tracked) for item_id, sku, tracked in known}


def _item_view(shop: Shop, item_id: str, sku: str, *, tracked: bool) -> View:
    def level(info: Any, locationId: str) -> View | None:
        code = _CODES.get(locationId)
        available = shop.inventory.level(sku, code) if code else None
        return None if available is None else _level_view(item_id, str(code), available)

    return {"__typename": "InventoryItem", "id": item_id, "sku": sku, "tracked": tracked, "inventoryLevel": level}


def _level_view(item_id: str, code: str, available: int) -> View:
    def quantities(info: Any, names: list[str]) -> list[View]:
        return [{"name": name, "quantity": available} for name in names if name == "available"]

    return {"id": f"{item_id.replace('InventoryItem', 'InventoryLevel')}?{code}", "quantities": quantities}


def _once(shop: Shop, info: Any, given: Mapping[str, Any], act: Callable[[], View]) -> View:
    """Required since 2026-04: one key has its effect once; with other parameters it is refused."""
    key = _key(info)
    if not key:
        raise GraphQLError("The @idempotent directive is required for this mutation.", extensions={"code": "BAD_REQUEST"})
    said = json.dumps(given, sort_keys=True)
    before = shop.store.get(_KEYS, key)
    if before is not None:
        return (
            before["answer"] if before["said"] == said else _no("key", "Other parameters.", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
        )
    answer = act()
    if not answer["userErrors"]:
        shop.store.put(
            _KEYS, key, {"said": said, "answer": {name: value for name, value in answer.items() if name != "inventoryLevel"}}
        )
    return answer


def _key(info: Any) -> str:
    for directive in info.field_nodes[0].directives or ():
        for argument in directive.arguments or ():
            if directive.name.value == "idempotent" and isinstance(argument.value, VariableNode):
                return str(_variables(info).get(argument.value.name.value, ""))
            if directive.name.value == "idempotent" and isinstance(argument.value, StringValueNode):
                return argument.value.value
    return ""


def _variables(info: Any) -> Mapping[str, Any]:
    """Two versions of graphql-core keep them differently."""
    values: Mapping[str, Any] = getattr(info.variable_values, "coerced", info.variable_values)
    return values


def _no(field: str, message: str, code: str, place: int | None = None) -> View:
    path = [field] if place is None else ["input", "quantities", str(place), field]
    return {
        "inventoryAdjustmentGroup": None,
        "inventoryLevel": None,
        "userErrors": [{"field": path, "message": message, "code": code}],
    }


def _set(shop: Shop, wanted: Mapping[str, Any]) -> View:
    """All or nothing; every quantity that is wrong is named."""
    quantities = wanted["quantities"]
    if wanted["name"] != "available":
        return _no("name", "The sandbox sets what is available.", "INVALID_NAME")
    if len(quantities) > _MOST_QUANTITIES:
        raise GraphQLError("Too many quantities.", extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"})
    if any("changeFromQuantity" not in row for row in quantities):
        raise GraphQLError("changeFromQuantity must be given, null included.", extensions={"code": "BAD_REQUEST"})
    errors = [fault for place, row in enumerate(quantities) for fault in _faults(shop, place, row)]
    if errors:
        return {"inventoryAdjustmentGroup": None, "userErrors": errors}
    skus = {item_id: view["sku"] for item_id, view in _items(shop).items()}
    for row in quantities:
        shop.inventory.set(skus[row["inventoryItemId"]], _CODES[row["locationId"]], row["quantity"])
    number = shop.store.next_id("shopify.adjustment")
    return {"inventoryAdjustmentGroup": {"id": gid("InventoryAdjustmentGroup", number)}, "userErrors": []}


def _faults(shop: Shop, place: int, row: Mapping[str, Any]) -> list[View]:
    item = _items(shop).get(row["inventoryItemId"])
    code = _CODES.get(row["locationId"])
    if item is None or row["inventoryItemId"] == gid("InventoryItem", 7000 + _CARD):
        said = "inventoryItemId", "The specified inventory item could not be found.", "INVALID_INVENTORY_ITEM"
    elif row["inventoryItemId"] == gid("InventoryItem", 7000 + _SET):
        said = "inventoryItemId", "The stock of a bundle follows its components.", "NON_MUTABLE_INVENTORY_ITEM"
    elif code is None:
        said = "locationId", "The specified location could not be found.", "INVALID_LOCATION"
    elif row["changeFromQuantity"] not in (None, shop.inventory.level(item["sku"], code)):
        said = "changeFromQuantity", "The quantity has changed.", "CHANGE_FROM_QUANTITY_STALE"
    else:
        return []
    return _no(said[0], said[1], said[2], place)["userErrors"]  # type: ignore[no-any-return]


def _activate(shop: Shop, given: Mapping[str, Any]) -> View:
    item, code = _items(shop).get(given["inventoryItemId"]), _CODES.get(given["locationId"])
    if item is None or code is None or given["inventoryItemId"] == gid("InventoryItem", 7000 + _SET):
        return _no("base", "The item or the location could not be found.", "NOT_FOUND")
    if shop.inventory.level(item["sku"], code) is None:
        shop.inventory.set(item["sku"], code, int(given.get("available") or 0))
    return {"inventoryLevel": _level_view(item["id"], code, shop.inventory.level(item["sku"], code) or 0), "userErrors": []}
