"""The Admin API of the sandbox shop over HTTP: token, version, cost and throttling around graphql-core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask
from flask import Response
from graphql import GraphQLError, GraphQLSchema, build_schema, execute_sync, parse, validate

from sandbox.faults import Knobs, guard
from sandbox.shopify import cost, granting
from sandbox.shopify.bulk import Bulk
from sandbox.shopify.cost import Bucket
from sandbox.shopify.resolvers import roots
from sandbox.shopify.shop import Shop
from sandbox.shopify.webhooks import VERSION

_BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105


def blueprint(shop: Shop, knobs: Knobs, bucket: Bucket) -> flask.Blueprint:
    """POST /shopify/admin/api/<version>/graphql.json"""
    schema = build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))
    api = flask.Blueprint("shopify", __name__, url_prefix="/shopify")
    bulk = Bulk(shop.store, schema, lambda: roots(shop, bulk))
    guard(api, "shopify", knobs, throttled=lambda: _throttled(bucket), broken=_broken)

    @api.post("/admin/api/<version>/graphql.json")
    def graphql(version: str) -> Response:
        if version != VERSION:
            return _answer({"errors": "Not Found"}, 404)
        scopes = granting.granted(shop.store, flask.request.headers.get("X-Shopify-Access-Token", ""))
        if scopes is None:
            return _answer({"errors": _BAD_TOKEN}, 401)
        asked = flask.request.get_json(silent=True)
        if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            return _answer({"errors": {"query": "Required parameter missing or invalid"}}, 400)
        bucket.scale = knobs.get("shopify")["limit_scale"]
        root = roots(shop, bulk, flask.request.root_url.rstrip("/") + "/shopify", scopes)
        return _answer(_executed(schema, shop, bucket, root, asked["query"], asked.get("variables") or {}))

    @api.get("/bulk/<int:number>.jsonl")
    def bulk_file(number: int) -> Response:
        """At Shopify it lies on a storage service, at an address with a signature of its own."""
        return bulk.file(number)

    return api


def _executed(
    schema: GraphQLSchema, shop: Shop, bucket: Bucket, root: object, text: str, variables: dict[str, Any]
) -> dict[str, Any]:
    """The whole answer: parsed, measured, and carried out as one change of the store."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return {"errors": [error.formatted]}
    faults = validate(schema, document)
    if faults:
        return {"errors": [fault.formatted for fault in faults]}
    asked = cost.requested(document, variables)
    if asked > cost.MOST_FOR_ONE_QUERY:
        return _error("Query cost is over the limit", "MAX_COST_EXCEEDED", {"cost": bucket.cost(asked, None)})
    if not bucket.take(asked):
        return _error("Throttled", "THROTTLED", {"cost": bucket.cost(asked, None)})
    with shop.store.together():
        result = execute_sync(schema, document, root_value=root, variable_values=variables).formatted
    used = min(asked, cost.actual(result.get("data")) or asked)
    bucket.take(used - asked)
    return {**result, "extensions": {"cost": bucket.cost(asked, used)}}


def _error(message: str, code: str, extensions: dict[str, Any]) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}], "extensions": extensions}


def _throttled(bucket: Bucket) -> Response:
    """As if other apps' queries had emptied the bucket."""
    status = {**bucket.cost(100, None)["throttleStatus"], "currentlyAvailable": 0}
    return _answer(_error("Throttled", "THROTTLED", {"cost": {**bucket.cost(100, None), "throttleStatus": status}}))


def _broken() -> Response:
    return _answer({"errors": "Internal Server Error"}, 500)


def _answer(body: dict[str, Any], status: int = 200) -> Response:
    response = flask.jsonify(body)
    response.status_code = status
    response.headers["X-Shopify-API-Version"] = VERSION
    return response
