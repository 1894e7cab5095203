"""How the store answers: both generations' envelopes and errors, paging, the shared quota, the token check."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import flask
from flask import Response

from sandbox.bigcommerce.shop import PLATFORM, STORE_HASH, Shop
from sandbox.faults import Knobs, guard

_LARGEST_LIMIT = 250


class Refusal(Exception):
    """An answer that is an error: its status and words, and what is wrong by field."""

    def __init__(self, status: int, words: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.fields = dict(fields or {})


class Quota:
    """Calls allowed in a window, shared by all that call the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends = 0.0
        self._used = 0

    def use(self, quota: int, window_ms: int) -> tuple[int, int]:
        """Take one call: (calls left, milliseconds until all are there again); -1 left where there was none to take."""
        with self._lock:
            now = time.monotonic()
            if now >= self._ends:
                self._ends, self._used = now + window_ms / 1000, 0
            self._used = min(self._used + 1, quota + 1)
            return quota - self._used, max(1, round((self._ends - now) * 1000))


def answer(content: object, status: int = 200, *, problem: bool = False) -> Response:
    """A JSON answer."""
    kind = "application/problem+json" if problem else "application/json"
    return Response(json.dumps(content), status, content_type=kind)


def nothing() -> Response:
    """204: done, or a list without rows."""
    return Response(status=204)


def v2_list(rows: list[dict[str, Any]], show: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> Response:
    """One page of a v2 list; beyond its end, and for no rows at all, 204. Only the rows of the page are shown."""
    page, limit = _paging()
    chosen = [show(row) for row in rows[(page - 1) * limit : page * limit]]
    return answer(chosen) if chosen else nothing()


def v3_list(rows: list[dict[str, Any]]) -> Response:
    """One page of a v3 list with its pagination."""
    page, limit = _paging()
    chosen = rows[(page - 1) * limit : page * limit]
    pages = max(1, -(-len(rows) // limit))
    links = {"current": f"?page={page}&limit={limit}"}
    pagination = {"total": len(rows), "count": len(chosen), "per_page": limit, "current_page": page, "total_pages": pages}
    return answer({"data": chosen, "meta": {"pagination": {**pagination, "links": links}}})


def listed(name: str) -> set[str] | None:
    """The words of a comma-separated filter, None where it is not asked for."""
    text = flask.request.args.get(name)
    return None if text is None else {word.strip() for word in text.split(",")}


def wanted_json(kind: type) -> Any:
    """The request's JSON, of the type the endpoint takes."""
    content = flask.request.get_json(force=True, silent=True)
    if not isinstance(content, kind):
        raise Refusal(400, "The JSON body is missing or invalid.")
    return content


def _paging() -> tuple[int, int]:
    page, limit = _number("page", 1), _number("limit", 50)
    if limit > _LARGEST_LIMIT:
        raise Refusal(413, f"The limit must not be over {_LARGEST_LIMIT}.")
    return max(1, page), max(1, limit)


def _number(name: str, otherwise: int) -> int:
    text = flask.request.args.get(name, "")
    return int(text) if text.isdigit() else otherwise


# ---------------------------------------------------------------------------------------------------------------------
# At the door


def door(api: flask.Blueprint, shop: Shop, quota: Quota, knobs: Knobs) -> None:
    """What every call meets: the fault knobs, the store hash and token, the quota and its headers, the error shapes."""
    guard(api, PLATFORM, knobs, throttled=_without_headers, broken=_broken)

    @api.url_value_preprocessor
    def which_store(endpoint: str | None, values: dict[str, Any] | None) -> None:
        flask.g.store_hash = (values or {}).pop("store_hash", "")

    @api.before_request
    def admit() -> None:
        settings = shop.settings()
        allowed = int(settings["quota"] * knobs.get(PLATFORM)["limit_scale"])
        flask.g.quota = allowed, settings["quota_window_ms"], *quota.use(allowed, settings["quota_window_ms"])
        given = flask.request.headers.get("X-Auth-Token", "")
        if flask.g.store_hash != STORE_HASH or not _admitted(given, settings):
            raise Refusal(401, "Unauthorized")
        if flask.g.quota[2] < 0:
            raise Refusal(429, "Too many requests")

    @api.after_request
    def with_quota(response: Response) -> Response:
        response.headers.extend(_quota_headers())
        return response

    @api.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return _error(refusal)


def _admitted(given: str, settings: Mapping[str, Any]) -> bool:
    """The token of the store's own API account, or the one the installed app was given last."""
    tokens = (settings["token"], settings.get("app_token", ""))
    return any(token and hmac.compare_digest(given.encode(), token.encode()) for token in tokens)


def _quota_headers() -> dict[str, str]:
    if "quota" not in flask.g:
        return {}
    quota, window_ms, left, reset_ms = flask.g.quota
    return {
        "X-Rate-Limit-Requests-Quota": str(quota),
        "X-Rate-Limit-Requests-Left": str(max(0, left)),
        "X-Rate-Limit-Time-Window-Ms": str(window_ms),
        "X-Rate-Limit-Time-Reset-Ms": str(reset_ms),
        **({"X-Retry-After": str(-(-reset_ms // 1000))} if left < 0 else {}),
    }


def _error(refusal: Refusal) -> Response:
    """v2: an array of {status, message}; v3: an object {status, title, type, errors}."""
    if "/v2/" in flask.request.path:
        details = {"details": refusal.fields} if refusal.fields else {}
        return answer([{"status": refusal.status, "message": refusal.words, **details}], refusal.status)
    kind = "https://docs.bigcommerce.com/docs/start/about/status-codes"
    content = {"status": refusal.status, "title": refusal.words, "type": kind, "errors": refusal.fields}
    return answer(content, refusal.status, problem=refusal.status == 422)


def _without_headers() -> Response:
    """A 429 for the platform's own load carries no quota headers."""
    return _error(Refusal(429, "Too many requests"))


def _broken() -> Response:
    return _error(Refusal(500, "Internal Server Error"))
