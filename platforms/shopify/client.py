"""One GraphQL call to Shopify, and what each way of failing means.

Why not `shopify.GraphQL` of the package shopifyapi (12.7.0): it posts without a time-out, keeps the shop and its token in
state shared by the process (an error inside `Session.temp` leaves the other shop's token active), prints error bodies to
stdout, and knows neither throttling nor partial errors.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connector.platform import AuthLost, CallError, Refused, Retryable, Shop, Throttled, TokenRefused
from platforms.http import Answer, Http, by_status
from platforms.pace import Limit
from platforms.shopify.documents import Document

VERSION = "2026-10"

logger = logging.getLogger(__name__)

_SHORTEST_WAIT_SECONDS = 1.0
_WAIT_WITHOUT_COST_SECONDS = 2.0
_MOST_PAGES = 250  # Shopify ends every connection at 25,000 objects: 250 pages of 100
_LONGEST_QUOTE = 300

_RELINK = "Link the shop again with a working token."
_REFUSED_TOKEN = 401
_STATUS_WORDS: dict[int, tuple[str, str]] = {
    401: ("Shopify refuses the access token (401).", _RELINK),
    402: ("Shopify has frozen this store for an unpaid bill (402).", "The merchant settles it with Shopify."),
    403: ("Shopify forbids this app the store (403).", "Check the app's permissions, then link the shop again."),
    404: ("Shopify knows no such store or API version (404).", "Check the shop's domain, then link the shop again."),
    423: ("Shopify has locked this store (423).", "The merchant asks Shopify's support."),
}


class UserErrors(Refused):
    """A mutation was answered with userErrors: nothing was written. `codes` are Shopify's, empty where it gives none;
    `errors` are its rows as they came."""

    def __init__(self, message: str, remedy: str, codes: frozenset[str], errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message, remedy)
        self.codes = codes
        self.errors = errors


def ask(http: Http, shop: Shop, document: Document, **variables: object) -> dict[str, Any]:
    """Send a document and return its whole `data`; any error, also beside partial data, is raised as a call error."""
    try:
        with http.pace.turn(shop.address, _expected_cost(document)) as heard:
            answer = http.call(
                "POST",
                f"{shop.address}/admin/api/{VERSION}/graphql.json",
                headers={"X-Shopify-Access-Token": _token(shop)},
                json={"query": document.text, "variables": variables},
                safe=not document.write,
            )
            _note_version(answer.headers.get("x-shopify-api-version", VERSION))
            return _understood(heard, document, answer)
    except CallError as error:
        error.effect_unknown = error.effect_unknown and document.write  # reads go by POST too
        raise


def tell(http: Http, shop: Shop, document: Document, **variables: object) -> dict[str, Any]:
    """Send a mutation and return its payload; UserErrors where Shopify says no."""
    payload = ask(http, shop, document, **variables).get(document.field)
    if not isinstance(payload, dict):
        raise Retryable("Shopify's answer does not say whether it was done.", "It is tried again.", effect_unknown=True)
    said = payload.get("userErrors") or []
    if said:
        words = "; ".join(str(error.get("message", "")) for error in said)[:_LONGEST_QUOTE]
        codes = frozenset(str(error["code"]) for error in said if error.get("code"))
        raise UserErrors(f"Shopify says: {words}", "Correct the cause in Shopify's admin, then replay.", codes, said)
    return payload


def pages(http: Http, shop: Shop, document: Document, **variables: object) -> Iterator[dict[str, Any]]:
    """All nodes of the connection that is the document's root field, page by page."""
    after: str | None = None
    for _ in range(_MOST_PAGES):
        connection = ask(http, shop, document, after=after, **variables)[document.field]
        yield from connection["nodes"]
        if not connection["pageInfo"]["hasNextPage"]:
            return
        after = connection["pageInfo"]["endCursor"]
    raise Refused(f"Shopify lists more than {_MOST_PAGES} pages of {document.field}.", "Report this shop's size.")


def _token(shop: Shop) -> str:
    token = shop.credentials.get("token", "")
    if not token:
        raise AuthLost("There is no access token for this shop.", _RELINK)
    return token


