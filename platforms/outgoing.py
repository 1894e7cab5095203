"""Sending what a merchant's own systems asked to be told: the same bounded, guarded HTTP as to the shops."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from connector.domain.errors import Rejected
from connector.domain.events import Reply
from platforms.connections import is_public
from platforms.http import Http, retry_after_seconds

_SAID_BYTES = 200
_LONGEST_URL = 500


def check_endpoint(http: Http, url: str) -> str:
    """The address as it is to be called; Rejected where we may not. Names are resolved and checked again at every call."""
    url = url.strip()
    address, _, query = url.partition("?")
    if len(url) > _LONGEST_URL or not url.isprintable() or "#" in query or " " in query:
        raise Rejected(f"{url[:80]!r} is not the address of an endpoint.", "Give it as https://erp.example/hooks.")
    try:
        http.check_address(address)
    except Rejected:
        raise Rejected(
            f"{url[:80]!r} cannot be called.",
            "Give an https address on port 443, as https://erp.example/hooks; under development set ALLOW_PRIVATE_SHOPS=true.",
        ) from None
    if not http.private_allowed and _leads_inside(urlsplit(address).hostname or ""):
        raise Rejected(
            f"{url[:80]!r} is not a public address.",
            "An endpoint is reached over the internet; under development set ALLOW_PRIVATE_SHOPS=true.",
        )
    return url


def _leads_inside(host: str) -> bool:
    try:
        return not is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def post(http: Http, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Send a signed message, byte for byte. A call error where no answer came."""
    said = {**headers, "Content-Type": "application/json"}
    answer = http.call("POST", url, headers=said, data=body)
    beginning = answer.body[:_SAID_BYTES].decode("utf-8", "replace")
    shown = "".join(letter if letter.isprintable() else " " for letter in beginning)
    return Reply(answer.status, shown.strip(), retry_after_seconds(answer.headers))
