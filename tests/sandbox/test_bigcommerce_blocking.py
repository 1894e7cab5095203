"""BigCommerce stops calling a domain that answers badly, and comes back to it: nothing is lost, and others are not held up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.bigcommerce.hooks import Hooks
from sandbox.faults import Knobs
from sandbox.sending import Sender
from sandbox.store import Store
from tests.serving import Received, Receiver, serve, wait_until

SCOPE = "store/order/*"


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Hooks]:
    """The store's webhooks, its waits a thousandth as long: a domain is blocked for 0.18 s."""
    store, knobs = Store(tmp_path / "journal"), Knobs()
    knobs.set("bigcommerce", {"retry_scale": 0.001})
    sender = Sender(store, knobs)
    made = Hooks(store, sender)
    sender.start()
    yield made
    knobs.stopping.set()
    sender.stop()
    store.close()


def _register(hooks: Hooks, url: str) -> None:
    hooks.put({"scope": SCOPE, "destination": url})


def _emit(hooks: Hooks, count: int) -> None:
    for number in range(count):
        hooks.emit("store/order/created", {"type": "order", "id": number})


def test_a_domain_that_fails_is_not_called_for_a_while_and_gets_everything_after_it(hooks: Hooks) -> None:
    answers, delivered, blocked = [500], set(), []

    def answer(one: Received) -> int:
        if answers[0] == 200:
            delivered.add(one.headers["webhook-id"])
        return answers[0]

    def is_blocked() -> bool:
        blocked.append(hooks.blocked_seconds(domain))
        return blocked[-1] > 0

    with serve(Receiver(answer)) as url:
        domain = urlsplit(url).netloc
        _register(hooks, f"{url}/hooks")
        _emit(hooks, 40)
        wait_until(is_blocked)
        answers[0] = 200
        wait_until(lambda: len(delivered) == 40)
    assert blocked[-1] <= 0.18
    assert all(hook["is_active"] for hook in hooks.all())


def test_fewer_than_a_hundred_calls_block_nobody(hooks: Hooks) -> None:
    for _ in range(99):
        hooks._watch("bad.example", well=False)
    assert hooks.blocked_seconds("bad.example") == 0
    hooks._watch("bad.example", well=False)
    assert hooks.blocked_seconds("bad.example") > 0
    assert hooks.blocked_seconds("good.example") == 0


@pytest.mark.parametrize(("well", "blocked"), [(90, False), (89, True)])
def test_nine_of_ten_are_enough(hooks: Hooks, well: int, blocked: bool) -> None:
    for number in range(100):
        hooks._watch("shaky.example", well=number >= 100 - well)
    assert (hooks.blocked_seconds("shaky.example") > 0) is blocked


def test_another_domain_is_called_meanwhile(hooks: Hooks) -> None:
    good = Receiver()
    with serve(good) as url:
        _register(hooks, f"{url}/hooks")
        for _ in range(100):
            hooks._watch("bad.example", well=False)
        _emit(hooks, 1)
        good.wait_for(1)
