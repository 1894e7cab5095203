"""Refunds and totals as WooCommerce tells them: what was refunded before and after the goods left."""

from __future__ import annotations

import pytest

from connector.domain.orders import Lifecycle, Return, total_difference_minor
from connector.platform import Shop
from tests.platforms.woocommerce.test_normalize import LINE, normal

SHOP = Shop(1, "key", "woocommerce", "W", "https://w.example", "https://w.example", {})
RESTOCKED = {"key": "_restock_refunded_items", "value": "1"}


def refund(units: int, at: str) -> dict[str, object]:
    line = {"id": 90, "quantity": -units, "total": "-10.00", "meta_data": [{"key": "_refunded_item_id", "value": "1"}]}
    return {"id": 9, "date_created_gmt": at, "line_items": [line]}


def test_refunded_before_it_left_is_not_wanted() -> None:
    order = normal(SHOP, objects=(refund(1, "2026-11-22T22:00:00"),), line_items=[{**LINE, "meta_data": [RESTOCKED]}])
    assert (order.lines[0].quantity, order.lines[0].refunded) == (1, 1)
    assert order.returns == (Return("1", 1, left=False),)


@pytest.mark.parametrize("status", ["completed", "refunded", "trash"])
def test_refunded_after_it_left_stays_handed_over_and_comes_back(status: str) -> None:
    order = normal(
        SHOP,
        objects=(refund(1, "2026-11-24T10:00:00"),),
        status=status,
        date_completed_gmt="2026-11-23T10:00:00",
        line_items=[{**LINE, "meta_data": [RESTOCKED]}],
    )
    assert order.lifecycle is Lifecycle.COMPLETED
    assert (order.lines[0].quantity, order.lines[0].fulfilled, order.lines[0].refunded) == (2, 2, 1)
    assert order.returns == (Return("1", 1, left=True),)


def test_a_refund_without_restock_returns_nothing() -> None:
    order = normal(
        SHOP, objects=(refund(1, "2026-11-24T10:00:00"),), status="completed", date_completed_gmt="2026-11-23T10:00:00"
    )
    assert order.returns == ()


def test_a_total_is_compared_with_its_rows() -> None:
    shipping = [{"method_id": "flat_rate", "total": "4.90", "total_tax": "0.00"}]
    fees = [{"total": "-1.00", "total_tax": "0.00"}]
    right = normal(SHOP, total="27.90", line_items=[LINE], shipping_lines=shipping, fee_lines=fees)
    assert total_difference_minor(right) == 0
    assert total_difference_minor(normal(SHOP, total="30.00", line_items=[LINE], shipping_lines=shipping, fee_lines=fees)) == 210
