"""Shops kept for some seconds: found once for all who ask together, and never made up."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from connector.platform import Platform, Shop
from tests.webhooks.toy import TOY
from webhooks.directory import Directory, Known

_KNOWN = Known(Shop(1, "k", "toy", "Toy", "toy", "https://toy.example", {}))


def test_all_who_ask_together_wait_for_one_look() -> None:
    looks: list[str] = []
    barrier = threading.Barrier(8)

    def load(platform: Platform, name: str) -> Known | None:
        looks.append(name)
        time.sleep(0.05)
        return _KNOWN

    directory = Directory(load)

    def ask(_: int) -> Known | None:
        barrier.wait()
        return directory.find(TOY, "one")

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [_KNOWN] * 8
    assert looks == ["one"]
    directory.find(TOY, "one", fresh=True)
    assert looks == ["one", "one"]


def test_what_does_not_exist_is_looked_for_each_time() -> None:
    looks: list[str] = []
    directory = Directory(lambda platform, name: looks.append(name))
    assert [directory.find(TOY, "none") for _ in range(3)] == [None] * 3
    assert looks == ["none"] * 3


def test_a_shop_is_looked_for_again_after_its_time() -> None:
    looks: list[str] = []
    directory = Directory(lambda platform, name: looks.append(name) or _KNOWN, keep_seconds=0.0)
    assert [directory.find(TOY, "one") for _ in range(2)] == [_KNOWN] * 2
    assert len(looks) == 2
