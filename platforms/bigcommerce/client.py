"""Calling BigCommerce: two generations of its API with different envelopes, ends of lists and errors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connector.platform import AuthLost, CallError, Refused, Retryable, Shop, Throttled
from platforms.http import Answer, Http, by_status
from platforms.pace import Limit

# Lists without a stated cap answer 50 rows when they are not asked, or refuse to be asked, for more.
DEFAULT_PAGE_ROWS = 50
_PAGE_ROWS = 250
_MOST_PAGES = 200

Row = dict[str, Any]


class Missing(Refused):
    """The thing asked for does not exist."""


def read(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> Any:
    """GET; a 204 is None. Raises the call errors, Missing for a 404."""
    answer = _call(http, shop, "GET", path, params=params)
    return None if answer.status == 204 else answer.json()


def write(http: Http, shop: Shop, method: str, path: str, content: object) -> Any:
    """A write with a JSON body; the decoded answer, None where it has no body."""
    return _decoded(_call(http, shop, method, path, content=content))


def delete(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> None:
    """DELETE; what is gone already was deleted by somebody faster."""
    with contextlib.suppress(Missing):
        _call(http, shop, "DELETE", path, params=params)


def v2_rows(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> Iterator[Row]:
    """All rows of a v2 list, whose end is a 204 without a body.

    A page shorter than the platform's own default of 50 is the last one; a longer one may have been capped, so the list
    is read on until nothing comes.
    """
    seen: list[Row] = []
    for page in range(1, _MOST_PAGES + 1):
        rows = _list(read(http, shop, path, {**(params or {}), "page": str(page), "limit": str(_PAGE_ROWS)}))
        if rows and rows == seen:
            raise Retryable(f"BigCommerce answers the same page of {path} over and over.", "It is tried again by itself.")
        yield from rows
        if len(rows) < DEFAULT_PAGE_ROWS:
            return
        seen = rows
    raise Refused(f"{path} has over {_MOST_PAGES} pages.", "Ask for fewer rows.")


def v3_rows(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> Iterator[Row]:
    """All rows of a v3 list; one without `meta.pagination` (pickups) is a single page."""
    for page in range(1, _MOST_PAGES + 1):
        answer = read(http, shop, path, {**(params or {}), "page": str(page), "limit": str(_PAGE_ROWS)})
        yield from _v3_rows(answer)
        if page >= _total_pages(answer):
            return
    raise Refused(f"{path} has over {_MOST_PAGES} pages.", "Ask for fewer rows.")


def v3_list(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> list[Row]:
    """The rows of a v3 list that knows no pages."""
    return _v3_rows(read(http, shop, path, params))


def _v3_rows(answer: Any) -> list[Row]:
    """The rows of a v3 answer; a 204 has none."""
    if answer is not None and not isinstance(answer, dict):
        raise _other_shape("object")
    return _list(answer.get("data")) if answer else []


def _total_pages(answer: Any) -> int:
    meta = answer.get("meta") if answer else None
    pagination = meta.get("pagination") if isinstance(meta, dict) else None
    total = pagination.get("total_pages") if isinstance(pagination, dict) else None
    return total if isinstance(total, int) else 1


def _list(decoded: Any) -> list[Row]:
    if decoded is not None and not isinstance(decoded, list):
        raise _other_shape("list")
    return [row for row in decoded or () if isinstance(row, dict)]


def _other_shape(wanted: str) -> Retryable:
    return Retryable(f"BigCommerce answered with no {wanted}.", "It is tried again by itself.")


def read_object(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> Row:
    """GET an object; Retryable for anything else."""
    found = read(http, shop, path, params)
    if not isinstance(found, dict):
        raise _other_shape("object")
    return found


def read_list(http: Http, shop: Shop, path: str, params: Mapping[str, str] | None = None) -> list[Row]:
    """GET one page of a v2 list; a 204 is an empty one, Retryable for anything else."""
    return _list(read(http, shop, path, params))


def _decoded(answer: Answer) -> Any:
    return answer.json() if answer.body.strip() else None


def _call(
    http: Http, shop: Shop, method: str, path: str, *, params: Mapping[str, str] | None = None, content: object = None
) -> Answer:
    headers = {"X-Auth-Token": shop.credentials.get("token", ""), "Content-Type": "application/json"}
    with http.pace.turn(shop.address) as heard:
        answer = http.call(method, f"{shop.address}/{path}", headers=headers, params=params, json=content)
        _note_quota(heard, answer.headers)
    if not 200 <= answer.status < 300:
        raise failure(answer, path)
    return answer


def _note_quota(heard: Callable[[Limit], None], headers: Mapping[str, str]) -> None:
    """The quota is shared by all apps of the store; every answer says how much of it is left and when it is whole again."""
    left = _number(headers.get("x-rate-limit-requests-left"), 1.0)
    most = _number(headers.get("x-rate-limit-requests-quota"), 1.0)
    reset = _number(headers.get("x-rate-limit-time-reset-ms"), 0.001)
    if left is not None and most and reset:
        heard(Limit(left, most, reset_seconds=reset))


# ---------------------------------------------------------------------------------------------------------------------
# Failures

_REPLAY = "Read the answer, correct the cause in BigCommerce, then replay."
_BY_ITSELF = "It is tried again by itself."

# Statuses that mean something else here than on the other platforms: class, remedy.
_MEANINGS: dict[int, tuple[type[CallError], str]] = {
    401: (AuthLost, "The app was uninstalled or the token replaced: link the shop again."),
    403: (AuthLost, "The API account lacks a permission: give it the ones the README lists, then link the shop again."),
    404: (Missing, "It was deleted in BigCommerce, or never existed."),
    423: (Retryable, _BY_ITSELF),
    507: (Refused, "The store's plan has reached a limit: the merchant must free room or change the plan."),
}


def failure(answer: Answer, path: str) -> CallError:
    """The call error behind a refused request, with BigCommerce's own words."""
    if answer.status == 429:
        return Throttled("BigCommerce asks us to slow down (429).", _BY_ITSELF, retry_after_seconds=_wait_seconds(answer.headers))
    message = f"BigCommerce answered {answer.status}: {_said(answer.body)}"
    if answer.status == 403 and path.startswith("v3/orders/pickups"):
        # Seen with every permission given, and gone later (bigcommerce/docs#966): no reason to pause the whole shop.
        return Retryable(message, "If it lasts, give the API account the permission to manage order fulfillment.")
    if answer.status in _MEANINGS:
        kind, remedy = _MEANINGS[answer.status]
        return kind(message, remedy)
    if 400 <= answer.status < 500 and answer.status not in (402, 408, 425):
        return Refused(message, _REPLAY)
    return by_status(answer)


