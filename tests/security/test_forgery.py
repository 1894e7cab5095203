"""Forged and replayed deliveries: none of ten thousand is accepted, a thousand repeats have one effect, no clock tells."""

from __future__ import annotations

import ast
import base64
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from connector.db import tables
from connector.platform import Delivery, Shop
from platforms import registry
from platforms.http import Http
from tests.security.conftest import SECRET, SPEECHES, House, base64_hmac
from tests.security.odd_shops import Line, Sold
from webhooks.directory import Directory, Known
from webhooks.receive import Answer, Door, receive

_FORGERIES = 10_000
_REPEATS = 1_000
_TRIES = 20_000
_CLOSE = 0.05
_ROOT = Path(__file__).parents[2]
_BODY = b'{"id": 5, "scope": "store/order/created", "data": {"type": "order", "id": 5}}'
_PLATFORMS = registry.platforms(Http())


def _door(platform: str, keep: Callable[..., Any]) -> Door:
    """The receiver of one shop, without a database."""
    speech = SPEECHES[platform]
    shop = Shop(1, "odd", platform, "Odd", speech.external_id, "https://odd.example", dict(speech.credentials))
    names = {"odd", speech.external_id}
    directory = Directory(lambda asked, name: Known(shop) if asked.name == platform and name in names else None)
    return Door(_PLATFORMS, directory, keep, keep, lambda wake: None, lambda: None)  # type: ignore[arg-type, return-value]


def _ask(door: Door, platform: str, headers: dict[str, bytes], body: bytes, key: str = "odd") -> Answer:
    lowered = {name.lower(): value.decode("latin-1") for name, value in headers.items()}
    path = f"/webhooks/{platform}" if _PLATFORMS[platform].shared_address else f"/webhooks/{platform}/{key}"
    return receive(door, "POST", path, lowered, lambda: body)


def _never(*_: object) -> Any:
    raise AssertionError("a forged delivery was about to be stored")


def _forged(rnd: random.Random, platform: str) -> Iterator[tuple[dict[str, bytes], bytes]]:
    """Headers and bodies that are nearly right: each kind of forgery in turn."""
    speech = SPEECHES[platform]
    name = speech.signature
    while True:
        body = _BODY + str(rnd.random()).encode()
        good = speech.sign(body, rnd.randrange(10**6))
        right = good[name]
        at = rnd.randrange(len(right) - 5)
        yield {**good, name: base64.b64encode(rnd.randbytes(32))}, body
        yield {**good, name: right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :]}, body
        yield {**good, name: right[: at + 3]}, body
        yield {**good, name: right.swapcase()}, body
        yield {**good, name: base64_hmac(body, rnd.choice(["", "decoy", SECRET + " ", SECRET[:-1]]))}, body
        yield {**good, name: right + b"," + right}, body
        yield {**good, name: b""}, body
        yield {other: value for other, value in good.items() if other != name}, body
        yield {**good, name: b"sha256=" + right}, body
        yield good, body[: rnd.randrange(len(body))]
        yield good, body + b" "
        yield good, body.replace(b"5", b"6", 1)
        yield {**good, name: base64_hmac(b"")}, body
        yield {**good, name: rnd.randbytes(44)}, body


@pytest.mark.parametrize("platform", SPEECHES)
def test_no_forgery_is_accepted(platform: str) -> None:
    door, rnd = _door(platform, _never), random.Random(5)
    forged = _forged(rnd, platform)
    answers = [_ask(door, platform, *next(forged)).status for _ in range(_FORGERIES)]
    assert set(answers) == {401}


@pytest.mark.parametrize("platform", SPEECHES)
def test_the_same_unforged_is_accepted(platform: str) -> None:
    kept: list[Delivery] = []
    door = _door(platform, lambda shop, delivery, body, now: kept.append(delivery))
    assert _ask(door, platform, SPEECHES[platform].sign(_BODY, 1), _BODY).status == 200
    assert [delivery.order_id for delivery in kept] == [SPEECHES[platform].order_id.format(5)]


