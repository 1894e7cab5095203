"""What every API request passes: its token, its scope, its JSON, its Idempotency-Key; and every refusal as problem+json."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast

import structlog
from flask import Blueprint, Response, g, request
from sqlalchemy.exc import DBAPIError, OperationalError
from werkzeug.exceptions import HTTPException

from connector.db import access
from connector.db.access import TokenRow
from connector.domain.errors import ConnectorError, Malformed, NotFound, Rejected
from connector.flow import access as story
from desk.blueprint import desk, house, serve

api = Blueprint("api", __name__, url_prefix="/api/v1")
log = structlog.get_logger(__name__)

Answer = tuple[Any, int]
_KEY = re.compile(r"[!-~]{1,200}")
_LARGEST_ID = 2**63 - 1
_SEALED = "sealed answer"

# What each error we raise on purpose means to a caller: (status, slug of the problem type).
_MEANING: dict[type[ConnectorError], tuple[int, str]] = {
    NotFound: (404, "not-found"),
    Malformed: (400, "malformed"),
    Rejected: (409, "refused"),
}


class Problem(Exception):
    """A refusal of the API itself."""

    def __init__(self, status: int, slug: str, detail: str, remedy: str = "") -> None:
        super().__init__(detail)
        self.status, self.slug, self.detail, self.remedy = status, slug, detail, remedy


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def token() -> TokenRow:
    """Who is calling."""
    return cast(TokenRow, g.token)


def needs(scope: str) -> Callable[[Callable[..., Answer]], Callable[..., Response]]:
    """The route may be called with a token of this scope; its answer is sent as JSON.

    Where the request carries an Idempotency-Key, repeating it gives the first answer again.
    """

    def around(route: Callable[..., Answer]) -> Callable[..., Response]:
        @functools.wraps(route)
        def guarded(**given: Any) -> Response:
            g.token = _holder()
            serve(token().merchant_id)
            if scope not in token().scopes:
                raise Problem(
                    403, "scope", f"This token lacks the scope {scope}.", "Make one that has it: `connector tokens add`."
                )
            return _sent(*_once(route, given))

        guarded.needs_scope = scope  # type: ignore[attr-defined]
        return guarded

    return around


def _holder() -> TokenRow:
    kind, _, presented = request.headers.get("Authorization", "").partition(" ")
    found = story.holder(house().engine, presented.strip(), now()) if kind.lower() == "bearer" else None
    if found is None:
        raise Problem(401, "token", "There is no valid token in the Authorization header.", "Send “Authorization: Bearer …”.")
    return found


def _once(route: Callable[..., Answer], given: dict[str, Any]) -> Answer:
    key = request.headers.get("Idempotency-Key", "")
    if not key or request.method == "GET":
        return route(**given)
    if not _KEY.fullmatch(key):
        raise Problem(400, "key", "The Idempotency-Key is not 1 to 200 printable ASCII characters.", "Send a UUID.")
    fingerprint = hashlib.sha256(b"\n".join((request.full_path.encode(), request.get_data()))).hexdigest()
    with desk().engine.begin() as conn:
        earlier = access.begin_answer(conn, token().id, key, fingerprint, now())
    if earlier is None:
        return _done(route, given, key)
    if earlier[0] != fingerprint:
        raise Problem(422, "key", "This Idempotency-Key was used for another request.", "Use a new key for each request.")
    if earlier[1] == 0:
        raise Problem(409, "key", "The first request with this Idempotency-Key is still being done.", "Repeat it in a moment.")
    return _remembered(earlier[2]), earlier[1]


def _done(route: Callable[..., Answer], given: dict[str, Any], key: str) -> Answer:
    try:
        answer, status = route(**given)
    except Exception:  # whatever it was: the request did nothing, and may be repeated under its key
        with desk().engine.begin() as conn:
            access.drop_answer(conn, token().id, key)
        raise
    with desk().engine.begin() as conn:
        access.end_answer(conn, token().id, key, status, _kept(answer))
    return answer, status


def _kept(answer: Any) -> Any:
    """The answer as it is remembered: one with a secret is sealed."""
    return {_SEALED: urlsafe_b64encode(desk().seal.seal_json(answer)).decode()} if "secret" in answer else answer


def _remembered(kept: Any) -> Any:
    return desk().seal.open_json(urlsafe_b64decode(kept[_SEALED])) if _SEALED in kept else kept


def body() -> dict[str, Any]:
    """The JSON object of the request."""
    try:
        found = json.loads(request.get_data() or b"{}")
    except (ValueError, RecursionError):
        raise Problem(400, "malformed", "The body is not JSON.", "Send a JSON object.") from None
    if not isinstance(found, dict):
        raise Problem(400, "malformed", "The body is not a JSON object.", "Send a JSON object.")
    return found


def text(given: dict[str, Any], name: str, *, required: bool = False, longest: int = 200) -> str:
    """A text of the body, "" where it is absent."""
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > longest or "\x00" in value or (required and not value.strip()):
        raise Problem(400, "malformed", f"“{name}” is not a text of at most {longest} characters.", "Correct it.")
    return value


def whole(given: dict[str, Any], name: str) -> int:
    """An integer of the body."""
    value = given.get(name)
    if type(value) is not int or abs(value) >= 2**31:
        raise Problem(400, "malformed", f"“{name}” is not an integer.", "Correct it.")
    return value


def rows(given: dict[str, Any], name: str, *, most: int = 1000) -> list[dict[str, Any]]:
    """A list of objects of the body."""
    value = given.get(name)
    if not isinstance(value, list) or not 0 < len(value) <= most or not all(isinstance(row, dict) for row in value):
        raise Problem(400, "malformed", f"“{name}” is not a list of 1 to {most} objects.", "Correct it.")
    return value


def limit() -> int:
    """How many rows the caller wants, 1 to 200."""
    value = request.args.get("limit", "50")
    if not value.isdecimal() or not 1 <= int(value[:9]) <= 200:
        raise Problem(400, "malformed", "“limit” is not between 1 and 200.", "Correct it.")
    return int(value)


def known_id(value: int) -> int:
    """An id that the database could hold; anything else exists nowhere."""
    if value > _LARGEST_ID:
        raise NotFound("There is nothing with this id.")
    return value


def _sent(answer: Any, status: int) -> Response:
    return Response(
        json.dumps(answer, ensure_ascii=False), status, mimetype="application/json", headers={"Cache-Control": "no-store"}
    )


def _problem(status: int, slug: str, detail: str, remedy: str = "") -> Response:
    found = {
        "type": f"/api/problems#{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "remedy": remedy,
    }
    headers = {"Cache-Control": "no-store"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(found, ensure_ascii=False), status, mimetype="application/problem+json", headers=headers)


@api.errorhandler(Problem)
def _refused(error: Problem) -> Response:
    return _problem(error.status, error.slug, error.detail, error.remedy)


@api.errorhandler(ConnectorError)
def _known(error: ConnectorError) -> Response:
    status, slug = _MEANING.get(type(error), (409, "refused"))
    return _problem(status, slug, error.message, error.remedy)


@api.errorhandler(HTTPException)
def _http(error: HTTPException) -> Response:
    return unknown(error)


def unknown(error: HTTPException) -> Response:
    """What HTTP itself refuses, also where no route of the API was met."""
    return _problem(error.code or 500, "http", error.description or "", "See the document at /api/v1/openapi.yaml.")


@api.errorhandler(DBAPIError)
def _database(error: DBAPIError) -> Response:
    log.error("the database failed in an API request", error=type(error.orig).__name__)
    if not isinstance(error, OperationalError):
        return _problem(400, "malformed", "A value cannot be stored.", "Look for odd characters or numbers out of range.")
    response = _problem(
        503, "unavailable", "The database does not answer at the moment.", "Repeat the request with the same key."
    )
    response.headers["Retry-After"] = "5"
    return response
