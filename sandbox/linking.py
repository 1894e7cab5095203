"""What a connector must be told to work with the sandbox: its places, articles, stock and the three shops, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.catalogue import CREDENTIALS, ITEMS, LOCATIONS, STOCK

RECEIPT_KEY = "sandbox-opening-stock"


@dataclass(frozen=True)
class DemoShop:
    """A shop to link: `options` as `connector shops add` takes them, `location_links` as (its location id, our code).
    `stock_of` are our places whose sum it shows, where it keeps one quantity."""

    platform: str
    name: str
    options: dict[str, str]
    location_links: tuple[tuple[str, str], ...]
    stock_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Demo:
    """Everything a demonstration starts with. `stock` lists (SKU, location code, quantity), booked once as `RECEIPT_KEY`."""

    locations: tuple[dict[str, str | int], ...]
    items: tuple[dict[str, str], ...]
    stock: tuple[tuple[str, str, int], ...]
    shops: tuple[DemoShop, ...]


def demo(sandbox_url: str) -> Demo:
    """The data for a sandbox that answers at `sandbox_url`."""
    return Demo(
        locations=tuple({"code": at.code, "name": at.name, "kind": at.kind, "priority": at.priority} for at in LOCATIONS),
        items=tuple({"sku": item.sku, "title": item.title, "barcode": item.barcode} for item in ITEMS),
        stock=tuple((sku, code, quantity) for (sku, code), quantity in STOCK.items() if quantity),
        shops=_shops(sandbox_url.rstrip("/")),
    )


def _shops(url: str) -> tuple[DemoShop, ...]:
    """Ids of places: Shopify's are global ids, BigCommerce's numbers; WooCommerce keeps the display name only."""
    return (
        DemoShop(
            "shopify",
            "Marée Haute (Shopify)",
            {**CREDENTIALS["shopify"], "api_url": f"{url}/shopify"},
            tuple((f"gid://shopify/Location/{1000 + at.number}", at.code) for at in LOCATIONS),
        ),
        DemoShop(
            "woocommerce",
            "Marée Haute (WooCommerce)",
            {**CREDENTIALS["woocommerce"], "url": f"{url}/woocommerce"},
            tuple((at.name, at.code) for at in LOCATIONS if at.kind == "shop"),
            tuple(at.code for at in LOCATIONS),
        ),
        DemoShop(
            "bigcommerce",
            "Marée Haute (BigCommerce)",
            {**CREDENTIALS["bigcommerce"], "api_url": f"{url}/bigcommerce"},
            # The rate says that somebody collects, not where: this shop's customers do at its first place.
            (*((str(at.number), at.code) for at in LOCATIONS), ("Pickup in Store", LOCATIONS[0].code)),
        ),
    )
