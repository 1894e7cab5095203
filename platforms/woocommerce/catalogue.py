"""What the shop sells: simple products, and the variations of variable ones."""

from __future__ import annotations

from typing import Any

from connector.domain.linking import Variant
from connector.platform import CataloguePage, Shop
from platforms.http import Http
from platforms.woocommerce.client import PER_PAGE, read_all, read_list

# Kinds that hold other products and have nothing on a shelf themselves.
_CONTAINERS = frozenset({"variable", "variable-subscription", "grouped"})
_FIELDS = "id,name,type,sku,global_unique_id,manage_stock,stock_quantity,parent_id,variations,images"


def variants(http: Http, shop: Shop, cursor: str) -> CataloguePage:
    """A page of products, by id; each variable one is followed by its variations, asked for at their parent: the list of
    all variations exists since 10.3 only."""
    page = int(cursor or 1)
    params = {"orderby": "id", "order": "asc", "per_page": str(PER_PAGE), "page": str(page), "_fields": _FIELDS}
    products = read_list(http, shop, "products", params)
    found: list[Variant] = []
    for product in products:
        if product.get("type") in _CONTAINERS:
            found += _variations(http, shop, product)
        else:
            found.append(_variant(product, str(product["id"]), str(product.get("name", "")), _first_picture(product)))
    return CataloguePage(tuple(found), str(page + 1) if len(products) == PER_PAGE else "")


def _variations(http: Http, shop: Shop, product: dict[str, Any]) -> list[Variant]:
    """`manage_stock` of a variation is true, false, or "parent": then its quantity is kept at the parent (10.5.0)."""
    if not product.get("variations"):
        return []
    fields = {"orderby": "id", "order": "asc", "_fields": "id,name,sku,global_unique_id,manage_stock,attributes,image"}
    found = []
    for variation in read_all(http, shop, f"products/{product['id']}/variations", fields):
        at_parent = variation.get("manage_stock") == "parent"
        unit = str(product["id"]) if at_parent else f"{product['id']}/{variation['id']}"
        picture = _source(variation.get("image")) or _first_picture(product)
        found.append(_variant(variation, unit, _title(product, variation), picture))
    return found


def _variant(entry: dict[str, Any], unit: str, title: str, picture: str) -> Variant:
    return Variant(
        str(entry["id"]),
        unit,
        str(entry.get("sku") or ""),
        str(entry.get("global_unique_id") or ""),
        title,
        entry.get("manage_stock") in (True, "parent"),
        picture,
    )


def _first_picture(product: dict[str, Any]) -> str:
    """The first of a product's pictures is the one its page begins with."""
    pictures = product.get("images")
    return _source(pictures[0]) if isinstance(pictures, list) and pictures else ""


def _source(picture: object) -> str:
    """Extensions put other things there; what is no text is no address."""
    found = picture.get("src") if isinstance(picture, dict) else None
    return found if isinstance(found, str) else ""


def _title(product: dict[str, Any], variation: dict[str, Any]) -> str:
    """A variation is named by its parent and its options."""
    attributes = variation.get("attributes")
    options = [str(one.get("option", "")) for one in attributes if isinstance(one, dict)] if isinstance(attributes, list) else []
    parent, own = str(product.get("name", "")), str(variation.get("name") or "")
    return own if own.startswith(parent) else ", ".join(filter(None, (parent, own or " ".join(options))))
