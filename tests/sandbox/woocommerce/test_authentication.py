"""Who may ask the sandbox's WooCommerce shop, as the real one was seen to decide."""

from __future__ import annotations

import base64

import pytest
import requests
from woocommerce.oauth import OAuth

from sandbox.woocommerce.auth import READ_KEY
from tests.platforms.woocommerce.world import World
from tests.sandbox.woocommerce.calls import OWN, call, error

REFUSED, UNKNOWN = "woocommerce_rest_authentication_error", "woocommerce_rest_cannot_view"


def test_a_signature_is_accepted_and_a_wrong_one_refused(world: World) -> None:
    assert call(world, "GET", "orders").status_code == 200
    assert error(call(world, "GET", "orders", key={"key": OWN["key"], "secret": "cs_wrong"})) == (401, REFUSED)
    assert error(call(world, "GET", "orders", key={"key": "ck_wrong", "secret": OWN["secret"]})) == (401, REFUSED)
    signed = OAuth(f"{world.api}/orders?page=1", OWN["key"], OWN["secret"], version="wc/v3", method="GET").get_oauth_url()
    assert error(requests.get(signed.replace("page=1", "page=2"), timeout=5)) == (401, REFUSED)
    assert error(requests.post(signed, json={}, timeout=5)) == (401, REFUSED)
    assert requests.get(signed, timeout=5).status_code == 200
    assert "nonce" in requests.get(signed, timeout=5).json()["message"]


def test_an_old_signature_is_refused(world: World) -> None:
    old = OAuth(f"{world.api}/orders", OWN["key"], OWN["secret"], version="wc/v3", method="GET", oauth_timestamp=1_000_000_000)
    answer = requests.get(old.get_oauth_url(), timeout=5)
    assert error(answer) == (401, REFUSED)
    assert "timestamp" in answer.json()["message"]


def test_over_http_basic_is_as_good_as_nothing(world: World) -> None:
    assert error(requests.get(f"{world.api}/orders", auth=(OWN["key"], OWN["secret"]), timeout=5)) == (401, UNKNOWN)
    assert error(requests.get(f"{world.api}/orders", timeout=5)) == (401, UNKNOWN)


@pytest.mark.parametrize(
    ("key", "secret", "method", "expected"),
    [
        (OWN["key"], OWN["secret"], "GET", (200, "")),
        ("ck_unknown", OWN["secret"], "GET", (401, UNKNOWN)),
        (OWN["key"], "cs_wrong", "GET", (401, REFUSED)),
        (READ_KEY["key"], READ_KEY["secret"], "GET", (200, "")),
        (READ_KEY["key"], READ_KEY["secret"], "POST", (401, REFUSED)),
    ],
)
def test_over_https_basic_and_query(world: World, key: str, secret: str, method: str, expected: tuple[int, str]) -> None:
    client = world.app.test_client()
    token = base64.b64encode(f"{key}:{secret}".encode()).decode()
    path, base = "/woocommerce/wp-json/wc/v3/orders", "https://shop.test"
    by_header = client.open(path, method=method, base_url=base, headers={"Authorization": f"Basic {token}"})
    keys = {"consumer_key": key, "consumer_secret": secret}
    by_query = client.open(path, method=method, base_url=base, query_string=keys)
    for answer in (by_header, by_query):
        assert answer.status_code == expected[0]
        assert expected[1] in answer.get_data(as_text=True)


def test_the_index_is_open_and_unknown_routes_say_so(world: World) -> None:
    index = requests.get(f"{world.base}/woocommerce/wp-json/", timeout=5).json()
    assert "wc/v3" in index["namespaces"]
    assert error(requests.get(f"{world.base}/woocommerce/wp-json/wc/v9/x", timeout=5)) == (404, "rest_no_route")
