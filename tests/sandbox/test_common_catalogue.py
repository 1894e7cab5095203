"""The catalogue promises that some orders cannot be served from one place."""

from __future__ import annotations

from sandbox.catalogue import CREDENTIALS, DEPOT, ITEMS, LOCATIONS, STOCK, VIEUX_PORT, only_at
from sandbox.faults import PLATFORMS


def test_numbers_skus_and_barcodes_are_unique() -> None:
    assert [item.number for item in ITEMS] == list(range(1, len(ITEMS) + 1))
    assert len({item.sku for item in ITEMS}) == len({item.barcode for item in ITEMS}) == len(ITEMS)
    assert [location.number for location in LOCATIONS] == [1, 2, 3]


def test_barcodes_carry_their_check_digit() -> None:
    for item in ITEMS:
        digits = [int(digit) for digit in item.barcode]
        assert len(digits) == 13
        assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_some_items_lie_at_one_place_only() -> None:
    assert len(only_at(VIEUX_PORT)) == len(only_at(DEPOT)) == 3
    assert all(STOCK[item.sku, location.code] >= 0 for item in ITEMS for location in LOCATIONS)


def test_every_platform_has_credentials() -> None:
    assert set(CREDENTIALS) == set(PLATFORMS)
