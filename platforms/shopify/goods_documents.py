"""The GraphQL documents about variants and their stock."""

from __future__ import annotations

from platforms.shopify.documents import PAGE, Document

# Pictures are asked for at about the size they are shown at, on screens of double density.
_PICTURE = "preview { image { url(transform: {maxWidth: 160, maxHeight: 160}) } }"

VARIANTS = Document(
    "productVariants",
    f"""
query Variants($after: String) {{
  productVariants(first: 50, after: $after, sortKey: ID) {{
    {PAGE} nodes {{
      id sku barcode displayName inventoryItem {{ id tracked }}
      media(first: 1) {{ nodes {{ {_PICTURE} }} }} product {{ featuredMedia {{ {_PICTURE} }} }}
    }}
  }}
}}""",
)

LEVELS = Document(
    "nodes",
    """
query Levels($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      id tracked inventoryLevel(locationId: $location) { id quantities(names: ["available"]) { name quantity } }
    }
  }
}""",
)

# Since 2026-04 refused at run time without the directive, and without `changeFromQuantity` in every quantity.
SET_QUANTITIES = Document(
    "inventorySetQuantities",
    """
mutation SetQuantities($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}""",
    write=True,
)

ACTIVATE = Document(
    "inventoryActivate",
    """
mutation Activate($item: ID!, $location: ID!, $available: Int, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $location, available: $available) @idempotent(key: $key) {
    inventoryLevel { id }
    userErrors { field message }
  }
}""",
    write=True,
)

ALL = (VARIANTS, LEVELS, SET_QUANTITIES, ACTIVATE)
