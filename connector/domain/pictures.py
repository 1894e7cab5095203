"""Addresses of pictures as a shop's catalogue gives them: what of them may stand on our pages, and where they are fetched from.

A catalogue is written by others. A picture's address leads the browsers of staff somewhere, so only those are kept that can
be nothing but a picture on the internet, or one of the shop itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, urlsplit

LONGEST = 2_000  # characters
MOST_SOURCES = 10  # on one page: they stand in a header, which proxies bound
_LONGEST_HOST = 100
# Every label as DNS has it; the last begins with a letter, so that no spelling of an IP address fits.
_NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")  # stands in a header: nothing that ends a source there
_INSIDE = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_KEPT = "%/:@!$&'()*+,;=~-._"  # of a path; everything else is written as %xx


def address(given: object, shop_address: str = "") -> str:
    """A picture's address as it is kept: of a public host over https, or of the origin at `shop_address`, whatever that is
    (over plain http only a shop under development has it). "" for anything else, whatever it is: a picture is never worth an
    error."""
    if not isinstance(given, str) or len(given) > LONGEST or "\\" in given or not given.strip().isprintable():
        return ""
    try:
        parts = urlsplit(given.strip())
        origin = _origin(parts)
        admitted = origin == _origin(urlsplit(shop_address)) or _is_public(origin)
    except ValueError:  # no port, brackets that do not close, a name that is none
        return ""
    kept = f"{origin}{quote(parts.path or '/', safe=_KEPT)}{'?' * bool(parts.query)}{quote(parts.query, safe=_KEPT + '?')}"
    return kept if origin and admitted and len(kept) <= LONGEST else ""


def sources(addresses: Iterable[str]) -> tuple[str, ...]:
    """The origins (scheme, host, port) of kept addresses, sorted, as a content security policy names them. What is beyond
    MOST_SOURCES is left out: its pictures are not shown."""
    found = {_origin(urlsplit(one)) for one in addresses} - {""}
    return tuple(sorted(found)[:MOST_SOURCES])


def _origin(parts: SplitResult) -> str:
    """Scheme, host and port in one spelling; "" where it is none of ours, or names a user."""
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        return ""
    host, port = parts.hostname.encode("idna").decode().lower(), parts.port
    shown = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(shown):
        return ""
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, {"https": 443, "http": 80}[parts.scheme]) else "")


def _is_public(origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    named = len(host) <= _LONGEST_HOST and _NAME.fullmatch(host) is not None
    return scheme == "https" and named and not host.endswith(_INSIDE)
