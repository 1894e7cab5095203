"""What the store sells: its product variants, each with the inventory item that carries its stock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.linking import Variant
from connector.platform import CataloguePage, Shop
from platforms.http import Http
from platforms.shopify import goods_documents
from platforms.shopify.client import ask


def variants(http: Http, shop: Shop, cursor: str) -> CataloguePage:
    """50 variants by id: with their pictures, 100 would cost nearly all that one query may (1000 points). One SKU may stand on
    several of them; the stock unit is the inventory item."""
    page = ask(http, shop, goods_documents.VARIANTS, after=cursor or None)["productVariants"]
    found = tuple(
        Variant(
            node["id"],
            node["inventoryItem"]["id"],
            node["sku"] or "",
            node["barcode"] or "",
            node["displayName"],
            bool(node["inventoryItem"]["tracked"]),
            _picture(node),
        )
        for node in page["nodes"]
    )
    return CataloguePage(found, page["pageInfo"]["endCursor"] or "" if page["pageInfo"]["hasNextPage"] else "")


def _picture(node: Mapping[str, Any]) -> str:
    """The variant's own picture, else the product's. A preview has none until Shopify has made it, and any of it may be null."""
    own = [*node["media"]["nodes"], node["product"]["featuredMedia"]]
    previews = [media["preview"] for media in own if media]
    return next((preview["image"]["url"] for preview in previews if preview and preview["image"]), "")
