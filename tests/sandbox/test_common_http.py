"""The control API and the pages over real HTTP, on small shops."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from sandbox.assembly import assemble, close
from sandbox.faults import KNOBS
from sandbox.shopfront import Wanted
from tests.sandbox.common_shop import small
from tests.serving import Receiver, serve, wait_until

BUILDERS = (small("shopify"), small("woocommerce"))
ORDER = {"lines": [{"sku": "MAR-TS-M", "quantity": 2}], "handover": "pickup", "pickup": "canebiere", "paid": False}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = assemble(tmp_path, BUILDERS)
    yield app
    close(app)


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serve(app) as base:
        yield base


def call(method: str, url: str, **options: Any) -> tuple[int, Any]:
    answer = requests.request(method, url, timeout=30, **options)
    return answer.status_code, answer.json()


def place(url: str, order: dict[str, Any] = ORDER) -> str:
    status, said = call("POST", f"{url}/sandbox/shopify/orders", json=order)
    assert status == 201, said
    return str(said["id"])


def test_an_order_is_placed_paid_changed_and_cancelled(url: str) -> None:
    order = f"{url}/sandbox/shopify/orders/{place(url)}"
    assert call("GET", order)[1] | {"id": "", "placed_at": "", "customer": ""} == {
        "id": "",
        "number": "#1001",
        "placed_at": "",
        "customer": "",
        "total": "10.00 EUR",
        "payment": "Pending",
        "status": "Unfulfilled",
        "tracking": [],
        "handover": "pickup",
        "pickup": "canebiere",
        "notes": [""],
        "lines": [["MAR-TS-M", 2]],
    }
    assert call("POST", f"{order}/pay")[1]["payment"] == "Paid"
    assert call("POST", f"{order}/edit", json={"quantities": {"MAR-TS-M": 1}})[1]["lines"] == [["MAR-TS-M", 1]]
    refund = call("POST", f"{order}/refund", json={"quantities": {"MAR-TS-M": 1}, "restock": False})
    assert refund[1]["notes"] == ["refunded {'MAR-TS-M': 1} False"]
    assert call("POST", f"{order}/cancel")[1]["status"] == "Cancelled"
    assert call("POST", f"{order}/cancel") == (409, {"error": "It is cancelled already.", "remedy": "There is nothing to do."})


def test_orders_are_listed_newest_first(url: str) -> None:
    for _ in range(3):
        place(url)
    listing = call("GET", f"{url}/sandbox/shopify/orders?limit=2")[1]
    assert [order["number"] for order in listing] == ["#1003", "#1002"]
    assert call("GET", f"{url}/sandbox/woocommerce/orders") == (200, [])


def test_a_wanted_order_can_be_sent_as_it_is(url: str, app: Flask) -> None:
    wanted = Wanted(
        (("MUG-PHARE", 1),), "delivery", note="Étage 3 🌊", customer={"name": "Élise"}, extra=("digital", "custom_line")
    )
    place(url, asdict(wanted))
    place(url, {"lines": []})
    sent, usual = app.extensions["sandbox"].shopfronts["shopify"].wanted
    assert sent == wanted
    assert usual.handover == "delivery"
    assert usual.paid is True
    assert usual.customer["email"].endswith("@example.com")


@pytest.mark.parametrize(
    ("order", "remedy"),
    [
        ({"lines": "all"}, "Give at most 50 of"),
        ({"lines": [{"sku": "NOPE", "quantity": 1}]}, "It is one of MAR-TS-S"),
        ({"lines": [{"sku": "MAR-TS-M", "quantity": 0}]}, "from 1 to 1000"),
        ({"lines": [{"sku": "MAR-TS-M", "quantity": 1.5}]}, "from 1 to 1000"),
        ({"lines": [{"sku": "MAR-TS-M", "quantity": True}]}, "from 1 to 1000"),
        ({"lines": [["MAR-TS-M"]]}, 'Give {"sku"'),
        ({"lines": [["MAR-TS-M", 1]] * 51}, "Give at most 50 of"),
        ({"handover": "drone"}, "It is one of delivery, pickup"),
        ({"handover": "pickup"}, 'Give "pickup"'),
        ({"handover": "delivery", "pickup": "vieux-port"}, 'Give "pickup"'),
        ({"handover": "pickup", "pickup": "depot"}, "It is one of vieux-port, canebiere"),
        ({"paid": "yes"}, "true or false"),
        ({"customer": {"shoe": "42"}}, "The fields are city"),
        ({"customer": {"name": 5}}, "characters"),
        ({"customer": "me"}, "docs/sandbox.md"),
        ({"note": "x" * 2001}, "at most 2000"),
        ({"note": "\ud800"}, "Unicode"),
        ({"extra": ["moon"]}, "It is one of custom_line"),
        ({"colour": "red"}, "The fields are customer"),
    ],
)
def test_impossible_orders_are_refused_with_the_remedy(url: str, order: dict[str, Any], remedy: str) -> None:
    status, said = call("POST", f"{url}/sandbox/shopify/orders", json=order)
    assert status == 400
    assert remedy in said["remedy"]
    assert call("GET", f"{url}/sandbox/shopify/orders") == (200, [])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"lines": [["MAR-TS-M", ' + b"9" * 5000 + b"]]}"]
)
def test_nonsense_is_refused(url: str, body: bytes) -> None:
    status, said = call("POST", f"{url}/sandbox/shopify/orders", data=body, headers={"Content-Type": "application/json"})
    assert (status, bool(said["remedy"])) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/sandbox/etsy/orders", None, 404),
        ("GET", "/sandbox/bigcommerce/knobs", None, 404),
        ("GET", "/sandbox/nothing", None, 404),
        ("DELETE", "/sandbox/waiting", None, 404),
        ("GET", "/sandbox/shopify/orders/9", None, 404),
        ("POST", "/sandbox/shopify/orders/9/pay", None, 404),
        ("POST", "/sandbox/shopify/orders/{id}/frame", None, 404),
        ("POST", "/sandbox/shopify/orders/{id}/edit", {}, 400),
        ("POST", "/sandbox/shopify/orders/{id}/edit", {"quantities": {}}, 400),
        ("POST", "/sandbox/shopify/orders/{id}/edit", {"quantities": {"MAR-TS-M": -1}}, 400),
        ("POST", "/sandbox/shopify/orders/{id}/refund", {"quantities": {"MAR-TS-M": 1}, "restock": "no"}, 400),
        ("POST", "/sandbox/shopify/orders/{id}/refund", {"quantities": {"MAR-TS-M": 1}, "why": "no"}, 400),
        ("GET", "/sandbox/shopify/orders?limit=0", None, 400),
        ("GET", "/sandbox/shopify/orders?limit=many", None, 400),
        ("GET", "/sandbox/shopify/orders?limit=" + "9" * 5000, None, 400),
        ("PUT", "/sandbox/traffic", {"orders_per_minute": -1}, 400),
        ("PUT", "/sandbox/traffic", {"orders_per_minute": "many"}, 400),
        ("PUT", "/sandbox/traffic", {}, 400),
        ("PUT", "/sandbox/traffic", {"orders_per_minute": 1, "seed": 1}, 400),
        ("PUT", "/sandbox/shopify/knobs", {"sever_error": 1}, 400),
        ("POST", "/sandbox/shopify/orders", {"extra": ["gift_card"]}, 409),
    ],
)
def test_wrong_calls_are_answered_in_json_with_a_remedy(url: str, method: str, path: str, body: Any, status: int) -> None:
    path = path.replace("{id}", place(url))
    seen, said = call(method, url + path, json=body)
    assert seen == status
    assert said["error"]
    assert said["remedy"]


def test_knobs_are_shown_and_turned_and_work(url: str) -> None:
    knobs = f"{url}/sandbox/shopify/knobs"
    assert call("GET", knobs) == (200, {name: knob.value for name, knob in KNOBS.items()})
    assert call("PUT", knobs, json={"server_error": 1})[1]["server_error"] == 1
    assert requests.get(f"{url}/shopify/ping", timeout=30).status_code == 500
    assert requests.get(f"{url}/woocommerce/ping", timeout=30).text == "pong"
    assert call("GET", f"{url}/healthz") == (200, {"status": "ok"})


def test_stock_is_shown(url: str) -> None:
    assert call("GET", f"{url}/sandbox/woocommerce/stock")[1]["MAR-TS-M"] == {"": 5}


def test_webhooks_are_counted_until_they_have_arrived(url: str) -> None:
    receiver = Receiver(lambda _: 500)
    with serve(receiver) as hook:
        requests.put(f"{url}/shopify/hook?url={hook}", timeout=30)
        call("PUT", f"{url}/sandbox/shopify/knobs", json={"retry_scale": 0.2})
        place(url)
        receiver.wait_for(1)
        assert call("GET", f"{url}/sandbox/waiting") == (200, {"webhooks": 1})
        receiver.wait_for(2)
        wait_until(lambda: call("GET", f"{url}/sandbox/waiting") == (200, {"webhooks": 0}))
    assert [json.loads(body) for body in receiver.bodies()] == [{"number": "#1001", "status": "Unfulfilled"}] * 2


def test_all_of_it_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = assemble(tmp_path, BUILDERS)
    with serve(first) as url:
        order_id = place(url)
        call("PUT", f"{url}/sandbox/shopify/knobs", json={"throttle": 0.25})
    close(first)
    second = assemble(tmp_path, BUILDERS)
    with serve(second) as url:
        assert call("GET", f"{url}/sandbox/shopify/orders/{order_id}")[1]["number"] == "#1001"
        assert call("GET", f"{url}/sandbox/shopify/knobs")[1]["throttle"] == 0.25
    close(second)


def test_the_index_names_the_shops_with_their_orders(url: str) -> None:
    place(url)
    page = requests.get(url, timeout=30)
    assert "Small &lt;shopify&gt;" in page.text
    assert "1 order<" in page.text
    assert "0 orders<" in page.text
    assert "No orders arrive by themselves" in page.text


def test_the_pages_place_pay_and_cancel(url: str) -> None:
    with requests.Session() as browser:
        form = {"sku": ["MUG-PHARE", "SAVON-OLIVE", ""], "quantity": ["1", "3", "1"], "pickup": "vieux-port", "extra": ""}
        page = browser.post(f"{url}/shops/shopify/orders", data=form, timeout=30)
        assert page.history[0].status_code == 303
        for text in ("Order #1001 was placed.", "3 × SAVON-OLIVE", "Pending", "Unfulfilled", "pickup: vieux-port"):
            assert text in page.text
        pay, cancel = re.findall(r'action="(/shops/shopify/orders/[^"]+)"', page.text)
        assert "Order #1001 was paid." in browser.post(url + pay, timeout=30).text
        assert "Cancelled" in browser.post(url + cancel, timeout=30).text
        again = browser.post(url + cancel, timeout=30).text
        assert "It is cancelled already. There is nothing to do." in again
        assert "was placed" not in again


def test_the_pages_turn_knobs_and_say_what_is_wrong(url: str) -> None:
    with requests.Session() as browser:
        page = browser.post(f"{url}/shops/shopify/knobs", data={"throttle": "0.5"}, timeout=30)
        assert re.search(r'name="throttle" value="0.5"', page.text)
        for wrong in ("much", "nan", "2"):
            page = browser.post(f"{url}/shops/shopify/knobs", data={"throttle": wrong}, timeout=30)
            assert 'class="said refused"' in page.text
        for form in (
            {"sku": "NOPE", "quantity": "1"},
            {"sku": "MUG-PHARE", "quantity": "²"},
            {"sku": "MUG-PHARE", "quantity": "nan"},
        ):
            page = browser.post(f"{url}/shops/shopify/orders", data=form, timeout=30)
            assert 'class="said refused"' in page.text
    assert requests.get(f"{url}/shops/etsy", timeout=30).status_code == 404
    assert requests.post(f"{url}/shops/shopify/orders/9/pay", timeout=30).status_code == 404
    assert call("GET", f"{url}/sandbox/shopify/orders") == (200, [])


def test_what_customers_type_is_escaped(url: str) -> None:
    place(url, {**ORDER, "note": "<script>alert(1)</script>", "customer": {"name": "<img src=x>"}})
    page = requests.get(f"{url}/shops/shopify?live", timeout=30)
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/shops/shopify/orders", "/sandbox/shopify/orders"])
def test_another_sites_page_cannot_act(url: str, path: str) -> None:
    own = requests.post(url + path, json=ORDER, headers={"Origin": url}, timeout=30)
    assert own.status_code in (200, 201, 303)
    before = call("GET", f"{url}/sandbox/shopify/orders")[1]
    for origin in ("https://elsewhere.example", "null"):
        assert requests.post(url + path, json=ORDER, headers={"Origin": origin}, timeout=30).status_code == 400
    assert call("GET", f"{url}/sandbox/shopify/orders")[1] == before
