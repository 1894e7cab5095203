from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.platform import Shop
from tests.platforms.woocommerce.world import Receiver, World, opened, receiving


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The sandbox shop, running and linked."""
    with opened(tmp_path) as world:
        yield world


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where the shop's webhooks go."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def shop() -> Shop:
    """A linked shop for tests that call nothing; its secret is that of the recorded requests."""
    credentials = {"key": "ck_1", "secret": "cs_1", "webhook_secret": "whsec_local"}
    return Shop(1, "shop-key", "woocommerce", "Mugs", "https://shop.test", "https://shop.test", credentials)


@pytest.fixture
def recorded(shared: Path) -> Path:
    """The requests recorded from a running WooCommerce."""
    directory = shared / "contracts/woocommerce"
    if not directory.is_dir():
        pytest.skip(f"{directory} is absent")
    return directory
