"""Where pictures of goods lie: those of the shops' variants, as their catalogues were last read."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

# The picture of the very variant that was sold; else of a variant that is the same item, in the order's own shop before
# others, in the shop that was linked first before later ones.
_OF_LINES = text("""
    WITH lines AS (
        SELECT l.id, l.item_id, l.variant_id, o.shop_id
        FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.id = ANY(:ids)
    ), found AS (
        SELECT lines.id, 0 AS rank, k.shop_id, k.external_id, k.image_url, k.gone
        FROM lines JOIN item_links k ON k.shop_id = lines.shop_id AND k.external_id = lines.variant_id
        UNION ALL
        SELECT lines.id, CASE WHEN k.shop_id = lines.shop_id THEN 1 ELSE 2 END, k.shop_id, k.external_id, k.image_url, k.gone
        FROM lines JOIN item_links k ON k.item_id = lines.item_id
    )
    SELECT DISTINCT ON (id) id, image_url FROM found WHERE image_url <> '' AND NOT gone
    ORDER BY id, rank, shop_id, external_id
    """)
_OF_ITEMS = text("""
    SELECT DISTINCT ON (item_id) item_id, image_url FROM item_links
    WHERE item_id = ANY(:ids) AND image_url <> '' AND NOT gone
    ORDER BY item_id, shop_id, external_id
    """)
# Origins and not addresses: a catalogue has many thousand pictures on one or two hosts.
_ORIGINS = text("""
    SELECT split_part(image_url, '/', 1) || '//' || split_part(image_url, '/', 3)
    FROM item_links WHERE image_url <> '' AND NOT gone
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :most
    """)


def of_lines(conn: Connection, line_ids: Collection[int]) -> dict[int, str]:
    """Order line id -> the address of its picture, for the lines that have one."""
    rows = conn.execute(_OF_LINES, {"ids": list(line_ids)}) if line_ids else ()
    return {row.id: row.image_url for row in rows}


def of_items(conn: Connection, item_ids: Collection[int]) -> dict[int, str]:
    """Item id -> the address of its picture, for the items that have one."""
    rows = conn.execute(_OF_ITEMS, {"ids": list(item_ids)}) if item_ids else ()
    return {row.item_id: row.image_url for row in rows}


def origins(conn: Connection, most: int) -> list[str]:
    """From where the shops' pictures come, the most frequent first: scheme, host and port."""
    return list(conn.execute(_ORIGINS, {"most": most}).scalars())
