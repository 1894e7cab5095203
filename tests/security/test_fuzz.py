"""Mutated deliveries through verify, parse and normalize of each platform: an answer or one of our own errors, never a crash.

Seeds are well-formed deliveries of the three platforms, and the recorded ones where they are at hand. Each input is a few
random changes of a seed: bytes flipped, cut, doubled and spliced, or values of the JSON replaced by odd ones. Each
input has a seed of its own; a failing one is printed with its number, so that it can be kept.
"""

from __future__ import annotations

import copy
import gc
import json
import os
import random
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connector.domain.errors import ConnectorError
from connector.domain.orders import Order, digest, possible
from connector.flow.intake import presentable
from connector.platform import Delivery, Platform, Shop
from platforms import registry
from platforms.bigcommerce.normalize import Remote, order_of
from platforms.http import Http
from platforms.shopify.normalize import to_order
from platforms.shopify.pieces import promised_form
from platforms.woocommerce.normalize import order_from
from tests.security import odd_shops
from tests.security.bad_inputs import LARGEST, TABLE
from tests.security.conftest import SPEECHES

_SEED = 5
_FEW, _MANY = 2_000, 200_000
_LONGEST_SEED = 6_000
# Of the thread's own time at 1 MiB. Bodies made of nothing but brackets become hundreds of thousands of objects.
_SLOWEST_SECONDS, _SLOWEST_CRAFTED_SECONDS = 0.05, 0.5
_CRAFTED = ("many empty lists", "many keys", "many lines")
_PLATFORMS = registry.platforms(Http())
_SHARED = Path(os.environ.get("SHARED_DIR") or Path(__file__).parents[2] / "../shared") / "contracts"
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, -(10**30), float("inf"), float("nan"), "", " ", "0", "-0.00", "1,00", "1e400"),
    *("\x00", "\ud800", "é" * 1000, "<script>", "2026-02-30T00:00:00", "0001-01-01T00:00:00+14:00", "gid://shopify/Order/1"),
    *([], {}, [[]], [None], {"": None}, [1] * 100, {"id": {"id": 1}}),
)


@cache
def _documents() -> tuple[tuple[str, Any], ...]:
    """(platform, document) of orders in each platform's words, as the table of bad inputs has them."""
    makers = {"shopify": odd_shops.shopify, "woocommerce": odd_shops.woocommerce, "bigcommerce": odd_shops.bigcommerce}
    made = [(name, make(5, row.sold)) for row in TABLE for name, make in makers.items()]
    return tuple((name, document) for name, document in made if len(json.dumps(document)) < _LONGEST_SEED)


@cache
def _bodies() -> tuple[bytes, ...]:
    recorded = [path.read_bytes() for path in sorted(_SHARED.glob("woocommerce/*.body"))] if _SHARED.is_dir() else []
    samples = (
        [path.read_bytes() for path in sorted(_SHARED.glob("bigcommerce/webhook-samples/*.json"))] if _SHARED.is_dir() else []
    )
    own = [json.dumps(document).encode() for _, document in _documents()[:60]]
    pointers = [json.dumps(SPEECHES[name].body(5, odd_shops.Sold())).encode() for name in SPEECHES]
    return (*recorded, *samples, *own, *pointers, b"webhook_id=12", b"")


def _bytes(rnd: random.Random) -> bytes:
    """A body with a few changes of its bytes."""
    body = bytearray(rnd.choice(_bodies()))
    for _ in range(rnd.randrange(1, 6)):
        at, end = sorted(rnd.randrange(len(body) + 1) for _ in range(2))
        change = rnd.randrange(6)
        if change == 0 and body:
            body[rnd.randrange(len(body))] ^= 1 << rnd.randrange(8)
        elif change == 1:
            del body[at : min(end, at + 40)]
        elif change == 2:
            body[at:at] = rnd.randbytes(rnd.randrange(8))
        elif change == 3:
            body[at:at] = body[at : min(end, at + 200)]
        elif change == 4:
            body[at:at] = rnd.choice(
                (b"\x00", b'"', b"{", b"[", b"\\u0000", b"\\ud800", b"1e999", b"NaN", b"-", b"\xff", b"null")
            )
        else:
            other = rnd.choice(_bodies())
            body[at:end] = other[: rnd.randrange(len(other) + 1)]
    return bytes(body[:LARGEST])


def _odd(rnd: random.Random, document: Any) -> Any:
    """The document with a few values replaced, dropped or doubled, wherever they stand."""
    changed = json.loads(json.dumps(document))
    for _ in range(rnd.randrange(1, 5)):
        holder, key = _slot(rnd, changed)
        act = rnd.randrange(4)
        if act == 0 and isinstance(holder, dict):
            del holder[key]
        elif act == 1 and isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[key])))
        else:
            holder[key] = copy.deepcopy(rnd.choice(_ODD))
    return changed


def _slot(rnd: random.Random, value: Any) -> tuple[Any, Any]:
    """Somewhere in a document: what holds the place, and its key there."""
    holder: Any = [value]
    key: Any = 0
    first = True
    while isinstance(value, dict | list) and value and (first or rnd.random() < 0.6):
        holder, key = value, rnd.choice(list(value)) if isinstance(value, dict) else rnd.randrange(len(value))
        value, first = holder[key], False
    return holder, key


