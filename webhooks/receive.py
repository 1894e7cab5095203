"""A platform's request -> one durable row -> 200. Nothing else happens here.

`receive` knows no web framework: method, path, headers and a way to read the body go in, a status and a text come out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector.domain.errors import Malformed
from connector.flow.wake import Wake
from connector.platform import Delivery, Kind, Platform, Shop
from webhooks.directory import Directory, Known

LARGEST_BODY_BYTES = 1024 * 1024
_QUICK_BODY_BYTES = 64 * 1024  # a larger one would keep an event loop from the others for milliseconds
_UNINSTALLED_GRACE = timedelta(hours=48)
_NAME = re.compile(r"[!-~]{1,255}", re.ASCII)
_ADDRESS = re.compile(r"/webhooks/(?P<platform>[a-z0-9_-]{1,50})(?:/(?P<key>[^/]+))?")

log = structlog.get_logger(__name__)


class BodyTooLarge(Exception):
    """The body is over LARGEST_BODY_BYTES; it was not read to its end."""


class BodyLost(Exception):
    """The sender went away in the middle of its body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP answer, and in one word how the delivery ended, for the metrics."""

    status: int
    text: str
    outcome: str


STORED = Answer(200, "stored\n", "stored")
RECORDED = Answer(200, "recorded\n", "recorded")
PING = Answer(200, "hello\n", "ping")
FORGED = Answer(401, "the signature does not fit this shop\n", "forged")
UNKNOWN = Answer(404, "no shop is linked at this address\n", "unknown")
NOT_POST = Answer(405, "webhooks are sent with POST\n", "not_post")
LOST = Answer(400, "the body ended early\n", "lost")
TOO_LARGE = Answer(413, "the body is over 1 MiB\n", "too_large")
ENCODED = Answer(415, "send the body without Content-Encoding\n", "encoded")
UNAVAILABLE = Answer(503, "not stored, send it again\n", "unavailable")


@dataclass(frozen=True, slots=True)
class Door:
    """What receiving needs. `keep` stores and commits before it returns, `keeping` does so on an event loop; `wake` never waits
    and never fails."""

    platforms: Mapping[str, Platform]
    directory: Directory
    keep: Callable[[Shop, Delivery, bytes, datetime], Wake | None]
    keeping: Callable[[Shop, Delivery, bytes, datetime], Awaitable[Wake | None]]
    wake: Callable[[Wake], None]
    now: Callable[[], datetime]


def receive(door: Door, method: str, path: str, headers: Mapping[str, str], read: Callable[[], bytes]) -> Answer:
    """Answer one request. `headers` have lower-case names; `read` returns the raw body or raises one of the Body errors.

    200 is answered only after the row is committed. Whatever the input, the answer is below 500: 503 means that our own
    database or configuration failed, so that the platform sends it again.
    """
    try:
        return _receive(door, method, path, headers, read)
    except BodyTooLarge:
        return TOO_LARGE
    except BodyLost:
        return LOST
    except Exception as error:  # noqa: BLE001 - the last line of defence: not stored, so the platform must send it again
        return _not_stored(error)


async def receive_quickly(door: Door, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
    """As `receive`, on an event loop and without ever blocking it: for what nobody need be asked about, which is a body of
    ordinary size, well signed by a shop that was looked up a moment ago. None, with nothing done, for all else."""
    known = _known_at_once(door, method, path, headers, body)
    if known is None:
        return None
    delivery = _understood(door.platforms[known.shop.platform], known, headers, body)
    try:
        return _kept(door, await door.keeping(known.shop, delivery, body, door.now()))
    except Exception as error:  # noqa: BLE001 - as in `receive`
        return _not_stored(error)


def _known_at_once(door: Door, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Known | None:
    """The shop that signed the body, where nothing speaks for asking further; a whole body has the length it was sent with."""
    if method != "POST" or len(body) > _QUICK_BODY_BYTES or headers.get("content-length") != str(len(body)):
        return None
    platform, key = _addressed(door.platforms, path)
    if platform is None or "content-encoding" in headers or _asked(platform.is_ping, headers, body):
        return None
    name = platform.shop_named_by(headers) if platform.shared_address else key
    known = door.directory.kept(platform, name) if _NAME.fullmatch(name) else None
    signed = _asked(platform.genuine, known.shop if known else _decoy(platform), headers, body)  # the same work for both
    return known if known and signed and known.uninstalled_at is None else None


def _not_stored(error: Exception) -> Answer:
    if isinstance(error, SQLAlchemyError):
        log.error("the database did not take a delivery", error=type(error).__name__, remedy="See /readyz; it is sent again.")
    else:
        log.error("a delivery could not be stored", remedy="See /readyz; the platform sends it again by itself.", exc_info=error)
    return UNAVAILABLE


def _receive(door: Door, method: str, path: str, headers: Mapping[str, str], read: Callable[[], bytes]) -> Answer:
    if method != "POST":
        return NOT_POST
    platform, key = _addressed(door.platforms, path)
    if platform is None:
        return UNKNOWN
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return ENCODED
    body = read()
    if _asked(platform.is_ping, headers, body):
        return PING
    known = _sender(door, platform, key, headers, body)
    if isinstance(known, Answer):
        return known
    return _kept(door, door.keep(known.shop, _understood(platform, known, headers, body), body, door.now()))


def _addressed(platforms: Mapping[str, Platform], path: str) -> tuple[Platform | None, str]:
    """The platform of an address and the shop's key in it; a platform has either one shared address or one for each shop."""
    match = _ADDRESS.fullmatch(path)
    platform = platforms.get(match["platform"]) if match else None
    if match is None or platform is None or platform.shared_address is not (match["key"] is None):
        return None, ""
    return platform, match["key"] or ""


