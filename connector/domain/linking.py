"""Which of our items a shop's variant is: by SKU, then by barcode; what is unclear is said and never guessed."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """What a shop sells under one id. `unit_id` names where its quantity is kept: variants that share one share a quantity.

    `tracked` is False where the shop keeps no stock of it. `image_url` is where a picture of it lies, "" for none, as the shop
    says it: what is none is dropped when the catalogue is kept (see `pictures`).
    """

    external_id: str
    unit_id: str
    sku: str = ""
    barcode: str = ""
    title: str = ""
    tracked: bool = True
    image_url: str = ""


class Problem(enum.StrEnum):
    """Why a variant is linked to nothing, or its stock cannot be published."""

    UNKNOWN = "unknown"
    NO_CODE = "no_code"
    DUPLICATE_SKU = "duplicate_sku"
    AMBIGUOUS_BARCODE = "ambiguous_barcode"
    CONTRADICTION = "contradiction"
    SHARED_STOCK = "shared_stock"
    UNTRACKED = "untracked"


# What it is, and what to do.
WORDS: Mapping[str, tuple[str, str]] = {
    Problem.UNKNOWN: (
        "No item here has this SKU or barcode.",
        "Add the item, import it from the shop, or link it by hand.",
    ),
    Problem.NO_CODE: ("It has neither SKU nor barcode in the shop.", "Give it a SKU in the shop, or link it by hand."),
    Problem.DUPLICATE_SKU: (
        "Several variants of the shop have this SKU.",
        "Give each its own SKU in the shop, or link each by hand.",
    ),
    Problem.AMBIGUOUS_BARCODE: (
        "Its barcode belongs to several items or variants.",
        "Give it a SKU in the shop, or link it by hand.",
    ),
    Problem.CONTRADICTION: (
        "Its SKU is one item and its barcode another; the SKU was believed.",
        "Correct the barcode in the shop or here.",
    ),
    Problem.SHARED_STOCK: (
        "The shop keeps one quantity for this and for variants that are other items.",
        "Let the shop manage stock for each variant.",
    ),
    Problem.UNTRACKED: ("The shop keeps no stock of it.", "Turn stock management on for it in the shop."),
}


@dataclass(frozen=True, slots=True)
class Match:
    """A variant and the item it was found to be (None: none). `by` is "sku", "barcode", "hand" or ""."""

    variant: Variant
    item_id: int | None
    by: str = ""
    problem: str = ""


def match(
    variants: Sequence[Variant],
    by_sku: Mapping[str, int],
    by_barcode: Iterable[tuple[str, int]],
    by_hand: Mapping[str, int],
) -> list[Match]:
    """Find the item of every variant of a shop. `by_hand` are links a person made (variant id -> item), which stand."""
    codes = _by_code(by_barcode)
    skus = Counter(variant.sku for variant in variants if variant.sku)
    barcodes = Counter(code for variant in variants if (code := canonical(variant.barcode)))
    found = [_match(variant, by_sku, codes, by_hand, skus, barcodes) for variant in variants]
    sharing = _sharing(found)
    return [_with_stock_problem(one, one.variant.unit_id in sharing) for one in found]


def _match(
    variant: Variant,
    by_sku: Mapping[str, int],
    codes: Mapping[str, set[int]],
    by_hand: Mapping[str, int],
    skus: Mapping[str, int],
    barcodes: Mapping[str, int],
) -> Match:
    if variant.external_id in by_hand:
        return Match(variant, by_hand[variant.external_id], "hand")
    code = canonical(variant.barcode)
    meant = codes.get(code, set())
    if skus.get(variant.sku, 0) > 1:
        return Match(variant, None, problem=Problem.DUPLICATE_SKU)
    if variant.sku in by_sku:
        item = by_sku[variant.sku]
        return Match(variant, item, "sku", Problem.CONTRADICTION if meant and item not in meant else "")
    if len(meant) > 1 or (meant and barcodes[code] > 1):
        return Match(variant, None, problem=Problem.AMBIGUOUS_BARCODE)
    if meant:
        return Match(variant, next(iter(meant)), "barcode")
    return Match(variant, None, problem=Problem.UNKNOWN if variant.sku or code else Problem.NO_CODE)


def _sharing(found: Sequence[Match]) -> set[str]:
    """Stock units that stand for several items."""
    items: dict[str, set[int | None]] = defaultdict(set)
    for one in found:
        items[one.variant.unit_id].add(one.item_id)
    return {unit for unit, several in items.items() if len(several) > 1}


def _with_stock_problem(one: Match, sharing: bool) -> Match:
    if one.item_id is None or one.problem:
        return one
    problem = Problem.SHARED_STOCK if sharing else "" if one.variant.tracked else Problem.UNTRACKED
    return Match(one.variant, one.item_id, one.by, problem)


def _by_code(barcodes: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    codes: dict[str, set[int]] = defaultdict(set)
    for barcode, item in barcodes:
        if code := canonical(barcode):
            codes[code].add(item)
    return codes


def canonical(barcode: str) -> str:
    """One spelling of a barcode: without spaces and hyphens, ISBN-10 and UPC-A as the EAN-13 they also are; "" for none."""
    code = "".join(letter for letter in barcode if letter.isalnum()).upper()
    if len(code) == 10 and code[:9].isdecimal() and _is_isbn10(code):
        return _ean13("978" + code[:9])
    if len(code) == 12 and code.isdecimal():
        return "0" + code
    return code


def _is_isbn10(code: str) -> bool:
    digits = [10 if letter == "X" else int(letter) for letter in code if letter.isdecimal() or letter == "X"]
    return len(digits) == 10 and sum((10 - place) * digit for place, digit in enumerate(digits)) % 11 == 0


def _ean13(digits: str) -> str:
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-weighted % 10)
