"""Shopify's global ids: `gid://shopify/Order/123`. The connector keeps them whole, as every answer and input has them."""

from __future__ import annotations

import re

_ORDER = re.compile(r"gid://shopify/Order/[0-9]{1,20}")
_NUMBER = re.compile(r"[0-9]{1,20}")


def order_gid(value: object) -> str:
    """The global id of an order given as one or as its number (webhook bodies have both); "" for anything else."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if _ORDER.fullmatch(text):
        return text
    return f"gid://shopify/Order/{text}" if _NUMBER.fullmatch(text) else ""