def _wait_seconds(headers: Mapping[str, str]) -> float | None:
    """The longer of the quota's reset (milliseconds) and X-Retry-After (seconds); None on a 429 for the platform's load."""
    waits = [_number(headers.get("x-rate-limit-time-reset-ms"), 0.001), _number(headers.get("x-retry-after"), 1.0)]
    return max((wait for wait in waits if wait is not None), default=None)


def _number(text: str | None, unit_seconds: float) -> float | None:
    try:
        seconds = float(text or "") * unit_seconds
    except ValueError:
        return None
    return max(0.0, seconds) if seconds < float("inf") else None


def _said(body: bytes) -> str:
    """v2 answers an array of {status, message, details}, v3 an object {title, errors}; anything else as it came."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        return " ".join(body[:200].decode("utf-8", "replace").split())
    if isinstance(decoded, list):
        return _short("; ".join(_with_details(row, "message", "details") for row in decoded if isinstance(row, dict)))
    return _short(_with_details(decoded, "title", "errors") if isinstance(decoded, dict) else str(decoded))


def _with_details(row: Mapping[str, Any], words: str, details: str) -> str:
    text = str(row.get(words, ""))
    return f"{text} {json.dumps(row[details], ensure_ascii=False)}" if row.get(details) else text


def _short(text: str) -> str:
    return " ".join(text.split())[:400]