def _headers(rnd: random.Random, platform: str, body: bytes) -> dict[str, str]:
    """The platform's headers, now and then one of them spoiled."""
    headers = {name.lower(): value.decode() for name, value in SPEECHES[platform].sign(body, 1).items()}
    if rnd.random() < 0.3:
        name = rnd.choice(list(headers))
        headers[name] = rnd.choice(("", "é", "\ud800", "A" * 5000, "v1,", "orders/updated", "order.deleted", headers[name] + ","))
    return headers


def _shop(platform: str) -> Shop:
    speech = SPEECHES[platform]
    return Shop(1, "odd", platform, "Odd", speech.external_id, "https://odd.example", dict(speech.credentials))


_SHOPS = {name: _shop(name) for name in SPEECHES}


def _delivered(rnd: random.Random, platform: Platform, shop: Shop, body: bytes) -> None:
    """All that the receiver and the intake do to a request, but for the database."""
    headers = _headers(rnd, platform.name, body)
    assert platform.is_ping(headers, body) in (True, False)
    assert platform.genuine(shop, headers, body) in (True, False)
    assert isinstance(platform.shop_named_by(headers), str)
    try:
        delivery = platform.parse(headers, body)
        assert isinstance(delivery, Delivery)
        assert delivery.dedup_key
        _kept(platform.normalize(shop, body))
    except ConnectorError:
        return


def _read(rnd: random.Random) -> None:
    """An order as it was read from a platform's API, and how it would be stored."""
    name, document = rnd.choice(_documents())
    odd = _odd(rnd, document)
    try:
        _kept(_TO_ORDER[name](odd))
    except ConnectorError:
        return


def _as_read_from_shopify(document: Any) -> Order:
    """The document as `reading.read_order` gives it: connections as plain lists."""
    with promised_form():
        parts = [{**part, "lineItems": part["lineItems"]["nodes"]} for part in document["fulfillmentOrders"]["nodes"]]
        lists = {"lineItems": document["lineItems"]["nodes"], "fulfillmentOrders": parts, "fulfilled": {}}
        return to_order({**document, **lists})


_TO_ORDER = {
    "shopify": _as_read_from_shopify,
    "woocommerce": lambda document: order_from(_SHOPS["woocommerce"], document if isinstance(document, dict) else {}),
    "bigcommerce": lambda document: order_of(Remote(document, tuple(odd_shops.bigcommerce_products(5, odd_shops.Sold()))), {}),
}


def _kept(order: Order | None) -> None:
    """What becomes of an order before it is written: storable texts, possible quantities, a digest."""
    if order is not None:
        kept = presentable(order)
        assert possible(kept) == kept
        assert len(digest(kept)) == 64
        json.dumps([kept.number, kept.note, kept.customer.name, [line.title for line in kept.lines]], ensure_ascii=False).encode()
        assert kept.placed_at.tzinfo is not None
        assert all(abs(amount) < 2**63 for amount in (kept.total_minor, kept.outstanding_minor))


def _run(inputs: int) -> None:
    names = list(SPEECHES)
    for number in range(inputs):
        rnd = random.Random(_SEED * 10**9 + number)
        name = names[number % len(names)]
        try:
            if number % 2:
                _read(rnd)
            else:
                body = _bytes(rnd) if rnd.random() < 0.6 else json.dumps(_odd(rnd, rnd.choice(_documents())[1])).encode()
                _delivered(rnd, _PLATFORMS[name], _SHOPS[name], body)
        except Exception as error:
            raise AssertionError(f"input {number} on {name}: {error!r}") from error


def test_a_few_thousand_mutated_inputs_crash_nothing() -> None:
    _run(_FEW)


@pytest.mark.long
def test_two_hundred_thousand_mutated_inputs_crash_nothing() -> None:
    _run(_MANY)


_HEAVY = {
    "one long text": b'{"id": 5, "note": "' + b"x" * (LARGEST - 30) + b'"}',
    "many empty lists": b'{"id": 5, "line_items": [' + b"[]," * ((LARGEST - 40) // 3) + b"1]}",
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(90_000)) + b"}",
    "escapes": b'{"id": 5, "note": "' + b"\\u00e9" * ((LARGEST - 30) // 6) + b'"}',
    "open brackets": b"[" * LARGEST,
    "many digits": b'{"id": ' + b"9" * (LARGEST - 10) + b"}",
    "many lines": b'{"id": 5, "line_items": [' + b",".join([b'{"id":1,"quantity":1}'] * 45_000) + b"]}",
}


@pytest.mark.long
@pytest.mark.parametrize("name", _HEAVY)
@pytest.mark.parametrize("platform", SPEECHES)
def test_a_body_of_one_mebibyte_is_read_within_its_time(platform: str, name: str) -> None:
    rnd, took = random.Random(_SEED), []
    gc.collect()
    gc.freeze()  # as the web process does
    for _ in range(5):
        began = time.thread_time()
        _delivered(rnd, _PLATFORMS[platform], _SHOPS[platform], _HEAVY[name])
        took.append(time.thread_time() - began)
    gc.unfreeze()
    assert min(took) <= (_SLOWEST_CRAFTED_SECONDS if name in _CRAFTED else _SLOWEST_SECONDS)
