"""The store's catalogue: one product with one base variant for each article, and one that keeps no stock."""

from __future__ import annotations

from typing import Any

import flask
from flask import Response

from sandbox import pictures
from sandbox.bigcommerce.answers import Refusal, v3_list
from sandbox.bigcommerce.shop import Shop
from sandbox.catalogue import ITEMS, CatalogueItem

_GIFT_WRAP = 9003
_MOST_WITH_VARIANTS = 250
_ON_REQUEST = frozenset({"variants", "primary_image"})  # by `include`; a product without pictures has no primary one


def variant_id(item: CatalogueItem) -> int:
    """The id of the only variant of an article."""
    return 500 + item.number


def product_id(item: CatalogueItem) -> int:
    """The id of the article."""
    return 100 + item.number


def add(api: flask.Blueprint, shop: Shop, base: str) -> None:
    """Add the route."""

    @api.get(f"{base}/catalog/products")
    def catalog_products() -> Response:
        if int(flask.request.args.get("limit", "50")) > _MOST_WITH_VARIANTS:
            raise Refusal(422, "The limit is too high.", {"limit": "too high"})
        left_out = _ON_REQUEST - set(flask.request.args.get("include", "").split(","))
        found = [*(_product(item) for item in ITEMS), _service()]
        return v3_list([{name: value for name, value in row.items() if name not in left_out} for row in found])


def _product(item: CatalogueItem) -> dict[str, Any]:
    row = _row(product_id(item), variant_id(item), item.title, item.sku, item.barcode, "product")
    return {**row, "primary_image": _picture(item)}


def _picture(item: CatalogueItem) -> dict[str, Any]:
    address = pictures.address(flask.request.root_url, item.number)
    sizes = dict.fromkeys(("url_zoom", "url_standard", "url_thumbnail", "url_tiny"), address)
    return {"id": item.number, "product_id": product_id(item), "is_thumbnail": True, "sort_order": 0, "description": "", **sizes}


def _service() -> dict[str, Any]:
    """A service: sold, and on no shelf."""
    return _row(_GIFT_WRAP, _GIFT_WRAP + 500, "Emballage cadeau", "EMBALLAGE", "", "none")


def _row(number: int, variant: int, title: str, sku: str, upc: str, tracking: str) -> dict[str, Any]:
    codes: dict[str, Any] = {"sku": sku, "sku_id": None, "upc": upc, "gtin": ""}
    base = {"id": variant, "product_id": number, **codes, "image_url": "", "option_values": []}
    own = {"id": number, "name": title, "sku": sku, "upc": upc, "gtin": "", "inventory_tracking": tracking}
    return {**own, "variants": [base]}
