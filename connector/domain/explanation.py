"""Reasons in words: every decision is stored as steps of {code, …facts}; here is the English of each code.

The desk translates the same sentences; a code without a sentence is a fault that a test finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SENTENCES: dict[str, str] = {
    "pickup_chosen": "The customer collects at {location}.",
    "pickup_unknown": "The customer wants to collect at “{name}”, which is linked to none of our locations.",
    "platform_assigned": "{platform} assigned {location}, which has everything.",
    "single_location": "{location} has everything and comes first by priority.",
    "fewest_parts": "No single location has everything; {parts} parts are the fewest without dividing a line.",
    "line_divided": "No location has all {quantity} of {sku}, so the line is divided.",
    "part": "{location} gives {units} units.",
    "short": "{location} has {available} of {quantity} {sku}.",
    "disabled": "{location} is closed to online orders.",
    "backordered": "{quantity} of {sku} is nowhere in stock and waits as a backorder.",
    "unmapped": "“{title}” has no item here yet; it is allocated when its SKU is known.",
    "no_stock_needed": "“{title}” takes no stock.",
    "history": "Brought in from {platform} as a record of the past: it takes no stock, and nobody packs it.",
    "platform_completed": "{platform} says the order was handed over there.",
}


def in_words(steps: Iterable[Mapping[str, Any]]) -> str:
    """The steps as one English text."""
    return " ".join(SENTENCES[step["code"]].format(**step) for step in steps)
