"""Calls to the sandbox's WooCommerce shop, signed as over plain HTTP."""

from __future__ import annotations

import base64
import hmac
import os
import time
from typing import Any
from urllib.parse import quote

import requests
from requests import Response

from sandbox.catalogue import CREDENTIALS
from sandbox.woocommerce.shop import Shop
from tests.platforms.woocommerce.world import Receiver, World

OWN = CREDENTIALS["woocommerce"]


def call(
    world: World, method: str, path: str, body: object = None, key: dict[str, str] = OWN, **params: str | list[str]
) -> Response:
    pairs = [(name, value) for name, values in params.items() for value in ([values] if isinstance(values, str) else values)]
    oauth = {"consumer_key": key["key"], "timestamp": str(int(time.time())), "nonce": os.urandom(8).hex()}
    pairs += [(f"oauth_{name}", value) for name, value in {**oauth, "signature_method": "HMAC-SHA256"}.items()]
    url = f"{world.api}/{path}"
    parameters = "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs))
    text = "&".join((method, quote(url, safe=""), quote(parameters, safe="")))
    signature = base64.b64encode(hmac.digest(f"{key['secret']}&".encode(), text.encode(), "sha256")).decode()
    return requests.request(method, url, params=[*pairs, ("oauth_signature", signature)], json=body, timeout=5)


def get(world: World, path: str, **params: str | list[str]) -> Any:
    answer = call(world, "GET", path, None, OWN, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make(world: World, **wanted: Any) -> dict[str, Any]:
    wanted = {"line_items": [{"product_id": 114, "quantity": 5}], "payment_method": "bacs", **wanted}
    answer = call(world, "POST", "orders", wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def put(world: World, order: dict[str, Any], **changes: Any) -> Any:
    answer = call(world, "PUT", f"orders/{order['id']}", changes)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stock(world: World, sku: str = "MUG-PHARE") -> int:
    return world.front.stock()[sku][""]


def hook(world: World, receiver: Receiver, topic: str, **wanted: Any) -> int:
    body = {"topic": topic, "delivery_url": receiver.url, "secret": "whsec", **wanted}
    answer = call(world, "POST", "webhooks", body)
    assert answer.status_code == 201
    number: int = answer.json()["id"]
    return number


def inside(world: World) -> Shop:
    """The shop with the events it raises."""
    return world.front.shop


def error(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
