"""Calls to a shop's `wc/v3` REST API: one request at a time, every answer checked, every failure one of the call errors."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from connector.platform import AuthLost, CallError, Refused, Retryable, Shop, Throttled
from platforms.http import Answer, Http, retry_after_seconds
from platforms.pace import Limit
from platforms.woocommerce.auth import signed

PER_PAGE = 100  # the largest page the API gives; 101 is refused with 400
_MOST_PAGES = 20
_AT_ONCE = 1  # by all workers together: a small host has few PHP workers, and they serve the shop's customers too
_CALLS_AFTER_A_REST = 1_000_000.0  # WooCommerce itself has no limit; only its host may ask for a rest
_LONGEST_SAID = 200

_AGAIN = "It is tried again by itself."
_PERMALINKS = (
    "In the shop's admin choose any permalink setting but “Plain” under Settings > Permalinks, "
    "and check that WooCommerce is active and that the address is the shop's own."
)
_OWNER = "Let an administrator or shop manager make a new Read/Write key, then link the shop again."
_UNKNOWN_KEY = (
    "Either the key was revoked: make a new one and link the shop again. Or the shop's host removes the Authorization header, "
    "or its proxy does not say that the call came over https: ask the host to pass both on."
)
_MISMATCH = "Link the shop again with the consumer secret that belongs to the key."

# WooCommerce answers 401 under one code for several causes; only its (English) message tells them apart (10.5.0).
_REFUSED_KEYS = (
    ("consumer key", "The shop does not know the key.", "Make a new Read/Write key and link the shop again with it."),
    ("write permissions", "The key may only read.", "Make a key with Read/Write permission and link the shop again."),
    ("timestamp", "The shop finds our clock wrong.", "Set this machine's clock and the shop's clock by a time server."),
    ("nonce", "The shop has seen this signature before.", _AGAIN),
)


class Absent(Refused):
    """The named resource does not exist in the shop (any more)."""


class Unfit(Refused):
    """The shop refused values of the request; `fields` names them where it said which."""

    def __init__(self, message: str, remedy: str, fields: frozenset[str]) -> None:
        super().__init__(message, remedy)
        self.fields = fields


def api_url(shop: Shop, path: str) -> str:
    """The address of a `wc/v3` resource; a path that begins with a slash starts at `/wp-json` (other namespaces)."""
    return f"{shop.address}/wp-json{path}" if path.startswith("/") else f"{shop.address}/wp-json/wc/v3/{path}"


def read(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
    """GET an object. Absent where it does not exist; the other call errors as they are."""
    found: dict[str, Any] = _shaped(_call(http, shop, "GET", path, params=params), dict)
    return found


def read_list(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """GET a list of objects, one page of it."""
    found = _shaped(_call(http, shop, "GET", path, params=params), list)
    return [entry for entry in found if isinstance(entry, dict)]


def read_all(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """GET a list page by page until a short page; the totals in the headers differ between versions and are not used."""
    for page in range(1, _MOST_PAGES + 1):
        found = read_list(http, shop, path, {**(params or {}), "per_page": str(PER_PAGE), "page": str(page)})
        yield from found
        if len(found) < PER_PAGE:
            return
    raise Refused(f"The shop has over {_MOST_PAGES * PER_PAGE} entries under {path}.", "Remove those that are not needed.")


def total(http: Http, shop: Shop, path: str, params: Mapping[str, str]) -> int | None:
    """How many entries a list has by its header; None where the shop's host removes it."""
    answer = _answer(http, shop, "GET", path, params=params)
    _shaped(answer.json(), list)
    text = answer.headers.get("x-wp-total", "")
    return int(text) if text.isascii() and text.isdigit() else None