def test_a_thousand_replays_have_one_effect(house: House) -> None:
    sent = {platform: house.delivery(platform, next(house.numbers), Sold(lines=(Line(quantity=3),))) for platform in SPEECHES}
    for platform, delivery in sent.items():
        for _ in range(_REPEATS // len(sent) + 1):
            assert house.send(delivery) == 200
        house.take_in(platform)
    env = house.environment
    with env.engine.connect() as conn:
        committed = conn.execute(select(func.sum(tables.levels.c.committed))).scalar()
        orders = conn.execute(select(func.count()).select_from(tables.orders)).scalar()
        repeats = conn.execute(select(func.sum(tables.inbox.c.repeats))).scalar()
    assert (orders, committed, repeats) == (3, 9, 3 * (_REPEATS // 3))


# --- timing ----------------------------------------------------------------------------------------------------------


def _means(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Mean times of both, tried in turn; what the machine did meanwhile (the slowest hundredth of each) is left out."""
    times: tuple[list[int], list[int]] = ([], [])
    for number in range(_TRIES):
        for which in ((0, 1), (1, 0))[number % 2]:
            began = time.thread_time_ns()
            (first, second)[which]()
            times[which].append(time.thread_time_ns() - began)
    trimmed = [sorted(some)[: -len(some) // 100] for some in times]
    return statistics.mean(trimmed[0]), statistics.mean(trimmed[1])


def _alike(first: Callable[[], object], second: Callable[[], object]) -> bool:
    """Whether their means are within the bound, in the best of three rounds: a busy machine errs, a leak does not go away."""
    for _ in range(3):
        one, other = _means(first, second)
        if abs(one - other) <= _CLOSE * max(one, other):
            return True
    return False


@pytest.mark.long
@pytest.mark.parametrize("platform", SPEECHES)
def test_the_time_does_not_tell_how_much_of_a_signature_is_right(platform: str) -> None:
    speech, door = SPEECHES[platform], _door(platform, _never)
    good = speech.sign(_BODY, 1)
    early = {**good, speech.signature: b"!" + good[speech.signature][1:]}
    late = {**good, speech.signature: good[speech.signature][:-2] + b"!="}
    assert _alike(lambda: _ask(door, platform, early, _BODY), lambda: _ask(door, platform, late, _BODY))


@pytest.mark.long
@pytest.mark.parametrize("platform", SPEECHES)
def test_an_unknown_shop_takes_as_long_as_a_known_one(platform: str) -> None:
    speech = SPEECHES[platform]
    shop = Shop(1, "odd", platform, "Odd", speech.external_id, "https://odd.example", dict(speech.credentials))
    genuine = _PLATFORMS[platform].genuine
    decoy = Shop(0, "", platform, "", "", "", dict.fromkeys((*_PLATFORMS[platform].credentials, "webhook_secret"), "decoy"))
    wrong = {name.lower(): value.decode("latin-1") for name, value in speech.sign(_BODY, 1).items()}
    wrong[speech.signature.lower()] = "A" * 43 + "="
    if platform == "bigcommerce":  # its own header is looked at first, and is as unknown for both
        wrong["x-connector-secret"] = "none"
    assert _alike(lambda: genuine(shop, wrong, _BODY), lambda: genuine(decoy, wrong, _BODY))


@pytest.mark.long
def test_the_measure_sees_a_comparison_that_stops_early() -> None:
    secret = "a" * 2_000

    def leaking(given: str) -> bool:
        return all(left == right for left, right in zip(secret, given, strict=False))

    assert not _alike(lambda: leaking("b" + secret), lambda: leaking(secret))


_SECRET_NAMES = re.compile(r"secret|signature|hmac|password|token|api_key")
_ROOMS = ("connector", "platforms", "webhooks", "desk", "jobs", "config")
# Both sides are ours or come from the platform's API: nobody can try values.
_KNOWN_TO_US = {
    ("connector/flow/tokens.py", 'stored.get("token") != shop.credentials.get("token")'),
    ("platforms/bigcommerce/store.py", '_headers(here).get(SECRET_HEADER) == shop.credentials.get("webhook_secret")'),
    ("platforms/bigcommerce/store.py", "_headers(ours).get(SECRET_HEADER) != secret"),
}


def _compared_secrets(source: str) -> Iterator[str]:
    """Comparisons by == or != of something named like a secret: not with a literal or a constant, not a query's column."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            fixed = any(side.isupper() or ".c." in side or side[0] in "'\"0123456789" for side in sides)
            if not fixed and any(_SECRET_NAMES.search(side.lower()) for side in sides):
                yield ast.unparse(node).replace("'", '"')


def test_no_secret_is_compared_by_equality() -> None:
    files = [path for room in _ROOMS for path in (_ROOT / room).rglob("*.py")]
    found = {(str(path.relative_to(_ROOT)), one) for path in files for one in _compared_secrets(path.read_text())}
    assert found == _KNOWN_TO_US
    assert list(_compared_secrets("if given_signature == wanted: pass"))
