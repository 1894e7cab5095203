"""What the store sells: its product variants, each with the inventory item that carries its stock."""

from __future__ import annotations

from connector.domain.linking import Variant
from connector.platform import CataloguePage, Shop
from platforms.http import Http
from platforms.shopify import goods_documents
from platforms.shopify.client import ask


def variants(http: Http, shop: Shop, cursor: str) -> CataloguePage:
    """100 variants by id. One SKU may stand on several of them; the stock unit is the inventory item."""
    page = ask(http, shop, goods_documents.VARIANTS, after=cursor or None)["productVariants"]
    found = tuple(
        Variant(
            node["id"],
            node["inventoryItem"]["id"],
            node["sku"] or "",
            node["barcode"] or "",
            node["displayName"],
            bool(node["inventoryItem"]["tracked"]),
        )
        for node in page["nodes"]
    )
    return CataloguePage(found, page["pageInfo"]["endCursor"] or "" if page["pageInfo"]["hasNextPage"] else "")
