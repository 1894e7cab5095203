"""What the store sells: every product's variants. A product without options has one, its base variant."""

from __future__ import annotations

from connector.domain.linking import Variant
from connector.platform import CataloguePage, Shop
from platforms.bigcommerce import client
from platforms.bigcommerce.normalize import text
from platforms.http import Http

_PAGE_ROWS = 50
_FIELDS = "name,sku,upc,gtin,inventory_tracking"


def variants(http: Http, shop: Shop, cursor: str) -> CataloguePage:
    """A page of products with their variants, by id."""
    page = int(cursor or 1)
    params = {
        "include": "variants,primary_image",
        "include_fields": _FIELDS,
        "sort": "id",
        "page": str(page),
        "limit": str(_PAGE_ROWS),
    }
    products = client.v3_list(http, shop, "v3/catalog/products", params)
    found = tuple(variant for product in products for variant in _variants(product))
    return CataloguePage(found, str(page + 1) if len(products) == _PAGE_ROWS else "")


def _variants(product: client.Row) -> list[Variant]:
    """Stock is kept per variant, or for the product as a whole (`inventory_tracking` product): then all share its unit."""
    tracking = product.get("inventory_tracking")
    rows = [row for row in product.get("variants") or () if isinstance(row, dict)]
    whole = tracking == "product" and len(rows) > 1
    return [
        Variant(
            str(row["id"]),
            f"product/{product['id']}" if whole else str(row["id"]),
            text(row.get("sku")) or (text(product.get("sku")) if len(rows) == 1 else ""),
            text(row.get("upc")) or text(row.get("gtin")) or (text(product.get("upc")) if len(rows) == 1 else ""),
            _title(product, row),
            tracking in ("product", "variant"),
            text(row.get("image_url")) or _primary(product),
        )
        for row in rows
    ]


def _title(product: client.Row, row: client.Row) -> str:
    options = [text(value.get("label")) for value in row.get("option_values") or () if isinstance(value, dict)]
    return ", ".join(filter(None, (text(product.get("name")), " ".join(options))))


def _primary(product: client.Row) -> str:
    """The product's own picture, in the small size; a product without pictures has none there."""
    picture = product.get("primary_image")
    sizes = ("url_thumbnail", "url_standard")
    return next((text(picture[name]) for name in sizes if picture.get(name)), "") if isinstance(picture, dict) else ""
