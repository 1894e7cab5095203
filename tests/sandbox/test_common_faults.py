"""Each knob does what it says, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
import requests
from flask import Response

from connector.domain.errors import Malformed
from sandbox.faults import CALL_FAULTS, KNOBS, Knobs, guard
from sandbox.store import Store
from tests.serving import serve


class Shop:
    """An API of one call that counts how often it was carried out."""

    def __init__(self) -> None:
        self.knobs = Knobs()
        self.applied = 0

    def app(self) -> flask.Flask:
        app, blueprint = flask.Flask("shop"), flask.Blueprint("api", __name__, url_prefix="/shopify")
        guard(
            blueprint,
            "shopify",
            self.knobs,
            throttled=lambda: Response("slow down", 429, {"Retry-After": "2.0"}),
            broken=lambda: Response("<html>broken</html>", 500),
        )

        @blueprint.post("/write")
        def write() -> str:
            self.applied += 1
            return "written"

        app.register_blueprint(blueprint)
        app.add_url_rule("/elsewhere", view_func=lambda: "untouched")
        return app


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with serve(shop.app()) as base:
        yield base


def write(url: str) -> requests.Response:
    return requests.post(f"{url}/shopify/write", timeout=30)


def test_without_faults_the_call_is_answered(shop: Shop, url: str) -> None:
    assert (write(url).text, shop.applied) == ("written", 1)


@pytest.mark.parametrize(
    ("knob", "status", "applied"), [("server_error", 500, 0), ("throttle", 429, 0), ("applied_then_error", 500, 1)]
)
def test_faults_answer_in_the_platforms_own_words(shop: Shop, url: str, knob: str, status: int, applied: int) -> None:
    shop.knobs.set("shopify", {knob: 1})
    answer = write(url)
    assert (answer.status_code, shop.applied) == (status, applied)
    assert answer.text != "written"
    assert requests.get(f"{url}/elsewhere", timeout=30).text == "untouched"


def test_a_hanging_call_is_applied_and_answered_late(shop: Shop, url: str) -> None:
    shop.knobs.set("shopify", {"hang": 1, "hang_seconds": 0.5})
    start = time.monotonic()
    assert (write(url).text, shop.applied) == ("written", 1)
    assert time.monotonic() - start >= 0.5


def test_a_hanging_call_outlasts_a_client_and_ends_when_the_sandbox_stops(shop: Shop, url: str) -> None:
    shop.knobs.set("shopify", {"hang": 1, "hang_seconds": 60})
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{url}/shopify/write", timeout=0.3)
    assert shop.applied == 1
    shop.knobs.stopping.set()
    assert write(url).text == "written"


def test_each_fault_takes_its_share_of_the_calls() -> None:
    knobs = Knobs()
    knobs.set("shopify", dict.fromkeys(CALL_FAULTS, 0.2))
    faults = [knobs.call_fault("shopify") for _ in range(5000)]
    assert {name: round(faults.count(name) / 5000, 1) for name in ("", *CALL_FAULTS)} == dict.fromkeys(("", *CALL_FAULTS), 0.2)
    assert {knobs.call_fault("bigcommerce") for _ in range(100)} == {""}


def test_the_seed_repeats_the_same_faults() -> None:
    knobs, runs = Knobs(), []
    for _ in range(2):
        knobs.set("woocommerce", {"server_error": 0.5, "seed": 7})
        runs.append([knobs.call_fault("woocommerce") for _ in range(50)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {"", "server_error"}


@pytest.mark.parametrize(
    ("wanted", "remedy"),
    [
        ({"sever_error": 0.1}, "The knobs are server_error"),
        ({"server_error": 1.5}, "from 0 to 1"),
        ({"server_error": -0.1}, "from 0 to 1"),
        ({"hang_seconds": "long"}, "from 0 to 120"),
        ({"throttle": True}, "from 0 to 1"),
        ({"throttle": float("nan")}, "from 0 to 1"),
        ({"throttle": None}, "from 0 to 1"),
        ({"server_error": 0.6, "throttle": 0.6}, "lower one"),
    ],
)
def test_impossible_values_turn_nothing(wanted: dict[str, object], remedy: str) -> None:
    knobs = Knobs()
    with pytest.raises(Malformed, match=remedy):
        knobs.set("shopify", {"webhook_drop": 1, **wanted})
    assert knobs.get("shopify") == {name: knob.value for name, knob in KNOBS.items()}


def test_knobs_last_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Knobs(Store(path)).set("shopify", {"throttle": 0.25})
    assert Knobs(Store(path)).get("shopify")["throttle"] == 0.25
    assert Knobs(Store(path)).get("woocommerce")["throttle"] == 0
