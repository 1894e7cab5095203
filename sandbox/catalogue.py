"""What the three sandbox shops sell, and where it lies: one invented retailer, Marée Haute of Marseille.

Quantities: at 12 orders a minute some 34 units go out a minute of about 9 300, so a level falls visibly within minutes
and the first article runs out after more than two hours. Three items lie only in the Vieux-Port shop and three only in the depot:
an order with one of each has to be split.
"""

from __future__ import annotations

from dataclasses import dataclass

CURRENCY = "EUR"


@dataclass(frozen=True)
class CatalogueItem:
    """One article; `number` (from 1) is where the platforms' own ids of it come from."""

    number: int
    sku: str
    title: str
    barcode: str
    price_minor: int


@dataclass(frozen=True)
class CatalogueLocation:
    """A place with stock; `number` (from 1) is where the platforms' own ids of it come from. Lower `priority` comes first."""

    number: int
    code: str
    name: str
    kind: str
    priority: int


VIEUX_PORT = "vieux-port"
CANEBIERE = "canebiere"
DEPOT = "depot"

LOCATIONS = (
    CatalogueLocation(1, VIEUX_PORT, "Boutique Vieux-Port", "shop", 20),
    CatalogueLocation(2, CANEBIERE, "Boutique Canebière", "shop", 30),
    CatalogueLocation(3, DEPOT, "Dépôt Arenc", "warehouse", 10),
)

# sku, title, price in cents, then on hand in vieux-port, canebiere, depot
_ROWS = (
    ("MAR-TS-S", "Marinière, S", 5900, 60, 60, 300),
    ("MAR-TS-M", "Marinière, M", 5900, 80, 80, 400),
    ("MAR-TS-L", "Marinière, L", 5900, 80, 80, 400),
    ("MAR-TS-XL", "Marinière, XL", 5900, 60, 40, 300),
    ("PULL-NAVY-M", "Pull marin bleu nuit, M", 11900, 40, 40, 250),
    ("PULL-NAVY-L", "Pull marin bleu nuit, L", 11900, 40, 40, 250),
    ("CIRE-JAUNE-M", "Ciré jaune, M", 14900, 30, 30, 250),
    ("CIRE-JAUNE-L", "Ciré jaune, L", 14900, 30, 30, 250),
    ("BONNET-ROUGE", "Bonnet de quart rouge", 3500, 80, 100, 400),
    ("BONNET-MARINE", "Bonnet de quart marine", 3500, 80, 100, 400),
    ("ESP-41", "Espadrilles, 41", 4500, 60, 60, 250),
    ("ESP-42", "Espadrilles, 42", 4500, 60, 60, 250),
    ("SAC-VOILE", "Sac en voile recyclée", 8900, 80, 80, 300),
    ("MUG-PHARE", "Mug émaillé « Phare »", 1800, 120, 120, 400),
    ("SAVON-OLIVE", "Savon de Marseille, olive, 300 g", 650, 150, 150, 500),
    ("TORCHON-LIN", "Torchon en lin rayé", 1400, 100, 100, 300),
    ("CARTE-COTES", "Carte des calanques, encadrée", 6900, 300, 0, 0),
    ("LAMPE-CUIVRE", "Lampe tempête en cuivre", 12900, 300, 0, 0),
    ("COUTEAU-MARIN", "Couteau de marin", 4900, 300, 0, 0),
    ("PADDLE-11", "Planche à pagaie, 11 pieds", 49900, 0, 0, 300),
    ("MALLE-OSIER", "Malle en osier", 15900, 0, 0, 300),
    ("HAMAC-COTON", "Hamac en coton", 7900, 0, 0, 300),
)


def _barcode(number: int) -> str:
    """An EAN-13 of the range for use within one's own house (GS1 prefix 20), with its check digit."""
    digits = f"20{number:010d}"
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-weighted % 10)


ITEMS = tuple(
    CatalogueItem(number, sku, title, _barcode(number), price_minor)
    for number, (sku, title, price_minor, *_) in enumerate(_ROWS, 1)
)
STOCK: dict[tuple[str, str], int] = {
    (sku, location.code): quantity
    for sku, _, _, *quantities in _ROWS
    for location, quantity in zip(LOCATIONS, quantities, strict=True)
}

ITEM_BY_SKU = {item.sku: item for item in ITEMS}
LOCATION_BY_CODE = {location.code: location for location in LOCATIONS}


def only_at(code: str) -> tuple[str, ...]:
    """The SKUs that lie at this location and nowhere else."""
    return tuple(
        item.sku
        for item in ITEMS
        if STOCK[item.sku, code] and not any(STOCK[item.sku, other.code] for other in LOCATIONS if other.code != code)
    )


# What the sandbox shops accept; the addresses that belong to them are in `sandbox.linking`. Valid nowhere else.
CREDENTIALS: dict[str, dict[str, str]] = {
    "shopify": {
        "domain": "maree-haute.myshopify.com",
        "token": "shpat_sandbox",
        "app_secret": "sandbox-shopify-app-secret-0123456789",
    },
    "woocommerce": {"key": "ck_sandbox", "secret": "cs_sandbox"},
    "bigcommerce": {
        "store_hash": "sandbox1",
        "token": "sandbox-token",
        "client_secret": "sandbox-client-secret-0123456789",
    },
}
