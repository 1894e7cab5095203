"""Bulk operations: a query without pages is run in the background, and its result is one file of JSON lines.

With `groupObjects` the objects of a connection follow their parent; a child names it as `__parentId`. What was not finished
when the sandbox stopped has failed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import flask
from flask import Response
from graphql import GraphQLError, GraphQLSchema, execute_sync, parse, validate

from sandbox.shopify.orders import gid
from sandbox.shopify.views import EVERYTHING, View
from sandbox.store import Store

_KIND = "shopify.bulk"
_FIRST = 4_400_000_000_001
_MOST_AT_ONCE = 5


class Bulk:
    """The store's bulk operations. `root` gives the root value a query is run with."""

    def __init__(self, store: Store, schema: GraphQLSchema, root: Callable[[], Any]) -> None:
        self._store = store
        self._schema = schema
        self._root = root
        self._files: dict[int, bytes] = {}
        self._counts: dict[int, int] = {}
        self._running: set[int] = set()

    def run(self, query: str, *, grouped: bool) -> View:
        """bulkOperationRunQuery."""
        no = self._refusal(query, grouped=grouped)
        if no is not None:
            return {"bulkOperation": None, "userErrors": [no]}
        number = self._store.next_id(_KIND, _FIRST)
        self._running.add(number)
        self._store.put(_KIND, str(number), {"number": number})
        threading.Thread(target=self._make, args=(number, query), name=f"bulk-{number}", daemon=True).start()
        return {"bulkOperation": self.view(number, ""), "userErrors": []}

    def view(self, number: int, base_url: str) -> View | None:
        """A BulkOperation; None where there is none."""
        if self._store.get(_KIND, str(number)) is None:
            return None
        state = "RUNNING" if number in self._running else "COMPLETED" if number in self._files else "FAILED"
        file = self._files.get(number, b"")
        return {
            "id": gid("BulkOperation", number),
            "status": state,
            "errorCode": "INTERNAL_SERVER_ERROR" if state == "FAILED" else None,
            "rootObjectCount": str(self._counts.get(number, 0)),
            "url": f"{base_url}/bulk/{number}.jsonl" if file else None,
        }

    def file(self, number: int) -> Response:
        """The file, or the part of it the request's Range asks for."""
        if number not in self._files:
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404, content_type="application/xml")
        whole = self._files[number]
        response = Response(content_type="application/jsonl")
        response.set_data(whole)
        response.accept_ranges = "bytes"
        made: Response = response.make_conditional(flask.request, accept_ranges=True, complete_length=len(whole))  # type: ignore[assignment]
        return made

    def _refusal(self, query: str, *, grouped: bool) -> View | None:
        if len(self._running) >= _MOST_AT_ONCE:
            return {"code": "LIMIT_REACHED", "field": None, "message": "Only 5 bulk operations can run at a time."}
        try:
            faults = validate(self._schema, parse(query))
        except GraphQLError as error:
            faults = [error]
        if faults or not grouped:
            said = faults[0].message if faults else "The sandbox only makes grouped files."
            return {"code": "INVALID", "field": ["query"], "message": f"Invalid bulk query: {said}"}
        return None

    def _make(self, number: int, query: str) -> None:
        try:
            result = execute_sync(self._schema, parse(query), root_value=self._root(), context_value=EVERYTHING)
            if not result.errors:
                rows = (row for connection in (result.data or {}).values() for row in _rows(connection, ""))
                lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows]
                self._counts[number] = sum(b'"__parentId"' not in line for line in lines)
                self._files[number] = b"".join(lines)
        finally:
            self._running.discard(number)


def _rows(connection: dict[str, Any], parent: str) -> Iterator[dict[str, Any]]:
    """The objects of a connection, each followed by those of its own connections."""
    for edge in connection["edges"]:
        node = edge["node"]
        inner = {name: value for name, value in node.items() if isinstance(value, dict) and "edges" in value}
        plain = {name: value for name, value in node.items() if name not in inner}
        yield {**plain, "__parentId": parent} if parent else plain
        for value in inner.values():
            yield from _rows(value, node["id"])
