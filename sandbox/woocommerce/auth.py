"""Who is calling: the whole table of cases, with the codes a real shop answers (10.5.0)."""

from __future__ import annotations

import base64
import collections
import hmac
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

import flask

from sandbox.catalogue import CREDENTIALS
from sandbox.store import Store
from sandbox.woocommerce.shop import PLATFORM, Refusal

_OWN = CREDENTIALS[PLATFORM]
READ_KEY = {"key": "ck_sandbox_read", "secret": "cs_sandbox_read"}
_KEYS = {_OWN["key"]: (_OWN["secret"], True), READ_KEY["key"]: (READ_KEY["secret"], False)}
ISSUED_KEY = "woocommerce.key"  # keys made by approving an app, until the merchant revokes them
_WINDOW_SECONDS = 15 * 60
_NONCES_KEPT = 5000
_OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
_VERBS = {"GET": "view", "POST": "create", "PUT": "edit", "PATCH": "edit", "DELETE": "delete"}


Nonces = collections.deque[str]  # what was signed with lately; a restart forgets it


def no_nonces() -> Nonces:
    """Nothing seen yet; the oldest fall out by themselves."""
    return collections.deque(maxlen=_NONCES_KEPT)


@dataclass(frozen=True)
class _Key:
    secret: str
    may_write: bool


def authenticate(seen: Nonces, store: Store) -> None:
    """Let the request pass or raise its 401."""
    request = flask.request
    key = _over_https(store) if request.scheme == "https" else _by_signature(seen, store)
    if key is None:
        verb = _VERBS.get(request.method, "view")
        raise Refusal(401, f"woocommerce_rest_cannot_{verb}", f"Sorry, you cannot {verb} resources.")
    if not key.may_write and request.method not in ("GET", "HEAD"):
        raise _refused("The API key provided does not have write permissions.")


def _over_https(store: Store) -> _Key | None:
    """Basic, or the keys in the query. An unknown key is the same as none."""
    given = flask.request.authorization
    name, secret = flask.request.args.get("consumer_key", ""), flask.request.args.get("consumer_secret", "")
    if given is not None and given.type == "basic":
        name, secret = given.username or "", given.password or ""
    key = _key(name, store)
    if key is not None and not hmac.compare_digest(secret.encode(), key.secret.encode()):
        raise _refused("Consumer secret is invalid.")
    return key


def _by_signature(seen: Nonces, store: Store) -> _Key | None:
    """OAuth 1.0a without a token. Over http, Basic is not looked at, as if nothing had been sent."""
    args = flask.request.args
    if not any(name in args for name in _OAUTH):
        return None
    if missing := [name for name in _OAUTH if name not in args]:
        raise _refused(f"Missing OAuth parameter {', '.join(missing)}")
    key = _key(args["oauth_consumer_key"], store)
    if key is None:
        raise _refused("Consumer key is invalid.")
    if args["oauth_signature_method"] != "HMAC-SHA256" or not _signature_matches(key.secret):
        raise _refused("Invalid signature - provided signature does not match.")
    _check_once(seen, args["oauth_timestamp"], args["oauth_nonce"])
    return key


def _signature_matches(secret: str) -> bool:
    """The signature over method, address and sorted parameters (RFC 5849, section 3.4.1, with HMAC-SHA256)."""
    request = flask.request
    sent = parse_qsl(request.query_string.decode(), keep_blank_values=True)
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in sent if name != "oauth_signature")
    parameters = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join((request.method, _encoded(request.base_url), quote(parameters, safe="~")))
    expected = base64.b64encode(hmac.digest(f"{secret}&".encode(), text.encode(), "sha256"))
    return hmac.compare_digest(expected, request.args["oauth_signature"].encode())


def _check_once(seen: Nonces, timestamp: str, nonce: str) -> None:
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > _WINDOW_SECONDS:
        raise _refused("Invalid timestamp.")
    if nonce in seen:
        raise _refused("Invalid nonce - nonce has already been used.")
    seen.append(nonce)


def _key(name: str, store: Store) -> _Key | None:
    if name in _KEYS:
        return _Key(*_KEYS[name])
    issued = store.get(ISSUED_KEY, name)
    return _Key(issued["secret"], True) if issued else None


def _encoded(text: str) -> str:
    return quote(text, safe="~")


def _refused(message: str) -> Refusal:
    return Refusal(401, "woocommerce_rest_authentication_error", message)