def _sender(door: Door, platform: Platform, key: str, headers: Mapping[str, str], body: bytes) -> Known | Answer:
    """The shop that really signed the body, or the refusal.

    An unknown shop costs the same check as a known one. A signature that does not fit is checked once more with the
    credentials of this moment: they may have been changed a second ago.
    """
    name = platform.shop_named_by(headers) if platform.shared_address else key
    known = _look_up(door, platform, name, fresh=False)
    if known is None:
        _asked(platform.genuine, _decoy(platform), headers, body)
        return UNKNOWN
    if _asked(platform.genuine, known.shop, headers, body):
        return known
    again = _look_up(door, platform, name, fresh=True)
    if again is None:
        return UNKNOWN
    changed = dict(again.shop.credentials) != dict(known.shop.credentials)
    return again if changed and _asked(platform.genuine, again.shop, headers, body) else FORGED


def _look_up(door: Door, platform: Platform, name: str, *, fresh: bool) -> Known | None:
    if not _NAME.fullmatch(name):
        return None
    known = door.directory.find(platform, name, fresh=fresh)
    if known is None or known.uninstalled_at is None or door.now() - known.uninstalled_at <= _UNINSTALLED_GRACE:
        return known
    return None


def _asked(question: Callable[..., bool], *arguments: object) -> bool:
    """A yes-or-no question to a platform about untrusted bytes; a platform that stumbles over them has not said yes."""
    try:
        return question(*arguments)
    except Exception:  # a fault in a platform's reading of hostile bytes must look like any refusal
        log.exception("a platform stumbled over a request", remedy="Report it with this trace; the request was refused.")
        return False


def _decoy(platform: Platform) -> Shop:
    credentials = dict.fromkeys((*platform.credentials, "webhook_secret"), "decoy")
    return Shop(0, "", platform.name, "", "", "", credentials)


def _understood(platform: Platform, known: Known, headers: Mapping[str, str], body: bytes) -> Delivery:
    """What the verified request says. One that cannot be read is kept all the same, with the reason."""
    try:
        delivery = platform.parse(headers, body)
    except Malformed as error:
        delivery = _unread(body, error.message)
    except Exception as error:  # a fault in a platform's parser must not lose a signed delivery
        log.exception("a signed delivery could not be read", platform=platform.name, shop=known.shop.id)
        delivery = _unread(body, f"The delivery could not be read ({type(error).__name__}); this is a fault of the connector.")
    if known.uninstalled_at is not None and delivery.kind is not Kind.IGNORED:
        delivery = replace(delivery, kind=Kind.IGNORED, reason="The app was uninstalled from this shop.")
    return delivery


def _unread(body: bytes, reason: str) -> Delivery:
    return Delivery("", Kind.IGNORED, f"unread:{hashlib.sha256(body).hexdigest()}", reason=reason)


def _kept(door: Door, wake: Wake | None) -> Answer:
    if wake is None:
        return RECORDED
    door.wake(wake)
    return STORED
