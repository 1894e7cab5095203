"""Every request of ours and every answer of the small store against BigCommerce's own description, where it is at hand.

The description has defects of its own; they are mended in memory, one by one, each with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest, WerkzeugOpenAPIResponse
from werkzeug.wrappers import Request, Response

from connector.platform import Act
from platforms.http import Http
from sandbox.shopfront import Wanted
from tests.platforms.bigcommerce.conftest import CUSTOMER, TRACKING, Bench
from tests.serving import Receiver, serve, wait_until

Document = dict[str, Any]
_HOST = "store.test"

# Path under /stores/<hash>/ -> the document that describes it. Order matters.
_DOCUMENTS = (
    (r"v3/catalog/products", "catalog/products_catalog.v3.yml"),
    (r"v3/orders/pickups", "pickup.v3.yml"),
    (r"v3/orders/.*", "orders.v3.yml"),
    (r"v3/pickup/methods", "pickup_methods.v3.yml"),
    (r"v3/inventory/locations", "locations.v3.yml"),
    (r"v3/inventory/.*", "inventory.v3.yml"),
    (r"v3/settings/.*", "settings.v3.yml"),
    (r"v3/hooks.*", "webhooks.v3.yml"),
    (r"v2/(store|time)", "store_information.v2.yml"),
    (r"v2/.*", "orders.v2.oas2.yml"),
)


@pytest.fixture(scope="session")
def described(shared: Path) -> Path:
    directory = shared / "contracts/bigcommerce"
    if not directory.is_dir():
        pytest.skip(f"BigCommerce's description is not at {directory}")
    return directory


# ---------------------------------------------------------------------------------------------------------------------
# Mending the description


def _walk(node: Any) -> Iterator[Document]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _walk(child)


def _mended(document: Document) -> Document:
    for node in _walk(document):
        _any_of_the_alternatives(node)
        _open_enums(node)
        _lists_of_ids(node)
        _what_may_be_null_or_missing(node)
    _what_our_code_depends_on(document)
    _every_error_is_declared(document)
    return document


def _any_of_the_alternatives(node: Document) -> None:
    """`oneOf` between objects that are all optional: every value matches both."""
    if "oneOf" in node and isinstance(node["oneOf"], list):
        node["anyOf"] = node.pop("oneOf")


def _open_enums(node: Document) -> None:
    """Closed lists that are behind the platform; `sort` lacks its documented directions."""
    for name in ("payment_status", "gateway", "method"):
        if isinstance(node.get(name), dict):
            node[name].pop("enum", None)
    if node.get("name") == "sort" and isinstance(node.get("schema"), dict):
        node["schema"].pop("enum", None)


def _lists_of_ids(node: Document) -> None:
    """Comma-separated lists declared as one integer."""
    if str(node.get("name", "")).endswith(":in"):
        node["schema"] = {"type": "string"}
    if node.get("name") == "include":
        node["explode"] = False


def _what_may_be_null_or_missing(node: Document) -> None:
    if node.get("additionalProperties") is False:
        del node["additionalProperties"]
    for name in ("variant_id", "payment_provider_id", "reference_transaction_id"):
        if isinstance(node.get(name), dict):
            node[name] = {"anyOf": [node[name], {"type": "string", "nullable": True}]}
    if node.get("required") == ["zip"]:
        del node["required"]
    if node.get("minItems") == 1 and "items" in node:
        del node["minItems"]


def _what_our_code_depends_on(document: Document) -> None:
    """Nothing is required where the text requires it: an empty order and an empty shipment would pass."""
    schemas = document.get("components", {}).get("schemas", {})
    if "orderShipment_Post" in schemas:
        schemas["orderShipment_Post"]["required"] = ["order_address_id", "items"]
        schemas["orderShipment_Post"]["properties"]["items"]["minItems"] = 1
        fields = ["id", "status_id", "date_created", "date_modified", "total_inc_tax", "default_currency_code", "items_total"]
        schemas["order_Resp"]["required"] = [*fields, "payment_status", "billing_address", "consignments", "is_deleted"]
        schemas["orderProducts"]["required"] = ["id", "sku", "type", "quantity", "quantity_shipped", "order_address_id"]
    if "PutRequestPickup" in schemas:
        schemas["PutRequestPickup"]["required"] = ["pickup_id"]


def _every_error_is_declared(document: Document) -> None:
    error = {
        "description": "An error.",
        "content": {"application/json": {"schema": {}}, "application/problem+json": {"schema": {}}},
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"]["204"] = {"description": "No rows."}  # declared with a body, which HTTP forbids
                for status in [status for status in operation["responses"] if status.startswith("4")]:
                    del operation["responses"][status]
                operation["responses"].update({"4XX": error, "5XX": error})


@cache
def _openapi(path: Path) -> OpenAPI:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times as fast, where it is compiled in
    document = _mended(yaml.load(path.read_text(encoding="utf-8"), loader))  # noqa: S506
    version = "v2" if ".v2." in path.name else "v3"
    document["servers"] = [{"url": f"http://{_HOST}/bigcommerce/stores/sandbox1/{version}"}]
    return OpenAPI.from_dict(document)


def _conform(described: Path, calls: list[tuple[Request, Response]]) -> set[str]:
    """Validate every call; the operations that were seen."""
    seen = set()
    for request, response in calls:
        path = request.path.partition("/sandbox1/")[2]
        name = next(name for pattern, name in _DOCUMENTS if re.fullmatch(pattern, path))
        openapi = _openapi(described / "openapi" / name)
        asked, answered = WerkzeugOpenAPIRequest(_moved(request)), WerkzeugOpenAPIResponse(response)
        openapi.validate_request(asked)
        openapi.validate_response(asked, answered)
        seen.add(f"{request.method} {re.sub(r'[0-9]+', 'N', path.partition('/')[2])} {response.status_code}")
    return seen


def _moved(request: Request) -> Request:
    """The same request to one host whatever the port was: a document is then read only once."""
    return Request({**request.environ, "HTTP_HOST": _HOST, "wsgi.input": BytesIO(request.get_data())})


# ---------------------------------------------------------------------------------------------------------------------
# The calls


def _deliveries(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 3), ("MUG-PHARE", 1), extra=("two_addresses", "custom_line", "gift_card", "digital"))
    bench.tell(Act.PACKED, order)
    bench.tell(Act.SHIPPED, order, last=False, targets={"MAR-TS-M": 1})
    bench.tell(Act.SHIPPED, order, tracking=TRACKING, location_name="Dépôt")
    byhand = bench.place(("MAR-TS-M", 1))
    bench.tell(Act.SHIPPED, byhand, last=False)
    bench.tell(Act.SHIPPED, byhand, tracking=TRACKING)
    bench.platform.fetch_order(bench.shop, order)


def _pickups(bench: Bench) -> None:
    order = bench.place(("MAR-TS-M", 2), pickup="vieux-port")
    for act in (Act.PACKED, Act.READY, Act.PICKED_UP):
        bench.tell(act, order)
    bench.platform.fetch_order(bench.shop, order)
    by_rate = bench.place(("MAR-TS-M", 2), handover="pickup")
    for act in (Act.PACKED, Act.READY, Act.PICKED_UP):
        bench.tell(act, by_rate)


def _reading(bench: Bench) -> None:
    bench.platform.check(bench.shop)
    bench.platform.locations(bench.shop)
    assert bench.platform.goods is not None
    bench.platform.goods.variants(bench.shop, "")
    address = "https://connector.example/webhooks/bigcommerce/key"
    bench.platform.subscribe(bench.shop, address)
    bench.platform.subscribe(bench.shop, address)
    bench.platform.subscribe(bench.shop, f"{address}2")
    bench.platform.changed_orders(
        bench.shop, bench.announcement(Act.PACKED, bench.place(("MUG-PHARE", 1))).at.replace(year=2020), ""
    )
    for extra in (("offline_payment",), ("no_customer", "no_address", "odd_characters", "unknown_sku")):
        bench.platform.fetch_order(bench.shop, bench.place(("MUG-PHARE", 1), paid=False, extra=extra))
    paid = bench.place(("MUG-PHARE", 1), paid=True)
    bench.change(paid, payment_status="a word of next year")
    bench.platform.fetch_order(bench.shop, paid)
    bench.platform.fetch_order(bench.shop, "99999")
    bench.platform.fetch_order(bench.shop, bench.place(*[("MUG-PHARE", 1)] * 60))


def _taken_back(bench: Bench) -> None:
    sent = bench.place(("MUG-PHARE", 3), extra=("fee",))
    bench.tell(Act.SHIPPED, sent)
    bench.tell(Act.TAKEN_BACK, sent, targets={"MUG-PHARE": 0})
    bench.platform.fetch_order(bench.shop, sent)


_CALLS: dict[str, tuple[Callable[[Bench], None], set[str]]] = {
    "deliveries": (
        _deliveries,
        {"GET orders/N 200", "PUT orders/N 200", "GET orders/N/shipments 200", "GET orders/N/shipments 204"}
        | {"POST orders/N/shipments 201", "PUT orders/N/shipments/N 200"},
    ),
    "pickups": (_pickups, {"GET orders/pickups 200", "POST orders/pickups 200", "PUT orders/pickups 200", "PUT orders/N 200"}),
    "taken back": (_taken_back, {"DELETE orders/N/shipments/N 204", "PUT orders/N 200"}),
    "reading": (
        _reading,
        {
            "GET store 200",
            "GET inventory/locations 200",
            "GET catalog/products 200",
            "GET hooks 200",
            "POST hooks 200",
            "DELETE hooks/N 200",
            "GET orders 200",
        }
        | {"GET orders/N/products 200", "GET orders/N/transactions 204", "GET orders/N/transactions 200", "GET orders/N 404"},
    ),
}


@pytest.mark.parametrize("name", list(_CALLS))
def test_our_requests_and_the_small_stores_answers(bench: Bench, described: Path, name: str) -> None:
    calls, expected = _CALLS[name]
    calls(bench)
    assert expected <= _conform(described, bench.recorder.calls)


def _raw(method: str, path: str, content: Any = None) -> Callable[[Bench], None]:
    def call(bench: Bench) -> None:
        headers = {"X-Auth-Token": "sandbox-token", "Content-Type": "application/json"}
        Http(private_allowed=True).call(method, f"{bench.shop.address}/{path}", headers=headers, json=content)

    return call


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "v2/time", None, 200),
        ("GET", "v2/order_statuses", None, 200),
        ("GET", "v2/orders/101/shipping_addresses", None, 200),
        ("GET", "v2/orders/101/consignments", None, 200),
        ("GET", "v2/orders/101/consignments?include=consignments.line_items", None, 200),
        ("GET", "v2/orders/101", None, 200),
        ("GET", "v2/orders?min_id=900", None, 204),
        ("DELETE", "v2/orders/101", None, 204),
        ("GET", "v3/pickup/methods", None, 200),
        ("GET", "v3/inventory/items?sku:in=MAR-TS-M,MUG-PHARE&location_id:in=1,2", None, 200),
        ("GET", "v3/inventory/locations/1/items", None, 200),
        ("PUT", "v3/inventory/adjustments/absolute", {"items": [{"location_id": 1, "sku": "MAR-TS-M", "quantity": 5}]}, 200),
        ("POST", "v3/inventory/adjustments/relative", {"items": [{"location_id": 1, "variant_id": 501, "quantity": 5}]}, 200),
        ("POST", "v3/inventory/adjustments/relative", {"items": [{"location_id": 1, "sku": "PADDLE-11", "quantity": 1}]}, 422),
        ("GET", "v3/settings/inventory", None, 200),
        ("PUT", "v3/settings/inventory", {"update_stock_behavior": "order_completed_or_shipped"}, 200),
        ("GET", "v3/hooks/5", None, 404),
    ],
)
def test_other_answers_of_the_small_store(
    bench: Bench, described: Path, method: str, path: str, content: Any, status: int
) -> None:
    assert bench.place(("MAR-TS-M", 1), extra=("digital",)) == "101"
    _raw(method, path, content)(bench)
    (call,) = bench.recorder.calls
    assert call[1].status_code == status
    _conform(described, bench.recorder.calls)


def test_the_description_can_fail(bench: Bench, described: Path) -> None:
    """An empty shipment is refused by the mended description: the checks above check something."""
    order = bench.place(("MAR-TS-M", 1))
    _raw("POST", f"v2/orders/{order}/shipments", {})(bench)
    with pytest.raises(Exception, match=r"[Rr]equest body"):
        _conform(described, bench.recorder.calls)


# ---------------------------------------------------------------------------------------------------------------------
# Webhooks


def test_the_small_stores_webhooks_follow_their_schemas(bench: Bench, described: Path) -> None:
    receiver = Receiver()
    with serve(receiver) as url:
        bench.platform.subscribe(bench.shop, url)
        order = bench.place(("MAR-TS-M", 2))
        bench.tell(Act.SHIPPED, order, last=False, targets={"MAR-TS-M": 1})
        bench.front.refund(order, {"MAR-TS-M": 1}, restock=False)
        bench.front.place(Wanted((("MUG-PHARE", 1),), "delivery", customer=CUSTOMER, paid=False))
        wait_until(lambda: bench.sandbox.sender.waiting() == 0)
    scopes = set()
    for body in receiver.bodies():
        message = json.loads(body)
        name = message["scope"].replace("/", "_")
        schema = yaml.safe_load((described / "webhook-schemas" / f"{name}.yml").read_text(encoding="utf-8"))["properties"]
        jsonschema.validate(
            message, {**schema[message["scope"]], "additionalProperties": False, "required": ["scope", "data", "hash"]}
        )
        scopes.add(message["scope"])
    assert {"store/order/created", "store/order/updated", "store/order/statusUpdated", "store/shipment/created"} <= scopes
    assert {"store/order/refund/created", "store/order/transaction/created"} <= scopes


def test_the_platforms_own_samples_are_understood(bench: Bench, described: Path) -> None:
    for path in sorted((described / "webhook-samples").glob("*.json")):
        delivery = bench.platform.parse({}, path.read_bytes())
        is_order = path.name.startswith(("store_order", "store_shipment"))
        assert (delivery.kind == "order") == is_order, path.name
        assert bool(delivery.order_id) == is_order
