"""Products: what the catalogue becomes in WooCommerce, and every way a quantity moves. One quantity each, no locations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox import pictures
from sandbox.catalogue import ITEMS, LOCATIONS, STOCK, CatalogueItem
from sandbox.woocommerce.shop import Order, Refusal, Shop, alone, invalid, local, now

_KIND = "woocommerce.product"
_FIRST_ID = 100
# The sailor's shirts are variations of one product; the others are products of their own.
_PARENT_ID, _PARENT_SKU, _PARENT_TITLE, _VARIATIONS = 99, "MAR-TS", "Marinière", "MAR-TS-"
# Sold here and unknown to the connector's catalogue: (id, sku, title, price, virtual, downloadable).
_ODD = (
    (91, "INCONNU-1", "Article d’un autre fournisseur", "12.00", False, False),
    (92, "CARTE-CADEAU-50", "Carte cadeau &euro;50", "50.00", True, False),
    (93, "GUIDE-PDF", "Guide des calanques (PDF)", "9.00", True, True),
)
ODD_IDS = {"unknown_sku": 91, "gift_card": 92, "digital": 93}


@alone
def stock_the_shop(shop: Shop) -> None:
    """Put the catalogue in, once: the quantity is the sum over the locations."""
    if shop.store.count(_KIND):
        return
    for item in ITEMS:
        _put(shop, _from_catalogue(item))
    _put(shop, _new(_PARENT_ID, _PARENT_SKU, _PARENT_TITLE, "", kind="variable"))
    for number, sku, title, price, virtual, downloadable in _ODD:
        _put(shop, {**_new(number, sku, title, price), "virtual": virtual, "downloadable": downloadable})


def _from_catalogue(item: CatalogueItem) -> dict[str, Any]:
    quantity = sum(STOCK[item.sku, location.code] for location in LOCATIONS)
    stocked = {"manage_stock": True, "stock_quantity": quantity, "global_unique_id": item.barcode}
    product = _new(_FIRST_ID + item.number, item.sku, item.title, f"{item.price_minor / 100:.2f}")
    if item.sku.startswith(_VARIATIONS):
        product |= {"type": "variation", "parent_id": _PARENT_ID, "parent_name": _PARENT_TITLE}
    return product | stocked


def _new(number: int, sku: str, title: str, price: str, kind: str = "simple") -> dict[str, Any]:
    return {
        "id": number,
        "name": title,
        "type": kind,
        "status": "publish",
        "sku": sku,
        "global_unique_id": "",
        "price": price,
        "regular_price": price,
        "virtual": False,
        "downloadable": False,
        "manage_stock": False,
        "stock_quantity": None,
        "backorders": "no",
        "parent_id": 0,
        "parent_name": None,
        "meta_data": [],
        "date_created_gmt": now(),
        "date_modified_gmt": now(),
    }


def find(shop: Shop, number: int) -> dict[str, Any] | None:
    """The product or variation with this id."""
    return shop.store.get(_KIND, str(number))


def by_sku(shop: Shop, sku: str) -> dict[str, Any] | None:
    """The product or variation with this SKU."""
    return next((product for product in every(shop) if product["sku"] == sku), None)


def every(shop: Shop) -> list[dict[str, Any]]:
    """All products and variations."""
    return shop.store.all(_KIND)


def chosen(found: list[dict[str, Any]], included: list[str], order: str) -> list[dict[str, Any]]:
    """Those asked for by id; by id where that order is asked for."""
    wanted = [product for product in found if not included or str(product["id"]) in included]
    return sorted(wanted, key=lambda product: int(product["id"])) if order == "id" else wanted


def rendered(product: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The product as the API and webhooks show it: a variation has one picture or null, another a list."""
    quantity = product["stock_quantity"]
    shown = {name: value for name, value in product.items() if name != "parent_name"}
    return (
        shown
        | _pictures(product, base_url)
        | {
            "date_created": local(product["date_created_gmt"]),
            "date_modified": local(product["date_modified_gmt"]),
            "stock_status": "instock" if quantity is None or quantity > 0 else "outofstock",
            "variations": [item.number + _FIRST_ID for item in ITEMS if item.sku.startswith(_VARIATIONS)]
            if product["type"] == "variable"
            else [],
        }
    )


