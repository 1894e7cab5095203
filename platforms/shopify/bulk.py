"""Reading the file of a bulk operation piece by piece: one JSON object a line, children behind their parents.

The file of a large store has hundreds of megabytes; a piece is a few hundred kilobytes, and where the next one begins is
all that has to be remembered.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from connector.platform import Refused, Retryable
from platforms.http import Answer, Http, by_status

_PIECE_BYTES = 256 * 1024
_LARGEST_PIECE_BYTES = 4 * 1024 * 1024
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_PART = "/FulfillmentOrder/"


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole orders, and the offset in bytes where the next one begins; None at the end of the file."""

    orders: list[dict[str, Any]]
    next: int | None


def read(http: Http, url: str, offset: int) -> Piece:
    """The orders that begin at `offset` and fit into a piece; at least one, however long. Refused where one order is over
    4 MiB, Retryable where the file is no such file."""
    size = _PIECE_BYTES
    while True:
        body, at_end = _range(http, url, offset, size)
        starts = _order_starts(body)
        cut = len(body) if at_end else (starts[-1] if starts else 0)
        if cut:
            orders = _assembled(body[:cut])
            return Piece(orders, None if at_end else offset + cut)
        if at_end:
            return Piece([], None)
        if size >= _LARGEST_PIECE_BYTES:
            raise Refused("An order in Shopify's bulk file is over 4 MiB.", "Report it; read a window without it meanwhile.")
        size *= 4


def _range(http: Http, url: str, offset: int, size: int) -> tuple[bytes, bool]:
    """(the bytes from `offset`, whether they reach the end of the file)."""
    answer = http.call("GET", url, headers={"Range": f"bytes={offset}-{offset + size - 1}", "Accept-Encoding": "identity"})
    if answer.status == 416:
        return b"", True
    if answer.status == 200:  # the server knows no ranges and sent the whole, which the cap on answers bounds
        return answer.body[offset : offset + size], offset + size >= len(answer.body)
    if answer.status != 206:
        raise _failure(answer)
    span = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if span is None or int(span[1]) != offset:
        raise Retryable("Shopify's file server sent another part of the file than was asked for.", "It is tried again.")
    return answer.body, int(span[2]) + 1 >= int(span[3])


def _failure(answer: Answer) -> Exception:
    if answer.status in (401, 403, 404, 410):  # the link has a signature of its own: this says nothing of our token
        return Retryable("Shopify's bulk file cannot be read at its address.", "It is tried again with a fresh address.")
    return by_status(answer)


def _order_starts(body: bytes) -> list[int]:
    """Offsets of the lines that begin an order, without the first: all before the last of them is whole."""
    starts, at = [], body.find(b"\n") + 1
    while at:
        line_end = body.find(b"\n", at)
        if line_end < 0:
            break
        if b'"__parentId"' not in body[at:line_end]:
            starts.append(at)
        at = line_end + 1
    return starts


def _assembled(text: bytes) -> list[dict[str, Any]]:
    """The orders with their lines and fulfillment orders as plain lists, as `reading.read_order` gives them."""
    known: dict[str, dict[str, Any]] = {}
    orders = []
    for line in text.splitlines():
        if not line.strip():
            continue
        row = _row(line)
        parent = known.get(row.pop("__parentId", ""))
        identity = str(row["id"])
        if parent is None:
            orders.append({**row, "lineItems": [], "fulfillmentOrders": []})
            known[identity] = orders[-1]
        elif _PART in identity:
            parent["fulfillmentOrders"].append({**row, "lineItems": []})
            known[identity] = parent["fulfillmentOrders"][-1]
        else:
            parent["lineItems"].append(row)
    return orders


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or "id" not in row:
        raise Retryable("Shopify's bulk file has a line that is no object.", "It is tried again by itself.")
    return row
