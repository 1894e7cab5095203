"""Which item a shop's variant is, and what is said where that is unclear."""

from __future__ import annotations

from typing import Any

import pytest

from connector.domain.linking import WORDS, Match, Problem, Variant, canonical, match
from connector.domain.publishing import shown
from connector.domain.staff import Role, may


def variant(number: str, **fields: Any) -> Variant:
    return Variant(number, fields.pop("unit_id", f"u{number}"), **fields)


def found(*variants: Variant, **known: Any) -> list[tuple[int | None, str, str]]:
    matches = match(variants, known.get("skus", {}), known.get("codes", ()), known.get("hand", {}))
    assert [one.variant for one in matches] == list(variants)
    return [(one.item_id, one.by, one.problem) for one in matches]


def test_by_hand_before_sku_before_barcode() -> None:
    a, b, c = variant("1", sku="A", barcode="111"), variant("2", sku="B"), variant("3", sku="?", barcode="4-4 4")
    assert found(a, b, c, skus={"A": 1, "B": 2}, codes=[("111", 1), ("444", 4)], hand={"2": 9}) == [
        (1, "sku", ""), (9, "hand", ""), (4, "barcode", "")
    ]  # fmt: skip


def test_what_is_unclear_is_linked_to_nothing_and_said() -> None:
    twice = [variant("1", sku="A"), variant("2", sku="A")]
    assert found(*twice, skus={"A": 1}) == [(None, "", Problem.DUPLICATE_SKU)] * 2
    assert found(*twice, skus={"A": 1}, hand={"1": 5}) == [(5, "hand", ""), (None, "", Problem.DUPLICATE_SKU)]
    assert found(variant("1", barcode="7"), codes=[("7", 1), ("7", 2)]) == [(None, "", Problem.AMBIGUOUS_BARCODE)]
    same = [variant("1", barcode="7"), variant("2", barcode="7", sku="x")]
    assert found(*same, codes=[("7", 1)]) == [(None, "", Problem.AMBIGUOUS_BARCODE)] * 2
    assert found(variant("1", sku="A")) == [(None, "", Problem.UNKNOWN)]
    assert found(variant("1", barcode="5")) == [(None, "", Problem.UNKNOWN)]
    assert found(variant("1", barcode=" - "), codes=[("", 3)]) == [(None, "", Problem.NO_CODE)]


def test_a_sku_is_believed_and_a_barcode_that_speaks_against_it_named() -> None:
    sold = variant("1", sku="A", barcode="7")
    assert found(sold, skus={"A": 1}, codes=[("7", 2)]) == [(1, "sku", Problem.CONTRADICTION)]
    assert found(sold, skus={"A": 1}, codes=[("7", 2), ("7", 1)]) == [(1, "sku", "")]
    assert found(sold, skus={"A": 1}, codes=[("8", 2)]) == [(1, "sku", "")]


def test_a_quantity_shared_with_other_items_or_not_kept_at_all_is_a_problem() -> None:
    shared = [variant("1", sku="A", unit_id="u"), variant("2", sku="B", unit_id="u"), variant("3", sku="C")]
    skus = {"A": 1, "B": 2, "C": 3}
    assert found(*shared, skus=skus) == [(1, "sku", Problem.SHARED_STOCK), (2, "sku", Problem.SHARED_STOCK), (3, "sku", "")]
    assert found(*shared[:2], skus={"A": 1}) == [(1, "sku", Problem.SHARED_STOCK), (None, "", Problem.UNKNOWN)]
    assert found(*shared[:2], hand={"1": 1, "2": 1}) == [(1, "hand", ""), (1, "hand", "")]
    assert found(variant("1", sku="A", tracked=False), skus=skus) == [(1, "sku", Problem.UNTRACKED)]
    against = variant("1", sku="A", barcode="7", tracked=False)
    assert found(against, skus=skus, codes=[("7", 2)]) == [(1, "sku", Problem.CONTRADICTION)]


def test_a_match_says_nothing_by_itself() -> None:
    assert Match(variant("1"), None) == Match(variant("1"), None, "", "")


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("2-07-036002-4", "9782070360024"), ("207036024X", "207036024X"), ("0-8044-2957-X", "9780804429573"),
        ("080442957x", "9780804429573"), ("036000291452", "0036000291452"), (" 4006381 333931", "4006381333931"),
        ("03600029145a", "03600029145A"), ("", ""), ("--", ""), ("abc", "ABC"), ("X080442957", "X080442957"),
        ("0306406152", "9780306406157"), ("0306406153", "0306406153"), ("12345678901", "12345678901"),
    ],
)  # fmt: skip
def test_barcodes_have_one_spelling(written: str, one: str) -> None:
    assert canonical(written) == one


def test_every_problem_is_said_with_what_to_do() -> None:
    assert set(WORDS) == set(Problem)
    assert all(what.endswith(".") and remedy.endswith(".") for what, remedy in WORDS.values())


def test_what_a_shop_shows_is_what_its_places_have_less_the_buffer() -> None:
    available = {(1, 10): 5, (1, 11): -2, (2, 10): 9}
    assert shown(available, 1, [10], 0) == 5
    assert shown(available, 1, [10, 11, 12], 1) == 2
    assert shown(available, 1, [11], 0) == 0
    assert shown(available, 1, [10], 6) == 0


def test_each_role_may_do_what_the_one_before_it_may() -> None:
    allowed = {(role, least) for role in Role for least in Role if may(role, least)}
    order = [Role.VIEWER, Role.PICKER, Role.OPERATOR, Role.OWNER]
    assert allowed == {(role, least) for at, role in enumerate(order) for least in order[: at + 1]}