def _pictures(product: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    number = product["id"] - _FIRST_ID
    found = [_picture(number, product["name"], base_url)] if 0 < number <= len(ITEMS) else []
    return {"image": next(iter(found), None)} if product["type"] == "variation" else {"images": found}


def _picture(number: int, name: str, base_url: str) -> dict[str, Any]:
    return {"id": 1000 + number, "src": pictures.address(base_url, number), "name": name, "alt": ""}


@alone
def change(shop: Shop, product: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """PUT of a product. A quantity for one that does not manage stock is answered 200 and changes nothing, as in the shop."""
    wanted = changes.get("stock_quantity")
    if wanted is not None and (isinstance(wanted, bool) or not _is_whole(wanted)):
        raise invalid("stock_quantity", "stock_quantity is not of type integer.")
    for name in ("name", "sku", "regular_price", "manage_stock"):
        product[name] = changes.get(name, product[name])
    if product["manage_stock"] is not True:
        product["stock_quantity"] = None
    elif wanted is not None:
        product["stock_quantity"] = int(wanted)
    elif "inventory_delta" in changes:
        product["stock_quantity"] = (product["stock_quantity"] or 0) + int(changes["inventory_delta"])
    _save(shop, product)
    return product


@alone
def remove(shop: Shop, number: int) -> None:
    """Delete for good: order lines keep their name and lose the product; no webhook is sent, as in the shop."""
    shop.store.delete(_KIND, str(number))


def needs_processing(shop: Shop, lines: list[Order]) -> bool:
    """False only where every product is virtual and downloadable; a deleted product counts as needing it."""
    return not all(product and product["virtual"] and product["downloadable"] for product in _of_lines(shop, lines))


def reduce(shop: Shop, order: Order) -> None:
    """Take the order's quantities from stock, once in its life until they are given back."""
    if order["stock_reduced"]:
        return
    order["stock_reduced"] = True
    for line in order["line_items"]:
        take(shop, line, line["quantity"])


def restore(shop: Shop, order: Order) -> None:
    """Give back what is taken for the order's lines now."""
    if not order["stock_reduced"]:
        return
    order["stock_reduced"] = False
    for line in order["line_items"]:
        take(shop, line, -line["reduced"])


def take(shop: Shop, line: Order, quantity: int) -> None:
    """Take so many units of the line's product (negative gives back), and note on the line how many are taken in all."""
    product = find(shop, line["variation_id"] or line["product_id"])
    if product is None or product["manage_stock"] is not True or not quantity:
        return
    product["stock_quantity"] -= quantity
    line["reduced"] += quantity
    _save(shop, product)


def required(shop: Shop, number: int) -> dict[str, Any]:
    """The product, or the error of an unknown id."""
    product = find(shop, number)
    if product is None:
        raise Refusal(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    return product


def _of_lines(shop: Shop, lines: list[Order]) -> Iterator[dict[str, Any] | None]:
    return (find(shop, line["variation_id"] or line["product_id"]) for line in lines)


def _is_whole(value: object) -> bool:
    text = str(value)
    return text.removeprefix("-").isdigit() and text.isascii()


def _save(shop: Shop, product: dict[str, Any]) -> None:
    product["date_modified_gmt"] = now()
    _put(shop, product)
    parent = find(shop, product["parent_id"]) if product["parent_id"] else None
    if parent is not None:  # the parent's modification moves with its variation's
        _put(shop, parent | {"date_modified_gmt": now()})
    shop.raise_event("product", "updated", product["id"])


def _put(shop: Shop, product: dict[str, Any]) -> None:
    shop.store.put(_KIND, str(product["id"]), product)