def _understood(heard: Callable[[Limit], None], document: Document, answer: Answer) -> dict[str, Any]:
    """The data of an answer that is a success through and through."""
    if answer.status == _REFUSED_TOKEN:
        raise TokenRefused(*_STATUS_WORDS[answer.status])
    if answer.status in _STATUS_WORDS:
        raise AuthLost(*_STATUS_WORDS[answer.status])
    if not 200 <= answer.status < 300:
        raise by_status(answer)
    said = answer.json()
    if not isinstance(said, dict):
        raise Retryable("Shopify answered with JSON that is no GraphQL answer.", "It is tried again.", effect_unknown=True)
    _note_cost(heard, document, said)
    if said.get("errors"):
        raise _as_call_error(said)
    if not isinstance(said.get("data"), dict):
        raise Retryable("Shopify's answer has neither data nor errors.", "It is tried again.", effect_unknown=True)
    return said["data"]  # type: ignore[no-any-return]


def _as_call_error(said: Mapping[str, Any]) -> CallError:
    """The call error behind `errors`. With several, the one that asks most of the caller wins: order of the rows."""
    listed = said["errors"] if isinstance(said["errors"], list) else [{"message": str(said["errors"])}]
    errors = [error for error in listed if isinstance(error, dict)] or [{"message": str(listed)}]
    words = "; ".join(str(error.get("message", "")) for error in errors)[:_LONGEST_QUOTE]
    codes = {_code(error) for error in errors}
    if codes & {"ACCESS_DENIED", "SHOP_INACTIVE"}:
        return AuthLost(f"Shopify denies access: {words}", "Grant the app the missing permission, then link the shop again.")
    if "THROTTLED" in codes:
        wait = throttle_wait_seconds(said)
        return Throttled("Shopify asks us to slow down.", "It is tried again by itself.", retry_after_seconds=wait)
    if "MAX_COST_EXCEEDED" in codes:
        return Refused(f"Shopify finds the query too large: {words}", "Lower the page sizes in documents.py.")
    if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT"}:
        return Retryable(f"Shopify failed inside: {words}", "It is tried again by itself.", effect_unknown=True)
    return Refused(f"Shopify does not understand: {words}", "Report it: the document and the API version disagree.")


_costs: dict[str, float] = {}
_COST_NOT_KNOWN_YET = 100.0


def _expected_cost(document: Document) -> float:
    """What the same document was said to cost last; Shopify takes that much first and gives back what was not used."""
    return _costs.get(document.text, _COST_NOT_KNOWN_YET)


def room(http: Http, shop: Shop, underway: int) -> bool:
    """See `Platform.room`: while the dearest document that is known could be sent at once."""
    return http.room(shop, underway, max(_costs.values(), default=_COST_NOT_KNOWN_YET))


def _note_cost(heard: Callable[[Limit], None], document: Document, said: Mapping[str, Any]) -> None:
    """Every answer says what the query cost and how full the bucket is; one that does not leaves things as they are."""
    try:
        cost = said["extensions"]["cost"]
        bucket = cost["throttleStatus"]
        _costs[document.text] = float(cost["requestedQueryCost"])
        limit = Limit(
            float(bucket["currentlyAvailable"]),
            float(bucket["maximumAvailable"]),
            float(bucket["restoreRate"]),
            used=float(cost["actualQueryCost"] or 0),  # null where it was refused: then nothing was taken
        )
    except (KeyError, TypeError, ValueError):
        return
    heard(limit)


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code", "")) if isinstance(extensions, dict) else ""


def throttle_wait_seconds(said: Mapping[str, Any]) -> float:
    """How long until the bucket holds what the query asked for: (requested - available) / restoreRate."""
    try:
        cost = said["extensions"]["cost"]
        bucket = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(bucket["currentlyAvailable"])
        return max(_SHORTEST_WAIT_SECONDS, missing / float(bucket["restoreRate"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return _WAIT_WITHOUT_COST_SECONDS


@functools.lru_cache(maxsize=16)
def _note_version(version: str) -> None:
    """Shopify answers a version it no longer serves with its oldest one, silently but for this header. Said once."""
    if version != VERSION:
        logger.warning("Shopify answers with API version %s instead of %s: raise the pinned version.", version[:20], VERSION)