def write(
    http: Http, shop: Shop, method: str, path: str, body: object, params: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """POST, PUT or DELETE. Only changed fields may be sent: a whole order sent back is refused for an empty e-mail address."""
    answered: dict[str, Any] = _shaped(_call(http, shop, method, path, params=params, body=body), dict)
    return answered


def checked_params(params: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters, unless they hold the shop's time-zone trap: a date with an offset together with `dates_are_gmt`.

    Such a date is shifted by the shop's offset, which east of UTC silently misses orders (WooCommerce 10.5.0 and 9.9.5).
    """
    if "dates_are_gmt" in params:
        for name in ("after", "before", "modified_after", "modified_before"):
            if re.search(r"(?:Z|[+-]\d\d:?\d\d)$", params.get(name, "")):
                raise ValueError(f"{name} must be plain UTC without Z or offset when dates_are_gmt is sent")
    return params


def _call(
    http: Http, shop: Shop, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
) -> object:
    return _answer(http, shop, method, path, params=params, body=body).json()


def _answer(
    http: Http, shop: Shop, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
) -> Answer:
    url, auth = signed(shop, method, api_url(shop, path), checked_params(params or {}))
    with http.pace.turn(shop.address, at_once=_AT_ONCE) as heard:
        answer = http.call(method, url, json=body, auth=auth)
        if answer.status in (429, 503) and (wait := retry_after_seconds(answer.headers)):
            heard(Limit(0, _CALLS_AFTER_A_REST, reset_seconds=wait))
    if not _is_json(answer):
        raise _page_error(answer)
    if 200 <= answer.status < 300:
        return answer
    raise _said_error(answer)


def _is_json(answer: Answer) -> bool:
    return "json" in answer.headers.get("content-type", "").lower()


def _shaped(found: object, kind: type) -> Any:
    if not isinstance(found, kind):
        raise Retryable(f"The shop answered with no {kind.__name__}.", _AGAIN, effect_unknown=True)
    return found


def _page_error(answer: Answer) -> CallError:
    """What a page instead of JSON means: maintenance, a firewall, a password, a login, a wrong address."""
    status, wait = answer.status, retry_after_seconds(answer.headers)
    message = f"The shop answered {status} with a page instead of JSON."
    if 300 <= status < 400:
        target = urlsplit(answer.headers.get("location", ""))
        return Refused(f"The shop leads on to {target.scheme}://{target.netloc}.", "Link the shop with the address it leads to.")
    if status == 401:
        return AuthLost(message, "The site asks for a password before WooCommerce does: let /wp-json/ through.")
    if status == 404:
        return Refused(message, _PERMALINKS)
    if status == 429:
        return Throttled(message, _AGAIN, retry_after_seconds=wait)
    if 400 <= status < 500:
        return Retryable(message, "If it lasts, let the shop's firewall admit our User-Agent and address.")
    remedy = "If it lasts, look whether the shop shows a maintenance or error page."
    return Retryable(message, remedy, retry_after_seconds=wait, effect_unknown=True)


def _said_error(answer: Answer) -> CallError:
    """What WooCommerce's own error object means: {"code", "message", "data": {"status", "params"}}."""
    status, wait = answer.status, retry_after_seconds(answer.headers)
    code, said, fields = _error_object(answer.body)
    message = f"The shop answered {status} {code}: {said}"
    if status == 401:
        return _key_error(code, said, message)
    if status == 403:
        return AuthLost(message, _OWNER)
    if code == "rest_no_route":
        return Refused(message, _PERMALINKS)
    if status == 404:
        return Absent(message, "Look whether it was deleted in the shop.")
    if status == 429:
        return Throttled(message, _AGAIN, retry_after_seconds=wait)
    if status >= 500 or status in (408, 425):
        return Retryable(message, _AGAIN, retry_after_seconds=wait, effect_unknown=True)
    return Unfit(message, "Correct the named value in the shop or in its settings here, then replay.", fields)


def _key_error(code: str, said: str, message: str) -> AuthLost:
    if "cannot_" in code:
        return AuthLost(message, _UNKNOWN_KEY)
    for words, meaning, remedy in _REFUSED_KEYS:
        if words in said.lower():
            return AuthLost(f"{meaning} ({message})", remedy)
    return AuthLost(message, _MISMATCH)


def _error_object(body: bytes) -> tuple[str, str, frozenset[str]]:
    """(code, bounded message without HTML, names of refused fields); PHP errors put whole pages into the message."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    error = found if isinstance(found, dict) else {}
    data = error.get("data")
    params = data.get("params") if isinstance(data, dict) else None
    said = html.unescape(re.sub(r"<[^>]*>", " ", str(error.get("message", ""))[:2000]))
    fields = frozenset(params) if isinstance(params, dict) else frozenset()
    return str(error.get("code", ""))[:80], " ".join(said.split())[:_LONGEST_SAID], fields
