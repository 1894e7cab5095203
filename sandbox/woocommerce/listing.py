"""Lists as `wc/v3` gives them: filters, order, pages, totals in headers, and the trap with times and zones."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import flask

from sandbox.woocommerce import orders
from sandbox.woocommerce.shop import ZONE, Order, Shop, invalid

_SORT: dict[str, Callable[[Order], tuple[Any, ...]]] = {
    "date": lambda order: (order["date_created_gmt"], order["id"]),
    "modified": lambda order: (order["date_modified_gmt"], order["id"]),
    "id": lambda order: (order["id"],),
}
_DATES: dict[str, Callable[[Order, datetime], bool]] = {
    "after": lambda order, at: _moment(order["date_created_gmt"]) > at,
    "before": lambda order, at: _moment(order["date_created_gmt"]) < at,
    "modified_after": lambda order, at: _moment(order["date_modified_gmt"]) > at,
    "modified_before": lambda order, at: _moment(order["date_modified_gmt"]) < at,
}


def parameter(name: str, default: str = "") -> str:
    """A parameter of the request; of a repeated one only the last counts, without a word (as in PHP)."""
    return (flask.request.args.getlist(name) or [default])[-1]


def parameters(name: str) -> list[str]:
    """A list: `a,b`, or `name[]` (or `name[0]`, `name[1]`) repeated."""
    indexed = [value for key, value in flask.request.args.items(multi=True) if key.startswith(f"{name}[")]
    return [word for word in ",".join([parameter(name), *indexed]).split(",") if word]


def wanted_orders(shop: Shop) -> list[Order]:
    """The heads of the orders the request asks for, sorted."""
    found: Iterable[Order] = orders.heads(shop)
    states = parameters("status") or ["any"]
    if unknown := set(states) - {"any", "trash", "auto-draft", *orders.statuses(shop)}:
        raise invalid("status[0]", f"{', '.join(sorted(unknown))} is not one of the statuses of this shop.")
    # Trash, and orders in a status that went with its plugin, are never among "any".
    shown = set(orders.statuses(shop)) if "any" in states else set(states)
    found = (order for order in found if order["status"] in shown)
    if included := parameters("include"):
        found = (order for order in found if str(order["id"]) in included)
    for name, passes in _DATES.items():
        if flask.request.args.get(name):
            at = _meant(parameter(name), flagged=parameter("dates_are_gmt") in ("true", "1"), name=name)
            found = [order for order in found if passes(order, at)]
    return sorted(found, key=_choice("orderby", _SORT, "date"), reverse=_choice("order", {"asc": False, "desc": True}, "desc"))


def paged(found: list[Any], render: Callable[[Any], Any]) -> flask.Response:
    """One page of the list; past the end an empty one whose total is 0 (the shop's newer order storage)."""
    size, page = _count("per_page", 10, 100), _count("page", 1, 10**6)
    shown = [only_fields(render(entry)) for entry in found[(page - 1) * size : page * size]]
    total = len(found) if shown else 0
    response = flask.jsonify(shown)
    response.headers["X-WP-Total"] = str(total)
    response.headers["X-WP-TotalPages"] = str(math.ceil(total / size))
    links = [(page - 1, "prev", page > 1), (page + 1, "next", page * size < total)]
    response.headers["Link"] = ", ".join(f'<{_page_url(number)}>; rel="{word}"' for number, word, real in links if real)
    return response


def only_fields(document: dict[str, Any]) -> dict[str, Any]:
    """What `_fields` asks for; the rest is made all the same and then cut off."""
    names = parameters("_fields")
    return {name: document[name] for name in names if name in document} if names else document


def _meant(text: str, *, flagged: bool, name: str) -> datetime:
    """The instant the shop understands. With the flag, a time with an offset is first made local and then read as UTC:
    wrong by the shop's own offset, as in the real one."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(name, "Invalid date.") from None
    if given.tzinfo is None:
        return given.replace(tzinfo=UTC) - (ZONE * 0 if flagged else ZONE)
    return given.astimezone(UTC) + (ZONE if flagged else ZONE * 0)


def _moment(gmt: str) -> datetime:
    return datetime.fromisoformat(gmt).replace(tzinfo=UTC)


def _count(name: str, default: int, most: int) -> int:
    text = parameter(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise invalid(name, f"{name} must be between 1 (inclusive) and {most} (inclusive)")
    return int(text)


def _choice(name: str, known: Mapping[str, Any], default: str) -> Any:
    word = parameter(name, default)
    if word not in known:
        raise invalid(name, f"{name} is not one of {', '.join(known)}.")
    return known[word]


def _page_url(number: int) -> str:
    return f"{flask.request.base_url}?page={number}"
