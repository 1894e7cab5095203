"""Refunds and totals as BigCommerce tells them."""

from __future__ import annotations

import pytest

from connector.domain.orders import Lifecycle, total_difference_minor
from tests.platforms.bigcommerce.test_normalize import LINE, normalized


@pytest.mark.parametrize(("shipped", "lifecycle"), [(3, Lifecycle.COMPLETED), (0, Lifecycle.CANCELLED)])
def test_refunded_in_full_after_everything_left_is_no_cancelling(shipped: int, lifecycle: Lifecycle) -> None:
    order = normalized(lines=[{**LINE, "quantity_refunded": 3, "quantity_shipped": shipped}], status_id=4)
    assert (order.lifecycle, order.lines[0].refunded) == (lifecycle, 3)


def test_a_total_is_compared_with_its_parts() -> None:
    assert total_difference_minor(normalized(shipping_cost_inc_tax="5.9000")) == 0
    assert total_difference_minor(normalized(shipping_cost_inc_tax="5.9000", coupon_discount="10.0000")) == 1000
