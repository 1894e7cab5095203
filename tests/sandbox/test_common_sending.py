"""Webhooks over real HTTP: the platform's retry rule, the knobs, restarts, and receivers that hang."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Knobs
from sandbox.sending import Outgoing, Sender
from sandbox.store import Store
from tests.serving import Received, Receiver, serve, wait_until

Finished = list[tuple[str, int]]


@pytest.fixture
def knobs() -> Knobs:
    return Knobs()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "journal.jsonl")


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def url(receiver: Receiver) -> Iterator[str]:
    with serve(receiver) as base:
        yield base


@pytest.fixture
def make(store: Store, knobs: Knobs, url: str) -> Iterator[Callable[..., tuple[Sender, Finished]]]:
    """Make started senders to the receiver, all on the same store, as after restarts."""
    made: list[Sender] = []

    def build(entry: dict[str, Any]) -> Outgoing | None:
        if entry["name"] == "dropped":
            return None
        headers = {"X-Topic": "order", "X-Delivery": entry.get("webhook_id", "")}
        return Outgoing(entry.get("url", url), headers, entry["name"].encode())

    def start(retry_seconds: tuple[float, ...] = (), **options: Any) -> tuple[Sender, Finished]:
        sender, finished = Sender(store, knobs), []
        for platform in ("shopify", "bigcommerce"):
            sender.register(
                platform, build, retry_seconds, lambda entry, status: finished.append((entry["name"], status)), **options
            )
        sender.start()
        made.append(sender)
        return sender, finished

    yield start
    for sender in made:
        sender.stop()


@pytest.fixture
def over(receiver: Receiver) -> Iterator[threading.Event]:
    """The receiver does not answer what begins with "hangs" before this is set."""
    over = threading.Event()

    def answer(received: Received) -> int:
        if received.body.startswith(b"hangs"):
            over.wait(60)
        return 200

    receiver.answer = answer
    yield over
    over.set()


def empty(sender: Sender) -> Callable[[], bool]:
    return lambda: sender.waiting() == 0


def test_an_entry_is_built_sent_and_finished(make: Any, receiver: Receiver) -> None:
    sender, finished = make()
    sender.queue("shopify", {"name": "one"})
    sender.queue("shopify", {"name": "dropped"})
    wait_until(empty(sender))
    assert [(received.body, received.headers["x-topic"]) for received in receiver.received] == [(b"one", "order")]
    assert finished == [("one", 200)]


def test_failures_are_tried_again_by_the_platforms_rule_scaled(make: Any, receiver: Receiver, knobs: Knobs) -> None:
    knobs.set("shopify", {"retry_scale": 0.001})
    receiver.answer = lambda _: 500
    sender, finished = make((100.0, 400.0))
    sender.queue("shopify", {"name": "one"})
    wait_until(empty(sender))
    first, second, third = (received.at for received in receiver.received)
    assert second - first >= 0.1
    assert third - second >= 0.4
    assert finished == [("one", 500)] * 3


def test_a_success_ends_the_attempts(make: Any, receiver: Receiver, knobs: Knobs) -> None:
    knobs.set("shopify", {"retry_scale": 0.0})
    answers = iter([503, 302, 204])
    receiver.answer = lambda _: next(answers)
    sender, finished = make((1.0,) * 8)
    sender.queue("shopify", {"name": "one"})
    wait_until(empty(sender))
    assert [status for _, status in finished] == [503, 302, 204]


@pytest.mark.usefixtures("over")
def test_no_answer_is_status_0(make: Any) -> None:
    sender, finished = make(timeout_seconds=0.05)
    sender.queue("shopify", {"name": "hangs"})
    sender.queue("shopify", {"name": "nobody there", "url": "http://127.0.0.1:9/"})
    sender.queue("shopify", {"name": "no address", "url": "nonsense"})
    wait_until(empty(sender))
    assert sorted(finished) == [("hangs", 0), ("no address", 0), ("nobody there", 0)]


@pytest.mark.usefixtures("over")
def test_a_hanging_receiver_of_one_platform_does_not_delay_another(make: Any) -> None:
    sender, finished = make(senders=2, timeout_seconds=60)
    for number in range(20):
        sender.queue("shopify", {"name": f"hangs {number}"})
    for number in range(50):
        sender.queue("bigcommerce", {"name": f"quick {number}"})
    wait_until(lambda: len(finished) == 50)
    assert all(name.startswith("quick") for name, _ in finished)
    assert sender.waiting() == 20


def test_the_queue_survives_a_restart(make: Any, receiver: Receiver, store: Store) -> None:
    sender, _ = make()
    sender.stop()
    sender.queue("shopify", {"name": "while stopped"})
    sender.queue("shopify", {"name": "later"}, delay_seconds=0.3)
    assert receiver.received == []
    assert sender.waiting() == 2
    again, _ = make()
    wait_until(empty(again))
    assert receiver.bodies() == ["while stopped", "later"]


def test_a_retry_survives_a_restart_with_its_count(make: Any, receiver: Receiver, knobs: Knobs) -> None:
    knobs.set("shopify", {"retry_scale": 0.01})
    receiver.answer = lambda _: 500
    sender, first = make((60.0,))
    sender.queue("shopify", {"name": "one"})
    wait_until(lambda: len(first) == 1)
    sender.stop()
    again, second = make((60.0,))
    wait_until(empty(again))
    assert len(receiver.received) == 2
    assert len(second) == 1


def test_stopping_does_not_wait_for_a_receiver_that_hangs(make: Any, receiver: Receiver, over: threading.Event) -> None:
    sender, finished = make(timeout_seconds=60)
    sender.queue("shopify", {"name": "hangs"})
    receiver.wait_for(1)
    sender.stop()
    assert not over.is_set()
    over.set()
    wait_until(lambda: not any(thread.name.startswith("send-") for thread in threading.enumerate()))
    assert finished == []
    assert sender.waiting() == 1


def test_duplicates_are_the_same_request_again(make: Any, receiver: Receiver, knobs: Knobs) -> None:
    knobs.set("shopify", {"webhook_duplicate": 1})
    sender, _ = make()
    sender.queue("shopify", {"name": "one"})
    wait_until(empty(sender))
    assert receiver.bodies() == ["one", "one"]


def test_a_renamed_one_is_the_same_message_under_another_delivery_id(make: Any, receiver: Receiver, knobs: Knobs) -> None:
    knobs.set("shopify", {"webhook_renamed": 1})
    sender, _ = make()
    sender.queue("shopify", {"name": "one", "webhook_id": "first"})
    wait_until(empty(sender))
    assert receiver.bodies() == ["one", "one"]
    names = [received.headers["x-delivery"] for received in receiver.received]
    assert "first" in names
    assert len(set(names)) == 2


def test_a_held_back_webhook_is_overtaken(make: Any, receiver: Receiver, knobs: Knobs) -> None:
    sender, _ = make(senders=1)
    knobs.set("shopify", {"webhook_reorder": 1})
    sender.queue("shopify", {"name": "first"})
    knobs.set("shopify", {"webhook_reorder": 0})
    sender.queue("shopify", {"name": "second"})
    wait_until(empty(sender))
    assert receiver.bodies() == ["second", "first"]


def test_dropped_webhooks_are_never_sent_and_others_are_delayed(make: Any, receiver: Receiver, knobs: Knobs) -> None:
    sender, _ = make()
    knobs.set("shopify", {"webhook_drop": 1})
    sender.queue("shopify", {"name": "never"})
    assert sender.waiting() == 0
    knobs.set("bigcommerce", {"webhook_delay_seconds": 0.3})
    sender.queue("bigcommerce", {"name": "slow"})
    knobs.set("bigcommerce", {"webhook_delay_seconds": 0})
    sender.queue("bigcommerce", {"name": "quick"})
    wait_until(empty(sender))
    assert receiver.bodies() == ["quick", "slow"]


def test_a_fault_in_a_platforms_code_does_not_end_its_sender(make: Any, receiver: Receiver, caplog: Any) -> None:
    sender, _ = make(senders=1)
    sender.queue("shopify", {"no name": True})
    sender.queue("shopify", {"name": "next"})
    wait_until(empty(sender))
    assert receiver.bodies() == ["next"]
    assert "KeyError" in caplog.text


@pytest.mark.usefixtures("over")
def test_waiting_entries_are_each_sent_while_another_hangs(make: Any) -> None:
    """A sender that takes the entry all others wait for must leave somebody waiting for the next."""
    sender, finished = make(senders=2, timeout_seconds=60)
    sender.queue("shopify", {"name": "hangs"}, delay_seconds=0.05)
    sender.queue("shopify", {"name": "next"}, delay_seconds=0.2)
    wait_until(lambda: bool(finished))
    assert finished == [("next", 200)]


def test_many_entries_from_many_threads_all_arrive(make: Any, receiver: Receiver) -> None:
    sender, _ = make()
    numbers = itertools.count()

    def add() -> None:
        for _ in range(25):
            sender.queue("shopify", {"name": str(next(numbers))})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(empty(sender))
    assert sorted(receiver.bodies(), key=int) == [str(number) for number in range(100)]
