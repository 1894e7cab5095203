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
    "assigned_short": "{platform} assigned {location}, which has not everything.",
    "assigned_closed": "{platform} assigned a location that is closed to online orders.",
    "nearest_first": "The nearest location comes first: {locations}.",
    "distance_unknown": "It is not known well enough where the parcel goes to find the nearest location; {location} comes first.",
    "least_loaded_first": "The location with the fewest parts still to pack comes first: {locations}.",
    "single_location": "{location} has everything and comes first by priority.",
    "single_nearest": "{location} has everything and is the nearest that has.",
    "single_least_loaded": "{location} has everything and has the least to pack of those that have.",
    "fewest_divided": "{parts} parts are the fewest that together have everything.",
    "fewest_parts": "No single location has everything; {parts} parts are the fewest without dividing a line.",
    "line_divided": "No location has all {quantity} of {sku}, so the line is divided.",
    "part": "{location} gives {units} units.",
    "short": "{location} has {available} of {quantity} {sku}.",
    "refused": "{location} could not give it.",
    "moved": "Moved here from {location}.",
    "disabled": "{location} is closed to online orders.",
    "oversold": "{quantity} of {sku} is promised from {location} although it is not there; this shop sells below zero.",
    "held_by_tag": "The order carries the tag “{tag}”: its stock is kept, and nobody packs it until the tag is removed.",
    "backordered_here": "{quantity} of {sku} is not in stock at {location} and waits as a backorder.",
    "waits_for_payment": "Nothing is set aside before the order is paid in full; this shop waits for the payment.",
    "waits_its_turn": "{quantity} of {sku} waits its turn: what came free is offered to earlier orders first.",
    "waits_for_location": "{quantity} of {sku} waits until a location can be chosen.",
    "backordered": "{quantity} of {sku} is nowhere in stock and waits as a backorder.",
    "unmapped": "“{title}” has no item here yet; it is allocated when its SKU is known.",
    "no_stock_needed": "“{title}” takes no stock.",
    "history": "Brought in from {platform} as a record of the past: it takes no stock, and nobody packs it.",
    "handed_over_elsewhere": "{platform} counts these units as handed over.",
    "taken_back": "The handover was taken back: the goods are at {location} again, packed.",
    "platform_completed": "{platform} says the order was handed over there.",
}

# The same of one unit, where that is said otherwise.
OF_ONE_UNIT: dict[str, str] = {"part": "{location} gives {units} unit."}


def in_words(steps: Iterable[Mapping[str, Any]]) -> str:
    """The steps as one English text."""
    return " ".join(_sentence(step).format(**step) for step in steps)


def _sentence(step: Mapping[str, Any]) -> str:
    usual = SENTENCES[step["code"]]
    return OF_ONE_UNIT.get(step["code"], usual) if step.get("units") == 1 else usual
